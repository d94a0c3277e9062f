//! What is given for each device: a sequence along the devices, or a mapping by device.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyFloat, PyList, PyMapping, PyRange, PyString, PyTuple};

use super::costs::{AnyNumber, amount, any_number, drained};
use super::error::{type_error, value_error};
use super::{gathered, gathered_if_all, is_iterable, is_set, layout, no_memory, shown};
use crate::memory;
use crate::numbers::{Number, Reader};
use crate::sums::{One, Refusal, Summing};

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
        let (values, by_device) = if let Ok(mapping) = given.cast::<PyMapping>() {
            (by_device(name, devices, mapping)?, true)
        } else {
            let list = drained(name, given, "a sequence of one value a device, nor a mapping by device")?;
            if list.len() != devices.len() {
                let text = format!("{name} has length {}, but devices {}", list.len(), devices.len());
                return Err(value_error(devices.py(), &text));
            }
            let values = list.iter().map(|value| (!value.is_none()).then_some(value));
            (gathered(values)?, false)
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
        let key = self.devices.get_item(index).and_then(|device| shown(&device));
        match key {
            Ok(key) if self.by_device => format!("{}[{key}]", self.name),
            _ => format!("{}[{index}]", self.name),
        }
    }

    /// The values as whole numbers in the same proportions, exactly; `absent` stands for those that were not given.
    pub fn weights(&self, absent: u32) -> PyResult<Vec<u128>> {
        let mut summing = Summing::try_new(self.values.len()).map_err(no_memory)?;
        for (index, value) in self.values.iter().enumerate() {
            let number = match value {
                None => Number::Whole(absent.into()),
                Some(value) if is_fraction(value)? => return self.ratios(absent),
                Some(value) => amount(value, || self.place(index))?,
            };
            if summing.read(&One(number)).is_err() {
                return Err(match summing.refusal() {
                    Refusal::Memory(error) => no_memory(error),
                    Refusal::TooLarge => self.too_far_apart(),
                });
            }
        }
        let sums = summing.finish();
        if !sums.exact() {
            return Err(self.too_far_apart());
        }
        gathered((0..sums.len()).map(|index| sums.of(index..index + 1)))
    }

    /// As [`Self::weights`] where some are fractions of another kind than floats, by Python's own arithmetic.
    fn ratios(&self, absent: u32) -> PyResult<Vec<u128>> {
        static LCM: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let py = self.devices.py();
        let ratio = |(index, value): (usize, &Option<Bound<'py, PyAny>>)| {
            let number = match value {
                None => layout::new_int(py, absent.into())?.into_any(),
                Some(value) => {
                    amount(value, || self.place(index))?;
                    match any_number(value, || self.place(index))? {
                        AnyNumber::Int(int) => int,
                        AnyNumber::Float(_) => value.clone(),
                    }
                }
            };
            let ratio = number.call_method0(intern!(py, "as_integer_ratio"))?;
            Ok((ratio.get_item(0)?, ratio.get_item(1)?))
        };
        let ratios = gathered_if_all(self.values.iter().enumerate().map(ratio))?;
        let denominators = layout::new_list(py)?;
        for (_, denominator) in &ratios {
            denominators.append(denominator)?;
        }
        let lcm = LCM.import(py, "math", "lcm")?;
        let common = lcm.call1(
            py.get_type::<PyTuple>()
                .call1((denominators,))?
                .cast_into::<PyTuple>()?,
        )?;
        let mut sum = 0_u128;
        gathered_if_all(ratios.into_iter().map(|(numerator, denominator)| {
            let weight = numerator.mul(common.floor_div(denominator)?)?;
            let weight: u128 = weight.extract().map_err(|_| self.too_far_apart())?;
            sum = sum.checked_add(weight).ok_or_else(|| self.too_far_apart())?;
            Ok(weight)
        }))
    }

    fn too_far_apart(&self) -> PyErr {
        value_error(
            self.devices.py(),
            &format!("{} lie too far apart: 128 bits cannot hold them exactly", self.name),
        )
    }
}

