//! The index of a sharded checkpoint: a JSON object whose `weight_map` contains the file of each tensor.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map;
use std::fmt;
use std::io::Read;
use std::path::{Component, Path};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};

use super::json::{Skipped, Text, to_header_error};
use super::{HeaderError, LFS_POINTER, MAX_HEADER_LEN, open};

/// The largest number of tensors in an index. The limit bounds the memory; the largest checkpoints have some hundred thousand.
const MAX_TENSORS: usize = 1 << 20;

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
    /// The names of the files, in the order of their first tensors.
    pub shards: Vec<String>,
    tensors: HashMap<Cow<'a, str>, Entry>,
}

/// What an index says about a tensor.
#[derive(Debug)]
struct Entry {
    /// The position of the tensor's file in [`Index::shards`].
    shard: u32,
    /// Whether the tensor was found in that file.
    is_found: bool,
}

impl<'a> Index<'a> {
    /// Parses the text of an index file.
    pub fn parse(text: &'a [u8]) -> Result<Self, HeaderError> {
        let mut index = Self::default();
        let mut deserializer = serde_json::Deserializer::from_slice(text);
        IndexVisitor(&mut index)
            .deserialize(&mut deserializer)
            .and_then(|()| deserializer.end())
            .map_err(|error| to_header_error(&error, text, 0))?;
        Ok(index)
    }

    /// Returns the number of tensors.
    pub fn len(&self) -> usize {
        self.tensors.len()
    }

    /// Marks a tensor as found in a file. Returns `false` if the index does not contain it in that file, and a message if it
    /// was found before.
    pub fn mark_found(&mut self, tensor: &str, shard: usize) -> Result<bool, String> {
        match self.tensors.get_mut(tensor) {
            Some(entry) if entry.shard as usize == shard => {
                if std::mem::replace(&mut entry.is_found, true) {
                    return Err("this name occurs twice".to_owned());
                }
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Yields the tensors that were not found, each with its file.
    pub fn not_found(&self) -> impl Iterator<Item = (&str, &str)> {
        let not_found = self.tensors.iter().filter(|(_, entry)| !entry.is_found);
        not_found.map(|(tensor, entry)| (&**tensor, self.shards[entry.shard as usize].as_str()))
    }
}

/// Returns `true` if a file name in an index stays within the folder of the index.
fn is_within_folder(shard: &str) -> bool {
    let is_separator_or_control = |c: char| c == '\\' || c == ':' || c.is_control();
    let mut components = Path::new(shard).components().peekable();
    components.peek().is_some()
        && components.all(|component| matches!(component, Component::Normal(_)))
        && !shard.contains(is_separator_or_control)
}

/// Parses the JSON object of an index.
struct IndexVisitor<'r, 'de>(&'r mut Index<'de>);

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
                entries.next_value_seed(WeightMapVisitor(self.0))?;
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
struct WeightMapVisitor<'r, 'de>(&'r mut Index<'de>);

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
        let Self(Index { shards, tensors }) = self;
        let mut indices: HashMap<String, u32> = HashMap::new();
        // The file of the last tensor. Most tensors have the same file as the last one.
        let mut last: (Cow<'de, str>, u32) = (Cow::Borrowed(""), 0);
        while let Some((Text(tensor), Text(shard))) = entries.next_entry()? {
            let index = if shard == last.0 && !shards.is_empty() {
                last.1
            } else if let Some(&index) = indices.get(&*shard) {
                index
            } else {
                if !is_within_folder(&shard) {
                    let message = format!("the file name {shard:?} is not within the folder of the index");
                    return Err(A::Error::custom(message));
                }
                let index = u32::try_from(shards.len()).map_err(A::Error::custom)?;
                shards.push(shard.to_string());
                indices.insert(shard.to_string(), index);
                index
            };
            last = (shard, index);
            if tensors.len() == MAX_TENSORS {
                return Err(A::Error::custom(format!(
                    "the index has more than {MAX_TENSORS} tensors"
                )));
            }
            match tensors.entry(tensor) {
                hash_map::Entry::Vacant(entry) => entry.insert(Entry {
                    shard: index,
                    is_found: false,
                }),
                hash_map::Entry::Occupied(entry) => {
                    return Err(A::Error::custom(format!("the tensor {:?} occurs twice", entry.key())));
                }
            };
        }
        Ok(())
    }
}
