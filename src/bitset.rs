//! A bitset stored in 64-bit words.

use std::collections::TryReserveError;
use std::ops::Range;

/// Returns `true` if memory for a bitset of `len` bits can be allocated.
pub fn can_allocate_bitset(len: usize) -> bool {
    Bitset::try_allocate(len).is_ok()
}

/// A bitset stored in 64-bit words. The default is a bitset without words, which is used where no bitset is needed.
#[derive(Clone, Debug, Default)]
pub struct Bitset(pub Vec<u64>);

impl Bitset {
    /// Allocates the words of a bitset of `len` bits without initializing them.
    fn try_allocate(len: usize) -> Result<Vec<u64>, TryReserveError> {
        let mut words = Vec::new();
        words.try_reserve_exact(len.div_ceil(64))?;
        Ok(words)
    }

    /// Returns a bitset of `len` bits, all unset.
    pub fn try_new(len: usize) -> Result<Self, TryReserveError> {
        let mut words = Self::try_allocate(len)?;
        words.resize(len.div_ceil(64), 0);
        Ok(Self(words))
    }

    /// Returns `true` if the bitset has no words.
    pub fn has_no_words(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the number of set bits.
    pub fn count(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Sets the bits of a run. Returns `false` if any of them was already set; the others may then remain unset.
    #[inline]
    pub fn insert(&mut self, run: &Range<usize>) -> bool {
        if run.len() == 1 {
            // Runs of a single bit are the most common ones in maps that are not contiguous.
            return self.insert_mask(run.start / 64, 1 << (run.start % 64));
        }
        self.insert_by_words(run)
    }

    #[inline(never)]
    fn insert_by_words(&mut self, run: &Range<usize>) -> bool {
        // `all` stops after the first word in which a bit was already set.
        word_masks(run).all(|(index, mask)| self.insert_mask(index, mask))
    }

    /// Sets the bits of a mask in one word. Returns `false` if any of them was already set.
    #[inline]
    fn insert_mask(&mut self, word_index: usize, mask: u64) -> bool {
        let word = &mut self.0[word_index];
        let all_unset = *word & mask == 0;
        *word |= mask;
        all_unset
    }

    /// Returns the first index at or after `from` whose bit equals `value`, or `len` if there is none.
    pub fn find(&self, value: bool, from: usize, len: usize) -> usize {
        let flip = if value { 0 } else { !0 };
        let mut mask = !0 << (from % 64);
        for index in from / 64..self.0.len() {
            let found = (self.0[index] ^ flip) & mask;
            if found != 0 {
                return (index * 64 + found.trailing_zeros() as usize).min(len);
            }
            mask = !0;
        }
        len
    }

    /// Returns the index of the last set bit at or before `to`, or `None` if there is none.
    pub fn last_set_up_to(&self, to: usize) -> Option<usize> {
        let mut mask = !0 >> (63 - to % 64);
        if to / 64 >= self.0.len() {
            mask = !0;
        }
        for (index, word) in self.0.iter().enumerate().take(to / 64 + 1).rev() {
            let found = word & mask;
            if found != 0 {
                return Some(index * 64 + found.ilog2() as usize);
            }
            mask = !0;
        }
        None
    }

    /// Yields the maximal runs of unset bits below `len` in ascending order, or nothing if the bitset has no words.
    pub fn gaps(&self, len: usize) -> impl Iterator<Item = Range<usize>> {
        let mut from = 0;
        std::iter::from_fn(move || {
            let start = self.find(false, from, len);
            from = self.find(true, start, len);
            (start < len).then_some(start..from)
        })
    }
}

/// Yields the index of each word that overlaps a run, with the mask of the run's bits in that word.
pub fn word_masks(run: &Range<usize>) -> impl DoubleEndedIterator<Item = (usize, u64)> + use<> {
    let Range { start, end } = *run;
    (start / 64..end.div_ceil(64)).map(move |index| {
        let bits_below = if index == start / 64 { start % 64 } else { 0 };
        let bits_above = if index == end / 64 { 64 - end % 64 } else { 0 };
        (index, (!0 << bits_below) & (!0 >> bits_above))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bitset_agrees_with_a_vector_of_bools(bits in proptest::collection::vec(any::<bool>(), 1..300), index in 0..400_usize) {
            let len = bits.len();
            let Ok(mut bitset) = Bitset::try_new(len) else { unreachable!() };
            for (bit, _) in bits.iter().enumerate().filter(|(_, set)| **set) {
                prop_assert!(bitset.insert(&(bit..bit + 1)));
            }
            for value in [false, true] {
                let expected = (index..len).find(|&bit| bits[bit] == value).unwrap_or(len);
                prop_assert_eq!(bitset.find(value, index, len), expected);
            }
            prop_assert_eq!(bitset.last_set_up_to(index), (0..=index).rev().find(|&bit| bits.get(bit) == Some(&true)));
            prop_assert_eq!(bitset.count(), bits.iter().filter(|set| **set).count());
            let gaps: Vec<_> = bitset.gaps(len).flatten().collect();
            prop_assert_eq!(gaps, (0..len).filter(|&bit| !bits[bit]).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_bitset_larger_than_the_address_space_cannot_be_allocated() {
        assert!(can_allocate_bitset(1 << 20));
        assert!(!can_allocate_bitset(usize::MAX));
    }
}
