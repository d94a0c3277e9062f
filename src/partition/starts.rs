//! The blocks at which the run of each device can start.

use std::collections::TryReserveError;

use crate::bitset::Bitset;

/// The possible starts of each device's run. A block is a possible start if the device and all devices after it can hold the
/// blocks from that block to the last one.
///
/// The vectors have one more element than there are devices. The last element belongs to the end of the last run: its only
/// possible value is the number of blocks.
pub struct Starts {
    /// The first possible start of each device's run.
    pub first: Vec<usize>,
    /// Whether every device must have at least one block.
    non_empty: bool,
    /// The possible starts of each device's run, or `None` if they have no gaps (see `gaps.rs`). Without gaps, the possible
    /// starts are all blocks from the first one to the last one that leaves enough blocks for this device and the devices
    /// after it.
    pub sets: Option<Vec<BlockSet>>,
}

impl Starts {
    /// Returns the starts before those of any device have been computed.
    pub fn new(num_blocks: usize, num_devices: usize, non_empty: bool, has_gaps: bool) -> Self {
        let sets = has_gaps.then(|| {
            let mut sets = vec![BlockSet::default(); num_devices + 1];
            sets[num_devices] = BlockSet {
                first_word: num_blocks / 64,
                bits: Bitset(vec![1 << (num_blocks % 64)]),
            };
            sets
        });
        Self {
            first: vec![num_blocks; num_devices + 1],
            non_empty,
            sets,
        }
    }

    /// Returns a guess of the number of blocks of a device, which makes searches fast but does not change their results: the
    /// distance between the first possible start of its run and that of the next device's run.
    pub fn length_hint(&self, device: usize) -> usize {
        self.first[device + 1].saturating_sub(self.first[device])
    }

    /// Returns the first possible start of a device's run at or after `block`, or `None` if there is none.
    pub fn first_from(&self, device: usize, block: usize) -> Option<usize> {
        match &self.sets {
            Some(sets) => sets[device].first_from(block),
            None => Some(block.max(self.first[device])).filter(|block| *block <= self.last(device)),
        }
    }

    /// Returns the last possible start of a device's run at or before `block`, or `None` if there is none.
    pub fn last_up_to(&self, device: usize, block: usize) -> Option<usize> {
        match &self.sets {
            Some(sets) => sets[device].last_up_to(block),
            None => Some(block.min(self.last(device))).filter(|block| *block >= self.first[device]),
        }
    }

    /// Returns the last possible start of a device's run, provided that there are no gaps.
    fn last(&self, device: usize) -> usize {
        let num_devices = self.first.len() - 1;
        let min_remaining = if self.non_empty { num_devices - device } else { 0 };
        self.first[num_devices] - min_remaining
    }
}

/// A set of blocks. Only the words of a range of blocks are stored; the range starts at a multiple of 64.
#[derive(Clone, Default)]
pub struct BlockSet {
    /// The first block of the range, divided by 64.
    pub first_word: usize,
    /// The blocks of the set. Bit 0 is block `64 * first_word`.
    pub bits: Bitset,
}

impl BlockSet {
    /// Returns an empty set that can contain the blocks in `64 * first_word..64 * end_word`.
    pub fn try_new(first_word: usize, end_word: usize) -> Result<Self, TryReserveError> {
        Ok(Self {
            first_word,
            bits: Bitset::try_new((end_word - first_word) * 64)?,
        })
    }

    /// Returns the bits of the 64 blocks that start at block `64 * index`.
    #[inline]
    pub fn word(&self, index: usize) -> u64 {
        let stored_index = index.wrapping_sub(self.first_word);
        self.bits.0.get(stored_index).copied().unwrap_or(0)
    }

    /// Returns the first block of the set at or after `block`, or `None` if there is none.
    pub fn first_from(&self, block: usize) -> Option<usize> {
        let (offset, len) = (self.first_word * 64, self.bits.0.len() * 64);
        let bit = self.bits.find(true, block.saturating_sub(offset), len);
        (bit < len).then_some(offset + bit)
    }

    /// Returns the last block of the set at or before `block`, or `None` if there is none.
    pub fn last_up_to(&self, block: usize) -> Option<usize> {
        let offset = self.first_word * 64;
        block
            .checked_sub(offset)
            .and_then(|bit| self.bits.last_set_up_to(bit))
            .map(|bit| offset + bit)
    }
}
