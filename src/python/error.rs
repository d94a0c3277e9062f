//! The errors that the binding raises, and how values are shown in them. The classes of devicemap's own are those of the
//! facade's `_errors.py`.

use pyo3::exceptions::{PyMemoryError, PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyModule, PyString};

/// The lists that a `DeviceMapError` carries.
pub struct Faults<'py> {
    /// The first occurrence of each block that is given more than once.
    pub duplicate: Bound<'py, PyList>,
    /// The model's blocks that are not given.
    pub missing: Bound<'py, PyList>,
    /// What is given and no block of the model.
    pub extra: Bound<'py, PyList>,
}

impl Faults<'_> {
    /// An error that names the first kind of fault that there is, in the original's order and words.
    pub fn into_result(self) -> PyResult<()> {
        let texts = [
            (
                &self.duplicate,
                "Duplicate attention blocks specified in device_map. Attention blocks must be specified to one device. \
                 These attention blocks were specified more than once: ",
            ),
            (
                &self.missing,
                "There are attention blocks for this model that are not specified in the device_map. Add these \
                 attention blocks to a device on the device_map: ",
            ),
            (
                &self.extra,
                "The device_map contains more attention blocks than this model has. Remove these from the device_map:",
            ),
        ];
        match texts.iter().find(|(blocks, _)| !blocks.is_empty()) {
            Some((blocks, text)) => Err(self.error(text, blocks)?),
            None => Ok(()),
        }
    }

    fn error(&self, text: &str, blocks: &Bound<'_, PyList>) -> PyResult<PyErr> {
        let py = blocks.py();
        let message = PyString::new(py, text).add(blocks.str()?)?;
        let error = errors(py)?.getattr(intern!(py, "DeviceMapError"))?.call1((message,))?;
        error.setattr(intern!(py, "duplicate_blocks"), &self.duplicate)?;
        error.setattr(intern!(py, "missing_blocks"), &self.missing)?;
        error.setattr(intern!(py, "extra_blocks"), &self.extra)?;
        Ok(raised(error))
    }
}

/// An `InfeasibleError` with its message and attributes, of which the last are the bytes needed and the bytes available.
pub fn infeasible<'py>(
    py: Python<'py>,
    message: &str,
    reason: &str,
    block: Option<usize>,
    device: Option<Bound<'py, PyAny>>,
    bytes: Option<(u128, u128)>,
) -> PyResult<PyErr> {
    let class = errors(py)?.getattr(intern!(py, "InfeasibleError"))?;
    let error = class.call1((PyString::new(py, message),))?;
    error.setattr(intern!(py, "reason"), reason)?;
    error.setattr(intern!(py, "block"), block)?;
    error.setattr(intern!(py, "device"), device)?;
    error.setattr(intern!(py, "needed"), bytes.map(|(needed, _)| needed))?;
    error.setattr(intern!(py, "available"), bytes.map(|(_, available)| available))?;
    Ok(raised(error))
}

/// The module of the exception classes. It is looked up for each error, so that what is raised is of the classes that
/// `devicemap` has at that time, whether it has been imported once or again.
fn errors(py: Python<'_>) -> PyResult<Bound<'_, PyModule>> {
    py.import(intern!(py, "devicemap._errors"))
}

/// The repr of a value as messages show it: on one line, shortened, and the name of its type if it has no repr.
pub fn short_repr(value: &Bound<'_, PyAny>) -> PyResult<String> {
    let py = value.py();
    let text = errors(py)?.call_method1(intern!(py, "short_repr"), (value,))?;
    Ok(text.cast::<PyString>()?.to_string_lossy().into_owned())
}

/// The `ValueError` of an argument that is of the right kind, but has a wrong value.
pub fn wrong_value(argument: &str, expected: &str, got: &Bound<'_, PyAny>) -> PyErr {
    must_be(argument, expected, got).map_or_else(|error| error, PyValueError::new_err)
}

/// The `TypeError` of an argument that is of a wrong kind.
pub fn wrong_type(argument: &str, expected: &str, got: &Bound<'_, PyAny>) -> PyErr {
    must_be(argument, expected, got).map_or_else(|error| error, PyTypeError::new_err)
}

fn must_be(argument: &str, expected: &str, got: &Bound<'_, PyAny>) -> PyResult<String> {
    Ok(format!("{argument} must be {expected}, got {}", short_repr(got)?))
}

/// The `TypeError` of a mapping in place of something else, with what the caller can do instead.
pub fn wrong_mapping(argument: &str, expected: &str, got: &Bound<'_, PyAny>, instead: &str) -> PyErr {
    match short_repr(got) {
        Ok(got) => PyTypeError::new_err(format!(
            "{argument} must be {expected}, got the mapping {got}; {instead}"
        )),
        Err(error) => error,
    }
}

/// The error of a device that cannot be hashed, with the name of the argument.
pub fn unhashable(error: PyErr, argument: &str, device: &Bound<'_, PyAny>) -> PyErr {
    let py = device.py();
    if !error.is_instance_of::<PyTypeError>(py) {
        return error;
    }
    caused_by(py, wrong_type(argument, "hashable", device), error)
}

/// An error with the error that caused it.
pub fn caused_by(py: Python<'_>, error: PyErr, cause: PyErr) -> PyErr {
    error.set_cause(py, Some(cause));
    error
}

/// A `MemoryError` that says what there is no memory for.
pub fn memory_error(what: &str) -> PyErr {
    PyMemoryError::new_err(format!("not enough memory for {what}"))
}

/// An exception object as an error. It is given by its type once more, so that it is raised anew, with what is being
/// handled as its context.
fn raised(error: Bound<'_, PyAny>) -> PyErr {
    PyErr::from_type(error.get_type(), error.unbind())
}
