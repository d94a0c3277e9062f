//! The values of a device map: taken once, then read as often as needed.

use std::ffi::CStr;

use pyo3::exceptions::PyIndexError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyRange, PyRangeMethods, PyTuple, PyType};

use super::error::{unhashable, wrong_type};
use super::{BETWEEN_SIGNALS, Ears, ask_for_ints, cpython, is_iterable, list_of};
use crate::coverage::int_range::Progression;
use crate::numbers::{Reader, Stop};

const NUMPY_ARRAY: &CStr = c"numpy.ndarray";

/// The values of a device map, taken once, as the original does.
pub fn values_of<'py>(device_map: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
    match device_map.cast_exact::<PyDict>() {
        Ok(dict) => Ok(dict.values()),
        Err(_) => list_of(&device_map.call_method0(intern!(device_map.py(), "values"))?),
    }
}

/// The devices of a device map and the value of each, taken once.
pub fn entries_of<'py>(device_map: &Bound<'py, PyAny>) -> PyResult<(Bound<'py, PyList>, Bound<'py, PyList>)> {
    const PAIRS: &str = "pairs of a device and its blocks";
    let py = device_map.py();
    if let Ok(dict) = device_map.cast_exact::<PyDict>() {
        return Ok(cpython::dict_entries(dict));
    }
    let Some(items) = device_map.getattr_opt(intern!(py, "items"))? else {
        return Err(wrong_type(
            "device_map",
            "a mapping, {device: [block, ...]}",
            device_map,
        ));
    };
    let (devices, values) = (PyList::empty(py), PyList::empty(py));
    let pairs = items.call0()?;
    if !is_iterable(&pairs)? {
        return Err(wrong_type("device_map.items()", PAIRS, &pairs));
    }
    for entry in list_of(&pairs)? {
        let Some(pair) = entry.cast::<PyTuple>().ok().filter(|pair| pair.len() == 2) else {
            return Err(wrong_type("device_map.items()", PAIRS, &entry));
        };
        let device = pair.get_item(0)?;
        device
            .hash()
            .map_err(|error| unhashable(error, "the device", &device))?;
        devices.append(device)?;
        values.append(pair.get_item(1)?)?;
    }
    Ok((devices, values))
}

/// Snapshots the values, so that reading them later runs no user code. Tuples and ranges are kept; other iterables are
/// copied into lists, in the order of the values. `check` is called with the index of each value before it is copied.
pub fn snapshot<'py>(
    ears: &mut Ears<'py>,
    values: &Bound<'py, PyList>,
    check: impl Fn(usize) -> PyResult<()>,
) -> PyResult<Bound<'py, PyList>> {
    let copies = PyList::empty(values.py());
    for (at, value) in values.iter().enumerate() {
        if let Some(Value::Range(_) | Value::Items(Items::Tuple(_))) = Value::in_place(&value) {
            copies.append(value)?;
        } else {
            check(at)?;
            let items = PyList::empty(values.py());
            append_items(ears, &items, &value)?;
            copies.append(items)?;
        }
    }
    Ok(copies)
}

/// The items of all values, in one list.
pub fn flatten<'py>(ears: &mut Ears<'py>, values: &Bound<'py, PyList>) -> PyResult<Bound<'py, PyList>> {
    let all = PyList::empty(values.py());
    for value in values {
        append_items(ears, &all, &value)?;
    }
    Ok(all)
}

fn append_items<'py>(ears: &mut Ears<'py>, list: &Bound<'py, PyList>, value: &Bound<'py, PyAny>) -> PyResult<()> {
    if let Ok(range) = value.cast_exact::<PyRange>() {
        ask_for_ints(range.len().unwrap_or(usize::MAX))?;
    }
    for item in value.try_iter()? {
        list.append(item?)?;
        ears.after(1)?;
    }
    ears.after(1)
}

/// The blocks of one device, in a form that is read without running any code written in Python.
pub enum Value<'a, 'py> {
    /// A range.
    Range(Progression),
    /// Any other.
    Items(Items<'a, 'py>),
}

/// A sequence of blocks, or of costs.
pub enum Items<'a, 'py> {
    /// A list.
    List(&'a Bound<'py, PyList>),
    /// A tuple.
    Tuple(&'a Bound<'py, PyTuple>),
    /// A one-dimensional array of native numbers.
    Array(&'a Bound<'py, PyAny>),
}

/// How far a reader came.
pub enum Read<'py, E> {
    /// To the end.
    All,
    /// To this index, where an item is not a plain number.
    NotPlain(usize, Bound<'py, PyAny>),
    /// To a number that it cannot use.
    Error(E),
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
            return cpython::array_len(value, cpython::INTEGERS).map(|_| Self::Items(Items::Array(value)));
        }
        None
    }
}

impl Value<'_, '_> {
    /// How many blocks there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Range(numbers) => numbers.len(),
            Self::Items(items) => items.len(),
        }
    }
}

impl<'py> Items<'_, 'py> {
    /// How many items there are.
    pub fn len(&self) -> usize {
        match self {
            Self::List(list) => list.len(),
            Self::Tuple(tuple) => tuple.len(),
            Self::Array(array) => cpython::array_len(array, cpython::NUMBERS).unwrap_or(0),
        }
    }

    /// Whether the items are numpy's integers.
    pub fn are_of_numpy(&self) -> bool {
        matches!(self, Self::Array(array) if cpython::c_type_name(&array.get_type()) == Some(NUMPY_ARRAY))
    }

    /// Lets a reader read plain ints from an index on, as far as it comes. Signals are checked between pieces, for which the
    /// buffer of an array is exported anew.
    #[inline]
    pub fn read<R: Reader>(
        &self,
        ears: &mut Ears<'py>,
        mut from: usize,
        reader: &mut R,
    ) -> PyResult<Read<'py, R::Error>> {
        const MOST: usize = BETWEEN_SIGNALS;
        loop {
            let read = match self {
                Self::List(list) => cpython::read_list(list, from, MOST, reader),
                Self::Tuple(tuple) => cpython::read_tuple(tuple, from, MOST, reader),
                Self::Array(array) => cpython::read_array(array, from, MOST, reader),
            };
            let (end, is_plain) = match read {
                Ok(end) => (end, true),
                Err(Stop::NotPlain(index)) => (index, false),
                Err(Stop::Error(error)) => return Ok(Read::Error(error)),
            };
            ears.after(end.saturating_sub(from) + 1)?;
            if !is_plain {
                // A list can have become shorter meanwhile, by a signal's handler or in another thread.
                let item = self.get(ears.py, end)?;
                return Ok(item.map_or(Read::All, |item| Read::NotPlain(end, item)));
            }
            if end < from + MOST {
                return Ok(Read::All);
            }
            from = end;
        }
    }

    /// The item at an index, if there is one still.
    pub fn get(&self, py: Python<'py>, index: usize) -> PyResult<Option<Bound<'py, PyAny>>> {
        match self {
            Self::List(list) => Ok(list.get_item(index).ok()),
            Self::Tuple(tuple) => Ok(tuple.get_item(index).ok()),
            Self::Array(array) => match array.get_item(index) {
                Err(error) if error.is_instance_of::<PyIndexError>(py) => Ok(None),
                item => item.map(Some),
            },
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
    cpython::c_type_name(type_).is_some_and(|name| name == NUMPY_ARRAY || name == c"array.array")
}
