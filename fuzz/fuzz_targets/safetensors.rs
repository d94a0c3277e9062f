//! Parses arbitrary bytes as the header of a safetensors file, and compares the tensors with those that serde_json reads. The
//! first four bytes are the length of the data.
#![no_main]

mod memory;
mod tensors;

use devicemap::headers::groups::Groups;
use devicemap::headers::{HeaderError, safetensors};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tensors::Tensors;

/// The largest memory, as a multiple of the length of the input.
/// Error messages quote names with escape sequences, several times as long.
const MAX_MEMORY_FACTOR: usize = 32;

fuzz_target!(|input: &[u8]| {
    let Some((data_len, header)) = input.split_first_chunk::<4>() else {
        return;
    };
    let data_len = u64::from(u32::from_le_bytes(*data_len));
    let file_len = 8 + header.len() as u64 + data_len;
    let _ = memory::limited(input.len(), MAX_MEMORY_FACTOR, || {
        let mut groups = Groups::default();
        safetensors::parse(header, data_len, |tensor| groups.add(tensor))
    });
    let mut tensors = Tensors::default();
    match safetensors::parse(header, data_len, |tensor| tensors.add(tensor)) {
        Ok(()) => {
            assert_eq!(tensors.total_bytes(), u128::from(data_len));
            tensors.check_groups(header.len());
            check_tensors(header, &tensors);
        }
        Err(HeaderError::Invalid { position, message }) => {
            // The position is an offset of the header, which may be beyond the end of the file.
            let is_offset = message.starts_with("the offsets of two tensors");
            assert!(position <= file_len || is_offset, "{position}: {message}");
        }
        Err(error) => panic!("{error:?}"),
    }
});

/// Compares the tensors with those that serde_json reads. It may refuse the metadata, whose keys are not decoded here.
fn check_tensors(header: &[u8], tensors: &Tensors) {
    let Ok(Value::Object(entries)) = serde_json::from_slice(header) else {
        return;
    };
    let num_tensors = entries.len() - usize::from(entries.contains_key("__metadata__"));
    assert_eq!(num_tensors, tensors.list.len());
    for (name, dtype, bytes) in &tensors.list {
        let entry = &entries[name];
        let offset = |index: usize| entry["data_offsets"][index].as_u64().expect("an offset");
        assert_eq!(entry["dtype"], **dtype);
        assert_eq!(offset(1) - offset(0), *bytes);
        let shape = entry["shape"].as_array().expect("a shape");
        assert!(shape.iter().all(Value::is_u64));
    }
}
