//! Classifies the items of a device map: numbers, other objects with a built-in `==`, and objects with a custom `==`.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat, PyInt, PyNone, PyString, PyType};

use super::cpython;

/// The largest integer up to which every NumPy integer compares exactly with every other number, in all versions of NumPy.
/// Above it, NumPy may convert to float, which rounds.
const MAX_EXACT_IN_NUMPY: i64 = (1 << 53) - 1;

/// The names of NumPy's integer scalar types.
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

/// How an item of a device map compares with other items.
#[derive(Debug)]
pub enum ItemKind {
    /// The item equals this number.
    Number(i64),
    /// The item equals no 64-bit number, and its built-in `==` agrees with its hash: `10**30`, `nan`, `"0"`, `None`.
    Other,
    /// Only the `==` of the item itself can tell what it equals.
    CustomEq,
}

/// The names of NumPy's bool type, which is not an integer type although it has `__index__`.
const NUMPY_BOOLS: [&[u8]; 2] = [b"numpy.bool", b"numpy.bool_"];

/// Returns the value of a Python or NumPy integer that fits in 64 bits. Returns `None` for bools and for other objects with
/// `__index__`. Runs no Python code.
pub fn int_value(object: &Bound<'_, PyAny>) -> Option<i64> {
    if is_integer(object) {
        object.extract().ok()
    } else {
        None
    }
}

/// Returns `true` if an object is a Python or NumPy integer of any size, but not a bool. Runs no Python code.
pub fn is_integer(object: &Bound<'_, PyAny>) -> bool {
    let is_int_type = object.is_instance_of::<PyInt>() || is_numpy_integer(&object.get_type());
    is_int_type && !is_bool(object)
}

/// Returns `true` if an object is a Python or NumPy bool.
pub fn is_bool(object: &Bound<'_, PyAny>) -> bool {
    object.is_exact_instance_of::<PyBool>()
        || cpython::c_type_name(&object.get_type()).is_some_and(|name| NUMPY_BOOLS.contains(&name.to_bytes()))
}

/// The special methods of a subclass of int that NumPy calls, or whose presence it tests, when it compares one of its
/// integers with an instance of that subclass.
const USED_BY_NUMPY: [&str; 8] = [
    "__array__",
    "__array_interface__",
    "__array_priority__",
    "__array_struct__",
    "__array_ufunc__",
    "__float__",
    "__index__",
    "__int__",
];

/// Classifies the items of one device map. Runs no Python code.
#[derive(Default)]
pub struct Classifier<'py> {
    /// Whether the map contains a NumPy integer.
    has_numpy_integer: bool,
    /// Whether the map contains an instance of a subclass of int that defines a method used by NumPy.
    has_numpy_aware_subclass: bool,
    /// The subclass of int that was tested last.
    last_subclass: Option<Bound<'py, PyType>>,
}

impl<'py> Classifier<'py> {
    /// Returns the kind of an item. It also depends on the items that were classified earlier: see [`Self::is_ambiguous`].
    pub fn classify(&mut self, item: &Bound<'py, PyAny>) -> ItemKind {
        if item.is_exact_instance_of::<PyInt>() || item.is_exact_instance_of::<PyBool>() {
            return item.extract().map_or(ItemKind::Other, ItemKind::Number);
        }
        if item.is_exact_instance_of::<PyString>() || item.is_exact_instance_of::<PyNone>() {
            return ItemKind::Other;
        }
        if let Ok(float) = item.cast_exact::<PyFloat>() {
            return classify_float(float.value());
        }
        let type_ = item.get_type();
        let number: Option<i64> = if cpython::compares_as_int(&type_) {
            self.record_subclass(type_);
            // An int that does not fit in 64 bits becomes `CustomEq`, since the subclass may override `__hash__`, so that
            // the item cannot be looked up in a set.
            item.extract().ok()
        } else if is_numpy_integer(&type_) {
            self.has_numpy_integer = true;
            let number = item.extract().ok();
            number.filter(|number| (-MAX_EXACT_IN_NUMPY..=MAX_EXACT_IN_NUMPY).contains(number))
        } else {
            None
        };
        match number {
            Some(number) if !self.is_ambiguous() => ItemKind::Number(number),
            _ => ItemKind::CustomEq,
        }
    }

    /// Records that the map contains an array of NumPy integers. Returns `false` if these cannot be compared as numbers.
    pub fn record_numpy_array(&mut self) -> bool {
        self.has_numpy_integer = true;
        !self.is_ambiguous()
    }

    /// Records that the map contains an instance of a subclass of int.
    fn record_subclass(&mut self, type_: Bound<'py, PyType>) {
        if self.last_subclass.as_ref().is_none_or(|last| !last.is(&type_)) {
            self.has_numpy_aware_subclass |= !is_opaque_to_numpy(&type_).unwrap_or(false);
            self.last_subclass = Some(type_);
        }
    }

    /// Returns `true` if a comparison of two items may call user code: NumPy compares its integers with instances of a
    /// subclass of int, and may call the methods of that subclass.
    fn is_ambiguous(&self) -> bool {
        self.has_numpy_integer && self.has_numpy_aware_subclass
    }
}

/// Returns `true` if a subclass of int defines none of the methods used by numpy. Searches the dicts of the classes, since
/// any other attribute lookup may run user code.
fn is_opaque_to_numpy(type_: &Bound<'_, PyType>) -> PyResult<bool> {
    let int = type_.py().get_type::<PyInt>();
    for class in type_.mro() {
        let class = class.cast_into::<PyType>()?;
        if class.is(&int) {
            continue;
        }
        let Some(dict) = cpython::type_dict(&class) else {
            continue;
        };
        for name in USED_BY_NUMPY {
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

/// Classifies a float. An integral float that fits in 64 bits equals that number; any other float equals no such number.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::float_cmp,
    reason = "the exact comparison shows whether the casts were exact"
)]
fn classify_float(value: f64) -> ItemKind {
    let number = value as i64;
    if number as f64 == value && number != i64::MAX {
        ItemKind::Number(number)
    } else {
        ItemKind::Other
    }
}
