use std::io::Cursor;

use proptest::collection::{hash_map, vec};
use proptest::prelude::*;

use super::{OwnedTensor, collect, message};
use crate::headers::HeaderError;
use crate::headers::gguf::{Metadata, Value, parse};

/// A file that is created for a test.
struct File {
    bytes: Vec<u8>,
    num_tensors: u64,
    num_values: u64,
    /// The end of the data of the last tensor.
    data_end: u64,
}

impl File {
    fn new() -> Self {
        let mut bytes = b"GGUF\x03\0\0\0".to_vec();
        bytes.extend([0; 16]);
        Self {
            bytes,
            num_tensors: 0,
            num_values: 0,
            data_end: 0,
        }
    }

    fn string(&mut self, string: &str) {
        self.bytes.extend((string.len() as u64).to_le_bytes());
        self.bytes.extend(string.as_bytes());
    }

    /// Adds a metadata value, given by its type and its bytes.
    fn value(mut self, key: &str, value_type: u32, bytes: &[u8]) -> Self {
        self.string(key);
        self.bytes.extend(value_type.to_le_bytes());
        self.bytes.extend(bytes);
        self.num_values += 1;
        self
    }

    fn string_value(mut self, key: &str, value: &str) -> Self {
        self = self.value(key, 8, &[]);
        self.string(value);
        self
    }

    fn array_value(self, key: &str, item_type: u32, len: u64, items: &[u8]) -> Self {
        let mut bytes = item_type.to_le_bytes().to_vec();
        bytes.extend(len.to_le_bytes());
        bytes.extend(items);
        self.value(key, 9, &bytes)
    }

    /// Adds a tensor at an offset.
    fn tensor_at(mut self, name: &str, dimensions: &[u64], type_id: u32, offset: u64) -> Self {
        self.string(name);
        self.bytes
            .extend(u32::try_from(dimensions.len()).unwrap_or(0).to_le_bytes());
        for dimension in dimensions {
            self.bytes.extend(dimension.to_le_bytes());
        }
        self.bytes.extend(type_id.to_le_bytes());
        self.bytes.extend(offset.to_le_bytes());
        self.num_tensors += 1;
        self
    }

    /// Adds a tensor of `bytes` bytes after the previous one.
    fn tensor(mut self, name: &str, dimensions: &[u64], type_id: u32, bytes: u64) -> Self {
        let offset = self.data_end.next_multiple_of(32);
        self.data_end = offset + bytes;
        self.tensor_at(name, dimensions, type_id, offset)
    }

    /// Returns the header, and the length of the file with the data.
    fn finish(mut self) -> (Vec<u8>, u64) {
        self.bytes[8..16].copy_from_slice(&self.num_tensors.to_le_bytes());
        self.bytes[16..24].copy_from_slice(&self.num_values.to_le_bytes());
        let data_start = (self.bytes.len() as u64).next_multiple_of(32);
        let file_len = data_start + self.data_end;
        (self.bytes, file_len)
    }

    fn parse(self) -> Result<(Metadata, Vec<OwnedTensor>), HeaderError> {
        let (bytes, file_len) = self.finish();
        let mut tensors = Vec::new();
        let metadata = parse(Cursor::new(&bytes), file_len, collect(&mut tensors))?;
        Ok((metadata, tensors))
    }
}

/// Returns a file with values and tensors of several types.
fn example() -> File {
    File::new()
        .string_value("general.architecture", "llama")
        .value("llama.block_count", 4, &2_u32.to_le_bytes())
        .value("general.flag", 7, &[1])
        .array_value(
            "tokenizer.ggml.tokens",
            8,
            2,
            b"\x01\0\0\0\0\0\0\0a\x02\0\0\0\0\0\0\0bc",
        )
        .array_value("llama.attention.head_count_kv", 5, 2, &[8, 0, 0, 0, 4, 0, 0, 0])
        .array_value("tokenizer.ggml.scores", 6, 1, &[0; 4])
        .tensor("token_embd.weight", &[256, 3], 14, 630)
        .tensor("blk.0.attn_norm.weight", &[256], 0, 1024)
        .tensor("blk.0.ffn_up.weight", &[256, 2], 99, 77)
        .tensor("output.weight", &[32, 5], 8, 170)
}

