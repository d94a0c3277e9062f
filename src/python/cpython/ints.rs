//! Ints and floats in CPython's memory layout.

use std::mem::offset_of;

use pyo3::ffi;
use pyo3::prelude::*;

/// The offset of the digits of an int, in bytes.
pub const DIGITS_OFFSET: usize = offset_of!(IntLayout, digits);

/// The layout of an int: `CPython`'s object header, a tag with the number of digits and the sign, and the digits. Only as
/// many digits as the int has are in its memory; ints with more than two are not read.
///
/// Up to Python 3.11 the tag is the number of digits, negated for a negative int. From 3.12 on the tag is the number of
/// digits shifted left by three; the two lowest bits are the sign (0 positive, 1 zero, 2 negative), and bit 2 is reserved
/// and ignored here.
#[repr(C)]
struct IntLayout {
    header: ffi::PyObject,
    tag: usize,
    digits: [u32; 2],
}

/// A tag value and the mask of the bits that are compared with it.
type Tag = (usize, usize);

/// The tag of 0.
#[cfg(not(Py_3_12))]
const ZERO: Tag = (0, !0);
#[cfg(Py_3_12)]
const ZERO: Tag = (1, !0b100);

/// The tag of a positive int with one digit.
#[cfg(not(Py_3_12))]
const ONE_DIGIT: Tag = (1, !0);
#[cfg(Py_3_12)]
const ONE_DIGIT: Tag = (1 << 3, !0b100);

/// The tag of a positive int with two digits.
#[cfg(not(Py_3_12))]
const TWO_DIGITS: Tag = (2, !0);
#[cfg(Py_3_12)]
const TWO_DIGITS: Tag = (2 << 3, !0b100);

/// The number of bits of a digit.
const DIGIT_BITS: u32 = 30;

/// Returns `true` if the interpreter's ints have the layout [`IntLayout`]. A build with 15-bit digits does not, and future
/// versions may not.
pub fn layout_matches(py: Python<'_>) -> PyResult<bool> {
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
        // SAFETY: `int` is a live exact int. Its layout may differ from the expected one, but only memory of the int is
        // read: the header is as in pyo3-ffi for this version, a second digit is read only of an int with two digits, and
        // memory is allocated in multiples of eight bytes, so that this holds even if a digit has two bytes.
        if unsafe { small_int(int.as_ptr()) } != expected {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Returns the value of an exact, non-negative int with at most two digits, and `None` for any other object.
///
/// # Safety
/// Rules 1 and 3; `object` is a live Python object.
#[inline]
pub unsafe fn small_int(object: *mut ffi::PyObject) -> Option<u64> {
    // SAFETY: the object is live; only an exact int is read as one, and only as many digits as it has. The digits are read
    // through a pointer to the field, since a reference to the struct would include a digit that may not exist.
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
            Some(u64::from(digits.read()) | u64::from(digits.add(1).read()) << DIGIT_BITS)
        } else {
            None
        }
    }
}

/// Returns the value of an exact float, and `None` for any other object.
///
/// # Safety
/// Rules 1 and 3; `object` is a live Python object.
#[inline]
pub unsafe fn float(object: *mut ffi::PyObject) -> Option<f64> {
    // SAFETY: the object is live, and only an exact float is read as one.
    unsafe {
        let is_float = ffi::Py_TYPE(object) == &raw mut ffi::PyFloat_Type;
        is_float.then(|| ffi::PyFloat_AS_DOUBLE(object))
    }
}
