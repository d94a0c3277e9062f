//! Reads integers, and copies ordered sequences into lists.

use pyo3::exceptions::{PyNotImplementedError, PyOverflowError, PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyList;

use super::error::{caused_by, wrong_mapping, wrong_type, wrong_value};
use super::objects::{index, is_iterable, is_mapping, is_set, is_text, list};

/// Returns the value of an integer argument, by its `__index__`, as an exact int.
#[pyfunction]
pub fn integer<'py>(name: &str, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    index(value).map_err(|error| {
        let py = value.py();
        if !error.is_instance_of::<PyTypeError>(py) {
            return error;
        }
        caused_by(py, wrong_type(name, "an integer", value), error)
    })
}

/// Returns the value of the argument `num_blocks`.
pub fn parse_num_blocks(num_blocks: &Bound<'_, PyAny>) -> PyResult<usize> {
    let number = integer("num_blocks", num_blocks)?;
    if number.lt(0)? {
        return Err(wrong_value("num_blocks", "0 or more", &number));
    }
    number
        .extract::<isize>()
        .map(isize::unsigned_abs)
        .map_err(|_| PyOverflowError::new_err("num_blocks must be less than 2**63"))
}

/// Returns a list of the integers in a sequence, as exact ints. `name` is the name of the argument.
#[pyfunction]
pub fn integers<'py>(name: &str, values: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
    let integers = PyList::empty(values.py());
    for (index, value) in to_list(name, values, "a sequence of integers")?.iter().enumerate() {
        integers.append(integer(&format!("{name}[{index}]"), &value)?)?;
    }
    Ok(integers)
}

/// Copies an ordered sequence into a list. An argument of another type is an error which says that it must be `expected`.
pub fn to_list<'py>(argument: &str, sequence: &Bound<'py, PyAny>, expected: &str) -> PyResult<Bound<'py, PyList>> {
    let py = sequence.py();
    if is_mapping(sequence)? {
        let advice = format!("write list({argument}.values()) if its order is right");
        return Err(wrong_mapping(argument, expected, sequence, &advice));
    }
    if is_text(sequence) || is_set(sequence) || !is_iterable(sequence)? {
        return Err(wrong_type(argument, expected, sequence));
    }
    if is_masked(sequence)? {
        return Err(wrong_type(argument, "without masked values", sequence));
    }
    if let Some(dimensions) = dimensions(sequence)?
        && dimensions != 1
    {
        return Err(wrong_dimensions(argument, sequence, dimensions));
    }
    list(sequence).map_err(|error| {
        if error.is_instance_of::<PyNotImplementedError>(py) {
            // Python cannot read the format of this memoryview.
            wrong_type(argument, expected, sequence)
        } else {
            error
        }
    })
}

/// Returns the number of dimensions of an array or a tensor, or `None` for an object without a `shape`.
pub fn dimensions(value: &Bound<'_, PyAny>) -> PyResult<Option<usize>> {
    let shape = value.getattr_opt(intern!(value.py(), "shape"))?;
    Ok(shape.and_then(|shape| shape.len().ok()))
}

/// Returns the error for an array whose number of dimensions is not 1.
pub fn wrong_dimensions(argument: &str, sequence: &Bound<'_, PyAny>, dimensions: usize) -> PyErr {
    let text = format!("{argument} must have one dimension, got {dimensions}");
    if dimensions == 0 {
        // A zero-dimensional array is not a sequence.
        return wrong_type(argument, "a sequence", sequence);
    }
    PyValueError::new_err(text)
}

/// Returns whether an object is a numpy masked array with masked values. Its buffer also contains the masked values.
pub fn is_masked(sequence: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = sequence.py();
    for class in sequence.get_type().mro() {
        if class.getattr(intern!(py, "__name__"))?.eq(intern!(py, "MaskedArray"))? {
            let mask = sequence.getattr(intern!(py, "mask"))?;
            return mask.call_method0(intern!(py, "any"))?.is_truthy();
        }
    }
    Ok(false)
}
