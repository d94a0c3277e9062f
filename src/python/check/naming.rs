//! The faults among the ints of a device map, counted in a first walk and named in a second.

use std::ops::Range;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use super::super::faults::IN_A_SET;
use super::super::values::{Items, Read, Value};
use super::super::{Ears, ask_for_ints};
use super::ints::int_of;
use super::{ENTRY, add, ranges, tuples};
use crate::coverage::{Counting, Finding, Tally};
use crate::progression::Progression;

/// Counts how often each int is given, and names what there is to name.
pub struct Naming<'a, 'py> {
    devices: &'a Bound<'py, PyList>,
    values: &'a Bound<'py, PyList>,
    count: Tally,
    /// What is given and no block of the model, with a list of the devices that it is given to.
    extra: Bound<'py, PyDict>,
    /// Whether one of `extra` is given more than once.
    again: bool,
}

/// The parts that are named by counting: duplicates, missing, extra.
pub type Named<'py> = (Bound<'py, PyDict>, Bound<'py, PyList>, Bound<'py, PyDict>);

/// Where an int counts.
enum Place<'py> {
    Block(usize),
    Outside(Bound<'py, PyAny>),
}

impl<'a, 'py> Naming<'a, 'py> {
    /// Begins with a count in which no block is named.
    pub fn new(devices: &'a Bound<'py, PyList>, values: &'a Bound<'py, PyList>, count: Tally) -> Self {
        Self {
            devices,
            values,
            count,
            extra: PyDict::new(devices.py()),
            again: false,
        }
    }

    /// Counts, then names.
    pub fn name(mut self, ears: &mut Ears<'py>) -> PyResult<Named<'py>> {
        for (at, value) in self.values.iter().enumerate() {
            ears.after(1)?;
            match Value::in_place(&value) {
                Some(Value::Range(numbers)) => self.add_range(ears, at, &numbers)?,
                Some(Value::Items(items)) => self.add_items(ears, at, &items)?,
                None => {}
            }
        }
        let duplicates = PyDict::new(ears.py);
        let repeated = self.count.repeated();
        if repeated > 0 || self.again {
            ask_for_ints(repeated.saturating_mul(ENTRY))?;
            for (at, value) in self.values.iter().enumerate() {
                ears.after(1)?;
                match Value::in_place(&value) {
                    Some(Value::Range(numbers)) => self.name_range(ears, at, &numbers, &duplicates)?,
                    Some(Value::Items(items)) => self.name_items(ears, at, &items, &duplicates)?,
                    None => {}
                }
            }
            tuples(ears, &duplicates)?;
        }
        tuples(ears, &self.extra)?;
        Ok((duplicates, ranges(ears, || self.count.missing_runs())?, self.extra))
    }

    /// Where an item counts; none if it is no int any more.
    fn place(&self, item: Bound<'py, PyAny>) -> PyResult<Option<Place<'py>>> {
        Ok(int_of(item)?.map(|int| match int.extract::<usize>() {
            Ok(block) if block < self.count.blocks() => Place::Block(block),
            _ => Place::Outside(int),
        }))
    }

    /// Counts items: plain blocks by the run, others one by one.
    fn add_items(&mut self, ears: &mut Ears<'py>, at: usize, items: &Items<'_, 'py>) -> PyResult<()> {
        let mut from = 0;
        while let Read::UpTo(index, item) = items.read(ears, from, &mut Counting(&mut self.count))? {
            match self.place(item)? {
                Some(Place::Block(block)) => self.count.add(&(block..block + 1)),
                Some(Place::Outside(int)) => self.add_outside(ears, at, &int)?,
                None => {}
            }
            from = index + 1;
        }
        Ok(())
    }

    fn add_range(&mut self, ears: &mut Ears<'py>, at: usize, numbers: &Progression) -> PyResult<()> {
        let within = numbers.indices_within(self.count.blocks());
        ask_for_ints((numbers.len() - within.len()).saturating_mul(ENTRY))?;
        for run in numbers.runs(within.clone()) {
            ears.after(1 + run.len() / 64)?;
            self.count.add(&run);
        }
        for index in outside(numbers, &within) {
            let int = numbers.get(index).into_pyobject(ears.py)?.into_any();
            self.add_outside(ears, at, &int)?;
        }
        Ok(())
    }

    fn add_outside(&mut self, ears: &mut Ears<'py>, at: usize, int: &Bound<'py, PyAny>) -> PyResult<()> {
        ears.after(IN_A_SET)?;
        let device = self.devices.get_item(at)?;
        self.again |= add(&self.extra, int, device)?;
        Ok(())
    }

    fn name_items(
        &self,
        ears: &mut Ears<'py>,
        at: usize,
        items: &Items<'_, 'py>,
        duplicates: &Bound<'py, PyDict>,
    ) -> PyResult<()> {
        let mut from = 0;
        while let Read::UpTo(index, item) = items.read(ears, from, &mut Finding(&self.count))? {
            match self.place(item)? {
                Some(Place::Block(block)) if self.count.is_repeated(block) => {
                    self.name_block(ears, at, block, duplicates)?;
                }
                Some(Place::Outside(int)) => self.name_outside(ears, &int, duplicates)?,
                _ => {}
            }
            from = index + 1;
        }
        Ok(())
    }

    fn name_range(
        &self,
        ears: &mut Ears<'py>,
        at: usize,
        numbers: &Progression,
        duplicates: &Bound<'py, PyDict>,
    ) -> PyResult<()> {
        let within = numbers.indices_within(self.count.blocks());
        for index in 0..within.start {
            let int = numbers.get(index).into_pyobject(ears.py)?.into_any();
            self.name_outside(ears, &int, duplicates)?;
        }
        for run in numbers.runs(within.clone()) {
            ears.after(1 + run.len() / 64)?;
            let descends = numbers.descends();
            self.count
                .tell_repeated(&run, descends, |block| self.name_block(ears, at, block, duplicates))?;
        }
        for index in within.end..numbers.len() {
            let int = numbers.get(index).into_pyobject(ears.py)?.into_any();
            self.name_outside(ears, &int, duplicates)?;
        }
        Ok(())
    }

    fn name_block(
        &self,
        ears: &mut Ears<'py>,
        at: usize,
        block: usize,
        duplicates: &Bound<'py, PyDict>,
    ) -> PyResult<()> {
        ears.after(16)?;
        let block = block.into_pyobject(ears.py)?.into_any();
        add(duplicates, &block, self.devices.get_item(at)?)?;
        Ok(())
    }

    /// The devices of what is no block of the model are known already.
    fn name_outside(
        &self,
        ears: &mut Ears<'py>,
        int: &Bound<'py, PyAny>,
        duplicates: &Bound<'py, PyDict>,
    ) -> PyResult<()> {
        ears.after(IN_A_SET)?;
        if let Some(devices) = self.extra.get_item(int)?
            && devices.len()? > 1
        {
            duplicates.set_item(int, devices)?;
        }
        Ok(())
    }
}

/// The indices at which the numbers are no blocks, given those at which they are.
fn outside(numbers: &Progression, within: &Range<usize>) -> impl Iterator<Item = usize> + use<> {
    (0..within.start).chain(within.end..numbers.len())
}
