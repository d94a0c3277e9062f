//! The values of a device map: taken once, then read as often as needed.

use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::PyMemoryError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyList, PyRange, PyRangeMethods, PyTuple, PyType};

use super::block::{Kind, Kinds};
use super::{BETWEEN_SIGNALS, ask_for, hear_signals, layout, list_of};
use crate::coverage::{Coverage, Stop};
use crate::progression::Progression;

/// The values of a device map, taken once, as the original does.
pub fn values_of<'py>(device_map: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
    match device_map.cast_exact::<PyDict>() {
        Ok(dict) => Ok(dict.values()),
        Err(_) => list_of(&device_map.call_method0(intern!(device_map.py(), "values"))?),
    }
}

/// The items of all values in order, in one list. User code may run.
pub fn drain<'py>(values: &Bound<'py, PyList>) -> PyResult<Bound<'py, PyList>> {
    let all = PyList::empty(values.py());
    for value in values {
        if let Ok(range) = value.cast_exact::<PyRange>() {
            ask_for(range.len().map_err(|_| PyMemoryError::new_err(()))?)?;
        }
        for item in value.try_iter()? {
            all.append(item?)?;
            hear_signals(values.py(), all.len())?;
        }
    }
    Ok(all)
}

/// The blocks of one device, in a form whose items come without any code written in Python.
pub enum Value<'a, 'py> {
    /// A list.
    List(&'a Bound<'py, PyList>),
    /// A tuple.
    Tuple(&'a Bound<'py, PyTuple>),
    /// A range.
    Range(Progression),
    /// A one-dimensional array of native integers, and its memory.
    Array(&'a Bound<'py, PyAny>, PyUntypedBuffer),
}

impl<'a, 'py> Value<'a, 'py> {
    /// The value as it is, if its items come without any code written in Python.
    #[inline]
    pub fn in_place(value: &'a Bound<'py, PyAny>) -> Option<Self> {
        if let Ok(list) = value.cast_exact() {
            return Some(Self::List(list));
        }
        if let Ok(tuple) = value.cast_exact() {
            return Some(Self::Tuple(tuple));
        }
        if let Ok(range) = value.cast_exact() {
            return progression(range).map(Self::Range);
        }
        if is_array(&value.get_type()) {
            let buffer = PyUntypedBuffer::get(value).ok()?;
            return layout::is_plain_array(&buffer).then_some(Self::Array(value, buffer));
        }
        None
    }

    /// Takes the value's blocks, whole runs at a time. False if that is not all there is to say: a block is taken
    /// twice, is not one of the model's, or is no number.
    pub fn take(&self, py: Python<'py>, kinds: &mut Kinds<'py>, coverage: &mut Coverage) -> PyResult<bool> {
        match self {
            Self::List(list) => take_items(list, kinds, coverage, |from, coverage| {
                layout::take_list(list, from, BETWEEN_SIGNALS, coverage)
            }),
            Self::Tuple(tuple) => take_items(tuple, kinds, coverage, |from, coverage| {
                layout::take_tuple(tuple, from, BETWEEN_SIGNALS, coverage)
            }),
            Self::Array(array, buffer) => take_items(array, kinds, coverage, |from, coverage| {
                layout::take_array(buffer, from, BETWEEN_SIGNALS, coverage)
            }),
            Self::Range(numbers) => take_range(py, numbers, coverage),
        }
    }
}

fn take_range(py: Python<'_>, numbers: &Progression, coverage: &mut Coverage) -> PyResult<bool> {
    let all = 0..numbers.len();
    if numbers.indices_within(coverage.blocks()) != all {
        return Ok(false);
    }
    for (step, run) in numbers.runs(all).enumerate() {
        hear_signals(py, step)?;
        if !coverage.take(run) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Takes the blocks of a sequence: plain ints by `take_plain`, which reads up to [`BETWEEN_SIGNALS`] of them from an
/// index on and gives where it ended, other kinds of numbers one by one.
fn take_items<'py>(
    items: &Bound<'py, PyAny>,
    kinds: &mut Kinds<'py>,
    coverage: &mut Coverage,
    take_plain: impl Fn(usize, &mut Coverage) -> Result<usize, Stop>,
) -> PyResult<bool> {
    let mut from = 0;
    loop {
        match take_plain(from, coverage) {
            Ok(end) if end < from + BETWEEN_SIGNALS => return Ok(true),
            Ok(end) => from = end,
            Err(Stop::Refused) => return Ok(false),
            Err(Stop::NotPlain(index)) => {
                let Ok(item) = items.get_item(index) else {
                    return Ok(false);
                };
                match kinds.of(&item) {
                    Kind::Number(number) if coverage.take_number(number) => from = index + 1,
                    _ => return Ok(false),
                }
            }
        }
        hear_signals(items.py(), from.wrapping_sub(1))?;
    }
}

fn progression(range: &Bound<'_, PyRange>) -> Option<Progression> {
    let start = i64::try_from(range.start().ok()?).ok()?;
    let step = i64::try_from(range.step().ok()?).ok()?;
    Progression::new(start, step, range.len().ok()?)
}

/// Whether a type is `numpy.ndarray` or `array.array` and no subclass, which might give its items otherwise.
fn is_array(type_: &Bound<'_, PyType>) -> bool {
    static ARRAY: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    match layout::static_type_name(type_) {
        Some(name) => name == c"numpy.ndarray",
        None => ARRAY
            .import(type_.py(), "array", "array")
            .is_ok_and(|array| array.is(type_)),
    }
}
