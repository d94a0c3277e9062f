//! Reads lists and tuples in place, and creates lists of ints. The rules that make the `unsafe` code sound are in the
//! documentation of the parent module.

use std::ops::Range;

use pyo3::exceptions::PyMemoryError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::critical_section::with_critical_section;
use pyo3::types::{PyList, PyTuple};

use super::super::signals::{self, SignalCheck};
use super::ints::{DIGITS_OFFSET, float, small_int};
use super::public_api::ApiItems;
use super::{layout_is_known, visit_chunk};
use crate::numbers::{Number, NumberSource, Stop, Visitor};

/// The items of a list or a tuple, borrowed under rule 2.
struct BorrowedItems<'a>(&'a [*mut ffi::PyObject]);

impl NumberSource for BorrowedItems<'_> {
    #[inline]
    fn len(&self) -> usize {
        self.0.len()
    }

    #[inline]
    fn get(&self, index: usize) -> Option<usize> {
        // SAFETY: rules 1, 2 and 3: the sequence holds a reference to each of its items.
        unsafe { small_int(self.0[index]) }?.try_into().ok()
    }

    #[inline]
    fn number(&self, index: usize) -> Option<Number> {
        let object = self.0[index];
        // SAFETY: as in `get`.
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
            // An int of 32 bytes may span two cache lines, since the pools of CPython's allocator start with a header of 48
            // bytes: the type is in the first line, the digits may be in the second. Intel processors prefetch the adjacent
            // line themselves, AMD processors do not.
            let digits = object.wrapping_byte_add(DIGITS_OFFSET);
            // SAFETY: every x86-64 processor has SSE, and a prefetch of any address is not an access.
            unsafe {
                _mm_prefetch::<_MM_HINT_T0>(object.cast());
                _mm_prefetch::<_MM_HINT_T0>(digits.cast());
            }
        }
    }
}

/// Passes at most `max` items of a list, from index `from` on, to a visitor. Returns the index after the last item that was
/// passed; indices in [`Stop`] are those of the list.
///
/// Rule 2 holds because all visitors are defined in modules that do not depend on Python, such as `coverage`.
pub fn read_list<V: Visitor>(
    list: &Bound<'_, PyList>,
    from: usize,
    max: usize,
    visitor: &mut V,
) -> Result<usize, Stop<V::Error>> {
    with_critical_section(list, || {
        let (from, end) = chunk(list.len(), from, max);
        if !layout_is_known() {
            // SAFETY: rules 1 and 2; the chunk is within the list.
            let items = unsafe { ApiItems::new(list.as_ptr(), ffi::PyList_GetItem, from, end - from) };
            return visit_chunk(&items, from, visitor);
        }
        let object = list.as_ptr().cast::<ffi::PyListObject>();
        // SAFETY: rules 1, 2 and 3. `ob_item` is null only if the list is empty; its first `ob_size` entries are live.
        let items = unsafe {
            let len = list.len();
            if len == 0 {
                &[]
            } else {
                std::slice::from_raw_parts((*object).ob_item, len)
            }
        };
        visit_chunk(&BorrowedItems(&items[from..end]), from, visitor)
    })
}

/// Passes items of a tuple to a visitor, as [`read_list`] does those of a list.
pub fn read_tuple<V: Visitor>(
    tuple: &Bound<'_, PyTuple>,
    from: usize,
    max: usize,
    visitor: &mut V,
) -> Result<usize, Stop<V::Error>> {
    let (from, end) = chunk(tuple.len(), from, max);
    if !layout_is_known() {
        // SAFETY: rules 1 and 2; a tuple never changes, and the chunk is within it.
        let items = unsafe { ApiItems::new(tuple.as_ptr(), ffi::PyTuple_GetItem, from, end - from) };
        return visit_chunk(&items, from, visitor);
    }
    let object = tuple.as_ptr().cast::<ffi::PyTupleObject>();
    // SAFETY: rules 1 and 3; a tuple never changes once it has been returned, and has `ob_size` live items. (A tuple that is
    // still being filled can be obtained from the garbage collector, but also crashes Python's own loops.)
    let items = unsafe { std::slice::from_raw_parts((&raw const (*object).ob_item).cast(), tuple.len()) };
    visit_chunk(&BorrowedItems(&items[from..end]), from, visitor)
}

/// Returns the bounds of a chunk of at most `max` items, limited to the length of the sequence.
fn chunk(len: usize, from: usize, max: usize) -> (usize, usize) {
    let end = len.min(from.saturating_add(max));
    (from.min(end), end)
}

