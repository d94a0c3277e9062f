//! `split`: blocks cut by their number.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::along::Along;
use super::no_memory;
use crate::chunks::by_shares;

/// Where the run of each device ends.
#[pyfunction]
pub fn split(n_blocks: isize, devices: &Bound<'_, PyTuple>, shares: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<usize>> {
    let Ok(blocks) = usize::try_from(n_blocks) else {
        return Err(PyValueError::new_err(format!("n_blocks is negative: {n_blocks}")));
    };
    let shares = match shares {
        None => vec![1; devices.len()],
        Some(shares) => {
            let shares = Along::of("shares", devices, shares)?;
            if let Some(index) = shares.values().iter().position(Option::is_none) {
                return Err(PyValueError::new_err(format!("{} is missing", shares.place(index))));
            }
            shares.weights(0)?
        }
    };
    if shares.iter().all(|share| *share == 0) {
        return Err(PyValueError::new_err("shares are all 0"));
    }
    by_shares(blocks, &shares).map_err(no_memory)
}
