//! The binding of `split`, which divides blocks among devices according to their number.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use super::per_device::PerDevice;
use super::sequences::parse_num_blocks;
use crate::partition::chunks::by_shares;

/// Returns, for each device, the end (exclusive) of its run of blocks.
#[pyfunction]
pub fn split<'py>(
    num_blocks: &Bound<'py, PyAny>,
    devices: &Bound<'py, PyTuple>,
    shares: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyList>> {
    let num_blocks = parse_num_blocks(num_blocks)?;
    let shares = match shares {
        None => vec![1; devices.len()],
        Some(shares) => {
            let shares = PerDevice::new("shares", devices, shares)?;
            if let Some(index) = shares.values().iter().position(Option::is_none) {
                let message = format!("{} must be given; write 0 for no blocks", shares.label(index));
                return Err(PyValueError::new_err(message));
            }
            shares.proportions(0, "0 or more")?
        }
    };
    if shares.iter().all(|share| *share == 0) {
        return Err(PyValueError::new_err("shares must not all be 0"));
    }
    PyList::new(devices.py(), by_shares(num_blocks, &shares))
}
