//! Which blocks of a model are assigned, and how often.

mod block_counts;
pub mod int_range;

use std::ops::Range;

pub use block_counts::{Counting, Finding, Tally};

use crate::bitset::Bits;
use crate::numbers::{AHEAD, Numbers, Reader, Stop};

/// The blocks `0..blocks`, each taken at most once.
///
/// As long as runs come in ascending order without a gap, all that is kept is where the last one ended. The bitset is
/// allocated by the first run that comes elsewhere.
pub struct Coverage {
    blocks: usize,
    /// How many are taken: as long as there are no bits, these are the first ones.
    taken: usize,
    bits: Bits,
}

/// Why a block cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakeError {
    /// It is taken already, or is not one of the model's.
    Fault,
    /// There is not enough memory for the bitset.
    Memory,
}

impl Coverage {
    /// None of `blocks` blocks is taken.
    pub fn new(blocks: usize) -> Self {
        Self {
            blocks,
            taken: 0,
            bits: Bits(Vec::new()),
        }
    }

    /// Whether all runs so far came in ascending order without a gap.
    pub fn is_contiguous(&self) -> bool {
        self.bits.is_empty()
    }

    /// How many blocks the model has.
    pub fn blocks(&self) -> usize {
        self.blocks
    }

    /// How many blocks are not taken.
    pub fn missing(&self) -> usize {
        self.blocks - self.taken
    }

    /// The runs of blocks that are not taken, in ascending order.
    pub fn missing_runs(&self) -> impl Iterator<Item = Range<usize>> {
        let behind = (self.bits.is_empty() && self.taken < self.blocks).then_some(self.taken..self.blocks);
        behind.into_iter().chain(self.bits.gaps(self.blocks))
    }

    /// None is taken, again.
    pub fn clear(&mut self) {
        self.taken = 0;
        self.bits = Bits(Vec::new());
    }

    /// Takes a run that is not empty. After an error the coverage is of no use until it is cleared.
    #[inline]
    pub fn take(&mut self, run: Range<usize>) -> Result<(), TakeError> {
        if run.end > self.blocks {
            return Err(TakeError::Fault);
        }
        if self.bits.is_empty() {
            if run.start == self.taken {
                self.taken = run.end;
                return Ok(());
            }
            self.use_bits()?;
        }
        self.taken += run.len();
        self.bits.insert(&run).then_some(()).ok_or(TakeError::Fault)
    }

    /// Takes one block by its number, as [`Self::take`] does.
    pub fn take_number(&mut self, number: i64) -> Result<(), TakeError> {
        let block = usize::try_from(number).ok().filter(|block| *block < self.blocks);
        block.map_or(Err(TakeError::Fault), |block| self.take(block..block + 1))
    }

    /// Takes numbers from `index` on, as long as each is a block whose successor does not follow it.
    ///
    /// Blocks that fall into the same word are gathered in a register: written one by one, each would wait for the
    /// write before it. Not inlined, since the registers then suffice whoever calls.
    #[inline(never)]
    fn take_singles(&mut self, numbers: &impl Numbers, index: &mut usize) -> Result<(), TakeError> {
        let number = |index| (index < numbers.len()).then(|| numbers.get(index)).flatten();
        let Some(mut held) = self.bits.0.first().copied() else {
            return Ok(());
        };
        let mut word = 0;
        let mut next = number(*index);
        while let Some(block) = next
            && block < self.blocks
        {
            next = number(index.wrapping_add(1));
            if next == Some(block + 1) {
                break;
            }
            if block / 64 != word {
                self.bits.0[word] = held;
                word = block / 64;
                held = self.bits.0[word];
            }
            let mask = 1 << (block % 64);
            if held & mask != 0 {
                return Err(TakeError::Fault);
            }
            held |= mask;
            self.taken = self.taken.wrapping_add(1);
            *index = index.wrapping_add(1);
            numbers.prefetch(index.wrapping_add(AHEAD));
        }
        self.bits.0[word] = held;
        Ok(())
    }

    /// Allocates the bitset and sets the bits of the blocks taken so far.
    #[cold]
    fn use_bits(&mut self) -> Result<(), TakeError> {
        self.bits = Bits::try_new(self.blocks).map_err(|_| TakeError::Memory)?;
        if self.taken > 0 {
            self.bits.insert(&(0..self.taken));
        }
        Ok(())
    }
}

/// Takes numbers, a whole run at a time. A block that is taken already is an error, and so is a number that is no block of
/// the model.
impl Reader for Coverage {
    type Error = TakeError;

    #[inline]
    fn read(&mut self, numbers: &impl Numbers) -> Result<(), Stop<TakeError>> {
        let mut index = 0;
        while index < numbers.len() {
            let first = numbers.get(index).ok_or(Stop::NotPlain(index))?;
            if first >= self.blocks {
                return Err(Stop::Error(TakeError::Fault));
            }
            let (behind, end) = numbers.run(index, first);
            index = behind;
            self.take(first..end).map_err(Stop::Error)?;
            if end - first == 1 && index < numbers.len() {
                self.take_singles(numbers, &mut index).map_err(Stop::Error)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
