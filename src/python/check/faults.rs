//! Finds the duplicate, missing and extra blocks that a report lists. All items of the map must be ints.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use super::super::fault_collector::{BlockOrOther, FaultCollector, collect, count};
use super::super::memory::check_memory_for_ints;
use super::super::signals::SignalCheck;
use super::ints::to_int;
use super::{ENTRY_SIZE_IN_INTS, append_to, to_ranges, to_tuples, unreadable_value};

/// The duplicate, missing and extra blocks of a report.
pub type ReportedFaults<'py> = (Bound<'py, PyDict>, Bound<'py, PyList>, Bound<'py, PyDict>);

/// Returns the duplicate, missing and extra blocks of a map. All items of the map must be ints.
pub fn find_faults<'py>(
    signals: &mut SignalCheck<'py>,
    devices: &Bound<'py, PyList>,
    values: &Bound<'py, PyList>,
    num_blocks: usize,
) -> PyResult<ReportedFaults<'py>> {
    let py = signals.py();
    let mut collector = ReportFaultCollector {
        devices,
        duplicates: PyDict::new(py),
        extra: PyDict::new(py),
        has_repeated_extra: false,
    };
    let Some(mut counts) = count(signals, values, num_blocks, &mut collector)? else {
        // `classify` never returns `None`, so that a value cannot be read in place.
        return Err(unreadable_value());
    };
    let num_duplicates = counts.num_duplicates();
    if num_duplicates > 0 || collector.has_repeated_extra {
        check_memory_for_ints(num_duplicates.saturating_mul(ENTRY_SIZE_IN_INTS))?;
        collect(signals, values, &mut counts, &mut collector)?;
        to_tuples(signals, &collector.duplicates)?;
    }
    to_tuples(signals, &collector.extra)?;
    let missing = to_ranges(signals, || counts.missing_runs())?;
    Ok((collector.duplicates, missing, collector.extra))
}

/// Collects each duplicate and each extra block, with the list of its devices. The first pass stores the extra blocks, the
/// second pass the duplicates.
struct ReportFaultCollector<'a, 'py> {
    devices: &'a Bound<'py, PyList>,
    duplicates: Bound<'py, PyDict>,
    extra: Bound<'py, PyDict>,
    /// Whether an extra block is assigned more than once.
    has_repeated_extra: bool,
}

impl<'py> FaultCollector<'py> for ReportFaultCollector<'_, 'py> {
    const ONCE_PER_BLOCK: bool = false;
    const ENTRY_SIZE_IN_INTS: usize = ENTRY_SIZE_IN_INTS;

    fn classify(&mut self, item: &Bound<'py, PyAny>, num_blocks: usize) -> PyResult<Option<BlockOrOther<'py>>> {
        let Some(int) = to_int(item.clone())? else {
            // All items were ints, so that another thread has replaced this one.
            return Ok(Some(BlockOrOther::Ignored));
        };
        Ok(Some(match int.extract::<usize>() {
            Ok(block) if block < num_blocks => BlockOrOther::Block(block),
            _ => BlockOrOther::Other(int),
        }))
    }

    fn record_other(&mut self, device: usize, key: Bound<'py, PyAny>) -> PyResult<()> {
        self.has_repeated_extra |= append_to(&self.extra, &key, self.devices.get_item(device)?)?;
        Ok(())
    }

    fn collect_duplicate(&mut self, device: usize, block: usize, item: Bound<'py, PyAny>) -> PyResult<()> {
        let block = block.into_pyobject(item.py())?.into_any();
        append_to(&self.duplicates, &block, self.devices.get_item(device)?)?;
        Ok(())
    }

    fn collect_other(&mut self, _item: Bound<'py, PyAny>, key: Bound<'py, PyAny>) -> PyResult<()> {
        // The first pass has stored the devices of each extra block.
        if let Some(devices) = self.extra.get_item(&key)?
            && devices.len()? > 1
        {
            self.duplicates.set_item(key, devices)?;
        }
        Ok(())
    }
}
