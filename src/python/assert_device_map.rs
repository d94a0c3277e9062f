//! `assert_device_map(device_map, num_blocks)`.

use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyList, PyRange};

use super::block::{Kind, Kinds};
use super::cover::{Check, Covered, cover};
use super::values::{Value, snapshot, values_of};
use super::{BETWEEN_SIGNALS, Ears, ask_for_ints, faults, no_bitset};
use crate::bitset::bitset_fits;
use crate::coverage::Coverage;

/// Check that a device map gives each block of a model to exactly one device.
///
/// The same verdicts, messages and order of checks as the function of this name in transformers'
/// ``utils/model_parallel_utils.py``, in time linear in the blocks instead of quadratic. The check also runs under
/// ``python -O``.
///
/// Args:
///     device_map: ``{device: blocks}``, or anything whose ``values()`` gives iterables of blocks. A block is the
///         number of a layer, counted from 0.
///     num_blocks: how many blocks the model has.
///
/// Raises:
///     DeviceMapError: a block is given more than once, else one of ``range(num_blocks)`` is not given, else one is given
///         that the model does not have: the message names the blocks of the first of these faults. The error carries
///         all of them as ``duplicate_blocks``, ``missing_blocks`` and ``extra_blocks``.
///     TypeError: ``num_blocks`` is no integer, or a value of the map is not iterable.
///     AttributeError: ``device_map`` has no ``values()``.
///     MemoryError: memory cannot hold what is asked for.
#[pyfunction]
pub fn assert_device_map(device_map: &Bound<'_, PyAny>, num_blocks: &Bound<'_, PyAny>) -> PyResult<()> {
    let blocks = range_len(num_blocks)?;
    check(device_map, blocks).map_err(|error| {
        // The original lists the blocks before it looks at the map: a size for which memory does not suffice is its error
        // for every map, and here for every map that does not pass.
        let replaced = !bitset_fits(blocks) && error.is_instance_of::<PyException>(device_map.py());
        if replaced { no_bitset(blocks) } else { error }
    })
}

fn check(device_map: &Bound<'_, PyAny>, blocks: usize) -> PyResult<()> {
    let mut coverage = Coverage::new(blocks);
    let mut values = values_of(device_map)?;
    let mut ears = Ears::new(device_map.py());
    let mut covered = take_all(&mut ears, &values, &mut coverage)?;
    if matches!(covered, Covered::NotInPlace) {
        // User code runs while such a value is read, and may change the others: so all are copied first, in the
        // original's order, and no more user code runs from there on.
        values = snapshot(&mut ears, &values, |_| Ok(()))?;
        coverage.clear();
        covered = take_all(&mut ears, &values, &mut coverage)?;
    }
    match covered {
        Covered::Distinct if coverage.missing() == 0 => Ok(()),
        Covered::Distinct => faults::name_missing(&mut ears, &coverage)?.into_result(),
        Covered::Faulty | Covered::NotInPlace => {
            drop(coverage);
            faults::name(&mut ears, &values, blocks)?.into_result()
        }
    }
}

/// What the original's `==` makes of numbers.
impl<'py> Check<'py> for Kinds<'py> {
    fn number(&mut self, item: &Bound<'py, PyAny>) -> Option<i64> {
        match self.of(item) {
            Kind::Number(number) => Some(number),
            Kind::Other | Kind::Exotic => None,
        }
    }

    fn meet_numpy_array(&mut self) -> bool {
        Kinds::meet_numpy_array(self)
    }
}

fn take_all<'py>(ears: &mut Ears<'py>, values: &Bound<'py, PyList>, coverage: &mut Coverage) -> PyResult<Covered> {
    if coverage.blocks() > BETWEEN_SIGNALS {
        // What is sure to be missing will be named: if memory cannot hold that, the bits need not be touched.
        let mut missing = coverage.blocks();
        for value in values {
            let Some(value) = Value::in_place(&value) else {
                return Ok(Covered::NotInPlace);
            };
            missing = missing.saturating_sub(value.len());
        }
        ask_for_ints(missing)?;
    }
    cover(ears, values, coverage, &mut Kinds::default())
}

/// The length of `range(0, num_blocks)`, by whose errors the original refuses what is no such number.
fn range_len(num_blocks: &Bound<'_, PyAny>) -> PyResult<usize> {
    if num_blocks.is_exact_instance_of::<PyInt>()
        && let Ok(blocks) = num_blocks.extract::<isize>()
    {
        return Ok(usize::try_from(blocks).unwrap_or(0));
    }
    let range = num_blocks.py().get_type::<PyRange>();
    range.call1((0, num_blocks))?.len()
}
