//! The binding of `get_device_map`.

use std::iter;
use std::ops::Range;

use pyo3::exceptions::PyMemoryError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyInt, PyList, PyRange, PySlice};

use super::cpython;
use super::memory::ints_fit_in_memory;
use super::objects::list_from_iterable;
use super::signals::SignalCheck;
use crate::partition::chunks::ceil_chunks;

/// Divide the blocks of a model into consecutive chunks, one per device.
///
/// The result is that of the function of this name in transformers' ``utils/model_parallel_utils.py``. Each chunk has
/// ``ceil(n_layers / len(devices))`` blocks; the last one may be shorter. Devices for which no blocks remain are not in the
/// map.
///
/// Args:
///     n_layers: The number of blocks of the model. A negative number gives empty chunks, as in the original.
///     devices: The devices in order: any iterable with a length. Each device must be hashable. If a device occurs twice,
///         the map has its last chunk.
///
/// Returns:
///     A new dict, ``{device: [block, ...]}``, in the order of the devices.
///
/// Raises:
///     TypeError: ``n_layers`` is not an integer, ``devices`` has no length or is not iterable, or a device is not
///         hashable.
///     ZeroDivisionError: ``devices`` is empty.
///     ValueError: ``n_layers`` is 0.
///     OverflowError, MemoryError: ``n_layers`` blocks do not fit in memory.
///
/// Examples:
///     >>> get_device_map(5, ["cuda:0", "cuda:1"])
///     {'cuda:0': [0, 1, 2], 'cuda:1': [3, 4]}
#[pyfunction]
pub fn get_device_map<'py>(n_layers: &Bound<'py, PyAny>, devices: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyDict>> {
    let py = n_layers.py();
    let mut signals = SignalCheck::new(py);
    let num_blocks = positive_int(n_layers);
    let layers = match num_blocks {
        Some(num_blocks) => {
            if !ints_fit_in_memory(num_blocks) {
                // The original's MemoryError has no message.
                return Err(PyMemoryError::new_err(()));
            }
            PyList::empty(py)
        }
        None => list_from_iterable(&py.get_type::<PyRange>().call1((n_layers,))?)?,
    };
    let num_devices = devices.len()?;
    match num_blocks {
        Some(num_blocks) if num_devices > 0 => {
            let mut runs = ceil_chunks(num_blocks, num_devices);
            zip_to_dict(&mut signals, devices, |signals| {
                let to_list = |run: Range<usize>| cpython::list_of_ints(signals, run.len(), iter::once(run));
                runs.next().map(to_list).transpose()
            })
        }
        _ => {
            let mut chunks = slice_chunks(&mut signals, &layers, n_layers, num_devices)?.into_iter();
            zip_to_dict(&mut signals, devices, |_| Ok(chunks.next()))
        }
    }
}

/// Returns the value of `n_layers` if it is an exact positive int, so that the chunks can be computed in Rust.
fn positive_int(n_layers: &Bound<'_, PyAny>) -> Option<usize> {
    let number: isize = n_layers.cast_exact::<PyInt>().ok()?.extract().ok()?;
    usize::try_from(number).ok().filter(|&number| number > 0)
}

/// Divides `layers` into chunks by the steps of the original. This is used if `n_layers` is not an exact positive int: then
/// it may define its own operators.
fn slice_chunks<'py>(
    signals: &mut SignalCheck<'py>,
    layers: &Bound<'py, PyList>,
    n_layers: &Bound<'py, PyAny>,
    num_devices: usize,
) -> PyResult<Bound<'py, PyList>> {
    static CEIL: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = layers.py();
    let ceil = CEIL.import(py, "math", "ceil")?;
    let size = py
        .get_type::<PyInt>()
        .call1((ceil.call1((n_layers.div(num_devices)?,))?,))?;
    let chunks = PyList::empty(py);
    for start in py.get_type::<PyRange>().call1((0, n_layers, &size))?.try_iter()? {
        let start = start?;
        let end = start.add(&size)?;
        let slice = py.get_type::<PySlice>().call1((start, end))?;
        chunks.append(layers.as_any().get_item(slice)?)?;
        signals.tick(16)?;
    }
    Ok(chunks)
}

/// Returns `dict(zip(devices, chunks))`, where `next_chunk` returns the chunks one by one. As with `zip`, the iterator of the
/// devices is advanced once more after the last chunk.
fn zip_to_dict<'py, T>(
    signals: &mut SignalCheck<'py>,
    devices: &Bound<'py, PyAny>,
    mut next_chunk: impl FnMut(&mut SignalCheck<'py>) -> PyResult<Option<Bound<'py, T>>>,
) -> PyResult<Bound<'py, PyDict>> {
    let map = PyDict::new(devices.py());
    for device in devices.try_iter()? {
        let device = device?;
        let Some(chunk) = next_chunk(signals)? else { break };
        map.set_item(device, chunk.into_any())?;
        signals.tick(16)?;
    }
    Ok(map)
}
