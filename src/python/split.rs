//! `split`: blocks cut by their number.

use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use super::along::Along;
use super::error::value_error;
use super::{block_count, gathered, list_of_numbers};
use crate::chunks::by_shares;

/// Where the run of each device ends.
#[pyfunction]
pub fn split<'py>(
    num_blocks: &Bound<'py, PyAny>,
    devices: &Bound<'py, PyTuple>,
    shares: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyList>> {
    let blocks = block_count(num_blocks)?;
    let shares = match shares {
        None => gathered((0..devices.len()).map(|_| 1))?,
        Some(shares) => {
            let shares = Along::of("shares", devices, shares)?;
            if let Some(index) = shares.values().iter().position(Option::is_none) {
                let text = format!("{} must be given; write 0 for no blocks", shares.place(index));
                return Err(value_error(devices.py(), &text));
            }
            shares.weights(0, "0 or more")?
        }
    };
    if shares.iter().all(|share| *share == 0) {
        return Err(value_error(devices.py(), "shares must not all be 0"));
    }
    list_of_numbers(devices.py(), &by_shares(blocks, &shares))
}
