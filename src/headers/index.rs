//! The index of a sharded checkpoint: a JSON object whose `weight_map` contains the file of each tensor.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
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
    /// For each tensor, the position of its file in `shards`.
    shard_of_tensor: HashMap<Cow<'a, str>, u32>,
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
        self.shard_of_tensor.len()
    }

    /// Removes a tensor that was found in a file. Returns `false` if the index does not contain it in that file.
    pub fn remove(&mut self, tensor: &str, shard: usize) -> bool {
        let is_listed = self
            .shard_of_tensor
            .get(tensor)
            .is_some_and(|&index| index as usize == shard);
        is_listed && self.shard_of_tensor.remove(tensor).is_some()
    }

    /// Yields the tensors that have not been removed, each with its file.
    pub fn remaining(&self) -> impl Iterator<Item = (&str, &str)> {
        self.shard_of_tensor
            .iter()
            .map(|(tensor, &shard)| (&**tensor, self.shards[shard as usize].as_str()))
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
        let Self(Index {
            shards,
            shard_of_tensor,
        }) = self;
        let mut indices: HashMap<String, u32> = HashMap::new();
        while let Some((Text(tensor), Text(shard))) = entries.next_entry()? {
            let index = if let Some(&index) = indices.get(&*shard) {
                index
            } else {
                if !is_within_folder(&shard) {
                    let message = format!("the file name {shard:?} is not within the folder of the index");
                    return Err(A::Error::custom(message));
                }
                let index = u32::try_from(shards.len()).map_err(A::Error::custom)?;
                shards.push(shard.to_string());
                indices.insert(shard.into_owned(), index);
                index
            };
            if shard_of_tensor.len() == MAX_TENSORS {
                return Err(A::Error::custom(format!(
                    "the index has more than {MAX_TENSORS} tensors"
                )));
            }
            match shard_of_tensor.entry(tensor) {
                Entry::Vacant(entry) => entry.insert(index),
                Entry::Occupied(entry) => {
                    return Err(A::Error::custom(format!("the tensor {:?} occurs twice", entry.key())));
                }
            };
        }
        Ok(())
    }
}
