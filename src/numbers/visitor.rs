//! Sequences of numbers, wherever they are stored, and the visitors that read them.

use super::Number;

/// How many numbers ahead of the current one a visitor prefetches.
pub const PREFETCH_DISTANCE: usize = 24;

/// A sequence of numbers. Some items may not be plain numbers; these are `None`.
pub trait NumberSource {
    /// Returns the number of items.
    fn len(&self) -> usize;

    /// Returns the item at `index` if it is a plain integer that can be a block number.
    fn get(&self, index: usize) -> Option<usize>;

    /// Returns the item at `index` if it is a plain non-negative integer or a float.
    #[inline]
    fn number(&self, index: usize) -> Option<Number> {
        self.get(index).map(|number| Number::Whole(number as u128))
    }

    /// Prefetches the item at `index`, which may be past the end.
    fn prefetch(&self, _index: usize) {}

    /// Returns the end of the run of consecutive numbers that starts at `index` with the block `first`: the index and the
    /// block number after its last item.
    #[inline]
    fn run(&self, index: usize, first: usize) -> (usize, usize) {
        // Block numbers and indices are far below `usize::MAX`; wrapping arithmetic only avoids the overflow checks.
        let (mut index, mut end) = (index.wrapping_add(1), first.wrapping_add(1));
        while index < self.len() && self.get(index) == Some(end) {
            end = end.wrapping_add(1);
            index = index.wrapping_add(1);
        }
        (index, end)
    }
}

/// Reads the numbers of a [`NumberSource`] in order.
pub trait Visitor {
    /// The error for a plain number that the visitor cannot use; [`std::convert::Infallible`] if it can use them all.
    type Error;

    /// Reads the numbers from the first one on, up to the end or to the number that stops it.
    fn visit(&mut self, numbers: &impl NumberSource) -> Result<(), Stop<Self::Error>>;
}

/// Why a [`Visitor`] stopped before the end.
#[derive(Debug, PartialEq, Eq)]
pub enum Stop<E> {
    /// The item at this index is not a plain number of the kind that the visitor reads. All items before it were read.
    NotPlain(usize),
    /// A number cannot be used.
    Error(E),
}
