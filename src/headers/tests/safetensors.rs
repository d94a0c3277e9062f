use std::fmt::Write as _;

use proptest::collection::{hash_map, vec};
use proptest::prelude::*;

use super::{OwnedTensor, collect, message};
use crate::headers::HeaderError;
use crate::headers::safetensors::parse;

/// Returns the header of a file with the given tensors, in which the data is stored in the order `order`.
fn header(tensors: &[OwnedTensor]) -> (String, u64) {
    let mut header = String::from(r#"{"__metadata__":{"format":"pt"}"#);
    let mut start = 0;
    for (name, dtype, bytes) in tensors {
        let (name, end) = (serde_json::Value::from(name.as_str()), start + bytes);
        let _ = write!(
            header,
            r#",{name}:{{"dtype":"{dtype}","shape":[{bytes}],"data_offsets":[{start},{end}]}}"#
        );
        start = end;
    }
    (header + "}  ", start)
}

fn tensors() -> impl Strategy<Value = Vec<OwnedTensor>> {
    hash_map("[a-z\"\\\\é.0-9]{1,12}", ("[A-Z][0-9]{1,2}", 0..1_u64 << 40), 0..12).prop_map(|map| {
        map.into_iter()
            .map(|(name, (dtype, bytes))| (name, dtype, bytes))
            .collect()
    })
}

/// Returns the result of parsing a header, without the tensors.
fn parse_only(header: &str, data_len: u64) -> Result<(), HeaderError> {
    parse(header.as_bytes(), data_len, |_| Ok(()))
}

proptest! {
    #[test]
    fn tensors_are_read_with_their_bytes(tensors in tensors()) {
        let (header, data_len) = header(&tensors);
        let mut read = Vec::new();
        prop_assert!(parse(header.as_bytes(), data_len, collect(&mut read)).is_ok());
        prop_assert_eq!(&read, &tensors);
        for other in [data_len + 1, data_len.saturating_sub(1), u64::MAX] {
            prop_assert_eq!(parse_only(&header, other).is_ok(), other == data_len);
        }
    }

    #[test]
    fn a_truncated_header_is_an_error(tensors in tensors(), len in 0..400_usize) {
        let (header, data_len) = header(&tensors);
        let text = header.trim_end().as_bytes();
        prop_assert!(len >= text.len() || parse(&text[..len], data_len, |_| Ok(())).is_err());
    }

    #[test]
    fn arbitrary_changes_do_not_panic(
        tensors in tensors(), changes in vec((0..400_usize, any::<u8>()), 1..8), data_len in any::<u64>(),
    ) {
        let (header, _) = header(&tensors);
        let mut bytes = header.into_bytes();
        for (index, byte) in changes {
            let len = bytes.len();
            bytes[index % len] = byte;
        }
        let _ = parse(&bytes, data_len, |_| Ok(()));
    }
}

#[test]
fn invalid_headers_are_errors() {
    let tensor = |name: &str, start: &str, end: &str| {
        format!(r#""{name}":{{"dtype":"F32","shape":[2,2],"data_offsets":[{start},{end}]}}"#)
    };
    let two = |first: &str, second: &str| format!("{{{first},{second}}}");
    let (a, b) = (tensor("a", "0", "16"), tensor("b", "16", "32"));
    assert_eq!(message(parse_only(&two(&a, &b), 32)), "");
    for (header, data_len, expected) in [
        (
            two(&a, &b),
            33,
            "the file is too long: the last tensor ends at 32, but the file contains 33 bytes of data",
        ),
        (
            two(&a, &b),
            31,
            "the file is incomplete: the last tensor ends at 32, but the file contains 31 bytes of data",
        ),
        (
            two(&a, &tensor("b", "17", "32")),
            32,
            "the offsets of two tensors leave a gap",
        ),
        (
            two(&a, &tensor("b", "15", "32")),
            32,
            "the offsets of two tensors overlap",
        ),
        (two(&a, &tensor("b", "32", "16")), 32, "the offsets of \"b\" descend"),
        (
            two(&a, &tensor("b", "16", "18446744073709551616")),
            32,
            "invalid type: floating point",
        ),
        (two(&a, &tensor("b", "16", "-1")), 32, "invalid value: integer `-1`"),
        (
            two(&a, r#""b":{"dtype":"F32","shape":[]}"#),
            32,
            "missing field `data_offsets`",
        ),
        (
            two(&a, r#""b":{"dtype":"F32","data_offsets":[16,32]}"#),
            32,
            "missing field `shape`",
        ),
        (
            two(&a, r#""b":{"shape":[],"data_offsets":[16,32]}"#),
            32,
            "missing field `dtype`",
        ),
        (
            two(&a, r#""b":{"dtype":"F32","dtype":"F16"}"#),
            32,
            "the field \"dtype\" occurs twice",
        ),
        (
            two(&a, r#""b":{"dtype":3}"#),
            32,
            "invalid type: integer `3`, expected a string",
        ),
        (
            two(&a, r#""b":[]"#),
            32,
            "invalid type: sequence, expected an object with dtype, shape and data_offsets",
        ),
        (
            two(&a, r#""b":{"shape":[1.5]}"#),
            32,
            "invalid type: floating point `1.5`",
        ),
        (format!("{{{a}}} x"), 16, "trailing characters"),
        (format!(" {{{a}}}"), 16, "the header does not begin with '{'"),
        (String::new(), 0, "the header does not begin with '{'"),
        (format!("{{{a}"), 16, "EOF while parsing an object"),
        (
            format!(r#"{{"a":{{"x":{}}}}}"#, "[".repeat(1_000_000)),
            16,
            "recursion limit exceeded",
        ),
    ] {
        let message = message(parse_only(&header, data_len));
        assert!(message.starts_with(expected), "{message:?} for {expected:?}");
    }
}

#[test]
fn errors_have_a_position() {
    for (header, expected) in [("{\n  \"a\": 3}", 8 + 10), ("{\"a\" 3}", 8 + 6), ("{}", 8 + 2)] {
        let Err(HeaderError::Invalid { position, .. }) = parse_only(header, 5) else {
            unreachable!()
        };
        assert_eq!(position, expected, "{header}");
    }
}

#[test]
fn invalid_utf8_is_an_error() {
    let header = b"{\"\xff\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}";
    assert_eq!(message(parse(header, 4, |_| Ok(()))), "the text is not valid UTF-8");
}

#[test]
fn unknown_fields_and_dtypes_are_accepted() {
    let header = r#"{"a":{"dtype":"X9_NEW","shape":[3,5],"scale":{"by":[1]},"data_offsets":[0,7]}}"#;
    let mut tensors = Vec::new();
    assert!(parse(header.as_bytes(), 7, collect(&mut tensors)).is_ok());
    assert_eq!(tensors, [("a".to_owned(), "X9_NEW".to_owned(), 7)]);
}

#[test]
fn an_error_of_the_visitor_is_returned() {
    let (header, data_len) = header(&[("a".into(), "F32".into(), 4)]);
    let result = parse(header.as_bytes(), data_len, |_| Err("too many".into()));
    assert_eq!(message(result), "too many");
}
