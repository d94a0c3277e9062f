//! The GGUF format: metadata as pairs of a key and a typed value, the name, dimensions, type and offset of each tensor, and the
//! data.
//!
//! The numbers of bytes come from a table of types and are compared with the offsets. The bytes of a tensor of an unknown type
//! are the distance to the next offset, which includes the padding.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use super::{HeaderError, LFS_POINTER, MAX_HEADER_LEN, Tensor, open};

/// The largest number of dimensions of a tensor.
const MAX_DIMENSIONS: u32 = 4;

/// The alignment of the data, unless `general.alignment` is given.
const DEFAULT_ALIGNMENT: u64 = 32;

/// The largest number of elements of an array that is stored. Longer arrays, such as those of the tokenizer, are skipped.
const MAX_STORED_ELEMENTS: u64 = 4096;

/// The largest number of elements of all arrays that are stored.
const MAX_ALL_STORED_ELEMENTS: u64 = 1 << 16;

/// The largest length of a string that is stored. Longer strings are skipped.
const MAX_STORED_STRING: u64 = 4096;

/// The largest number of metadata values that are stored.
const MAX_STORED_VALUES: usize = 4096;

/// The types of tensors: the number, the name, the number of elements in a block of the type, and the bytes of a block.
/// From `GGML_QUANT_SIZES` of the gguf Python package.
const TYPES: [(u32, &str, u64, u64); 34] = [
    (0, "F32", 1, 4),
    (1, "F16", 1, 2),
    (2, "Q4_0", 32, 18),
    (3, "Q4_1", 32, 20),
    (6, "Q5_0", 32, 22),
    (7, "Q5_1", 32, 24),
    (8, "Q8_0", 32, 34),
    (9, "Q8_1", 32, 40),
    (10, "Q2_K", 256, 84),
    (11, "Q3_K", 256, 110),
    (12, "Q4_K", 256, 144),
    (13, "Q5_K", 256, 176),
    (14, "Q6_K", 256, 210),
    (15, "Q8_K", 256, 292),
    (16, "IQ2_XXS", 256, 66),
    (17, "IQ2_XS", 256, 74),
    (18, "IQ3_XXS", 256, 98),
    (19, "IQ1_S", 256, 50),
    (20, "IQ4_NL", 32, 18),
    (21, "IQ3_S", 256, 110),
    (22, "IQ2_S", 256, 82),
    (23, "IQ4_XS", 256, 136),
    (24, "I8", 1, 1),
    (25, "I16", 1, 2),
    (26, "I32", 1, 4),
    (27, "I64", 1, 8),
    (28, "F64", 1, 8),
    (29, "IQ1_M", 256, 56),
    (30, "BF16", 1, 2),
    (34, "TQ1_0", 256, 54),
    (35, "TQ2_0", 256, 66),
    (39, "MXFP4", 32, 17),
    (40, "NVFP4", 64, 36),
    (41, "Q1_0", 128, 18),
];

/// A value of the metadata.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// An unsigned integer.
    Unsigned(u64),
    /// A signed integer.
    Signed(i64),
    /// A float.
    Float(f64),
    /// A bool.
    Bool(bool),
    /// A string.
    String(String),
    /// An array of numbers or bools.
    Array(Vec<Value>),
}

/// The metadata of a file: the scalars and the short arrays of numbers, in the order of the file.
pub type Metadata = Vec<(String, Value)>;

