//! Errors for values that are not iterables of blocks. Their messages recognise other kinds of maps, such as
//! `{block: device}`.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};

use super::super::error::{mapping_error, short_repr, type_error};
use super::super::item::int_value;
use super::super::objects::{is_iterable, is_mapping, is_str_or_bytes};
use super::super::sequences::num_dimensions;
use super::aliases::is_torch_device;

/// Raises a `TypeError` if the value at an index is not an iterable of blocks but a mapping, a str, bytes or not iterable.
pub fn check_value(devices: &Bound<'_, PyList>, values: &Bound<'_, PyList>, index: usize) -> PyResult<()> {
    const EXPECTED: &str = "an iterable of block numbers";
    let value = values.get_item(index)?;
    let is_nested_map = is_mapping(&value)?;
    if !is_nested_map && !is_str_or_bytes(&value) && is_iterable(&value)? && num_dimensions(&value)? != Some(0) {
        return Ok(());
    }
    let argument = format!("device_map[{}]", short_repr(&devices.get_item(index)?)?);
    if is_nested_map {
        let hint = nested_map_hint(devices, values)?;
        return Err(mapping_error(&argument, EXPECTED, &value, &hint));
    }
    if let Some(description) = describe_other_map(devices, values) {
        let message = format!("device_map must be {{device: [block, ...]}}, got {description}");
        return Err(PyTypeError::new_err(message));
    }
    Err(type_error(&argument, EXPECTED, &value))
}

/// Returns the hint for a map whose values are device maps themselves, such as `{"encoder": {…}, "decoder": {…}}`. `devices`
/// are the keys of that map, which are not devices in this case.
fn nested_map_hint(devices: &Bound<'_, PyList>, values: &Bound<'_, PyList>) -> PyResult<String> {
    let mut names = Vec::new();
    for (device, value) in devices.iter().zip(values) {
        if is_mapping(&value)? {
            let repr = short_repr(&device)?;
            let name = repr.strip_prefix('\'').and_then(|name| name.strip_suffix('\''));
            names.push(name.map_or_else(|| repr.clone(), str::to_owned));
        }
    }
    Ok(match &names[..] {
        // The message has shown the mapping.
        [] | [_] => "check that mapping on its own".into(),
        [first, last] => format!("check {first} and {last} one at a time"),
        [first, second, ..] => format!(
            "check {first}, {second} and the other {} one at a time",
            names.len() - 2
        ),
    })
}

/// Describes a map whose values are devices: `{block: device}` or `{module: device}`. Returns `None` for other maps.
fn describe_other_map(devices: &Bound<'_, PyList>, values: &Bound<'_, PyList>) -> Option<&'static str> {
    let is_number = |value: &Bound<'_, PyAny>| int_value(value).is_some();
    // A single number as the only value could be a block as well as a device.
    let is_ambiguous = values.len() <= 1 && values.iter().all(|value| is_number(&value));
    let is_device = |value: Bound<'_, PyAny>| is_str_or_bytes(&value) || is_number(&value) || is_torch_device(&value);
    if is_ambiguous || !values.iter().all(is_device) {
        return None;
    }
    let is_string = |key: &Bound<'_, PyAny>, matches: fn(&str) -> bool| {
        key.cast::<PyString>()
            .is_ok_and(|text| matches(&text.to_string_lossy()))
    };
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if devices.iter().all(|key| is_number(&key) || is_string(&key, is_digits)) {
        Some("the inverse, {block: device}; group the blocks by device")
    } else if devices.iter().any(|key| is_string(&key, |text| text.contains('.'))) {
        Some("{module: device}; write the numbers of the blocks, grouped by device")
    } else {
        None
    }
}
