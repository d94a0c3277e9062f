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
        let block = move |index| usize::try_from(this.wide(index)).unwrap_or(usize::MAX);
        let whole = !indices.is_empty() && this.step.abs() == 1;
        let (run, singles) = if whole {
            let ends = (block(indices.start), block(indices.end - 1));
            (Some(ends.0.min(ends.1)..ends.0.max(ends.1) + 1), 0..0)
        } else {
            (None, indices)
        };
        run.into_iter().chain(singles.map(block).map(|block| block..block + 1))
    }

    /// Whether the numbers descend.
    pub fn descends(&self) -> bool {
        self.step < 0
    }

    fn wide(&self, index: usize) -> i128 {
        i128::from(self.start) + i128::from(self.step) * index as i128
    }
}
