//! Everything that touches Python objects.

pub mod assert_device_map;
pub mod block;
pub mod error;
pub mod faults;
pub mod get_device_map;
pub mod layout;
pub mod values;

use std::collections::TryReserveError;

use pyo3::exceptions::PyMemoryError;
use pyo3::prelude::*;
use pyo3::types::PyList;

/// How many steps a loop makes between two looks whether Ctrl-C was pressed: some milliseconds at most.
const BETWEEN_SIGNALS: usize = 1 << 16;

/// Lets Ctrl-C be heard, once in every [`BETWEEN_SIGNALS`] steps of a loop; `step` counts them from 0.
#[inline]
fn hear_signals(py: Python<'_>, step: usize) -> PyResult<()> {
    if step % BETWEEN_SIGNALS == BETWEEN_SIGNALS - 1 {
        py.check_signals()?;
    }
    Ok(())
}

/// Memory that could not be had is Python's `MemoryError`.
fn no_memory(_: TryReserveError) -> PyErr {
    PyMemoryError::new_err(())
}

/// Asks whether memory for references to that many objects could be had, and gives it back at once: a size that it
/// cannot hold is an error before the work, not in the midst of it.
fn ask_for(objects: usize) -> PyResult<()> {
    Vec::<*const u8>::new().try_reserve_exact(objects).map_err(no_memory)
}

/// `list(items)`.
fn list_of<'py>(items: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
    Ok(items.py().get_type::<PyList>().call1((items,))?.cast_into()?)
}
