//! `balance`: blocks cut by what they cost.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyList, PyTuple};

use super::Ears;
use super::along::Along;
use super::costs::{Kind, bytes, sums_of};
use super::error::{Details, infeasible, memory_error, short_repr, wrong_value};
use crate::numbers::byte_units::{in_bytes, written};
use crate::partition::{Device, Infeasible, Problem, SearchError};
use crate::prefix_sums::PrefixSums;

/// How many blocks times devices a search must have for other threads to run meanwhile: some tens of microseconds' work.
const LONG: usize = 1 << 16;

/// After how many searches of the sums a long search looks for signals: some milliseconds' work, since waiting for the
/// GIL may take as long.
const BETWEEN_SIGNALS: usize = 1 << 16;

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
    let py = devices.py();
    let mut ears = Ears::new(py);
    let speeds = match speeds {
        None => vec![1; devices.len()],
        Some(speeds) => speeds_of(&Along::of("speeds", devices, speeds)?)?,
    };
    if max_memory.is_some() && sizes.is_none() {
        let text = "sizes must be given with max_memory, got None; write sizes=costs if the costs are bytes";
        return Err(PyValueError::new_err(text));
    }
    let limits = max_memory.map(|limits| limits_of(devices, limits)).transpose()?;
    let same = sizes.is_some_and(|sizes| sizes.is(costs));
    let costs = sums_of(&mut ears, Kind::Costs, costs)?;
    let read;
    let sizes = match sizes {
        None => None,
        // What has been read already is not read again.
        Some(_) if same && costs.are_sizes() => Some(&costs),
        Some(sizes) => {
            read = sums_of(&mut ears, Kind::Sizes, sizes)?;
            Some(&read)
        }
    };
    if let Some(sizes) = sizes
        && sizes.len() != costs.len()
    {
        let text = format!(
            "sizes must have one value per block, as costs has ({}), got {}",
            costs.len(),
            sizes.len()
        );
        return Err(PyValueError::new_err(text));
    }
    let limits = limits.unwrap_or_default();
    let names = devices;
    let device = |(index, speed)| Device {
        speed,
        memory: limits.get(index).copied().flatten().unwrap_or(u128::MAX),
    };
    let devices: Vec<_> = speeds.into_iter().enumerate().map(device).collect();
    let problem = Problem {
        costs: &costs,
        sizes: sizes.filter(|_| limits.iter().any(Option::is_some)),
        devices: &devices,
        allow_idle,
    };
    let ends = solve(&mut ears, &problem).map_err(|stopped| match stopped {
        SearchError::Interrupted(error) => error,
        SearchError::Memory(_) => memory_error("the search"),
        SearchError::Infeasible(why) => match sizes {
            Some(sizes) => explain(&why, sizes, names, &devices),
            // Without limits there is always a map.
            None => PyValueError::new_err("costs cannot be divided among the devices"),
        },
    })?;
    PyList::new(py, ends)
}

