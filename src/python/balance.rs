//! `balance`: blocks cut by what they cost.

use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use super::along::{Along, bytes};
use super::costs::sums_of;
use super::error::{infeasible, value_error};
use super::{Ears, gathered, gathered_if_all, list_of_numbers, no_memory, shown};
use crate::balance::{Device, Infeasible, Problem, Stopped};
use crate::memory::{in_bytes, written};
use crate::numbers::Number;
use crate::sums::Sums;

/// Where the run of each device ends.
#[pyfunction]
pub fn balance<'py>(
    costs: &Bound<'py, PyAny>,
    devices: &Bound<'py, PyTuple>,
    speeds: Option<&Bound<'py, PyAny>>,
    sizes: Option<&Bound<'py, PyAny>>,
    max_memory: Option<&Bound<'py, PyAny>>,
    allow_idle: bool,
) -> PyResult<Bound<'py, PyList>> {
    let mut ears = Ears::new(devices.py());
    let speeds = match speeds {
        None => gathered((0..devices.len()).map(|_| 1))?,
        Some(speeds) => speeds_of(&Along::of("speeds", devices, speeds)?)?,
    };
    let limits = max_memory.map(|limits| limits_of(devices, limits)).transpose()?;
    let costs = sums_of(&mut ears, "costs", costs)?;
    let sizes = sizes.map(|sizes| sums_of(&mut ears, "sizes", sizes)).transpose()?;
    if let Some(sizes) = &sizes
        && sizes.len() != costs.len()
    {
        let text = format!("sizes has length {}, but costs {}", sizes.len(), costs.len());
        return Err(value_error(ears.py, &text));
    }
    let sizes = sizes.as_ref().unwrap_or(&costs);
    let limits = limits.unwrap_or_default();
    let names = devices;
    let devices = gathered(speeds.into_iter().enumerate().map(|(index, speed)| {
        Device {
            speed,
            memory: limits
                .get(index)
                .copied()
                .flatten()
                .map_or(u128::MAX, |limit| sizes.units(limit)),
        }
    }))?;
    let problem = Problem {
        costs: &costs,
        sizes: limits.iter().any(Option::is_some).then_some(sizes),
        devices: &devices,
        allow_idle,
    };
    // Two searches of the sums take about as long as a hundred blocks.
    let ends = problem
        .solve(|searches| ears.after(100 * searches))
        .map_err(|stopped| match stopped {
            Stopped::Interrupted(error) => error,
            Stopped::Memory(error) => no_memory(error),
            Stopped::Infeasible(why) => match told(&why, sizes, names, &devices) {
                Ok(text) => infeasible(ears.py, &text),
                Err(error) => error,
            },
        })?;
    list_of_numbers(ears.py, &ends)
}

/// The speeds of the devices, in proportion.
pub fn speeds_of(given: &Along<'_, '_>) -> PyResult<Vec<u128>> {
    let speeds = given.weights(1)?;
    match speeds.iter().position(|speed| *speed == 0) {
        Some(index) => Err(value_error(
            given.py(),
            &format!("{} is 0, and has to be more", given.place(index)),
        )),
        None => Ok(speeds),
    }
}

/// The limits of the devices, where they have one.
fn limits_of(devices: &Bound<'_, PyTuple>, limits: &Bound<'_, PyAny>) -> PyResult<Vec<Option<Number>>> {
    let given = Along::of("max_memory", devices, limits)?;
    let limit = |(index, value): (usize, &Option<Bound<'_, PyAny>>)| {
        let place = || given.place(index);
        value.as_ref().map_or(Ok(None), |value| bytes(value, place))
    };
    gathered_if_all(given.values().iter().enumerate().map(limit))
}

/// Why there is no map, in numbers.
fn told(why: &Infeasible, sizes: &Sums, names: &Bound<'_, PyTuple>, devices: &[Device]) -> PyResult<String> {
    let size = |units| figure(sizes.amount(units));
    Ok(match *why {
        Infeasible::Block(block) => {
            let most = devices.iter().map(|device| device.memory).max().unwrap_or(0);
            let (needs, most) = beside(sizes, sizes.of(block..block + 1), most);
            format!("block {block} needs {needs}, no device holds more than {most}")
        }
        Infeasible::All(held) => {
            let (needed, most) = beside(sizes, sizes.total(), held);
            format!("the blocks need {needed}, the devices hold {most}")
        }
        Infeasible::Order(held) => {
            let which = match held {
                1 => "block 0 only".into(),
                _ => format!("blocks 0–{} only", held - 1),
            };
            let next = size(sizes.of(held..held + 1));
            let more = match sizes.len() - held {
                1 => String::new(),
                left => format!("; {left} blocks of {} are left", size(sizes.of(held..sizes.len()))),
            };
            format!("in this order the devices hold {which}: the next, of {next}, is too much{more}")
        }
        Infeasible::Idle(ref to_blame) => {
            let why = match to_blame {
                None => String::new(),
                Some((device, blocks)) => {
                    let least = blocks.clone().map(|block| sizes.of(block..block + 1)).min();
                    let (holds, needs) = beside(sizes, devices[*device].memory, least.unwrap_or(0));
                    let which = match blocks.len() {
                        1 => format!("block {}, which needs {needs}", blocks.start),
                        _ => format!(
                            "one of the blocks {}–{}, none of which needs less than {needs}",
                            blocks.start,
                            blocks.end - 1
                        ),
                    };
                    let name = shown(&names.get_item(*device)?)?;
                    format!(": device {name} holds {holds} and has to get {which}")
                }
            };
            format!(
                "the devices hold the blocks, but not with a block on each of them{why}; with allow_idle=True some may be \
                 left without"
            )
        }
    })
}

/// Two different amounts as people read them: to the byte if they look alike otherwise.
fn beside(sizes: &Sums, one: u128, other: u128) -> (String, String) {
    let texts = [one, other].map(|units| figure(sizes.amount(units)));
    let [one, other] = if texts[0] == texts[1] {
        [one, other].map(|units| match sizes.amount(units) {
            Number::Whole(bytes) => in_bytes(bytes),
            Number::Float(bytes) => format!("{bytes:?} B"),
        })
    } else {
        texts
    };
    (one, other)
}

/// An amount of memory as people read it.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a figure for people"
)]
fn figure(amount: Number) -> String {
    match amount {
        Number::Whole(bytes) => written(bytes),
        Number::Float(bytes) if !(1024.0..1e30).contains(&bytes) => format!("{bytes:?} B"),
        Number::Float(bytes) => written(bytes as u128),
    }
}
