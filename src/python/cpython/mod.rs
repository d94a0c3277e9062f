//! The only `unsafe` code of the crate: reads ints, floats, lists, tuples and arrays in CPython's memory layout, and fills
//! lists in place. If the layout is not known, [`public_api`] reads them through CPython's public functions.
//!
//! Four rules make it sound; each `unsafe` block names the rules that it relies on.
//!
//! 1. *Attached.* Every function takes a `Bound` or a `Python`, so that this thread may access Python objects.
//! 2. *No Python code while items are borrowed.* Between borrowing the items of a list and the last access to them, no
//!    Python code runs: no reference is dropped, no method is called, no exception is raised. With the GIL, no other thread
//!    runs either; without it, the list is locked by a critical section, which every mutator of the list also enters.
//! 3. *Known layout.* The layout is used only for exact types, and only if [`layout_is_known`]. The differences between
//!    versions of Python are all in `ints.rs`.
//! 4. *Exported buffer.* The memory of an array is read only while its buffer is exported. Between the export and the last
//!    access, no Python code runs, signal handlers included: some owners free exported memory, such as NumPy's
//!    `resize(refcheck=False)`.
#![expect(unsafe_code, reason = "the only module with unsafe code")]

mod arrays;
mod ints;
mod lists;
mod public_api;
mod types;

pub use arrays::{INT_FORMATS, NUMBER_FORMATS, array_len, read_array};
pub use lists::{list_of_ints, read_list, read_tuple};
pub use types::{c_type_name, compares_as_int, type_dict};

use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;
use pyo3::sync::critical_section::with_critical_section;
use pyo3::types::{PyDict, PyList};

use crate::numbers::{NumberSource, Stop, Visitor};

/// The newest version of Python whose memory layout this crate has been tested with.
const NEWEST_KNOWN_VERSION: (u8, u8) = (3, 14);

static LAYOUT_IS_KNOWN: AtomicBool = AtomicBool::new(false);

/// Determines whether ints, lists and tuples are read in CPython's memory layout: not on a version of Python newer than
/// [`NEWEST_KNOWN_VERSION`], nor if ints are laid out in another way. The feature `public-api` disables it. Called when the
/// module is imported.
pub fn detect_layout(py: Python<'_>) -> PyResult<bool> {
    let version = py.version_info();
    let is_known = !cfg!(feature = "public-api")
        && (version.major, version.minor) <= NEWEST_KNOWN_VERSION
        && ints::layout_matches(py)?;
    LAYOUT_IS_KNOWN.store(is_known, Ordering::Relaxed);
    Ok(is_known)
}

/// Returns the result of [`detect_layout`].
pub fn layout_is_known() -> bool {
    LAYOUT_IS_KNOWN.load(Ordering::Relaxed)
}

/// Passes `numbers`, a chunk of a sequence that starts at index `from`, to a visitor. Returns the index after the chunk;
/// indices in [`Stop`] are those of the sequence.
fn visit_chunk<V: Visitor>(numbers: &impl NumberSource, from: usize, visitor: &mut V) -> Result<usize, Stop<V::Error>> {
    match visitor.visit(numbers) {
        Ok(()) => Ok(from + numbers.len()),
        Err(Stop::NotPlain(index)) => Err(Stop::NotPlain(from + index)),
        Err(error) => Err(error),
    }
}

/// Returns a list of the keys and a list of the values of a dict, both from the same moment.
pub fn dict_entries<'py>(dict: &Bound<'py, PyDict>) -> (Bound<'py, PyList>, Bound<'py, PyList>) {
    with_critical_section(dict, || (dict.keys(), dict.values()))
}
