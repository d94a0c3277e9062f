//! Devices that name the same card: `0`, `"cuda:0"` and `torch.device("cuda", 0)`.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyInt, PyList, PyString};

use super::super::block::integer;
use super::super::{Ears, cpython};
use super::add;

/// Lists the groups of devices that name the same card, in the order of their first devices.
pub fn aliases<'py>(ears: &mut Ears<'py>, devices: &Bound<'py, PyList>) -> PyResult<Bound<'py, PyList>> {
    let groups = PyList::empty(ears.py);
    // Ints alone, or text alone, name no card twice; as in nearly all device maps.
    let all_ints = || devices.iter().all(|device| device.is_exact_instance_of::<PyInt>());
    let all_text = || devices.iter().all(|device| device.is_exact_instance_of::<PyString>());
    if all_ints() || all_text() {
        return Ok(groups);
    }
    let by_card = PyDict::new(ears.py);
    for device in devices {
        ears.after(16)?;
        if let Some(card) = card(&device)? {
            add(&by_card, &card, device)?;
        }
    }
    for same in by_card.values() {
        if same.len()? > 1 {
            groups.append(same.cast::<PyList>()?.to_tuple())?;
        }
    }
    Ok(groups)
}

/// The name that torch has for the card that a device of a map names, if it names one for certain. An int is the number of
/// a CUDA device, as in transformers and accelerate.
fn card<'py>(device: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = device.py();
    if let Some(number) = integer(device) {
        let card = (number >= 0).then(|| PyString::new(py, &format!("cuda:{number}")).into_any());
        return Ok(card);
    }
    let is_name = is_torch_device(device) || device.is_exact_instance_of::<PyString>();
    is_name.then(|| Ok(device.str()?.into_any())).transpose()
}

/// Whether a device is a `torch.device`.
pub fn is_torch_device(device: &Bound<'_, PyAny>) -> bool {
    cpython::c_type_name(&device.get_type()).is_some_and(|name| name == c"torch.device")
}
