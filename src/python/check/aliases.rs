//! Finds devices that stand for the same physical device, such as `0`, `"cuda:0"` and `torch.device("cuda", 0)`.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyInt, PyList, PyString};

use super::super::cpython;
use super::super::item::int_value;
use super::super::signals::SignalCheck;
use super::append_to;

/// Returns the groups of devices that stand for the same physical device, in the order of the first device of each group.
pub fn find_aliases<'py>(signals: &mut SignalCheck<'py>, devices: &Bound<'py, PyList>) -> PyResult<Bound<'py, PyList>> {
    let groups = PyList::empty(signals.py());
    // In nearly all maps the devices are all ints or all strings. Then they are distinct, since they are keys of a dict.
    let all_ints = || devices.iter().all(|device| device.is_exact_instance_of::<PyInt>());
    let all_strings = || devices.iter().all(|device| device.is_exact_instance_of::<PyString>());
    if all_ints() || all_strings() {
        return Ok(groups);
    }
    let by_name = PyDict::new(signals.py());
    for device in devices {
        signals.tick(16)?;
        if let Some(name) = torch_name(&device)? {
            append_to(&by_name, &name, device)?;
        }
    }
    for group in by_name.values() {
        if group.len()? > 1 {
            groups.append(group.cast::<PyList>()?.to_tuple())?;
        }
    }
    Ok(groups)
}

/// Returns PyTorch's name of a device, such as `cuda:0`, or `None` if the device is a negative int or of an unknown type. An
/// int is the index of a CUDA device, as in transformers and accelerate.
fn torch_name<'py>(device: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = device.py();
    if let Some(index) = int_value(device) {
        let name = (index >= 0).then(|| PyString::new(py, &format!("cuda:{index}")).into_any());
        return Ok(name);
    }
    let has_name = is_torch_device(device) || device.is_exact_instance_of::<PyString>();
    has_name.then(|| Ok(device.str()?.into_any())).transpose()
}

/// Returns `true` if a device is a `torch.device`.
pub fn is_torch_device(device: &Bound<'_, PyAny>) -> bool {
    cpython::c_type_name(&device.get_type()).is_some_and(|name| name == c"torch.device")
}
