//! Builds prefix sums while costs are read: integers are summed exactly, floats are scaled by a power of two.

use std::collections::TryReserveError;

use super::{PrefixSums, Sum, Width, to_f64};
use crate::numbers::{Number, NumberSource, PREFETCH_DISTANCE, Stop, Visitor, float_parts};

/// Reads costs and computes their prefix sums.
///
/// Integers are summed exactly, in 64 bits while the sum fits, then in 128 bits. If there is a float among the costs, all
/// costs are converted to floats, since a float is regarded as a measurement. After the last cost they are scaled by a
/// power of two, such that their sum fits in 128 bits.
pub struct PrefixSumsBuilder {
    costs: Costs,
    /// The largest integer cost.
    largest: u128,
    /// The expected number of costs.
    expected: usize,
    /// Whether each cost must be a whole number of bytes.
    whole_bytes: bool,
}

/// The costs read so far.
enum Costs {
    /// Integers, stored as their prefix sums.
    Whole(Width),
    /// Floats. Each element is the bit pattern of a cost, preceded by a 0; the elements are later replaced by the prefix
    /// sums, so that no second vector is allocated.
    Floats(Vec<u128>),
}

/// Why the prefix sums cannot be computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SumsError {
    /// There is not enough memory.
    Memory,
    /// The sum of the integers does not fit in 128 bits.
    TooLarge,
}

impl From<TryReserveError> for SumsError {
    fn from(_: TryReserveError) -> Self {
        Self::Memory
    }
}

impl PrefixSumsBuilder {
    /// Returns an empty builder for the expected number of costs. With `whole_bytes`, the builder stops at each number that
    /// is not a whole number of bytes.
    pub fn new(expected: usize, whole_bytes: bool) -> Self {
        Self {
            costs: Costs::Whole(Width::Narrow(vec![0])),
            largest: 0,
            expected,
            whole_bytes,
        }
    }

    /// Returns the prefix sums.
    pub fn finish(self) -> PrefixSums {
        let (sums, scale, largest) = match self.costs {
            Costs::Whole(sums) => (sums, None, self.largest),
            Costs::Floats(mut costs) => {
                let scale = scale_of(&costs);
                let largest = sum_scaled(&mut costs, scale);
                (Width::Wide(costs), Some(scale), largest)
            }
        };
        let (blocks, total) = match &sums {
            Width::Narrow(sums) => (sums.len() - 1, sums[sums.len() - 1].wide()),
            Width::Wide(sums) => (sums.len() - 1, sums[sums.len() - 1]),
        };
        PrefixSums {
            blocks_per_unit: to_f64(blocks as u128) / to_f64(total),
            sums,
            scale,
            largest,
        }
    }

    /// Adds costs that `value` converts to the type `S`, from index `from` on. Returns the index of the first item that
    /// cannot be converted or whose addition overflows, or the length. The function is not inlined so that the state of
    /// the loop fits in registers.
    #[inline(never)]
    fn read_whole<S: Sum>(
        sums: &mut Vec<S>,
        largest: &mut u128,
        numbers: &impl NumberSource,
        from: usize,
        value: impl Fn(Number) -> Option<S>,
    ) -> usize {
        let mut sum = sums.last().copied().unwrap_or_default();
        let mut largest_here = S::default();
        let mut index = from;
        while index < numbers.len() {
            numbers.prefetch(index.wrapping_add(PREFETCH_DISTANCE));
            let Some(cost) = numbers.number(index).and_then(&value) else {
                break;
            };
            let Some(next) = sum.plus(cost) else {
                break;
            };
            sum = next;
            sums.push(sum);
            largest_here = largest_here.max(cost);
            index = index.wrapping_add(1);
        }
        *largest = largest_here.wide().max(*largest);
        index
    }

    /// Adds costs as floats, from index `from` on. Returns the index of the first item that is not a cost, or the length.
    #[inline(never)]
    fn read_floats(costs: &mut Vec<u128>, numbers: &impl NumberSource, from: usize) -> usize {
        let mut index = from;
        while index < numbers.len() {
            numbers.prefetch(index.wrapping_add(PREFETCH_DISTANCE));
            let Some(cost) = numbers.number(index).filter(|number| number.is_amount()) else {
                break;
            };
            costs.push(bits_of(cost));
            index = index.wrapping_add(1);
        }
        index
    }

    /// Reads all costs. Returns the index of the first item that is not a cost, or `None` after the last item.
    fn read_all(&mut self, numbers: &impl NumberSource) -> Result<Option<usize>, SumsError> {
        let mut index = 0;
        while index < numbers.len() {
            let remaining = numbers.len() - index;
            // A list may have grown since the expected number was determined.
            let additional = |len: usize| (self.expected + 1).saturating_sub(len).max(remaining);
            index = match &mut self.costs {
                Costs::Whole(Width::Narrow(sums)) if self.whole_bytes => {
                    sums.try_reserve(additional(sums.len()))?;
                    let value = |number: Number| narrow(Number::Whole(number.whole_bytes()?));
                    Self::read_whole(sums, &mut self.largest, numbers, index, value)
                }
                Costs::Whole(Width::Wide(sums)) if self.whole_bytes => {
                    sums.try_reserve(additional(sums.len()))?;
                    Self::read_whole(sums, &mut self.largest, numbers, index, Number::whole_bytes)
                }
                Costs::Whole(Width::Narrow(sums)) => {
                    sums.try_reserve(additional(sums.len()))?;
                    Self::read_whole(sums, &mut self.largest, numbers, index, narrow)
                }
                Costs::Whole(Width::Wide(sums)) => {
                    sums.try_reserve(additional(sums.len()))?;
                    Self::read_whole(sums, &mut self.largest, numbers, index, wide)
                }
                Costs::Floats(costs) => {
                    costs.try_reserve(additional(costs.len()))?;
                    Self::read_floats(costs, numbers, index)
                }
            };
            if index < numbers.len() {
                let number = numbers.number(index).filter(|number| number.is_amount());
                let cost = match number {
                    Some(number) if self.whole_bytes => number.whole_bytes().map(Number::Whole),
                    number => number,
                };
                match cost {
                    Some(cost) => self.widen_for(cost)?,
                    None => return Ok(Some(index)),
                }
            }
        }
        Ok(None)
    }

