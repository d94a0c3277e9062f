//! The binding of `DeviceMap.load_per_device`, which computes the load of each device of an existing map.

use pyo3::exceptions::{PyArithmeticError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyList, PyTuple};

use super::balance::parse_speeds;
use super::costs::{Quantity, read_prefix_sums};
use super::error::value_error;
use super::numbers::{PyNumber, parse_number};
use super::per_device::PerDevice;
use super::signals::SignalCheck;
use crate::numbers::Number;

/// Returns the load of each device: ints if all costs are ints and there are no speeds, otherwise floats.
#[pyfunction]
pub fn load_per_device<'py>(
    boundaries: &Bound<'py, PyTuple>,
    devices: &Bound<'py, PyTuple>,
    costs: &Bound<'py, PyAny>,
    speeds: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyList>> {
    let py = devices.py();
    let boundaries = boundaries
        .iter()
        .map(|boundary| boundary.extract::<usize>())
        .collect::<PyResult<Vec<_>>>()?;
    if boundaries.len() != devices.len() + 1 || !boundaries.is_sorted() {
        return Err(PyValueError::new_err(
            "boundaries must be sorted and have one more value than devices",
        ));
    }
    let speeds = speeds
        .map(|speeds| PerDevice::new("speeds", devices, speeds))
        .transpose()?;
    if let Some(speeds) = &speeds {
        parse_speeds(speeds)?;
    }
    let sums = read_prefix_sums(&mut SignalCheck::new(py), Quantity::Costs, costs)?;
    let num_blocks = boundaries[devices.len()];
    if sums.len() != num_blocks {
        let message = format!("costs must have one value per block ({num_blocks}), got {}", sums.len());
        return Err(PyValueError::new_err(message));
    }
    let loads = PyList::empty(py);
    for (device, run) in boundaries.windows(2).enumerate() {
        let mut load = match sums.amount(sums.sum(run[0]..run[1])) {
            Number::Whole(cost) => cost.into_pyobject(py)?.into_any(),
            Number::Float(cost) => PyFloat::new(py, cost).into_any(),
        };
        if let Some(speeds) = &speeds {
            // Python's division is called because it does not convert ints to floats first, so that it rounds only once.
            load = match &speeds.values()[device] {
                None => load.div(1)?,
                Some(speed) => {
                    let divisor = match parse_number(speed, &|| speeds.label(device), "a number")? {
                        PyNumber::Int(speed) => speed,
                        PyNumber::Float(speed) => PyFloat::new(py, speed).into_any(),
                    };
                    load.div(divisor).map_err(|error| {
                        if error.is_instance_of::<PyArithmeticError>(py) {
                            value_error(&speeds.label(device), "within the range of a float", speed)
                        } else {
                            error
                        }
                    })?
                }
            };
        }
        loads.append(load)?;
    }
    Ok(loads)
}
