//! Tests that truncated, changed and arbitrary files never cause a panic, that the bytes of the tensors of an accepted file are
//! those of its data, and that each error has a position in the file.

use std::io::{BufReader, Read as _, repeat};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index as Position;

use super::gguf::example_header;
use crate::headers::index::{ExpectedTensors, Index};
use crate::headers::{HeaderError, MAX_HEADER_LEN, gguf, safetensors};

/// The format of a file.
#[derive(Clone, Copy, Debug)]
enum Format {
    Safetensors,
    Gguf,
    Index,
}

use Format::{Gguf, Safetensors};

const FORMATS: [Format; 3] = [Safetensors, Gguf, Format::Index];

/// Numbers that cause an overflow if they are added, multiplied or used as a length without a check.
const EXTREME_NUMBERS: [u64; 11] = [
    0,
    1,
    u32::MAX as u64,
    1 << 32,
    MAX_HEADER_LEN - 1,
    MAX_HEADER_LEN + 1,
    (1 << 60) + 1,
    i64::MAX as u64,
    1 << 63,
    u64::MAX - 7,
    u64::MAX,
];

/// A length of data that is larger than those of the examples. Changed headers may extend over all data, which is then read.
const LONG_DATA: u64 = 1 << 16;

impl Format {
    /// Returns a valid header, and the length of the data.
    fn example(self) -> (Vec<u8>, u64) {
        match self {
            Safetensors => {
                let header = br#"{"__metadata__":{"format":"pt","x":[null,{"a":-1.5e3}]},"layers.0.a.w":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"head.\u00e9":{"dtype":"BF16","shape":[2],"data_offsets":[8,12]}}"#;
                (header.to_vec(), 12)
            }
            Gguf => {
                let (header, file_len) = example_header();
                let data_len = file_len - header.len() as u64;
                (header, data_len)
            }
            Format::Index => {
                let text = br#"{"metadata":{"total_size":12,"x":[true,{"a":-1.5e3}]},"weight_map":{"layers.0.a.w":"1.safetensors","head.\u00e9":"a/2.safetensors"}}"#;
                (text.to_vec(), 0)
            }
        }
    }

    /// Parses a file that consists of a header and data, which are zeros.
    fn parse(self, header: &[u8], data_len: u64) -> Result<(), HeaderError> {
        let mut sum = 0_u64;
        let mut add = |bytes: u64| {
            sum = sum.saturating_add(bytes);
            Ok(())
        };
        match self {
            Safetensors => {
                safetensors::parse(header, data_len, |tensor| add(tensor.bytes))?;
                assert_eq!(sum, data_len);
            }
            Gguf => {
                let file_len = header.len() as u64 + data_len;
                let file = BufReader::new(header.chain(repeat(0).take(data_len)));
                gguf::parse(file, file_len, |tensor| add(tensor.bytes))?;
                assert!(sum <= file_len);
            }
            Format::Index => {
                let index = Index::parse(header)?;
                let tensors = index
                    .shards
                    .iter()
                    .map(|shard| ExpectedTensors::new(shard).not_found().len());
                assert_eq!(tensors.sum::<usize>(), index.len());
            }
        }
        Ok(())
    }

    /// Parses a file, and checks the position of the error. Returns `true` if the file is valid.
    fn check(self, header: &[u8], data_len: u64) -> bool {
        let header_start = if matches!(self, Safetensors) { 8 } else { 0 };
        let file_len = header_start + header.len() as u64 + data_len;
        match self.parse(header, data_len) {
            Ok(()) => true,
            Err(HeaderError::Invalid { position, message }) => {
                // The position is an offset of the header, which may be beyond the end of the file.
                let is_offset = message.starts_with("the offsets of two tensors");
                assert!(
                    position <= file_len || is_offset,
                    "{self:?}: {message} at {position} of {file_len}"
                );
                false
            }
            Err(HeaderError::LfsPointer) => {
                assert!(header.starts_with(b"vers"));
                false
            }
            Err(error) => unreachable!("{self:?}: {error:?}"),
        }
    }
}

#[test]
fn a_file_that_is_truncated_at_any_byte_is_an_error() {
    for format in FORMATS {
        let (header, data_len) = format.example();
        assert!(format.check(&header, data_len));
        for len in 0..header.len() {
            assert!(!format.check(&header[..len], 0), "{format:?}, {len} bytes");
        }
        for data_len in 0..data_len {
            assert!(!format.check(&header, data_len), "{format:?}, {data_len} bytes of data");
        }
    }
}

#[test]
fn a_change_of_any_bit_does_not_panic() {
    for format in FORMATS {
        let (mut header, data_len) = format.example();
        for bit in 0..8 * header.len() {
            header[bit / 8] ^= 1 << (bit % 8);
            format.check(&header, data_len);
            header[bit / 8] ^= 1 << (bit % 8);
        }
        assert!(format.check(&header, data_len));
    }
}

