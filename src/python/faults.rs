//! The room where faults are named: entered only by a device map that did not pass.
//!
//! Two ways lead through it. Blocks of known kinds are counted, in time that grows with their number. Where one is
//! exotic, only Python's `==` can say what equals what, and the original's own steps are taken on the caller's objects.

use std::iter;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyList, PySet};

use super::block::{Kind, Kinds};
use super::error::Faults;
use super::values::{Items, Read, Value, flatten};
use super::{Ears, ask_for_ints, layout, no_bitset};
use crate::coverage::{Counting, Coverage, Finding, Tally};
use crate::progression::Progression;

/// What finding an object in a set, or putting it there, counts as in blocks read: most take less, but where all hashes
/// are one, each takes longer than the last.
pub const IN_A_SET: usize = 1 << 10;

/// The faults of a map whose blocks were all taken, each once: blocks may be missing.
pub fn name_missing<'py>(ears: &mut Ears<'py>, coverage: &Coverage) -> PyResult<Faults<'py>> {
    ask_for_ints(coverage.missing())?;
    Ok(Faults {
        duplicate: PyList::empty(ears.py),
        missing: layout::list_of_ints(ears, coverage.missing(), coverage.missing_runs())?,
        extra: PyList::empty(ears.py),
    })
}

/// The faults of any map whose values, all to be read in place, are these, for a model of so many blocks.
pub fn name<'py>(ears: &mut Ears<'py>, values: &Bound<'py, PyList>, blocks: usize) -> PyResult<Faults<'py>> {
    match Count::of(ears, values, blocks)? {
        Some(count) => count.name(ears, values),
        None => name_by_equality(ears, values, blocks),
    }
}

