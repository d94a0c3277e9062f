//! Which blocks are taken: a bitset that takes whole runs.

use std::collections::TryReserveError;
use std::ops::Range;

/// How many values ahead [`Coverage::take_all`] asks memory for what it will read.
const AHEAD: usize = 24;

/// A sequence of numbers, some of which may not be block numbers at all.
pub trait Numbers {
    /// How many there are.
    fn len(&self) -> usize;
    /// The `index`-th of them, where it is a plain block number.
    fn get(&self, index: usize) -> Option<usize>;
    /// Says that the `index`-th will be read soon. It may lie past the end.
    fn prefetch(&self, _index: usize) {}
}

/// Why [`Coverage::take_all`] stopped before the end, and where.
#[derive(Debug, PartialEq, Eq)]
pub enum Stop {
    /// The number there is no plain block number; all before it are taken.
    NotPlain(usize),
    /// A block was taken twice, or is not one of the model's.
    Refused,
}

/// The blocks `0..blocks`, each taken at most once.
///
/// As long as runs come in ascending order without a gap, all that is kept is where the last one ended. The first run
/// that comes elsewhere turns to the bitset, whose memory was asked for at the start.
pub struct Coverage {
    blocks: usize,
    taken: usize,
    bits: Bits,
}

impl Coverage {
    /// None of `blocks` blocks is taken.
    pub fn try_new(blocks: usize) -> Result<Self, TryReserveError> {
        Ok(Self {
            blocks,
            taken: 0,
            bits: Bits::try_reserve(blocks)?,
        })
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
    pub fn into_missing_runs(mut self) -> impl Iterator<Item = Range<usize>> {
        self.use_bits();
        self.bits.into_gaps(self.blocks)
    }

    /// Takes a run that is not empty. False, and of no use from then on, if one of its blocks is taken already or is
    /// not one of the model's.
    pub fn take(&mut self, run: Range<usize>) -> bool {
        debug_assert!(!run.is_empty());
        if run.end > self.blocks {
            return false;
        }
        if self.bits.is_empty() {
            if run.start == self.taken {
                self.taken = run.end;
                return true;
            }
            self.use_bits();
        }
        self.taken += run.len();
        self.bits.insert(&run)
    }

    /// Takes one block by its number, as [`Self::take`] does.
    pub fn take_number(&mut self, number: i64) -> bool {
        usize::try_from(number).is_ok_and(|block| block < self.blocks && self.take(block..block + 1))
    }

    /// Takes all numbers, a whole run at a time.
    pub fn take_all(&mut self, numbers: &impl Numbers) -> Result<(), Stop> {
        let mut index = 0;
        while index < numbers.len() {
            let Some(first) = numbers.get(index) else {
                return Err(Stop::NotPlain(index));
            };
            let start = index;
            index += 1;
            while index < numbers.len() && numbers.get(index) == Some(first + (index - start)) {
                index += 1;
            }
            numbers.prefetch(index + AHEAD);
            if !self.take(first..first + (index - start)) {
                return Err(Stop::Refused);
            }
        }
        Ok(())
    }

    fn use_bits(&mut self) {
        if self.bits.is_empty() {
            self.bits.clear(self.blocks);
            if self.taken > 0 {
                self.bits.insert(&(0..self.taken));
            }
        }
    }
}

/// How often each of the blocks `0..blocks` is named: never, once, or more often.
pub struct Tally {
    blocks: usize,
    once: Bits,
    again: Bits,
}

impl Tally {
    /// None of `blocks` blocks is named.
    pub fn try_new(blocks: usize) -> Result<Self, TryReserveError> {
        let mut once = Bits::try_reserve(blocks)?;
        let mut again = Bits::try_reserve(blocks)?;
        once.clear(blocks);
        again.clear(blocks);
        Ok(Self { blocks, once, again })
    }

    /// Names each block of a run, which must be some of the model's.
    pub fn add(&mut self, run: &Range<usize>) {
        for (word, mask) in words(run) {
            self.again.0[word] |= self.once.0[word] & mask;
            self.once.0[word] |= mask;
        }
    }

    /// The blocks of a run that were named more than once, in ascending order; each is told only once.
    pub fn tell_repeated(&mut self, run: &Range<usize>) -> Vec<usize> {
        let mut repeated = Vec::new();
        for (word, mask) in words(run) {
            let mut told = self.again.0[word] & mask;
            self.again.0[word] &= !mask;
            while told != 0 {
                repeated.push(word * 64 + told.trailing_zeros() as usize);
                told &= told - 1;
            }
        }
        repeated
    }

    /// Whether a block was named more than once; each is told only once.
    pub fn tell_if_repeated(&mut self, block: usize) -> bool {
        let (word, mask) = (block / 64, 1 << (block % 64));
        let told = self.again.0[word] & mask != 0;
        self.again.0[word] &= !mask;
        told
    }

    /// The runs of blocks that were never named, in ascending order.
    pub fn into_missing_runs(self) -> impl Iterator<Item = Range<usize>> {
        self.once.into_gaps(self.blocks)
    }

    /// How many blocks were never named.
    pub fn missing(&self) -> usize {
        let named: usize = self.once.0.iter().map(|word| word.count_ones() as usize).sum();
        self.blocks - named
    }
}

/// Bits in words of 64: no words at all until cleared.
struct Bits(Vec<u64>);

impl Bits {
    /// Memory for `len` bits, asked for but not touched.
    fn try_reserve(len: usize) -> Result<Self, TryReserveError> {
        let mut words = Vec::new();
        words.try_reserve_exact(len.div_ceil(64))?;
        Ok(Self(words))
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn clear(&mut self, len: usize) {
        self.0.clear();
        self.0.resize(len.div_ceil(64), 0);
    }

    /// Sets the bits of a run; false if one of them was set already.
    fn insert(&mut self, run: &Range<usize>) -> bool {
        words(run).all(|(word, mask)| {
            let fresh = self.0[word] & mask == 0;
            self.0[word] |= mask;
            fresh
        })
    }

    /// The first bit at or after `from` that is `set`, or `len`.
    fn next(&self, set: bool, from: usize, len: usize) -> usize {
        let flip = if set { 0 } else { !0 };
        let mut keep = !0 << (from % 64);
        for word in from / 64..self.0.len() {
            let found = (self.0[word] ^ flip) & keep;
            if found != 0 {
                return (word * 64 + found.trailing_zeros() as usize).min(len);
            }
            keep = !0;
        }
        len
    }

    /// The runs of bits below `len` that are not set.
    fn into_gaps(self, len: usize) -> impl Iterator<Item = Range<usize>> {
        let mut from = 0;
        std::iter::from_fn(move || {
            let start = self.next(false, from, len);
            from = self.next(true, start, len);
            (start < len).then_some(start..from)
        })
    }
}

/// The words that a run reaches into, each with the mask of its bits there.
fn words(run: &Range<usize>) -> impl Iterator<Item = (usize, u64)> + use<> {
    let Range { start, end } = *run;
    (start / 64..end.div_ceil(64)).map(move |word| {
        let below = if word == start / 64 { start % 64 } else { 0 };
        let above = if word == end / 64 { 64 - end % 64 } else { 0 };
        (word, (!0 << below) & (!0 >> above))
    })
}
