//! Tests for the kinds of Python objects, and conversions with Python's own constructors.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyByteArray, PyBytes, PyDict, PyFrozenSet, PyList, PySet, PyString, PyTuple};

/// Returns `list(iterable)`.
pub fn list_from_iterable<'py>(iterable: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
    Ok(iterable.py().get_type::<PyList>().call1((iterable,))?.cast_into()?)
}

/// Returns `tuple(iterable)`.
pub fn tuple_from_iterable<'py>(iterable: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyTuple>> {
    Ok(iterable.py().get_type::<PyTuple>().call1((iterable,))?.cast_into()?)
}

/// Returns `operator.index(object)`, an exact int.
pub fn to_index<'py>(object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    static INDEX: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    INDEX.import(object.py(), "operator", "index")?.call1((object,))
}

/// Returns `true` if the type of an object supports `iter()`.
pub fn is_iterable(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = object.py();
    let type_ = object.get_type();
    Ok(match type_.getattr_opt(intern!(py, "__iter__"))? {
        Some(iter) => !iter.is_none(),
        None => type_.hasattr(intern!(py, "__getitem__"))?,
    })
}

/// Returns `true` if an object is a set or a frozenset, which has no order.
pub fn is_set(object: &Bound<'_, PyAny>) -> bool {
    object.is_instance_of::<PySet>() || object.is_instance_of::<PyFrozenSet>()
}

/// Returns `true` if an object is a str, bytes or a bytearray. These are iterable, but are not accepted as a sequence of
/// numbers, blocks or devices.
pub fn is_str_or_bytes(object: &Bound<'_, PyAny>) -> bool {
    object.is_instance_of::<PyString>() || object.is_instance_of::<PyBytes>() || object.is_instance_of::<PyByteArray>()
}

/// Returns `true` if an object is a mapping: a dict, or an instance of `collections.abc.Mapping`.
pub fn is_mapping(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    static MAPPING: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    if object.is_instance_of::<PyDict>() {
        return Ok(true);
    }
    // A cast to PyMapping would discard an exception raised by the test, such as KeyboardInterrupt.
    object.is_instance(MAPPING.import(object.py(), "collections.abc", "Mapping")?)
}