/// Returns the header of a valid file with values and tensors of several types, and the length of the file.
pub fn example_header() -> (Vec<u8>, u64) {
    example().finish()
}

#[test]
fn values_and_tensors_are_read() {
    let Ok((metadata, tensors)) = example().parse() else {
        unreachable!()
    };
    let array = Value::Array(vec![Value::Signed(8), Value::Signed(4)]);
    let expected = [
        ("general.architecture", Value::String("llama".into())),
        ("llama.block_count", Value::Unsigned(2)),
        ("general.flag", Value::Bool(true)),
        ("llama.attention.head_count_kv", array),
    ];
    assert_eq!(metadata, expected.map(|(key, value)| (key.to_owned(), value)));
    let expected = [
        ("token_embd.weight", "Q6_K", 630),
        ("blk.0.attn_norm.weight", "F32", 1024),
        // The size of a type that is not known includes the padding.
        ("blk.0.ffn_up.weight", "type 99", 96),
        ("output.weight", "Q8_0", 170),
    ];
    assert_eq!(
        tensors,
        expected.map(|(name, dtype, bytes)| (name.to_owned(), dtype.to_owned(), bytes))
    );
}

#[test]
fn every_truncated_file_is_an_error() {
    let (bytes, file_len) = example().finish();
    for len in 0..bytes.len() {
        assert!(
            parse(Cursor::new(&bytes[..len]), len as u64, |_| Ok(())).is_err(),
            "{len}"
        );
        // The file is truncated after its length was determined.
        assert!(
            parse(Cursor::new(&bytes[..len]), file_len, |_| Ok(())).is_err(),
            "{len}"
        );
    }
    for len in bytes.len() as u64..file_len {
        assert!(parse(Cursor::new(&bytes), len, |_| Ok(())).is_err(), "{len}");
    }
    let padded_len = file_len.next_multiple_of(32);
    assert!(parse(Cursor::new(&bytes), padded_len, |_| Ok(())).is_ok());
    assert!(parse(Cursor::new(&bytes), padded_len + 1, |_| Ok(())).is_err());
}

#[test]
fn invalid_preambles_are_errors() {
    let with_preamble = |preamble: &[u8]| {
        let mut bytes = preamble.to_vec();
        bytes.resize(64, 0);
        message(parse(Cursor::new(&bytes), 64, |_| Ok(())))
    };
    let many = |counts: [u64; 2]| {
        let counts: Vec<_> = counts.iter().flat_map(|count| count.to_le_bytes()).collect();
        with_preamble(&[b"GGUF\x03\0\0\0", &counts[..]].concat())
    };
    assert_eq!(with_preamble(b"GGML"), "the file does not begin with \"GGUF\"");
    assert_eq!(
        with_preamble(b"GGUF\0\0\0\x03"),
        "the file is big-endian, which is not supported"
    );
    assert_eq!(
        with_preamble(b"GGUF\x01\0\0\0"),
        "version 1 of GGUF is not supported, only versions 2 and 3"
    );
    assert_eq!(with_preamble(b"version https://git-lfs"), "LfsPointer");
    assert_eq!(many([2, 0]), "2 tensors would extend beyond the end of the file at 64");
    assert!(many([u64::MAX, 0]).starts_with("18446744073709551615 tensors would extend beyond"));
    assert!(many([0, 1 << 60]).starts_with("1152921504606846976 metadata values would extend beyond"));
}

