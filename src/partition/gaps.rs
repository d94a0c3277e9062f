//! Computes the possible starts of each device's run if they can have gaps.
//!
//! If every device must have a block and a device cannot hold some single block, its run may be able to start at blocks 3 and
//! 7, but not at the blocks in between. The sets of possible starts are computed from the last device to the first, 64 blocks
//! at a time.

use std::collections::TryReserveError;

use super::capacities::{Capacities, lower};
use super::fitting_blocks::FittingBlocks;
use super::problem::{Search, SearchError};
use super::starts::BlockSet;
use crate::bitset::Bitset;
use crate::numbers::ratio::Load;

/// Computes the possible starts of each device's run for a given bottleneck.
pub struct GapFinder<'a> {
    capacities: &'a Capacities<'a>,
    /// The blocks that fit on each device with respect to their costs.
    by_cost: FittingBlocks,
    /// The blocks that fit on each device with respect to their sizes, or `None` if no device has a limit.
    by_size: Option<&'a FittingBlocks>,
    /// An upper bound of the end of each device's run: its end if this device and all devices before it get as many blocks as
    /// they can hold.
    pub furthest: Vec<usize>,
    /// The smallest load above the bottleneck for which `furthest` or `by_cost` would differ.
    pub next: Option<Load>,
}

/// The possible starts of one device's run.
pub struct DeviceStarts {
    /// The possible starts.
    pub set: BlockSet,
    /// The smallest load above the bottleneck for which there would be further possible starts, if it is known.
    pub next: Option<Load>,
    /// The work, as a number of searches in the prefix sums that take about as long.
    pub num_searches: usize,
}

impl<'a> GapFinder<'a> {
    /// Determines which blocks fit on which device, and how far each device's run can extend. `by_size` is computed if it is
    /// needed and `None`. `lengths` contains a guess of the number of blocks of each device.
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
            lower(
                &mut next,
                by_cost.smallest_excluded(device).map(|cost| Load { cost, speed }),
            );
        }
        Ok(Self {
            capacities,
            by_cost,
            by_size: by_size.as_ref(),
            furthest,
            next,
        })
    }

    /// Returns the possible starts of a device's run at or after `low`, if `ends` is the set of its possible ends.
    ///
    /// A block is a possible start if the device can hold the run from that block to the next possible end. If it can, it can
    /// also hold every shorter run with the same end. Therefore, if some blocks between two consecutive ends are possible
    /// starts, so are all blocks from the first of them to the second end.
    pub fn starts(&self, device: usize, ends: &BlockSet, low: usize) -> Result<DeviceStarts, TryReserveError> {
        let mut starts = DeviceStarts {
            set: BlockSet::default(),
            next: None,
            num_searches: 0,
        };
        let high = if device == 0 { 0 } else { self.furthest[device - 1] };
        if low > high {
            return Ok(starts);
        }
        let (first_word, last_word) = (low / 64, high / 64);
        starts.set = BlockSet::try_new(first_word, last_word + 1)?;
        let by_cost = self.by_cost.blocks(device);
        let by_size = self.by_size.and_then(|fits| fits.blocks(device));
        let fitting_word = |index: usize| {
            let word = |fitting: Option<&Bitset>| fitting.and_then(|bits| bits.0.get(index).copied()).unwrap_or(!0);
            word(by_cost) & word(by_size)
        };
        // The last block of the run from the end of the current word to the next end, or `None` if the device cannot hold
        // that run.
        let words_end = 64 * (last_word + 1);
        let mut last_after_word = ends.first_from(words_end + 1).map(|end| end - 1);
        last_after_word = last_after_word.filter(|&last| self.capacities.holds(device, words_end..last + 1));
        for index in (first_word..=last_word).rev() {
            // The blocks directly before an end, which are the possible last blocks of the run.
            let lasts = ends.word(index) >> 1 | ends.word(index + 1) << 63;
            let fitting_lasts = lasts & fitting_word(index);
            let word = self.starts_in_word(device, 64 * index, lasts, fitting_lasts, last_after_word, &mut starts);
            starts.set.bits.0[index - first_word] = word;
            if word & 1 == 0 {
                last_after_word = None;
            } else if lasts != 0 {
                last_after_word = Some(64 * index + lasts.trailing_zeros() as usize);
            }
        }
        // Only blocks in `low..=high` are possible starts.
        starts.set.bits.0[0] &= !0 << (low % 64);
        starts.set.bits.0[last_word - first_word] &= !0 >> (63 - high % 64);
        starts.num_searches += last_word - first_word;
        Ok(starts)
    }

    /// Returns the possible starts among the 64 blocks that start at block `base`, as bits.
    ///
    /// `lasts` contains the possible last blocks of the run, and `fitting_lasts` those of them that the device can hold as
    /// single blocks. `last_after_word` is the last block of the run from the end of the word to the next end, or `None` if
    /// the device cannot hold that run.
    fn starts_in_word(
        &self,
        device: usize,
        base: usize,
        lasts: u64,
        fitting_lasts: u64,
        last_after_word: Option<usize>,
        starts: &mut DeviceStarts,
    ) -> u64 {
        // A run that consists of a single block starts at its last block.
        let mut found = fitting_lasts;
        // The blocks from `top` on belong to a run that ends after the word.
        let top = 64 - lasts.leading_zeros() as usize;
        if let Some(last) = last_after_word
            && top < 64
        {
            let start = self.first_start(device, base + top, last, starts);
            found |= mask(start - base, 64);
        }
        // The other blocks at which a run of several blocks could start.
        let mut remaining = !lasts & mask(0, top);
        if remaining != 0 {
            starts.num_searches += 1;
            if self.capacities.holds(device, base..base + top) {
                return found | remaining;
            }
        }
        while remaining != 0 {
            // The highest remaining block is followed by a possible last block, `last`. The remaining blocks below it, back
            // to the previous possible last block, are `low..last`: a run that starts at one of them ends with `last`.
            let last = remaining.ilog2() as usize + 1;
            let low = 64 - (lasts & mask(0, last)).leading_zeros() as usize;
            remaining &= mask(0, low);
            if fitting_lasts & 1 << last != 0 {
                let start = self.first_start(device, base + low, base + last, starts);
                found |= mask(start - base, last);
            }
        }
        found
    }

    /// Returns the first block at or after `low` such that the device can hold the run from that block to the block `last`,
    /// inclusive. The device must be able to hold the block `last`.
    fn first_start(&self, device: usize, low: usize, last: usize, starts: &mut DeviceStarts) -> usize {
        starts.num_searches += 1;
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
