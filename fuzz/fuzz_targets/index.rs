//! Parses arbitrary bytes as an index file.
#![no_main]

use std::collections::HashSet;
use std::path::{Component, Path};

use devicemap::headers::HeaderError;
use devicemap::headers::index::{ExpectedTensors, Index};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    match Index::parse(input) {
        Ok(index) => {
            let mut names = HashSet::new();
            for shard in &index.shards {
                let components: Vec<_> = Path::new(&shard.file).components().collect();
                assert!(!components.is_empty());
                assert!(
                    components
                        .iter()
                        .all(|component| matches!(component, Component::Normal(_)))
                );
                let mut expected = ExpectedTensors::new(shard);
                for tensor in &shard.tensors {
                    assert!(names.insert(tensor.clone()));
                    assert_eq!(expected.mark_found(tensor), Ok(true));
                }
                assert!(expected.not_found().is_empty());
            }
            assert_eq!(names.len(), index.len());
        }
        Err(HeaderError::Invalid { position, .. }) => assert!(position <= input.len() as u64),
        Err(error) => panic!("{error:?}"),
    }
});
