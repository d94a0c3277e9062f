//! What is allowed in a device map but rarely meant.

use pyo3::prelude::*;
use pyo3::types::PyList;

use super::super::Ears;
use super::super::values::{Items, Read, Value};
use super::ints::int_at;
use crate::numbers::{Numbers, Reader, Stop};

/// What is allowed but rarely meant: the devices of which there is something to say.
pub struct Notes<'py> {
    /// Those without a block.
    pub idle: Bound<'py, PyList>,
    /// Those whose blocks are more than one run.
    pub scattered: Bound<'py, PyList>,
    /// Those that begin before where the one before them ended.
    pub unordered: Bound<'py, PyList>,
}

impl<'py> Notes<'py> {
    /// The notes on values of ints, which may be no blocks of the model. If the blocks are known to be contiguous, each
    /// device after the other, only the idle devices are looked for.
    pub fn of(
        ears: &mut Ears<'py>,
        devices: &Bound<'py, PyList>,
        values: &Bound<'py, PyList>,
        contiguous: bool,
    ) -> PyResult<Self> {
        let py = devices.py();
        let notes = Self {
            idle: PyList::empty(py),
            scattered: PyList::empty(py),
            unordered: PyList::empty(py),
        };
        let mut last: Option<Bound<'py, PyAny>> = None;
        for (at, value) in values.iter().enumerate() {
            ears.after(1)?;
            if contiguous && Value::in_place(&value).is_some_and(|value| ascends(&value)) {
                continue;
            }
            let ends = Value::in_place(&value).map(|value| ends_of(ears, &value)).transpose()?;
            let Some((first, its_last, is_run)) = ends.flatten() else {
                notes.idle.append(devices.get_item(at)?)?;
                continue;
            };
            if !is_run {
                notes.scattered.append(devices.get_item(at)?)?;
            }
            if let Some(last) = last
                && first.le(last)?
            {
                notes.unordered.append(devices.get_item(at)?)?;
            }
            last = Some(its_last);
        }
        Ok(notes)
    }
}

/// Whether a value is known to ascend if its blocks are contiguous.
fn ascends(value: &Value<'_, '_>) -> bool {
    match value {
        Value::Range(numbers) => numbers.len() > 0 && numbers.is_run(),
        Value::Items(items) => items.len() > 0,
    }
}

/// The first and the last of a value's ints, and whether all of them are one run.
type Ends<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>, bool);

/// The ends of a value of ints; none where it is empty.
fn ends_of<'py>(ears: &mut Ears<'py>, value: &Value<'_, 'py>) -> PyResult<Option<Ends<'py>>> {
    let py = ears.py;
    let Some(last) = value.len().checked_sub(1) else {
        return Ok(None);
    };
    match value {
        Value::Range(numbers) => {
            let number = |at| Ok::<_, PyErr>(numbers.get(at).into_pyobject(py)?.into_any());
            Ok(Some((number(0)?, number(last)?, numbers.is_run())))
        }
        Value::Items(items) => {
            let (Some(first), Some(last)) = (int_at(py, items, 0)?, int_at(py, items, last)?) else {
                return Ok(None);
            };
            Ok(Some((first, last, is_run(ears, items)?)))
        }
    }
}

/// Whether each item is one more than the last.
fn is_run<'py>(ears: &mut Ears<'py>, items: &Items<'_, 'py>) -> PyResult<bool> {
    let (py, mut from) = (ears.py, 0);
    loop {
        let at = match items.read(ears, from, &mut Ascending(None))? {
            Read::All => return Ok(true),
            Read::Error(NotNext) => return Ok(false),
            Read::NotPlain(at, _) => at,
        };
        // Beside an int that is not plain, Python says what follows what.
        for (one, next) in [(at.checked_sub(1), at), (Some(at), at + 1)] {
            if let Some(one) = one
                && let (Some(one), Some(next)) = (int_at(py, items, one)?, int_at(py, items, next)?)
                && !next.sub(one)?.eq(1)?
            {
                return Ok(false);
            }
        }
        from = at + 1;
    }
}

/// Reads numbers of which each is one more than the last.
struct Ascending(Option<usize>);

/// A number is not one more than the last.
struct NotNext;

impl Reader for Ascending {
    type Error = NotNext;

    fn read(&mut self, numbers: &impl Numbers) -> Result<(), Stop<NotNext>> {
        let mut index = 0;
        while index < numbers.len() {
            let first = numbers.get(index).ok_or(Stop::NotPlain(index))?;
            if self.0.is_some_and(|next| next != first) {
                return Err(Stop::Error(NotNext));
            }
            let (behind, next) = numbers.run(index, first);
            (index, self.0) = (behind, Some(next));
        }
        Ok(())
    }
}
