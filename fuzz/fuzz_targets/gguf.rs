//! Parses arbitrary bytes as a GGUF file. The first two bytes give the length of the data, which is not read: 12 bits, and a
//! shift, so that the file can be longer than the largest possible header.
#![no_main]

mod memory;
mod tensors;

use std::collections::HashSet;
use std::io::BufReader;

use devicemap::headers::HeaderError;
use devicemap::headers::gguf::{self, Metadata, Value};
use devicemap::headers::groups::Groups;
use libfuzzer_sys::fuzz_target;
use tensors::Tensors;

/// The largest memory, as a multiple of the length of the input. Each element of a short array takes 32 bytes, and vectors
/// double.
const MAX_MEMORY_FACTOR: usize = 64;

fuzz_target!(|input: &[u8]| {
    let Some((data_len, file)) = input.split_first_chunk::<2>() else {
        return;
    };
    let data_len = u16::from_le_bytes(*data_len);
    let file_len = file.len() as u64 + (u64::from(data_len & 0xfff) << (2 * (data_len >> 12)));
    let _ = memory::limited(input.len(), MAX_MEMORY_FACTOR, || {
        let mut groups = Groups::default();
        gguf::parse(file, file_len, |tensor| groups.add(tensor))
    });
    let mut tensors = Tensors::default();
    let result = gguf::parse(file, file_len, |tensor| tensors.add(tensor));
    // The result does not depend on the size of the buffer.
    let mut others = Tensors::default();
    let other = gguf::parse(BufReader::with_capacity(3, file), file_len, |tensor| others.add(tensor));
    assert_eq!(format!("{result:?}"), format!("{other:?}"));
    assert_eq!(tensors.list, others.list);
    match result {
        Ok(metadata) => {
            let header_len = 24 + 24 * tensors.list.len() + 13 * metadata.len();
            assert!(tensors.total_bytes() + header_len as u128 <= u128::from(file_len));
            tensors.check_groups(file.len());
            check_metadata(&metadata);
        }
        Err(HeaderError::Invalid { position, .. }) => assert!(position <= file_len),
        // The input is shorter than the length of the file.
        Err(HeaderError::Io(_)) => assert!(file_len > file.len() as u64),
        Err(HeaderError::LfsPointer) => assert!(file.starts_with(b"vers")),
        Err(error) => panic!("{error:?}"),
    }
});

/// Checks the documented limits of the metadata.
fn check_metadata(metadata: &Metadata) {
    let mut keys = HashSet::new();
    for (key, value) in metadata {
        assert!(keys.insert(key));
        match value {
            Value::String(string) => assert!(string.len() <= 4096),
            Value::Array(values) => {
                assert!(values.len() <= 4096 && !key.starts_with("tokenizer."));
                assert!(
                    !values
                        .iter()
                        .any(|value| matches!(value, Value::String(_) | Value::Array(_)))
                );
            }
            _ => {}
        }
    }
}
