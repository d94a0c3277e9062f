//! Creates the exceptions that the binding raises. The classes of devicemap are defined in the facade's `_errors.py`.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyModule, PyString};

/// Returns an `InfeasibleError` with the given message and attributes. `bytes` contains the attributes `needed` and
/// `available`.
pub fn new_infeasible_error<'py>(
    py: Python<'py>,
    message: &str,
    reason: &str,
    block: Option<usize>,
    device: Option<Bound<'py, PyAny>>,
    bytes: Option<(u128, u128)>,
) -> PyResult<PyErr> {
    let class = errors_module(py)?.getattr(intern!(py, "InfeasibleError"))?;
    let error = class.call1((PyString::new(py, message),))?;
    error.setattr(intern!(py, "reason"), reason)?;
    error.setattr(intern!(py, "block"), block)?;
    error.setattr(intern!(py, "device"), device)?;
    error.setattr(intern!(py, "needed"), bytes.map(|(needed, _)| needed))?;
    error.setattr(intern!(py, "available"), bytes.map(|(_, available)| available))?;
    Ok(to_err(error))
}

/// Returns the module of the exception classes. It is imported for each error, so that the classes are the current ones
/// even after `devicemap` has been imported again.
pub fn errors_module(py: Python<'_>) -> PyResult<Bound<'_, PyModule>> {
    py.import(intern!(py, "devicemap._errors"))
}

/// Returns the repr of a value for an error message, shortened and on one line. Returns the name of the value's type if
/// `repr` raises.
pub fn short_repr(value: &Bound<'_, PyAny>) -> PyResult<String> {
    let py = value.py();
    let text = errors_module(py)?.call_method1(intern!(py, "short_repr"), (value,))?;
    Ok(text.cast::<PyString>()?.to_string_lossy().into_owned())
}

/// Returns the `ValueError` for an argument that has the right type but an invalid value.
pub fn value_error(argument: &str, expected: &str, got: &Bound<'_, PyAny>) -> PyErr {
    must_be(argument, expected, got).map_or_else(|error| error, PyValueError::new_err)
}

/// Returns the `TypeError` for an argument that has the wrong type.
pub fn type_error(argument: &str, expected: &str, got: &Bound<'_, PyAny>) -> PyErr {
    must_be(argument, expected, got).map_or_else(|error| error, PyTypeError::new_err)
}

/// Returns the message "`argument` must be `expected`, got `got`".
fn must_be(argument: &str, expected: &str, got: &Bound<'_, PyAny>) -> PyResult<String> {
    Ok(format!("{argument} must be {expected}, got {}", short_repr(got)?))
}

/// Returns the `TypeError` for a mapping where another type is expected. The message ends with a hint for the caller.
pub fn mapping_error(argument: &str, expected: &str, got: &Bound<'_, PyAny>, hint: &str) -> PyErr {
    match short_repr(got) {
        Ok(got) => PyTypeError::new_err(format!("{argument} must be {expected}, got the mapping {got}; {hint}")),
        Err(error) => error,
    }
}

/// Replaces the `TypeError` of an unhashable device by one that names the argument.
pub fn unhashable_error(error: PyErr, argument: &str, device: &Bound<'_, PyAny>) -> PyErr {
    let py = device.py();
    if !error.is_instance_of::<PyTypeError>(py) {
        return error;
    }
    caused_by(py, type_error(argument, "hashable", device), error)
}

/// Returns `error` with `cause` as its `__cause__`.
pub fn caused_by(py: Python<'_>, error: PyErr, cause: PyErr) -> PyErr {
    error.set_cause(py, Some(cause));
    error
}

/// Converts an exception object to a `PyErr`. The type is passed together with the object, so that Python raises the object
/// as a new exception and sets its `__context__`.
pub fn to_err(error: Bound<'_, PyAny>) -> PyErr {
    PyErr::from_type(error.get_type(), error.unbind())
}
