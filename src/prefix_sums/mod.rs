//! Exact prefix sums of costs, and searches in them.

mod builder;
mod search;

use std::hint::black_box;
use std::ops::Range;

pub use builder::{One, PrefixSumsBuilder, SumsError};
use search::lower_bound;

use crate::numbers::Number;

/// Prefix sums, the sums of the first 0, 1, 2, … costs.
enum Width {
    /// Of 64 bits.
    Narrow(Vec<u64>),
    /// Of 128 bits.
    Wide(Vec<u128>),
}

/// Does the same with sums of either width.
macro_rules! with {
    ($self:expr, $sums:ident => $do:expr) => {
        match &$self.sums {
            Width::Narrow($sums) => $do,
            Width::Wide($sums) => $do,
        }
    };
}

/// A run of blocks to some end.
pub struct RunTo {
    /// Where it starts.
    pub start: usize,
    /// What it costs.
    pub cost: u128,
    /// What it would cost with the block before it, if there is one.
    pub with_one_more: u128,
}

/// The sums of the first 0, 1, 2, … costs. They are counted in units: 1 if all costs are whole numbers.
pub struct PrefixSums {
    sums: Width,
    /// If some of the costs were floats, the unit is two to this power.
    scale: Option<i32>,
    largest: u128,
    /// How many blocks cost one unit, in the mean.
    blocks_per_unit: f64,
}

impl PrefixSums {
    /// How many blocks there are.
    pub fn len(&self) -> usize {
        with!(self, sums => sums.len() - 1)
    }

    /// What the blocks of a run cost together, in units.
    pub fn sum(&self, run: Range<usize>) -> u128 {
        self.prefix(run.end) - self.prefix(run.start)
    }

    /// The cost of the given number of first blocks.
    pub fn prefix(&self, blocks: usize) -> u128 {
        with!(self, sums => sums[blocks].wide())
    }

    /// The sum of the first costs as a float.
    pub fn prefix_f64(&self, blocks: usize) -> f64 {
        to_f64(self.prefix(blocks))
    }

    /// What all cost.
    pub fn total(&self) -> u128 {
        self.prefix(self.len())
    }

    /// Whether all are whole numbers of bytes below 2**127, and were given as such.
    pub fn are_sizes(&self) -> bool {
        self.scale.is_none() && self.largest < 1 << 127
    }

    /// The cost of the block that costs most.
    pub fn largest(&self) -> u128 {
        self.largest
    }

    /// Where the longest run from `start` ends that costs no more than `most`. The nearer the guess, the faster.
    pub fn extend_right(&self, start: usize, most: u128, guess: usize) -> usize {
        match self
            .prefix(start)
            .checked_add(most)
            .and_then(|limit| limit.checked_add(1))
        {
            Some(beyond) => self.lower_bound(beyond, guess) - 1,
            None => self.len(),
        }
    }

    /// The longest run to `end` that costs no more than `most`. The nearer the guess where it starts, the faster.
    pub fn extend_left(&self, end: usize, most: u128, guess: usize) -> RunTo {
        with!(self, sums => {
            // The run before this one, if it is about as long, starts there: it will be in the cache when it is looked for.
            black_box(sums.get((2 * guess).saturating_sub(end)).copied());
            let total = sums[end].wide();
            let start = lower_bound(sums, total.saturating_sub(most), guess, self.blocks_per_unit);
            RunTo {
                start,
                cost: total - sums[start].wide(),
                with_one_more: total - sums[start.saturating_sub(1)].wide(),
            }
        })
    }

    /// The smallest number of first blocks that cost at least `sum`; `len() + 1` if all blocks cost less. The closer `guess`
    /// is to the result, the faster.
    pub fn lower_bound(&self, sum: u128, guess: usize) -> usize {
        with!(self, sums => lower_bound(sums, sum, guess, self.blocks_per_unit))
    }

    /// As [`Self::lower_bound`], for a sum that need not be exact.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
    pub fn lower_bound_f64(&self, sum: f64, guess: usize) -> usize {
        self.lower_bound(sum.ceil() as u128, guess)
    }

    /// All numbers of first blocks whose cost is that of the given number.
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

    /// The number that `units` units of the sums stand for, as the costs were given: a whole number, or a float.
    #[expect(clippy::cast_precision_loss, reason = "rounded once, to the nearest float")]
    pub fn amount(&self, units: u128) -> Number {
        match self.scale {
            Some(scale) => Number::Float(times_power_of_two(units as f64, scale)),
            None => Number::Whole(units),
        }
    }
}

/// A float times a power of two of at most some 1,100 either way, in two steps, since a float's own power may be less.
fn times_power_of_two(value: f64, exponent: i32) -> f64 {
    let power = |exponent: i32| f64::from_bits(u64::from((1023 + exponent).cast_unsigned()) << 52);
    value * power(exponent / 2) * power(exponent - exponent / 2)
}

/// A number as a float; one of 64 bits in few steps.
#[inline]
#[expect(clippy::cast_precision_loss, reason = "for what need not be exact")]
pub fn to_f64(number: u128) -> f64 {
    u64::try_from(number).map_or_else(|_| number as f64, |number| number as f64)
}

/// A sum of one width or the other.
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
