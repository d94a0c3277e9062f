//! The only `unsafe` of the crate: ints, floats, lists and tuples read where `CPython` keeps them, lists filled in place,
//! and objects made in a way that can fail.
//!
//! Four rules make it sound; each block below says which it leans on.
//!
//! 1. *Attached.* Every function here takes a `Bound` or a `Python`, so this thread may touch Python objects.
//! 2. *Still.* Nothing between borrowing a list's items and the last read of them runs Python code: no reference is
//!    dropped, no method called, no exception raised. With the GIL no other thread runs meanwhile; without it the list
//!    is locked by a critical section, which its every mutator takes too.
//! 3. *Laid out so.* Layouts are used only for exact types, and only on builds where [`fits`] held at import; the
//!    versions' differences are all in [`IntLayout`].
//! 4. *Exported.* An array's memory is read only while its buffer is exported, and between the export and the last read
//!    nothing runs Python code either, signal handlers included: there are owners, numpy's `resize(refcheck=False)` for
//!    one, that free exported memory all the same.
#![expect(unsafe_code, reason = "the one place where it is allowed")]

use std::ffi::CStr;
use std::marker::PhantomData;
use std::mem::offset_of;
use std::ops::Range;

use pyo3::buffer::{Element, ElementType, PyBuffer, PyUntypedBuffer};
use pyo3::exceptions::{PyImportError, PyMemoryError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::critical_section::with_critical_section;
use pyo3::types::{PyDict, PyList, PyTuple, PyType};

use super::{BETWEEN_SIGNALS, Ears};
use crate::numbers::{Number, Numbers, Reader, Stop};

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
unsafe fn small_int(object: *mut ffi::PyObject) -> Option<u64> {
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
unsafe fn float(object: *mut ffi::PyObject) -> Option<f64> {
    // SAFETY: the object is alive, and only an exact float is read as one.
    unsafe {
        let is_float = ffi::Py_TYPE(object) == &raw mut ffi::PyFloat_Type;
        is_float.then(|| ffi::PyFloat_AS_DOUBLE(object))
    }
}

/// The objects of a list or tuple, borrowed under rule 2.
struct ListItems<'a>(&'a [*mut ffi::PyObject]);

impl Numbers for ListItems<'_> {
    #[inline]
    fn len(&self) -> usize {
        self.0.len()
    }

    #[inline]
    fn get(&self, index: usize) -> Option<usize> {
        // SAFETY: rules 1 and 2: the list holds a reference to each of its objects all the while.
        unsafe { small_int(self.0[index]) }?.try_into().ok()
    }

    #[inline]
    fn number(&self, index: usize) -> Option<Number> {
        let object = self.0[index];
        // SAFETY: as above.
        unsafe {
            match small_int(object) {
                Some(number) => Some(Number::Whole(number.into())),
                None => float(object).map(Number::Float),
            }
        }
    }

    #[inline]
    fn prefetch(&self, index: usize) {
        #[cfg(target_arch = "x86_64")]
        if let Some(object) = self.0.get(index) {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            // An int of 32 bytes may lie across two cache lines, since the pools of CPython's allocator begin with a
            // header of 48 bytes: the type is in the first line, the digits may be in the second. Intel's processors
            // fetch the adjacent line by themselves, AMD's do not.
            let digits = object.wrapping_byte_add(offset_of!(IntLayout, digits));
            // SAFETY: every x86-64 has SSE, and a prefetch of any address is no access.
            unsafe {
                _mm_prefetch::<_MM_HINT_T0>(object.cast());
                _mm_prefetch::<_MM_HINT_T0>(digits.cast());
            }
        }
    }
}

