//! The safetensors format: eight bytes with the length of the header, a JSON object with the name, dtype, shape and offsets of
//! each tensor, and the data.
//!
//! The number of bytes of a tensor is the difference of its offsets, so that dtypes need not be known.

use std::borrow::Cow;
use std::fmt;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::json::{Skipped, Text, to_header_error, utf8};
use super::{HeaderError, LFS_POINTER, MAX_HEADER_LEN, Tensor, open};

/// The number of bytes before the header, which contain its length.
const LENGTH_LEN: u64 = 8;

/// Reads the header of a file and passes each tensor to `visit`. An error of `visit` is the message of an error at the current
/// position. It is up to `visit` to refuse a name that occurs twice.
pub fn read(path: &Path, visit: impl FnMut(Tensor<'_>) -> Result<(), String>) -> Result<(), HeaderError> {
    let (mut file, file_len) = open(path)?;
    if file_len < LENGTH_LEN {
        let message = format!("the file has only {file_len} bytes, less than the length of a header");
        return Err(HeaderError::invalid(0, message));
    }
    let mut length = [0; 8];
    file.read_exact(&mut length)?;
    if LFS_POINTER.starts_with(&length) {
        return Err(HeaderError::LfsPointer);
    }
    let header_len = u64::from_le_bytes(length);
    if header_len > MAX_HEADER_LEN {
        let message = format!("the header is said to have {header_len} bytes; the limit is {MAX_HEADER_LEN}");
        return Err(HeaderError::invalid(0, message));
    }
    let Some(data_len) = (file_len - LENGTH_LEN).checked_sub(header_len) else {
        let message = format!("the header is said to have {header_len} bytes, but the file has only {file_len}");
        return Err(HeaderError::invalid(0, message));
    };
    let mut header = Vec::new();
    file.take(header_len).read_to_end(&mut header)?;
    if header.len() as u64 != header_len {
        return Err(HeaderError::invalid(
            LENGTH_LEN,
            "the file was truncated while it was read",
        ));
    }
    parse(&header, data_len, visit)
}

/// Parses a header of a file with `data_len` bytes of data, as [`read`] does.
pub fn parse(
    header: &[u8],
    data_len: u64,
    visit: impl FnMut(Tensor<'_>) -> Result<(), String>,
) -> Result<(), HeaderError> {
    if header.first() != Some(&b'{') {
        return Err(HeaderError::invalid(LENGTH_LEN, "the header does not begin with '{'"));
    }
    let text = utf8(header, LENGTH_LEN)?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let mut ranges = Vec::new();
    let parser = HeaderParser {
        ranges: &mut ranges,
        visit,
    };
    parser
        .deserialize(&mut deserializer)
        .and_then(|()| deserializer.end())
        .map_err(|error| to_header_error(&error, header, LENGTH_LEN))?;
    check_ranges(&mut ranges, data_len, LENGTH_LEN + header.len() as u64)
}

/// Checks that the ranges of the tensors in the data follow each other from the first byte to the last one. `data_start` is
/// the position of the data in the file.
fn check_ranges(ranges: &mut [(u64, u64)], data_len: u64, data_start: u64) -> Result<(), HeaderError> {
    ranges.sort_unstable();
    let mut position = 0;
    for &(start, end) in &*ranges {
        if start != position {
            let problem = if start < position { "overlap" } else { "leave a gap" };
            let message = format!(
                "the offsets of two tensors {problem}: one ends at {position} and the next one starts at {start}"
            );
            return Err(HeaderError::invalid(data_start.saturating_add(position), message));
        }
        position = end;
    }
    if position != data_len {
        let problem = if position > data_len {
            "the file is incomplete"
        } else {
            "the file is too long"
        };
        let message =
            format!("{problem}: the last tensor ends at {position}, but the file contains {data_len} bytes of data");
        return Err(HeaderError::invalid(
            data_start.saturating_add(position.min(data_len)),
            message,
        ));
    }
    Ok(())
}

/// Parses the JSON object of a header, whose keys are the names of the tensors.
struct HeaderParser<'r, F> {
    ranges: &'r mut Vec<(u64, u64)>,
    visit: F,
}

impl<'de, F: FnMut(Tensor<'_>) -> Result<(), String>> DeserializeSeed<'de> for HeaderParser<'_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, F: FnMut(Tensor<'_>) -> Result<(), String>> Visitor<'de> for HeaderParser<'_, F> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object with the tensors")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<(), A::Error> {
        while let Some(Text(name)) = entries.next_key()? {
            if name == "__metadata__" {
                entries.next_value::<Skipped>()?;
            } else {
                let TensorInfo { dtype, data_offsets } = entries.next_value()?;
                let (start, end) = data_offsets;
                let Some(bytes) = end.checked_sub(start) else {
                    return Err(A::Error::custom(format!(
                        "the offsets of {name:?} descend: {start}, {end}"
                    )));
                };
                (self.visit)(Tensor {
                    name: &name,
                    dtype: &dtype,
                    bytes,
                })
                .map_err(A::Error::custom)?;
                self.ranges.push((start, end));
            }
        }
        Ok(())
    }
}

/// The description of a tensor. Unknown fields are ignored.
struct TensorInfo<'a> {
    dtype: Cow<'a, str>,
    data_offsets: (u64, u64),
}

impl<'de> Deserialize<'de> for TensorInfo<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TensorInfoVisitor)
    }
}

struct TensorInfoVisitor;

impl<'de> Visitor<'de> for TensorInfoVisitor {
    type Value = TensorInfo<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object with dtype, shape and data_offsets")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<TensorInfo<'de>, A::Error> {
        let (mut dtype, mut shape, mut data_offsets) = (None, None, None);
        while let Some(Text(field)) = entries.next_key()? {
            let is_duplicate = match &*field {
                "dtype" => dtype.replace(entries.next_value::<Text<'_>>()?.0).is_some(),
                "shape" => shape.replace(entries.next_value::<Shape>()?).is_some(),
                "data_offsets" => data_offsets.replace(entries.next_value()?).is_some(),
                _ => {
                    entries.next_value::<Skipped>()?;
                    false
                }
            };
            if is_duplicate {
                return Err(A::Error::custom(format!("the field {field:?} occurs twice")));
            }
        }
        let missing = |field| A::Error::missing_field(field);
        shape.ok_or_else(|| missing("shape"))?;
        Ok(TensorInfo {
            dtype: dtype.ok_or_else(|| missing("dtype"))?,
            data_offsets: data_offsets.ok_or_else(|| missing("data_offsets"))?,
        })
    }
}

/// A list of dimensions, which is checked but not stored.
struct Shape;

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ShapeVisitor)
    }
}

struct ShapeVisitor;

impl<'de> Visitor<'de> for ShapeVisitor {
    type Value = Shape;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of dimensions")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Shape, A::Error> {
        while items.next_element::<u64>()?.is_some() {}
        Ok(Shape)
    }
}
