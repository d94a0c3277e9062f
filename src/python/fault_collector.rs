//! The slow path of `assert_device_map` and `check`: collects the faults of a device map that failed the fast check.
//!
//! A first pass counts how often each block is assigned. A second pass collects the items that are assigned more than once
//! or are not blocks of the model.

use pyo3::prelude::*;
use pyo3::types::PyList;

use super::items::{Items, Read};
use super::memory::{bitset_memory_error, check_memory_for_ints};
use super::signals::SignalCheck;
use super::values::Value;
use crate::coverage::int_range::IntRange;
use crate::coverage::{BlockCounts, CountVisitor, FaultVisitor};

/// The time of a lookup or insertion in a set, as a multiple of the time to read a block. Most operations are faster, but if
/// all hashes are equal, each operation takes longer than the previous one.
pub const SET_OPERATION_WORK: usize = 1 << 10;

/// An item of a device map, classified as a block of the model or not.
pub enum BlockOrOther<'py> {
    /// A block of the model.
    Block(usize),
    /// An item that is not a block of the model, represented by an equal object that is hashable.
    Other(Bound<'py, PyAny>),
    /// An item that is not collected because another thread has replaced it since it was checked.
    Ignored,
}

/// Classifies the items of a device map and stores the faults, as one of the two checks requires. In all methods, `device`
/// is the position of the device in the map, from 0.
pub trait FaultCollector<'py> {
    /// Whether `collect_duplicate` is called only for the first occurrence of a duplicate block, or for every occurrence.
    const ONCE_PER_BLOCK: bool;
    /// The memory needed for an extra block, as a multiple of the memory of an int.
    const ENTRY_SIZE_IN_INTS: usize;

    /// Classifies an item of a map for a model of `num_blocks` blocks. Returns `None` if the item has a custom `==`, so that
    /// only comparisons with that method show which blocks it equals.
    fn classify(&mut self, item: &Bound<'py, PyAny>, num_blocks: usize) -> PyResult<Option<BlockOrOther<'py>>>;

    /// Records that a value is a NumPy array. Returns `false` if its items must be compared by their `==`.
    fn record_numpy_array(&mut self) -> bool {
        true
    }

    /// Records an item that is not a block of the model, in the first pass.
    fn record_other(&mut self, device: usize, key: Bound<'py, PyAny>) -> PyResult<()>;

    /// Collects an occurrence of a block that is assigned more than once, in the second pass.
    fn collect_duplicate(&mut self, device: usize, block: usize, item: Bound<'py, PyAny>) -> PyResult<()>;

    /// Collects an item that is not a block of the model, in the second pass.
    fn collect_other(&mut self, item: Bound<'py, PyAny>, key: Bound<'py, PyAny>) -> PyResult<()>;
}

/// The first pass: counts the blocks of all values. Returns `None` if a value cannot be read in place, or if an item has a
/// custom `==`.
pub fn count<'py>(
    signals: &mut SignalCheck<'py>,
    values: &Bound<'py, PyList>,
    num_blocks: usize,
    collector: &mut impl FaultCollector<'py>,
) -> PyResult<Option<BlockCounts>> {
    let mut counts = BlockCounts::try_new(num_blocks).map_err(|_| bitset_memory_error(num_blocks))?;
    for (device, value) in values.iter().enumerate() {
        signals.tick(1)?;
        let all_counted = match Value::in_place(&value) {
            Some(Value::Range(range)) => {
                count_range(signals, device, &range, &mut counts, collector)?;
                true
            }
            Some(Value::Items(items)) => count_items(signals, device, &items, &mut counts, collector)?,
            None => false,
        };
        if !all_counted {
            return Ok(None);
        }
    }
    Ok(Some(counts))
}

/// Counts the items of a list, a tuple or an array: plain ints run by run, other items one by one. Returns `false` at an
/// item with a custom `==`.
fn count_items<'py>(
    signals: &mut SignalCheck<'py>,
    device: usize,
    items: &Items<'_, 'py>,
    counts: &mut BlockCounts,
    collector: &mut impl FaultCollector<'py>,
) -> PyResult<bool> {
    if items.is_numpy_array() && !collector.record_numpy_array() {
        return Ok(false);
    }
    let mut from = 0;
    while let Read::NotPlain(index, item) = items.read(signals, from, &mut CountVisitor(counts))? {
        match collector.classify(&item, counts.num_blocks())? {
            Some(BlockOrOther::Block(block)) => counts.add(&(block..block + 1)),
            Some(BlockOrOther::Other(key)) => {
                signals.tick(SET_OPERATION_WORK)?;
                collector.record_other(device, key)?;
            }
            Some(BlockOrOther::Ignored) => {}
            None => return Ok(false),
        }
        from = index + 1;
    }
    Ok(true)
}

