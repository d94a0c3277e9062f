//! Which blocks are taken: a bitset that takes whole runs.

use std::collections::TryReserveError;
use std::ops::Range;

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

/// Counts how often each of a model's blocks is named: never, once, or more often. It takes two bits a block.
pub struct Tally {
    blocks: usize,
    once: Bits,
    again: Bits,
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

/// Counts numbers, a whole run at a time. A closer look need those that are no plain blocks of the model.
pub struct Counting<'a>(pub &'a mut Tally);

impl Reader for Counting<'_> {
    #[inline]
    fn read(&mut self, numbers: &impl Numbers) -> Result<(), Stop> {
        let blocks = self.0.blocks();
        let mut index = 0;
        while index < numbers.len() {
            let first = numbers.get(index).filter(|first| *first < blocks);
            let first = first.ok_or(Stop::At(index))?;
            let (_, end) = numbers.run(index, first);
            let run = first..end.min(blocks);
            index += run.len();
            self.0.add(&run);
            numbers.prefetch(index.wrapping_add(AHEAD));
        }
        Ok(())
    }
}

/// Finds what there is to tell: a closer look need blocks that were named more than once, and whatever is no plain block
/// of the model.
pub struct Finding<'a>(pub &'a Tally);

impl Reader for Finding<'_> {
    #[inline]
    fn read(&mut self, numbers: &impl Numbers) -> Result<(), Stop> {
        let blocks = self.0.blocks();
        for index in 0..numbers.len() {
            numbers.prefetch(index.wrapping_add(AHEAD));
            match numbers.get(index) {
                Some(block) if block < blocks && !self.0.is_repeated(block) => {}
                _ => return Err(Stop::At(index)),
            }
        }
        Ok(())
    }
}

/// Whether memory for a bitset of so many blocks could be had.
pub fn bitset_fits(blocks: usize) -> bool {
    Bits::try_reserve(blocks).is_ok()
}

/// Bits in words of 64.
struct Bits(Vec<u64>);

impl Bits {
    /// Memory for `len` bits, which is not touched yet.
    fn try_reserve(len: usize) -> Result<Vec<u64>, TryReserveError> {
        let mut words = Vec::new();
        words.try_reserve_exact(len.div_ceil(64))?;
        Ok(words)
    }

