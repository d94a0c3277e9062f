//! The Rust crate of the Python package `devicemap`.
//!
//! The modules depend on each other in one direction only. All but `python` form the pure crate, which does not use Python:
//!
//! - [`numbers`]: sequences of numbers and their visitors, exact arithmetic, and amounts of memory;
//! - [`prefix_sums`]: exact prefix sums of costs, and searches in them;
//! - [`bitset`]: a bitset of 64-bit words;
//! - [`coverage`]: which blocks of a model are assigned, and how often;
//! - [`headers`]: the headers of checkpoints: names and bytes of tensors;
//! - [`partition`]: partitions of blocks over devices, by number or optimally by cost;
//! - `python`, with the feature of this name: the binding, which reads device maps from Python objects and raises Python's
//!   exceptions.

pub mod bitset;
pub mod coverage;
pub mod headers;
pub mod numbers;
pub mod partition;
pub mod prefix_sums;
#[cfg(feature = "python")]
mod python;

#[cfg(feature = "python")]
use pyo3::prelude::*;

/// The extension module of `devicemap`. It is private; import `devicemap` instead.
#[cfg(feature = "python")]
#[pymodule]
mod _native {
    use super::{Bound, PyModule, PyModuleMethods, PyResult, python};

    #[pymodule_export]
    use super::python::assert_device_map::assert_device_map;
    #[pymodule_export]
    use super::python::balance::balance;
    #[pymodule_export]
    use super::python::check::check;
    #[pymodule_export]
    use super::python::devices::parse_devices;
    #[pymodule_export]
    use super::python::get_device_map::get_device_map;
    #[pymodule_export]
    use super::python::headers::{read_gguf, read_safetensors, read_sharded};
    #[pymodule_export]
    use super::python::load_per_device::load_per_device;
    #[pymodule_export]
    use super::python::numbers::parse_memory;
    #[pymodule_export]
    use super::python::sequences::{to_integer, to_integers};
    #[pymodule_export]
    use super::python::split::split;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        let layout_is_known = python::cpython::detect_layout(module.py())?;
        module.add("layout_is_known", layout_is_known)?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