/// Solves a problem, which holds no reference to a Python object; a large one without the GIL.
fn solve(ears: &mut Ears<'_>, problem: &Problem<'_>) -> Result<Vec<usize>, SearchError<PyErr>> {
    if problem.costs.len().saturating_mul(problem.devices.len()) < LONG {
        // Two searches of the sums take about as long as a hundred blocks.
        return problem.solve(|searches| ears.after(100 * searches));
    }
    let mut searched = 0;
    ears.py.detach(|| {
        problem.solve(|searches| {
            searched += searches;
            if searched < BETWEEN_SIGNALS {
                return Ok(());
            }
            searched = 0;
            // No interpreter means that the process ends, and nobody waits for the answer.
            Python::try_attach(|py: Python<'_>| py.check_signals()).unwrap_or(Ok(()))
        })
    })
}

/// The speeds of the devices, in proportion.
pub fn speeds_of(given: &Along<'_, '_>) -> PyResult<Vec<u128>> {
    const LEAST: &str = "greater than 0";
    let speeds = given.weights(1, LEAST)?;
    match speeds.iter().position(|speed| *speed == 0) {
        Some(index) => {
            let zero = PyInt::new(given.py(), 0).into_any();
            Err(wrong_value(&given.place(index), LEAST, &zero))
        }
        None => Ok(speeds),
    }
}

/// The limits of the devices, where they have one.
fn limits_of(devices: &Bound<'_, PyTuple>, limits: &Bound<'_, PyAny>) -> PyResult<Vec<Option<u128>>> {
    let given = Along::of("max_memory", devices, limits)?;
    let limit = |(index, value): (usize, &Option<Bound<'_, PyAny>>)| {
        value
            .as_ref()
            .map(|value| bytes(value, &|| given.place(index)))
            .transpose()
    };
    given.values().iter().enumerate().map(limit).collect()
}

/// The error that says why there is no map, in numbers.
fn explain(why: &Infeasible, sizes: &PrefixSums, names: &Bound<'_, PyTuple>, devices: &[Device]) -> PyErr {
    let py = names.py();
    let size = |block: usize| sizes.sum(block..block + 1);
    let (text, details) = match *why {
        Infeasible::Block(block) => {
            let (needed, most) = (
                size(block),
                devices.iter().map(|device| device.memory).max().unwrap_or(0),
            );
            let (needs, has) = format_pair(needed, most);
            (
                format!("block {block} needs {needs}, no device holds more than {has}"),
                Details {
                    reason: "block",
                    block: Some(block),
                    needed: Some(needed),
                    available: Some(most),
                    ..Details::default()
                },
            )
        }
        Infeasible::All(held) => {
            let (needs, has) = format_pair(sizes.total(), held);
            (
                format!("the blocks need {needs}, the devices hold {has}"),
                Details {
                    reason: "total",
                    needed: Some(sizes.total()),
                    available: Some(held),
                    ..Details::default()
                },
            )
        }
        Infeasible::Order(held, available) => {
            let which = match held {
                1 => "block 0 only".into(),
                _ => format!("blocks 0–{} only", held - 1),
            };
            let more = match sizes.len() - held {
                1 => String::new(),
                left => format!("; {left} blocks of {} are left", written(sizes.sum(held..sizes.len()))),
            };
            let next = written(size(held));
            (
                format!("in this order the devices hold {which}: the next, of {next}, is too much{more}"),
                Details {
                    reason: "order",
                    block: Some(held),
                    needed: Some(size(held)),
                    available: Some(available),
                    ..Details::default()
                },
            )
        }
        Infeasible::Idle(ref to_blame) => match explain_idle(to_blame.as_ref(), sizes, names, devices) {
            Ok(explained) => explained,
            Err(error) => return error,
        },
    };
    infeasible(py, &text, details)
}

/// Why there is no map with a block on each device.
fn explain_idle<'py>(
    to_blame: Option<&(usize, std::ops::Range<usize>)>,
    sizes: &PrefixSums,
    names: &Bound<'py, PyTuple>,
    devices: &[Device],
) -> PyResult<(String, Details<'py>)> {
    const INSTEAD: &str = "allow_idle=True lets devices stay without blocks";
    let mut details = Details {
        reason: "idle",
        ..Details::default()
    };
    let Some((device, blocks)) = to_blame else {
        let text = format!("the devices hold the blocks, but not with a block on each device; {INSTEAD}");
        return Ok((text, details));
    };
    let least = blocks
        .clone()
        .map(|block| sizes.sum(block..block + 1))
        .min()
        .unwrap_or(0);
    let available = devices[*device].memory;
    let (has, needs) = format_pair(available, least);
    let which = match blocks.len() {
        1 => format!("block {}, the only one in its reach, needs {needs}", blocks.start),
        _ => format!(
            "the smallest of the blocks {}–{} in its reach needs {needs}",
            blocks.start,
            blocks.end - 1
        ),
    };
    let name = names.get_item(*device)?;
    let text = format!(
        "each device must get a block, but device {} holds {has} and {which}; {INSTEAD}",
        short_repr(&name)?
    );
    details.device = Some(name);
    details.needed = Some(least);
    details.available = Some(available);
    Ok((text, details))
}

/// Two different amounts as people read them: to the byte if they look alike otherwise.
fn format_pair(one: u128, other: u128) -> (String, String) {
    let texts = (written(one), written(other));
    if texts.0 == texts.1 {
        (in_bytes(one), in_bytes(other))
    } else {
        texts
    }
}