    /// Converts the sums to a type that can represent a cost: integers of 128 bits, or floats.
    #[cold]
    fn widen_for(&mut self, cost: Number) -> Result<(), SumsError> {
        let Costs::Whole(sums) = &self.costs else {
            return Ok(());
        };
        self.costs = match (sums, cost) {
            (Width::Narrow(sums), Number::Whole(_)) => {
                let mut wide = Vec::new();
                wide.try_reserve_exact(sums.capacity().max(self.expected + 1))?;
                wide.extend(sums.iter().map(|&sum| u128::from(sum)));
                Costs::Whole(Width::Wide(wide))
            }
            (Width::Wide(_), Number::Whole(_)) => return Err(SumsError::TooLarge),
            (Width::Narrow(sums), Number::Float(_)) => Costs::Floats(to_floats(sums, self.expected)?),
            (Width::Wide(sums), Number::Float(_)) => Costs::Floats(to_floats(sums, self.expected)?),
        };
        Ok(())
    }
}

/// Stops with [`Stop::NotPlain`] at each item that is not a plain number, or not a finite non-negative one. The caller
/// converts such an item or raises an error.
impl Visitor for PrefixSumsBuilder {
    type Error = SumsError;

    #[inline]
    fn visit(&mut self, numbers: &impl NumberSource) -> Result<(), Stop<SumsError>> {
        match self.read_all(numbers) {
            Ok(None) => Ok(()),
            Ok(Some(index)) => Err(Stop::NotPlain(index)),
            Err(error) => Err(Stop::Error(error)),
        }
    }
}

/// A source of a single number.
pub struct SingleNumber(pub Number);

impl NumberSource for SingleNumber {
    fn len(&self) -> usize {
        1
    }

    fn get(&self, _index: usize) -> Option<usize> {
        None
    }

    fn number(&self, _index: usize) -> Option<Number> {
        Some(self.0)
    }
}

/// Returns an integer that fits in 64 bits.
#[inline]
fn narrow(number: Number) -> Option<u64> {
    match number {
        Number::Whole(cost) => cost.try_into().ok(),
        Number::Float(_) => None,
    }
}

/// Returns an integer.
#[inline]
fn wide(number: Number) -> Option<u128> {
    match number {
        Number::Whole(cost) => Some(cost),
        Number::Float(_) => None,
    }
}

/// Returns the bit pattern of a cost as a float.
#[inline]
fn bits_of(cost: Number) -> u128 {
    let float = match cost {
        Number::Whole(cost) => to_f64(cost),
        // Removes the sign of -0.0.
        Number::Float(cost) => cost.abs(),
    };
    float.to_bits().into()
}

/// Converts the prefix sums of integers to the bit patterns of the costs as floats, preceded by a 0.
fn to_floats<S: Sum>(sums: &[S], expected: usize) -> Result<Vec<u128>, TryReserveError> {
    let mut costs = Vec::new();
    costs.try_reserve_exact((expected + 1).max(sums.len()))?;
    costs.push(0);
    costs.extend(
        sums.windows(2)
            .map(|ends| bits_of(Number::Whole(ends[1].wide() - ends[0].wide()))),
    );
    Ok(costs)
}

/// Returns the exponent of the unit in which floats are counted. The unit is `2**exponent`, the smallest for which the
/// largest cost times the number of costs fits in 127 bits.
#[expect(clippy::cast_possible_truncation, reason = "a float has 64 bits")]
fn scale_of(costs: &[u128]) -> i32 {
    // The bit patterns of non-negative floats are ordered as the floats are.
    let largest = costs.iter().copied().max().unwrap_or(0);
    let (mantissa, power) = float_parts(f64::from_bits(largest as u64));
    bit_length(mantissa.into()) + power + bit_length(costs.len() as u128) - 127
}

/// Replaces the bit patterns of floats by their prefix sums in units of `2**scale`, each cost rounded up to a whole number
/// of units. Returns the largest cost in units.
#[expect(clippy::cast_possible_truncation, reason = "a float has 64 bits")]
fn sum_scaled(costs: &mut [u128], scale: i32) -> u128 {
    let (mut sum, mut largest) = (0, 0);
    for cost in costs {
        let (mantissa, power) = float_parts(f64::from_bits(*cost as u64));
        let units = scaled(mantissa, power - scale);
        largest = units.max(largest);
        sum += units;
        *cost = sum;
    }
    largest
}

/// Returns `number * 2**power`, rounded up.
#[inline]
fn scaled(number: u64, power: i32) -> u128 {
    let number = u128::from(number);
    if power >= 0 {
        return number << power;
    }
    match number.checked_shr(power.unsigned_abs()) {
        Some(kept) => kept + u128::from(kept << power.unsigned_abs() != number),
        None => u128::from(number != 0),
    }
}

/// Returns the number of bits of a number.
fn bit_length(number: u128) -> i32 {
    (u128::BITS - number.leading_zeros()).cast_signed()
}
