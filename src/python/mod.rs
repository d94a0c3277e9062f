//! Everything that touches Python objects.

pub mod along;
pub mod assert_device_map;
pub mod balance;
pub mod block;
pub mod check;
pub mod costs;
pub mod cover;
pub mod cpython;
pub mod error;
pub mod fault_collector;
pub mod faults;
pub mod get_device_map;
pub mod load_per_device;
pub mod sequences;
pub mod split;
pub mod values;

use pyo3::exceptions::PyOverflowError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyByteArray, PyBytes, PyDict, PyFrozenSet, PyList, PySet, PyString};

use error::{memory_error, wrong_value};
use sequences::integer;

/// The number of blocks read or made between two checks for signals: about a millisecond of work.
const BETWEEN_SIGNALS: usize = 1 << 16;

/// Checks for pending signals in a long call, every [`BETWEEN_SIGNALS`] units of work.
pub struct Ears<'py> {
    py: Python<'py>,
    deaf_for: usize,
}

impl<'py> Ears<'py> {
    /// For a call that begins.
    pub fn new(py: Python<'py>) -> Self {
        Self {
            py,
            deaf_for: BETWEEN_SIGNALS,
        }
    }

    /// Counts work done, in blocks, and checks for signals after [`BETWEEN_SIGNALS`] of it. Then signal handlers may run, and
    /// from Python 3.12 on the garbage collector with its callbacks.
    #[inline]
    pub fn after(&mut self, work: usize) -> PyResult<()> {
        self.deaf_for = self.deaf_for.saturating_sub(work);
        if self.deaf_for == 0 {
            self.deaf_for = BETWEEN_SIGNALS;
            self.py.check_signals()?;
        }
        Ok(())
    }
}

/// The `MemoryError` of a bitset.
fn no_bitset(blocks: usize) -> PyErr {
    memory_error(&format!("a bitset of {blocks} blocks"))
}

/// Whether memory for that many ints could be had. It is given back at once: a size that memory cannot hold is an error
/// before the work, where in the midst of it the system might end the process.
fn fit_in_memory(ints: usize) -> bool {
    // A reference, and the int that it leads to.
    Vec::<[u64; 1 + 4]>::new().try_reserve_exact(ints).is_ok()
}

/// Raises a `MemoryError` unless that many ints [`fit_in_memory`].
fn ask_for_ints(count: usize) -> PyResult<()> {
    if fit_in_memory(count) {
        Ok(())
    } else {
        Err(memory_error(&format!("a list of {count} ints")))
    }
}

/// `list(items)`.
fn list_of<'py>(items: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
    Ok(items.py().get_type::<PyList>().call1((items,))?.cast_into()?)
}

/// Whether `iter()` has something to call.
fn is_iterable(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = value.py();
    let type_ = value.get_type();
    Ok(match type_.getattr_opt(intern!(py, "__iter__"))? {
        Some(iter) => !iter.is_none(),
        None => type_.hasattr(intern!(py, "__getitem__"))?,
    })
}

/// Whether it is a set, which has no order.
fn is_set(value: &Bound<'_, PyAny>) -> bool {
    value.is_instance_of::<PySet>() || value.is_instance_of::<PyFrozenSet>()
}

/// Whether it is text or bytes, which have an order but are no sequences of numbers or devices.
fn is_text(value: &Bound<'_, PyAny>) -> bool {
    value.is_instance_of::<PyString>() || value.is_instance_of::<PyBytes>() || value.is_instance_of::<PyByteArray>()
}

/// Whether it is a mapping: a dict, or what `collections.abc.Mapping` knows as one.
fn is_mapping(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    static MAPPING: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    if value.is_instance_of::<PyDict>() {
        return Ok(true);
    }
    // Not a cast to PyMapping, which loses what the question raises, KeyboardInterrupt for example.
    value.is_instance(MAPPING.import(value.py(), "collections.abc", "Mapping")?)
}

/// The number of blocks that an argument called `num_blocks` stands for.
fn block_count(num_blocks: &Bound<'_, PyAny>) -> PyResult<usize> {
    let count = integer("num_blocks", num_blocks)?;
    if count.lt(0)? {
        return Err(wrong_value("num_blocks", "0 or more", &count));
    }
    count
        .extract::<isize>()
        .map(isize::unsigned_abs)
        .map_err(|_| PyOverflowError::new_err("num_blocks must be less than 2**63"))
}

/// `operator.index(object)`, which is an exact int.
fn index<'py>(object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    static INDEX: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    INDEX.import(object.py(), "operator", "index")?.call1((object,))
}