/// Returns a new list of the ints in some runs. `len` must be the total length of the runs. The caller checks first that the
/// ints fit in memory, with `check_memory_for_ints`, since the operating system may grant memory that it does not have.
pub fn list_of_ints<'py>(
    signals: &mut SignalCheck<'py>,
    len: usize,
    runs: impl IntoIterator<Item = Range<usize>>,
) -> PyResult<Bound<'py, PyList>> {
    let py = signals.py();
    let list = new_unset_list(py, len)?;
    // SAFETY: rule 1; a new list is tracked. The checks for signals may run user code, which must not find a list with unset
    // items through the garbage collector.
    unsafe { ffi::PyObject_GC_UnTrack(list.as_ptr().cast()) };
    let mut filled = 0;
    for mut rest in runs {
        while !rest.is_empty() {
            let chunk = rest.start..rest.end.min(rest.start.saturating_add(signals::INTERVAL));
            rest.start = chunk.end;
            let chunk_len = chunk.len();
            assert!(chunk_len <= len - filled, "the runs are longer than `len`");
            // Checks for signals. If a handler raises, the list is dropped.
            signals.tick(chunk_len)?;
            // SAFETY: no other code has a reference to the list, and the items from `filled` on are unset.
            unsafe {
                if layout_is_known() {
                    set_items::<true>(&list, filled, chunk)?;
                } else {
                    set_items::<false>(&list, filled, chunk)?;
                }
            }
            filled += chunk_len;
        }
    }
    assert!(filled == len, "the runs are shorter than `len`");
    // SAFETY: rule 1; the list was untracked above, and all of its items are set.
    unsafe { ffi::PyObject_GC_Track(list.as_ptr().cast()) };
    Ok(list)
}

/// Sets the items of a list from index `from` on to the ints of a run, in place if the layout is known.
///
/// # Safety
/// No other code has a reference to the list, and the items to be set are in range and unset. Rule 3 holds if `IN_PLACE`.
unsafe fn set_items<const IN_PLACE: bool>(list: &Bound<'_, PyList>, from: usize, run: Range<usize>) -> PyResult<()> {
    for (index, number) in (from..).zip(run) {
        // SAFETY: rule 1, and what the caller guarantees. Both functions take ownership of the new reference. If an int
        // cannot be created, the list is dropped, and its deallocation ignores unset items.
        unsafe {
            let int = ffi::PyLong_FromSize_t(number);
            if int.is_null() {
                return Err(PyErr::fetch(list.py()));
            }
            if IN_PLACE {
                ffi::PyList_SET_ITEM(list.as_ptr(), index.cast_signed(), int);
            } else {
                ffi::PyList_SetItem(list.as_ptr(), index.cast_signed(), int);
            }
        }
    }
    Ok(())
}

/// Returns a new list of `len` unset items.
fn new_unset_list(py: Python<'_>, len: usize) -> PyResult<Bound<'_, PyList>> {
    let Ok(len) = ffi::Py_ssize_t::try_from(len) else {
        return Err(PyMemoryError::new_err(()));
    };
    // SAFETY: rule 1; `PyList_New` returns a new reference to a list, or null with an exception set.
    without_collection(py, || unsafe { from_new_reference(py, ffi::PyList_New(len)) })
}

/// Calls a function that creates containers, without a garbage collection during the call.
///
/// Up to Python 3.11, creating a container can start a collection: many of them if a million lists are created, none of
/// which is garbage. A collection also runs finalizers, which may do anything. The collector is therefore disabled during
/// the call. From Python 3.12 on, creating a container never starts a collection, and nothing needs to be disabled.
fn without_collection<T>(_py: Python<'_>, create: impl FnOnce() -> T) -> T {
    // SAFETY: rule 1; both functions may be called at any time. Python up to 3.11 always has the GIL, so that no other thread
    // runs while the collector is disabled.
    #[cfg(not(Py_3_12))]
    let was_enabled = unsafe { ffi::PyGC_Disable() } == 1;
    let result = create();
    #[cfg(not(Py_3_12))]
    if was_enabled {
        // SAFETY: as above.
        unsafe { ffi::PyGC_Enable() };
    }
    result
}

/// Takes ownership of a new reference, or fetches the exception if it is null.
///
/// # Safety
/// `object` is a new reference to an object of the type `T`, or null with an exception set.
unsafe fn from_new_reference<T>(py: Python<'_>, object: *mut ffi::PyObject) -> PyResult<Bound<'_, T>> {
    // SAFETY: guaranteed by the caller.
    unsafe { Ok(Bound::from_owned_ptr_or_err(py, object)?.cast_into_unchecked()) }
}
