//! What is given for each device: a sequence along the devices, or a mapping by device. And the devices themselves.

use pyo3::exceptions::{PyException, PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyFloat, PyInt, PyList, PyRange, PyTuple};

use super::block::is_bool;
use super::costs::{AnyNumber, amount, any_number, is_ratio};
use super::error::{memory_error, short_repr, unhashable, wrong_type, wrong_value};
use super::sequences::to_list;
use super::{fit_in_memory, index, is_iterable, is_mapping, is_set, is_text};

/// The most decimal digits before or after the point of a Decimal whose proportion to others is computed.
const MOST_DIGITS: i32 = 10_000;

/// The most bits of the common denominator of fractions whose proportion is computed.
const MOST_BITS: i32 = 40_000;

/// One value a device, under the name by which errors call them.
pub struct Along<'a, 'py> {
    name: &'a str,
    devices: &'a Bound<'py, PyTuple>,
    values: Vec<Option<Bound<'py, PyAny>>>,
    /// Whether they were given by device.
    by_device: bool,
}

impl<'a, 'py> Along<'a, 'py> {
    /// Takes the values. In a mapping, those of some devices may be absent.
    pub fn of(name: &'a str, devices: &'a Bound<'py, PyTuple>, given: &Bound<'py, PyAny>) -> PyResult<Self> {
        let (values, by_device) = if is_mapping(given)? {
            (by_device(name, devices, given)?, true)
        } else {
            let list = to_list(
                name,
                given,
                "a sequence of one value per device, or a mapping by device",
            )?;
            if list.len() != devices.len() {
                let text = format!(
                    "{name} must have one value per device ({}), got {}",
                    devices.len(),
                    list.len()
                );
                return Err(PyValueError::new_err(text));
            }
            let values = list.iter().map(|value| (!value.is_none()).then_some(value));
            (values.collect(), false)
        };
        Ok(Self {
            name,
            devices,
            values,
            by_device,
        })
    }

    /// The interpreter.
    pub fn py(&self) -> Python<'py> {
        self.devices.py()
    }

    /// The values themselves.
    pub fn values(&self) -> &[Option<Bound<'py, PyAny>>] {
        &self.values
    }

    /// How a value is called in an error: `speeds[1]`, `speeds['cuda:1']`.
    pub fn place(&self, index: usize) -> String {
        let key = self.devices.get_item(index).and_then(|device| short_repr(&device));
        match key {
            Ok(key) if self.by_device => format!("{}[{key}]", self.name),
            _ => format!("{}[{index}]", self.name),
        }
    }

    /// The values, none of them negative, as whole numbers in the same proportions, exactly; `absent` stands for those that
    /// were not given, and errors say that each must be `least`.
    pub fn weights(&self, absent: u32, least: &str) -> PyResult<Vec<u128>> {
        let ratios = (0..self.values.len()).map(|index| self.ratio(index, absent, least));
        let weights = match ratios.collect::<PyResult<Option<Vec<_>>>>()? {
            Some(ratios) => proportions(self.py(), &ratios)?,
            None => None,
        };
        weights.ok_or_else(|| {
            let text = format!("{} must have proportions that fit in 128 bits; round them", self.name);
            PyValueError::new_err(text)
        })
    }

    /// A value as a ratio of ints; none if that would have too many digits.
    fn ratio(&self, index: usize, absent: u32, least: &str) -> PyResult<Option<Ratio<'py>>> {
        let py = self.py();
        let argument = || self.place(index);
        let one = PyInt::new(py, 1).into_any();
        let Some(value) = &self.values[index] else {
            return Ok(Some((absent.into_pyobject(py)?.into_any(), one)));
        };
        let number = match any_number(value, &argument, "a number")? {
            AnyNumber::Int(int) if int.lt(0)? => return Err(wrong_value(&argument(), least, &int)),
            AnyNumber::Int(int) => return Ok(Some((int, one))),
            AnyNumber::Float(float) => {
                amount(AnyNumber::Float(float), py, &argument, least)?;
                if is_ratio(value)? {
                    value.clone()
                } else {
                    PyFloat::new(py, float).into_any()
                }
            }
        };
        if let Some(adjusted) = number.getattr_opt(intern!(py, "adjusted"))?
            && adjusted.call0()?.abs()?.gt(MOST_DIGITS)?
        {
            return Ok(None);
        }
        let ratio = number.call_method0(intern!(py, "as_integer_ratio"))?;
        Ok(Some((ratio.get_item(0)?, ratio.get_item(1)?)))
    }
}

/// A numerator and a denominator.
type Ratio<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>);

/// Whole numbers in the same proportions as some ratios, in lowest terms; none if their sum has more than 128 bits.
fn proportions(py: Python<'_>, ratios: &[Ratio<'_>]) -> PyResult<Option<Vec<u128>>> {
    static LCM: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    static GCD: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let (lcm, gcd) = (LCM.import(py, "math", "lcm")?, GCD.import(py, "math", "gcd")?);
    let mut multiple = PyInt::new(py, 1).into_any();
    let mut divisor = PyInt::new(py, 0).into_any();
    for (numerator, denominator) in ratios {
        multiple = lcm.call1((multiple, denominator))?;
        divisor = gcd.call1((divisor, numerator))?;
        if multiple.call_method0(intern!(py, "bit_length"))?.gt(MOST_BITS)? {
            return Ok(None);
        }
    }
    if !divisor.is_truthy()? {
        return Ok(Some(vec![0; ratios.len()]));
    }
    let mut total = 0_u128;
    let mut weights = Vec::with_capacity(ratios.len());
    for (numerator, denominator) in ratios {
        let weight = numerator.floor_div(&divisor)?.mul(multiple.floor_div(denominator)?)?;
        let Some(sum) = weight.extract().ok().and_then(|weight| total.checked_add(weight)) else {
            return Ok(None);
        };
        weights.push(sum - total);
        total = sum;
    }
    Ok(Some(weights))
}

