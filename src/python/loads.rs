//! `loads`: what each device of a map carries.

use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use super::along::Along;
use super::balance::speeds_of;
use super::costs::sums_of;
use super::error::value_error;
use super::{Ears, layout};
use crate::numbers::Number;

/// The sum of each device's costs over its speed: ints where all costs are and there are no speeds, floats else.
#[pyfunction]
pub fn loads<'py>(
    boundaries: &Bound<'py, PyTuple>,
    devices: &Bound<'py, PyTuple>,
    costs: &Bound<'py, PyAny>,
    speeds: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyList>> {
    let py = devices.py();
    let boundaries: Vec<usize> = boundaries.extract()?;
    let speeds = speeds
        .map(|speeds| {
            speeds_of(devices, speeds)?;
            Along::of("speeds", devices, speeds)
        })
        .transpose()?;
    let sums = sums_of(&mut Ears::new(py), "costs", costs)?;
    let blocks = boundaries.last().copied().unwrap_or(0);
    if sums.len() != blocks {
        let text = format!("there are {} costs for {blocks} blocks", sums.len());
        return Err(value_error(py, &text));
    }
    let loads = layout::new_list(py)?;
    for (device, ends) in boundaries.windows(2).enumerate() {
        let load = match sums.amount(sums.of(ends[0]..ends[1])) {
            Number::Whole(cost) => layout::new_large_int(py, cost)?,
            Number::Float(cost) => layout::new_float(py, cost)?.into_any(),
        };
        match speeds.as_ref().and_then(|speeds| speeds.values()[device].as_ref()) {
            Some(speed) => loads.append(load.div(speed)?)?,
            None if speeds.is_some() => loads.append(load.div(layout::new_int(py, 1)?)?)?,
            None => loads.append(load)?,
        }
    }
    Ok(loads)
}
