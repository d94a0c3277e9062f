//! `balance`: blocks cut by what they cost.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyList, PyTuple};

use super::Ears;
use super::along::Along;
use super::costs::{Kind, bytes, sums_of};
use super::error::{infeasible, memory_error, short_repr, wrong_value};
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
            Some(sizes) => explain(&why, sizes, names, &devices).unwrap_or_else(|error| error),
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
fn explain(why: &Infeasible, sizes: &PrefixSums, names: &Bound<'_, PyTuple>, devices: &[Device]) -> PyResult<PyErr> {
    const INSTEAD: &str = "allow_idle=True lets devices stay without blocks";
    let py = names.py();
    let size = |block: usize| sizes.sum(block..block + 1);
    match *why {
        Infeasible::Block(block) => {
            let most = devices.iter().map(|device| device.memory).max().unwrap_or(0);
            let (needs, has) = format_pair(size(block), most);
            let text = format!("block {block} needs {needs}, no device holds more than {has}");
            infeasible(py, &text, "block", Some(block), None, Some((size(block), most)))
        }
        Infeasible::All(held) => {
            let (needs, has) = format_pair(sizes.total(), held);
            let text = format!("the blocks need {needs}, the devices hold {has}");
            infeasible(py, &text, "total", None, None, Some((sizes.total(), held)))
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
            let text = format!("in this order the devices hold {which}: the next, of {next}, is too much{more}");
            infeasible(py, &text, "order", Some(held), None, Some((size(held), available)))
        }
        Infeasible::Idle(None) => {
            let text = format!("the devices hold the blocks, but not with a block on each device; {INSTEAD}");
            infeasible(py, &text, "idle", None, None, None)
        }
        Infeasible::Idle(Some((device, ref blocks))) => {
            let (name, available) = (names.get_item(device)?, devices[device].memory);
            let needed = blocks.clone().map(size).min().unwrap_or(0);
            let (has, needs) = format_pair(available, needed);
            let (first, last) = (blocks.start, blocks.end - 1);
            let which = if first == last {
                format!("block {first}, the only one in its reach, needs {needs}")
            } else {
                format!("the smallest of the blocks {first}–{last} in its reach needs {needs}")
            };
            let shown = short_repr(&name)?;
            let text = format!("each device must get a block, but device {shown} holds {has} and {which}; {INSTEAD}");
            infeasible(py, &text, "idle", None, Some(name), Some((needed, available)))
        }
    }
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
