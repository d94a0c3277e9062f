//! Where devices can start.

use std::collections::TryReserveError;

use crate::bitset::Bits;

/// The blocks at which each device can start so that it and the devices after it can hold the rest.
pub struct Starts {
    /// The first of them for each device, and the number of blocks after the last device.
    pub first: Vec<usize>,
    /// Whether each device must get a block.
    non_empty: bool,
    /// The set itself for each device and for the end of the last; none where it is all blocks from the first on that leave
    /// enough for the devices after it.
    pub sets: Option<Vec<BlockSet>>,
}

impl Starts {
    /// Nothing is known yet but where the last device ends.
    pub fn new(blocks: usize, devices: usize, non_empty: bool, gaps: bool) -> Self {
        let sets = gaps.then(|| {
            let mut sets = vec![BlockSet::default(); devices + 1];
            sets[devices] = BlockSet {
                first_word: blocks / 64,
                bits: Bits(vec![1 << (blocks % 64)]),
            };
            sets
        });
        Self {
            first: vec![blocks; devices + 1],
            non_empty,
            sets,
        }
    }

    /// The number of blocks between the first start of a device and that of the next.
    pub fn length(&self, device: usize) -> usize {
        self.first[device + 1].saturating_sub(self.first[device])
    }

    /// The first block from `block` on at which a device can start.
    pub fn first_from(&self, device: usize, block: usize) -> Option<usize> {
        match &self.sets {
            Some(sets) => sets[device].first_from(block),
            None => Some(block.max(self.first[device])).filter(|block| *block <= self.last(device)),
        }
    }

    /// The last block up to `block` at which a device can start.
    pub fn last_to(&self, device: usize, block: usize) -> Option<usize> {
        match &self.sets {
            Some(sets) => sets[device].last_to(block),
            None => Some(block.min(self.last(device))).filter(|block| *block >= self.first[device]),
        }
    }

    /// The last block at which a device can start if there are no gaps.
    fn last(&self, device: usize) -> usize {
        let devices = self.first.len() - 1;
        let after = if self.non_empty { devices - device } else { 0 };
        self.first[devices] - after
    }
}

/// Some blocks, as bits from a multiple of 64 on.
#[derive(Clone, Default)]
pub struct BlockSet {
    /// The first block of the bits, divided by 64.
    pub first_word: usize,
    pub bits: Bits,
}

impl BlockSet {
    /// No blocks, with memory for those of the words from `first` up to `end`.
    pub fn try_new(first: usize, end: usize) -> Result<Self, TryReserveError> {
        Ok(Self {
            first_word: first,
            bits: Bits::try_new((end - first) * 64)?,
        })
    }

    /// The word of the blocks from `64 * word` on.
    #[inline]
    pub fn word(&self, word: usize) -> u64 {
        let word = word.wrapping_sub(self.first_word);
        self.bits.0.get(word).copied().unwrap_or(0)
    }

    /// The first block of the set from `block` on.
    pub fn first_from(&self, block: usize) -> Option<usize> {
        let (offset, len) = (self.first_word * 64, self.bits.0.len() * 64);
        let bit = self.bits.next(true, block.saturating_sub(offset), len);
        (bit < len).then_some(offset + bit)
    }

    /// The last block of the set up to `block`.
    pub fn last_to(&self, block: usize) -> Option<usize> {
        let offset = self.first_word * 64;
        block
            .checked_sub(offset)
            .and_then(|bit| self.bits.last_to(bit))
            .map(|bit| offset + bit)
    }
}
