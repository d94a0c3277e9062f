//! The only `unsafe` code of the crate: ints, floats, lists, tuples and arrays read where `CPython` keeps them, and lists
//! filled in place.
//!
//! Four rules make it sound; each block says which it relies on.
//!
//! 1. *Attached.* Every function here takes a `Bound` or a `Python`, so this thread may touch Python objects.
//! 2. *Still.* Nothing between borrowing a list's items and the last read of them runs Python code: no reference is
//!    dropped, no method called, no exception raised. With the GIL no other thread runs meanwhile; without it the list
//!    is locked by a critical section, which its every mutator takes too.
//! 3. *Laid out so.* Layouts are used only for exact types, and only on builds where [`fits`] held at import; the
//!    versions' differences are all in `ints.rs`.
//! 4. *Exported.* An array's memory is read only while its buffer is exported, and between the export and the last read
//!    nothing runs Python code either, signal handlers included: there are owners, numpy's `resize(refcheck=False)` for
//!    one, that free exported memory all the same.
#![expect(unsafe_code, reason = "the one place where it is allowed")]

mod arrays;
mod ints;
mod lists;
mod types;

pub use arrays::{INTEGERS, NUMBERS, array_len, read_array};
pub use ints::fits;
pub use lists::{list_of_ints, read_list, read_tuple};
pub use types::{c_type_name, compares_as_int, type_dict};

use pyo3::prelude::*;
use pyo3::sync::critical_section::with_critical_section;
use pyo3::types::{PyDict, PyList};

use crate::numbers::{Numbers, Reader, Stop};

/// Lets a reader read `numbers`, the piece of a sequence that starts at its index `from`.
fn read<R: Reader>(numbers: &impl Numbers, from: usize, reader: &mut R) -> Result<usize, Stop<R::Error>> {
    match reader.read(numbers) {
        Ok(()) => Ok(from + numbers.len()),
        Err(Stop::NotPlain(index)) => Err(Stop::NotPlain(from + index)),
        Err(error) => Err(error),
    }
}

/// New lists of a dict's keys and of its values, both as they are at one moment.
pub fn dict_entries<'py>(dict: &Bound<'py, PyDict>) -> (Bound<'py, PyList>, Bound<'py, PyList>) {
    with_critical_section(dict, || (dict.keys(), dict.values()))
}
