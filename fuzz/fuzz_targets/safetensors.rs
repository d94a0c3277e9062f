//! Parses arbitrary bytes as the header of a safetensors file. The first four bytes are the length of the data.
#![no_main]

use devicemap::headers::groups::Groups;
use devicemap::headers::{HeaderError, safetensors};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((data_len, header)) = input.split_first_chunk::<4>() else {
        return;
    };
    let data_len = u64::from(u32::from_le_bytes(*data_len));
    let (mut groups, mut total) = (Groups::default(), 0_u64);
    let result = safetensors::parse(header, data_len, |tensor| {
        total = total.saturating_add(tensor.bytes);
        groups.add(tensor)
    });
    match result {
        Ok(()) => {
            assert_eq!(total, data_len);
            let grouped: u64 = groups
                .groups()
                .iter()
                .flat_map(|group| &group.dtype_bytes)
                .map(|(_, bytes)| bytes)
                .sum();
            assert_eq!(grouped, data_len);
        }
        Err(HeaderError::Invalid { position, .. }) => assert!(position <= 8 + header.len() as u64 + u64::MAX / 2),
        Err(error) => panic!("{error:?}"),
    }
});