/// A limit of memory as a number of bytes; none if it is infinite.
pub fn bytes(value: &Bound<'_, PyAny>, place: impl Fn() -> String) -> PyResult<Option<Number>> {
    if let Ok(text) = value.cast::<PyString>() {
        if let Some(bytes) = memory::bytes(text.to_str()?) {
            return Ok(Some(Number::Whole(bytes)));
        }
        let text = format!(
            "{} is {}, not a number followed by a unit: B, KB, MB, GB, TB, KiB, MiB, GiB or TiB",
            place(),
            shown(value)?
        );
        return Err(value_error(value.py(), &text));
    }
    // What no number here is: rather a little less than a little more.
    let below = |limit: f64| Ok(Some(Number::Float(limit.next_down())));
    match any_number(value, &place)? {
        AnyNumber::Float(f64::INFINITY) if value.eq(f64::INFINITY)? => Ok(None),
        AnyNumber::Int(int) if int.gt(0)? && int.extract::<u128>().is_err() => {
            below(int.extract().unwrap_or(f64::INFINITY))
        }
        AnyNumber::Float(limit) if limit > 0.0 && value.lt(limit)? => below(limit),
        _ => amount(value, place).map(Some),
    }
}

/// Whether a number is a fraction that no float may be: `Fraction`, `Decimal`.
fn is_fraction(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = value.py();
    let plain = value.is_instance_of::<PyFloat>() || value.hasattr(intern!(py, "__index__"))?;
    Ok(!plain && value.hasattr(intern!(py, "as_integer_ratio"))?)
}

fn by_device<'py>(
    name: &str,
    devices: &Bound<'py, PyTuple>,
    mapping: &Bound<'py, PyMapping>,
) -> PyResult<Vec<Option<Bound<'py, PyAny>>>> {
    let places = layout::new_dict(devices.py())?;
    for (index, device) in devices.iter().enumerate() {
        places.set_item(device, layout::new_int(devices.py(), index.cast_signed() as i64)?)?;
    }
    let mut values = gathered((0..devices.len()).map(|_| None))?;
    for item in mapping.items()? {
        let (device, value) = (item.get_item(0)?, item.get_item(1)?);
        let Some(index) = places.get_item(&device)? else {
            let text = format!(
                "{name} names {}, which is none of the devices: add it to them, or leave it out",
                shown(&device)?
            );
            return Err(value_error(devices.py(), &text));
        };
        values[index.extract::<usize>()?] = (!value.is_none()).then_some(value);
    }
    Ok(values)
}

/// The devices of a call, checked: at least one, and each but once.
#[pyfunction]
pub fn distinct<'py>(devices: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyTuple>> {
    let py = devices.py();
    // Of these nothing needs to be asked, which would take as long as all the rest.
    let plain = devices.is_exact_instance_of::<PyList>()
        || devices.is_exact_instance_of::<PyTuple>()
        || devices.is_exact_instance_of::<PyRange>();
    if !plain {
        in_order(devices)?;
    }
    let devices = py.get_type::<PyTuple>().call1((devices,))?.cast_into::<PyTuple>()?;
    if devices.is_empty() {
        return Err(value_error(py, "there are no devices"));
    }
    let seen: Bound<'py, PyDict> = layout::new_dict(py)?;
    for (index, device) in devices.iter().enumerate() {
        seen.set_item(&device, ())?;
        if seen.len() == index {
            return Err(value_error(py, &format!("device {} is named twice", shown(&device)?)));
        }
    }
    Ok(devices)
}

/// Refuses what is no sequence of devices.
fn in_order(devices: &Bound<'_, PyAny>) -> PyResult<()> {
    let wrong = |text: &str| Err(type_error(devices.py(), text));
    if devices.is_instance_of::<PyString>() || !is_iterable(devices)? {
        wrong(&format!("devices is {}, not a sequence of devices", shown(devices)?))
    } else if is_set(devices) {
        wrong("devices is a set, which has no order: give a list")
    } else if devices.cast::<PyMapping>().is_ok() {
        wrong(
            "devices is a mapping, whose values would be lost: give list(devices), and the values by name, as max_memory \
             for example",
        )
    } else {
        Ok(())
    }
}
