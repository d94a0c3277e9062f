//! Lists and tuples, read in place and filled in place.

use std::ops::Range;

use pyo3::exceptions::PyMemoryError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::critical_section::with_critical_section;
use pyo3::types::{PyList, PyTuple};

use super::super::{BETWEEN_SIGNALS, Ears};
use super::ints::{DIGITS, float, small_int};
use super::read;
use crate::numbers::{Number, Numbers, Reader, Stop};

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
            let digits = object.wrapping_byte_add(DIGITS);
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
pub fn read_list<R: Reader>(
    list: &Bound<'_, PyList>,
    from: usize,
    most: usize,
    reader: &mut R,
) -> Result<usize, Stop<R::Error>> {
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
pub fn read_tuple<R: Reader>(
    tuple: &Bound<'_, PyTuple>,
    from: usize,
    most: usize,
    reader: &mut R,
) -> Result<usize, Stop<R::Error>> {
    let object = tuple.as_ptr().cast::<ffi::PyTupleObject>();
    // SAFETY: rule 1; a tuple that has been given away never changes, and holds `ob_size` live objects in place. (One
    // still in the making, dug out through the collector, crashes Python's own loops too.)
    let items = unsafe { std::slice::from_raw_parts((&raw const (*object).ob_item).cast(), tuple.len()) };
    read_items(items, from, most, reader)
}

fn read_items<R: Reader>(
    items: &[*mut ffi::PyObject],
    from: usize,
    most: usize,
    reader: &mut R,
) -> Result<usize, Stop<R::Error>> {
    let end = items.len().min(from.saturating_add(most));
    let from = from.min(end);
    read(&ListItems(&items[from..end]), from, reader)
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
/// Up to 3.11, a collection of garbage starts as soon as a number of new containers is reached, over and over where a million lists
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

/// Owns a new reference, or fetches the exception that stands for it.
///
/// # Safety
/// `object` is a new reference to an object of the type `T`, or null with an exception set.
unsafe fn owned<T>(py: Python<'_>, object: *mut ffi::PyObject) -> PyResult<Bound<'_, T>> {
    // SAFETY: as above.
    unsafe { Ok(Bound::from_owned_ptr_or_err(py, object)?.cast_into_unchecked()) }
}
