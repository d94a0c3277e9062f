//! Computes the blocks at which devices can start if the set of these blocks may have gaps.
//!
//! If no device may be idle, a device that cannot hold some single block may be able to start at blocks 3 and 7, but not
//! in between. These sets are computed from the last device to the first, 64 blocks at a time.

use std::collections::TryReserveError;

use super::capacities::{Capacities, lower};
use super::fitting_blocks::FittingBlocks;
use super::problem::{Search, SearchError};
use super::starts::BlockSet;
use crate::bitset::Bitset;
use crate::numbers::ratio::Load;

/// Computes the possible starts of each device within a bottleneck.
pub struct GapFinder<'a> {
    capacities: &'a Capacities<'a>,
    by_cost: FittingBlocks,
    by_size: Option<&'a FittingBlocks>,
    /// The last possible end of each device's run: its end if the device and all devices before it hold as many blocks as
    /// they can.
    pub furthest: Vec<usize>,
    /// The smallest load above the bottleneck at which one of these ends or fitting blocks would change.
    pub next: Option<Load>,
}

/// The possible starts of one device.
pub struct DeviceStarts {
    pub set: BlockSet,
    /// The smallest load above the bottleneck at which the device could also start at another block.
    pub next: Option<Load>,
    /// The number of runs that were compared with the device's capacity.
    pub compared: usize,
}

impl<'a> GapFinder<'a> {
    /// Computes which blocks fit on which device, and the last possible end of each device's run. `by_size` is computed if
    /// it is `None`; `lengths` are guesses of the number of blocks of each device.
    pub fn new<E>(
        search: &Search<'_>,
        capacities: &'a Capacities<'a>,
        lengths: &[usize],
        by_size: &'a mut Option<FittingBlocks>,
        tick: &mut impl FnMut(usize) -> Result<(), E>,
    ) -> Result<Self, SearchError<E>> {
        let by_cost = FittingBlocks::new(search.costs, &capacities.max_costs, tick)?;
        if let (None, Some(sizes)) = (&by_size, search.sizes) {
            let memory: Vec<_> = search.devices.iter().map(|device| device.memory).collect();
            *by_size = Some(FittingBlocks::new(sizes, &memory, tick)?);
        }
        let mut next = None;
        let mut end = 0;
        let mut furthest = Vec::with_capacity(lengths.len());
        for (device, length) in lengths.iter().enumerate() {
            tick(1).map_err(SearchError::Interrupted)?;
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

    /// Returns the blocks from `low` on at which a device can start such that its run is not empty and ends at one of
    /// `ends`.
    ///
    /// A block is a possible start if the run from it to the next end fits. Between two consecutive ends, the possible
    /// starts are therefore all blocks from some block on.
    pub fn starts(&self, device: usize, ends: &BlockSet, low: usize) -> Result<DeviceStarts, TryReserveError> {
        let mut starts = DeviceStarts {
            set: BlockSet::default(),
            next: None,
            compared: 0,
        };
        let high = if device == 0 { 0 } else { self.furthest[device - 1] };
        if low > high {
            return Ok(starts);
        }
        let (first_word, last_word) = (low / 64, high / 64);
        starts.set = BlockSet::try_new(first_word, last_word + 1)?;
        let by_cost = self.by_cost.blocks(device);
        let by_size = self.by_size.and_then(|fits| fits.blocks(device));
        let fits = |word: usize| {
            let fits = |fits: Option<&Bitset>| fits.and_then(|bits| bits.0.get(word).copied()).unwrap_or(!0);
            fits(by_cost) & fits(by_size)
        };
        // The last block of the run from the end of the current word to the next end, if that run fits.
        let after = 64 * (last_word + 1);
        let mut last_after = ends.first_from(after + 1).map(|end| end - 1);
        last_after = last_after.filter(|&last| self.capacities.holds(device, after..last + 1));
        for word in (first_word..=last_word).rev() {
            // The blocks directly before an end: a run ends at one of them.
            let lasts = ends.word(word) >> 1 | ends.word(word + 1) << 63;
            let bits = self.word(device, 64 * word, (lasts, lasts & fits(word)), last_after, &mut starts);
            starts.set.bits.0[word - first_word] = bits;
            if bits & 1 == 0 {
                last_after = None;
            } else if lasts != 0 {
                last_after = Some(64 * word + lasts.trailing_zeros() as usize);
            }
        }
        starts.set.bits.0[0] &= !0 << (low % 64);
        starts.set.bits.0[last_word - first_word] &= !0 >> (63 - high % 64);
        starts.compared += last_word - first_word;
        Ok(starts)
    }

    /// Returns the possible starts among the 64 blocks from `base` on, as bits.
    ///
    /// `lasts` has the possible last blocks of a run, and `fitting` those of them that fit as single blocks. `last_after`
    /// is the last block of the run from the end of the word to the next end, if that run fits.
    fn word(
        &self,
        device: usize,
        base: usize,
        (lasts, fitting): (u64, u64),
        last_after: Option<usize>,
        starts: &mut DeviceStarts,
    ) -> u64 {
        let mut found = fitting;
        let top = 64 - lasts.leading_zeros() as usize;
        if let Some(last) = last_after
            && top < 64
        {
            let start = self.run_start(device, base + top, last, starts);
            found |= mask(start - base, 64);
        }
        // The blocks below `top` that are not the last block of a run.
        let mut remaining = !lasts & mask(0, top);
        if remaining != 0 {
            starts.compared += 1;
            if self.capacities.holds(device, base..base + top) {
                return found | remaining;
            }
        }
        while remaining != 0 {
            let last = remaining.ilog2() as usize + 1;
            let low = 64 - (lasts & mask(0, last)).leading_zeros() as usize;
            remaining &= mask(0, low);
            if fitting & 1 << last != 0 {
                let start = self.run_start(device, base + low, base + last, starts);
                found |= mask(start - base, last);
            }
        }
        found
    }

    /// Returns the first block at or after `low` from which a device can hold the run up to and including `last`. The
    /// device must be able to hold `last`.
    fn run_start(&self, device: usize, low: usize, last: usize, starts: &mut DeviceStarts) -> usize {
        starts.compared += 1;
        if self.capacities.holds(device, low..last + 1) {
            return low;
        }
        let run = self.capacities.extend_left(device, last + 1, low.midpoint(last));
        lower(&mut starts.next, run.next);
        run.to
    }
}

/// Returns the mask of the bits `start..end` of a word.
#[inline]
fn mask(start: usize, end: usize) -> u64 {
    if start >= end {
        0
    } else {
        (!0 << start) & (!0 >> (64 - end))
    }
}
