//! Bits in words of 64, set a run at a time.

use std::collections::TryReserveError;
use std::ops::Range;

/// Whether memory for a bitset of `len` bits can be allocated.
pub fn bitset_fits(len: usize) -> bool {
    Bits::try_reserve(len).is_ok()
}

/// Bits in words of 64.
#[derive(Clone, Debug, Default)]
pub struct Bits(pub Vec<u64>);

impl Bits {
    /// Memory for `len` bits, which is not touched yet.
    fn try_reserve(len: usize) -> Result<Vec<u64>, TryReserveError> {
        let mut words = Vec::new();
        words.try_reserve_exact(len.div_ceil(64))?;
        Ok(words)
    }

    /// `len` bits, none of them set.
    pub fn try_new(len: usize) -> Result<Self, TryReserveError> {
        let mut words = Self::try_reserve(len)?;
        words.resize(len.div_ceil(64), 0);
        Ok(Self(words))
    }

    /// Whether there are no bits at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The number of bits that are set.
    pub fn count(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Sets the bits of a run; false if one of them was set already.
    #[inline]
    pub fn insert(&mut self, run: &Range<usize>) -> bool {
        if run.len() == 1 {
            // Most runs of a map that is not contiguous.
            return self.insert_into(run.start / 64, 1 << (run.start % 64));
        }
        self.insert_words(run)
    }

    #[inline(never)]
    fn insert_words(&mut self, run: &Range<usize>) -> bool {
        words(run).all(|(word, mask)| self.insert_into(word, mask))
    }

    #[inline]
    fn insert_into(&mut self, word: usize, mask: u64) -> bool {
        let word = &mut self.0[word];
        let fresh = *word & mask == 0;
        *word |= mask;
        fresh
    }

    /// The first bit at or after `from` that is `set`, or `len`.
    pub fn next(&self, set: bool, from: usize, len: usize) -> usize {
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

    /// The last bit up to and including `to` that is set.
    pub fn last_to(&self, to: usize) -> Option<usize> {
        let mut keep = !0 >> (63 - to % 64);
        if to / 64 >= self.0.len() {
            keep = !0;
        }
        for (word, bits) in self.0.iter().enumerate().take(to / 64 + 1).rev() {
            let found = bits & keep;
            if found != 0 {
                return Some(word * 64 + found.ilog2() as usize);
            }
            keep = !0;
        }
        None
    }

    /// The runs of bits below `len` that are not set; none where there are no bits.
    pub fn gaps(&self, len: usize) -> impl Iterator<Item = Range<usize>> {
        let mut from = 0;
        std::iter::from_fn(move || {
            let start = self.next(false, from, len);
            from = self.next(true, start, len);
            (start < len).then_some(start..from)
        })
    }
}

/// The words that a run reaches into, each with the mask of its bits there.
pub fn words(run: &Range<usize>) -> impl DoubleEndedIterator<Item = (usize, u64)> + use<> {
    let Range { start, end } = *run;
    (start / 64..end.div_ceil(64)).map(move |word| {
        let below = if word == start / 64 { start % 64 } else { 0 };
        let above = if word == end / 64 { 64 - end % 64 } else { 0 };
        (word, (!0 << below) & (!0 >> above))
    })
}
