//! Inspects types without running Python code.

use std::ffi::CStr;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};

/// Returns the name of an immutable type written in C, such as `numpy.int64`. Returns `None` for a type created by a class
/// statement, since Python code can set its name.
pub fn c_type_name<'a>(type_: &'a Bound<'_, PyType>) -> Option<&'a CStr> {
    let object = type_.as_type_ptr();
    // SAFETY: rule 1. The flags and the name of an immutable type never change, and the name lives as long as the type.
    unsafe {
        let immutable = ffi::PyType_HasFeature(object, ffi::Py_TPFLAGS_IMMUTABLETYPE) != 0;
        immutable.then(|| CStr::from_ptr((*object).tp_name))
    }
}

/// Returns `true` if a type is int or a subclass of int that inherits the comparison functions of int.
pub fn compares_as_int(type_: &Bound<'_, PyType>) -> bool {
    let object = type_.as_type_ptr();
    // SAFETY: rule 1. Both types are ready. Without the GIL, another thread may set the slot of a class at the same time;
    // the slot is one word and is read once.
    unsafe {
        let compare = (*object).tp_richcompare.map(|function| function as usize);
        let int_compare = ffi::PyLong_Type.tp_richcompare.map(|function| function as usize);
        ffi::PyType_HasFeature(object, ffi::Py_TPFLAGS_LONG_SUBCLASS) != 0 && compare == int_compare
    }
}

/// Returns the `__dict__` of a type. Some built-in types have none in some versions.
pub fn type_dict<'py>(type_: &Bound<'py, PyType>) -> Option<Bound<'py, PyDict>> {
    let object = type_.as_type_ptr();
    // SAFETY: rule 1. From 3.12 on `PyType_GetDict` returns a new reference; before, `tp_dict` is a borrowed one. Either is
    // a dict, or null without an exception.
    unsafe {
        #[cfg(Py_3_12)]
        let dict = Bound::from_owned_ptr_or_opt(type_.py(), ffi::PyType_GetDict(object));
        #[cfg(not(Py_3_12))]
        let dict = Bound::from_borrowed_ptr_or_opt(type_.py(), (*object).tp_dict);
        dict.map(|dict| dict.cast_into_unchecked())
    }
}
