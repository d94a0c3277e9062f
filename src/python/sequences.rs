//! Conversion of Python arguments to integers and lists.

use pyo3::exceptions::{PyNotImplementedError, PyOverflowError, PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyList;

use super::error::{caused_by, mapping_error, type_error, value_error};
use super::objects::{is_iterable, is_mapping, is_set, is_str_or_bytes, list_from_iterable, to_index};

/// Converts an argument to an exact int using its `__index__`. `argument` is its name in error messages.
#[pyfunction]
pub fn to_integer<'py>(argument: &str, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    to_index(value).map_err(|error| {
        let py = value.py();
        if !error.is_instance_of::<PyTypeError>(py) {
            return error;
        }
        caused_by(py, type_error(argument, "an integer", value), error)
    })
}

/// Converts a sequence of integers to a list of exact ints. `argument` is its name in error messages.
#[pyfunction]
pub fn to_integers<'py>(argument: &str, values: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
    let integers = PyList::empty(values.py());
    for (index, value) in to_list(argument, values, "a sequence of integers")?.iter().enumerate() {
        integers.append(to_integer(&format!("{argument}[{index}]"), &value)?)?;
    }
    Ok(integers)
}

/// Converts the argument `num_blocks`, a non-negative integer below 2**63.
pub fn parse_num_blocks(num_blocks: &Bound<'_, PyAny>) -> PyResult<usize> {
    let number = to_integer("num_blocks", num_blocks)?;
    if number.lt(0)? {
        return Err(value_error("num_blocks", "0 or more", &number));
    }
    number
        .extract::<isize>()
        .map(isize::unsigned_abs)
        .map_err(|_| PyOverflowError::new_err("num_blocks must be less than 2**63"))
}

/// Copies the items of an ordered iterable into a list. Returns an error stating that the argument must be `expected` if it
/// is a mapping, a set, a str, bytes or not iterable.
pub fn to_list<'py>(argument: &str, values: &Bound<'py, PyAny>, expected: &str) -> PyResult<Bound<'py, PyList>> {
    let py = values.py();
    if is_mapping(values)? {
        let hint = format!("pass list({argument}.values()) if the values are in the intended order");
        return Err(mapping_error(argument, expected, values, &hint));
    }
    if is_str_or_bytes(values) || is_set(values) || !is_iterable(values)? {
        return Err(type_error(argument, expected, values));
    }
    if has_masked_values(values)? {
        return Err(type_error(argument, "an array without masked values", values));
    }
    if let Some(num_dimensions) = num_dimensions(values)?
        && num_dimensions != 1
    {
        return Err(num_dimensions_error(argument, values, num_dimensions));
    }
    list_from_iterable(values).map_err(|error| {
        if error.is_instance_of::<PyNotImplementedError>(py) {
            // Iterating over a memoryview raises this if Python does not support the format of its items.
            type_error(argument, expected, values)
        } else {
            error
        }
    })
}

/// Returns the number of dimensions of an array or a tensor, or `None` for an object without a `shape`.
pub fn num_dimensions(value: &Bound<'_, PyAny>) -> PyResult<Option<usize>> {
    let shape = value.getattr_opt(intern!(value.py(), "shape"))?;
    Ok(shape.and_then(|shape| shape.len().ok()))
}

/// Returns the error for an array whose number of dimensions is not 1.
pub fn num_dimensions_error(argument: &str, array: &Bound<'_, PyAny>, num_dimensions: usize) -> PyErr {
    if num_dimensions == 0 {
        // A zero-dimensional array is not a sequence.
        return type_error(argument, "a sequence", array);
    }
    PyValueError::new_err(format!(
        "{argument} must be one-dimensional, got {num_dimensions} dimensions"
    ))
}

/// Returns `true` if an object is a NumPy masked array with masked values. Such an array is rejected, since its buffer also
/// contains the values under the mask, which are not meant to be used.
pub fn has_masked_values(array: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = array.py();
    for class in array.get_type().mro() {
        if class.getattr(intern!(py, "__name__"))?.eq(intern!(py, "MaskedArray"))? {
            let mask = array.getattr(intern!(py, "mask"))?;
            return mask.call_method0(intern!(py, "any"))?.is_truthy();
        }
    }
    Ok(false)
}
