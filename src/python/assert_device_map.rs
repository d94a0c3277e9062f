//! The binding of `assert_device_map`: the fast path, and the choice between the fast and the slow path.

use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyList, PyRange};

use super::cover::{Covered, ParseItem, cover};
use super::item::{Classifier, ItemKind};
use super::memory::{bitset_memory_error, check_memory_for_ints};
use super::original_faults::{find_faults, find_missing};
use super::signals::{self, SignalCheck};
use super::values::{Value, map_values, snapshot};
use crate::bitset::can_allocate_bitset;
use crate::coverage::Coverage;

/// Check that a device map assigns each block of a model to exactly one device.
///
/// The results, error messages and order of checks are those of the function of this name in transformers'
/// ``utils/model_parallel_utils.py``, but the time is linear in the number of blocks instead of quadratic, and the check
/// also runs under ``python -O``.
///
/// Args:
///     device_map: ``{device: blocks}``, or any object whose ``values()`` returns iterables of blocks. A block is the
///         number of a layer, counted from 0.
///     num_blocks: The number of blocks of the model.
///
/// Raises:
///     DeviceMapError: A block is assigned more than once; otherwise, a block of ``range(num_blocks)`` is not assigned;
///         otherwise, the map contains something that is not a block of the model. The message names the blocks of the
///         first of these faults. The attributes ``duplicate_blocks``, ``missing_blocks`` and ``extra_blocks`` hold those
///         of all three.
///     TypeError: ``num_blocks`` is not an integer, or a value of the map is not iterable.
///     AttributeError: ``device_map`` has no ``values()``.
///     MemoryError: There is not enough memory for the check or for the error.
///
/// Examples:
///     >>> assert_device_map({"cuda:0": [0, 1], "cuda:1": [2, 3]}, 4)
#[pyfunction]
pub fn assert_device_map(device_map: &Bound<'_, PyAny>, num_blocks: &Bound<'_, PyAny>) -> PyResult<()> {
    let num_blocks = range_len(num_blocks)?;
    check(device_map, num_blocks).map_err(|error| {
        // The original creates a list of all blocks before it reads the map, so that it raises MemoryError for every map if
        // that list does not fit in memory. Here only a map that fails the check raises MemoryError.
        if !can_allocate_bitset(num_blocks) && error.is_instance_of::<PyException>(device_map.py()) {
            bitset_memory_error(num_blocks)
        } else {
            error
        }
    })
}

/// Checks the map on the fast path. If the map fails the check, raises the error that the slow path determines.
fn check(device_map: &Bound<'_, PyAny>, num_blocks: usize) -> PyResult<()> {
    let mut coverage = Coverage::new(num_blocks);
    let mut values = map_values(device_map)?;
    let mut signals = SignalCheck::new(device_map.py());
    let mut covered = cover_all(&mut signals, &values, &mut coverage)?;
    if matches!(covered, Covered::NotInPlace) {
        // Reading such a value runs user code, which can change other values. Therefore all values are first copied, in the
        // order in which the original reads them; afterwards no user code runs.
        values = snapshot(&mut signals, &values, |_| Ok(()))?;
        coverage.clear();
        covered = cover_all(&mut signals, &values, &mut coverage)?;
    }
    match covered {
        Covered::Distinct if coverage.num_missing() == 0 => Ok(()),
        Covered::Distinct => find_missing(&mut signals, &coverage)?.into_result(),
        Covered::Faulty | Covered::NotInPlace => {
            drop(coverage);
            find_faults(&mut signals, &values, num_blocks)?.into_result()
        }
    }
}

/// Converts an item to the number that it equals when the original compares it by `==`.
impl<'py> ParseItem<'py> for Classifier<'py> {
    fn number(&mut self, item: &Bound<'py, PyAny>) -> Option<i64> {
        match self.classify(item) {
            ItemKind::Number(number) => Some(number),
            ItemKind::Other | ItemKind::CustomEq => None,
        }
    }

    fn record_numpy_array(&mut self) -> bool {
        Classifier::record_numpy_array(self)
    }
}

/// Assigns the blocks of all values to the coverage.
fn cover_all<'py>(
    signals: &mut SignalCheck<'py>,
    values: &Bound<'py, PyList>,
    coverage: &mut Coverage,
) -> PyResult<Covered> {
    if coverage.num_blocks() > signals::INTERVAL {
        // The values assign at most as many blocks as they have items. If the list of the blocks that are certainly missing
        // does not fit in memory, MemoryError is raised here, before the bitset is filled.
        let mut min_missing = coverage.num_blocks();
        for value in values {
            let Some(value) = Value::in_place(&value) else {
                return Ok(Covered::NotInPlace);
            };
            min_missing = min_missing.saturating_sub(value.len());
        }
        check_memory_for_ints(min_missing)?;
    }
    cover(signals, values, coverage, &mut Classifier::default())
}

/// Returns `len(range(0, num_blocks))`. If the argument is not an integer, Python's `range` raises an error, as it does in the
/// original function of transformers.
fn range_len(num_blocks: &Bound<'_, PyAny>) -> PyResult<usize> {
    if num_blocks.is_exact_instance_of::<PyInt>()
        && let Ok(blocks) = num_blocks.extract::<isize>()
    {
        return Ok(usize::try_from(blocks).unwrap_or(0));
    }
    let range = num_blocks.py().get_type::<PyRange>();
    range.call1((0, num_blocks))?.len()
}
