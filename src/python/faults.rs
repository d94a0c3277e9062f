//! The room where faults are named: entered only by a device map that did not pass.
//!
//! Two ways lead through it. Blocks of known kinds are counted, in time that grows with their number. Where one is
//! exotic, only Python's `==` can say what equals what, and the original's own steps are taken on the caller's objects.

use std::iter;
use std::ops::Range;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyList, PySet};

use super::block::{Kind, Kinds};
use super::error::Faults;
use super::values::{Items, Read, Value, flatten};
use super::{ask_for, hear_signals, layout, no_memory};
use crate::coverage::{Counting, Coverage, Finding, Tally};
use crate::progression::Progression;

/// The faults of a map whose blocks were all taken, each once: blocks may be missing.
pub fn name_missing(py: Python<'_>, coverage: Coverage) -> PyResult<Faults<'_>> {
    Ok(Faults {
        duplicate: layout::new_list(py)?,
        missing: layout::list_of_ints(py, coverage.missing(), coverage.into_missing_runs())?,
        extra: layout::new_list(py)?,
    })
}

/// The faults of any map whose values, all to be read in place, are these, for a model of so many blocks.
pub fn name<'py>(values: &Bound<'py, PyList>, blocks: usize) -> PyResult<Faults<'py>> {
    match Count::of(values, blocks)? {
        Some(count) => count.name(values),
        None => name_by_equality(&flatten(values)?, blocks),
    }
}

/// How often each block is given, and how often anything else.
struct Count<'py> {
    py: Python<'py>,
    kinds: Kinds<'py>,
    blocks: usize,
    tally: Tally,
    /// What is given and no block of the model, as objects whose hash and `==` are built in.
    outside: Bound<'py, PySet>,
    /// Those of `outside` that are given more than once.
    again: Bound<'py, PySet>,
}

/// Where an item counts.
enum Place<'py> {
    Block(usize),
    Outside(Bound<'py, PyAny>),
}

impl<'py> Count<'py> {
    /// Counts all items; none if one of them is exotic.
    fn of(values: &Bound<'py, PyList>, blocks: usize) -> PyResult<Option<Self>> {
        let py = values.py();
        let mut count = Self {
            py,
            kinds: Kinds::default(),
            blocks,
            tally: Tally::try_new(blocks).map_err(no_memory)?,
            outside: PySet::empty(py)?,
            again: PySet::empty(py)?,
        };
        for value in values {
            let known = match Value::in_place(&value) {
                Some(Value::Range(numbers)) => count.add_range(&numbers).map(|()| true)?,
                Some(Value::Items(items)) => count.add_items(&items)?,
                None => false,
            };
            if !known {
                return Ok(None);
            }
        }
        Ok(Some(count))
    }

