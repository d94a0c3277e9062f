//! The blocks at which devices can start.

use std::collections::TryReserveError;

use crate::bitset::Bitset;

/// The possible starts of each device: the blocks from which the device and the devices after it can hold all remaining
/// blocks.
pub struct Starts {
    /// The first possible start of each device, followed by the number of blocks.
    pub first: Vec<usize>,
    /// Whether each device must have at least one block.
    non_empty: bool,
    /// The possible starts of each device, followed by the set of the number of blocks alone. `None` if there are no gaps:
    /// then each set is the interval from the first possible start to the last block that leaves enough blocks for the
    /// devices after it.
    pub sets: Option<Vec<BlockSet>>,
}

impl Starts {
    /// Returns the starts before the last device has been placed.
    pub fn new(blocks: usize, devices: usize, non_empty: bool, gaps: bool) -> Self {
        let sets = gaps.then(|| {
            let mut sets = vec![BlockSet::default(); devices + 1];
            sets[devices] = BlockSet {
                first_word: blocks / 64,
                bits: Bitset(vec![1 << (blocks % 64)]),
            };
            sets
        });
        Self {
            first: vec![blocks; devices + 1],
            non_empty,
            sets,
        }
    }

    /// Returns the number of blocks between the first possible starts of a device and of the next one.
    pub fn length(&self, device: usize) -> usize {
        self.first[device + 1].saturating_sub(self.first[device])
    }

    /// Returns the first possible start of a device at or after `block`.
    pub fn first_from(&self, device: usize, block: usize) -> Option<usize> {
        match &self.sets {
            Some(sets) => sets[device].first_from(block),
            None => Some(block.max(self.first[device])).filter(|block| *block <= self.last(device)),
        }
    }

    /// Returns the last possible start of a device at or before `block`.
    pub fn last_up_to(&self, device: usize, block: usize) -> Option<usize> {
        match &self.sets {
            Some(sets) => sets[device].last_up_to(block),
            None => Some(block.min(self.last(device))).filter(|block| *block >= self.first[device]),
        }
    }

    /// Returns the last possible start of a device if there are no gaps.
    fn last(&self, device: usize) -> usize {
        let devices = self.first.len() - 1;
        let after = if self.non_empty { devices - device } else { 0 };
        self.first[devices] - after
    }
}

/// A set of blocks within a range that begins at a multiple of 64.
#[derive(Clone, Default)]
pub struct BlockSet {
    /// The first block of the range, divided by 64.
    pub first_word: usize,
    pub bits: Bitset,
}

impl BlockSet {
    /// Returns an empty set for the blocks from `64 * first_word` to `64 * end_word`.
    pub fn try_new(first_word: usize, end_word: usize) -> Result<Self, TryReserveError> {
        Ok(Self {
            first_word,
            bits: Bitset::try_new((end_word - first_word) * 64)?,
        })
    }

    /// Returns the bits of the 64 blocks from `64 * word` on.
    #[inline]
    pub fn word(&self, word: usize) -> u64 {
        let word = word.wrapping_sub(self.first_word);
        self.bits.0.get(word).copied().unwrap_or(0)
    }

    /// Returns the first block of the set at or after `block`.
    pub fn first_from(&self, block: usize) -> Option<usize> {
        let (offset, len) = (self.first_word * 64, self.bits.0.len() * 64);
        let bit = self.bits.find(true, block.saturating_sub(offset), len);
        (bit < len).then_some(offset + bit)
    }

    /// Returns the last block of the set at or before `block`.
    pub fn last_up_to(&self, block: usize) -> Option<usize> {
        let offset = self.first_word * 64;
        block
            .checked_sub(offset)
            .and_then(|bit| self.bits.last_up_to(bit))
            .map(|bit| offset + bit)
    }
}
