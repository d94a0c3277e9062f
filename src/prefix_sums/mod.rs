//! Exact prefix sums of costs, and searches in them.

mod builder;
mod search;

use std::hint::black_box;
use std::ops::Range;

pub use builder::{PrefixSumsBuilder, SingleNumber, SumsError};
use search::lower_bound;

use crate::numbers::Number;

/// Prefix sums of 64 or 128 bits.
enum Width {
    /// Prefix sums of 64 bits.
    Narrow(Vec<u64>),
    /// Prefix sums of 128 bits.
    Wide(Vec<u128>),
}

/// Evaluates the same expression for prefix sums of either width.
macro_rules! with {
    ($self:expr, $sums:ident => $do:expr) => {
        match &$self.sums {
            Width::Narrow($sums) => $do,
            Width::Wide($sums) => $do,
        }
    };
}

/// The longest run that ends at a given block and stays within a cost.
pub struct LeftExtension {
    /// The first block of the run.
    pub start: usize,
    /// The cost of the run.
    pub cost: u128,
    /// The cost of the run with one more block before it, or of the run itself if it starts at block 0.
    pub next_cost: u128,
}

/// The sums of the first 0, 1, 2, … costs, in units. The unit is 1 if all costs are integers.
pub struct PrefixSums {
    sums: Width,
    /// The unit is `2**scale` if some costs are floats.
    scale: Option<i32>,
    largest: u128,
    /// The mean number of blocks per unit of cost.
    blocks_per_unit: f64,
}

impl PrefixSums {
    /// Returns the number of blocks.
    pub fn len(&self) -> usize {
        with!(self, sums => sums.len() - 1)
    }

    /// Returns the cost of a run, in units.
    pub fn sum(&self, run: Range<usize>) -> u128 {
        self.prefix(run.end) - self.prefix(run.start)
    }

    /// Returns the cost of the first `blocks` blocks.
    pub fn prefix(&self, blocks: usize) -> u128 {
        with!(self, sums => sums[blocks].wide())
    }

    /// Returns the cost of the first `blocks` blocks as a float.
    pub fn prefix_f64(&self, blocks: usize) -> f64 {
        to_f64(self.prefix(blocks))
    }

    /// Returns the cost of all blocks.
    pub fn total(&self) -> u128 {
        self.prefix(self.len())
    }

    /// Returns whether the costs are also valid sizes: integers below 2**127.
    pub fn are_sizes(&self) -> bool {
        self.scale.is_none() && self.largest < 1 << 127
    }

    /// Returns the largest cost of a block.
    pub fn largest(&self) -> u128 {
        self.largest
    }

    /// Returns the end of the longest run from `start` whose cost is at most `max_cost`. The search is fast if `guess` is
    /// close to the result.
    pub fn extend_right(&self, start: usize, max_cost: u128, guess: usize) -> usize {
        match self
            .prefix(start)
            .checked_add(max_cost)
            .and_then(|limit| limit.checked_add(1))
        {
            Some(beyond) => self.lower_bound(beyond, guess) - 1,
            None => self.len(),
        }
    }

    /// Returns the longest run up to `end` whose cost is at most `max_cost`. The search is fast if `guess` is close to the
    /// start of that run.
    pub fn extend_left(&self, end: usize, max_cost: u128, guess: usize) -> LeftExtension {
        with!(self, sums => {
            // Loads the sum at which the preceding run starts if it has about the same length, so that it is in the cache
            // when the caller searches for that run next.
            black_box(sums.get((2 * guess).saturating_sub(end)).copied());
            let total = sums[end].wide();
            let start = lower_bound(sums, total.saturating_sub(max_cost), guess, self.blocks_per_unit);
            LeftExtension {
                start,
                cost: total - sums[start].wide(),
                next_cost: total - sums[start.saturating_sub(1)].wide(),
            }
        })
    }

    /// Returns the smallest `n` with `prefix(n) >= sum`, or `len() + 1` if there is none. The search is fast if `guess` is
    /// close to the result.
    pub fn lower_bound(&self, sum: u128, guess: usize) -> usize {
        with!(self, sums => lower_bound(sums, sum, guess, self.blocks_per_unit))
    }

    /// Returns [`Self::lower_bound`] of a float, rounded up.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the cast saturates"
    )]
    pub fn lower_bound_f64(&self, sum: f64, guess: usize) -> usize {
        self.lower_bound(sum.ceil() as u128, guess)
    }

    /// Returns the range of all `n` with `prefix(n) == prefix(blocks)`.
    pub fn plateau(&self, blocks: usize) -> Range<usize> {
        let sum = self.prefix(blocks);
        let differs = |other| self.prefix(other) != sum;
        let start = match blocks {
            0 => 0,
            _ if differs(blocks - 1) => blocks,
            _ => self.lower_bound(sum, blocks),
        };
        match blocks {
            last if last == self.len() => start..last + 1,
            _ if differs(blocks + 1) => start..blocks + 1,
            _ => {
                start
                    ..sum
                        .checked_add(1)
                        .map_or(self.len() + 1, |sum| self.lower_bound(sum, blocks))
            }
        }
    }

    /// Converts a number of units to a cost: an integer if all costs are integers, otherwise a float.
    #[expect(
        clippy::cast_precision_loss,
        reason = "the result is rounded once, to the nearest float"
    )]
    pub fn amount(&self, units: u128) -> Number {
        match self.scale {
            Some(scale) => Number::Float(times_power_of_two(units as f64, scale)),
            None => Number::Whole(units),
        }
    }
}

/// Returns `value * 2**exponent` for exponents from about -1,100 to 1,100. It multiplies twice, because `2**exponent`
/// itself may be outside the range of floats.
fn times_power_of_two(value: f64, exponent: i32) -> f64 {
    let power = |exponent: i32| f64::from_bits(u64::from((1023 + exponent).cast_unsigned()) << 52);
    value * power(exponent / 2) * power(exponent - exponent / 2)
}

/// Converts a number to a float. A number of at most 64 bits takes one instruction, where one of 128 bits takes a call.
#[inline]
#[expect(clippy::cast_precision_loss, reason = "the result is an approximation")]
pub fn to_f64(number: u128) -> f64 {
    u64::try_from(number).map_or_else(|_| number as f64, |number| number as f64)
}

/// An unsigned integer that prefix sums are stored in.
trait Sum: Copy + Default + Ord {
    fn narrow(number: u128) -> Option<Self>;
    fn plus(self, other: Self) -> Option<Self>;
    fn wide(self) -> u128;
}

impl Sum for u64 {
    #[inline]
    fn narrow(number: u128) -> Option<Self> {
        number.try_into().ok()
    }

    #[inline]
    fn plus(self, other: Self) -> Option<Self> {
        self.checked_add(other)
    }

    #[inline]
    fn wide(self) -> u128 {
        self.into()
    }
}

impl Sum for u128 {
    #[inline]
    fn narrow(number: u128) -> Option<Self> {
        Some(number)
    }

    #[inline]
    fn plus(self, other: Self) -> Option<Self> {
        self.checked_add(other)
    }

    #[inline]
    fn wide(self) -> u128 {
        self
    }
}

#[cfg(test)]
pub(crate) mod tests;
