//! The errors of values that hold no blocks, with what the map may be instead.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};

use super::super::block::integer;
use super::super::error::{short_repr, wrong_mapping, wrong_type};
use super::super::sequences::dimensions;
use super::super::{is_iterable, is_mapping, is_text};
use super::aliases::is_torch_device;

/// Refuses the value of a device that is no iterable of blocks: a mapping, text, bytes, or what is not iterable at all.
pub fn refuse(devices: &Bound<'_, PyList>, values: &Bound<'_, PyList>, at: usize) -> PyResult<()> {
    const EXPECTED: &str = "an iterable of block numbers";
    let value = values.get_item(at)?;
    let nested = is_mapping(&value)?;
    if !nested && !is_text(&value) && is_iterable(&value)? && dimensions(&value)? != Some(0) {
        return Ok(());
    }
    let argument = format!("device_map[{}]", short_repr(&devices.get_item(at)?)?);
    if nested {
        return Err(wrong_mapping(
            &argument,
            EXPECTED,
            &value,
            &one_at_a_time(devices, values)?,
        ));
    }
    if let Some(other) = other_kind(devices, values) {
        let text = format!("device_map must be {{device: [block, ...]}}, got {other}");
        return Err(PyTypeError::new_err(text));
    }
    Err(wrong_type(&argument, EXPECTED, &value))
}

/// What to do with a map of maps.
fn one_at_a_time(devices: &Bound<'_, PyList>, values: &Bound<'_, PyList>) -> PyResult<String> {
    let mut names = Vec::new();
    for (device, value) in devices.iter().zip(values) {
        if is_mapping(&value)? {
            let shown = short_repr(&device)?;
            let name = shown.strip_prefix('\'').and_then(|name| name.strip_suffix('\''));
            names.push(name.map_or_else(|| shown.clone(), str::to_owned));
        }
    }
    Ok(match &names[..] {
        [] | [_] => "check that mapping on its own".into(),
        [first, last] => format!("check {first} and {last} one at a time"),
        [first, second, ..] => format!(
            "check {first}, {second} and the other {} one at a time",
            names.len() - 2
        ),
    })
}

/// What a map is whose values name devices: the inverse of a device map, or a map of modules.
fn other_kind(devices: &Bound<'_, PyList>, values: &Bound<'_, PyList>) -> Option<&'static str> {
    let is_number = |value: &Bound<'_, PyAny>| integer(value).is_some();
    // A single number may be anything.
    let enough = values.len() > 1 || values.iter().any(|value| !is_number(&value));
    let names_device = |value: Bound<'_, PyAny>| is_text(&value) || is_number(&value) || is_torch_device(&value);
    if !enough || !values.iter().all(names_device) {
        return None;
    }
    let has_text = |device: &Bound<'_, PyAny>, is: fn(&str) -> bool| {
        device.cast::<PyString>().is_ok_and(|text| is(&text.to_string_lossy()))
    };
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if devices
        .iter()
        .all(|device| is_number(&device) || has_text(&device, is_digits))
    {
        Some("the inverse, {block: device}; group the blocks by device")
    } else if devices
        .iter()
        .any(|device| has_text(&device, |text| text.contains('.')))
    {
        Some("{module: device}; write the numbers of the blocks, grouped by device")
    } else {
        None
    }
}
