//! `load_per_device`: what each device of a map carries.

use pyo3::exceptions::{PyArithmeticError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyList, PyTuple};

use super::Ears;
use super::along::Along;
use super::balance::speeds_of;
use super::costs::{AnyNumber, Kind, any_number, sums_of};
use super::error::wrong_value;
use crate::numbers::Number;

/// The sum of each device's costs over its speed: ints where all costs are and there are no speeds, floats else.
#[pyfunction]
pub fn load_per_device<'py>(
    boundaries: &Bound<'py, PyTuple>,
    devices: &Bound<'py, PyTuple>,
    costs: &Bound<'py, PyAny>,
    speeds: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyList>> {
    let py = devices.py();
    let ends = boundaries
        .iter()
        .map(|end| end.extract::<usize>())
        .collect::<PyResult<Vec<_>>>()?;
    if ends.len() != devices.len() + 1 || !ends.is_sorted() {
        return Err(PyValueError::new_err("boundaries must be those of the devices"));
    }
    let speeds = speeds.map(|speeds| Along::of("speeds", devices, speeds)).transpose()?;
    if let Some(speeds) = &speeds {
        speeds_of(speeds)?;
    }
    let sums = sums_of(&mut Ears::new(py), Kind::Costs, costs)?;
    let blocks = ends[devices.len()];
    if sums.len() != blocks {
        let text = format!("costs must have one value per block ({blocks}), got {}", sums.len());
        return Err(PyValueError::new_err(text));
    }
    let loads = PyList::empty(py);
    for (device, ends) in ends.windows(2).enumerate() {
        let mut load = match sums.amount(sums.sum(ends[0]..ends[1])) {
            Number::Whole(cost) => cost.into_pyobject(py)?.into_any(),
            Number::Float(cost) => PyFloat::new(py, cost).into_any(),
        };
        if let Some(speeds) = &speeds {
            // By Python's own numbers, whose division of ints is rounded but once.
            load = match &speeds.values()[device] {
                None => load.div(1)?,
                Some(speed) => {
                    let divisor = match any_number(speed, &|| speeds.place(device), "a number")? {
                        AnyNumber::Int(speed) => speed,
                        AnyNumber::Float(speed) => PyFloat::new(py, speed).into_any(),
                    };
                    load.div(divisor).map_err(|error| {
                        if error.is_instance_of::<PyArithmeticError>(py) {
                            wrong_value(&speeds.place(device), "within the range of a float", speed)
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
