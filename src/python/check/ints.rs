//! Conversion of the items of a device map to exact ints.

use std::convert::Infallible;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyInt, PyList};

use super::super::item::{is_bool, is_integer};
use super::super::items::{Items, Read};
use super::super::objects::to_index;
use super::super::signals::SignalCheck;
use super::super::values::Value;
use super::{append_to, to_tuples};
use crate::numbers::{NumberSource, Stop, Visitor};

/// Returns the values with all items converted to ints, and a dict `{device: items}` with the items that cannot be
/// converted. This may run user code.
pub fn to_ints<'py>(
    signals: &mut SignalCheck<'py>,
    devices: &Bound<'py, PyList>,
    values: &Bound<'py, PyList>,
) -> PyResult<(Bound<'py, PyList>, Bound<'py, PyDict>)> {
    let py = signals.py();
    let invalid = PyDict::new(py);
    let mut are_ints = true;
    for value in values {
        if let Some(Value::Items(items)) = Value::in_place(&value) {
            are_ints = are_ints && items_are_ints(signals, &items)?;
        }
    }
    if are_ints {
        return Ok((values.clone(), invalid));
    }
    let converted = PyList::empty(py);
    for (device, value) in values.iter().enumerate() {
        match Value::in_place(&value) {
            Some(Value::Items(items @ (Items::List(_) | Items::Tuple(_)))) => {
                let device = devices.get_item(device)?;
                converted.append(items_to_ints(signals, &device, &items, &invalid)?)?;
            }
            _ => converted.append(value)?,
        }
    }
    to_tuples(signals, &invalid)?;
    Ok((converted, invalid))
}

/// Returns `true` if all items are exact ints or elements of an array.
fn items_are_ints<'py>(signals: &mut SignalCheck<'py>, items: &Items<'_, 'py>) -> PyResult<bool> {
    if matches!(items, Items::Array(..)) {
        return Ok(true);
    }
    let mut from = 0;
    while let Read::NotPlain(index, item) = items.read(signals, from, &mut PlainInts)? {
        if !item.is_exact_instance_of::<PyInt>() {
            return Ok(false);
        }
        from = index + 1;
    }
    Ok(true)
}

/// A visitor that stops at the first item that is not a plain int. It ignores the values of the ints.
struct PlainInts;

impl Visitor for PlainInts {
    type Error = Infallible;

    fn visit(&mut self, numbers: &impl NumberSource) -> Result<(), Stop<Infallible>> {
        match (0..numbers.len()).find(|&index| numbers.get(index).is_none()) {
            Some(index) => Err(Stop::NotPlain(index)),
            None => Ok(()),
        }
    }
}

/// Converts the items of a device to ints. Appends the items that cannot be converted to the list of this device in
/// `invalid`.
fn items_to_ints<'py>(
    signals: &mut SignalCheck<'py>,
    device: &Bound<'py, PyAny>,
    items: &Items<'_, 'py>,
    invalid: &Bound<'py, PyDict>,
) -> PyResult<Bound<'py, PyList>> {
    let py = signals.py();
    let ints = PyList::empty(py);
    let mut position = 0;
    // The length is read in each iteration, since `__index__` runs user code, which can change it.
    while position < items.len() {
        signals.tick(16)?;
        let Some(item) = items.get(py, position)? else {
            break;
        };
        position += 1;
        if item.is_exact_instance_of::<PyInt>() {
            ints.append(item)?;
        } else if is_bool(&item) {
            append_to(invalid, device, item)?;
        } else {
            match to_index(&item) {
                Ok(int) => ints.append(int)?,
                Err(error) if error.is_instance_of::<PyTypeError>(py) => {
                    append_to(invalid, device, item)?;
                }
                Err(error) => return Err(error),
            }
        }
    }
    Ok(ints)
}

/// Returns the item at an index as an exact int. Returns `None` if the item has been removed or replaced since the items
/// were converted.
pub fn int_at<'py>(py: Python<'py>, items: &Items<'_, 'py>, index: usize) -> PyResult<Option<Bound<'py, PyAny>>> {
    items.get(py, index)?.map_or(Ok(None), to_int)
}

/// Converts a Python or NumPy integer to an exact int. Returns `None` for other objects. Runs no user code.
pub fn to_int(item: Bound<'_, PyAny>) -> PyResult<Option<Bound<'_, PyAny>>> {
    if item.is_exact_instance_of::<PyInt>() {
        Ok(Some(item))
    } else if is_integer(&item) {
        to_index(&item).map(Some)
    } else {
        Ok(None)
    }
}
