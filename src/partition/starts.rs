//! Where devices can start.

use std::collections::TryReserveError;
use std::ops::Range;

use crate::prefix_sums::PrefixSums;

/// Consecutive blocks. There may be tens of millions of runs, so their ends have 32 bits.
#[derive(Clone, Copy)]
pub struct Run {
    start: u32,
    end: u32,
}

/// The largest number of blocks that a problem may have.
pub const MOST_BLOCKS: usize = u32::MAX as usize - 1;

impl Run {
    pub(super) fn start(self) -> usize {
        self.start as usize
    }

    pub(super) fn end(self) -> usize {
        self.end as usize
    }
}

impl From<Range<usize>> for Run {
    fn from(run: Range<usize>) -> Self {
        let narrow = |block| u32::try_from(block).unwrap_or(u32::MAX);
        Self {
            start: narrow(run.start),
            end: narrow(run.end),
        }
    }
}

/// Where devices can start, if all behind them hold the rest: for each device, from the last back to the first, runs of
/// blocks, ascending and with gaps between them.
pub struct Starts {
    pub(super) runs: Vec<Run>,
    /// Where among the runs those of each level begin. At level 0 is the model's end; at each next one is a device.
    pub(super) levels: Vec<usize>,
}

impl Starts {
    pub(super) fn new(devices: usize) -> Self {
        Self {
            runs: Vec::with_capacity(devices + 1),
            levels: Vec::with_capacity(devices + 1),
        }
    }

    /// Whether nothing has been found yet.
    pub(super) fn is_empty(&self) -> bool {
        self.levels.is_empty()
    }

    /// Begins anew, at level 0.
    pub(super) fn clear(&mut self) {
        self.runs.clear();
        self.levels.clear();
        self.begin();
    }

    /// Begins the next level.
    pub(super) fn begin(&mut self) {
        self.levels.push(self.runs.len());
    }

    /// Which of the runs are those of a level.
    pub(super) fn level(&self, level: usize) -> Range<usize> {
        self.levels[level]..self.levels.get(level + 1).copied().unwrap_or(self.runs.len())
    }

    /// Adds a run to the last level, into one with the one before if they meet.
    pub(super) fn push(&mut self, run: Range<usize>) -> Result<(), TryReserveError> {
        let level = self.levels[self.levels.len() - 1];
        match self.runs[level..].last_mut() {
            Some(last) if run.start <= last.end() => last.end = Run::from(run).end,
            _ => {
                self.runs.try_reserve(1)?;
                self.runs.push(run.into());
            }
        }
        Ok(())
    }
}

/// Blocks that are more than a device can hold, by their cost or by their size, ascending.
pub struct Heavy<'a> {
    pub(super) limits: [Option<(&'a PrefixSums, u128)>; 2],
    /// The last one that was found by each; `end` if there was none.
    pub(super) found: [Option<usize>; 2],
    pub(super) end: usize,
}

impl Heavy<'_> {
    /// The first one from a block on.
    pub(super) fn next(&mut self, from: usize) -> Option<usize> {
        for (found, limit) in self.found.iter_mut().zip(&self.limits) {
            if found.is_none_or(|block| block < from) {
                let heavier = limit.and_then(|(amounts, most)| amounts.first_heavier(from..self.end, most));
                *found = Some(heavier.unwrap_or(self.end));
            }
        }
        self.found
            .iter()
            .flatten()
            .min()
            .copied()
            .filter(|block| *block < self.end)
    }
}

/// The first of `starts` from a block on.
pub fn first_from(starts: &[Run], block: usize) -> Option<usize> {
    let run = starts.partition_point(|run| run.end() <= block);
    starts.get(run).map(|run| run.start().max(block))
}

/// The last of `starts` up to a block.
pub fn last_to(starts: &[Run], block: usize) -> Option<usize> {
    let behind = starts.partition_point(|run| run.start() <= block);
    starts[..behind].last().map(|run| block.min(run.end() - 1))
}
