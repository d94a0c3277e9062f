//! The binding of the headers of checkpoints.

use std::io;
use std::path::{Path, PathBuf};

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};

use super::error::{errors_module, to_err};
use crate::headers::gguf::{Metadata, Value};
use crate::headers::groups::Groups;
use crate::headers::{FileError, HeaderError, checkpoint};

/// Why a checkpoint was not read.
enum ReadError {
    File(FileError),
    /// A signal handler raised an exception.
    Interrupted(PyErr),
}

impl From<FileError> for ReadError {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}

/// Returns the groups of the tensors of a safetensors file.
#[pyfunction]
pub fn read_safetensors(py: Python<'_>, path: PathBuf) -> PyResult<Bound<'_, PyList>> {
    let groups = py.detach(move || checkpoint::read_file(&path));
    to_list(py, &groups.map_err(|error| model_error(py, &error))?)
}

/// Returns the groups of the tensors of all files that an index names.
#[pyfunction]
pub fn read_sharded(py: Python<'_>, index_path: PathBuf) -> PyResult<Bound<'_, PyList>> {
    let groups = py.detach(move || checkpoint::read_sharded(&index_path, check_signals));
    to_list(py, &groups.map_err(|error| to_exception(py, error))?)
}

/// Returns the metadata of each of the GGUF files, and the groups of the tensors of all files.
#[pyfunction]
pub fn read_gguf(py: Python<'_>, paths: Vec<PathBuf>) -> PyResult<(Bound<'_, PyList>, Bound<'_, PyList>)> {
    let result = py.detach(move || checkpoint::read_gguf(&paths, check_signals));
    let (metadata, groups) = result.map_err(|error| to_exception(py, error))?;
    let metadata = metadata.into_iter().map(|values| to_dict(py, values));
    Ok((
        PyList::new(py, metadata.collect::<PyResult<Vec<_>>>()?)?,
        to_list(py, &groups)?,
    ))
}

/// Calls the signal handlers of pending signals.
fn check_signals() -> Result<(), ReadError> {
    Python::attach(|py: Python<'_>| py.check_signals()).map_err(ReadError::Interrupted)
}

/// Converts groups to tuples `(name, stack, number, has_modules, expert_bytes, dtypes)`.
fn to_list<'py>(py: Python<'py>, groups: &Groups) -> PyResult<Bound<'py, PyList>> {
    let dtypes: Vec<_> = groups.dtypes().iter().map(|dtype| PyString::new(py, dtype)).collect();
    let list = PyList::empty(py);
    for group in groups.groups() {
        let bytes = PyDict::new(py);
        for &(dtype, count) in &group.dtype_bytes {
            bytes.set_item(&dtypes[dtype], count)?;
        }
        let stack = group.block.map(|(_, len)| &group.name[..len]);
        let number = group.block.map(|(number, _)| number);
        list.append((&group.name, stack, number, group.has_modules, group.expert_bytes, bytes))?;
    }
    Ok(list)
}

/// Converts metadata to a dict.
fn to_dict(py: Python<'_>, metadata: Metadata) -> PyResult<Bound<'_, PyDict>> {
    let dict = PyDict::new(py);
    for (key, value) in metadata {
        dict.set_item(key, to_object(py, value)?)?;
    }
    Ok(dict)
}

/// Converts a metadata value to a Python object.
fn to_object(py: Python<'_>, value: Value) -> PyResult<Bound<'_, PyAny>> {
    Ok(match value {
        Value::Unsigned(number) => number.into_pyobject(py)?.into_any(),
        Value::Signed(number) => number.into_pyobject(py)?.into_any(),
        Value::Float(number) => number.into_pyobject(py)?.into_any(),
        Value::Bool(flag) => flag.into_pyobject(py)?.to_owned().into_any(),
        Value::String(string) => string.into_pyobject(py)?.into_any(),
        Value::Array(values) => {
            let list = PyList::empty(py);
            for value in values {
                list.append(to_object(py, value)?)?;
            }
            list.into_any()
        }
    })
}

fn to_exception(py: Python<'_>, error: ReadError) -> PyErr {
    match error {
        ReadError::File(error) => model_error(py, &error),
        ReadError::Interrupted(error) => error,
    }
}

/// Returns the `ModelError` for a file that cannot be read.
fn model_error(py: Python<'_>, FileError { path, error }: &FileError) -> PyErr {
    let create = || {
        let class = errors_module(py)?.getattr(intern!(py, "ModelError"))?;
        class.call1((describe(path, error),)).map(to_err)
    };
    create().unwrap_or_else(|error| error)
}

/// Describes why a file cannot be read.
fn describe(path: &Path, error: &HeaderError) -> String {
    let path = path.display();
    match error {
        HeaderError::Io(error) if error.kind() == io::ErrorKind::NotFound => format!("{path} does not exist"),
        HeaderError::Io(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            format!("{path} cannot be read: permission denied")
        }
        HeaderError::Io(error) => format!("{path} cannot be read: {error}"),
        HeaderError::NotAFile => format!("{path} is not a regular file"),
        HeaderError::LfsPointer => {
            format!("{path} is a Git LFS pointer, not the file itself; run `git lfs pull` in its repository")
        }
        HeaderError::IndexMismatch(differences) => {
            format!("{path} and the files that it names contain different tensors: {differences}")
        }
        HeaderError::Invalid { position, message } => format!("{path}: {message} (at byte {position})"),
    }
}
