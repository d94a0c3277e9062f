//! The numbers of a Python range: `start`, `start + step`, ….

use std::ops::Range;

/// An arithmetic progression of `len` numbers, as in a Python range. All numbers fit in 64 bits, and `step` is not 0.
#[derive(Clone, Copy, Debug)]
pub struct IntRange {
    start: i64,
    step: i64,
    len: usize,
}

impl IntRange {
    /// Returns `None` if a number does not fit in 64 bits or `step` is 0.
    pub fn new(start: i64, step: i64, len: usize) -> Option<Self> {
        let range = Self { start, step, len };
        let last = range.wide(len.saturating_sub(1));
        (step != 0 && i64::try_from(last).is_ok()).then_some(range)
    }

    /// Returns the number of items.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns the number at an index below [`Self::len`].
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the number lies between the first and the last, which fit"
    )]
    pub fn get(&self, index: usize) -> i64 {
        self.wide(index) as i64
    }

    /// Returns the indices of the numbers that are in `0..num_blocks`.
    pub fn indices_within(&self, num_blocks: usize) -> Range<usize> {
        let (start, step, num_blocks) = (i128::from(self.start), i128::from(self.step), num_blocks as i128);
        // A descending range is negated, so that its values also ascend: they reach the lower bound first.
        let (start, step, low, high) = if step > 0 {
            (start, step, 0, num_blocks)
        } else {
            (-start, -step, 1 - num_blocks, 1)
        };
        let first_at_least = |bound: i128| {
            let index = ((bound - start).max(0) + step - 1) / step;
            usize::try_from(index).map_or(self.len, |index| index.min(self.len))
        };
        first_at_least(low)..first_at_least(high)
    }

    /// Returns the numbers at the given indices as runs of blocks. Each run ascends, even if the range descends. The indices
    /// must be within the result of [`Self::indices_within`].
    pub fn runs(&self, indices: Range<usize>) -> impl Iterator<Item = Range<usize>> + use<> {
        let this = *self;
        let block = move |index| this.block(index);
        let is_one_run = !indices.is_empty() && matches!(this.step, 1 | -1);
        let (run, singles) = if is_one_run {
            let ends = (block(indices.start), block(indices.end - 1));
            (Some(ends.0.min(ends.1)..ends.0.max(ends.1) + 1), 0..0)
        } else {
            (None, indices)
        };
        run.into_iter().chain(singles.map(block).map(|block| block..block + 1))
    }

    /// Returns `true` if each number is one more than the previous one.
    pub fn is_run(&self) -> bool {
        self.step == 1 || self.len < 2
    }

    /// Returns `true` if the numbers descend.
    pub fn is_descending(&self) -> bool {
        self.step < 0
    }

    /// Returns the number at an index as a block.
    fn block(&self, index: usize) -> usize {
        usize::try_from(self.wide(index)).unwrap_or(usize::MAX)
    }

    /// Returns the number at an index, also beyond the end, as a wide integer.
    fn wide(&self, index: usize) -> i128 {
        i128::from(self.start) + i128::from(self.step) * index as i128
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn numbers(range: &IntRange, indices: Range<usize>) -> Vec<i64> {
        indices.map(|index| range.get(index)).collect()
    }

    proptest! {
        #[test]
        fn indices_within_are_the_indices_of_blocks(
            start in -50..50_i64, step in (-7..8_i64).prop_filter("not 0", |step| *step != 0), len in 0..60_usize,
            blocks in 0..40_usize,
        ) {
            let Some(range) = IntRange::new(start, step, len) else { unreachable!() };
            let within = range.indices_within(blocks);
            for index in 0..len {
                let is_block = usize::try_from(range.get(index)).is_ok_and(|number| number < blocks);
                prop_assert_eq!(within.contains(&index), is_block);
            }
            let mut expected = numbers(&range, within.clone());
            let mut runs: Vec<_> = range.runs(within).flatten().filter_map(|block| i64::try_from(block).ok()).collect();
            expected.sort_unstable();
            runs.sort_unstable();
            prop_assert_eq!(runs, expected);
        }
    }

    #[test]
    fn the_largest_step_gives_single_blocks() {
        let one = IntRange::new(0, i64::MIN, 1);
        assert!(one.is_some_and(|one| one.indices_within(1) == (0..1) && one.runs(0..1).eq(std::iter::once(0..1))));
    }

    #[test]
    fn steps_of_one_and_minus_one_give_one_run() {
        for (start, step) in [(2, 1), (6, -1)] {
            let range = IntRange::new(start, step, 5);
            assert!(range.is_some_and(|range| range.runs(0..5).eq(std::iter::once(2..7))));
        }
    }

    #[test]
    fn only_steps_of_one_are_runs_and_only_negative_steps_descend() {
        for (step, len, is_run) in [(1, 3, true), (2, 1, true), (2, 3, false), (-1, 1, true), (-1, 3, false)] {
            let Some(range) = IntRange::new(5, step, len) else {
                unreachable!()
            };
            assert_eq!(
                (range.len(), range.is_run(), range.is_descending()),
                (len, is_run, step < 0)
            );
        }
    }

    #[test]
    fn numbers_can_have_up_to_64_bits() {
        let all = IntRange::new(i64::MIN, 1, usize::MAX);
        assert!(
            all.is_some_and(|all| all.get(usize::MAX) == i64::MAX && all.indices_within(5) == (1 << 63..(1 << 63) + 5))
        );
        assert!(IntRange::new(i64::MAX, 1, 2).is_none());
        assert!(IntRange::new(i64::MIN, -1, 2).is_none());
        assert!(IntRange::new(0, 0, 2).is_none());
        let steep = IntRange::new(i64::MAX, i64::MIN, 2);
        assert!(steep.is_some_and(|steep| steep.get(1) == -1 && steep.indices_within(usize::MAX) == (0..1)));
    }
}
