//! `check(device_map, num_blocks, devices)`: all faults of a device map, and what is rarely meant in it.
//!
//! A map without faults takes the fast way. Any other is first made one of plain ints, by code of the user's where there
//! is an `__index__`; then it is counted, and its faults are named in a second walk.

mod ints;
mod naming;
mod notes;

use std::ops::Range;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyRange, PySet, PyString, PyTuple};

use super::cover::{Verdict, cover};
use super::error::{type_error, value_error};
use super::faults::IN_A_SET;
use super::values::{Value, entries_of};
use super::{Ears, ask_for_ints, index, layout, no_memory};
use crate::coverage::{Coverage, Tally};
use crate::sparse::Sparse;
use ints::{plain, settle};
use naming::Naming;
use notes::Notes;

/// From how many blocks on it is worth asking whether bits for them all are needed.
const MANY: usize = 1 << 22;

/// What an entry of a report takes, an int that leads to a tuple of devices: so many times the memory of an int alone.
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
        // User code runs while such a value is read, and may change the others: so all are settled first.
        let settled = settle(&mut ears, &devices, &values)?;
        parts = Parts::of(&mut ears, &devices, &settled, blocks)?;
    }
    let Some(parts) = parts else {
        return Err(type_error(py, "the blocks of a device cannot be read"));
    };
    let unknown = layout::new_list(py)?;
    if let Some(known) = known {
        tell_apart(&mut ears, &devices, &known, &unknown, &parts.notes.idle)?;
    }
    let report = layout::new_list(py)?;
    for part in [
        layout::new_int(py, blocks.cast_signed() as i64)?.into_any(),
        layout::new_int(py, devices.len().cast_signed() as i64)?.into_any(),
        parts.duplicates.into_any(),
        tuple_of(&parts.missing)?.into_any(),
        parts.extra.into_any(),
        parts.invalid.into_any(),
        tuple_of(&unknown)?.into_any(),
        tuple_of(&parts.notes.idle)?.into_any(),
        tuple_of(&parts.notes.scattered)?.into_any(),
        tuple_of(&parts.notes.unordered)?.into_any(),
    ] {
        report.append(part)?;
    }
    tuple_of(&report)
}

/// How many blocks the model has.
fn block_count(num_blocks: &Bound<'_, PyAny>) -> PyResult<usize> {
    let py = num_blocks.py();
    let count = index(num_blocks)?;
    if count.lt(0)? {
        let text = format!(
            "num_blocks must not be negative, but is {}",
            count.str()?.to_string_lossy()
        );
        return Err(value_error(py, &text));
    }
    let count: isize = count.extract()?;
    Ok(count.unsigned_abs())
}

/// The devices that there are, if that was said, as the keys of a dict.
fn known_devices<'py>(ears: &mut Ears<'py>, devices: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyDict>>> {
    let py = devices.py();
    if devices.is_none() {
        return Ok(None);
    }
    if devices.is_instance_of::<PyString>() {
        return Err(type_error(py, "devices must be an iterable of devices, not one str"));
    }
    let known = layout::new_dict(py)?;
    for device in devices.try_iter()? {
        known.set_item(device?, py.None())?;
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
    for device in layout::dict_entries(known)?.0 {
        ears.after(IN_A_SET)?;
        if !mapped.contains(&device)? {
            idle.append(device)?;
        }
    }
    Ok(())
}

/// What a report says of the map's blocks.
struct Parts<'a, 'py> {
    duplicates: Bound<'py, PyDict>,
    missing: Bound<'py, PyList>,
    extra: Bound<'py, PyDict>,
    invalid: Bound<'py, PyDict>,
    notes: Notes<'a, 'py>,
}

impl<'a, 'py> Parts<'a, 'py> {
    /// None if a value cannot be read in place.
    fn of(
        ears: &mut Ears<'py>,
        devices: &'a Bound<'py, PyList>,
        values: &Bound<'py, PyList>,
        blocks: usize,
    ) -> PyResult<Option<Self>> {
        let py = ears.py;
        match are_few(values, blocks) {
            None => return Ok(None),
            Some(true) => return Self::named(ears, devices, values, blocks).map(Some),
            Some(false) => {}
        }
        let mut coverage = Coverage::<true>::try_new(blocks).map_err(no_memory)?;
        let mut notes = Notes::new(devices)?;
        match cover(ears, values, &mut coverage, &mut notes)? {
            Verdict::NotInPlace => Ok(None),
            Verdict::Faulty => {
                drop(coverage);
                Self::named(ears, devices, values, blocks).map(Some)
            }
            Verdict::Once => Ok(Some(Self {
                duplicates: layout::new_dict(py)?,
                missing: ranges(ears, || coverage.missing_runs())?,
                extra: layout::new_dict(py)?,
                invalid: layout::new_dict(py)?,
                notes,
            })),
        }
    }

    /// The parts for a map that did not pass, or names few of many blocks.
    fn named(
        ears: &mut Ears<'py>,
        devices: &'a Bound<'py, PyList>,
        values: &Bound<'py, PyList>,
        blocks: usize,
    ) -> PyResult<Self> {
        let (values, invalid) = plain(ears, devices, values)?;
        let (duplicates, missing, extra) = if are_few(&values, blocks) == Some(true) {
            let runs = most_runs(&values).unwrap_or(0);
            let count = Sparse::try_new(blocks, runs).map_err(no_memory)?;
            Naming::new(devices, &values, count)?.name(ears)?
        } else {
            let count = Tally::try_new(blocks).map_err(no_memory)?;
            Naming::new(devices, &values, count)?.name(ears)?
        };
        Ok(Self {
            duplicates,
            missing,
            extra,
            invalid,
            notes: Notes::of(ears, devices, &values)?,
        })
    }
}

/// Whether the runs given are so few beside the blocks that bits would be a waste. None if a value cannot be read in
/// place; where blocks are not many, that is not asked.
fn are_few(values: &Bound<'_, PyList>, blocks: usize) -> Option<bool> {
    if blocks < MANY {
        return Some(false);
    }
    Some(most_runs(values)? <= blocks / 64)
}

/// How many runs the values are at most, if all can be read in place.
fn most_runs(values: &Bound<'_, PyList>) -> Option<usize> {
    values.iter().try_fold(0_usize, |runs, value| {
        Value::in_place(&value).map(|value| runs.saturating_add(value.most_runs()))
    })
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
    let ranges = layout::new_list(py)?;
    let range = py.get_type::<PyRange>();
    for run in runs() {
        ears.after(16)?;
        let [start, stop] = [run.start, run.end].map(|end| layout::new_int(py, end.cast_signed() as i64));
        ranges.append(range.call1((start?, stop?))?)?;
    }
    Ok(ranges)
}

/// Adds to the list that stands under a key; whether there was one.
fn add<'py>(lists: &Bound<'py, PyDict>, key: &Bound<'py, PyAny>, item: Bound<'py, PyAny>) -> PyResult<bool> {
    if let Some(list) = lists.get_item(key)? {
        list.cast_into::<PyList>()?.append(item)?;
        return Ok(true);
    }
    let list = layout::new_list(key.py())?;
    list.append(item)?;
    lists.set_item(key, list)?;
    Ok(false)
}

/// Makes tuples of the lists of a dict.
fn tuples<'py>(ears: &mut Ears<'py>, lists: &Bound<'py, PyDict>) -> PyResult<()> {
    let (keys, values) = layout::dict_entries(lists)?;
    for (key, list) in keys.iter().zip(values) {
        ears.after(16)?;
        lists.set_item(key, tuple_of(list.cast::<PyList>()?)?)?;
    }
    Ok(())
}
