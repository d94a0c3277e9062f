//! The Rust crate of the Python package `devicemap`.
//!
//! The pure crate knows no Python, and dependencies point one way:
//!
//! - [`numbers`]: sequences of numbers wherever they are kept, ratios that are not rounded, and bytes as people write them;
//! - [`prefix_sums`]: exact prefix sums of costs, and searches in them;
//! - [`bitset`]: bits in words of 64;
//! - [`coverage`]: which blocks are assigned, and how often;
//! - [`partition`]: blocks cut into runs, by their number or optimally by what they cost;
//! - `python`, with the feature of this name: reads device maps out of Python objects and gives Python's answers and errors.

pub mod bitset;
pub mod coverage;
pub mod numbers;
pub mod partition;
pub mod prefix_sums;
#[cfg(feature = "python")]
mod python;

#[cfg(feature = "python")]
use pyo3::prelude::*;

/// The compiled half of `devicemap`; import `devicemap` instead.
#[cfg(feature = "python")]
#[pymodule]
mod _native {
    use super::{Bound, PyModule, PyModuleMethods, PyResult, python};

    #[pymodule_export]
    use super::python::along::parse_devices;
    #[pymodule_export]
    use super::python::assert_device_map::assert_device_map;
    #[pymodule_export]
    use super::python::balance::balance;
    #[pymodule_export]
    use super::python::check::check;
    #[pymodule_export]
    use super::python::costs::parse_memory;
    #[pymodule_export]
    use super::python::get_device_map::get_device_map;
    #[pymodule_export]
    use super::python::load_per_device::load_per_device;
    #[pymodule_export]
    use super::python::sequences::{integer, integers};
    #[pymodule_export]
    use super::python::split::split;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        python::cpython::fits(module.py())?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