/// Lets a reader read the plain small ints of a list from index `from` on, at most `most` items. Gives where it ended;
/// indices in [`Stop`] are the list's.
///
/// A reader belongs to the ground floor, which knows no Python: that is what rule 2 rests on.
pub fn read_list(list: &Bound<'_, PyList>, from: usize, most: usize, reader: &mut impl Reader) -> Result<usize, Stop> {
    with_critical_section(list, || {
        let object = list.as_ptr().cast::<ffi::PyListObject>();
        // SAFETY: rules 1 and 2. `ob_item` is null only where the list is empty; its first `ob_size` entries are live.
        let items = unsafe {
            let len = list.len();
            if len == 0 {
                &[]
            } else {
                std::slice::from_raw_parts((*object).ob_item, len)
            }
        };
        read_items(items, from, most, reader)
    })
}

/// Lets a reader read a tuple, as [`read_list`] does a list.
pub fn read_tuple(
    tuple: &Bound<'_, PyTuple>,
    from: usize,
    most: usize,
    reader: &mut impl Reader,
) -> Result<usize, Stop> {
    let object = tuple.as_ptr().cast::<ffi::PyTupleObject>();
    // SAFETY: rule 1; a tuple that has been given away never changes, and holds `ob_size` live objects in place. (One
    // still in the making, dug out through the collector, crashes Python's own loops too.)
    let items = unsafe { std::slice::from_raw_parts((&raw const (*object).ob_item).cast(), tuple.len()) };
    read_items(items, from, most, reader)
}

fn read_items(items: &[*mut ffi::PyObject], from: usize, most: usize, reader: &mut impl Reader) -> Result<usize, Stop> {
    let end = items.len().min(from.saturating_add(most));
    let from = from.min(end);
    read(&ListItems(&items[from..end]), from, reader)
}

/// The formats of native integers.
pub const INTEGERS: &[u8] = b"bBhHiIlLqQ";
/// The formats of native integers and floats.
pub const NUMBERS: &[u8] = b"bBhHiIlLqQefd";

/// How many numbers there are in a one-dimensional buffer of native numbers in one of some formats. None for any other
/// object.
pub fn array_len(array: &Bound<'_, PyAny>, formats: &[u8]) -> Option<usize> {
    row_of(array, formats).map(|buffer| buffer.item_count())
}

/// The format is one letter only: PyO3 0.30 takes `>` for the native byte order of a little-endian machine.
fn row_of(array: &Bound<'_, PyAny>, formats: &[u8]) -> Option<PyUntypedBuffer> {
    let buffer = PyUntypedBuffer::get(array).ok()?;
    let native = matches!(buffer.format().to_bytes(), [letter] if formats.contains(letter));
    (native && buffer.dimensions() == 1 && buffer.suboffsets().is_none()).then_some(buffer)
}

/// Lets a reader read the numbers of an array from index `from` on, to the end. Returns where it ended, as [`read_list`]
/// does. An array that is no longer one of numbers needs a closer look at each of its items.
///
/// The buffer is exported and released within the call: that is what rule 4 rests on.
pub fn read_array(array: &Bound<'_, PyAny>, from: usize, reader: &mut impl Reader) -> Result<usize, Stop> {
    let Some(buffer) = row_of(array, NUMBERS) else {
        return Err(Stop::At(from));
    };
    macro_rules! read_as {
        ($number:ty) => {
            match buffer.as_typed::<$number>() {
                Ok(typed) => read_row(typed, from, reader),
                Err(_) => Err(Stop::At(from)),
            }
        };
    }
    if buffer.item_count() == 0 {
        // An empty array's memory need not be aligned.
        return Ok(from);
    }
    match ElementType::from_format(buffer.format()) {
        ElementType::SignedInteger { bytes: 1 } => read_as!(i8),
        ElementType::SignedInteger { bytes: 2 } => read_as!(i16),
        ElementType::SignedInteger { bytes: 4 } => read_as!(i32),
        ElementType::SignedInteger { bytes: 8 } => read_as!(i64),
        ElementType::UnsignedInteger { bytes: 1 } => read_as!(u8),
        ElementType::UnsignedInteger { bytes: 2 } => read_as!(u16),
        ElementType::UnsignedInteger { bytes: 4 } => read_as!(u32),
        ElementType::UnsignedInteger { bytes: 8 } => read_as!(u64),
        ElementType::Float { bytes: 2 } => read_as!(Half),
        ElementType::Float { bytes: 4 } => read_as!(f32),
        ElementType::Float { bytes: 8 } => read_as!(f64),
        _ => Err(Stop::At(from)),
    }
}

