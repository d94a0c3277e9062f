//! Reads arguments with one value per device: a sequence in the order of the devices, or a mapping keyed by device.

use pyo3::exceptions::{PyException, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyFloat, PyInt, PyTuple};

use super::error::{short_repr, value_error};
use super::numbers::{PyNumber, is_fraction_or_decimal, parse_amount, parse_number};
use super::objects::is_mapping;
use super::sequences::to_list;

/// The largest absolute value of a Decimal's exponent in proportions. It limits the number of digits of the integer ratio.
const MAX_DECIMAL_EXPONENT: i32 = 10_000;

/// The largest number of devices that are compared with an unknown key to find the closest one. That takes at most a second.
const MAX_DEVICES_COMPARED: usize = 1_000;

/// The largest number of bits of the common denominator of proportions.
const MAX_DENOMINATOR_BITS: i32 = 40_000;

/// An argument with one value per device.
pub struct PerDevice<'a, 'py> {
    name: &'a str,
    devices: &'a Bound<'py, PyTuple>,
    /// The value of each device, or `None` if it is absent.
    values: Vec<Option<Bound<'py, PyAny>>>,
    /// Whether the argument is a mapping.
    is_mapping: bool,
}

impl<'a, 'py> PerDevice<'a, 'py> {
    /// Reads the values of the argument `name`. A value of None counts as absent, as does a device that is not in a mapping.
    pub fn new(name: &'a str, devices: &'a Bound<'py, PyTuple>, argument: &Bound<'py, PyAny>) -> PyResult<Self> {
        let is_mapping = is_mapping(argument)?;
        let values = if is_mapping {
            values_by_device(name, devices, argument)?
        } else {
            let list = to_list(
                name,
                argument,
                "a sequence of one value per device, or a mapping by device",
            )?;
            if list.len() != devices.len() {
                let message = format!(
                    "{name} must have one value per device ({}), got {}",
                    devices.len(),
                    list.len()
                );
                return Err(PyValueError::new_err(message));
            }
            list.iter().map(|value| (!value.is_none()).then_some(value)).collect()
        };
        Ok(Self {
            name,
            devices,
            values,
            is_mapping,
        })
    }

    /// Returns the token of the attached interpreter.
    pub fn py(&self) -> Python<'py> {
        self.devices.py()
    }

    /// Returns the value of each device, or `None` if it is absent, in the order of the devices.
    pub fn values(&self) -> &[Option<Bound<'py, PyAny>>] {
        &self.values
    }

    /// Returns the name of a value in error messages: `speeds[1]`, or `speeds['cuda:1']` in a mapping.
    pub fn label(&self, index: usize) -> String {
        let key = self.devices.get_item(index).and_then(|device| short_repr(&device));
        match key {
            Ok(key) if self.is_mapping => format!("{}[{key}]", self.name),
            _ => format!("{}[{index}]", self.name),
        }
    }

    /// Returns integers in exactly the same proportions as the values. `default` replaces absent values. Returns an error
    /// stating that a value must be `expected` if that value is negative.
    pub fn proportions(&self, default: u32, expected: &str) -> PyResult<Vec<u128>> {
        let ratios = (0..self.values.len()).map(|index| self.ratio(index, default, expected));
        let proportions = match ratios.collect::<PyResult<Option<Vec<_>>>>()? {
            Some(ratios) => proportional_integers(self.py(), &ratios)?,
            None => None,
        };
        proportions.ok_or_else(|| {
            let message = format!("{} must have proportions that fit in 128 bits; round them", self.name);
            PyValueError::new_err(message)
        })
    }

    /// Returns the value of a device as a ratio of ints, or `None` if the ints would have too many digits.
    fn ratio(&self, index: usize, default: u32, expected: &str) -> PyResult<Option<Ratio<'py>>> {
        let py = self.py();
        let label = || self.label(index);
        let one = PyInt::new(py, 1).into_any();
        let Some(value) = &self.values[index] else {
            return Ok(Some((default.into_pyobject(py)?.into_any(), one)));
        };
        let number = match parse_number(value, &label, "a number")? {
            PyNumber::Int(int) if int.lt(0)? => return Err(value_error(&label(), expected, &int)),
            PyNumber::Int(int) => return Ok(Some((int, one))),
            PyNumber::Float(float) => {
                // Checks that the number is finite and not negative.
                parse_amount(PyNumber::Float(float), py, &label, expected)?;
                if is_fraction_or_decimal(value)? {
                    value.clone()
                } else {
                    PyFloat::new(py, float).into_any()
                }
            }
        };
        if let Some(adjusted) = number.getattr_opt(intern!(py, "adjusted"))?
            && adjusted.call0()?.abs()?.gt(MAX_DECIMAL_EXPONENT)?
        {
            return Ok(None);
        }
        let ratio = number.call_method0(intern!(py, "as_integer_ratio"))?;
        Ok(Some((ratio.get_item(0)?, ratio.get_item(1)?)))
    }
}

