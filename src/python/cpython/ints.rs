//! Ints and floats in CPython's memory layout.

use std::mem::offset_of;

use pyo3::exceptions::PyImportError;
use pyo3::ffi;
use pyo3::prelude::*;

/// Where the digits of an int begin, in bytes.
pub const DIGITS: usize = offset_of!(IntLayout, digits);

/// An int of at most two digits: `CPython`'s header, a word that says how many digits and which sign, the digits, of
/// which those are in memory that the int has.
///
/// Up to 3.11 the word is the number of digits, negative for a negative int. From 3.12 on it is the number of digits
/// shifted left by three, above two bits for the sign (0 positive, 1 zero, 2 negative) and one that is reserved; of the
/// reserved one nothing is assumed.
#[repr(C)]
struct IntLayout {
    header: ffi::PyObject,
    tag: usize,
    digits: [u32; 2],
}

/// The tag of an int of one digit that is not negative, and the bits of it that say so.
#[cfg(not(Py_3_12))]
const ONE_DIGIT: (usize, usize) = (1, !0);
#[cfg(Py_3_12)]
const ONE_DIGIT: (usize, usize) = (1 << 3, !0b100);

/// The tag of an int of two digits that is not negative.
#[cfg(not(Py_3_12))]
const TWO_DIGITS: (usize, usize) = (2, !0);
#[cfg(Py_3_12)]
const TWO_DIGITS: (usize, usize) = (2 << 3, !0b100);

/// How many bits a digit has.
const DIGIT: u32 = 30;

/// The tag of 0.
#[cfg(not(Py_3_12))]
const ZERO: (usize, usize) = (0, !0);
#[cfg(Py_3_12)]
const ZERO: (usize, usize) = (1, !0b100);

/// Refuses an interpreter whose ints are not laid out as [`IntLayout`] has it: one built with 15-bit digits, or a
/// future one.
pub fn fits(py: Python<'_>) -> PyResult<()> {
    let samples = [
        (0_i64, Some(0)),
        (1, Some(1)),
        (12_345, Some(12_345)),
        ((1 << 30) - 1, Some((1 << 30) - 1)),
        (1 << 30, Some(1 << 30)),
        ((1 << 60) - 1, Some((1 << 60) - 1)),
        (1 << 60, None),
        (-1, None),
        (-(1 << 30), None),
        (i64::MAX, None),
    ];
    for (number, expected) in samples {
        let int = number.into_pyobject(py)?;
        // SAFETY: `int` is alive and is an exact int. That its layout is right is what is being tried: the header is
        // as pyo3-ffi has it for this version, and what is read stays within the int's memory even where a digit has
        // two bytes, since memory comes in multiples of eight: a second digit is read only of an int of two.
        if unsafe { small_int(int.as_ptr()) } != expected {
            return Err(PyImportError::new_err(
                "devicemap cannot read the ints of this build of Python",
            ));
        }
    }
    Ok(())
}

/// An exact int's value where it has at most two digits and no minus sign.
///
/// # Safety
/// `object` points to a live Python object.
#[inline]
pub unsafe fn small_int(object: *mut ffi::PyObject) -> Option<u64> {
    // SAFETY: the object is alive; only an exact int is read as one, and only as many digits as it has. That is through
    // a pointer to the field, since a reference to the struct would span a digit that may not be there.
    unsafe {
        if ffi::Py_TYPE(object) != &raw mut ffi::PyLong_Type {
            return None;
        }
        let int = object.cast::<IntLayout>();
        let tag = (*int).tag;
        let digits = (&raw const (*int).digits).cast::<u32>();
        if tag & ONE_DIGIT.1 == ONE_DIGIT.0 {
            Some(digits.read().into())
        } else if tag & ZERO.1 == ZERO.0 {
            Some(0)
        } else if tag & TWO_DIGITS.1 == TWO_DIGITS.0 {
            Some(u64::from(digits.read()) | u64::from(digits.add(1).read()) << DIGIT)
        } else {
            None
        }
    }
}

/// An exact float's value.
///
/// # Safety
/// `object` points to a live Python object.
#[inline]
pub unsafe fn float(object: *mut ffi::PyObject) -> Option<f64> {
    // SAFETY: the object is alive, and only an exact float is read as one.
    unsafe {
        let is_float = ffi::Py_TYPE(object) == &raw mut ffi::PyFloat_Type;
        is_float.then(|| ffi::PyFloat_AS_DOUBLE(object))
    }
}
