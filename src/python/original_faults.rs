//! The faults of a map that failed the fast check of `assert_device_map`, listed as in the original's errors.
//!
//! If all items have a built-in `==`, the faults are found in linear time by counting. If some item has a custom `==`, the
//! steps of the original are executed on the caller's objects.

use std::iter;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyList, PySet, PyString};

use super::cpython;
use super::error::{errors_module, to_err};
use super::fault_collector::{BlockOrOther, FaultCollector, collect, count};
use super::item::{Classifier, ItemKind};
use super::memory::check_memory_for_ints;
use super::signals::SignalCheck;
use super::values::flatten;
use crate::coverage::Coverage;

/// The faults that a `DeviceMapError` lists.
pub struct Faults<'py> {
    /// The first occurrence of each block that is assigned more than once.
    pub duplicate: Bound<'py, PyList>,
    /// The blocks of the model that are not assigned.
    pub missing: Bound<'py, PyList>,
    /// The items that are not blocks of the model.
    pub extra: Bound<'py, PyList>,
}

impl Faults<'_> {
    /// Returns a `DeviceMapError` if there is a fault. As in the original, its message names the first kind of fault that
    /// occurs: duplicates, then missing blocks, then extra items.
    pub fn into_result(self) -> PyResult<()> {
        // The texts are those of the original.
        let texts = [
            (
                &self.duplicate,
                "Duplicate attention blocks specified in device_map. Attention blocks must be specified to one device. \
                 These attention blocks were specified more than once: ",
            ),
            (
                &self.missing,
                "There are attention blocks for this model that are not specified in the device_map. Add these \
                 attention blocks to a device on the device_map: ",
            ),
            (
                &self.extra,
                "The device_map contains more attention blocks than this model has. Remove these from the device_map:",
            ),
        ];
        match texts.iter().find(|(blocks, _)| !blocks.is_empty()) {
            Some((blocks, text)) => Err(self.error(text, blocks)?),
            None => Ok(()),
        }
    }

    /// Returns the error whose message consists of `text` and `blocks`, with all faults in its attributes.
    fn error(&self, text: &str, blocks: &Bound<'_, PyList>) -> PyResult<PyErr> {
        let py = blocks.py();
        let message = PyString::new(py, text).add(blocks.str()?)?;
        let error = errors_module(py)?
            .getattr(intern!(py, "DeviceMapError"))?
            .call1((message,))?;
        error.setattr(intern!(py, "duplicate_blocks"), &self.duplicate)?;
        error.setattr(intern!(py, "missing_blocks"), &self.missing)?;
        error.setattr(intern!(py, "extra_blocks"), &self.extra)?;
        Ok(to_err(error))
    }
}

/// Returns the faults of a map whose only fault is that blocks are missing.
pub fn find_missing<'py>(signals: &mut SignalCheck<'py>, coverage: &Coverage) -> PyResult<Faults<'py>> {
    check_memory_for_ints(coverage.num_missing())?;
    Ok(Faults {
        duplicate: PyList::empty(signals.py()),
        missing: cpython::list_of_ints(signals, coverage.num_missing(), coverage.missing_runs())?,
        extra: PyList::empty(signals.py()),
    })
}

/// Returns the faults of a map with the given values. Each of the values must be readable in place.
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

/// Collects each duplicate at its first occurrence, and every extra item.
struct OriginalFaults<'py> {
    classifier: Classifier<'py>,
    /// The items that are not blocks of the model, as objects with a built-in hash and `==`.
    others: Bound<'py, PySet>,
    /// The elements of `others` that occur more than once in the map.
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
    const ENTRY_SIZE_IN_INTS: usize = 1;

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

    fn record_other(&mut self, _device: usize, key: Bound<'py, PyAny>) -> PyResult<()> {
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

/// Executes the steps of the original, for a map with an item that has a custom `==`. The time is quadratic, as in the
/// original. Each step can run user code, which can reach only fully constructed objects.
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
