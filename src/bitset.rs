//! A bitset of 64-bit words.

use std::collections::TryReserveError;
use std::ops::Range;

/// Returns whether memory for a bitset of `len` bits can be allocated.
pub fn bitset_fits(len: usize) -> bool {
    Bitset::try_reserve(len).is_ok()
}

/// A bitset of 64-bit words.
#[derive(Clone, Debug, Default)]
pub struct Bitset(pub Vec<u64>);

impl Bitset {
    /// Allocates memory for `len` bits without touching it.
    fn try_reserve(len: usize) -> Result<Vec<u64>, TryReserveError> {
        let mut words = Vec::new();
        words.try_reserve_exact(len.div_ceil(64))?;
        Ok(words)
    }

    /// Returns a bitset of `len` bits, all unset.
    pub fn try_new(len: usize) -> Result<Self, TryReserveError> {
        let mut words = Self::try_reserve(len)?;
        words.resize(len.div_ceil(64), 0);
        Ok(Self(words))
    }

    /// Returns whether the bitset has no words.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the number of bits that are set.
    pub fn count(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Sets the bits of a run. Returns false if one of them was already set.
    #[inline]
    pub fn insert(&mut self, run: &Range<usize>) -> bool {
        if run.len() == 1 {
            // The most frequent case in maps that are not contiguous.
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
        let all_unset = *word & mask == 0;
        *word |= mask;
        all_unset
    }

    /// Returns the first index at or after `from` whose bit equals `value`, or `len` if there is none.
    pub fn find(&self, value: bool, from: usize, len: usize) -> usize {
        let flip = if value { 0 } else { !0 };
        let mut mask = !0 << (from % 64);
        for word in from / 64..self.0.len() {
            let found = (self.0[word] ^ flip) & mask;
            if found != 0 {
                return (word * 64 + found.trailing_zeros() as usize).min(len);
            }
            mask = !0;
        }
        len
    }

    /// Returns the index of the last set bit at or before `to`.
    pub fn last_up_to(&self, to: usize) -> Option<usize> {
        let mut mask = !0 >> (63 - to % 64);
        if to / 64 >= self.0.len() {
            mask = !0;
        }
        for (word, bits) in self.0.iter().enumerate().take(to / 64 + 1).rev() {
            let found = bits & mask;
            if found != 0 {
                return Some(word * 64 + found.ilog2() as usize);
            }
            mask = !0;
        }
        None
    }

    /// Returns the runs of unset bits below `len`, in ascending order. A bitset without words has none.
    pub fn gaps(&self, len: usize) -> impl Iterator<Item = Range<usize>> {
        let mut from = 0;
        std::iter::from_fn(move || {
            let start = self.find(false, from, len);
            from = self.find(true, start, len);
            (start < len).then_some(start..from)
        })
    }
}

/// Returns the words that contain the bits of a run, each with the mask of these bits.
pub fn words(run: &Range<usize>) -> impl DoubleEndedIterator<Item = (usize, u64)> + use<> {
    let Range { start, end } = *run;
    (start / 64..end.div_ceil(64)).map(move |word| {
        let below = if word == start / 64 { start % 64 } else { 0 };
        let above = if word == end / 64 { 64 - end % 64 } else { 0 };
        (word, (!0 << below) & (!0 >> above))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn searches_agree_with_a_vector_of_bools(bits in proptest::collection::vec(any::<bool>(), 1..300), at in 0..400_usize) {
            let len = bits.len();
            let Ok(mut set) = Bitset::try_new(len) else { unreachable!() };
            for (bit, _) in bits.iter().enumerate().filter(|(_, set)| **set) {
                prop_assert!(set.insert(&(bit..bit + 1)));
            }
            for value in [false, true] {
                let expected = (at..len).find(|&bit| bits[bit] == value).unwrap_or(len);
                prop_assert_eq!(set.find(value, at, len), expected);
            }
            prop_assert_eq!(set.last_up_to(at), (0..=at).rev().find(|&bit| bits.get(bit) == Some(&true)));
            prop_assert_eq!(set.count(), bits.iter().filter(|set| **set).count());
            let gaps: Vec<_> = set.gaps(len).flatten().collect();
            prop_assert_eq!(gaps, (0..len).filter(|&bit| !bits[bit]).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_bitset_fits_unless_it_exceeds_the_address_space() {
        assert!(bitset_fits(1 << 20));
        assert!(!bitset_fits(usize::MAX));
    }
}
