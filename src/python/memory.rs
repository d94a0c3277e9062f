//! Checks that memory is available before it is used, if its size is determined by a number given by the caller.
//!
//! A size that does not fit in memory is then an error before the work starts. Otherwise the operating system might end the
//! process in the midst of it.

use pyo3::exceptions::PyMemoryError;
use pyo3::prelude::*;

/// Returns whether memory for a list of `count` ints can be allocated. The memory is freed at once.
pub fn ints_fit_in_memory(count: usize) -> bool {
    // A reference in the list, and an int of up to 32 bytes.
    Vec::<[u64; 1 + 4]>::new().try_reserve_exact(count).is_ok()
}

/// Raises a `MemoryError` if memory for a list of `count` ints cannot be allocated.
pub fn check_memory_for_ints(count: usize) -> PyResult<()> {
    if ints_fit_in_memory(count) {
        Ok(())
    } else {
        Err(memory_error(&format!("a list of {count} ints")))
    }
}

/// Returns the `MemoryError` for a bitset of the blocks of a model.
pub fn bitset_memory_error(num_blocks: usize) -> PyErr {
    memory_error(&format!("a bitset of {num_blocks} blocks"))
}

/// Returns a `MemoryError` that names what does not fit in memory.
pub fn memory_error(what: &str) -> PyErr {
    PyMemoryError::new_err(format!("not enough memory for {what}"))
}
