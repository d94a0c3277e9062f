//! Builds prefix sums from costs: integers are summed exactly, floats are scaled by a power of two.

use std::collections::TryReserveError;

use super::{PrefixSums, Sum, Width, to_f64};
use crate::numbers::{Number, NumberSource, PREFETCH_DISTANCE, Stop, Visitor, float_parts};

/// A visitor that reads costs and computes their prefix sums.
///
/// Integers are summed exactly: in 64 bits as long as the sum fits, then in 128 bits. If any cost is a float, all costs are
/// converted to floats, since a float is regarded as a measurement. After the last cost has been read, the floats are scaled
/// by a power of two such that their sum fits in 128 bits.
pub struct PrefixSumsBuilder {
    costs: Costs,
    /// The largest of the integers read so far.
    largest_cost: u128,
    /// The expected number of costs.
    expected: usize,
    /// Whether each cost must be a whole number of bytes.
    whole_bytes: bool,
}

/// The costs that have been read.
enum Costs {
    /// All costs are integers. Only their prefix sums are stored.
    Whole(Width),
    /// A 0, followed by the bit pattern of each cost as a float. `finish` replaces the elements by the prefix sums, so that no
    /// second vector is needed.
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
    /// Returns an empty builder for about `expected` costs. With `whole_bytes`, the builder stops at each number that is not a
    /// whole number of bytes.
    pub fn new(expected: usize, whole_bytes: bool) -> Self {
        Self {
            costs: Costs::Whole(Width::Narrow(vec![0])),
            largest_cost: 0,
            expected,
            whole_bytes,
        }
    }

    /// Returns the prefix sums of the costs that have been read.
    pub fn finish(self) -> PrefixSums {
        let (sums, scale, largest_cost) = match self.costs {
            Costs::Whole(sums) => (sums, None, self.largest_cost),
            Costs::Floats(mut costs) => {
                let scale = choose_scale(&costs);
                let largest_cost = replace_by_prefix_sums(&mut costs, scale);
                (Width::Wide(costs), Some(scale), largest_cost)
            }
        };
        let (num_blocks, total) = match &sums {
            Width::Narrow(sums) => (sums.len() - 1, sums[sums.len() - 1].wide()),
            Width::Wide(sums) => (sums.len() - 1, sums[sums.len() - 1]),
        };
        PrefixSums {
            blocks_per_unit: to_f64(num_blocks as u128) / to_f64(total),
            sums,
            scale,
            largest_cost,
        }
    }

    /// Reads integer costs, starting at index `from`, and appends their prefix sums to `sums`. `convert` converts a cost to
    /// the type of the sums. Returns the index of the first item that cannot be converted or added, or the length.
    ///
    /// The function is not inlined so that the variables of the loop fit in registers.
    #[inline(never)]
    fn read_whole<S: Sum>(
        sums: &mut Vec<S>,
        largest_cost: &mut u128,
        numbers: &impl NumberSource,
        from: usize,
        convert: impl Fn(Number) -> Option<S>,
    ) -> usize {
        let mut sum = sums.last().copied().unwrap_or_default();
        let mut largest_read = S::default();
        let mut index = from;
        while index < numbers.len() {
            numbers.prefetch(index.wrapping_add(PREFETCH_DISTANCE));
            let Some(cost) = numbers.number(index).and_then(&convert) else {
                break;
            };
            let Some(next) = sum.plus(cost) else {
                break;
            };
            sum = next;
            sums.push(sum);
            largest_read = largest_read.max(cost);
            index = index.wrapping_add(1);
        }
        *largest_cost = largest_read.wide().max(*largest_cost);
        index
    }

    /// Reads costs, starting at index `from`, and appends the bit patterns of their floats to `costs`. Returns the index of
    /// the first item that is not a cost, or the length.
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

