//! What one block of a device map is: a number, something else with a value of its own, or an object whose `==` only
//! Python can say.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat, PyInt, PyNone, PyString, PyType};

use super::layout;

/// Up to here every numpy integer compares exactly with every other number, whatever numpy's version.
const EXACT_IN_NUMPY: i64 = 1 << 53;

/// The integer scalars of numpy, all of them static types.
const NUMPY_INTEGERS: [&[u8]; 14] = [
    b"numpy.int8",
    b"numpy.int16",
    b"numpy.int32",
    b"numpy.int64",
    b"numpy.intc",
    b"numpy.long",
    b"numpy.longlong",
    b"numpy.uint8",
    b"numpy.uint16",
    b"numpy.uint32",
    b"numpy.uint64",
    b"numpy.uintc",
    b"numpy.ulong",
    b"numpy.ulonglong",
];

/// How a block compares with others.
#[derive(Debug)]
pub enum Kind {
    /// As this number does.
    Number(i64),
    /// Unlike any number of 64 bits, by a built-in `==` that agrees with its hash: `10**30`, `nan`, `"0"`, `None`.
    Other,
    /// In a way that only its own `==` knows.
    Exotic,
}

/// Tells the kinds of blocks, remembering the last subclass of int that it met. Runs no code written in Python.
#[derive(Default)]
pub struct Kinds<'py> {
    like_int: Option<Bound<'py, PyType>>,
}

impl<'py> Kinds<'py> {
    /// The kind of a block.
    pub fn of(&mut self, block: &Bound<'py, PyAny>) -> Kind {
        if block.is_exact_instance_of::<PyInt>() || block.is_exact_instance_of::<PyBool>() {
            return block.extract().map_or(Kind::Other, Kind::Number);
        }
        if block.is_exact_instance_of::<PyString>() || block.is_exact_instance_of::<PyNone>() {
            return Kind::Other;
        }
        if let Ok(float) = block.cast_exact::<PyFloat>() {
            return of_float(float.value());
        }
        if block.is_instance_of::<PyInt>() {
            if self.compares_as_int(&block.get_type()) {
                // Beyond 64 bits a subclass may have a hash of its own.
                return block.extract().map_or(Kind::Exotic, Kind::Number);
            }
        } else if is_numpy_integer(&block.get_type()) {
            return match block.extract() {
                Ok(number) if (-EXACT_IN_NUMPY..=EXACT_IN_NUMPY).contains(&number) => Kind::Number(number),
                _ => Kind::Exotic,
            };
        }
        Kind::Exotic
    }

    fn compares_as_int(&mut self, type_: &Bound<'py, PyType>) -> bool {
        if self.like_int.as_ref().is_some_and(|known| known.is(type_)) {
            return true;
        }
        let like_int = keeps_eq_of_int(type_).unwrap_or(false);
        if like_int {
            self.like_int = Some(type_.clone());
        }
        like_int
    }
}

/// Whether a subclass of int has int's own `__eq__`, found as Python finds it but past what a metaclass might say.
fn keeps_eq_of_int(type_: &Bound<'_, PyType>) -> PyResult<bool> {
    let py = type_.py();
    let eq = intern!(py, "__eq__");
    let found = py
        .get_type::<PyType>()
        .call_method1(intern!(py, "__getattribute__"), (type_, eq))?;
    Ok(found.is(&py.get_type::<PyInt>().getattr(eq)?))
}

fn is_numpy_integer(type_: &Bound<'_, PyType>) -> bool {
    layout::static_type_name(type_).is_some_and(|name| NUMPY_INTEGERS.contains(&name.to_bytes()))
}

/// A float that is a whole number of 64 bits equals that number; any other equals none of them.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::float_cmp,
    reason = "the comparison is exact, and tells whether the casts were"
)]
fn of_float(value: f64) -> Kind {
    let number = value as i64;
    if number as f64 == value && number != i64::MAX {
        Kind::Number(number)
    } else {
        Kind::Other
    }
}
