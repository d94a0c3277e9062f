//! Checks that memory can be allocated before it is used, where a number given by the caller determines its size.
//!
//! If the memory cannot be allocated, the caller gets a `MemoryError` before the work starts. Without the check, the
//! operating system might kill the process during the work.

use pyo3::exceptions::PyMemoryError;
use pyo3::prelude::*;

/// Returns `true` if memory for a list of `count` ints can be allocated. The memory is freed immediately.
pub fn ints_fit_in_memory(count: usize) -> bool {
    // For each int, a pointer of 8 bytes in the list and an object of up to 32 bytes.
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

/// Returns a `MemoryError` with the message "not enough memory for `purpose`".
pub fn memory_error(purpose: &str) -> PyErr {
    PyMemoryError::new_err(format!("not enough memory for {purpose}"))
}
