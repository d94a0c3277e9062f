//! The duplicate, missing and extra blocks of a report, from values of plain ints.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use super::super::fault_collector::{FaultCollector, Place, collect, count};
use super::super::{Ears, ask_for_ints};
use super::ints::int_of;
use super::{ENTRY, add, ranges, tuples, unreadable};

/// The duplicate, missing and extra blocks of a report.
pub type Named<'py> = (Bound<'py, PyDict>, Bound<'py, PyList>, Bound<'py, PyDict>);

/// Finds the duplicate, missing and extra blocks of values of plain ints.
pub fn name<'py>(
    ears: &mut Ears<'py>,
    devices: &Bound<'py, PyList>,
    values: &Bound<'py, PyList>,
    blocks: usize,
) -> PyResult<Named<'py>> {
    let mut collector = ReportedFaults {
        devices,
        duplicates: PyDict::new(ears.py),
        extra: PyDict::new(ears.py),
        again: false,
    };
    let Some(mut tally) = count(ears, values, blocks, &mut collector)? else {
        return Err(unreadable());
    };
    let repeated = tally.repeated();
    if repeated > 0 || collector.again {
        ask_for_ints(repeated.saturating_mul(ENTRY))?;
        collect(ears, values, &mut tally, &mut collector)?;
        tuples(ears, &collector.duplicates)?;
    }
    tuples(ears, &collector.extra)?;
    let missing = ranges(ears, || tally.missing_runs())?;
    Ok((collector.duplicates, missing, collector.extra))
}

/// Each duplicate and each extra block, with a list of the devices that it is given to.
struct ReportedFaults<'a, 'py> {
    devices: &'a Bound<'py, PyList>,
    duplicates: Bound<'py, PyDict>,
    extra: Bound<'py, PyDict>,
    /// Whether one of `extra` is given more than once.
    again: bool,
}

impl<'py> FaultCollector<'py> for ReportedFaults<'_, 'py> {
    const ONCE: bool = false;
    const ENTRY: usize = ENTRY;

    fn place(&mut self, item: &Bound<'py, PyAny>, blocks: usize) -> PyResult<Option<Place<'py>>> {
        let Some(int) = int_of(item.clone())? else {
            return Ok(Some(Place::Nowhere));
        };
        Ok(Some(match int.extract::<usize>() {
            Ok(block) if block < blocks => Place::Block(block),
            _ => Place::Outside(int),
        }))
    }

    fn count_outside(&mut self, at: usize, key: Bound<'py, PyAny>) -> PyResult<()> {
        self.again |= add(&self.extra, &key, self.devices.get_item(at)?)?;
        Ok(())
    }

    fn collect_block(&mut self, at: usize, block: usize, item: Bound<'py, PyAny>) -> PyResult<()> {
        let block = block.into_pyobject(item.py())?.into_any();
        add(&self.duplicates, &block, self.devices.get_item(at)?)?;
        Ok(())
    }

    fn collect_outside(&mut self, _item: Bound<'py, PyAny>, key: Bound<'py, PyAny>) -> PyResult<()> {
        // The devices are known already.
        if let Some(devices) = self.extra.get_item(&key)?
            && devices.len()? > 1
        {
            self.duplicates.set_item(key, devices)?;
        }
        Ok(())
    }
}
