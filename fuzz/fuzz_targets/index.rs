//! Parses arbitrary bytes as an index file.
#![no_main]

use std::path::{Component, Path};

use devicemap::headers::HeaderError;
use devicemap::headers::index::Index;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    match Index::parse(input) {
        Ok(mut index) => {
            for shard in &mut index.shards {
                let components: Vec<_> = Path::new(&shard.file).components().collect();
                assert!(!components.is_empty());
                assert!(
                    components
                        .iter()
                        .all(|component| matches!(component, Component::Normal(_)))
                );
                let tensors: Vec<_> = shard.not_found().map(str::to_owned).collect();
                assert!(!tensors.is_empty());
                for tensor in tensors {
                    assert_eq!(shard.mark_found(&tensor), Ok(true));
                    assert!(shard.mark_found(&tensor).is_err());
                }
                assert_eq!(shard.not_found().count(), 0);
            }
        }
        Err(HeaderError::Invalid { position, .. }) => assert!(position <= input.len() as u64),
        Err(error) => panic!("{error:?}"),
    }
});
