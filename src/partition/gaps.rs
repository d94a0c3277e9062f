//! Where devices can start, if there may be gaps between these blocks.

use std::collections::TryReserveError;

use super::capacities::{Capacities, lower};
use super::fits::Fits;
use super::problem::Search;
use super::starts::BlockSet;
use crate::bitset::Bits;
use crate::numbers::ratio::Load;

/// Finds where devices can start within a bottleneck.
pub struct GapFinder<'a> {
    capacities: &'a Capacities<'a>,
    by_cost: Fits,
    by_size: Option<&'a Fits>,
    /// Where each device ends if it and all before it take as much as they can: none can end after that.
    pub furthest: Vec<usize>,
    /// The least load with which a device could go further, or take a block that does not fit.
    pub next: Option<Load>,
}

/// Where a device can start.
pub struct Level {
    pub set: BlockSet,
    /// The least load with which it could start at another block too.
    pub next: Option<Load>,
    /// The number of runs that were compared with the capacity.
    pub compared: usize,
}

impl<'a> GapFinder<'a> {
    /// Finds which blocks fit on which device, and how far the devices reach. `by_size` is filled if it is empty, and
    /// `lengths` are guesses of the numbers of blocks of each device.
    pub fn new(
        search: &Search<'_>,
        capacities: &'a Capacities<'a>,
        lengths: &[usize],
        by_size: &'a mut Option<Fits>,
    ) -> Result<Self, TryReserveError> {
        let by_cost = Fits::new(search.costs, &capacities.costs)?;
        if let (None, Some(sizes)) = (&by_size, search.sizes) {
            let memory: Vec<_> = search.devices.iter().map(|device| device.memory).collect();
            *by_size = Some(Fits::new(sizes, &memory)?);
        }
        let mut next = None;
        let mut end = 0;
        let mut furthest = Vec::with_capacity(lengths.len());
        for (device, length) in lengths.iter().enumerate() {
            let run = capacities.extend_right(device, end, end + length);
            end = run.to;
            furthest.push(end);
            lower(&mut next, run.next);
            let speed = search.devices[device].speed;
            lower(&mut next, by_cost.next(device).map(|cost| Load { cost, speed }));
        }
        Ok(Self {
            capacities,
            by_cost,
            by_size: by_size.as_ref(),
            furthest,
            next,
        })
    }

    /// The blocks from `low` on at which a device can start so that it ends before one of `ends` and gets a block.
    ///
    /// A block is such a start if the run from it to the next end fits. So for each end, from the last to the first, the
    /// blocks between it and the end before it are starts, or those of them from some block on.
    pub fn starts(&self, device: usize, ends: &BlockSet, low: usize) -> Result<Level, TryReserveError> {
        let mut level = Level {
            set: BlockSet::default(),
            next: None,
            compared: 0,
        };
        let high = if device == 0 { 0 } else { self.furthest[device - 1] };
        if low > high {
            return Ok(level);
        }
        let (first_word, last_word) = (low / 64, high / 64);
        level.set = BlockSet::try_new(first_word, last_word + 1)?;
        let by_cost = self.by_cost.blocks(device);
        let by_size = self.by_size.and_then(|fits| fits.blocks(device));
        let fits = |word: usize| {
            let fits = |fits: Option<&Bits>| fits.and_then(|bits| bits.0.get(word).copied()).unwrap_or(!0);
            fits(by_cost) & fits(by_size)
        };
        // The last block of the longest run that ends after the word and contains the first block after it.
        let after = 64 * (last_word + 1);
        let mut last_after = ends.first_from(after + 1).map(|end| end - 1);
        last_after = last_after.filter(|&last| self.capacities.holds(device, after..last + 1));
        for word in (first_word..=last_word).rev() {
            // The blocks before the ends: one of them is the last of each run.
            let lasts = ends.word(word) >> 1 | ends.word(word + 1) << 63;
            let starts = self.word(device, 64 * word, (lasts, lasts & fits(word)), last_after, &mut level);
            level.set.bits.0[word - first_word] = starts;
            if starts & 1 == 0 {
                last_after = None;
            } else if lasts != 0 {
                last_after = Some(64 * word + lasts.trailing_zeros() as usize);
            }
        }
        level.set.bits.0[0] &= !0 << (low % 64);
        level.set.bits.0[last_word - first_word] &= !0 >> (63 - high % 64);
        level.compared += last_word - first_word;
        Ok(level)
    }

    /// The starts among the 64 blocks from `base` on, as bits: `lasts` are the possible last blocks of runs, and those of them
    /// that fit; `last_after` is the last block of a run that fits from the end of the word on.
    fn word(
        &self,
        device: usize,
        base: usize,
        (lasts, fitting): (u64, u64),
        last_after: Option<usize>,
        level: &mut Level,
    ) -> u64 {
        let mut starts = fitting;
        let top = 64 - lasts.leading_zeros() as usize;
        if let Some(last) = last_after
            && top < 64
        {
            let start = self.run_start(device, base + top, last, level);
            starts |= bits(start - base, 64);
        }
        // The blocks that are not the last of a run, but come before one that is.
        let mut before = !lasts & bits(0, top);
        if before != 0 {
            level.compared += 1;
            if self.capacities.holds(device, base..base + top) {
                return starts | before;
            }
        }
        while before != 0 {
            let last = before.ilog2() as usize + 1;
            let low = 64 - (lasts & bits(0, last)).leading_zeros() as usize;
            before &= bits(0, low);
            if fitting & 1 << last != 0 {
                let start = self.run_start(device, base + low, base + last, level);
                starts |= bits(start - base, last);
            }
        }
        starts
    }

    /// The first block from `low` on from which a device can hold the run up to and including `last`.
    fn run_start(&self, device: usize, low: usize, last: usize, level: &mut Level) -> usize {
        level.compared += 1;
        if self.capacities.holds(device, low..last + 1) {
            return low;
        }
        let run = self.capacities.extend_left(device, last + 1, low.midpoint(last));
        lower(&mut level.next, run.next);
        run.to
    }
}

/// The bits of a run within a word.
#[inline]
fn bits(start: usize, end: usize) -> u64 {
    if start >= end {
        0
    } else {
        (!0 << start) & (!0 >> (64 - end))
    }
}
