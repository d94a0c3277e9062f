//! The fast way: the blocks of one device after the other are taken, as long as each is taken once.

use pyo3::prelude::*;
use pyo3::types::PyList;

use super::values::{Items, Read, Value};
use super::{Ears, no_bitset};
use crate::coverage::int_range::Progression;
use crate::coverage::{Coverage, TakeError};

/// What the blocks of all values turned out to be.
pub enum Covered {
    /// Different blocks of the model, though perhaps not all of them.
    Distinct,
    /// Blocks of which some are given twice, are not the model's, or are not numbers.
    Faulty,
    /// A value cannot be read in place.
    NotInPlace,
}

/// What a check makes of what it meets. Nothing of it runs code written in Python.
pub trait Check<'py> {
    /// The number that an item stands for which is no plain int, if it may stand for one.
    fn number(&mut self, item: &Bound<'py, PyAny>) -> Option<i64>;

    /// Whether the items of an array of numpy's may stand for their numbers.
    fn meet_numpy_array(&mut self) -> bool {
        true
    }
}

/// Takes the blocks of all values, up to where one cannot be taken.
#[inline]
pub fn cover<'py>(
    ears: &mut Ears<'py>,
    values: &Bound<'py, PyList>,
    coverage: &mut Coverage,
    check: &mut impl Check<'py>,
) -> PyResult<Covered> {
    let mut covered = Covered::Distinct;
    for value in values {
        let Some(value) = Value::in_place(&value) else {
            return Ok(Covered::NotInPlace);
        };
        if !matches!(covered, Covered::Distinct) {
            // Whether the rest can be read in place has to be known all the same.
            continue;
        }
        let good = match value {
            Value::Items(items) => cover_items(ears, &items, coverage, check)?,
            Value::Range(numbers) => cover_range(ears, &numbers, coverage)?,
        };
        if !good {
            covered = Covered::Faulty;
        }
    }
    Ok(covered)
}

/// Takes items: plain ints by the run, other kinds of numbers one by one. False where one cannot be taken.
#[inline]
fn cover_items<'py>(
    ears: &mut Ears<'py>,
    items: &Items<'_, 'py>,
    coverage: &mut Coverage,
    check: &mut impl Check<'py>,
) -> PyResult<bool> {
    if items.are_of_numpy() && !check.meet_numpy_array() {
        return Ok(false);
    }
    let mut from = 0;
    loop {
        match items.read(ears, from, coverage)? {
            Read::All => return Ok(true),
            Read::Error(error) => return is_taken(coverage, Err(error)),
            Read::NotPlain(index, item) => {
                let number = check.number(&item).ok_or(TakeError::Fault);
                let taken = number.and_then(|number| coverage.take_number(number));
                if !is_taken(coverage, taken)? {
                    return Ok(false);
                }
                from = index + 1;
            }
        }
    }
}

fn cover_range(ears: &mut Ears<'_>, numbers: &Progression, coverage: &mut Coverage) -> PyResult<bool> {
    let all = 0..numbers.len();
    if numbers.indices_within(coverage.blocks()) != all {
        return Ok(false);
    }
    ears.after(1)?;
    for run in numbers.runs(all) {
        ears.after(1 + run.len() / 64)?;
        let taken = coverage.take(run);
        if !is_taken(coverage, taken)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether a block was taken, unless there was no memory.
fn is_taken(coverage: &Coverage, taken: Result<(), TakeError>) -> PyResult<bool> {
    match taken {
        Ok(()) => Ok(true),
        Err(TakeError::Fault) => Ok(false),
        Err(TakeError::Memory) => Err(no_bitset(coverage.blocks())),
    }
}
