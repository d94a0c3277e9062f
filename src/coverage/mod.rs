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
    /// Whether the bitset could not be allocated.
    out_of_memory: bool,
}

impl Coverage {
    /// None of `blocks` blocks is taken.
    pub fn new(blocks: usize) -> Self {
        Self {
            blocks,
            taken: 0,
            bits: Bits(Vec::new()),
            out_of_memory: false,
        }
    }

    /// Whether [`Self::take`] returned false because the bitset could not be allocated.
    pub fn out_of_memory(&self) -> bool {
        self.out_of_memory
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

    /// Takes a run that is not empty. Returns false, and is of no use until cleared, if one of its blocks is taken
    /// already or is not one of the model's, or if the bitset cannot be allocated.
    #[inline]
    pub fn take(&mut self, run: Range<usize>) -> bool {
        if run.end > self.blocks {
            return false;
        }
        if self.bits.is_empty() {
            if run.start == self.taken {
                self.taken = run.end;
                return true;
            }
            if !self.use_bits() {
                return false;
            }
        }
        self.taken += run.len();
        self.bits.insert(&run)
    }

    /// Takes one block by its number, as [`Self::take`] does.
    pub fn take_number(&mut self, number: i64) -> bool {
        usize::try_from(number).is_ok_and(|block| block < self.blocks && self.take(block..block + 1))
    }

    /// Takes numbers from `index` on, as long as each is a block whose successor does not follow it.
    ///
    /// Blocks that fall into the same word are gathered in a register: written one by one, each would wait for the
    /// write before it. Not inlined, since the registers then suffice whoever calls.
    #[inline(never)]
    fn take_singles(&mut self, numbers: &impl Numbers, index: &mut usize) -> bool {
        let number = |index| (index < numbers.len()).then(|| numbers.get(index)).flatten();
        let Some(mut held) = self.bits.0.first().copied() else {
            return true;
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
                return false;
            }
            held |= mask;
            self.taken = self.taken.wrapping_add(1);
            *index = index.wrapping_add(1);
            numbers.prefetch(index.wrapping_add(AHEAD));
        }
        self.bits.0[word] = held;
        true
    }

    /// Allocates the bitset and sets the bits of the blocks taken so far. Returns false if there is no memory for it.
    #[cold]
    fn use_bits(&mut self) -> bool {
        let Ok(bits) = Bits::try_new(self.blocks) else {
            self.out_of_memory = true;
            return false;
        };
        self.bits = bits;
        if self.taken > 0 {
            self.bits.insert(&(0..self.taken));
        }
        true
    }
}

/// Takes numbers, a whole run at a time. Refused are a block that is taken already and a number that is no block of the
/// model; a closer look need those that are not plain.
impl Reader for Coverage {
    #[inline]
    fn read(&mut self, numbers: &impl Numbers) -> Result<(), Stop> {
        let mut index = 0;
        while index < numbers.len() {
            let first = numbers.get(index).ok_or(Stop::At(index))?;
            if first >= self.blocks {
                return Err(Stop::Refused);
            }
            let (behind, end) = numbers.run(index, first);
            index = behind;
            if !self.take(first..end) {
                return Err(Stop::Refused);
            }
            if end - first == 1 && index < numbers.len() && !self.take_singles(numbers, &mut index) {
                return Err(Stop::Refused);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