    /// `len` bits, none of them set.
    fn try_new(len: usize) -> Result<Self, TryReserveError> {
        let mut words = Self::try_reserve(len)?;
        words.resize(len.div_ceil(64), 0);
        Ok(Self(words))
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many are set.
    fn count(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Sets the bits of a run; false if one of them was set already.
    #[inline]
    fn insert(&mut self, run: &Range<usize>) -> bool {
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

    /// The runs of bits below `len` that are not set; none where there are no bits.
    fn gaps(&self, len: usize) -> impl Iterator<Item = Range<usize>> {
        let mut from = 0;
        std::iter::from_fn(move || {
            let start = self.next(false, from, len);
            from = self.next(true, start, len);
            (start < len).then_some(start..from)
        })
    }
}

/// The words that a run reaches into, each with the mask of its bits there.
fn words(run: &Range<usize>) -> impl DoubleEndedIterator<Item = (usize, u64)> + use<> {
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
    use proptest::collection::vec;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    impl Numbers for Vec<Option<usize>> {
        fn len(&self) -> usize {
            self.len()
        }

        fn get(&self, index: usize) -> Option<usize> {
            self[index]
        }
    }

    fn coverage(blocks: usize) -> Coverage {
        Coverage::new(blocks)
    }

    fn tally(blocks: usize) -> Tally {
        Tally::try_new(blocks).unwrap_or_else(|_| unreachable!("{blocks} bits fit"))
    }

    fn told(tally: &Tally, run: Range<usize>, descending: bool) -> Vec<usize> {
        let mut told = Vec::new();
        let Ok(()) = tally.tell_repeated(&run, descending, |block| {
            told.push(block);
            Ok::<_, std::convert::Infallible>(())
        });
        told
    }

    fn runs(blocks: usize) -> impl Strategy<Value = Vec<Range<usize>>> {
        vec(
            (0..blocks, 1..150_usize).prop_map(move |(start, len)| start..start + len),
            0..12,
        )
    }

    /// Cuts `0..blocks` at some places and shuffles the runs.
    fn partition(blocks: usize) -> impl Strategy<Value = Vec<Range<usize>>> {
        vec(0..=blocks, 0..20)
            .prop_map(move |mut cuts| {
                cuts.extend([0, blocks]);
                cuts.sort_unstable();
                cuts.dedup();
                cuts.windows(2).map(|ends| ends[0]..ends[1]).collect::<Vec<_>>()
            })
            .prop_shuffle()
    }

    proptest! {
        #[test]
        fn any_order_of_a_partition_is_taken_whole(runs in partition(1_000)) {
            let mut coverage = coverage(1_000);
            for run in runs {
                prop_assert!(coverage.take(run));
            }
            prop_assert_eq!(coverage.missing(), 0);
            prop_assert_eq!(coverage.missing_runs().count(), 0);
        }

        #[test]
        fn a_partition_without_one_run_misses_that_run(runs in partition(1_000)) {
            let (left_out, taken) = (&runs[0], &runs[1..]);
            let mut coverage = coverage(1_000);
            prop_assert!(taken.iter().all(|run| coverage.take(run.clone())));
            prop_assert_eq!(coverage.missing(), left_out.len());
            prop_assert_eq!(coverage.missing_runs().collect::<Vec<_>>(), std::slice::from_ref(left_out));
        }

        #[test]
        fn a_run_is_refused_as_soon_as_a_set_would(runs in runs(700)) {
            let mut coverage = coverage(700);
            let mut model = std::collections::BTreeSet::new();
            for run in runs {
                let fits = run.end <= 700 && run.clone().all(|block| model.insert(block));
                prop_assert_eq!(coverage.take(run), fits);
                if !fits {
                    break;
                }
                prop_assert_eq!(coverage.missing(), 700 - model.len());
            }
        }

        #[test]
        fn numbers_are_taken_as_their_runs_are(runs in partition(300), odd in 0..400_usize) {
            let mut numbers: Vec<_> = runs.into_iter().flatten().map(Some).collect();
            let mut whole = coverage(300);
            prop_assert_eq!(whole.read(&numbers), Ok(()));
            prop_assert_eq!(whole.missing(), 0);
            if odd < 300 {
                numbers[odd] = None;
                prop_assert_eq!(coverage(300).read(&numbers), Err(Stop::At(odd)));
                numbers[odd] = Some(300);
                prop_assert_eq!(coverage(300).read(&numbers), Err(Stop::Refused));
                numbers[odd] = Some(usize::MAX);
                prop_assert_eq!(coverage(300).read(&numbers), Err(Stop::Refused));
                numbers[odd] = numbers[(odd + 1) % 300];
                prop_assert_eq!(coverage(300).read(&numbers), Err(Stop::Refused));
            }
        }

        #[test]
        fn numbers_are_counted_as_their_runs_are(runs in runs(500), odd in 0..2_000_usize) {
            let mut numbers: Vec<_> = runs.iter().cloned().flatten().map(Some).collect();
            if odd < numbers.len() {
                numbers[odd] = None;
            }
            let (mut by_runs, mut by_numbers) = (tally(600), tally(600));
            for &block in numbers.iter().flatten().filter(|&&block| block < 600) {
                by_runs.add(&(block..block + 1));
            }
            let mut from = 0;
            while let Err(Stop::At(index)) = Counting(&mut by_numbers).read(&numbers[from..].to_vec()) {
                prop_assert!(numbers[from + index].is_none_or(|block| block >= 600));
                from += index + 1;
            }
            prop_assert_eq!(&by_runs.once.0, &by_numbers.once.0);
            prop_assert_eq!(&by_runs.again.0, &by_numbers.again.0);
            let looked_at = numbers.iter().position(|number| match number {
                Some(block) if *block < 600 => by_runs.again.0[block / 64] >> (block % 64) & 1 == 1,
                _ => true,
            });
            prop_assert_eq!(Finding(&by_numbers).read(&numbers).err(), looked_at.map(Stop::At));
        }

        #[test]
        fn a_tally_tells_what_a_map_of_counts_would(runs in runs(500)) {
            let mut tally = tally(700);
            let mut counts = BTreeMap::new();
            for run in &runs {
                tally.add(run);
                for block in run.clone() {
                    *counts.entry(block).or_insert(0) += 1;
                }
            }
            prop_assert_eq!(tally.missing(), 700 - counts.len());
            let repeated: Vec<_> = counts.iter().filter(|&(_, &n)| n > 1).map(|(&block, _)| block).collect();
            prop_assert_eq!(tally.repeated(), repeated.len());
            prop_assert!(counts.iter().all(|(&block, &n)| tally.is_repeated(block) == (n > 1)));
            prop_assert_eq!(&told(&tally, 0..700, false), &repeated);
            let late = repeated.iter().position(|&block| block >= 200).unwrap_or(repeated.len());
            let down: Vec<_> = told(&tally, 200..700, true).into_iter().rev().collect();
            prop_assert_eq!(down, &repeated[late..]);
            tally.forget_repeated(&(200..700));
            prop_assert_eq!(told(&tally, 0..700, false), &repeated[..late]);
            let missing: Vec<_> = tally.missing_runs().flatten().collect();
            prop_assert_eq!(missing, (0..700).filter(|block| !counts.contains_key(block)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_model_without_blocks_is_complete_and_takes_nothing() {
        assert_eq!(coverage(0).missing(), 0);
        assert!(!coverage(0).take(0..1));
        assert!(!coverage(0).take_number(-1));
        assert_eq!(coverage(0).missing_runs().count(), 0);
    }

    #[test]
    fn ascending_runs_need_no_bits_at_any_size() {
        let mut coverage = coverage(1 << 33);
        assert!(coverage.take(0..1 << 32) && coverage.take(1 << 32..1 << 33));
        assert!(coverage.bits.is_empty());
        assert_eq!(coverage.missing(), 0);
        assert!(!coverage.take(0..1 << 33 | 1));
    }

    #[test]
    fn memory_that_cannot_be_had_is_an_error() {
        let mut coverage = coverage(usize::MAX);
        assert!(coverage.take(0..1) && !coverage.out_of_memory());
        assert!(!coverage.take(2..3) && coverage.out_of_memory());
        assert!(Tally::try_new(usize::MAX).is_err());
    }
}
