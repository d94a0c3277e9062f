//! The fast path of `assert_device_map` and `check`: assigns the blocks of one value after the other until a block is
//! already assigned or is not a block of the model.

use pyo3::prelude::*;
use pyo3::types::PyList;

use super::items::{Items, Read};
use super::memory::bitset_memory_error;
use super::signals::SignalCheck;
use super::values::Value;
use crate::coverage::int_range::IntRange;
use crate::coverage::{AssignError, Coverage};

/// The result of [`cover`].
pub enum Covered {
    /// All items are distinct blocks of the model. Some blocks may be missing.
    Distinct,
    /// Some item is a duplicate, or is not a block of the model.
    Faulty,
    /// Some value cannot be read in place.
    NotInPlace,
}

/// Converts items other than plain ints to numbers. Implementations must not run Python code.
pub trait ParseItem<'py> {
    /// Returns the number that an item equals, or `None` if it equals no number or the slow path has to decide that.
    fn number(&mut self, item: &Bound<'py, PyAny>) -> Option<i64>;

    /// Records that a value is a NumPy array. Returns `false` if its items must be compared on the slow path.
    fn record_numpy_array(&mut self) -> bool {
        true
    }
}

/// Assigns the blocks of all values, until the first fault.
#[inline]
pub fn cover<'py>(
    signals: &mut SignalCheck<'py>,
    values: &Bound<'py, PyList>,
    coverage: &mut Coverage,
    parser: &mut impl ParseItem<'py>,
) -> PyResult<Covered> {
    let mut covered = Covered::Distinct;
    for value in values {
        let Some(value) = Value::in_place(&value) else {
            return Ok(Covered::NotInPlace);
        };
        if !matches!(covered, Covered::Distinct) {
            // After a fault, the remaining values are tested only for `NotInPlace`, which takes precedence.
            continue;
        }
        let all_assigned = match value {
            Value::Items(items) => cover_items(signals, &items, coverage, parser)?,
            Value::Range(range) => cover_range(signals, &range, coverage)?,
        };
        if !all_assigned {
            covered = Covered::Faulty;
        }
    }
    Ok(covered)
}

/// Assigns the blocks of a list, a tuple or an array: plain ints run by run, other items one by one. Returns `false` at the
/// first fault.
#[inline]
fn cover_items<'py>(
    signals: &mut SignalCheck<'py>,
    items: &Items<'_, 'py>,
    coverage: &mut Coverage,
    parser: &mut impl ParseItem<'py>,
) -> PyResult<bool> {
    if items.is_numpy_array() && !parser.record_numpy_array() {
        return Ok(false);
    }
    let mut from = 0;
    loop {
        match items.read(signals, from, coverage)? {
            Read::All => return Ok(true),
            Read::Error(error) => return is_assigned(coverage, Err(error)),
            Read::NotPlain(index, item) => {
                let number = parser.number(&item).ok_or(AssignError::DuplicateOrExtra);
                let result = number.and_then(|number| coverage.assign_number(number));
                if !is_assigned(coverage, result)? {
                    return Ok(false);
                }
                from = index + 1;
            }
        }
    }
}

/// Assigns the blocks of a range. Returns `false` at the first fault.
fn cover_range(signals: &mut SignalCheck<'_>, range: &IntRange, coverage: &mut Coverage) -> PyResult<bool> {
    let all = 0..range.len();
    if range.indices_within(coverage.num_blocks()) != all {
        return Ok(false);
    }
    signals.tick(1)?;
    for run in range.runs(all) {
        signals.tick(1 + run.len() / 64)?;
        let result = coverage.assign(run);
        if !is_assigned(coverage, result)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Returns `true` if an assignment succeeded, and `false` if it found a fault. Returns a `MemoryError` if there was not
/// enough memory.
fn is_assigned(coverage: &Coverage, result: Result<(), AssignError>) -> PyResult<bool> {
    match result {
        Ok(()) => Ok(true),
        Err(AssignError::DuplicateOrExtra) => Ok(false),
        Err(AssignError::Memory) => Err(bitset_memory_error(coverage.num_blocks())),
    }
}
