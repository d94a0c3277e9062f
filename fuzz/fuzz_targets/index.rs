//! Parses arbitrary bytes as an index file, and compares the tensors with those that serde_json reads.
#![no_main]

mod memory;

use std::collections::{HashMap, HashSet};
use std::path::{Component, Path};

use devicemap::headers::HeaderError;
use devicemap::headers::index::{ExpectedTensors, Index};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// The largest memory, as a multiple of the length of the input.
/// Error messages quote names with escape sequences, several times as long.
const MAX_MEMORY_FACTOR: usize = 32;

fuzz_target!(|input: &[u8]| {
    match memory::limited(input.len(), MAX_MEMORY_FACTOR, || Index::parse(input)) {
        Ok(index) => check_index(input, &index),
        Err(HeaderError::Invalid { position, .. }) => assert!(position <= input.len() as u64),
        Err(error) => panic!("{error:?}"),
    }
});

fn check_index(input: &[u8], index: &Index<'_>) {
    let num_tensors = index.len();
    let mut files = HashSet::new();
    let mut weight_map = HashMap::new();
    for shard in &index.shards {
        check_file(&shard.file);
        assert!(files.insert(&shard.file));
        assert!(!shard.tensors.is_empty());
        let mut expected = ExpectedTensors::new(shard);
        for tensor in &shard.tensors {
            assert_eq!(expected.mark_found(tensor), Ok(true));
            assert!(expected.mark_found(tensor).is_err());
            assert_eq!(weight_map.insert(&**tensor, shard.file.as_str()), None);
        }
        assert!(expected.not_found().is_empty());
    }
    assert_eq!(weight_map.len(), num_tensors);
    // serde_json may refuse other entries, whose keys are not decoded here.
    let Ok(value) = serde_json::from_slice::<Value>(input) else {
        return;
    };
    let entries = value["weight_map"].as_object().expect("a weight map");
    assert_eq!(entries.len(), num_tensors);
    for (tensor, file) in entries {
        assert_eq!(file.as_str(), weight_map.get(tensor.as_str()).copied());
    }
}

/// Checks that a file is in the folder of the index.
fn check_file(file: &str) {
    let folder = Path::new("/folder");
    let path = folder.join("model.safetensors.index.json").with_file_name(file);
    assert!(path.starts_with(folder) && path != folder);
    assert!(
        path.components()
            .skip(1)
            .all(|component| matches!(component, Component::Normal(_)))
    );
    assert!(!file.contains(['\\', ':', '\0', '\n']));
}
