//! How often each block is given: never, once, or more often.

use std::collections::TryReserveError;
use std::convert::Infallible;
use std::ops::Range;

use crate::bitset::{Bits, words};
use crate::numbers::{AHEAD, Numbers, Reader, Stop};

/// Counts how often each of a model's blocks is named: never, once, or more often. It takes two bits a block.
pub struct Tally {
    blocks: usize,
    pub(super) once: Bits,
    pub(super) again: Bits,
}

impl Tally {
    /// None of `blocks` blocks is named.
    pub fn try_new(blocks: usize) -> Result<Self, TryReserveError> {
        Ok(Self {
            blocks,
            once: Bits::try_new(blocks)?,
            again: Bits::try_new(blocks)?,
        })
    }

    /// How many blocks the model has.
    pub fn blocks(&self) -> usize {
        self.blocks
    }

    /// Names each block of a run, which must be some of the model's.
    #[inline]
    pub fn add(&mut self, run: &Range<usize>) {
        for (word, mask) in words(run) {
            self.again.0[word] |= self.once.0[word] & mask;
            self.once.0[word] |= mask;
        }
    }

    /// Whether a block was named more than once.
    #[inline]
    pub fn is_repeated(&self, block: usize) -> bool {
        self.again.0[block / 64] & (1 << (block % 64)) != 0
    }

    /// Forgets of the blocks of a run that they were named more than once.
    pub fn forget_repeated(&mut self, run: &Range<usize>) {
        for (word, mask) in words(run) {
            self.again.0[word] &= !mask;
        }
    }

    /// How many blocks were never named.
    pub fn missing(&self) -> usize {
        self.blocks - self.once.count()
    }

    /// Calls `tell` with each block of a run that was named more than once, in ascending order or from the last one down.
    pub fn tell_repeated<E>(
        &self,
        run: &Range<usize>,
        descending: bool,
        mut tell: impl FnMut(usize) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut words = words(run);
        while let Some((word, mask)) = if descending { words.next_back() } else { words.next() } {
            let mut told = self.again.0[word] & mask;
            while told != 0 {
                let bit = if descending {
                    told.ilog2()
                } else {
                    told.trailing_zeros()
                };
                told ^= 1 << bit;
                tell(word * 64 + bit as usize)?;
            }
        }
        Ok(())
    }

    /// How many blocks were named more than once.
    pub fn repeated(&self) -> usize {
        self.again.count()
    }

    /// The runs of blocks that were never named, in ascending order.
    pub fn missing_runs(&self) -> impl Iterator<Item = Range<usize>> {
        self.once.gaps(self.blocks)
    }
}

/// Counts numbers, a whole run at a time. Those that are not blocks of the model are not plain.
pub struct Counting<'a>(pub &'a mut Tally);

impl Reader for Counting<'_> {
    type Error = Infallible;

    #[inline]
    fn read(&mut self, numbers: &impl Numbers) -> Result<(), Stop<Infallible>> {
        let blocks = self.0.blocks();
        let mut index = 0;
        while index < numbers.len() {
            let first = numbers.get(index).filter(|first| *first < blocks);
            let first = first.ok_or(Stop::NotPlain(index))?;
            let (_, end) = numbers.run(index, first);
            let run = first..end.min(blocks);
            index += run.len();
            self.0.add(&run);
            numbers.prefetch(index.wrapping_add(AHEAD));
        }
        Ok(())
    }
}

/// Looks for blocks that were named more than once, and for numbers that are not blocks of the model: none of these are
/// plain.
pub struct Finding<'a>(pub &'a Tally);

impl Reader for Finding<'_> {
    type Error = Infallible;

    #[inline]
    fn read(&mut self, numbers: &impl Numbers) -> Result<(), Stop<Infallible>> {
        let blocks = self.0.blocks();
        for index in 0..numbers.len() {
            numbers.prefetch(index.wrapping_add(AHEAD));
            match numbers.get(index) {
                Some(block) if block < blocks && !self.0.is_repeated(block) => {}
                _ => return Err(Stop::NotPlain(index)),
            }
        }
        Ok(())
    }
}
