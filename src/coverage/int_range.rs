//! The numbers of a range: `start`, `start + step`, … .

use std::ops::Range;

/// `len` numbers from `start` on, `step` apart. All of them are 64-bit numbers, and `step` is not 0.
#[derive(Clone, Copy, Debug)]
pub struct Progression {
    start: i64,
    step: i64,
    len: usize,
}

impl Progression {
    /// None where a number would not fit in 64 bits, or the step is 0.
    pub fn new(start: i64, step: i64, len: usize) -> Option<Self> {
        let progression = Self { start, step, len };
        let last = progression.wide(len.saturating_sub(1));
        (step != 0 && i64::try_from(last).is_ok()).then_some(progression)
    }

    /// How many numbers there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// The number at an index below [`Self::len`].
    #[expect(
        clippy::cast_possible_truncation,
        reason = "it lies between the first and the last, which fit"
    )]
    pub fn get(&self, index: usize) -> i64 {
        self.wide(index) as i64
    }

    /// The indices at which the numbers are in `0..blocks`.
    pub fn indices_within(&self, blocks: usize) -> Range<usize> {
        let (start, step, blocks) = (i128::from(self.start), i128::from(self.step), blocks as i128);
        // Where the numbers, turned so that they ascend, reach a bound.
        let (start, step, low, high) = if step > 0 {
            (start, step, 0, blocks)
        } else {
            (-start, -step, 1 - blocks, 1)
        };
        let reaches = |bound: i128| {
            let index = ((bound - start).max(0) + step - 1) / step;
            usize::try_from(index).map_or(self.len, |index| index.min(self.len))
        };
        reaches(low)..reaches(high)
    }

    /// The numbers at some indices, which [`Self::indices_within`] told, as ascending runs of blocks.
    pub fn runs(&self, indices: Range<usize>) -> impl Iterator<Item = Range<usize>> + use<> {
        let this = *self;
        let block = move |index| this.block(index);
        let whole = !indices.is_empty() && matches!(this.step, 1 | -1);
        let (run, singles) = if whole {
            let ends = (block(indices.start), block(indices.end - 1));
            (Some(ends.0.min(ends.1)..ends.0.max(ends.1) + 1), 0..0)
        } else {
            (None, indices)
        };
        run.into_iter().chain(singles.map(block).map(|block| block..block + 1))
    }

    /// Whether each number is one more than the last.
    pub fn is_run(&self) -> bool {
        self.step == 1 || self.len < 2
    }

    /// Whether the numbers descend.
    pub fn descends(&self) -> bool {
        self.step < 0
    }

    fn block(&self, index: usize) -> usize {
        usize::try_from(self.wide(index)).unwrap_or(usize::MAX)
    }

    fn wide(&self, index: usize) -> i128 {
        i128::from(self.start) + i128::from(self.step) * index as i128
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn numbers(progression: &Progression, indices: Range<usize>) -> Vec<i64> {
        indices.map(|index| progression.get(index)).collect()
    }

    proptest! {
        #[test]
        fn the_indices_within_are_those_of_blocks(
            start in -50..50_i64, step in (-7..8_i64).prop_filter("not 0", |step| *step != 0), len in 0..60_usize,
            blocks in 0..40_usize,
        ) {
            let Some(progression) = Progression::new(start, step, len) else { unreachable!() };
            let within = progression.indices_within(blocks);
            for index in 0..len {
                let is_block = usize::try_from(progression.get(index)).is_ok_and(|number| number < blocks);
                prop_assert_eq!(within.contains(&index), is_block);
            }
            let mut expected = numbers(&progression, within.clone());
            let mut runs: Vec<_> = progression.runs(within).flatten().filter_map(|block| i64::try_from(block).ok()).collect();
            expected.sort_unstable();
            runs.sort_unstable();
            prop_assert_eq!(runs, expected);
        }
    }

    #[test]
    fn a_step_as_large_as_can_be_is_no_run() {
        let one = Progression::new(0, i64::MIN, 1);
        assert!(one.is_some_and(|one| one.indices_within(1) == (0..1) && one.runs(0..1).eq(std::iter::once(0..1))));
    }

    #[test]
    fn a_step_of_one_either_way_is_one_run() {
        for (start, step) in [(2, 1), (6, -1)] {
            let progression = Progression::new(start, step, 5);
            assert!(progression.is_some_and(|progression| progression.runs(0..5).eq(std::iter::once(2..7))));
        }
    }

    #[test]
    fn the_ends_of_64_bits_are_reached_and_not_passed() {
        let all = Progression::new(i64::MIN, 1, usize::MAX);
        assert!(
            all.is_some_and(|all| all.get(usize::MAX) == i64::MAX && all.indices_within(5) == (1 << 63..(1 << 63) + 5))
        );
        assert!(Progression::new(i64::MAX, 1, 2).is_none());
        assert!(Progression::new(i64::MIN, -1, 2).is_none());
        assert!(Progression::new(0, 0, 2).is_none());
        let steep = Progression::new(i64::MAX, i64::MIN, 2);
        assert!(steep.is_some_and(|steep| steep.get(1) == -1 && steep.indices_within(usize::MAX) == (0..1)));
    }
}