/// Reads the header of a file, and passes each tensor to `visit`. An error of `visit` is the message of an error at the current
/// position.
pub fn read(path: &Path, visit: impl FnMut(Tensor<'_>) -> Result<(), String>) -> Result<Metadata, HeaderError> {
    let (file, file_len) = open(path)?;
    parse(BufReader::with_capacity(1 << 16, file), file_len, visit)
}

/// Parses the header of a file of `file_len` bytes, as [`read`] does.
pub fn parse(
    input: impl BufRead,
    file_len: u64,
    mut visit: impl FnMut(Tensor<'_>) -> Result<(), String>,
) -> Result<Metadata, HeaderError> {
    let mut reader = Reader {
        input,
        position: 0,
        limit: file_len.min(MAX_HEADER_LEN),
        file_len,
        num_stored_elements: 0,
    };
    let (num_tensors, num_values) = reader.preamble()?;
    let metadata = reader.metadata(num_values)?;
    let alignment = alignment(&metadata).map_err(|message| reader.error(message))?;
    reader.tensors(num_tensors, alignment, &mut visit)?;
    Ok(metadata)
}

/// Returns the alignment of the data, a power of two.
fn alignment(metadata: &Metadata) -> Result<u64, String> {
    match metadata.iter().find(|(key, _)| key == "general.alignment") {
        None => Ok(DEFAULT_ALIGNMENT),
        Some((_, Value::Unsigned(alignment))) if alignment.is_power_of_two() => Ok(*alignment),
        Some((_, value)) => Err(format!("general.alignment must be a power of two, got {value:?}")),
    }
}

/// The smallest number of bytes of a tensor's description: the length of its name, the number of dimensions, the type and the
/// offset.
const MIN_TENSOR_LEN: u64 = 8 + 4 + 4 + 8;

/// The smallest number of bytes of a metadata value: the length of its key, its type and one byte.
const MIN_VALUE_LEN: u64 = 8 + 4 + 1;

/// The description of a tensor.
struct TensorInfo {
    name: String,
    /// The number of the type.
    type_id: u32,
    /// The bytes of the tensor, or `None` if the type is unknown.
    bytes: Option<u64>,
    offset: u64,
}

/// Reads values of the header, and counts the bytes.
struct Reader<R> {
    input: R,
    /// The position in the file.
    position: u64,
    /// The position at which the header must have ended.
    limit: u64,
    file_len: u64,
    /// The number of elements of the arrays that are stored.
    num_stored_elements: u64,
}

impl<R: BufRead> Reader<R> {
    /// Returns an error at the current position.
    fn error(&self, message: impl Into<String>) -> HeaderError {
        HeaderError::invalid(self.position, message)
    }

    /// Checks that `len` more bytes can belong to the header.
    fn check_remaining(&self, len: u64, what: &str) -> Result<(), HeaderError> {
        if len <= self.limit - self.position {
            return Ok(());
        }
        let end = if self.limit == self.file_len {
            "the file"
        } else {
            "the largest possible header"
        };
        Err(self.error(format!("{what} would extend beyond the end of {end} at {}", self.limit)))
    }

    /// Checks that `count` items of at least `min_len` bytes each can belong to the header.
    fn check_count(&self, count: u64, min_len: u64, what: &str) -> Result<(), HeaderError> {
        self.check_remaining(count.saturating_mul(min_len), &format!("{count} {what}"))
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], HeaderError> {
        self.check_remaining(N as u64, "a value")?;
        let mut bytes = [0; N];
        self.input.read_exact(&mut bytes)?;
        self.position += N as u64;
        Ok(bytes)
    }

    fn u32(&mut self) -> Result<u32, HeaderError> {
        Ok(u32::from_le_bytes(self.bytes()?))
    }

    fn u64(&mut self) -> Result<u64, HeaderError> {
        Ok(u64::from_le_bytes(self.bytes()?))
    }

    /// Skips bytes, which must have been checked by [`Self::check_remaining`].
    fn skip(&mut self, len: u64) -> Result<(), HeaderError> {
        let mut remaining = len;
        while remaining > 0 {
            let available = self.input.fill_buf()?.len();
            if available == 0 {
                return Err(self.error("the file was truncated while it was read"));
            }
            let skipped = usize::try_from(remaining).map_or(available, |remaining| remaining.min(available));
            self.input.consume(skipped);
            remaining -= skipped as u64;
        }
        self.position += len;
        Ok(())
    }

    /// Reads the length of a string, and checks that the string fits.
    fn string_len(&mut self) -> Result<u64, HeaderError> {
        let len = self.u64()?;
        self.check_remaining(len, "a string")?;
        Ok(len)
    }

    fn string(&mut self) -> Result<String, HeaderError> {
        let len = self.string_len()?;
        self.string_of(len)
    }

    /// Reads the bytes of a string, which must have been checked by [`Self::check_remaining`].
    fn string_of(&mut self, len: u64) -> Result<String, HeaderError> {
        let mut bytes = Vec::new();
        self.input.by_ref().take(len).read_to_end(&mut bytes)?;
        let string = String::from_utf8(bytes).map_err(|_| self.error("a string is not valid UTF-8"))?;
        self.position += len;
        Ok(string)
    }

    /// Reads the start of the file. Returns the numbers of tensors and of metadata values.
    fn preamble(&mut self) -> Result<(u64, u64), HeaderError> {
        let magic: [u8; 4] = self.bytes()?;
        if LFS_POINTER.starts_with(&magic) {
            return Err(HeaderError::LfsPointer);
        }
        if &magic != b"GGUF" {
            return Err(HeaderError::invalid(0, "the file does not begin with \"GGUF\""));
        }
        match self.u32()? {
            2 | 3 => {}
            version if version.trailing_zeros() >= 16 => {
                return Err(HeaderError::invalid(
                    4,
                    "the file is big-endian, which is not supported",
                ));
            }
            version => {
                let message = format!("version {version} of GGUF is not supported, only versions 2 and 3");
                return Err(HeaderError::invalid(4, message));
            }
        }
        let (num_tensors, num_values) = (self.u64()?, self.u64()?);
        self.check_count(num_tensors, MIN_TENSOR_LEN, "tensors")?;
        self.check_count(num_values, MIN_VALUE_LEN, "metadata values")?;
        Ok((num_tensors, num_values))
    }

    /// Reads the metadata.
    fn metadata(&mut self, num_values: u64) -> Result<Metadata, HeaderError> {
        let mut metadata = Metadata::new();
        let mut keys = HashSet::new();
        for _ in 0..num_values {
            let start = self.position;
            let key = self.string()?;
            let value_type = self.u32()?;
            let value = self.value(value_type, &key)?;
            if !keys.insert(key.clone()) {
                return Err(HeaderError::invalid(start, format!("the key {key:?} occurs twice")));
            }
            if let Some(value) = value
                && metadata.len() < MAX_STORED_VALUES
            {
                metadata.push((key, value));
            }
        }
        Ok(metadata)
    }

    /// Reads a value. Returns `None` if the value is skipped.
    fn value(&mut self, value_type: u32, key: &str) -> Result<Option<Value>, HeaderError> {
        match value_type {
            STRING => {
                let len = self.string_len()?;
                if len > MAX_STORED_STRING {
                    self.skip(len)?;
                    return Ok(None);
                }
                self.string_of(len).map(|string| Some(Value::String(string)))
            }
            ARRAY => self.array(key),
            _ => self.scalar(value_type).map(Some),
        }
    }

    /// Reads an array. Returns `None` if the array is skipped.
    fn array(&mut self, key: &str) -> Result<Option<Value>, HeaderError> {
        let (item_type, len) = (self.u32()?, self.u64()?);
        match item_type {
            ARRAY => return Err(self.error(format!("the value of {key:?} is an array of arrays"))),
            STRING => {
                self.check_count(len, 8, "strings")?;
                for _ in 0..len {
                    let string_len = self.string_len()?;
                    self.skip(string_len)?;
                }
                return Ok(None);
            }
            _ => {}
        }
        let Some(item_len) = scalar_len(item_type) else {
            return Err(self.error(format!("the type {item_type} of a metadata value is not known")));
        };
        self.check_count(len, item_len, "array elements")?;
        let num_stored = self.num_stored_elements.saturating_add(len);
        if len > MAX_STORED_ELEMENTS || num_stored > MAX_ALL_STORED_ELEMENTS || key.starts_with("tokenizer.") {
            self.skip(len * item_len)?;
            return Ok(None);
        }
        self.num_stored_elements = num_stored;
        let values = (0..len).map(|_| self.scalar(item_type)).collect::<Result<_, _>>()?;
        Ok(Some(Value::Array(values)))
    }

    /// Reads a number or a bool.
    fn scalar(&mut self, value_type: u32) -> Result<Value, HeaderError> {
        Ok(match value_type {
            UINT8 => Value::Unsigned(self.bytes::<1>()?[0].into()),
            INT8 => Value::Signed(i8::from_le_bytes(self.bytes()?).into()),
            UINT16 => Value::Unsigned(u16::from_le_bytes(self.bytes()?).into()),
            INT16 => Value::Signed(i16::from_le_bytes(self.bytes()?).into()),
            UINT32 => Value::Unsigned(self.u32()?.into()),
            INT32 => Value::Signed(i32::from_le_bytes(self.bytes()?).into()),
            FLOAT32 => Value::Float(f32::from_le_bytes(self.bytes()?).into()),
            BOOL => Value::Bool(self.bytes::<1>()?[0] != 0),
            UINT64 => Value::Unsigned(self.u64()?),
            INT64 => Value::Signed(i64::from_le_bytes(self.bytes()?)),
            FLOAT64 => Value::Float(f64::from_le_bytes(self.bytes()?)),
            _ => return Err(self.error(format!("the type {value_type} of a metadata value is not known"))),
        })
    }

    /// Reads the descriptions of the tensors and passes each tensor to `visit`.
    ///
    /// As in ggml, the tensors must be in the order of their offsets, and each offset must be the end of the previous tensor,
    /// rounded up to the alignment.
    fn tensors(
        &mut self,
        num_tensors: u64,
        alignment: u64,
        visit: &mut impl FnMut(Tensor<'_>) -> Result<(), String>,
    ) -> Result<(), HeaderError> {
        let mut names = HashSet::new();
        let mut previous: Option<TensorInfo> = None;
        for _ in 0..num_tensors {
            let start = self.position;
            let tensor = self.tensor()?;
            let expected_offset = match &previous {
                None => Some(0),
                Some(previous) => self.finish_tensor(previous, tensor.offset, alignment, visit)?,
            };
            if let Some(expected) = expected_offset
                && tensor.offset != expected
            {
                let message = format!(
                    "the data of {:?} starts at {}, expected {expected}",
                    tensor.name, tensor.offset
                );
                return Err(HeaderError::invalid(start, message));
            }
            if !names.insert(tensor.name.clone().into_boxed_str()) {
                return Err(HeaderError::invalid(
                    start,
                    format!("the name {:?} occurs twice", tensor.name),
                ));
            }
            previous = Some(tensor);
        }
        let Some(last) = previous else { return Ok(()) };
        let data_start = self.position.next_multiple_of(alignment);
        let Some(data_len) = self.file_len.checked_sub(data_start) else {
            return Err(self.error(format!("the file ends at {}, before the data", self.file_len)));
        };
        let padded_end = self.finish_tensor(&last, data_len, alignment, visit)?;
        let end = last.bytes.and_then(|bytes| last.offset.checked_add(bytes));
        if let (Some(end), Some(padded_end)) = (end, padded_end)
            && !(end..=padded_end).contains(&data_len)
        {
            let message =
                format!("the last tensor ends at {end} of the data, but the file contains {data_len} bytes of data");
            return Err(HeaderError::invalid(data_start, message));
        }
        Ok(())
    }

    /// Passes a tensor to `visit`. `next_offset` is the offset of the next tensor, or the length of the data. Returns the
    /// offset at which the next tensor must start, or `None` if the type is unknown.
    fn finish_tensor(
        &self,
        tensor: &TensorInfo,
        next_offset: u64,
        alignment: u64,
        visit: &mut impl FnMut(Tensor<'_>) -> Result<(), String>,
    ) -> Result<Option<u64>, HeaderError> {
        let error = |problem: &str| self.error(format!("the data of {:?} {problem}", tensor.name));
        let mut visit = |dtype: &str, bytes| {
            let name = &tensor.name;
            visit(Tensor { name, dtype, bytes }).map_err(|message| self.error(message))
        };
        if let (Some((_, dtype, _, _)), Some(bytes)) = (find_type(tensor.type_id), tensor.bytes) {
            visit(dtype, bytes)?;
            let end = tensor.offset.checked_add(bytes);
            let padded_end = end.and_then(|end| end.checked_next_multiple_of(alignment));
            return padded_end.map(Some).ok_or_else(|| error("ends beyond 2**64 bytes"));
        }
        let bytes = next_offset.checked_sub(tensor.offset);
        let bytes = bytes.ok_or_else(|| error("starts after that of the next tensor"))?;
        visit(&format!("type {}", tensor.type_id), bytes)?;
        Ok(None)
    }

    /// Reads the description of a tensor.
    fn tensor(&mut self) -> Result<TensorInfo, HeaderError> {
        let name = self.string()?;
        let num_dimensions = self.u32()?;
        if num_dimensions > MAX_DIMENSIONS {
            let message = format!("{name:?} has {num_dimensions} dimensions; the limit is {MAX_DIMENSIONS}");
            return Err(self.error(message));
        }
        let mut num_elements = Some(1_u64);
        let mut row_len = 1;
        for dimension in 0..num_dimensions {
            let len = self.u64()?;
            if dimension == 0 {
                row_len = len;
            }
            num_elements = num_elements.and_then(|product| product.checked_mul(len));
        }
        let (type_id, offset) = (self.u32()?, self.u64()?);
        let bytes = match find_type(type_id) {
            None => None,
            Some((_, type_name, block_len, block_bytes)) => {
                if row_len % block_len != 0 {
                    let message =
                        format!("{name:?} has rows of {row_len} elements, which {type_name} cannot represent");
                    return Err(self.error(message));
                }
                let bytes = num_elements.and_then(|elements| (elements / block_len).checked_mul(*block_bytes));
                Some(bytes.ok_or_else(|| self.error(format!("{name:?} has more than 2**64 bytes")))?)
            }
        };
        Ok(TensorInfo {
            name,
            type_id,
            bytes,
            offset,
        })
    }
}

/// Returns the entry of a type in [`TYPES`].
fn find_type(type_id: u32) -> Option<&'static (u32, &'static str, u64, u64)> {
    TYPES
        .binary_search_by_key(&type_id, |entry| entry.0)
        .ok()
        .map(|index| &TYPES[index])
}

/// The types of metadata values.
const UINT8: u32 = 0;
const INT8: u32 = 1;
const UINT16: u32 = 2;
const INT16: u32 = 3;
const UINT32: u32 = 4;
const INT32: u32 = 5;
const FLOAT32: u32 = 6;
const BOOL: u32 = 7;
const STRING: u32 = 8;
const ARRAY: u32 = 9;
const UINT64: u32 = 10;
const INT64: u32 = 11;
const FLOAT64: u32 = 12;

/// Returns the number of bytes of a number or bool, or `None` for other types.
fn scalar_len(value_type: u32) -> Option<u64> {
    match value_type {
        UINT8 | INT8 | BOOL => Some(1),
        UINT16 | INT16 => Some(2),
        UINT32 | INT32 | FLOAT32 => Some(4),
        UINT64 | INT64 | FLOAT64 => Some(8),
        _ => None,
    }
}
