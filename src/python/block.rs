//! What one block of a device map is: a number, something else with a value of its own, or an object whose `==` only
//! Python can say.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat, PyInt, PyNone, PyString, PyType};

use super::cpython;

/// Up to here every numpy integer compares exactly with every other number, whatever numpy's version: beyond, a float
/// may stand for its neighbours too.
const EXACT_IN_NUMPY: i64 = (1 << 53) - 1;

/// The integer scalars of numpy.
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

/// The names of numpy's bool, which is no integer though it can be an index.
const NUMPY_BOOLS: [&[u8]; 2] = [b"numpy.bool", b"numpy.bool_"];

/// The number of 64 bits that an integer of Python's or numpy's stands for; bools are none. Runs no code written in
/// Python, and does not know other objects that have an `__index__`.
pub fn integer(block: &Bound<'_, PyAny>) -> Option<i64> {
    if is_integer(block) { block.extract().ok() } else { None }
}

/// Whether an object is an integer of Python's or numpy's, of any size; bools are none. Runs no code written in Python.
pub fn is_integer(object: &Bound<'_, PyAny>) -> bool {
    let known = object.is_instance_of::<PyInt>() || is_numpy_integer(&object.get_type());
    known && !is_bool(object)
}

/// Whether an object is a bool, Python's or numpy's.
pub fn is_bool(object: &Bound<'_, PyAny>) -> bool {
    object.is_exact_instance_of::<PyBool>()
        || cpython::c_type_name(&object.get_type()).is_some_and(|name| NUMPY_BOOLS.contains(&name.to_bytes()))
}

/// Attributes by which a subclass of int is more to numpy than its number.
const ASKED_BY_NUMPY: [&str; 8] = [
    "__array__",
    "__array_interface__",
    "__array_priority__",
    "__array_struct__",
    "__array_ufunc__",
    "__float__",
    "__index__",
    "__int__",
];

/// Tells the kinds of the blocks of one map. Runs no code written in Python.
#[derive(Default)]
pub struct Kinds<'py> {
    /// Whether an integer of numpy's was met.
    of_numpy: bool,
    /// Whether a subclass of int was met that is more to numpy than its number.
    of_subclass: bool,
    /// The last subclass of int that was met.
    last: Option<Bound<'py, PyType>>,
}

impl<'py> Kinds<'py> {
    /// The kind of a block, beside those before it.
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
        let type_ = block.get_type();
        let number: Option<i64> = if cpython::compares_as_int(&type_) {
            self.meet_subclass(type_);
            // Beyond 64 bits its hash may be its own.
            block.extract().ok()
        } else if is_numpy_integer(&type_) {
            self.of_numpy = true;
            let number = block.extract().ok();
            number.filter(|number| (-EXACT_IN_NUMPY..=EXACT_IN_NUMPY).contains(number))
        } else {
            None
        };
        match number {
            Some(number) if !self.clash() => Kind::Number(number),
            _ => Kind::Exotic,
        }
    }

    /// Notes that numpy's integers come in an array. False if that makes an exotic map of it.
    pub fn meet_numpy_array(&mut self) -> bool {
        self.of_numpy = true;
        !self.clash()
    }

    fn meet_subclass(&mut self, type_: Bound<'py, PyType>) {
        if self.last.as_ref().is_none_or(|last| !last.is(&type_)) {
            self.of_subclass |= !is_plain_to_numpy(&type_).unwrap_or(false);
            self.last = Some(type_);
        }
    }

    /// Of a subclass of int and a numpy integer, numpy says whether they are equal, and may ask the subclass.
    fn clash(&self) -> bool {
        self.of_numpy && self.of_subclass
    }
}

/// Whether numpy sees no more in a subclass of int than its number. Its own dicts are searched, since any other way
/// to an attribute may run code of the user's.
fn is_plain_to_numpy(type_: &Bound<'_, PyType>) -> PyResult<bool> {
    let int = type_.py().get_type::<PyInt>();
    for class in type_.mro() {
        let class = class.cast_into::<PyType>()?;
        if class.is(&int) {
            continue;
        }
        let Some(dict) = cpython::type_dict(&class) else {
            continue;
        };
        for name in ASKED_BY_NUMPY {
            if dict.contains(PyString::new(type_.py(), name))? {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

fn is_numpy_integer(type_: &Bound<'_, PyType>) -> bool {
    cpython::c_type_name(type_).is_some_and(|name| NUMPY_INTEGERS.contains(&name.to_bytes()))
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
