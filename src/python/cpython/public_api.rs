//! Reads lists and tuples through CPython's public functions, for interpreters whose memory layout is not known.

use std::ffi::c_int;

use pyo3::ffi;

use crate::numbers::{Number, NumberSource};

/// The function that returns a borrowed item of a sequence: `PyList_GetItem` or `PyTuple_GetItem`.
pub type GetItem = unsafe extern "C" fn(*mut ffi::PyObject, ffi::Py_ssize_t) -> *mut ffi::PyObject;

/// A part of a list or a tuple.
pub struct ApiItems {
    sequence: *mut ffi::PyObject,
    get_item: GetItem,
    from: usize,
    len: usize,
}

impl ApiItems {
    /// Returns the items from index `from` on.
    ///
    /// # Safety
    /// `sequence` is a live object of the type that `get_item` is for, with at least `from + len` items, and rules 1 and 2
    /// hold as long as the result is used.
    pub unsafe fn new(sequence: *mut ffi::PyObject, get_item: GetItem, from: usize, len: usize) -> Self {
        Self {
            sequence,
            get_item,
            from,
            len,
        }
    }

    fn item(&self, index: usize) -> *mut ffi::PyObject {
        assert!(index < self.len);
        // SAFETY: the caller of `new` guarantees rules 1 and 2, the type, and that the index is in range, so that no
        // exception is set.
        unsafe { (self.get_item)(self.sequence, (self.from + index).cast_signed()) }
    }
}

impl NumberSource for ApiItems {
    fn len(&self) -> usize {
        self.len
    }

    fn get(&self, index: usize) -> Option<usize> {
        // SAFETY: rules 1 and 2: the sequence holds a reference to its item.
        unsafe { int(self.item(index)) }?.try_into().ok()
    }

    fn number(&self, index: usize) -> Option<Number> {
        let object = self.item(index);
        // SAFETY: as in `get`. `PyFloat_AsDouble` of an exact float calls no Python code and does not fail.
        unsafe {
            if ffi::PyFloat_CheckExact(object) != 0 {
                return Some(Number::Float(ffi::PyFloat_AsDouble(object)));
            }
            Some(Number::Whole(int(object)?.into()))
        }
    }
}

/// Returns the value of an exact, non-negative int that fits in 63 bits.
///
/// # Safety
/// Rule 1; `object` is a live Python object.
unsafe fn int(object: *mut ffi::PyObject) -> Option<u64> {
    let mut overflow: c_int = 0;
    // SAFETY: guaranteed by the caller. The conversion of an exact int calls no Python code, and reports an overflow without
    // an exception.
    let value = unsafe {
        if ffi::PyLong_CheckExact(object) == 0 {
            return None;
        }
        ffi::PyLong_AsLongLongAndOverflow(object, &raw mut overflow)
    };
    if overflow == 0 { value.try_into().ok() } else { None }
}
