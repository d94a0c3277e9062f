//! Sequences of numbers in any storage, and the visitors that read them.
//!
//! A *plain* number can be read without running code of its owner: an exact int or float of Python, or an element of an
//! array. Items of other types, and numbers too large for the result, are left to the caller.

use super::Number;

/// The number of items between the current item and the one that a visitor prefetches.
pub const PREFETCH_DISTANCE: usize = 24;

/// A sequence of items, most of which are plain numbers. For any other item the methods return `None`.
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

    /// Loads the item at `index` into the processor's cache. The index can be past the end.
    fn prefetch(&self, _index: usize) {}

    /// Finds the end of the run of consecutive numbers that starts at `index` with the number `first`. Returns the index after
    /// the last item of the run, and the last number plus one.
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
    /// The error for a plain number that the visitor cannot use, or [`std::convert::Infallible`] if it can use every number.
    type Error;

    /// Reads the numbers in order, up to the end or to the item at which the visitor stops. To continue after such an item,
    /// the caller calls this method again with a source that starts at the next item.
    fn visit(&mut self, numbers: &impl NumberSource) -> Result<(), Stop<Self::Error>>;
}

/// Why a [`Visitor`] stopped before the end.
#[derive(Debug, PartialEq, Eq)]
pub enum Stop<E> {
    /// The item at this index is not a plain number of the kind that the visitor reads. All items before it were read.
    NotPlain(usize),
    /// The visitor cannot use a number, for the reason given by the error.
    Error(E),
}
