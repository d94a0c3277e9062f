//! `get_device_map(n_layers, devices)`.

use std::iter;
use std::ops::Range;

use pyo3::exceptions::PyMemoryError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyInt, PyList, PyRange, PySlice};

use super::{Ears, cpython, fit_in_memory, list_of};
use crate::partition::chunks::ceil_chunks;

/// Cut a model's blocks into consecutive chunks, one a device.
///
/// The same result as the function of this name in transformers' ``utils/model_parallel_utils.py``. Each chunk has
/// ``ceil(n_layers / len(devices))`` blocks, the last one what is left over; devices after it get none and are not in
/// the map.
///
/// Args:
///     n_layers: how many blocks the model has. A negative number gives empty chunks, as in the original.
///     devices: the devices in order: anything with a length that can be iterated over; each must be hashable. If one is
///         named twice, its last chunk stays.
///
/// Returns:
///     A new dict, ``{device: [block, ...]}``, in the order of the devices.
///
/// Raises:
///     TypeError: ``n_layers`` is no integer, ``devices`` has no length or cannot be iterated over, or a device is not
///         hashable.
///     ZeroDivisionError: there are no devices.
///     ValueError: ``n_layers`` is 0.
///     OverflowError, MemoryError: memory cannot hold ``n_layers`` blocks.
#[pyfunction]
pub fn get_device_map<'py>(n_layers: &Bound<'py, PyAny>, devices: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyDict>> {
    let py = n_layers.py();
    let mut ears = Ears::new(py);
    let blocks = plain_count(n_layers);
    let layers = match blocks {
        Some(blocks) => {
            if !fit_in_memory(blocks) {
                // Without a message, as the original's.
                return Err(PyMemoryError::new_err(()));
            }
            PyList::empty(py)
        }
        None => list_of(&py.get_type::<PyRange>().call1((n_layers,))?)?,
    };
    let count = devices.len()?;
    match blocks {
        Some(blocks) if count > 0 => {
            let mut runs = ceil_chunks(blocks, count);
            zip(&mut ears, devices, |ears| {
                let list = |run: Range<usize>| cpython::list_of_ints(ears, run.len(), iter::once(run));
                runs.next().map(list).transpose()
            })
        }
        _ => {
            let mut chunks = slices(&mut ears, &layers, n_layers, count)?.into_iter();
            zip(&mut ears, devices, |_| Ok(chunks.next()))
        }
    }
}

/// A number of blocks of which Rust's arithmetic says the same as Python's: an exact int above 0.
fn plain_count(n_layers: &Bound<'_, PyAny>) -> Option<usize> {
    let count: isize = n_layers.cast_exact::<PyInt>().ok()?.extract().ok()?;
    usize::try_from(count).ok().filter(|&count| count > 0)
}

/// The original's steps for any other `n_layers`, whose own operators may be in play: the chunks that `layers` is cut
/// into.
fn slices<'py>(
    ears: &mut Ears<'py>,
    layers: &Bound<'py, PyList>,
    n_layers: &Bound<'py, PyAny>,
    count: usize,
) -> PyResult<Bound<'py, PyList>> {
    static CEIL: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = layers.py();
    let ceil = CEIL.import(py, "math", "ceil")?;
    let size = py.get_type::<PyInt>().call1((ceil.call1((n_layers.div(count)?,))?,))?;
    let chunks = PyList::empty(py);
    for start in py.get_type::<PyRange>().call1((0, n_layers, &size))?.try_iter()? {
        let start = start?;
        let end = start.add(&size)?;
        let slice = py.get_type::<PySlice>().call1((start, end))?;
        chunks.append(layers.as_any().get_item(slice)?)?;
        ears.after(16)?;
    }
    Ok(chunks)
}

/// `dict(zip(devices, chunks))`, which asks for one device more than there are chunks, if it can.
fn zip<'py, T>(
    ears: &mut Ears<'py>,
    devices: &Bound<'py, PyAny>,
    mut next_chunk: impl FnMut(&mut Ears<'py>) -> PyResult<Option<Bound<'py, T>>>,
) -> PyResult<Bound<'py, PyDict>> {
    let map = PyDict::new(devices.py());
    for device in devices.try_iter()? {
        let device = device?;
        let Some(chunk) = next_chunk(ears)? else { break };
        map.set_item(device, chunk.into_any())?;
        ears.after(16)?;
    }
    Ok(map)
}
