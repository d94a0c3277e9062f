//! Parses arbitrary bytes as a GGUF file. The first two bytes are added to the length of the file, as the data of its tensors.
#![no_main]

use devicemap::headers::groups::Groups;
use devicemap::headers::{HeaderError, gguf};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((data_len, file)) = input.split_first_chunk::<2>() else {
        return;
    };
    let file_len = file.len() as u64 + u64::from(u16::from_le_bytes(*data_len));
    let (mut groups, mut total) = (Groups::default(), 0_u64);
    let result = gguf::parse(file, file_len, |tensor| {
        total = total.saturating_add(tensor.bytes);
        groups.add(tensor)
    });
    match result {
        Ok(_) => assert!(total <= file_len),
        Err(HeaderError::Invalid { position, .. }) => assert!(position <= file_len),
        // The input is shorter than the length of the file.
        Err(HeaderError::Io(_) | HeaderError::LfsPointer) => {}
        Err(error) => panic!("{error:?}"),
    }
});
