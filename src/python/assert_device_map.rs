//! `assert_device_map(device_map, num_blocks)`.

use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyList, PyRange};

use super::cover::{Covered, ParseItem, cover};
use super::item::{Classifier, ItemKind};
use super::memory::{bitset_memory_error, check_memory_for_ints};
use super::original_faults::{find_faults, find_missing};
use super::signals::{self, SignalCheck};
use super::values::{Value, map_values, snapshot};
use crate::bitset::bitset_fits;
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
        // The original creates a list of all blocks before it reads the map. If that list does not fit in memory, it raises
        // MemoryError for every map; here, only for a map that fails.
        let replace = !bitset_fits(num_blocks) && error.is_instance_of::<PyException>(device_map.py());
        if replace {
            bitset_memory_error(num_blocks)
        } else {
            error
        }
    })
}

/// Checks the map by the fast path, and on failure raises the error of the slow path.
fn check(device_map: &Bound<'_, PyAny>, num_blocks: usize) -> PyResult<()> {
    let mut coverage = Coverage::new(num_blocks);
    let mut values = map_values(device_map)?;
    let mut signals = SignalCheck::new(device_map.py());
    let mut covered = cover_all(&mut signals, &values, &mut coverage)?;
    if matches!(covered, Covered::NotInPlace) {
        // Reading such a value runs user code, which may change other values. Therefore all values are copied first, in the
        // original's order, and no user code runs after that.
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

/// Parses items as the original's `==` compares them.
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
        // The values have at most as many blocks as items. If the list of the blocks that must be missing does not fit in
        // memory, this raises MemoryError before the bitset is filled.
        let mut missing = coverage.num_blocks();
        for value in values {
            let Some(value) = Value::in_place(&value) else {
                return Ok(Covered::NotInPlace);
            };
            missing = missing.saturating_sub(value.len());
        }
        check_memory_for_ints(missing)?;
    }
    cover(signals, values, coverage, &mut Classifier::default())
}

/// Returns `len(range(0, num_blocks))`. The original also calls `range`, which raises the error for an invalid argument.
fn range_len(num_blocks: &Bound<'_, PyAny>) -> PyResult<usize> {
    if num_blocks.is_exact_instance_of::<PyInt>()
        && let Ok(blocks) = num_blocks.extract::<isize>()
    {
        return Ok(usize::try_from(blocks).unwrap_or(0));
    }
    let range = num_blocks.py().get_type::<PyRange>();
    range.call1((0, num_blocks))?.len()
}
