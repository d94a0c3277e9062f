//! Conversion of the argument `devices`: a sequence of devices, or the number of devices.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyInt, PyList, PyRange, PyTuple};

use super::error::{short_repr, type_error, unhashable_error, value_error};
use super::item::is_bool;
use super::memory::{ints_fit_in_memory, memory_error};
use super::objects::{is_iterable, is_mapping, is_set, is_str_or_bytes, to_index, tuple_from_iterable};

/// Returns the devices as a non-empty tuple without duplicates. If the argument is an int, it is the number of devices, which
/// are then called 0, 1, 2, ….
#[pyfunction]
pub fn parse_devices<'py>(devices: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyTuple>> {
    let py = devices.py();
    if let Some(range) = device_range(devices)? {
        return tuple_from_iterable(&range);
    }
    // Exact lists, tuples and ranges need no check. For short sequences, it takes as long as the rest of this function.
    let is_built_in_sequence = devices.is_exact_instance_of::<PyList>()
        || devices.is_exact_instance_of::<PyTuple>()
        || devices.is_exact_instance_of::<PyRange>();
    if !is_built_in_sequence {
        check_has_order(devices)?;
    }
    let devices = tuple_from_iterable(devices)?;
    if devices.is_empty() {
        return Err(PyValueError::new_err("devices must not be empty"));
    }
    // A device map is a dict, so that two devices are the same if a dict regards them as the same key.
    let seen: Bound<'py, PyDict> = PyDict::new(py);
    for (index, device) in devices.iter().enumerate() {
        seen.set_item(&device, ())
            .map_err(|error| unhashable_error(error, &format!("devices[{index}]"), &device))?;
        if seen.len() == index {
            let message = format!("devices must be distinct, got {} twice", short_repr(&device)?);
            return Err(PyValueError::new_err(message));
        }
    }
    Ok(devices)
}

/// Returns `range(devices)` if `devices` is an integer or has `__index__`, but is not a bool, and `None` otherwise. Numbers
/// less than 1, and those for which a list of devices does not fit in memory, are errors.
pub fn device_range<'py>(devices: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = devices.py();
    if is_bool(devices) || !devices.is_instance_of::<PyInt>() && !devices.hasattr(intern!(py, "__index__"))? {
        return Ok(None);
    }
    let count = match to_index(devices) {
        Ok(count) => count,
        // Every NumPy array has `__index__`, which raises unless the array is zero-dimensional and holds an integer.
        Err(error) if error.is_instance_of::<PyTypeError>(py) => return Ok(None),
        Err(error) => return Err(error),
    };
    if count.lt(1)? {
        return Err(value_error("devices", "1 or more", &count));
    }
    if !count.extract().is_ok_and(ints_fit_in_memory) {
        return Err(memory_error(&format!("{} devices", short_repr(&count)?)));
    }
    py.get_type::<PyRange>().call1((count,)).map(Some)
}

/// Raises a `TypeError` if an object is not an iterable of devices with an order, such as a list or the keys of a dict.
fn check_has_order(devices: &Bound<'_, PyAny>) -> PyResult<()> {
    let error = |message: &'static str| Err(PyTypeError::new_err(message));
    if is_str_or_bytes(devices) || !is_iterable(devices)? {
        Err(type_error("devices", "a sequence or the number of devices", devices))
    } else if is_set(devices) {
        error("devices must have an order, got a set; pass a list")
    } else if is_mapping(devices)? {
        error("devices must be a sequence of devices, got a mapping, whose values would be lost; pass list(devices)")
    } else {
        Ok(())
    }
}
