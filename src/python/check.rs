//! `check(device_map, num_blocks, devices)`: all faults of a device map, and what is rarely meant in it.
//!
//! A map without faults takes the fast way. Any other is first made one of plain ints, by code of the user's where there
//! is an `__index__`; then it is counted, and its faults are named in a second walk.

mod aliases;
mod ints;
mod naming;
mod not_blocks;
mod notes;

use std::ops::Range;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyRange, PySet, PyString, PyTuple};

use super::along::numbered;
use super::block::integer;
use super::cover::{Check, Covered, cover};
use super::error::{unhashable, wrong_type};
use super::fault_collector::IN_A_SET;
use super::values::{entries_of, snapshot};
use super::{Ears, ask_for_ints, block_count, cpython, is_iterable};
use crate::coverage::Coverage;
use aliases::aliases;
use ints::plain;
use not_blocks::refuse;
use notes::Notes;

/// The memory of an entry of a report, an int that maps to a tuple of devices, as a multiple of that of an int.
const ENTRY: usize = 6;

/// What `devicemap.check` puts into its `Report`, in the order of the report's fields.
#[pyfunction]
pub fn check<'py>(
    device_map: &Bound<'py, PyAny>,
    num_blocks: &Bound<'py, PyAny>,
    devices: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyTuple>> {
    let py = device_map.py();
    let blocks = block_count(num_blocks)?;
    let mut ears = Ears::new(py);
    let known = known_devices(&mut ears, devices)?;
    let (devices, values) = entries_of(device_map)?;
    let mut parts = Parts::of(&mut ears, &devices, &values, blocks)?;
    if parts.is_none() {
        // User code runs while such a value is read, and may change the others: so all are copied first.
        let copies = snapshot(&mut ears, &values, |at| refuse(&devices, &values, at))?;
        parts = Parts::of(&mut ears, &devices, &copies, blocks)?;
    }
    let Some(parts) = parts else {
        return Err(unreadable());
    };
    let unknown = PyList::empty(py);
    if let Some(known) = known {
        tell_apart(&mut ears, &devices, &known, &unknown, &parts.notes.idle)?;
    }
    let report = PyList::empty(py);
    for part in [
        blocks.into_pyobject(py)?.into_any(),
        devices.len().into_pyobject(py)?.into_any(),
        parts.duplicates.into_any(),
        tuple_of(&parts.missing)?.into_any(),
        parts.extra.into_any(),
        parts.invalid.into_any(),
        tuple_of(&unknown)?.into_any(),
        tuple_of(&parts.notes.idle)?.into_any(),
        tuple_of(&parts.notes.scattered)?.into_any(),
        tuple_of(&parts.notes.unordered)?.into_any(),
        tuple_of(&aliases(&mut ears, &devices)?)?.into_any(),
    ] {
        report.append(part)?;
    }
    tuple_of(&report)
}

/// The devices that there are, if that was said, as the keys of a dict.
fn known_devices<'py>(ears: &mut Ears<'py>, devices: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyDict>>> {
    let py = devices.py();
    if devices.is_none() {
        return Ok(None);
    }
    let numbered = numbered(devices)?;
    let devices = numbered.as_ref().unwrap_or(devices);
    if devices.is_instance_of::<PyString>() || !is_iterable(devices)? {
        return Err(wrong_type(
            "devices",
            "an iterable of devices, or their number",
            devices,
        ));
    }
    let known = PyDict::new(py);
    for (index, device) in devices.try_iter()?.enumerate() {
        let device = device?;
        known
            .set_item(&device, py.None())
            .map_err(|error| unhashable(error, &format!("devices[{index}]"), &device))?;
        ears.after(16)?;
    }
    Ok(Some(known))
}

/// Tells the map's devices that are not known, and the known ones that the map does not have.
fn tell_apart<'py>(
    ears: &mut Ears<'py>,
    devices: &Bound<'py, PyList>,
    known: &Bound<'py, PyDict>,
    unknown: &Bound<'py, PyList>,
    idle: &Bound<'py, PyList>,
) -> PyResult<()> {
    let mapped = PySet::empty(devices.py())?;
    for device in devices {
        ears.after(IN_A_SET)?;
        if !known.contains(&device)? {
            unknown.append(&device)?;
        }
        mapped.add(device)?;
    }
    for device in cpython::dict_entries(known).0 {
        ears.after(IN_A_SET)?;
        if !mapped.contains(&device)? {
            idle.append(device)?;
        }
    }
    Ok(())
}

