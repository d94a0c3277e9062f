//! The binding of `balance`, which partitions blocks by their cost.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyList, PyTuple};

use super::costs::{Quantity, read_prefix_sums};
use super::error::{infeasible, short_repr, wrong_value};
use super::memory::memory_error;
use super::numbers::parse_bytes;
use super::per_device::PerDevice;
use super::signals::SignalCheck;
use crate::numbers::byte_units::{format_bytes, format_exact};
use crate::partition::{Device, Infeasible, Problem, SearchError};
use crate::prefix_sums::PrefixSums;

/// The number of blocks times devices from which on a problem is solved without the GIL. Smaller problems take some tens of
/// microseconds at most.
const MIN_SIZE_WITHOUT_GIL: usize = 1 << 16;

/// The number of searches in the prefix sums between two checks for signals without the GIL. They take some milliseconds,
/// since acquiring the GIL may take as long.
const SEARCHES_BETWEEN_SIGNALS: usize = 1 << 16;

/// Returns the end of each device's run.
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
    let mut signals = SignalCheck::new(py);
    if devices.is_empty() {
        return Err(PyValueError::new_err("devices must not be empty"));
    }
    let speeds = match speeds {
        None => vec![1; devices.len()],
        Some(speeds) => parse_speeds(&PerDevice::new("speeds", devices, speeds)?)?,
    };
    if max_memory.is_some() && sizes.is_none() {
        let text = "sizes must be given with max_memory, got None; write sizes=costs if the costs are bytes";
        return Err(PyValueError::new_err(text));
    }
    let limits = max_memory.map(|limits| parse_limits(devices, limits)).transpose()?;
    let is_same_object = sizes.is_some_and(|sizes| sizes.is(costs));
    let costs = read_prefix_sums(&mut signals, Quantity::Costs, costs)?;
    let size_sums;
    let sizes = match sizes {
        None => None,
        Some(_) if is_same_object && costs.are_sizes() => Some(&costs),
        Some(sizes) => {
            size_sums = read_prefix_sums(&mut signals, Quantity::Sizes, sizes)?;
            Some(&size_sums)
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
    let ends = solve(&mut signals, &problem).map_err(|error| match error {
        SearchError::Interrupted(error) => error,
        SearchError::Memory(_) => memory_error("the search"),
        SearchError::Infeasible(reason) => match sizes {
            Some(sizes) => infeasible_error(&reason, sizes, names, &devices).unwrap_or_else(|error| error),
            // Without limits there is always a partition.
            None => PyValueError::new_err("costs cannot be divided among the devices"),
        },
    })?;
    PyList::new(py, ends)
}

/// Solves a problem. A problem has no references to Python objects, so that a large one is solved without the GIL.
fn solve(signals: &mut SignalCheck<'_>, problem: &Problem<'_>) -> Result<Vec<usize>, SearchError<PyErr>> {
    if problem.costs.len().saturating_mul(problem.devices.len()) < MIN_SIZE_WITHOUT_GIL {
        // A search in the prefix sums takes about half as long as reading a hundred blocks.
        return problem.solve(|searches| signals.tick(100 * searches));
    }
    let mut searches_since_check = 0;
    signals.py().detach(|| {
        problem.solve(|searches| {
            searches_since_check += searches;
            if searches_since_check < SEARCHES_BETWEEN_SIGNALS {
                return Ok(());
            }
            searches_since_check = 0;
            // If the interpreter is shutting down, the result is no longer needed.
            Python::try_attach(|py: Python<'_>| py.check_signals()).unwrap_or(Ok(()))
        })
    })
}

/// Returns the speeds of the devices as integers in the same proportions.
pub fn parse_speeds(speeds: &PerDevice<'_, '_>) -> PyResult<Vec<u128>> {
    const EXPECTED: &str = "greater than 0";
    let proportions = speeds.proportions(1, EXPECTED)?;
    match proportions.iter().position(|speed| *speed == 0) {
        Some(index) => {
            let zero = PyInt::new(speeds.py(), 0).into_any();
            Err(wrong_value(&speeds.label(index), EXPECTED, &zero))
        }
        None => Ok(proportions),
    }
}

/// Returns the memory limit of each device, or `None` for a device without one.
fn parse_limits(devices: &Bound<'_, PyTuple>, max_memory: &Bound<'_, PyAny>) -> PyResult<Vec<Option<u128>>> {
    let limits = PerDevice::new("max_memory", devices, max_memory)?;
    let parse = |(index, value): (usize, &Option<Bound<'_, PyAny>>)| {
        value
            .as_ref()
            .map(|value| parse_bytes(value, &|| limits.label(index)))
            .transpose()
    };
    limits.values().iter().enumerate().map(parse).collect()
}

/// Returns the `InfeasibleError` for a reason, with the amounts of memory in the message and in the attributes.
fn infeasible_error(
    reason: &Infeasible,
    sizes: &PrefixSums,
    names: &Bound<'_, PyTuple>,
    devices: &[Device],
) -> PyResult<PyErr> {
    const ADVICE: &str = "allow_idle=True allows devices without blocks";
    let py = names.py();
    let size = |block: usize| sizes.sum(block..block + 1);
    match *reason {
        Infeasible::Block(block) => {
            let available = devices.iter().map(|device| device.memory).max().unwrap_or(0);
            let (needs, has) = format_pair(size(block), available);
            let text = format!("block {block} needs {needs}, but the largest device has {has}");
            infeasible(py, &text, "block", Some(block), None, Some((size(block), available)))
        }
        Infeasible::Total { available } => {
            let (needs, has) = format_pair(sizes.total(), available);
            let text = format!("the blocks need {needs} in total, but the devices have {has}");
            infeasible(py, &text, "total", None, None, Some((sizes.total(), available)))
        }
        Infeasible::Order { block, available } => {
            let fitting = match block {
                0 => "no block".into(),
                1 => "only block 0".into(),
                _ => format!("only blocks 0–{}", block - 1),
            };
            let rest = match sizes.len() - block {
                1 => String::new(),
                remaining => {
                    let total = format_bytes(sizes.sum(block..sizes.len()));
                    format!("; {remaining} blocks remain, which need {total} in total")
                }
            };
            let next = format_bytes(size(block));
            let text = format!(
                "in this order the devices can hold {fitting}: block {block} needs {next} and does not fit{rest}"
            );
            infeasible(py, &text, "order", Some(block), None, Some((size(block), available)))
        }
        Infeasible::Idle(None) => {
            let text =
                format!("the devices can hold the blocks, but not with at least one block on each device; {ADVICE}");
            infeasible(py, &text, "idle", None, None, None)
        }
        Infeasible::Idle(Some((device, ref blocks))) => {
            let (name, available) = (names.get_item(device)?, devices[device].memory);
            let needed = blocks.clone().map(size).min().unwrap_or(0);
            let (has, needs) = format_pair(available, needed);
            let (first, last) = (blocks.start, blocks.end - 1);
            let smallest = if first == last {
                format!("block {first}, the only one that it can get in this order, needs {needs}")
            } else {
                format!("the smallest of the blocks {first}–{last}, which it can get in this order, needs {needs}")
            };
            let device_repr = short_repr(&name)?;
            let text =
                format!("each device must get a block, but device {device_repr} has {has}, and {smallest}; {ADVICE}");
            infeasible(py, &text, "idle", None, Some(name), Some((needed, available)))
        }
    }
}

/// Formats two different amounts: rounded, or exactly if the rounded texts are equal.
fn format_pair(first: u128, second: u128) -> (String, String) {
    let texts = (format_bytes(first), format_bytes(second));
    if texts.0 == texts.1 {
        (format_exact(first), format_exact(second))
    } else {
        texts
    }
}
