//! Collects the faults of a device map that failed the fast check. A first walk counts how often each block is given, a
//! second one collects what is given more than once or is no block of the model.

use pyo3::prelude::*;
use pyo3::types::PyList;

use super::values::{Items, Read, Value};
use super::{Ears, ask_for_ints, no_bitset};
use crate::coverage::int_range::Progression;
use crate::coverage::{Counting, Finding, Tally};

/// The work of a lookup or insertion in a set, counted in blocks read. Most take less, but if all hashes are equal, each
/// takes longer than the one before.
pub const IN_A_SET: usize = 1 << 10;

/// What an item stands for.
pub enum Place<'py> {
    /// A block of the model.
    Block(usize),
    /// Something else, with an object that is equal to it.
    Outside(Bound<'py, PyAny>),
    /// Nothing that counts: another thread has replaced the item.
    Nowhere,
}

/// What a check makes of items, and where it keeps the faults. `at` is the index of the device.
pub trait FaultCollector<'py> {
    /// Whether a block is collected once, however often it is given.
    const ONCE: bool;
    /// How many times the memory of an int an entry for what is no block of the model takes.
    const ENTRY: usize;

    /// What an item stands for, in a model of `blocks` blocks. None if only its own `==` knows.
    fn place(&mut self, item: &Bound<'py, PyAny>, blocks: usize) -> PyResult<Option<Place<'py>>>;

    /// Whether the items of an array of numpy's may stand for their numbers.
    fn meet_numpy_array(&mut self) -> bool {
        true
    }

    /// Counts what is no block of the model.
    fn count_outside(&mut self, at: usize, key: Bound<'py, PyAny>) -> PyResult<()>;

    /// Collects a block that is given more than once.
    fn collect_block(&mut self, at: usize, block: usize, item: Bound<'py, PyAny>) -> PyResult<()>;

    /// Collects what is no block of the model, if it has to be.
    fn collect_outside(&mut self, item: Bound<'py, PyAny>, key: Bound<'py, PyAny>) -> PyResult<()>;
}

/// The first walk: counts the blocks of all values, which must be readable in place. None if the items of one cannot be
/// counted, since only their own `==` knows what they are equal to.
pub fn count<'py>(
    ears: &mut Ears<'py>,
    values: &Bound<'py, PyList>,
    blocks: usize,
    collector: &mut impl FaultCollector<'py>,
) -> PyResult<Option<Tally>> {
    let mut tally = Tally::try_new(blocks).map_err(|_| no_bitset(blocks))?;
    for (at, value) in values.iter().enumerate() {
        ears.after(1)?;
        let counted = match Value::in_place(&value) {
            Some(Value::Range(numbers)) => count_range(ears, at, &numbers, &mut tally, collector).map(|()| true)?,
            Some(Value::Items(items)) => count_items(ears, at, &items, &mut tally, collector)?,
            None => false,
        };
        if !counted {
            return Ok(None);
        }
    }
    Ok(Some(tally))
}

/// Counts items: plain blocks by the run, others one by one. False if one cannot be counted.
fn count_items<'py>(
    ears: &mut Ears<'py>,
    at: usize,
    items: &Items<'_, 'py>,
    tally: &mut Tally,
    collector: &mut impl FaultCollector<'py>,
) -> PyResult<bool> {
    if items.are_of_numpy() && !collector.meet_numpy_array() {
        return Ok(false);
    }
    let mut from = 0;
    while let Read::NotPlain(index, item) = items.read(ears, from, &mut Counting(tally))? {
        match collector.place(&item, tally.blocks())? {
            Some(Place::Block(block)) => tally.add(&(block..block + 1)),
            Some(Place::Outside(key)) => {
                ears.after(IN_A_SET)?;
                collector.count_outside(at, key)?;
            }
            Some(Place::Nowhere) => {}
            None => return Ok(false),
        }
        from = index + 1;
    }
    Ok(true)
}

fn count_range<'py, C: FaultCollector<'py>>(
    ears: &mut Ears<'py>,
    at: usize,
    numbers: &Progression,
    tally: &mut Tally,
    collector: &mut C,
) -> PyResult<()> {
    let within = numbers.indices_within(tally.blocks());
    // All numbers outside will be collected, so there must be memory for them.
    ask_for_ints((numbers.len() - within.len()).saturating_mul(C::ENTRY))?;
    for run in numbers.runs(within.clone()) {
        ears.after(1 + run.len() / 64)?;
        tally.add(&run);
    }
    for index in (0..within.start).chain(within.end..numbers.len()) {
        ears.after(IN_A_SET)?;
        collector.count_outside(at, numbers.get(index).into_pyobject(ears.py)?.into_any())?;
    }
    Ok(())
}

/// The second walk: collects the faults in the order of the values. If a signal handler or another thread has changed the
/// values meanwhile, what it changed may be collected or not.
pub fn collect<'py>(
    ears: &mut Ears<'py>,
    values: &Bound<'py, PyList>,
    tally: &mut Tally,
    collector: &mut impl FaultCollector<'py>,
) -> PyResult<()> {
    for (at, value) in values.iter().enumerate() {
        ears.after(1)?;
        match Value::in_place(&value) {
            Some(Value::Range(numbers)) => collect_range(ears, at, &numbers, tally, collector)?,
            Some(Value::Items(items)) => collect_items(ears, at, &items, tally, collector)?,
            None => {}
        }
    }
    Ok(())
}

fn collect_items<'py, C: FaultCollector<'py>>(
    ears: &mut Ears<'py>,
    at: usize,
    items: &Items<'_, 'py>,
    tally: &mut Tally,
    collector: &mut C,
) -> PyResult<()> {
    let mut from = 0;
    while let Read::NotPlain(index, item) = items.read(ears, from, &mut Finding(tally))? {
        match collector.place(&item, tally.blocks())? {
            Some(Place::Block(block)) if tally.is_repeated(block) => {
                if C::ONCE {
                    tally.forget_repeated(&(block..block + 1));
                }
                collector.collect_block(at, block, item)?;
            }
            Some(Place::Outside(key)) => {
                ears.after(IN_A_SET)?;
                collector.collect_outside(item, key)?;
            }
            _ => {}
        }
        from = index + 1;
    }
    Ok(())
}

fn collect_range<'py, C: FaultCollector<'py>>(
    ears: &mut Ears<'py>,
    at: usize,
    numbers: &Progression,
    tally: &mut Tally,
    collector: &mut C,
) -> PyResult<()> {
    let py = ears.py;
    let within = numbers.indices_within(tally.blocks());
    let outside = |ears: &mut Ears<'py>, collector: &mut C, index| {
        ears.after(IN_A_SET)?;
        let number = numbers.get(index).into_pyobject(py)?.into_any();
        collector.collect_outside(number.clone(), number)
    };
    for index in 0..within.start {
        outside(ears, collector, index)?;
    }
    for run in numbers.runs(within.clone()) {
        ears.after(1 + run.len() / 64)?;
        tally.tell_repeated(&run, numbers.descends(), |block| {
            ears.after(16)?;
            collector.collect_block(at, block, block.into_pyobject(py)?.into_any())
        })?;
        if C::ONCE {
            tally.forget_repeated(&run);
        }
    }
    for index in within.end..numbers.len() {
        outside(ears, collector, index)?;
    }
    Ok(())
}