/// Counts the numbers of a range.
fn count_range<'py, C: FaultCollector<'py>>(
    signals: &mut SignalCheck<'py>,
    device: usize,
    range: &IntRange,
    counts: &mut BlockCounts,
    collector: &mut C,
) -> PyResult<()> {
    let within = range.indices_within(counts.num_blocks());
    // Every number that is not a block of the model will be stored.
    check_memory_for_ints((range.len() - within.len()).saturating_mul(C::ENTRY_SIZE_IN_INTS))?;
    for run in range.runs(within.clone()) {
        signals.tick(1 + run.len() / 64)?;
        counts.add(&run);
    }
    for index in (0..within.start).chain(within.end..range.len()) {
        signals.tick(SET_OPERATION_WORK)?;
        collector.record_other(device, range.get(index).into_pyobject(signals.py())?.into_any())?;
    }
    Ok(())
}

/// The second pass: collects the faults in the order of the map. `values` has the blocks of each device.
///
/// If a signal handler or another thread has changed a value since the first pass, it is not specified whether the changed
/// items are collected.
pub fn collect<'py>(
    signals: &mut SignalCheck<'py>,
    values: &Bound<'py, PyList>,
    counts: &mut BlockCounts,
    collector: &mut impl FaultCollector<'py>,
) -> PyResult<()> {
    for (device, value) in values.iter().enumerate() {
        signals.tick(1)?;
        match Value::in_place(&value) {
            Some(Value::Range(range)) => collect_range(signals, device, &range, counts, collector)?,
            Some(Value::Items(items)) => collect_items(signals, device, &items, counts, collector)?,
            // The first pass stops at such a value, so that this one has replaced another in the meantime.
            None => {}
        }
    }
    Ok(())
}

/// Collects the faults among the items of a list, a tuple or an array.
fn collect_items<'py, C: FaultCollector<'py>>(
    signals: &mut SignalCheck<'py>,
    device: usize,
    items: &Items<'_, 'py>,
    counts: &mut BlockCounts,
    collector: &mut C,
) -> PyResult<()> {
    let mut from = 0;
    while let Read::NotPlain(index, item) = items.read(signals, from, &mut FaultVisitor(counts))? {
        match collector.classify(&item, counts.num_blocks())? {
            Some(BlockOrOther::Block(block)) if counts.is_duplicate(block) => {
                if C::ONCE_PER_BLOCK {
                    counts.clear_duplicates(&(block..block + 1));
                }
                collector.collect_duplicate(device, block, item)?;
            }
            Some(BlockOrOther::Other(key)) => {
                signals.tick(SET_OPERATION_WORK)?;
                collector.collect_other(item, key)?;
            }
            _ => {}
        }
        from = index + 1;
    }
    Ok(())
}

/// Collects the faults among the numbers of a range.
fn collect_range<'py, C: FaultCollector<'py>>(
    signals: &mut SignalCheck<'py>,
    device: usize,
    range: &IntRange,
    counts: &mut BlockCounts,
    collector: &mut C,
) -> PyResult<()> {
    let py = signals.py();
    let within = range.indices_within(counts.num_blocks());
    let collect_other = |signals: &mut SignalCheck<'py>, collector: &mut C, index| {
        signals.tick(SET_OPERATION_WORK)?;
        let number = range.get(index).into_pyobject(py)?.into_any();
        collector.collect_other(number.clone(), number)
    };
    for index in 0..within.start {
        collect_other(signals, collector, index)?;
    }
    for run in range.runs(within.clone()) {
        signals.tick(1 + run.len() / 64)?;
        counts.for_each_duplicate(&run, range.is_descending(), |block| {
            signals.tick(16)?;
            collector.collect_duplicate(device, block, block.into_pyobject(py)?.into_any())
        })?;
        if C::ONCE_PER_BLOCK {
            counts.clear_duplicates(&run);
        }
    }
    for index in within.end..range.len() {
        collect_other(signals, collector, index)?;
    }
    Ok(())
}
