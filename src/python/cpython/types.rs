//! Types, and what they say of their objects without running code.

use std::ffi::CStr;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};

/// The name of a type written in C that no Python code can change, `numpy.int64` for one. None for a class statement's
/// type, whatever it says of itself.
pub fn c_type_name<'a>(type_: &'a Bound<'_, PyType>) -> Option<&'a CStr> {
    let object = type_.as_type_ptr();
    // SAFETY: rule 1. An immutable type's flags never change, nor does its name, which lives as long as the type.
    unsafe {
        let immutable = ffi::PyType_HasFeature(object, ffi::Py_TPFLAGS_IMMUTABLETYPE) != 0;
        immutable.then(|| CStr::from_ptr((*object).tp_name))
    }
}

/// Whether objects of a type are ints and compare as ints do, by the very function.
pub fn compares_as_int(type_: &Bound<'_, PyType>) -> bool {
    let object = type_.as_type_ptr();
    // SAFETY: rule 1. Both types are complete. Without the GIL another thread may set the slot of a class meanwhile: a
    // word, read once.
    unsafe {
        let compare = (*object).tp_richcompare.map(|function| function as usize);
        let int_compare = ffi::PyLong_Type.tp_richcompare.map(|function| function as usize);
        ffi::PyType_HasFeature(object, ffi::Py_TPFLAGS_LONG_SUBCLASS) != 0 && compare == int_compare
    }
}

/// The dict of a type's own attributes, which a builtin type of some versions does not have.
pub fn type_dict<'py>(type_: &Bound<'py, PyType>) -> Option<Bound<'py, PyDict>> {
    let object = type_.as_type_ptr();
    // SAFETY: rule 1; a new reference up from 3.12, a borrowed one before: to a dict, or null without an exception.
    unsafe {
        #[cfg(Py_3_12)]
        let dict = Bound::from_owned_ptr_or_opt(type_.py(), ffi::PyType_GetDict(object));
        #[cfg(not(Py_3_12))]
        let dict = Bound::from_borrowed_ptr_or_opt(type_.py(), (*object).tp_dict);
        dict.map(|dict| dict.cast_into_unchecked())
    }
}