/// What a report says of the map's blocks.
struct Parts<'py> {
    duplicates: Bound<'py, PyDict>,
    missing: Bound<'py, PyList>,
    extra: Bound<'py, PyDict>,
    invalid: Bound<'py, PyDict>,
    notes: Notes<'py>,
}

/// Takes the ints of Python's and numpy's.
struct Integers;

impl<'py> Check<'py> for Integers {
    fn number(&mut self, item: &Bound<'py, PyAny>) -> Option<i64> {
        integer(item)
    }
}

/// The error of a value that cannot be read, or that another thread has changed into one.
fn unreadable() -> PyErr {
    PyTypeError::new_err("the blocks of a device cannot be read")
}

impl<'py> Parts<'py> {
    /// None if a value cannot be read in place.
    fn of(
        ears: &mut Ears<'py>,
        devices: &Bound<'py, PyList>,
        values: &Bound<'py, PyList>,
        blocks: usize,
    ) -> PyResult<Option<Self>> {
        let py = ears.py;
        let mut coverage = Coverage::new(blocks);
        match cover(ears, values, &mut coverage, &mut Integers)? {
            Covered::NotInPlace => Ok(None),
            Covered::Faulty => {
                drop(coverage);
                Self::named(ears, devices, values, blocks).map(Some)
            }
            Covered::Distinct => Ok(Some(Self {
                notes: Notes::of(ears, devices, values, coverage.is_contiguous())?,
                duplicates: PyDict::new(py),
                missing: ranges(ears, || coverage.missing_runs())?,
                extra: PyDict::new(py),
                invalid: PyDict::new(py),
            })),
        }
    }

    /// The parts for a map that did not pass.
    fn named(
        ears: &mut Ears<'py>,
        devices: &Bound<'py, PyList>,
        values: &Bound<'py, PyList>,
        blocks: usize,
    ) -> PyResult<Self> {
        let (values, invalid) = plain(ears, devices, values)?;
        let (duplicates, missing, extra) = naming::name(ears, devices, &values, blocks)?;
        Ok(Self {
            duplicates,
            missing,
            extra,
            invalid,
            notes: Notes::of(ears, devices, &values, false)?,
        })
    }
}

fn tuple_of<'py>(list: &Bound<'py, PyList>) -> PyResult<Bound<'py, PyTuple>> {
    Ok(list.py().get_type::<PyTuple>().call1((list,))?.cast_into()?)
}

/// Runs of blocks as Python's ranges. They are walked twice: memory is asked for all of them first.
fn ranges<'py, R: Iterator<Item = Range<usize>>>(
    ears: &mut Ears<'py>,
    runs: impl Fn() -> R,
) -> PyResult<Bound<'py, PyList>> {
    let py = ears.py;
    let mut len = 0_usize;
    for run in runs() {
        ears.after(1 + run.len() / 64)?;
        len += 1;
    }
    ask_for_ints(len.saturating_mul(ENTRY))?;
    let ranges = PyList::empty(py);
    let range = py.get_type::<PyRange>();
    for run in runs() {
        ears.after(16)?;
        ranges.append(range.call1((run.start, run.end))?)?;
    }
    Ok(ranges)
}

/// Adds to the list that stands under a key; whether there was one.
fn add<'py>(lists: &Bound<'py, PyDict>, key: &Bound<'py, PyAny>, item: Bound<'py, PyAny>) -> PyResult<bool> {
    if let Some(list) = lists.get_item(key)? {
        list.cast_into::<PyList>()?.append(item)?;
        return Ok(true);
    }
    let list = PyList::empty(key.py());
    list.append(item)?;
    lists.set_item(key, list)?;
    Ok(false)
}

/// Makes tuples of the lists of a dict.
fn tuples<'py>(ears: &mut Ears<'py>, lists: &Bound<'py, PyDict>) -> PyResult<()> {
    let (keys, values) = cpython::dict_entries(lists);
    for (key, list) in keys.iter().zip(values) {
        ears.after(16)?;
        lists.set_item(key, tuple_of(list.cast::<PyList>()?)?)?;
    }
    Ok(())
}
