//! Device maps made of plain ints.

use std::convert::Infallible;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyInt, PyList};

use super::super::block::{is_bool, is_integer};
use super::super::values::{Items, Read, Value};
use super::super::{Ears, index};
use super::{add, tuples};
use crate::numbers::{Numbers, Reader, Stop};

/// The values with plain ints only, and `{device: items}` of those that stand for none. Code of the user's may run.
pub fn plain<'py>(
    ears: &mut Ears<'py>,
    devices: &Bound<'py, PyList>,
    values: &Bound<'py, PyList>,
) -> PyResult<(Bound<'py, PyList>, Bound<'py, PyDict>)> {
    let invalid = PyDict::new(ears.py);
    let mut are_plain = true;
    for value in values {
        if let Some(Value::Items(items)) = Value::in_place(&value) {
            are_plain = are_plain && items_are_plain(ears, &items)?;
        }
    }
    if are_plain {
        return Ok((values.clone(), invalid));
    }
    let ints = PyList::empty(ears.py);
    for (at, value) in values.iter().enumerate() {
        match Value::in_place(&value) {
            Some(Value::Items(items @ (Items::List(_) | Items::Tuple(_)))) => {
                let device = devices.get_item(at)?;
                ints.append(plain_items(ears, &device, &items, &invalid)?)?;
            }
            _ => ints.append(value)?,
        }
    }
    tuples(ears, &invalid)?;
    Ok((ints, invalid))
}

/// Whether all items are exact ints, or come from an array.
fn items_are_plain<'py>(ears: &mut Ears<'py>, items: &Items<'_, 'py>) -> PyResult<bool> {
    if matches!(items, Items::Array(..)) {
        return Ok(true);
    }
    let mut from = 0;
    while let Read::NotPlain(at, item) = items.read(ears, from, &mut Plain)? {
        if !item.is_exact_instance_of::<PyInt>() {
            return Ok(false);
        }
        from = at + 1;
    }
    Ok(true)
}

/// Reads plain numbers, whatever they are.
struct Plain;

impl Reader for Plain {
    type Error = Infallible;

    fn read(&mut self, numbers: &impl Numbers) -> Result<(), Stop<Infallible>> {
        match (0..numbers.len()).find(|&index| numbers.get(index).is_none()) {
            Some(index) => Err(Stop::NotPlain(index)),
            None => Ok(()),
        }
    }
}

/// The ints that items stand for; those that stand for none are put aside.
fn plain_items<'py>(
    ears: &mut Ears<'py>,
    device: &Bound<'py, PyAny>,
    items: &Items<'_, 'py>,
    invalid: &Bound<'py, PyDict>,
) -> PyResult<Bound<'py, PyList>> {
    let ints = PyList::empty(ears.py);
    let mut at = 0;
    while at < items.len() {
        ears.after(16)?;
        let Some(item) = items.get(ears.py, at)? else {
            break;
        };
        at += 1;
        if item.is_exact_instance_of::<PyInt>() {
            ints.append(item)?;
        } else if is_bool(&item) {
            add(invalid, device, item)?;
        } else {
            match index(&item) {
                Ok(int) => ints.append(int)?,
                Err(error) if error.is_instance_of::<PyTypeError>(ears.py) => {
                    add(invalid, device, item)?;
                }
                Err(error) => return Err(error),
            }
        }
    }
    Ok(ints)
}

/// The int at an index of items which are all ints, as an exact one. None if it is no int any more, or gone.
pub fn int_at<'py>(py: Python<'py>, items: &Items<'_, 'py>, at: usize) -> PyResult<Option<Bound<'py, PyAny>>> {
    items.get(py, at)?.map_or(Ok(None), int_of)
}

/// An int of Python's or numpy's as an exact one; none for another object. Runs no code of the user's.
pub fn int_of(item: Bound<'_, PyAny>) -> PyResult<Option<Bound<'_, PyAny>>> {
    if item.is_exact_instance_of::<PyInt>() {
        Ok(Some(item))
    } else if is_integer(&item) {
        index(&item).map(Some)
    } else {
        Ok(None)
    }
}
