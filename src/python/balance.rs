//! The binding of `balance`, which divides blocks among devices according to their costs.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyList, PyTuple};

use super::costs::{Quantity, read_prefix_sums};
use super::error::{new_infeasible_error, short_repr, value_error};
use super::memory::memory_error;
use super::numbers::parse_bytes;
use super::per_device::PerDevice;
use super::signals::SignalCheck;
use crate::numbers::byte_units::{format_bytes, format_exact};
use crate::partition::{Device, Infeasible, Problem, SearchError};
use crate::prefix_sums::PrefixSums;

/// Problems with at least this many blocks times devices are solved without holding the GIL. Smaller problems take at most
/// some tens of microseconds.
const MIN_PROBLEM_SIZE_WITHOUT_GIL: usize = 1 << 16;

/// The number of searches in the prefix sums between two checks for signals while the GIL is not held. That many searches
/// take some milliseconds; checks at shorter intervals would be too expensive, since each one has to acquire the GIL.
const SEARCHES_BETWEEN_SIGNAL_CHECKS: usize = 1 << 16;

/// Returns, for each device, the end (exclusive) of its run of blocks.
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
        let message = "sizes must be given if max_memory is given; pass sizes=costs if the costs are in bytes";
        return Err(PyValueError::new_err(message));
    }
    let limits = max_memory.map(|limits| parse_limits(devices, limits)).transpose()?;
    let is_same_object = sizes.is_some_and(|sizes| sizes.is(costs));
    let costs = read_prefix_sums(&mut signals, Quantity::Costs, costs)?;
    let size_sums;
    let sizes = match sizes {
        None => None,
        Some(_) if is_same_object && costs.are_valid_sizes() => Some(&costs),
        Some(sizes) => {
            size_sums = read_prefix_sums(&mut signals, Quantity::Sizes, sizes)?;
            Some(&size_sums)
        }
    };
    if let Some(sizes) = sizes
        && sizes.len() != costs.len()
    {
        let message = format!(
            "sizes must have as many values as costs ({}), got {}",
            costs.len(),
            sizes.len()
        );
        return Err(PyValueError::new_err(message));
    }
    let limits = limits.unwrap_or_default();
    let device_names = devices;
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
            // An exception during the formatting of the message, such as KeyboardInterrupt, replaces the error.
            Some(sizes) => infeasible_error(&reason, sizes, device_names, &devices).unwrap_or_else(|error| error),
            // Without limits a partition always exists.
            None => PyValueError::new_err("the blocks cannot be divided among the devices"),
        },
    })?;
    PyList::new(py, ends)
}

