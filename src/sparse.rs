//! How often blocks are named where they are many and the runs that name them few: sorted runs instead of bits.

use std::collections::TryReserveError;
use std::ops::Range;

use crate::coverage::Count;

/// Counts in memory for each run named, none for the blocks.
pub struct Sparse {
    blocks: usize,
    /// The runs named, sorted when closed.
    runs: Vec<(usize, usize)>,
    /// The runs of blocks named more than once: ascending, with gaps between them.
    again: Vec<Range<usize>>,
}

impl Sparse {
    /// None of `blocks` blocks is named; memory for so many runs is asked for. Of any beyond them nothing will be known.
    pub fn try_new(blocks: usize, runs: usize) -> Result<Self, TryReserveError> {
        let mut sparse = Self {
            blocks,
            runs: Vec::new(),
            again: Vec::new(),
        };
        sparse.runs.try_reserve_exact(runs)?;
        sparse.again.try_reserve_exact(runs)?;
        Ok(sparse)
    }
}

impl Count for Sparse {
    fn blocks(&self) -> usize {
        self.blocks
    }

    #[inline]
    fn add(&mut self, run: &Range<usize>) {
        if self.runs.len() < self.runs.capacity() {
            self.runs.push((run.start, run.end));
        }
    }

    fn close(&mut self) {
        self.runs.sort_unstable();
        let mut behind = 0;
        for &(start, end) in &self.runs {
            if start < behind {
                // It overlaps one before it, and perhaps what two before it had in common.
                let both = start..end.min(behind);
                match self.again.last_mut() {
                    Some(last) if both.start <= last.end => last.end = last.end.max(both.end),
                    _ => self.again.push(both),
                }
            }
            behind = behind.max(end);
        }
    }

    fn is_repeated(&self, block: usize) -> bool {
        let index = self.again.partition_point(|run| run.end <= block);
        self.again.get(index).is_some_and(|run| run.start <= block)
    }

    fn tell_repeated<E>(
        &self,
        run: &Range<usize>,
        descending: bool,
        mut tell: impl FnMut(usize) -> Result<(), E>,
    ) -> Result<(), E> {
        let from = self.again.partition_point(|again| again.end <= run.start);
        let to = self.again.partition_point(|again| again.start < run.end);
        let mut both = self.again[from..to.max(from)]
            .iter()
            .flat_map(|again| again.start.max(run.start)..again.end.min(run.end));
        while let Some(block) = if descending { both.next_back() } else { both.next() } {
            tell(block)?;
        }
        Ok(())
    }

    fn repeated(&self) -> usize {
        self.again.iter().map(Range::len).sum()
    }

    fn missing_runs(&self) -> impl Iterator<Item = Range<usize>> {
        let mut behind = 0;
        let ends = (self.blocks, self.blocks);
        self.runs
            .iter()
            .copied()
            .chain(std::iter::once(ends))
            .filter_map(move |(start, end)| {
                let gap = behind..start;
                behind = behind.max(end);
                (!gap.is_empty()).then_some(gap)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coverage::Tally;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn told(count: &impl Count, run: &Range<usize>, descending: bool) -> Vec<usize> {
        let mut told = Vec::new();
        let Ok(()) = count.tell_repeated(run, descending, |block| {
            told.push(block);
            Ok::<_, std::convert::Infallible>(())
        });
        told
    }

    proptest! {
        #[test]
        fn it_tells_what_a_tally_tells(
            runs in vec((0..500_usize, 1..60_usize), 0..12), asked in (0..500_usize, 0..300_usize), descending: bool,
        ) {
            let (Ok(mut sparse), Ok(mut tally)) = (Sparse::try_new(600, runs.len()), Tally::try_new(600)) else {
                unreachable!()
            };
            for (start, len) in runs {
                sparse.add(&(start..start + len));
                tally.add(&(start..start + len));
            }
            sparse.close();
            prop_assert_eq!(sparse.repeated(), tally.repeated());
            prop_assert!((0..600).all(|block| sparse.is_repeated(block) == tally.is_repeated(block)));
            prop_assert_eq!(sparse.missing_runs().collect::<Vec<_>>(), tally.missing_runs().collect::<Vec<_>>());
            let asked = asked.0..600.min(asked.0 + asked.1);
            prop_assert_eq!(told(&sparse, &asked, descending), told(&tally, &asked, descending));
        }
    }

    #[test]
    fn runs_beyond_those_asked_for_are_let_go() {
        let Ok(mut sparse) = Sparse::try_new(usize::MAX, 1) else {
            unreachable!()
        };
        let held = sparse.runs.capacity();
        for _ in 0..=held {
            sparse.add(&(0..1));
        }
        sparse.close();
        assert_eq!(sparse.runs.len(), held);
        assert!(sparse.missing_runs().eq(std::iter::once(1..usize::MAX)));
    }

    #[test]
    fn memory_that_cannot_be_had_is_an_error() {
        assert!(Sparse::try_new(0, usize::MAX).is_err());
    }
}
