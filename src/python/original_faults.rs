//! Slow path of `assert_device_map`: lists the faults of a map that failed the fast check, as the original does.
//!
//! Items with a built-in `==` are counted, in linear time. If some item has a custom `==`, the steps of the original are
//! executed on the caller's objects.

use std::iter;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyList, PySet};

use super::cpython;
use super::error::Faults;
use super::fault_collector::{BlockOrOther, FaultCollector, collect, count};
use super::item::{Classifier, ItemKind};
use super::memory::check_memory_for_ints;
use super::signals::SignalCheck;
use super::values::flatten;
use crate::coverage::Coverage;

/// Returns the faults of a map whose only fault is that blocks are missing.
pub fn find_missing<'py>(signals: &mut SignalCheck<'py>, coverage: &Coverage) -> PyResult<Faults<'py>> {
    check_memory_for_ints(coverage.num_missing())?;
    Ok(Faults {
        duplicate: PyList::empty(signals.py()),
        missing: cpython::list_of_ints(signals, coverage.num_missing(), coverage.missing_runs())?,
        extra: PyList::empty(signals.py()),
    })
}

/// Returns the faults of a map with the given values, all of which must be readable in place.
pub fn find_faults<'py>(
    signals: &mut SignalCheck<'py>,
    values: &Bound<'py, PyList>,
    num_blocks: usize,
) -> PyResult<Faults<'py>> {
    let mut collector = OriginalFaults::new(signals.py())?;
    let Some(mut counts) = count(signals, values, num_blocks, &mut collector)? else {
        return find_faults_by_equality(signals, values, num_blocks);
    };
    collect(signals, values, &mut counts, &mut collector)?;
    check_memory_for_ints(counts.num_missing())?;
    Ok(Faults {
        duplicate: collector.duplicate,
        missing: cpython::list_of_ints(signals, counts.num_missing(), counts.missing_runs())?,
        extra: collector.extra,
    })
}

/// Collects the first occurrence of each duplicate, and every extra item.
struct OriginalFaults<'py> {
    classifier: Classifier<'py>,
    /// The items that are not blocks of the model, as objects with a built-in hash and `==`.
    others: Bound<'py, PySet>,
    /// The elements of `others` that occur more than once.
    repeated_others: Bound<'py, PySet>,
    duplicate: Bound<'py, PyList>,
    extra: Bound<'py, PyList>,
}

impl<'py> OriginalFaults<'py> {
    fn new(py: Python<'py>) -> PyResult<Self> {
        Ok(Self {
            classifier: Classifier::default(),
            others: PySet::empty(py)?,
            repeated_others: PySet::empty(py)?,
            duplicate: PyList::empty(py),
            extra: PyList::empty(py),
        })
    }
}

impl<'py> FaultCollector<'py> for OriginalFaults<'py> {
    const ONCE_PER_BLOCK: bool = true;
    const ENTRY_SIZE: usize = 1;

    fn classify(&mut self, item: &Bound<'py, PyAny>, num_blocks: usize) -> PyResult<Option<BlockOrOther<'py>>> {
        Ok(match self.classifier.classify(item) {
            ItemKind::Number(number) => match usize::try_from(number) {
                Ok(block) if block < num_blocks => Some(BlockOrOther::Block(block)),
                _ => Some(BlockOrOther::Other(number.into_pyobject(item.py())?.into_any())),
            },
            ItemKind::Other => Some(BlockOrOther::Other(item.clone())),
            ItemKind::CustomEq => None,
        })
    }

    fn record_numpy_array(&mut self) -> bool {
        self.classifier.record_numpy_array()
    }

    fn count_other(&mut self, _device: usize, key: Bound<'py, PyAny>) -> PyResult<()> {
        if self.others.contains(&key)? {
            self.repeated_others.add(key)
        } else {
            self.others.add(key)
        }
    }

    fn collect_duplicate(&mut self, _device: usize, _block: usize, item: Bound<'py, PyAny>) -> PyResult<()> {
        self.duplicate.append(item)
    }

    fn collect_other(&mut self, item: Bound<'py, PyAny>, key: Bound<'py, PyAny>) -> PyResult<()> {
        self.extra.append(&item)?;
        if self.repeated_others.discard(key)? {
            self.duplicate.append(item)?;
        }
        Ok(())
    }
}

/// Executes the steps of the original, for a map with an item whose `==` is custom. The time is quadratic, as in the
/// original. Each step may run user code; no object that is not fully constructed is reachable from it.
fn find_faults_by_equality<'py>(
    signals: &mut SignalCheck<'py>,
    values: &Bound<'py, PyList>,
    num_blocks: usize,
) -> PyResult<Faults<'py>> {
    let py = signals.py();
    check_memory_for_ints(num_blocks)?;
    let model_blocks = cpython::list_of_ints(signals, num_blocks, iter::once(0..num_blocks))?;
    let map_blocks = flatten(signals, values)?;
    let faults = Faults {
        duplicate: PyList::empty(py),
        missing: PyList::empty(py),
        extra: PyList::empty(py),
    };
    for block in &map_blocks {
        signals.tick(map_blocks.len())?;
        let count: usize = map_blocks.call_method1(intern!(py, "count"), (&block,))?.extract()?;
        if count > 1 && !faults.duplicate.contains(&block)? {
            faults.duplicate.append(block)?;
        }
    }
    for block in &model_blocks {
        signals.tick(map_blocks.len())?;
        if !map_blocks.contains(&block)? {
            faults.missing.append(block)?;
        }
    }
    for block in &map_blocks {
        signals.tick(num_blocks)?;
        if !model_blocks.contains(&block)? {
            faults.extra.append(block)?;
        }
    }
    Ok(faults)
}
