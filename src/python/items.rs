//! Lists, tuples and arrays whose items are read in place, without running Python code.

use std::ffi::CStr;

use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use super::cpython;
use super::signals::{self, SignalCheck};
use crate::numbers::{Stop, Visitor};

/// The type name of a NumPy array.
pub const NUMPY_ARRAY: &CStr = c"numpy.ndarray";

/// A sequence of blocks or costs that can be read without running Python code.
pub enum Items<'a, 'py> {
    /// A list.
    List(&'a Bound<'py, PyList>),
    /// A tuple.
    Tuple(&'a Bound<'py, PyTuple>),
    /// A one-dimensional array of native numbers.
    Array(&'a Bound<'py, PyAny>),
}

/// The result of [`Items::read`].
pub enum Read<'py, E> {
    /// The visitor has read all items.
    All,
    /// The visitor stopped at this index, where the item is not a plain number.
    NotPlain(usize, Bound<'py, PyAny>),
    /// The visitor stopped with an error.
    Error(E),
}

impl<'py> Items<'_, 'py> {
    /// Returns the number of items.
    pub fn len(&self) -> usize {
        match self {
            Self::List(list) => list.len(),
            Self::Tuple(tuple) => tuple.len(),
            Self::Array(array) => cpython::array_len(array, cpython::NUMBER_FORMATS).unwrap_or(0),
        }
    }

    /// Returns `true` if the items are stored in a NumPy array.
    pub fn is_numpy_array(&self) -> bool {
        matches!(self, Self::Array(array) if cpython::c_type_name(&array.get_type()) == Some(NUMPY_ARRAY))
    }

    /// Passes the items to a visitor, starting at index `from`, until the visitor stops. The items are passed in chunks, with
    /// a check for signals after each chunk; the buffer of an array is exported for one chunk at a time.
    #[inline]
    pub fn read<R: Visitor>(
        &self,
        signals: &mut SignalCheck<'py>,
        mut from: usize,
        visitor: &mut R,
    ) -> PyResult<Read<'py, R::Error>> {
        const CHUNK: usize = signals::INTERVAL;
        loop {
            let read = match self {
                Self::List(list) => cpython::read_list(list, from, CHUNK, visitor),
                Self::Tuple(tuple) => cpython::read_tuple(tuple, from, CHUNK, visitor),
                Self::Array(array) => cpython::read_array(array, from, CHUNK, visitor),
            };
            let (end, is_plain) = match read {
                Ok(end) => (end, true),
                Err(Stop::NotPlain(index)) => (index, false),
                Err(Stop::Error(error)) => return Ok(Read::Error(error)),
            };
            signals.tick(end.saturating_sub(from) + 1)?;
            if !is_plain {
                // A signal handler or another thread may have shortened the list after the visitor stopped.
                let item = self.get(signals.py(), end)?;
                return Ok(item.map_or(Read::All, |item| Read::NotPlain(end, item)));
            }
            if end < from + CHUNK {
                return Ok(Read::All);
            }
            from = end;
        }
    }

    /// Returns the item at an index, or `None` if the index is out of range.
    pub fn get(&self, py: Python<'py>, index: usize) -> PyResult<Option<Bound<'py, PyAny>>> {
        match self {
            Self::List(list) => Ok(list.get_item(index).ok()),
            Self::Tuple(tuple) => Ok(tuple.get_item(index).ok()),
            Self::Array(array) => match array.get_item(index) {
                Err(error) if error.is_instance_of::<PyIndexError>(py) => Ok(None),
                item => item.map(Some),
            },
        }
    }
}
