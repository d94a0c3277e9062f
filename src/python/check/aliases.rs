//! Devices that name the same card: `0`, `"cuda:0"` and `torch.device("cuda", 0)`.

use std::collections::HashMap;

use pyo3::prelude::*;
use pyo3::types::{PyInt, PyList, PyString, PyTuple};

use super::super::{Ears, layout};

/// Lists the groups of devices that name the same card, in the order of their first devices.
pub fn aliases<'py>(ears: &mut Ears<'py>, devices: &Bound<'py, PyList>) -> PyResult<Bound<'py, PyList>> {
    let groups = layout::new_list(ears.py)?;
    // Ints alone, or text alone, name no card twice; as nearly all device maps.
    let are_ints = |device: Bound<'py, PyAny>| device.is_exact_instance_of::<PyInt>();
    if devices.iter().all(are_ints) {
        return Ok(groups);
    }
    let mut by_card: HashMap<u64, Vec<Bound<'py, PyAny>>> = HashMap::new();
    let mut order = Vec::new();
    for device in devices {
        ears.after(16)?;
        if let Some(card) = card(&device)? {
            let same = by_card.entry(card).or_default();
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

/// The number of the CUDA device that a device of a map names, if it names one for certain.
fn card(device: &Bound<'_, PyAny>) -> PyResult<Option<u64>> {
    if device.is_exact_instance_of::<PyInt>() {
        return Ok(device.extract().ok());
    }
    let is_torch_device = layout::c_type_name(&device.get_type()).is_some_and(|name| name == c"torch.device");
    let text = if is_torch_device {
        device.str()?
    } else if let Ok(text) = device.cast_exact::<PyString>() {
        text.clone()
    } else {
        return Ok(None);
    };
    let text = text.to_string_lossy();
    let number = text
        .strip_prefix("cuda:")
        .filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
    Ok(number.and_then(|number| number.parse().ok()))
}