/// How often each block is given, and how often anything else.
struct Count<'py> {
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
    fn of(ears: &mut Ears<'py>, values: &Bound<'py, PyList>, blocks: usize) -> PyResult<Option<Self>> {
        let mut count = Self {
            kinds: Kinds::default(),
            blocks,
            tally: Tally::try_new(blocks).map_err(|_| no_bitset(blocks))?,
            outside: PySet::empty(ears.py)?,
            again: PySet::empty(ears.py)?,
        };
        for value in values {
            let known = match Value::in_place(&value) {
                Some(Value::Range(numbers)) => count.add_range(ears, &numbers).map(|()| true)?,
                Some(Value::Items(items)) => count.add_items(ears, &items)?,
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
                _ => Some(Place::Outside(number.into_pyobject(item.py())?.into_any())),
            },
            Kind::Other => Some(Place::Outside(item.clone())),
            Kind::Exotic => None,
        })
    }

    /// Counts items: plain blocks by the run, others one by one. False if one is exotic.
    fn add_items(&mut self, ears: &mut Ears<'py>, items: &Items<'_, 'py>) -> PyResult<bool> {
        if items.are_of_numpy() && !self.kinds.meet_numpy_array() {
            return Ok(false);
        }
        let mut from = 0;
        while let Read::UpTo(index, item) = items.read(ears, from, &mut Counting(&mut self.tally))? {
            match self.place(&item)? {
                Some(Place::Block(block)) => self.tally.add(&(block..block + 1)),
                Some(Place::Outside(key)) => self.add_outside(ears, key)?,
                None => return Ok(false),
            }
            from = index + 1;
        }
        Ok(true)
    }

    fn add_outside(&self, ears: &mut Ears<'py>, key: Bound<'py, PyAny>) -> PyResult<()> {
        ears.after(IN_A_SET)?;
        if self.outside.contains(&key)? {
            self.again.add(key)
        } else {
            self.outside.add(key)
        }
    }

    fn add_range(&mut self, ears: &mut Ears<'py>, numbers: &Progression) -> PyResult<()> {
        let within = numbers.indices_within(self.blocks);
        // All numbers outside will be named, so they have to be held.
        ask_for_ints(numbers.len() - within.len())?;
        for run in numbers.runs(within.clone()) {
            ears.after(1 + run.len() / 64)?;
            self.tally.add(&run);
        }
        for index in (0..within.start).chain(within.end..numbers.len()) {
            self.add_outside(ears, numbers.get(index).into_pyobject(ears.py)?.into_any())?;
        }
        Ok(())
    }

    /// Names what was counted, in the order of a second walk over the same values. If a signal's handler or another
    /// thread has changed them meanwhile, what it changed may be named or not.
    fn name(mut self, ears: &mut Ears<'py>, values: &Bound<'py, PyList>) -> PyResult<Faults<'py>> {
        let (duplicate, extra) = (PyList::empty(ears.py), PyList::empty(ears.py));
        for value in values {
            match Value::in_place(&value) {
                Some(Value::Range(numbers)) => self.name_range(ears, &numbers, &duplicate, &extra)?,
                Some(Value::Items(items)) => self.name_items(ears, &items, &duplicate, &extra)?,
                None => {}
            }
        }
        ask_for_ints(self.tally.missing())?;
        let missing = layout::list_of_ints(ears, self.tally.missing(), self.tally.missing_runs())?;
        Ok(Faults {
            duplicate,
            missing,
            extra,
        })
    }

    fn name_items(
        &mut self,
        ears: &mut Ears<'py>,
        items: &Items<'_, 'py>,
        duplicate: &Bound<'py, PyList>,
        extra: &Bound<'py, PyList>,
    ) -> PyResult<()> {
        let mut from = 0;
        while let Read::UpTo(index, item) = items.read(ears, from, &mut Finding(&self.tally))? {
            match self.place(&item)? {
                Some(Place::Block(block)) if self.tally.is_repeated(block) => {
                    self.tally.forget_repeated(&(block..block + 1));
                    duplicate.append(item)?;
                }
                Some(Place::Outside(key)) => self.name_outside(ears, &item, key, duplicate, extra)?,
                _ => {}
            }
            from = index + 1;
        }
        Ok(())
    }

    fn name_range(
        &mut self,
        ears: &mut Ears<'py>,
        numbers: &Progression,
        duplicate: &Bound<'py, PyList>,
        extra: &Bound<'py, PyList>,
    ) -> PyResult<()> {
        let py = ears.py;
        let within = numbers.indices_within(self.blocks);
        for index in 0..within.start {
            let number = numbers.get(index).into_pyobject(py)?.into_any();
            self.name_outside(ears, &number, number.clone(), duplicate, extra)?;
        }
        for run in numbers.runs(within.clone()) {
            ears.after(1 + run.len() / 64)?;
            self.tally.tell_repeated(&run, numbers.descends(), |block| {
                ears.after(1)?;
                duplicate.append(block.into_pyobject(py)?)
            })?;
            self.tally.forget_repeated(&run);
        }
        for index in within.end..numbers.len() {
            let number = numbers.get(index).into_pyobject(py)?.into_any();
            self.name_outside(ears, &number, number.clone(), duplicate, extra)?;
        }
        Ok(())
    }

    fn name_outside(
        &self,
        ears: &mut Ears<'py>,
        item: &Bound<'py, PyAny>,
        key: Bound<'py, PyAny>,
        duplicate: &Bound<'py, PyList>,
        extra: &Bound<'py, PyList>,
    ) -> PyResult<()> {
        ears.after(IN_A_SET)?;
        extra.append(item)?;
        if self.again.discard(key)? {
            duplicate.append(item)?;
        }
        Ok(())
    }
}

/// The original's steps, one by one, for blocks of which only their own `==` says what they equal. Quadratic, as the
/// original is. Code of the user's may run at every step, and finds nothing but complete Python objects.
fn name_by_equality<'py>(ears: &mut Ears<'py>, values: &Bound<'py, PyList>, blocks: usize) -> PyResult<Faults<'py>> {
    let py = ears.py;
    ask_for_ints(blocks)?;
    let model = layout::list_of_ints(ears, blocks, iter::once(0..blocks))?;
    let given = flatten(ears, values)?;
    let faults = Faults {
        duplicate: PyList::empty(py),
        missing: PyList::empty(py),
        extra: PyList::empty(py),
    };
    for block in &given {
        ears.after(given.len())?;
        let count: usize = given.call_method1(intern!(py, "count"), (&block,))?.extract()?;
        if count > 1 && !faults.duplicate.contains(&block)? {
            faults.duplicate.append(block)?;
        }
    }
    for block in &model {
        ears.after(given.len())?;
        if !given.contains(&block)? {
            faults.missing.append(block)?;
        }
    }
    for block in &given {
        ears.after(blocks)?;
        if !model.contains(&block)? {
            faults.extra.append(block)?;
        }
    }
    Ok(faults)
}