#[test]
fn invalid_values_and_tensors_are_errors() {
    let max = u64::MAX;
    for (file, expected) in [
        (
            File::new().array_value("k", 9, 1, &[0; 12]),
            "the value of \"k\" is an array of arrays",
        ),
        (
            File::new().array_value("k", 13, 1, &[0; 12]),
            "the type 13 of a metadata value is not known",
        ),
        (
            File::new().array_value("k", 0, max, &[]),
            "18446744073709551615 array elements would extend beyond",
        ),
        (
            File::new().array_value("k", 8, max, &[]),
            "18446744073709551615 strings would extend beyond",
        ),
        (
            File::new().array_value("k", 8, 1, &max.to_le_bytes()),
            "a string would extend beyond",
        ),
        (
            File::new().value("k", 13, &[0; 12]),
            "the type 13 of a metadata value is not known",
        ),
        (
            File::new().value("k", 8, b"\x01\0\0\0\0\0\0\0\xff"),
            "a string is not valid UTF-8",
        ),
        (
            File::new().value("k", 0, &[1]).value("k", 0, &[1]),
            "the key \"k\" occurs twice",
        ),
        (
            File::new().value("general.alignment", 4, &[3, 0, 0, 0]),
            "general.alignment must be a power of two",
        ),
        (
            File::new().value("general.alignment", 4, &[0; 4]),
            "general.alignment must be a power of two",
        ),
        (
            File::new().tensor("a", &[1; 5], 0, 4),
            "\"a\" has 5 dimensions; the limit is 4",
        ),
        (
            File::new().tensor("a", &[max, max], 0, 4),
            "\"a\" has more than 2**64 bytes",
        ),
        (
            File::new().tensor("a", &[31], 8, 34),
            "\"a\" has rows of 31 elements, which Q8_0 cannot represent",
        ),
        (
            File::new().tensor("a", &[8], 0, 32).tensor("a", &[8], 0, 32),
            "the name \"a\" occurs twice",
        ),
        (
            File::new().tensor("a", &[8], 0, 32).tensor_at("b", &[8], 0, 0),
            "the data of \"b\" starts at 0, expected 32",
        ),
        (
            File::new().tensor("a", &[8], 0, 32).tensor_at("b", &[8], 0, 64),
            "the data of \"b\" starts at 64, expected 32",
        ),
        (
            File::new().tensor_at("a", &[8], 0, 32),
            "the data of \"a\" starts at 32, expected 0",
        ),
        (
            File::new().tensor("a", &[1 << 62], 0, 0),
            "\"a\" has more than 2**64 bytes",
        ),
        (
            File::new().tensor("a", &[(1 << 62) - 1], 0, 0),
            "the data of \"a\" ends beyond 2**64 bytes",
        ),
        (
            File::new()
                .tensor_at("a", &[8], 99, 0)
                .tensor_at("b", &[8], 99, 64)
                .tensor_at("c", &[8], 0, 32),
            "the data of \"b\" starts after that of the next tensor",
        ),
    ] {
        let message = message(file.parse());
        assert!(message.starts_with(expected), "{message:?} for {expected:?}");
    }
}

#[test]
fn a_file_without_tensors_is_valid() {
    let (bytes, _) = File::new().string_value("general.type", "vocab").finish();
    assert!(parse(Cursor::new(&bytes), bytes.len() as u64, |_| Ok(())).is_ok());
}

#[test]
fn long_strings_and_arrays_are_skipped() {
    let file = File::new()
        .string_value("tokenizer.chat_template", &"x".repeat(100_000))
        .array_value("long", 0, 5_000, &[0; 5_000])
        .value("last", 0, &[7]);
    let Ok((metadata, _)) = file.parse() else {
        unreachable!()
    };
    assert_eq!(metadata, [("last".to_owned(), Value::Unsigned(7))]);
}

proptest! {
    #[test]
    fn tensors_are_read_with_their_bytes(tensors in hash_map("[a-z.0-9é]{1,12}", (0..50_u64, 1..9_u64), 0..20)) {
        let mut file = File::new();
        let mut expected = Vec::new();
        for (name, (columns, rows)) in tensors {
            file = file.tensor(&name, &[32 * columns, rows], 2, 18 * columns * rows);
            expected.push((name, "Q4_0".to_owned(), 18 * columns * rows));
        }
        let Ok((_, tensors)) = file.parse() else { unreachable!() };
        prop_assert_eq!(tensors, expected);
    }

    #[test]
    fn arbitrary_changes_do_not_panic(changes in vec((0..600_usize, any::<u8>()), 1..8), file_len in any::<u64>()) {
        let (mut bytes, valid_len) = example().finish();
        for (index, byte) in changes {
            let len = bytes.len();
            bytes[index % len] = byte;
        }
        for len in [file_len, valid_len] {
            let _ = parse(Cursor::new(&bytes), len, |_| Ok(()));
        }
    }
}
