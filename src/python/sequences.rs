//! Integers, and sequences in an order as lists.

use pyo3::exceptions::{PyNotImplementedError, PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyList;

use super::error::{caused_by, wrong_mapping, wrong_type};
use super::{index, is_iterable, is_mapping, is_set, is_text, list_of};

/// The exact int that an argument stands for, by its `__index__`.
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

/// The ints of a sequence, as exact ones; errors call it by its name.
#[pyfunction]
pub fn integers<'py>(name: &str, values: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
    let integers = PyList::empty(values.py());
    for (index, value) in to_list(name, values, "a sequence of integers")?.iter().enumerate() {
        integers.append(integer(&format!("{name}[{index}]"), &value)?)?;
    }
    Ok(integers)
}

/// The items of a sequence in a list of their own, where it has an order; errors say what is expected.
pub fn to_list<'py>(argument: &str, sequence: &Bound<'py, PyAny>, expected: &str) -> PyResult<Bound<'py, PyList>> {
    let py = sequence.py();
    if is_mapping(sequence)? {
        let instead = format!("write list({argument}.values()) if its order is right");
        return Err(wrong_mapping(argument, expected, sequence, &instead));
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
    list_of(sequence).map_err(|error| {
        if error.is_instance_of::<PyNotImplementedError>(py) {
            // From a memoryview whose format Python cannot read.
            wrong_type(argument, expected, sequence)
        } else {
            error
        }
    })
}

/// The number of dimensions of an array or a tensor, by its `shape`. None for what has no shape.
pub fn dimensions(value: &Bound<'_, PyAny>) -> PyResult<Option<usize>> {
    let shape = value.getattr_opt(intern!(value.py(), "shape"))?;
    Ok(shape.and_then(|shape| shape.len().ok()))
}

/// The error of an array that has not one dimension.
pub fn wrong_dimensions(argument: &str, sequence: &Bound<'_, PyAny>, dimensions: usize) -> PyErr {
    let text = format!("{argument} must have one dimension, got {dimensions}");
    if dimensions == 0 {
        // A number, and no sequence at all.
        return wrong_type(argument, "a sequence", sequence);
    }
    PyValueError::new_err(text)
}

/// Whether it is one of numpy's masked arrays, in which some values are masked: its memory holds them all the same.
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
