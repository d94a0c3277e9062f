//! The values of a device map. Lists, tuples, ranges and arrays are read in place; other iterables are copied first.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyRange, PyRangeMethods, PyTuple, PyType};

use super::cpython;
use super::error::{type_error, unhashable_error};
use super::items::{Items, NUMPY_ARRAY};
use super::memory::check_memory_for_ints;
use super::objects::{is_iterable, list_from_iterable};
use super::signals::SignalCheck;
use crate::coverage::int_range::IntRange;

/// Returns the values of a device map: the blocks of each device. Calls `values()` once, as the original does.
pub fn map_values<'py>(device_map: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
    match device_map.cast_exact::<PyDict>() {
        Ok(dict) => Ok(dict.values()),
        Err(_) => list_from_iterable(&device_map.call_method0(intern!(device_map.py(), "values"))?),
    }
}

/// Returns the devices of a device map, and its values: the blocks of each device. Calls `items()` once.
pub fn map_items<'py>(device_map: &Bound<'py, PyAny>) -> PyResult<(Bound<'py, PyList>, Bound<'py, PyList>)> {
    const PAIRS: &str = "pairs of a device and its blocks";
    let py = device_map.py();
    if let Ok(dict) = device_map.cast_exact::<PyDict>() {
        return Ok(cpython::dict_entries(dict));
    }
    let Some(items) = device_map.getattr_opt(intern!(py, "items"))? else {
        return Err(type_error(
            "device_map",
            "a mapping, {device: [block, ...]}",
            device_map,
        ));
    };
    let (devices, values) = (PyList::empty(py), PyList::empty(py));
    let pairs = items.call0()?;
    if !is_iterable(&pairs)? {
        return Err(type_error("device_map.items()", PAIRS, &pairs));
    }
    for entry in list_from_iterable(&pairs)? {
        let Some(pair) = entry.cast::<PyTuple>().ok().filter(|pair| pair.len() == 2) else {
            return Err(type_error("device_map.items()", PAIRS, &entry));
        };
        let device = pair.get_item(0)?;
        device
            .hash()
            .map_err(|error| unhashable_error(error, "the device", &device))?;
        devices.append(device)?;
        values.append(pair.get_item(1)?)?;
    }
    Ok((devices, values))
}

/// Copies the values, so that reading them later runs no user code. Tuples and ranges are kept; other iterables are
/// copied into lists, in the order of the values. `check` is called with the index of each value before it is copied.
pub fn snapshot<'py>(
    signals: &mut SignalCheck<'py>,
    values: &Bound<'py, PyList>,
    check: impl Fn(usize) -> PyResult<()>,
) -> PyResult<Bound<'py, PyList>> {
    let copies = PyList::empty(values.py());
    for (index, value) in values.iter().enumerate() {
        if let Some(Value::Range(_) | Value::Items(Items::Tuple(_))) = Value::in_place(&value) {
            copies.append(value)?;
        } else {
            check(index)?;
            let items = PyList::empty(values.py());
            append_items(signals, &items, &value)?;
            copies.append(items)?;
        }
    }
    Ok(copies)
}

/// Concatenates the items of all values into one list.
pub fn flatten<'py>(signals: &mut SignalCheck<'py>, values: &Bound<'py, PyList>) -> PyResult<Bound<'py, PyList>> {
    let all = PyList::empty(values.py());
    for value in values {
        append_items(signals, &all, &value)?;
    }
    Ok(all)
}

/// Appends the items of a value to a list. This may run user code.
fn append_items<'py>(
    signals: &mut SignalCheck<'py>,
    list: &Bound<'py, PyList>,
    value: &Bound<'py, PyAny>,
) -> PyResult<()> {
    if let Ok(range) = value.cast_exact::<PyRange>() {
        check_memory_for_ints(range.len().unwrap_or(usize::MAX))?;
    }
    for item in value.try_iter()? {
        list.append(item?)?;
        signals.tick(1)?;
    }
    signals.tick(1)
}

/// The value of one device, in a form that can be read without running Python code.
pub enum Value<'a, 'py> {
    /// A range.
    Range(IntRange),
    /// A list, a tuple or an array.
    Items(Items<'a, 'py>),
}

impl<'a, 'py> Value<'a, 'py> {
    /// Returns the value in a readable form, or `None` if it must be copied first.
    #[inline]
    pub fn in_place(value: &'a Bound<'py, PyAny>) -> Option<Self> {
        if let Ok(list) = value.cast_exact() {
            return Some(Self::Items(Items::List(list)));
        }
        if let Ok(tuple) = value.cast_exact() {
            return Some(Self::Items(Items::Tuple(tuple)));
        }
        if let Ok(range) = value.cast_exact() {
            return to_int_range(range).map(Self::Range);
        }
        if is_array(&value.get_type()) {
            return cpython::array_len(value, cpython::INT_FORMATS).map(|_| Self::Items(Items::Array(value)));
        }
        None
    }
}

impl Value<'_, '_> {
    /// Returns the number of items.
    pub fn len(&self) -> usize {
        match self {
            Self::Range(range) => range.len(),
            Self::Items(items) => items.len(),
        }
    }
}

/// Converts a Python range whose numbers fit in 64 bits.
fn to_int_range(range: &Bound<'_, PyRange>) -> Option<IntRange> {
    let start = i64::try_from(range.start().ok()?).ok()?;
    let step = i64::try_from(range.step().ok()?).ok()?;
    IntRange::new(start, step, range.len().ok()?)
}

/// Returns `true` if a type is `numpy.ndarray` or `array.array`, but not for their subclasses, which may override the access
/// to items.
fn is_array(type_: &Bound<'_, PyType>) -> bool {
    cpython::c_type_name(type_).is_some_and(|name| name == NUMPY_ARRAY || name == c"array.array")
}