    /// Where an item counts; none if it is exotic.
    fn place(&mut self, item: &Bound<'py, PyAny>) -> PyResult<Option<Place<'py>>> {
        Ok(match self.kinds.of(item) {
            Kind::Number(number) => match usize::try_from(number) {
                Ok(block) if block < self.blocks => Some(Place::Block(block)),
                _ => Some(Place::Outside(layout::new_int(self.py, number)?.into_any())),
            },
            Kind::Other => Some(Place::Outside(item.clone())),
            Kind::Exotic => None,
        })
    }

    /// Counts items: plain blocks by the run, others one by one. False if one is exotic.
    fn add_items(&mut self, items: &Items<'_, 'py>) -> PyResult<bool> {
        let mut from = 0;
        while let Read::UpTo(index, item) = items.read(self.py, from, &mut Counting(&mut self.tally))? {
            match self.place(&item)? {
                Some(Place::Block(block)) => self.tally.add(&(block..block + 1)),
                Some(Place::Outside(key)) => self.add_outside(key)?,
                None => return Ok(false),
            }
            from = index + 1;
        }
        Ok(true)
    }

    fn add_outside(&self, key: Bound<'py, PyAny>) -> PyResult<()> {
        if self.outside.contains(&key)? {
            self.again.add(key)
        } else {
            self.outside.add(key)
        }
    }

    fn add_range(&mut self, numbers: &Progression) -> PyResult<()> {
        let within = numbers.indices_within(self.blocks);
        // All numbers outside will be named, so they have to be held.
        ask_for(numbers.len() - within.len())?;
        for (step, run) in numbers.runs(within.clone()).enumerate() {
            hear_signals(self.py, step)?;
            self.tally.add(&run);
        }
        for index in (0..within.start).chain(within.end..numbers.len()) {
            hear_signals(self.py, index)?;
            self.add_outside(layout::new_int(self.py, numbers.get(index))?.into_any())?;
        }
        Ok(())
    }

    /// Names what was counted, in the order of a second walk over the same values.
    fn name(mut self, values: &Bound<'py, PyList>) -> PyResult<Faults<'py>> {
        let (duplicate, extra) = (layout::new_list(self.py)?, layout::new_list(self.py)?);
        for value in values {
            match Value::in_place(&value) {
                Some(Value::Range(numbers)) => self.name_range(&numbers, &duplicate, &extra)?,
                Some(Value::Items(items)) => self.name_items(&items, &duplicate, &extra)?,
                None => {}
            }
        }
        let missing = layout::list_of_ints(self.py, self.tally.missing(), self.tally.into_missing_runs())?;
        Ok(Faults {
            duplicate,
            missing,
            extra,
        })
    }

    fn name_items(
        &mut self,
        items: &Items<'_, 'py>,
        duplicate: &Bound<'py, PyList>,
        extra: &Bound<'py, PyList>,
    ) -> PyResult<()> {
        let mut from = 0;
        while let Read::UpTo(index, item) = items.read(self.py, from, &mut Finding(&self.tally))? {
            match self.place(&item)? {
                Some(Place::Block(block)) if self.tally.tell_if_repeated(block) => duplicate.append(item)?,
                Some(Place::Outside(key)) => {
                    extra.append(&item)?;
                    if self.again.discard(key)? {
                        duplicate.append(item)?;
                    }
                }
                _ => {}
            }
            from = index + 1;
        }
        Ok(())
    }

    fn name_range(
        &mut self,
        numbers: &Progression,
        duplicate: &Bound<'py, PyList>,
        extra: &Bound<'py, PyList>,
    ) -> PyResult<()> {
        let within = numbers.indices_within(self.blocks);
        let name_outside = |indices: Range<usize>| {
            for index in indices {
                hear_signals(self.py, index)?;
                let number = layout::new_int(self.py, numbers.get(index))?;
                extra.append(&number)?;
                if self.again.discard(&number)? {
                    duplicate.append(number)?;
                }
            }
            PyResult::Ok(())
        };
        name_outside(0..within.start)?;
        for (step, run) in numbers.runs(within.clone()).enumerate() {
            hear_signals(self.py, step)?;
            self.tally.tell_repeated(&run, numbers.descends(), |block| {
                duplicate.append(layout::new_int(self.py, block.cast_signed() as i64)?)
            })?;
        }
        name_outside(within.end..numbers.len())
    }
}

/// The original's steps, one by one, for blocks of which only their own `==` says what they equal. Quadratic, as the
/// original is. Code of the user's may run at every step, and finds nothing but complete Python objects.
fn name_by_equality<'py>(given: &Bound<'py, PyList>, blocks: usize) -> PyResult<Faults<'py>> {
    let py = given.py();
    let model = layout::list_of_ints(py, blocks, iter::once(0..blocks))?;
    let faults = Faults {
        duplicate: layout::new_list(py)?,
        missing: layout::new_list(py)?,
        extra: layout::new_list(py)?,
    };
    for block in given {
        py.check_signals()?;
        let count: usize = given.call_method1(intern!(py, "count"), (&block,))?.extract()?;
        if count > 1 && !faults.duplicate.contains(&block)? {
            faults.duplicate.append(block)?;
        }
    }
    for block in &model {
        py.check_signals()?;
        if !given.contains(&block)? {
            faults.missing.append(block)?;
        }
    }
    for block in given {
        py.check_signals()?;
        if !model.contains(&block)? {
            faults.extra.append(block)?;
        }
    }
    Ok(faults)
}
