//! The binding of `check`, which finds all faults of a device map and adds notes on what is allowed but unusual.
//!
//! A map without faults is handled on the fast path. In any other map, items with `__index__` are first converted to exact
//! ints, which may run user code. Then one pass counts the items, and a second pass collects the faults.

mod aliases;
mod faults;
mod ints;
mod notes;
mod value_errors;

use std::ops::Range;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyRange, PySet, PyTuple};

use super::cover::{Covered, ParseItem, cover};
use super::cpython;
use super::devices::device_range;
use super::error::{type_error, unhashable_error};
use super::fault_collector::SET_OPERATION_WORK;
use super::item::int_value;
use super::memory::check_memory_for_ints;
use super::objects::{is_iterable, is_str_or_bytes, tuple_from_iterable};
use super::sequences::parse_num_blocks;
use super::signals::SignalCheck;
use super::values::{map_items, snapshot};
use crate::coverage::Coverage;
use aliases::find_aliases;
use faults::find_faults;
use ints::to_ints;
use notes::MapNotes;
use value_errors::check_value;

/// The memory of one entry of a report, which consists of an int and a tuple of devices, as a multiple of the memory of an
/// int.
const ENTRY_SIZE_IN_INTS: usize = 6;

/// Returns the values of the attributes of `devicemap.Report`, in the order in which that class declares them.
#[pyfunction]
pub fn check<'py>(
    device_map: &Bound<'py, PyAny>,
    num_blocks: &Bound<'py, PyAny>,
    devices: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyTuple>> {
    let py = device_map.py();
    let num_blocks = parse_num_blocks(num_blocks)?;
    let mut signals = SignalCheck::new(py);
    let available = available_devices(&mut signals, devices)?;
    let (devices, values) = map_items(device_map)?;
    let mut parts = ReportParts::new(&mut signals, &devices, &values, num_blocks)?;
    if parts.is_none() {
        // Some value cannot be read in place. Reading it runs user code, which can change other values. Therefore all values
        // are copied first.
        let copies = snapshot(&mut signals, &values, |index| check_value(&devices, &values, index))?;
        parts = ReportParts::new(&mut signals, &devices, &copies, num_blocks)?;
    }
    let Some(parts) = parts else {
        return Err(unreadable_value());
    };
    let unknown = PyList::empty(py);
    if let Some(available) = available {
        compare_devices(&mut signals, &devices, &available, &unknown, &parts.notes.idle)?;
    }
    let aliased = find_aliases(&mut signals, &devices)?;
    let attributes = PyList::empty(py);
    for attribute in [
        num_blocks.into_pyobject(py)?.into_any(),
        devices.len().into_pyobject(py)?.into_any(),
        parts.duplicates.into_any(),
        tuple_from_iterable(&parts.missing)?.into_any(),
        parts.extra.into_any(),
        parts.invalid.into_any(),
        tuple_from_iterable(&unknown)?.into_any(),
        tuple_from_iterable(&parts.notes.idle)?.into_any(),
        tuple_from_iterable(&parts.notes.scattered)?.into_any(),
        tuple_from_iterable(&parts.notes.unordered)?.into_any(),
        tuple_from_iterable(&aliased)?.into_any(),
    ] {
        attributes.append(attribute)?;
    }
    tuple_from_iterable(&attributes)
}

/// Returns the available devices as the keys of a dict, or `None` if the argument is None. Their order does not matter, so
/// that sets, mappings and duplicates are allowed.
fn available_devices<'py>(
    signals: &mut SignalCheck<'py>,
    devices: &Bound<'py, PyAny>,
) -> PyResult<Option<Bound<'py, PyDict>>> {
    let py = devices.py();
    if devices.is_none() {
        return Ok(None);
    }
    let range = device_range(devices)?;
    let devices = range.as_ref().unwrap_or(devices);
    if is_str_or_bytes(devices) || !is_iterable(devices)? {
        return Err(type_error("devices", "an iterable or the number of devices", devices));
    }
    let available = PyDict::new(py);
    for (index, device) in devices.try_iter()?.enumerate() {
        let device = device?;
        available
            .set_item(&device, py.None())
            .map_err(|error| unhashable_error(error, &format!("devices[{index}]"), &device))?;
        signals.tick(16)?;
    }
    Ok(Some(available))
}