/// What an array holds.
trait Item: Element {
    fn block(self) -> Option<usize>;
    fn number(self) -> Option<Number>;
}

macro_rules! integers_are_items {
    ($($int:ty)*) => {
        $(impl Item for $int {
            #[inline]
            fn block(self) -> Option<usize> {
                // One more than any of these is a number too.
                isize::try_from(self).ok()?.try_into().ok()
            }

            #[inline]
            fn number(self) -> Option<Number> {
                Some(Number::Whole(u64::try_from(self).ok()?.into()))
            }
        })*
    };
}

macro_rules! floats_are_items {
    ($($float:ty)*) => {
        $(impl Item for $float {
            #[inline]
            fn block(self) -> Option<usize> {
                None
            }

            #[inline]
            fn number(self) -> Option<Number> {
                Some(Number::Float(self.into()))
            }
        })*
    };
}

integers_are_items!(i8 i16 i32 i64 u8 u16 u32 u64);
floats_are_items!(Half f32 f64);

/// A float of 16 bits.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct Half(u16);

// SAFETY: any 16 bits are one, and the size is compared where a buffer is taken for an array of them.
unsafe impl Element for Half {
    fn is_compatible_format(format: &CStr) -> bool {
        format == c"e"
    }
}

impl From<Half> for f64 {
    fn from(half: Half) -> Self {
        let sign = if half.0 >> 15 == 0 { 1.0 } else { -1.0 };
        let fraction = Self::from(half.0 & 0x3ff);
        sign * match i32::from(half.0 >> 10 & 0x1f) {
            0 => fraction * 2_f64.powi(-24),
            31 if fraction == 0.0 => Self::INFINITY,
            31 => Self::NAN,
            exponent => (1024.0 + fraction) * 2_f64.powi(exponent - 25),
        }
    }
}

/// The numbers of a row, in a buffer that is exported as long as this borrows it.
struct Row<'a, T> {
    first: *const T,
    len: usize,
    /// From one number to the next, in bytes.
    stride: isize,
    buffer: PhantomData<&'a PyBuffer<T>>,
}

impl<T: Item> Row<'_, T> {
    #[inline]
    fn item(&self, index: usize) -> T {
        assert!(index < self.len);
        // SAFETY: rule 4; the index is inside, the memory aligned for `T` and of numbers, which any bits are. Its owner
        // may write to it from a thread that needs no GIL: hence volatile, one read of whatever stands there. The offset of
        // what is inside does not wrap: that only spares the check.
        unsafe {
            self.first
                .byte_offset(index.cast_signed().wrapping_mul(self.stride))
                .read_volatile()
        }
    }
}

impl<T: Item> Numbers for Row<'_, T> {
    #[inline]
    fn len(&self) -> usize {
        self.len
    }

    #[inline]
    fn get(&self, index: usize) -> Option<usize> {
        self.item(index).block()
    }

    #[inline]
    fn number(&self, index: usize) -> Option<Number> {
        self.item(index).number()
    }
}

fn read_row<T: Item>(buffer: &PyBuffer<T>, from: usize, reader: &mut impl Reader) -> Result<usize, Stop> {
    let stride = buffer.strides()[0];
    if !stride.unsigned_abs().is_multiple_of(align_of::<T>()) {
        return Err(Stop::At(from));
    }
    let end = buffer.item_count();
    let from = from.min(end);
    let row = Row {
        first: buffer
            .buf_ptr()
            .cast::<T>()
            .cast_const()
            .wrapping_byte_offset(from.cast_signed() * stride),
        len: end - from,
        stride,
        buffer: PhantomData,
    };
    read(&row, from, reader)
}

