use proptest::collection::vec;
use proptest::prelude::*;

use super::message;
use crate::headers::HeaderError;
use crate::headers::index::{ExpectedTensors, Index};

#[test]
fn tensors_are_found_once_and_only_in_their_file() {
    let text = br#"{"metadata":{"total_size":1},"weight_map":{"a":"1.safetensors","b":"2.safetensors","c\u00e9":"1.safetensors"}}"#;
    let Ok(index) = Index::parse(text) else { unreachable!() };
    let files: Vec<_> = index.shards.iter().map(|shard| shard.file.as_str()).collect();
    assert_eq!(files, ["1.safetensors", "2.safetensors"]);
    assert_eq!(index.len(), 3);
    let mut expected = ExpectedTensors::new(&index.shards[0]);
    for (tensor, result) in [
        ("b", Ok(false)),
        ("a", Ok(true)),
        ("a", Err("this name occurs twice".to_owned())),
    ] {
        assert_eq!(expected.mark_found(tensor), result, "{tensor}");
    }
    assert_eq!(expected.not_found(), ["cé"]);
}

#[test]
fn invalid_indexes_are_errors() {
    for (text, expected) in [
        ("", "EOF while parsing a value"),
        ("[]", "invalid type: sequence, expected an object with weight_map"),
        ("{}", "missing field `weight_map`"),
        (r#"{"weight_map":{"a":"f","a":"f"}}"#, "the tensor \"a\" occurs twice"),
        (r#"{"weight_map":{"a":"f","a":"g"}}"#, "the tensor \"a\" occurs twice"),
        (
            r#"{"weight_map":{},"weight_map":{}}"#,
            "the key \"weight_map\" occurs twice",
        ),
        (
            r#"{"weight_map":{"a":3}}"#,
            "invalid type: integer `3`, expected a string",
        ),
        (r#"{"weight_map":{}} x"#, "trailing characters"),
    ] {
        let message = message(Index::parse(text.as_bytes()));
        assert!(message.starts_with(expected), "{message:?} for {text}");
    }
    let nested = format!(r#"{{"metadata":{}"#, "[".repeat(1_000_000));
    assert!(message(Index::parse(nested.as_bytes())).starts_with("recursion limit exceeded"));
}

#[test]
fn file_names_outside_of_the_folder_are_errors() {
    for shard in [
        "/etc/passwd",
        "../a",
        "a/../../b",
        "..",
        ".",
        "",
        "a\\\\b",
        "C:a",
        "a\\u0000b",
    ] {
        let text = format!(r#"{{"weight_map":{{"a":"{shard}"}}}}"#);
        assert!(
            message(Index::parse(text.as_bytes())).contains("is not within the folder"),
            "{shard}"
        );
    }
    assert!(Index::parse(br#"{"weight_map":{"a":"sub/model.safetensors"}}"#).is_ok());
}

proptest! {
    #[test]
    fn changed_indexes_do_not_panic(changes in vec((0..200_usize, any::<u8>()), 0..6), len in 0..200_usize) {
        let mut text = br#"{"metadata":{"x":[null,true,{"a":-1.5e3}]},"weight_map":{"a\u00e9":"1.safetensors","b":"c/2.safetensors"}}"#.to_vec();
        for (position, byte) in changes {
            if let Some(old) = text.get_mut(position) {
                *old = byte;
            }
        }
        text.truncate(len);
        if let Err(HeaderError::Invalid { position, .. }) = Index::parse(&text) {
            prop_assert!(position <= text.len() as u64);
        }
    }

    #[test]
    fn arbitrary_text_does_not_panic(text in any::<Vec<u8>>()) {
        let _ = Index::parse(&text);
    }
}
