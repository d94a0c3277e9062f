//! The Rust crate of the Python package `devicemap`.
//!
//! Two floors, and dependencies point one way: the upper floor knows the lower one, and the Python facade knows the
//! upper one.
//!
//! - Ground floor, plain Rust: [`chunks`] cuts blocks into runs, [`progression`] is the numbers of a range, [`coverage`]
//!   knows which blocks are taken, [`prefix_sums`] what they cost, and [`balance`] finds the best cuts; [`numbers`] is what they
//!   read, [`exact`] the arithmetic that does not round, [`memory`] how people write bytes.
//! - Upper floor, [`python`]: reads device maps out of Python objects and gives Python's answers and errors.

pub mod balance;
pub mod chunks;
pub mod coverage;
pub mod numbers;
pub mod prefix_sums;
#[cfg(feature = "python")]
mod python;
pub mod taut;

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
        python::layout::fits(module.py())?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
