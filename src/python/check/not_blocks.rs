//! The errors of values that hold no blocks, with what the map may be instead.

use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyInt, PyList, PyString};

use super::super::block::is_bool;
use super::super::error::{short_repr, type_error, wrong_type};
use super::super::{is_iterable, is_mapping, layout};

/// Refuses the value of a device that is no iterable of blocks: a mapping, text, bytes, or what is not iterable at all.
pub fn refuse(devices: &Bound<'_, PyList>, values: &Bound<'_, PyList>, at: usize) -> PyResult<()> {
    let value = values.get_item(at)?;
    if !is_mapping(&value) && !is_text(&value) && is_iterable(&value)? {
        return Ok(());
    }
    let argument = format!("device_map[{}]", short_repr(&devices.get_item(at)?)?);
    if is_mapping(&value) {
        let expected = "an iterable of blocks";
        let instead = nested(devices, values)?;
        let text = format!(
            "{argument} must be {expected}, got a mapping, {}; {instead}",
            short_repr(&value)?
        );
        return Err(type_error(value.py(), &text));
    }
    if is_inverse(devices, values) {
        let text =
            "device_map must be {device: [block, ...]}, got the inverse, {block: device}; group the blocks by device";
        return Err(type_error(value.py(), text));
    }
    Err(wrong_type(&argument, "an iterable of blocks", &value))
}

/// What to do with a map of maps.
fn nested(devices: &Bound<'_, PyList>, values: &Bound<'_, PyList>) -> PyResult<String> {
    let mut names = Vec::new();
    for (device, value) in devices.iter().zip(values) {
        if is_mapping(&value) {
            names.push(match device.cast::<PyString>() {
                Ok(name) if name.len()? <= 40 => name.to_string_lossy().into_owned(),
                _ => short_repr(&device)?,
            });
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

/// Whether all devices are ints, and all values such as name devices: probably they have been swapped.
fn is_inverse(devices: &Bound<'_, PyList>, values: &Bound<'_, PyList>) -> bool {
    let is_int = |value: &Bound<'_, PyAny>| value.is_instance_of::<PyInt>() && !is_bool(value);
    let is_torch_device =
        |value: &Bound<'_, PyAny>| layout::c_type_name(&value.get_type()).is_some_and(|name| name == c"torch.device");
    let names_device = |value: &Bound<'_, PyAny>| is_text(value) || is_int(value) || is_torch_device(value);
    // A single number may be anything.
    let enough = values.len() > 1 || values.iter().any(|value| !is_int(&value));
    enough && devices.iter().all(|device| is_int(&device)) && values.iter().all(|value| names_device(&value))
}

fn is_text(value: &Bound<'_, PyAny>) -> bool {
    value.is_instance_of::<PyString>() || value.is_instance_of::<PyBytes>() || value.is_instance_of::<PyByteArray>()
}