    /// Reads costs until an item is not a cost, and returns its index. Returns `None` if all items are costs.
    fn read_all(&mut self, numbers: &impl NumberSource) -> Result<Option<usize>, SumsError> {
        let mut index = 0;
        while index < numbers.len() {
            let remaining = numbers.len() - index;
            // The space to reserve after `len` elements. A list can have grown since the expected number was determined.
            let additional = |len: usize| (self.expected + 1).saturating_sub(len).max(remaining);
            index = match &mut self.costs {
                Costs::Whole(Width::Narrow(sums)) if self.whole_bytes => {
                    sums.try_reserve(additional(sums.len()))?;
                    let convert = |number: Number| narrow(Number::Whole(number.whole_bytes()?));
                    Self::read_whole(sums, &mut self.largest_cost, numbers, index, convert)
                }
                Costs::Whole(Width::Wide(sums)) if self.whole_bytes => {
                    sums.try_reserve(additional(sums.len()))?;
                    Self::read_whole(sums, &mut self.largest_cost, numbers, index, Number::whole_bytes)
                }
                Costs::Whole(Width::Narrow(sums)) => {
                    sums.try_reserve(additional(sums.len()))?;
                    Self::read_whole(sums, &mut self.largest_cost, numbers, index, narrow)
                }
                Costs::Whole(Width::Wide(sums)) => {
                    sums.try_reserve(additional(sums.len()))?;
                    Self::read_whole(sums, &mut self.largest_cost, numbers, index, wide)
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

    /// Converts the stored costs to a representation to which `cost` can be added: integers of 128 bits, or floats.
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

/// Returns the value of an integer that fits in 64 bits, otherwise `None`.
#[inline]
fn narrow(number: Number) -> Option<u64> {
    match number {
        Number::Whole(cost) => cost.try_into().ok(),
        Number::Float(_) => None,
    }
}

/// Returns the value of an integer, or `None` for a float.
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
        // The only negative value is -0.0, whose bit pattern would not be 0.
        Number::Float(cost) => cost.abs(),
    };
    float.to_bits().into()
}

/// Converts the prefix sums of integers to a 0 followed by the bit pattern of each cost as a float.
fn to_floats<S: Sum>(sums: &[S], expected: usize) -> Result<Vec<u128>, TryReserveError> {
    let mut costs = Vec::new();
    costs.try_reserve_exact((expected + 1).max(sums.len()))?;
    costs.push(0);
    costs.extend(
        sums.windows(2)
            .map(|pair| bits_of(Number::Whole(pair[1].wide() - pair[0].wide()))),
    );
    Ok(costs)
}

/// Returns the exponent of the unit of which the costs become integer multiples. The unit is `2**exponent`, the smallest one
/// for which the largest cost times the number of costs fits in 127 bits. `costs` contains bit patterns of floats.
#[expect(clippy::cast_possible_truncation, reason = "a float has 64 bits")]
fn choose_scale(costs: &[u128]) -> i32 {
    // The bit patterns of non-negative floats have the same order as the floats.
    let largest = costs.iter().copied().max().unwrap_or(0);
    let (mantissa, exponent) = float_parts(f64::from_bits(largest as u64));
    bit_length(mantissa.into()) + exponent + bit_length(costs.len() as u128) - 127
}

/// Replaces the bit patterns of floats by the prefix sums of the floats, in units of `2**scale`. Each cost is rounded up to a
/// whole number of units. Returns the largest cost in units.
#[expect(clippy::cast_possible_truncation, reason = "a float has 64 bits")]
fn replace_by_prefix_sums(costs: &mut [u128], scale: i32) -> u128 {
    let (mut sum, mut largest_cost) = (0, 0);
    for cost in costs {
        let (mantissa, exponent) = float_parts(f64::from_bits(*cost as u64));
        let units = times_power_of_two_rounded_up(mantissa, exponent - scale);
        largest_cost = units.max(largest_cost);
        sum += units;
        *cost = sum;
    }
    largest_cost
}

/// Returns `number * 2**exponent`, rounded up.
#[inline]
fn times_power_of_two_rounded_up(number: u64, exponent: i32) -> u128 {
    let number = u128::from(number);
    if exponent >= 0 {
        return number << exponent;
    }
    match number.checked_shr(exponent.unsigned_abs()) {
        Some(quotient) => quotient + u128::from(quotient << exponent.unsigned_abs() != number),
        None => u128::from(number != 0),
    }
}

/// Returns the number of bits of a number.
fn bit_length(number: u128) -> i32 {
    (u128::BITS - number.leading_zeros()).cast_signed()
}
