//! The faults that `assert_device_map` names, with the caller's own objects.
//!
//! Blocks of known kinds are counted, in time that grows with their number. Where one is exotic, only Python's `==` can
//! say what equals what, and the original's own steps are taken on the caller's objects.

use std::iter;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyList, PySet};

use super::block::{Kind, Kinds};
use super::error::Faults;
use super::fault_collector::{FaultCollector, Place, collect, count};
use super::values::flatten;
use super::{Ears, ask_for_ints, cpython};
use crate::coverage::Coverage;

/// The faults of a map whose blocks were all taken, each once: blocks may be missing.
pub fn name_missing<'py>(ears: &mut Ears<'py>, coverage: &Coverage) -> PyResult<Faults<'py>> {
    ask_for_ints(coverage.missing())?;
    Ok(Faults {
        duplicate: PyList::empty(ears.py),
        missing: cpython::list_of_ints(ears, coverage.missing(), coverage.missing_runs())?,
        extra: PyList::empty(ears.py),
    })
}

/// The faults of any map whose values, all to be read in place, are these, for a model of `blocks` blocks.
pub fn name<'py>(ears: &mut Ears<'py>, values: &Bound<'py, PyList>, blocks: usize) -> PyResult<Faults<'py>> {
    let mut collector = OriginalFaults::new(ears.py)?;
    let Some(mut tally) = count(ears, values, blocks, &mut collector)? else {
        return name_by_equality(ears, values, blocks);
    };
    collect(ears, values, &mut tally, &mut collector)?;
    ask_for_ints(tally.missing())?;
    Ok(Faults {
        duplicate: collector.duplicate,
        missing: cpython::list_of_ints(ears, tally.missing(), tally.missing_runs())?,
        extra: collector.extra,
    })
}

/// The first occurrence of each duplicate, and every extra item.
struct OriginalFaults<'py> {
    kinds: Kinds<'py>,
    /// What is given and no block of the model, as objects whose hash and `==` are built in.
    outside: Bound<'py, PySet>,
    /// Those of `outside` that are given more than once.
    again: Bound<'py, PySet>,
    duplicate: Bound<'py, PyList>,
    extra: Bound<'py, PyList>,
}

impl<'py> OriginalFaults<'py> {
    fn new(py: Python<'py>) -> PyResult<Self> {
        Ok(Self {
            kinds: Kinds::default(),
            outside: PySet::empty(py)?,
            again: PySet::empty(py)?,
            duplicate: PyList::empty(py),
            extra: PyList::empty(py),
        })
    }
}

impl<'py> FaultCollector<'py> for OriginalFaults<'py> {
    const ONCE: bool = true;
    const ENTRY: usize = 1;

    fn place(&mut self, item: &Bound<'py, PyAny>, blocks: usize) -> PyResult<Option<Place<'py>>> {
        Ok(match self.kinds.of(item) {
            Kind::Number(number) => match usize::try_from(number) {
                Ok(block) if block < blocks => Some(Place::Block(block)),
                _ => Some(Place::Outside(number.into_pyobject(item.py())?.into_any())),
            },
            Kind::Other => Some(Place::Outside(item.clone())),
            Kind::Exotic => None,
        })
    }

    fn meet_numpy_array(&mut self) -> bool {
        self.kinds.meet_numpy_array()
    }

    fn count_outside(&mut self, _at: usize, key: Bound<'py, PyAny>) -> PyResult<()> {
        if self.outside.contains(&key)? {
            self.again.add(key)
        } else {
            self.outside.add(key)
        }
    }

    fn collect_block(&mut self, _at: usize, _block: usize, item: Bound<'py, PyAny>) -> PyResult<()> {
        self.duplicate.append(item)
    }

    fn collect_outside(&mut self, item: Bound<'py, PyAny>, key: Bound<'py, PyAny>) -> PyResult<()> {
        self.extra.append(&item)?;
        if self.again.discard(key)? {
            self.duplicate.append(item)?;
        }
        Ok(())
    }
}

/// The original's steps, one by one, for blocks of which only their own `==` says what they equal. Quadratic, as the
/// original is. Code of the user's may run at every step, and finds nothing but complete Python objects.
fn name_by_equality<'py>(ears: &mut Ears<'py>, values: &Bound<'py, PyList>, blocks: usize) -> PyResult<Faults<'py>> {
    let py = ears.py;
    ask_for_ints(blocks)?;
    let model = cpython::list_of_ints(ears, blocks, iter::once(0..blocks))?;
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
