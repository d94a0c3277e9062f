//! Devices that name the same card: `0`, `"cuda:0"` and `torch.device("cuda", 0)`.

use std::collections::HashMap;

use pyo3::prelude::*;
use pyo3::types::{PyInt, PyList, PyString, PyTuple};

use super::super::block::integer;
use super::super::{Ears, cpython};

/// Lists the groups of devices that name the same card, in the order of their first devices.
pub fn aliases<'py>(ears: &mut Ears<'py>, devices: &Bound<'py, PyList>) -> PyResult<Bound<'py, PyList>> {
    let groups = PyList::empty(ears.py);
    // Ints alone, or text alone, name no card twice; as in nearly all device maps.
    let all_ints = || devices.iter().all(|device| device.is_exact_instance_of::<PyInt>());
    let all_text = || devices.iter().all(|device| device.is_exact_instance_of::<PyString>());
    if all_ints() || all_text() {
        return Ok(groups);
    }
    let mut by_card: HashMap<String, Vec<Bound<'py, PyAny>>> = HashMap::new();
    let mut order = Vec::new();
    for device in devices {
        ears.after(16)?;
        if let Some(card) = card(&device)? {
            let same = by_card.entry(card.clone()).or_default();
            if same.is_empty() {
                order.push(card);
            }
            same.push(device);
        }
    }
    for card in order {
        let same = by_card.remove(&card).unwrap_or_default();
        if same.len() > 1 {
            groups.append(PyTuple::new(ears.py, same)?)?;
        }
    }
    Ok(groups)
}

/// The name that torch has for the card that a device of a map names, if it names one for certain. An int is the number of
/// a CUDA device, as in transformers and accelerate.
fn card(device: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    if let Some(number) = integer(device) {
        return Ok((number >= 0).then(|| format!("cuda:{number}")));
    }
    if is_torch_device(device) || device.is_exact_instance_of::<PyString>() {
        return Ok(Some(device.str()?.to_string_lossy().into_owned()));
    }
    Ok(None)
}

/// Whether a device is a `torch.device`.
pub fn is_torch_device(device: &Bound<'_, PyAny>) -> bool {
    cpython::c_type_name(&device.get_type()).is_some_and(|name| name == c"torch.device")
}
