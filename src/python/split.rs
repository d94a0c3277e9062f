//! `split`: blocks cut by their number.

use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use super::along::Along;
use super::error::value_error;
use super::{gathered, list_of_numbers, no_memory};
use crate::chunks::by_shares;

/// Where the run of each device ends.
#[pyfunction]
pub fn split<'py>(
    n_blocks: isize,
    devices: &Bound<'py, PyTuple>,
    shares: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyList>> {
    let Ok(blocks) = usize::try_from(n_blocks) else {
        return Err(value_error(devices.py(), &format!("n_blocks is negative: {n_blocks}")));
    };
    let shares = match shares {
        None => gathered((0..devices.len()).map(|_| 1))?,
        Some(shares) => {
            let shares = Along::of("shares", devices, shares)?;
            if let Some(index) = shares.values().iter().position(Option::is_none) {
                return Err(value_error(
                    devices.py(),
                    &format!("{} is missing", shares.place(index)),
                ));
            }
            shares.weights(0)?
        }
    };
    if shares.iter().all(|share| *share == 0) {
        return Err(value_error(devices.py(), "shares are all 0"));
    }
    list_of_numbers(devices.py(), &by_shares(blocks, &shares).map_err(no_memory)?)
}
