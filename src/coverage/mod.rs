//! Tracks which blocks of a model are assigned to a device, and how often.

mod block_counts;
pub mod int_range;

use std::ops::Range;

pub use block_counts::{BlockCounts, CountVisitor, FaultVisitor};

use crate::bitset::Bitset;
use crate::numbers::{NumberSource, PREFETCH_DISTANCE, Stop, Visitor};

/// The set of assigned blocks among `0..num_blocks`. Each block can be assigned only once.
///
/// As long as runs are assigned in ascending order without gaps, only the end of the last run is stored. The first run that
/// breaks this order allocates the bitset.
pub struct Coverage {
    num_blocks: usize,
    /// The number of assigned blocks. While `bits` has no words, these are the blocks `0..assigned`.
    assigned: usize,
    bits: Bitset,
}

/// Why a block cannot be assigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssignError {
    /// The block is already assigned, or is not a block of the model.
    DuplicateOrExtra,
    /// There is not enough memory for the bitset.
    Memory,
}

impl Coverage {
    /// Returns the coverage of a model before any block is assigned.
    pub fn new(num_blocks: usize) -> Self {
        Self {
            num_blocks,
            assigned: 0,
            bits: Bitset::default(),
        }
    }

    /// Returns `true` if all runs so far were assigned in ascending order without gaps.
    pub fn is_contiguous(&self) -> bool {
        self.bits.has_no_words()
    }

    /// Returns the number of blocks of the model.
    pub fn num_blocks(&self) -> usize {
        self.num_blocks
    }

    /// Returns the number of blocks that are not assigned.
    pub fn num_missing(&self) -> usize {
        self.num_blocks - self.assigned
    }

    /// Returns the runs of blocks that are not assigned, in ascending order.
    pub fn missing_runs(&self) -> impl Iterator<Item = Range<usize>> {
        let tail =
            (self.bits.has_no_words() && self.assigned < self.num_blocks).then_some(self.assigned..self.num_blocks);
        tail.into_iter().chain(self.bits.gaps(self.num_blocks))
    }

    /// Unassigns all blocks.
    pub fn clear(&mut self) {
        self.assigned = 0;
        self.bits = Bitset::default();
    }

    /// Assigns the blocks of a non-empty run. After an error the coverage must be cleared before it is used again.
    #[inline]
    pub fn assign(&mut self, run: Range<usize>) -> Result<(), AssignError> {
        if run.end > self.num_blocks {
            return Err(AssignError::DuplicateOrExtra);
        }
        if self.bits.has_no_words() {
            if run.start == self.assigned {
                self.assigned = run.end;
                return Ok(());
            }
            self.allocate_bits()?;
        }
        self.assigned += run.len();
        self.bits
            .insert(&run)
            .then_some(())
            .ok_or(AssignError::DuplicateOrExtra)
    }

    /// Assigns the block with the given number. See [`Self::assign`].
    pub fn assign_number(&mut self, number: i64) -> Result<(), AssignError> {
        let block = usize::try_from(number).ok().filter(|block| *block < self.num_blocks);
        block.map_or(Err(AssignError::DuplicateOrExtra), |block| {
            self.assign(block..block + 1)
        })
    }

    /// Assigns single blocks, starting at item `index`, and advances `index`. Stops at an item that is not a block of the
    /// model, and at an item that starts a run, since the next item is one larger.
    ///
    /// The bits of the current word are kept in a register: if each block were written to memory, each write would wait for
    /// the previous one. The function is not inlined so that its variables fit in registers at every call site.
    #[inline(never)]
    fn assign_singles(&mut self, numbers: &impl NumberSource, index: &mut usize) -> Result<(), AssignError> {
        let number = |index| (index < numbers.len()).then(|| numbers.get(index)).flatten();
        let Some(mut bits) = self.bits.0.first().copied() else {
            return Ok(());
        };
        let mut word = 0;
        let mut next = number(*index);
        while let Some(block) = next
            && block < self.num_blocks
        {
            next = number(index.wrapping_add(1));
            if next == Some(block + 1) {
                break;
            }
            if block / 64 != word {
                self.bits.0[word] = bits;
                word = block / 64;
                bits = self.bits.0[word];
            }
            let mask = 1 << (block % 64);
            if bits & mask != 0 {
                return Err(AssignError::DuplicateOrExtra);
            }
            bits |= mask;
            self.assigned = self.assigned.wrapping_add(1);
            *index = index.wrapping_add(1);
            numbers.prefetch(index.wrapping_add(PREFETCH_DISTANCE));
        }
        self.bits.0[word] = bits;
        Ok(())
    }

    /// Allocates the bitset and sets the bits of the blocks assigned so far.
    #[cold]
    fn allocate_bits(&mut self) -> Result<(), AssignError> {
        self.bits = Bitset::try_new(self.num_blocks).map_err(|_| AssignError::Memory)?;
        if self.assigned > 0 {
            self.bits.insert(&(0..self.assigned));
        }
        Ok(())
    }
}

/// Assigns the numbers, run by run. Stops with an error at a number that is not a block of the model or is already assigned.
impl Visitor for Coverage {
    type Error = AssignError;

    #[inline]
    fn visit(&mut self, numbers: &impl NumberSource) -> Result<(), Stop<AssignError>> {
        let mut index = 0;
        while index < numbers.len() {
            let first = numbers.get(index).ok_or(Stop::NotPlain(index))?;
            if first >= self.num_blocks {
                return Err(Stop::Error(AssignError::DuplicateOrExtra));
            }
            let (next, end) = numbers.run(index, first);
            index = next;
            self.assign(first..end).map_err(Stop::Error)?;
            if end - first == 1 && index < numbers.len() {
                self.assign_singles(numbers, &mut index).map_err(Stop::Error)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
