//! Helpers to read JSON with serde_json without storing the values.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::HeaderError;

/// A string that is borrowed from the JSON text unless it contains escape sequences.
#[derive(Deserialize)]
pub struct Text<'a>(#[serde(borrow)] pub Cow<'a, str>);

/// Any JSON value, which is checked but not stored. Unlike [`IgnoredAny`], it is subject to the recursion limit of serde_json.
pub struct Skipped;

impl<'de> Deserialize<'de> for Skipped {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SkipVisitor)
    }
}

struct SkipVisitor;

impl<'de> Visitor<'de> for SkipVisitor {
    type Value = Skipped;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Skipped, E> {
        Ok(Skipped)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Skipped, E> {
        Ok(Skipped)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Skipped, E> {
        Ok(Skipped)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Skipped, E> {
        Ok(Skipped)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Skipped, E> {
        Ok(Skipped)
    }

    fn visit_str<E>(self, _: &str) -> Result<Skipped, E> {
        Ok(Skipped)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Skipped, A::Error> {
        while items.next_element::<Skipped>()?.is_some() {}
        Ok(Skipped)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Skipped, A::Error> {
        while entries.next_entry::<IgnoredAny, Skipped>()?.is_some() {}
        Ok(Skipped)
    }
}

/// Converts an error of serde_json to the error for a file that contains `text` at the position `start`.
pub fn to_header_error(error: &serde_json::Error, text: &[u8], start: u64) -> HeaderError {
    let (line, column) = (error.line(), error.column());
    let lines_before = text.split_inclusive(|&byte| byte == b'\n').take(line.saturating_sub(1));
    let line_start: usize = lines_before.map(<[u8]>::len).sum();
    let message = error.to_string();
    let location = format!(" at line {line} column {column}");
    let message = message.strip_suffix(&location).unwrap_or(&message);
    HeaderError::invalid(start + (line_start + column) as u64, message)
}

/// Returns JSON as text. `start` is the position of the JSON in the file.
pub fn utf8(json: &[u8], start: u64) -> Result<&str, HeaderError> {
    std::str::from_utf8(json)
        .map_err(|error| HeaderError::invalid(start + error.valid_up_to() as u64, "the text is not valid UTF-8"))
}