fn by_device<'py>(
    name: &str,
    devices: &Bound<'py, PyTuple>,
    mapping: &Bound<'py, PyAny>,
) -> PyResult<Vec<Option<Bound<'py, PyAny>>>> {
    let places = PyDict::new(devices.py());
    for (index, device) in devices.iter().enumerate() {
        places.set_item(device, index.into_pyobject(devices.py())?)?;
    }
    let mut values = vec![None; devices.len()];
    for item in mapping.call_method0(intern!(devices.py(), "items"))?.try_iter()? {
        let (device, value): (Bound<'py, PyAny>, Bound<'py, PyAny>) = item?.extract()?;
        let Some(index) = places.get_item(&device)? else {
            let key = short_repr(&device)?;
            let text = format!(
                "{name} must be keyed by the devices, got the key {key}; the closest device is {}; if {key} is a device, add \
                 it to devices",
                closest(&device, devices)?
            );
            return Err(PyValueError::new_err(text));
        };
        values[index.extract::<usize>()?] = (!value.is_none()).then_some(value);
    }
    Ok(values)
}

/// The device whose text is most like that of a key, as messages show it.
fn closest<'py>(key: &Bound<'py, PyAny>, devices: &Bound<'py, PyTuple>) -> PyResult<String> {
    let py = devices.py();
    let text = |object: &Bound<'py, PyAny>| match object.str() {
        Ok(text) if !text.is_empty()? => Ok(text.to_string_lossy().chars().take(100).collect()),
        Err(error) if !error.is_instance_of::<PyException>(py) => Err(error),
        _ => short_repr(object),
    };
    let names: Vec<String> = devices.iter().map(|device| text(&device)).collect::<PyResult<_>>()?;
    let close = py
        .import("difflib")?
        .call_method1("get_close_matches", (text(key)?, &names, 1, 0.0))?;
    let close: Option<String> = close.extract::<Vec<String>>()?.pop();
    let place = names.iter().position(|name| Some(name) == close.as_ref()).unwrap_or(0);
    short_repr(&devices.get_item(place)?)
}

/// The devices of a call: at least one, and each but once. An int is the number of devices, which are called 0, 1, 2, ….
#[pyfunction]
pub fn parse_devices<'py>(devices: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyTuple>> {
    let py = devices.py();
    if let Some(range) = numbered(devices)? {
        return Ok(py.get_type::<PyTuple>().call1((range,))?.cast_into()?);
    }
    // Of these nothing needs to be asked, which would take as long as all the rest.
    let plain = devices.is_exact_instance_of::<PyList>()
        || devices.is_exact_instance_of::<PyTuple>()
        || devices.is_exact_instance_of::<PyRange>();
    if !plain {
        in_order(devices)?;
    }
    let devices = py.get_type::<PyTuple>().call1((devices,))?.cast_into::<PyTuple>()?;
    if devices.is_empty() {
        return Err(PyValueError::new_err("devices must not be empty"));
    }
    let seen: Bound<'py, PyDict> = PyDict::new(py);
    for (index, device) in devices.iter().enumerate() {
        seen.set_item(&device, ())
            .map_err(|error| unhashable(error, &format!("devices[{index}]"), &device))?;
        if seen.len() == index {
            let text = format!("devices must be distinct, got {} twice", short_repr(&device)?);
            return Err(PyValueError::new_err(text));
        }
    }
    Ok(devices)
}

/// `range(devices)` where the devices are an int. None for anything else.
pub fn numbered<'py>(devices: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = devices.py();
    if is_bool(devices) || !devices.is_instance_of::<PyInt>() && !devices.hasattr(intern!(py, "__index__"))? {
        return Ok(None);
    }
    let count = match index(devices) {
        Ok(count) => count,
        // An array has an `__index__` whatever its size, which raises unless it has one item.
        Err(error) if error.is_instance_of::<PyTypeError>(py) => return Ok(None),
        Err(error) => return Err(error),
    };
    if count.lt(1)? {
        return Err(wrong_value("devices", "1 or more", &count));
    }
    if !count.extract().is_ok_and(fit_in_memory) {
        return Err(memory_error(&format!("{} devices", short_repr(&count)?)));
    }
    py.get_type::<PyRange>().call1((count,)).map(Some)
}

/// Refuses what is no sequence of devices.
fn in_order(devices: &Bound<'_, PyAny>) -> PyResult<()> {
    let wrong = |text: &'static str| Err(PyTypeError::new_err(text));
    if is_text(devices) || !is_iterable(devices)? {
        Err(wrong_type("devices", "a sequence of devices, or their number", devices))
    } else if is_set(devices) {
        wrong("devices must have an order, got a set; pass a list")
    } else if is_mapping(devices)? {
        wrong(
            "devices must be a sequence of devices, got a mapping, whose values would be lost; pass list(devices), and \
             the values as max_memory, for example",
        )
    } else {
        Ok(())
    }
}
