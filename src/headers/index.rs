//! The index of a sharded checkpoint: a JSON object whose `weight_map` contains the file of each tensor.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::BuildHasher;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use foldhash::fast::RandomState;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};

use super::json::{Skipped, Text, to_header_error, utf8};
use super::{HeaderError, LFS_POINTER, MAX_HEADER_LEN, open};

/// The largest number of tensors in an index whose entries are shorter than [`MIN_ENTRY_LEN`] on average.
const MAX_SHORT_ENTRIES: usize = 1 << 16;

/// The largest number of files.
const MAX_SHARDS: usize = 4096;

/// The smallest average length of the entries of a larger index, each of which has the names of a tensor and a file. It limits
/// the memory to a small multiple of the length of the text. Real entries have about 90 bytes.
const MIN_ENTRY_LEN: usize = 48;

/// Reads the text of an index file.
pub fn read(path: &Path) -> Result<Vec<u8>, HeaderError> {
    let (file, file_len) = open(path)?;
    if file_len > MAX_HEADER_LEN {
        let message = format!("the index has {file_len} bytes; the limit is {MAX_HEADER_LEN}");
        return Err(HeaderError::invalid(0, message));
    }
    let mut text = Vec::new();
    file.take(MAX_HEADER_LEN).read_to_end(&mut text)?;
    if text.starts_with(LFS_POINTER) {
        return Err(HeaderError::LfsPointer);
    }
    Ok(text)
}

/// The index of a sharded checkpoint. The names of the tensors are borrowed from the text of the file.
#[derive(Debug, Default)]
pub struct Index<'a> {
    /// The files, in the order of their first tensors.
    pub shards: Vec<Shard<'a>>,
}

/// A file of a sharded checkpoint, with the tensors that the index says it contains.
#[derive(Debug)]
pub struct Shard<'a> {
    /// The name of the file.
    pub file: String,
    /// The names of the tensors.
    pub tensors: Vec<Cow<'a, str>>,
}

impl<'a> Index<'a> {
    /// Parses the text of an index file.
    pub fn parse(text: &'a [u8]) -> Result<Self, HeaderError> {
        let mut index = Self::default();
        let mut deserializer = serde_json::Deserializer::from_str(utf8(text, 0)?);
        let max_tensors = MAX_SHORT_ENTRIES.max(text.len() / MIN_ENTRY_LEN);
        let visitor = IndexVisitor {
            index: &mut index,
            max_tensors,
        };
        visitor
            .deserialize(&mut deserializer)
            .and_then(|()| deserializer.end())
            .map_err(|error| to_header_error(&error, text, 0))?;
        Ok(index)
    }

    /// Returns the number of tensors.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.tensors.len()).sum()
    }

    fn contains(&self, tensor: &str) -> bool {
        self.shards
            .iter()
            .any(|shard| shard.tensors.iter().any(|name| name == tensor))
    }
}

/// The tensors that a file should contain, to be compared with those that it contains.
///
/// The table is created when the file is read, and not with the index, so that it is in the processor's cache.
pub struct ExpectedTensors<'a> {
    /// The value is `true` if the tensor has been found.
    is_found: HashMap<&'a str, bool, RandomState>,
}

impl<'a> ExpectedTensors<'a> {
    /// Returns the tensors of a file, none of which has been found.
    pub fn new(shard: &'a Shard<'_>) -> Self {
        Self {
            is_found: shard.tensors.iter().map(|tensor| (&**tensor, false)).collect(),
        }
    }

    /// Marks a tensor as found in the file. Returns `false` if the index does not contain it, and a message if it was found
    /// before.
    pub fn mark_found(&mut self, tensor: &str) -> Result<bool, String> {
        match self.is_found.get_mut(tensor) {
            None => Ok(false),
            Some(true) => Err("this name occurs twice".to_owned()),
            Some(is_found) => {
                *is_found = true;
                Ok(true)
            }
        }
    }

    /// Returns the tensors that have not been found, in order.
    pub fn not_found(self) -> Vec<&'a str> {
        let not_found = self.is_found.into_iter().filter(|(_, is_found)| !is_found);
        let mut names: Vec<_> = not_found.map(|(tensor, _)| tensor).collect();
        names.sort_unstable();
        names
    }
}

/// Returns `true` if a file name in an index stays within the folder of the index.
fn is_within_folder(shard: &str) -> bool {
    let is_separator_or_control = |c: char| c == '\\' || c == ':' || c.is_control();
    let mut components = Path::new(shard).components().peekable();
    components.peek().is_some()
        && components.all(|component| matches!(component, Component::Normal(_)))
        // Only one name for each file, so that no file is read several times.
        && Path::new(shard).components().collect::<PathBuf>().as_os_str() == shard
        && !shard.contains(is_separator_or_control)
}

/// Parses the JSON object of an index.
struct IndexVisitor<'r, 'de> {
    index: &'r mut Index<'de>,
    max_tensors: usize,
}

impl<'de> DeserializeSeed<'de> for IndexVisitor<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for IndexVisitor<'_, 'de> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object with weight_map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let mut has_weight_map = false;
        while let Some(Text(key)) = entries.next_key()? {
            if key != "weight_map" {
                entries.next_value::<Skipped>()?;
            } else if has_weight_map {
                return Err(A::Error::custom("the key \"weight_map\" occurs twice"));
            } else {
                entries.next_value_seed(WeightMapVisitor {
                    index: &mut *self.index,
                    max_tensors: self.max_tensors,
                })?;
                has_weight_map = true;
            }
        }
        if has_weight_map {
            Ok(())
        } else {
            Err(A::Error::missing_field("weight_map"))
        }
    }
}

/// Parses the object that maps each tensor to its file.
struct WeightMapVisitor<'r, 'de> {
    index: &'r mut Index<'de>,
    max_tensors: usize,
}

impl<'de> DeserializeSeed<'de> for WeightMapVisitor<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for WeightMapVisitor<'_, 'de> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object with the file of each tensor")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let Self { index, max_tensors } = self;
        let mut shard_indices: HashMap<String, usize> = HashMap::new();
        // The hashes of all names. A table of the names would not fit into the cache.
        let mut hashes: HashSet<u64, RandomState> = HashSet::default();
        let state = RandomState::default();
        let mut last = None;
        while let Some((Text(tensor), Text(file))) = entries.next_entry()? {
            if hashes.len() == max_tensors {
                return Err(A::Error::custom(format!(
                    "the index has more than {max_tensors} tensors, which is too many for its length"
                )));
            }
            if !hashes.insert(state.hash_one(&*tensor)) && index.contains(&tensor) {
                return Err(A::Error::custom(format!("the tensor {tensor:?} occurs twice")));
            }
            // Most tensors are in the same file as the previous one.
            let same = last.filter(|&number: &usize| index.shards[number].file == file);
            let number = if let Some(number) = same.or_else(|| shard_indices.get(&*file).copied()) {
                number
            } else {
                if !is_within_folder(&file) {
                    let message = format!("the file name {file:?} is not within the folder of the index");
                    return Err(A::Error::custom(message));
                }
                if index.shards.len() == MAX_SHARDS {
                    return Err(A::Error::custom(format!("the index has more than {MAX_SHARDS} files")));
                }
                shard_indices.insert(file.to_string(), index.shards.len());
                index.shards.push(Shard {
                    file: file.into_owned(),
                    tensors: Vec::new(),
                });
                index.shards.len() - 1
            };
            last = Some(number);
            index.shards[number].tensors.push(tensor);
        }
        Ok(())
    }
}