/// Lets a reader read `numbers`, the piece of a sequence that starts at its index `from`.
fn read(numbers: &impl Numbers, from: usize, reader: &mut impl Reader) -> Result<usize, Stop> {
    match reader.read(numbers) {
        Ok(()) => Ok(from + numbers.len()),
        Err(Stop::At(index)) => Err(Stop::At(from + index)),
        Err(Stop::Refused) => Err(Stop::Refused),
    }
}

/// A new list of `len` ints, those of the runs in their order, of which there must be as many. The caller has asked whether
/// they fit in memory.
pub fn list_of_ints<'py>(
    ears: &mut Ears<'py>,
    len: usize,
    runs: impl IntoIterator<Item = Range<usize>>,
) -> PyResult<Bound<'py, PyList>> {
    let py = ears.py;
    let list = unset_list(py, len)?;
    // SAFETY: rule 1; the list is tracked, since a new list is. While there are ears, code of the user's may run, and
    // must not find a list with unset items through the collector.
    unsafe { ffi::PyObject_GC_UnTrack(list.as_ptr().cast()) };
    let mut filled = 0;
    for mut rest in runs {
        while !rest.is_empty() {
            let piece = rest.start..rest.end.min(rest.start.saturating_add(BETWEEN_SIGNALS));
            rest.start = piece.end;
            assert!(piece.len() <= len - filled, "more ints than announced");
            ears.after(piece.len())?;
            for number in piece {
                // SAFETY: rule 1. The new reference goes to the list, which is ours alone, at an index that it has and
                // where nothing stands yet. Should an int not be had, the list is dropped: unset items are null, which
                // its deallocation knows.
                unsafe {
                    let int = ffi::PyLong_FromSize_t(number);
                    if int.is_null() {
                        return Err(PyErr::fetch(py));
                    }
                    ffi::PyList_SET_ITEM(list.as_ptr(), filled.cast_signed(), int);
                }
                filled += 1;
            }
        }
    }
    assert!(filled == len, "fewer ints than announced");
    // SAFETY: rule 1; the list was untracked above, and all of its items are set.
    unsafe { ffi::PyObject_GC_Track(list.as_ptr().cast()) };
    Ok(list)
}

/// A new list of `len` unset items.
fn unset_list(py: Python<'_>, len: usize) -> PyResult<Bound<'_, PyList>> {
    let Ok(len) = ffi::Py_ssize_t::try_from(len) else {
        return Err(PyMemoryError::new_err(()));
    };
    // SAFETY: rule 1; `PyList_New` gives a new reference to a list, or null with an exception set.
    without_collecting(py, || unsafe { owned(py, ffi::PyList_New(len)) })
}

/// Calls what makes new containers and runs no Python code by itself.
///
/// Up to 3.11 every so many new containers start a collection of garbage at once, over and over where a million lists
/// are made, though none of them can be garbage; and its finalizers may do anything. So the collector pauses for the
/// call. Later versions only note that a collection is due.
fn without_collecting<T>(_py: Python<'_>, call: impl FnOnce() -> T) -> T {
    // SAFETY: rule 1; any time will do. With the GIL, which these versions all have, nobody sees that the collector
    // pauses.
    #[cfg(not(Py_3_12))]
    let collects = unsafe { ffi::PyGC_Disable() } == 1;
    let made = call();
    #[cfg(not(Py_3_12))]
    if collects {
        // SAFETY: as above.
        unsafe { ffi::PyGC_Enable() };
    }
    made
}

/// New lists of a dict's keys and of its values, both as they are at one moment.
pub fn dict_entries<'py>(dict: &Bound<'py, PyDict>) -> (Bound<'py, PyList>, Bound<'py, PyList>) {
    with_critical_section(dict, || (dict.keys(), dict.values()))
}

/// Owns a new reference, or fetches the exception that stands for it.
///
/// # Safety
/// `object` is a new reference to an object of the type `T`, or null with an exception set.
unsafe fn owned<T>(py: Python<'_>, object: *mut ffi::PyObject) -> PyResult<Bound<'_, T>> {
    // SAFETY: as above.
    unsafe { Ok(Bound::from_owned_ptr_or_err(py, object)?.cast_into_unchecked()) }
}

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