#[test]
fn extreme_numbers_do_not_panic() {
    let (header, data_len) = Gguf.example();
    for number in EXTREME_NUMBERS {
        for len in [4, 8] {
            for start in 0..=header.len() - len {
                let mut header = header.clone();
                header[start..start + len].copy_from_slice(&number.to_le_bytes()[..len]);
                for data_len in [0, data_len, LONG_DATA] {
                    Gguf.check(&header, data_len);
                }
            }
        }
    }
    for format in [Safetensors, Format::Index] {
        let (header, data_len) = format.example();
        for start in (0..header.len()).filter(|&index| header[index].is_ascii_digit()) {
            let end = start + header[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            for number in EXTREME_NUMBERS {
                let (before, after) = (&header[..start], &header[end..]);
                let header = [before, number.to_string().as_bytes(), after].concat();
                for data_len in [0, data_len, LONG_DATA] {
                    format.check(&header, data_len);
                }
            }
        }
    }
}

/// Counts and lengths beyond the end of the file are refused where they are read: nothing can have been allocated for them.
#[test]
fn counts_and_lengths_beyond_the_end_are_refused_before_the_items() {
    const FILE_LEN: u64 = 1 << 10;
    let preamble = |num_tensors: u64, num_values: u64| {
        let mut file = b"GGUF\x03\0\0\0".to_vec();
        file.extend(num_tensors.to_le_bytes());
        file.extend(num_values.to_le_bytes());
        file
    };
    let array = |item_type: u8| {
        [
            &preamble(0, 1)[..],
            b"\x01\0\0\0\0\0\0\0a\x09\0\0\0",
            &[item_type, 0, 0, 0],
        ]
        .concat()
    };
    // Each file ends before a count or a length. The second item is the smallest one that is too large.
    let mut cases = vec![
        (preamble(0, 1), FILE_LEN - 32 + 1),
        (preamble(1, 0), FILE_LEN - 32 + 1),
        (
            [&preamble(0, 1)[..], b"\x01\0\0\0\0\0\0\0a\x08\0\0\0"].concat(),
            FILE_LEN - 45 + 1,
        ),
    ];
    for (item_type, item_len) in [(0, 1), (3, 2), (4, 4), (8, 8), (12, 8)] {
        cases.push((array(item_type), (FILE_LEN - 49) / item_len + 1));
    }
    for (file, smallest) in cases {
        for number in [smallest, u64::MAX / 8 + 2, u64::MAX / 2 + 1, u64::MAX - 1, u64::MAX] {
            let file = [&file[..], &number.to_le_bytes()].concat();
            let result = gguf::parse(&file[..], FILE_LEN, |_| Ok(()));
            let Err(HeaderError::Invalid { position, message }) = result else {
                unreachable!("{number}: {result:?}")
            };
            assert_eq!(position, file.len() as u64, "{number}: {message}");
            assert!(
                message.ends_with("would extend beyond the end of the file at 1024"),
                "{message}"
            );
        }
    }
    for counts in [(u64::MAX, 0), (FILE_LEN / 24, 0), (0, u64::MAX), (0, FILE_LEN / 13)] {
        let result = gguf::parse(&preamble(counts.0, counts.1)[..], FILE_LEN, |_| Ok(()));
        assert!(
            matches!(result, Err(HeaderError::Invalid { position: 24, .. })),
            "{counts:?}: {result:?}"
        );
    }
}

fn formats() -> impl Strategy<Value = Format> {
    (0..FORMATS.len()).prop_map(|index| FORMATS[index])
}

proptest! {
    #[test]
    fn changed_files_do_not_panic(
        format in formats(),
        changes in vec((any::<Position>(), any::<u8>()), 0..6),
        removed in any::<(Position, Position)>(),
        copied in any::<(Position, Position, Position)>(),
        other_data_len in 0..LONG_DATA,
        action in 0..8_u8,
    ) {
        let (mut header, data_len) = format.example();
        for (position, byte) in changes {
            let index = position.index(header.len());
            header[index] = byte;
        }
        let range = |(start, end): (Position, Position), len| {
            let (start, end) = (start.index(len), end.index(len));
            start.min(end)..start.max(end)
        };
        if action & 1 != 0 {
            header.drain(range(removed, header.len()));
        }
        if action & 2 != 0 && !header.is_empty() {
            let bytes = header[range((copied.0, copied.1), header.len())].to_vec();
            let index = copied.2.index(header.len());
            header.splice(index..index, bytes);
        }
        format.check(&header, if action & 4 != 0 { other_data_len } else { data_len });
    }

    #[test]
    fn arbitrary_bytes_do_not_panic(
        format in formats(), kept in any::<Position>(), bytes in vec(any::<u8>(), 0..200), data_len in 0..LONG_DATA,
    ) {
        let (mut header, _) = format.example();
        prop_assert!(!format.check(&bytes, data_len));
        header.truncate(kept.index(header.len()));
        header.extend(bytes);
        format.check(&header, data_len);
    }
}