/// Solves a problem, a large one without holding the GIL. This is possible because a problem has no references to Python
/// objects.
fn solve(signals: &mut SignalCheck<'_>, problem: &Problem<'_>) -> Result<Vec<usize>, SearchError<PyErr>> {
    if problem.costs.len().saturating_mul(problem.devices.len()) < MIN_PROBLEM_SIZE_WITHOUT_GIL {
        // Ticks are counted in blocks read. A search in the prefix sums takes less time than reading 100 blocks.
        return problem.solve(|searches| signals.tick(100 * searches));
    }
    let mut searches_since_check = 0;
    signals.py().detach(|| {
        problem.solve(|searches| {
            searches_since_check += searches;
            if searches_since_check < SEARCHES_BETWEEN_SIGNAL_CHECKS {
                return Ok(());
            }
            searches_since_check = 0;
            // Attaching fails if the interpreter is shutting down. Then there is no signal handler to run.
            Python::try_attach(|py: Python<'_>| py.check_signals()).unwrap_or(Ok(()))
        })
    })
}

/// Converts the speeds of the devices to integers in exactly the same proportions.
pub fn parse_speeds(speeds: &PerDevice<'_, '_>) -> PyResult<Vec<u128>> {
    const EXPECTED: &str = "greater than 0";
    let proportions = speeds.proportions(1, EXPECTED)?;
    match proportions.iter().position(|speed| *speed == 0) {
        Some(index) => {
            // `proportions` has rejected negative speeds, so that this speed equals 0.
            let zero = PyInt::new(speeds.py(), 0).into_any();
            Err(value_error(&speeds.label(index), EXPECTED, &zero))
        }
        None => Ok(proportions),
    }
}

/// Returns the memory limit of each device in bytes, or `None` for a device without a limit.
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

/// Returns the `InfeasibleError` that explains why no partition exists. The message and the attributes contain the amounts
/// of memory that are needed and available.
fn infeasible_error(
    reason: &Infeasible,
    sizes: &PrefixSums,
    device_names: &Bound<'_, PyTuple>,
    devices: &[Device],
) -> PyResult<PyErr> {
    const HINT: &str = "pass allow_idle=True to allow devices without blocks";
    let py = device_names.py();
    let size = |block: usize| sizes.sum(block..block + 1);
    match *reason {
        Infeasible::Block(block) => {
            let available = devices.iter().map(|device| device.memory).max().unwrap_or(0);
            let (needed_text, available_text) = format_pair(size(block), available);
            let message =
                format!("block {block} needs {needed_text}, but the largest device has only {available_text}");
            let bytes = Some((size(block), available));
            new_infeasible_error(py, &message, "block", Some(block), None, bytes)
        }
        Infeasible::Total { available } => {
            let (needed_text, available_text) = format_pair(sizes.total(), available);
            let message = format!("the blocks need {needed_text} in total, but the devices have only {available_text}");
            let bytes = Some((sizes.total(), available));
            new_infeasible_error(py, &message, "total", None, None, bytes)
        }
        Infeasible::Order { block, available } => {
            let fitting = match block {
                0 => "the devices cannot hold any blocks".into(),
                1 => "the devices can hold only block 0".into(),
                _ => format!("the devices can hold only blocks 0–{}", block - 1),
            };
            let remaining = match sizes.len() - block {
                1 => String::new(),
                count => {
                    let total = format_bytes(sizes.sum(block..sizes.len()));
                    format!("; the {count} remaining blocks, including this one, need {total} in total")
                }
            };
            let needed_text = format_bytes(size(block));
            let message =
                format!("in this order {fitting}: block {block} needs {needed_text} and does not fit{remaining}");
            let bytes = Some((size(block), available));
            new_infeasible_error(py, &message, "order", Some(block), None, bytes)
        }
        Infeasible::Idle(None) => {
            let message =
                format!("the devices can hold the blocks, but not with at least one block on each device; {HINT}");
            new_infeasible_error(py, &message, "idle", None, None, None)
        }
        Infeasible::Idle(Some((device, ref blocks))) => {
            let (device_name, available) = (device_names.get_item(device)?, devices[device].memory);
            let needed = blocks.clone().map(size).min().unwrap_or(0);
            let (available_text, needed_text) = format_pair(available, needed);
            let (first, last) = (blocks.start, blocks.end - 1);
            let smallest = if first == last {
                format!("block {first}, the only block that this device can get in this order, needs {needed_text}")
            } else {
                format!(
                    "the smallest of blocks {first}–{last}, which this device can get in this order, needs {needed_text}"
                )
            };
            let message = format!(
                "each device must get a block, but device {} has only {available_text}, and {smallest}; {HINT}",
                short_repr(&device_name)?
            );
            let bytes = Some((needed, available));
            new_infeasible_error(py, &message, "idle", None, Some(device_name), bytes)
        }
    }
}

/// Formats two different amounts of memory. Both are rounded, or both are exact if rounding would make them look equal.
fn format_pair(first: u128, second: u128) -> (String, String) {
    let rounded = (format_bytes(first), format_bytes(second));
    if rounded.0 == rounded.1 {
        (format_exact(first), format_exact(second))
    } else {
        rounded
    }
}
