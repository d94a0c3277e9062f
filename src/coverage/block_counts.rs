//! Counts how often each block is assigned: never, once, or more than once.

use std::collections::TryReserveError;
use std::convert::Infallible;
use std::ops::Range;

use crate::bitset::{Bitset, word_masks};
use crate::numbers::{NumberSource, PREFETCH_DISTANCE, Stop, Visitor};

/// How often each block of a model is assigned: never, once, or more than once. The counts take two bits per block.
pub struct BlockCounts {
    num_blocks: usize,
    /// The blocks that are assigned at least once.
    pub(super) assigned: Bitset,
    /// The blocks that are assigned more than once.
    pub(super) duplicates: Bitset,
}

impl BlockCounts {
    /// Returns the counts of a model before any block is assigned.
    pub fn try_new(num_blocks: usize) -> Result<Self, TryReserveError> {
        Ok(Self {
            num_blocks,
            assigned: Bitset::try_new(num_blocks)?,
            duplicates: Bitset::try_new(num_blocks)?,
        })
    }

    /// Returns the number of blocks of the model.
    pub fn num_blocks(&self) -> usize {
        self.num_blocks
    }

    /// Counts one assignment of each block of a run. The run must be within `0..num_blocks`.
    #[inline]
    pub fn add(&mut self, run: &Range<usize>) {
        for (index, mask) in word_masks(run) {
            self.duplicates.0[index] |= self.assigned.0[index] & mask;
            self.assigned.0[index] |= mask;
        }
    }

    /// Returns `true` if a block is assigned more than once.
    #[inline]
    pub fn is_duplicate(&self, block: usize) -> bool {
        self.duplicates.0[block / 64] & (1 << (block % 64)) != 0
    }

    /// Removes the blocks of a run from the duplicates.
    pub fn clear_duplicates(&mut self, run: &Range<usize>) {
        for (index, mask) in word_masks(run) {
            self.duplicates.0[index] &= !mask;
        }
    }

    /// Returns the number of blocks that are not assigned.
    pub fn num_missing(&self) -> usize {
        self.num_blocks - self.assigned.count()
    }

    /// Returns the number of blocks that are assigned more than once. Each of them counts once.
    pub fn num_duplicates(&self) -> usize {
        self.duplicates.count()
    }

    /// Calls `f` with each block of a run that is assigned more than once, in ascending or in descending order. Stops at the
    /// first error of `f`.
    pub fn for_each_duplicate<E>(
        &self,
        run: &Range<usize>,
        descending: bool,
        mut f: impl FnMut(usize) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut masks = word_masks(run);
        while let Some((index, mask)) = if descending { masks.next_back() } else { masks.next() } {
            let mut bits = self.duplicates.0[index] & mask;
            while bits != 0 {
                let bit = if descending {
                    bits.ilog2()
                } else {
                    bits.trailing_zeros()
                };
                bits ^= 1 << bit;
                f(index * 64 + bit as usize)?;
            }
        }
        Ok(())
    }

    /// Returns the runs of blocks that are not assigned, in ascending order.
    pub fn missing_runs(&self) -> impl Iterator<Item = Range<usize>> {
        self.assigned.gaps(self.num_blocks)
    }
}

/// A visitor that counts the numbers it reads. Stops with [`Stop::NotPlain`] at a number that is not a block of the model.
pub struct CountVisitor<'a>(pub &'a mut BlockCounts);

impl Visitor for CountVisitor<'_> {
    type Error = Infallible;

    #[inline]
    fn visit(&mut self, numbers: &impl NumberSource) -> Result<(), Stop<Infallible>> {
        let num_blocks = self.0.num_blocks();
        let mut index = 0;
        while index < numbers.len() {
            let first = numbers.get(index).filter(|first| *first < num_blocks);
            let first = first.ok_or(Stop::NotPlain(index))?;
            let (_, end) = numbers.run(index, first);
            let run = first..end.min(num_blocks);
            index += run.len();
            self.0.add(&run);
            numbers.prefetch(index.wrapping_add(PREFETCH_DISTANCE));
        }
        Ok(())
    }
}

/// A visitor that stops with [`Stop::NotPlain`] at the next number that is assigned more than once or is not a block of the
/// model.
pub struct FaultVisitor<'a>(pub &'a BlockCounts);

impl Visitor for FaultVisitor<'_> {
    type Error = Infallible;

    #[inline]
    fn visit(&mut self, numbers: &impl NumberSource) -> Result<(), Stop<Infallible>> {
        let num_blocks = self.0.num_blocks();
        for index in 0..numbers.len() {
            numbers.prefetch(index.wrapping_add(PREFETCH_DISTANCE));
            match numbers.get(index) {
                Some(block) if block < num_blocks && !self.0.is_duplicate(block) => {}
                _ => return Err(Stop::NotPlain(index)),
            }
        }
        Ok(())
    }
}