/// A numerator and a denominator, both ints.
type Ratio<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>);

/// Returns the smallest integers in the same proportions as some ratios, or `None` if the common denominator has too many
/// bits or the sum of the integers does not fit in 128 bits.
fn proportional_integers(py: Python<'_>, ratios: &[Ratio<'_>]) -> PyResult<Option<Vec<u128>>> {
    static LCM: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    static GCD: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let (lcm, gcd) = (LCM.import(py, "math", "lcm")?, GCD.import(py, "math", "gcd")?);
    // The least common multiple of the denominators, and the greatest common divisor of the numerators.
    let mut multiple = PyInt::new(py, 1).into_any();
    let mut divisor = PyInt::new(py, 0).into_any();
    for (numerator, denominator) in ratios {
        multiple = lcm.call1((multiple, denominator))?;
        divisor = gcd.call1((divisor, numerator))?;
        if multiple
            .call_method0(intern!(py, "bit_length"))?
            .gt(MAX_DENOMINATOR_BITS)?
        {
            return Ok(None);
        }
    }
    if !divisor.is_truthy()? {
        return Ok(Some(vec![0; ratios.len()]));
    }
    let mut total = 0_u128;
    let mut integers = Vec::with_capacity(ratios.len());
    for (numerator, denominator) in ratios {
        let integer = numerator.floor_div(&divisor)?.mul(multiple.floor_div(denominator)?)?;
        let Some(sum) = integer.extract().ok().and_then(|integer| total.checked_add(integer)) else {
            return Ok(None);
        };
        integers.push(sum - total);
        total = sum;
    }
    Ok(Some(integers))
}

/// Returns the value of each device in a mapping, or `None` if it is absent. Returns an error if a key is not one of the
/// devices.
fn values_by_device<'py>(
    name: &str,
    devices: &Bound<'py, PyTuple>,
    mapping: &Bound<'py, PyAny>,
) -> PyResult<Vec<Option<Bound<'py, PyAny>>>> {
    let indices = PyDict::new(devices.py());
    for (index, device) in devices.iter().enumerate() {
        indices.set_item(device, index.into_pyobject(devices.py())?)?;
    }
    let mut values = vec![None; devices.len()];
    for item in mapping.call_method0(intern!(devices.py(), "items"))?.try_iter()? {
        let (device, value): (Bound<'py, PyAny>, Bound<'py, PyAny>) = item?.extract()?;
        let Some(index) = indices.get_item(&device)? else {
            let key = short_repr(&device)?;
            let suggestion = if devices.len() <= MAX_DEVICES_COMPARED {
                format!("the closest device is {}; ", closest_device(&device, devices)?)
            } else {
                String::new()
            };
            let message = format!(
                "{name} must be keyed by the devices, got the key {key}; {suggestion}if {key} is a device, add it to devices"
            );
            return Err(PyValueError::new_err(message));
        };
        values[index.extract::<usize>()?] = (!value.is_none()).then_some(value);
    }
    Ok(values)
}

/// Returns the repr of the device whose name is most similar to a key, as a suggestion for a misspelled device.
fn closest_device<'py>(key: &Bound<'py, PyAny>, devices: &Bound<'py, PyTuple>) -> PyResult<String> {
    let py = devices.py();
    let name_of = |object: &Bound<'py, PyAny>| match object.str() {
        Ok(name) if !name.is_empty()? => Ok(name.to_string_lossy().chars().take(100).collect()),
        Err(error) if !error.is_instance_of::<PyException>(py) => Err(error),
        _ => short_repr(object),
    };
    let names: Vec<String> = devices.iter().map(|device| name_of(&device)).collect::<PyResult<_>>()?;
    let matches = py
        .import("difflib")?
        .call_method1("get_close_matches", (name_of(key)?, &names, 1, 0.0))?;
    let closest: Option<String> = matches.extract::<Vec<String>>()?.pop();
    let index = names
        .iter()
        .position(|name| Some(name) == closest.as_ref())
        .unwrap_or(0);
    short_repr(&devices.get_item(index)?)
}