/// Appends the devices of the map that are not available to `unknown`, and the available devices that are not in the map to
/// `idle`.
fn compare_devices<'py>(
    signals: &mut SignalCheck<'py>,
    devices: &Bound<'py, PyList>,
    available: &Bound<'py, PyDict>,
    unknown: &Bound<'py, PyList>,
    idle: &Bound<'py, PyList>,
) -> PyResult<()> {
    let map_devices = PySet::empty(devices.py())?;
    for device in devices {
        signals.tick(SET_OPERATION_WORK)?;
        if !available.contains(&device)? {
            unknown.append(&device)?;
        }
        map_devices.add(device)?;
    }
    for device in cpython::dict_entries(available).0 {
        signals.tick(SET_OPERATION_WORK)?;
        if !map_devices.contains(&device)? {
            idle.append(device)?;
        }
    }
    Ok(())
}

/// The attributes of a report that depend on the blocks of the map.
struct ReportParts<'py> {
    duplicates: Bound<'py, PyDict>,
    missing: Bound<'py, PyList>,
    extra: Bound<'py, PyDict>,
    invalid: Bound<'py, PyDict>,
    notes: MapNotes<'py>,
}

/// Parses Python and NumPy integers.
struct IntParser;

impl<'py> ParseItem<'py> for IntParser {
    fn number(&mut self, item: &Bound<'py, PyAny>) -> Option<i64> {
        int_value(item)
    }
}

/// Returns the error for a value that cannot be read in place although it was copied. This can happen only if another
/// thread has replaced the value in the meantime.
fn unreadable_value() -> PyErr {
    PyTypeError::new_err("the blocks of a device cannot be read")
}

impl<'py> ReportParts<'py> {
    /// Returns `None` if a value cannot be read in place.
    fn new(
        signals: &mut SignalCheck<'py>,
        devices: &Bound<'py, PyList>,
        values: &Bound<'py, PyList>,
        num_blocks: usize,
    ) -> PyResult<Option<Self>> {
        let py = signals.py();
        let mut coverage = Coverage::new(num_blocks);
        match cover(signals, values, &mut coverage, &mut IntParser)? {
            Covered::NotInPlace => Ok(None),
            Covered::Faulty => {
                drop(coverage);
                Self::with_faults(signals, devices, values, num_blocks).map(Some)
            }
            Covered::Distinct => Ok(Some(Self {
                notes: MapNotes::new(signals, devices, values, coverage.is_contiguous())?,
                duplicates: PyDict::new(py),
                missing: to_ranges(signals, || coverage.missing_runs())?,
                extra: PyDict::new(py),
                invalid: PyDict::new(py),
            })),
        }
    }

    /// Slow path: collects the faults of a map that failed the fast check.
    fn with_faults(
        signals: &mut SignalCheck<'py>,
        devices: &Bound<'py, PyList>,
        values: &Bound<'py, PyList>,
        num_blocks: usize,
    ) -> PyResult<Self> {
        let (values, invalid) = to_ints(signals, devices, values)?;
        let (duplicates, missing, extra) = find_faults(signals, devices, &values, num_blocks)?;
        Ok(Self {
            duplicates,
            missing,
            extra,
            invalid,
            notes: MapNotes::new(signals, devices, &values, false)?,
        })
    }
}

/// Converts runs of blocks to Python ranges. `runs` is called twice: first to check that all ranges fit in memory.
fn to_ranges<'py, R: Iterator<Item = Range<usize>>>(
    signals: &mut SignalCheck<'py>,
    runs: impl Fn() -> R,
) -> PyResult<Bound<'py, PyList>> {
    let py = signals.py();
    let mut num_runs = 0_usize;
    for run in runs() {
        signals.tick(1 + run.len() / 64)?;
        num_runs += 1;
    }
    check_memory_for_ints(num_runs.saturating_mul(ENTRY_SIZE_IN_INTS))?;
    let ranges = PyList::empty(py);
    let range = py.get_type::<PyRange>();
    for run in runs() {
        signals.tick(16)?;
        ranges.append(range.call1((run.start, run.end))?)?;
    }
    Ok(ranges)
}

/// Appends an item to the list that is stored under a key, as `lists.setdefault(key, []).append(item)` does. Returns `true`
/// if the key was already present.
fn append_to<'py>(lists: &Bound<'py, PyDict>, key: &Bound<'py, PyAny>, item: Bound<'py, PyAny>) -> PyResult<bool> {
    if let Some(list) = lists.get_item(key)? {
        list.cast_into::<PyList>()?.append(item)?;
        return Ok(true);
    }
    let list = PyList::empty(key.py());
    list.append(item)?;
    lists.set_item(key, list)?;
    Ok(false)
}

/// Replaces the lists in a dict by tuples.
fn to_tuples<'py>(signals: &mut SignalCheck<'py>, lists: &Bound<'py, PyDict>) -> PyResult<()> {
    let (keys, values) = cpython::dict_entries(lists);
    for (key, list) in keys.iter().zip(values) {
        signals.tick(16)?;
        lists.set_item(key, tuple_from_iterable(&list)?)?;
    }
    Ok(())
}
