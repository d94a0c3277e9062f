//! Finds the devices of a map whose blocks are allowed but unusual: none, not contiguous, or in an unusual order.

use pyo3::prelude::*;
use pyo3::types::PyList;

use super::super::items::{Items, Read};
use super::super::signals::SignalCheck;
use super::super::values::Value;
use super::ints::int_at;
use crate::numbers::{NumberSource, Stop, Visitor};

/// The devices for which a report contains a note, by the kind of note.
pub struct MapNotes<'py> {
    /// Devices without blocks.
    pub idle: Bound<'py, PyList>,
    /// Devices whose blocks are not one ascending run.
    pub scattered: Bound<'py, PyList>,
    /// Devices whose first block does not come after the last block of the previous device.
    pub unordered: Bound<'py, PyList>,
}

impl<'py> MapNotes<'py> {
    /// Determines the notes on a map whose items are ints. `is_contiguous` states that the blocks of the whole map ascend
    /// without gaps; then most values need not be read.
    pub fn new(
        signals: &mut SignalCheck<'py>,
        devices: &Bound<'py, PyList>,
        values: &Bound<'py, PyList>,
        is_contiguous: bool,
    ) -> PyResult<Self> {
        let py = devices.py();
        let notes = Self {
            idle: PyList::empty(py),
            scattered: PyList::empty(py),
            unordered: PyList::empty(py),
        };
        let mut previous_last: Option<Bound<'py, PyAny>> = None;
        for (device, value) in values.iter().enumerate() {
            signals.tick(1)?;
            if is_contiguous && Value::in_place(&value).is_some_and(|value| is_non_empty_and_ascending(&value)) {
                continue;
            }
            let summary = Value::in_place(&value)
                .map(|value| summarize(signals, &value))
                .transpose()?;
            let Some(RunSummary { first, last, is_run }) = summary.flatten() else {
                notes.idle.append(devices.get_item(device)?)?;
                continue;
            };
            if !is_run {
                notes.scattered.append(devices.get_item(device)?)?;
            }
            if let Some(previous_last) = previous_last
                && first.le(previous_last)?
            {
                notes.unordered.append(devices.get_item(device)?)?;
            }
            previous_last = Some(last);
        }
        Ok(notes)
    }
}

/// Returns `true` if a value of a contiguous map has items in ascending order. In such a map, only a range can descend, since
/// its blocks are assigned as a whole.
fn is_non_empty_and_ascending(value: &Value<'_, '_>) -> bool {
    match value {
        Value::Range(range) => range.len() > 0 && range.is_run(),
        Value::Items(items) => items.len() > 0,
    }
}

/// The first and the last item of a value, and whether its items form one ascending run.
struct RunSummary<'py> {
    first: Bound<'py, PyAny>,
    last: Bound<'py, PyAny>,
    is_run: bool,
}

/// Returns the summary of a value, or `None` if it is empty.
fn summarize<'py>(signals: &mut SignalCheck<'py>, value: &Value<'_, 'py>) -> PyResult<Option<RunSummary<'py>>> {
    let py = signals.py();
    let Some(last) = value.len().checked_sub(1) else {
        return Ok(None);
    };
    match value {
        Value::Range(range) => {
            let number = |index| Ok::<_, PyErr>(range.get(index).into_pyobject(py)?.into_any());
            Ok(Some(RunSummary {
                first: number(0)?,
                last: number(last)?,
                is_run: range.is_run(),
            }))
        }
        Value::Items(items) => {
            let (Some(first), Some(last)) = (int_at(py, items, 0)?, int_at(py, items, last)?) else {
                return Ok(None);
            };
            let is_run = is_run(signals, items)?;
            Ok(Some(RunSummary { first, last, is_run }))
        }
    }
}

/// Returns `true` if each item is one more than the previous one.
fn is_run<'py>(signals: &mut SignalCheck<'py>, items: &Items<'_, 'py>) -> PyResult<bool> {
    let (py, mut from) = (signals.py(), 0);
    loop {
        let index = match items.read(signals, from, &mut RunVisitor { next: None })? {
            Read::All => return Ok(true),
            Read::Error(NotNext) => return Ok(false),
            Read::NotPlain(index, _) => index,
        };
        // An int that is not a plain number, such as a very large one, is compared with the items before and after it by
        // Python's arithmetic.
        for (left, right) in [(index.checked_sub(1), index), (Some(index), index + 1)] {
            if let Some(left) = left
                && let (Some(left), Some(right)) = (int_at(py, items, left)?, int_at(py, items, right)?)
                && !right.sub(left)?.eq(1)?
            {
                return Ok(false);
            }
        }
        from = index + 1;
    }
}

/// Reads numbers as long as each is one more than the previous one.
struct RunVisitor {
    /// The number that must follow, or `None` if no number has been read yet.
    next: Option<usize>,
}

/// The error for a number that is not one more than the previous one.
struct NotNext;

impl Visitor for RunVisitor {
    type Error = NotNext;

    fn visit(&mut self, numbers: &impl NumberSource) -> Result<(), Stop<NotNext>> {
        let mut index = 0;
        while index < numbers.len() {
            let first = numbers.get(index).ok_or(Stop::NotPlain(index))?;
            if self.next.is_some_and(|next| next != first) {
                return Err(Stop::Error(NotNext));
            }
            let (run_end, next) = numbers.run(index, first);
            (index, self.next) = (run_end, Some(next));
        }
        Ok(())
    }
}
