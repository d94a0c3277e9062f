//! Sequences of numbers, wherever they are kept, and what reads them.

use super::Number;

/// How many numbers ahead a reader asks for the memory of what it will read.
pub const AHEAD: usize = 24;

/// A sequence of numbers, some of which may not be plain ones.
pub trait Numbers {
    /// How many there are.
    fn len(&self) -> usize;
    /// The `index`-th of them, where it is a plain block number.
    fn get(&self, index: usize) -> Option<usize>;
    /// The `index`-th of them, where it is a plain whole number, not negative, or a float.
    #[inline]
    fn number(&self, index: usize) -> Option<Number> {
        self.get(index).map(|number| Number::Whole(number as u128))
    }
    /// Says that the `index`-th will be read soon. It may lie past the end.
    fn prefetch(&self, _index: usize) {}

    /// Where the run ends that starts at `index` with the block `first`: the index and the block behind it.
    #[inline]
    fn run(&self, index: usize, first: usize) -> (usize, usize) {
        // Wrapping only spares the checks: a block's number and an index are far below the largest number.
        let (mut index, mut end) = (index.wrapping_add(1), first.wrapping_add(1));
        while index < self.len() && self.get(index) == Some(end) {
            end = end.wrapping_add(1);
            index = index.wrapping_add(1);
        }
        (index, end)
    }
}

/// What reads numbers: all of them, or up to where it stops.
pub trait Reader {
    /// Why it cannot use a number that it could read; [`std::convert::Infallible`] if it can use them all.
    type Error;

    /// Reads numbers from the first on.
    fn read(&mut self, numbers: &impl Numbers) -> Result<(), Stop<Self::Error>>;
}

/// Why a [`Reader`] stopped before the end.
#[derive(Debug, PartialEq, Eq)]
pub enum Stop<E> {
    /// The number at this index is not a plain one, or not one of those that are read; all before it are read.
    NotPlain(usize),
    /// A number cannot be used.
    Error(E),
}
