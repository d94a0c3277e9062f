//! Exact prefix sums of costs, and searches in them.

mod builder;
mod search;

use std::hint::black_box;
use std::ops::Range;

pub use builder::{PrefixSumsBuilder, SingleNumber, SumsError};
use search::lower_bound;

use crate::numbers::{BYTES_LIMIT, Number};

/// A vector of prefix sums, with 64 or 128 bits each.
enum Width {
    /// Prefix sums of 64 bits.
    Narrow(Vec<u64>),
    /// Prefix sums of 128 bits.
    Wide(Vec<u128>),
}

/// Evaluates an expression with `$sums` bound to the vector of prefix sums, whatever its width.
macro_rules! with_sums {
    ($self:expr, $sums:ident => $body:expr) => {
        match &$self.sums {
            Width::Narrow($sums) => $body,
            Width::Wide($sums) => $body,
        }
    };
}

/// The longest run with a given end whose cost does not exceed a limit.
pub struct LeftExtension {
    /// The first block of the run.
    pub start: usize,
    /// The cost of the run.
    pub cost: u128,
    /// The cost of the run extended by one more block at its start, or of the run itself if it starts at block 0.
    pub next_cost: u128,
}

/// The sums of the first 0, 1, 2, … costs, as integer multiples of a unit. The unit is 1 if all costs are integers.
pub struct PrefixSums {
    sums: Width,
    /// The unit is `2**scale` if some costs are floats, and 1 if this is `None`.
    scale: Option<i32>,
    largest_cost: u128,
    /// The number of blocks divided by their total cost, in units.
    blocks_per_unit: f64,
}

impl PrefixSums {
    /// Returns the number of blocks.
    pub fn len(&self) -> usize {
        with_sums!(self, sums => sums.len() - 1)
    }

    /// Returns the cost of a run, in units.
    pub fn sum(&self, run: Range<usize>) -> u128 {
        self.prefix(run.end) - self.prefix(run.start)
    }

    /// Returns the cost of the first `n` blocks, in units.
    pub fn prefix(&self, n: usize) -> u128 {
        with_sums!(self, sums => sums[n].wide())
    }

    /// Returns the cost of the first `n` blocks, in units, as a float.
    pub fn prefix_f64(&self, n: usize) -> f64 {
        to_f64(self.prefix(n))
    }

    /// Returns the cost of all blocks, in units.
    pub fn total(&self) -> u128 {
        self.prefix(self.len())
    }

    /// Returns `true` if the costs are also valid sizes: integers below [`BYTES_LIMIT`].
    pub fn are_valid_sizes(&self) -> bool {
        self.scale.is_none() && self.largest_cost < BYTES_LIMIT
    }

    /// Returns the largest cost of a block, in units.
    pub fn largest_cost(&self) -> u128 {
        self.largest_cost
    }

    /// Returns the end of the longest run that starts at `start` and costs at most `max_cost`. The search is fast if `guess`
    /// is close to the result.
    pub fn extend_right(&self, start: usize, max_cost: u128, guess: usize) -> usize {
        let limit = self.prefix(start).checked_add(max_cost);
        match limit.and_then(|limit| limit.checked_add(1)) {
            Some(first_sum_beyond) => self.lower_bound(first_sum_beyond, guess) - 1,
            None => self.len(),
        }
    }

    /// Returns the longest run that ends at `end` and costs at most `max_cost`. The search is fast if `guess` is close to the
    /// start of that run.
    pub fn extend_left(&self, end: usize, max_cost: u128, guess: usize) -> LeftExtension {
        with_sums!(self, sums => {
            // The caller usually searches for the preceding run next. This loads the sum at its start into the cache, on the
            // assumption that the run has the same length, `end - guess`. `black_box` keeps the unused load.
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
        with_sums!(self, sums => lower_bound(sums, sum, guess, self.blocks_per_unit))
    }

    /// Returns [`Self::lower_bound`] for a sum that is a float, which is rounded up to an integer.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the cast saturates"
    )]
    pub fn lower_bound_f64(&self, sum: f64, guess: usize) -> usize {
        self.lower_bound(sum.ceil() as u128, guess)
    }

    /// Returns the range of all `m` with `prefix(m) == prefix(n)`.
    pub fn plateau(&self, n: usize) -> Range<usize> {
        let sum = self.prefix(n);
        let differs = |other| self.prefix(other) != sum;
        let start = match n {
            0 => 0,
            _ if differs(n - 1) => n,
            _ => self.lower_bound(sum, n),
        };
        let end = match n {
            _ if n == self.len() => n + 1,
            _ if differs(n + 1) => n + 1,
            _ => sum
                .checked_add(1)
                .map_or(self.len() + 1, |larger| self.lower_bound(larger, n)),
        };
        start..end
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

/// Converts an integer to a float. If the integer fits in 64 bits, that takes one instruction instead of a function call.
#[inline]
#[expect(clippy::cast_precision_loss, reason = "the result is an approximation")]
pub fn to_f64(number: u128) -> f64 {
    u64::try_from(number).map_or_else(|_| number as f64, |number| number as f64)
}

/// An unsigned integer type in which prefix sums are stored.
trait Sum: Copy + Default + Ord {
    /// Converts a number to this type. Returns `None` if it does not fit.
    fn narrow(number: u128) -> Option<Self>;
    /// Adds two numbers. Returns `None` on overflow.
    fn plus(self, other: Self) -> Option<Self>;
    /// Converts the number to 128 bits.
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
