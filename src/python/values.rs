//! The values of a device map: taken once, then read as often as needed.

use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::PyMemoryError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyList, PyRange, PyRangeMethods, PyTuple, PyType};

use super::{BETWEEN_SIGNALS, ask_for, hear_signals, layout, list_of};
use crate::coverage::{Reader, Stop};
use crate::progression::Progression;

/// The values of a device map, taken once, as the original does.
pub fn values_of<'py>(device_map: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
    match device_map.cast_exact::<PyDict>() {
        Ok(dict) => layout::dict_values(dict),
        Err(_) => list_of(&device_map.call_method0(intern!(device_map.py(), "values"))?),
    }
}

/// The values in a form that can be read in place and that nothing changes any more: tuples and ranges as they are, the
/// items of any other in a list of their own. User code may run, in the original's order.
pub fn settle<'py>(values: &Bound<'py, PyList>) -> PyResult<Bound<'py, PyList>> {
    let settled = layout::new_list(values.py())?;
    for value in values {
        if matches!(
            Value::in_place(&value),
            Some(Value::Range(_) | Value::Items(Items::Tuple(_)))
        ) {
            settled.append(value)?;
        } else {
            let items = layout::new_list(values.py())?;
            append_items(&items, &value)?;
            settled.append(items)?;
        }
    }
    Ok(settled)
}

/// The items of all values, in one list.
pub fn flatten<'py>(values: &Bound<'py, PyList>) -> PyResult<Bound<'py, PyList>> {
    let all = layout::new_list(values.py())?;
    for value in values {
        append_items(&all, &value)?;
    }
    Ok(all)
}

fn append_items<'py>(list: &Bound<'py, PyList>, value: &Bound<'py, PyAny>) -> PyResult<()> {
    if let Ok(range) = value.cast_exact::<PyRange>() {
        ask_for(range.len().map_err(|_| PyMemoryError::new_err(()))?)?;
    }
    for (step, item) in value.try_iter()?.enumerate() {
        hear_signals(list.py(), step)?;
        list.append(item?)?;
    }
    Ok(())
}

/// The blocks of one device, in a form that is read without running any code written in Python.
pub enum Value<'a, 'py> {
    /// A range.
    Range(Progression),
    /// Any other.
    Items(Items<'a, 'py>),
}

/// A sequence of blocks.
pub enum Items<'a, 'py> {
    /// A list.
    List(&'a Bound<'py, PyList>),
    /// A tuple.
    Tuple(&'a Bound<'py, PyTuple>),
    /// A one-dimensional array of native integers, and its memory.
    Array(&'a Bound<'py, PyAny>, PyUntypedBuffer),
}

/// How far a reader came.
pub enum Read<'py> {
    /// To the end.
    All,
    /// To this index, where an item needs a closer look.
    UpTo(usize, Bound<'py, PyAny>),
    /// To where it refused to read on.
    Refused,
}

impl<'a, 'py> Value<'a, 'py> {
    /// The value as it is, if it can be read in place.
    #[inline]
    pub fn in_place(value: &'a Bound<'py, PyAny>) -> Option<Self> {
        if let Ok(list) = value.cast_exact() {
            return Some(Self::Items(Items::List(list)));
        }
        if let Ok(tuple) = value.cast_exact() {
            return Some(Self::Items(Items::Tuple(tuple)));
        }
        if let Ok(range) = value.cast_exact() {
            return progression(range).map(Self::Range);
        }
        if is_array(&value.get_type()) {
            let buffer = PyUntypedBuffer::get(value).ok()?;
            return layout::is_plain_array(&buffer).then_some(Self::Items(Items::Array(value, buffer)));
        }
        None
    }
}

impl<'py> Items<'_, 'py> {
    /// Lets a reader read plain ints from an index on, as far as it comes.
    #[inline]
    pub fn read(&self, py: Python<'py>, mut from: usize, reader: &mut impl Reader) -> PyResult<Read<'py>> {
        const MOST: usize = BETWEEN_SIGNALS;
        loop {
            let read = match self {
                Self::List(list) => layout::read_list(list, from, MOST, reader),
                Self::Tuple(tuple) => layout::read_tuple(tuple, from, MOST, reader),
                Self::Array(_, buffer) => layout::read_array(buffer, from, MOST, reader),
            };
            match read {
                Ok(end) if end < from + MOST => return Ok(Read::All),
                Ok(end) => {
                    from = end;
                    py.check_signals()?;
                }
                Err(Stop::Refused) => return Ok(Read::Refused),
                Err(Stop::At(index)) => {
                    hear_signals(py, index)?;
                    // A list can have become shorter meanwhile, by a signal's handler or in another thread.
                    return Ok(self.get(py, index)?.map_or(Read::All, |item| Read::UpTo(index, item)));
                }
            }
        }
    }

    fn get(&self, py: Python<'py>, index: usize) -> PyResult<Option<Bound<'py, PyAny>>> {
        match self {
            Self::List(list) => Ok(list.get_item(index).ok()),
            Self::Tuple(tuple) => Ok(tuple.get_item(index).ok()),
            Self::Array(array, _) => array
                .get_item(layout::new_int(py, index.cast_signed() as i64)?)
                .map(Some),
        }
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
