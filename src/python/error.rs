//! `DeviceMapError`, which a device map with faults raises, and `InfeasibleError`, where there can be no map.

use pyo3::exceptions::{PyAssertionError, PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyList, PyTuple, PyType};

use super::layout;

const DOC: &str = "\
A device map that does not give each block of the model to exactly one device.

It is both an ``AssertionError`` and a ``ValueError``: transformers' ``assert_device_map`` raised the first up to some
4.x and the second later, with the same text. The message names only the first kind of fault; the attributes hold all.

Attributes:
    duplicate_blocks: blocks that are given more than once, each told once, in the map's order.
    missing_blocks: blocks of the model that are given to no device, ascending.
    extra_blocks: what the map gives that is no block of the model, in the map's order.

Each is a sequence, empty where there is no fault of the kind. Those of ``assert_device_map`` are lists; the first and the
last hold the map's own objects.";

const INFEASIBLE_DOC: &str = "\
No device map can be made: the memory of the devices does not hold the blocks.

The message says why in numbers. It is a ``ValueError``.";

/// The lists that a [`device_map_error`] carries.
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
        let message = layout::new_str(py, text)?.add(blocks.str()?)?;
        let error = device_map_error(py)?.call1((message,))?;
        error.setattr(intern!(py, "duplicate_blocks"), &self.duplicate)?;
        error.setattr(intern!(py, "missing_blocks"), &self.missing)?;
        error.setattr(intern!(py, "extra_blocks"), &self.extra)?;
        // Of its type once more, so that it is raised anew, with what is being handled as its context.
        Ok(PyErr::from_type(error.get_type(), error.unbind()))
    }
}

/// The class `DeviceMapError(AssertionError, ValueError)`. Its attributes live in the instance's `__dict__`, so that
/// it pickles and copies as any exception does.
pub fn device_map_error(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let bases = (py.get_type::<PyAssertionError>(), py.get_type::<PyValueError>());
    let attributes = ["duplicate_blocks", "missing_blocks", "extra_blocks"];
    class(&CLASS, "DeviceMapError", &bases.into_pyobject(py)?, DOC, &attributes)
}

/// The class `InfeasibleError(ValueError)`.
pub fn infeasible_error(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let bases = (py.get_type::<PyValueError>(),).into_pyobject(py)?;
    class(&CLASS, "InfeasibleError", &bases, INFEASIBLE_DOC, &[])
}

/// An `InfeasibleError` that says why there is no map.
pub fn infeasible(py: Python<'_>, why: &str) -> PyErr {
    infeasible_error(py).map_or_else(|error| error, |class| of_class(class, why))
}

/// A `ValueError` of that text, or the error that kept it from being made: PyO3's own constructors panic then.
pub fn value_error(py: Python<'_>, text: &str) -> PyErr {
    of_class(&py.get_type::<PyValueError>(), text)
}

/// A `TypeError`, as [`value_error`].
pub fn type_error(py: Python<'_>, text: &str) -> PyErr {
    of_class(&py.get_type::<PyTypeError>(), text)
}

fn of_class(class: &Bound<'_, PyType>, text: &str) -> PyErr {
    match layout::new_str(class.py(), text).and_then(|text| class.call1((text,))) {
        // Of its type once more, so that it is raised anew, with what is being handled as its context.
        Ok(error) => PyErr::from_type(error.get_type(), error.unbind()),
        Err(error) => error,
    }
}

/// Makes a class of exceptions once, whose attributes are empty unless set.
fn class<'py>(
    made: &'static PyOnceLock<Py<PyType>>,
    name: &str,
    bases: &Bound<'py, PyTuple>,
    doc: &str,
    attributes: &[&str],
) -> PyResult<&'py Bound<'py, PyType>> {
    let py = bases.py();
    made.get_or_try_init(py, || {
        let namespace = PyDict::new(py);
        namespace.set_item("__module__", "devicemap")?;
        namespace.set_item("__doc__", doc)?;
        for attribute in attributes {
            namespace.set_item(attribute, PyTuple::empty(py))?;
        }
        let class = py.get_type::<PyType>().call1((name, bases, namespace))?;
        Ok(class.cast_into::<PyType>()?.unbind())
    })
    .map(|class| class.bind(py))
}
