//! Prefix sums while costs are read: whole numbers as they are, floats scaled once by a power of two.

use std::collections::TryReserveError;

use super::{PrefixSums, Sum, Width, to_f64};
use crate::numbers::{AHEAD, Number, Numbers, Reader, Stop, float_parts};

/// Reads costs, which must be finite and not negative, and sums them up.
///
/// Whole numbers are summed exactly, in 64 bits or, if their sum needs more, in 128. With the first float all costs become
/// floats, since a float is a measurement; when all are known, they are scaled by a power of two into 128 bits.
pub struct PrefixSumsBuilder {
    costs: Costs,
    /// The largest whole cost.
    largest: u128,
    /// How many costs there will be.
    expected: usize,
    /// Whether each cost must be a whole number of bytes, as sizes are.
    whole_bytes: bool,
}

/// The costs that have been read.
enum Costs {
    /// Whole numbers, as their prefix sums.
    Whole(Width),
    /// All as floats, if one of them is: their bits, after a 0, where the sums will be. So the sums need no memory besides.
    Floats(Vec<u128>),
}

/// Why costs cannot be summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SumsError {
    /// There is no memory for them.
    Memory,
    /// The sum of whole numbers has more than 128 bits.
    TooLarge,
}

impl From<TryReserveError> for SumsError {
    fn from(_: TryReserveError) -> Self {
        Self::Memory
    }
}

impl PrefixSumsBuilder {
    /// An empty builder with room for the expected number of costs. With `whole_bytes`, numbers that are not whole numbers of
    /// bytes are left to the caller, as those that are no costs.
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

    /// Reads costs of which each has a value of type `S`. Returns the index where it ended: at a number that has none, or
    /// that does not fit into the sum. A function of its own, so that what the loop keeps fits into registers.
    #[inline(never)]
    fn read_whole<S: Sum>(
        sums: &mut Vec<S>,
        largest: &mut u128,
        numbers: &impl Numbers,
        from: usize,
        value: impl Fn(Number) -> Option<S>,
    ) -> usize {
        let mut sum = sums.last().copied().unwrap_or_default();
        let mut most = S::default();
        let mut index = from;
        while index < numbers.len() {
            numbers.prefetch(index.wrapping_add(AHEAD));
            let Some(cost) = numbers.number(index).and_then(&value) else {
                break;
            };
            let Some(next) = sum.plus(cost) else {
                break;
            };
            sum = next;
            sums.push(sum);
            most = most.max(cost);
            index = index.wrapping_add(1);
        }
        *largest = most.wide().max(*largest);
        index
    }

    /// Reads costs as floats. Returns the index of the first number that is no cost, or the length.
    #[inline(never)]
    fn read_floats(costs: &mut Vec<u128>, numbers: &impl Numbers, from: usize) -> usize {
        let mut index = from;
        while index < numbers.len() {
            numbers.prefetch(index.wrapping_add(AHEAD));
            let Some(cost) = numbers.number(index).filter(|number| number.is_amount()) else {
                break;
            };
            costs.push(bits_of(cost));
            index = index.wrapping_add(1);
        }
        index
    }

    fn read_all(&mut self, numbers: &impl Numbers) -> Result<Option<usize>, SumsError> {
        let mut index = 0;
        while index < numbers.len() {
            let more = numbers.len() - index;
            // For all that are expected, and more if there are.
            let room = |len: usize| (self.expected + 1).saturating_sub(len).max(more);
            index = match &mut self.costs {
                Costs::Whole(Width::Narrow(sums)) if self.whole_bytes => {
                    sums.try_reserve(room(sums.len()))?;
                    let value = |number: Number| narrow(Number::Whole(number.whole_bytes()?));
                    Self::read_whole(sums, &mut self.largest, numbers, index, value)
                }
                Costs::Whole(Width::Wide(sums)) if self.whole_bytes => {
                    sums.try_reserve(room(sums.len()))?;
                    Self::read_whole(sums, &mut self.largest, numbers, index, Number::whole_bytes)
                }
                Costs::Whole(Width::Narrow(sums)) => {
                    sums.try_reserve(room(sums.len()))?;
                    Self::read_whole(sums, &mut self.largest, numbers, index, narrow)
                }
                Costs::Whole(Width::Wide(sums)) => {
                    sums.try_reserve(room(sums.len()))?;
                    Self::read_whole(sums, &mut self.largest, numbers, index, wide)
                }
                Costs::Floats(costs) => {
                    costs.try_reserve(room(costs.len()))?;
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
                    Some(cost) => self.make_room(cost)?,
                    None => return Ok(Some(index)),
                }
            }
        }
        Ok(None)
    }

    /// Changes the kind of sums, so that a cost can be taken that could not be.
    #[cold]
    fn make_room(&mut self, cost: Number) -> Result<(), SumsError> {
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

/// Reads costs. Those that are not plain numbers, or no costs, are left to the caller.
impl Reader for PrefixSumsBuilder {
    type Error = SumsError;

    #[inline]
    fn read(&mut self, numbers: &impl Numbers) -> Result<(), Stop<SumsError>> {
        match self.read_all(numbers) {
            Ok(None) => Ok(()),
            Ok(Some(index)) => Err(Stop::NotPlain(index)),
            Err(error) => Err(Stop::Error(error)),
        }
    }
}

/// A single number.
pub struct One(pub Number);

impl Numbers for One {
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

/// A whole cost of 64 bits.
#[inline]
fn narrow(number: Number) -> Option<u64> {
    match number {
        Number::Whole(cost) => cost.try_into().ok(),
        Number::Float(_) => None,
    }
}

/// A whole cost.
#[inline]
fn wide(number: Number) -> Option<u128> {
    match number {
        Number::Whole(cost) => Some(cost),
        Number::Float(_) => None,
    }
}

/// The bits of a cost as a float.
#[inline]
fn bits_of(cost: Number) -> u128 {
    let float = match cost {
        Number::Whole(cost) => to_f64(cost),
        // Without the sign of -0.0.
        Number::Float(cost) => cost.abs(),
    };
    float.to_bits().into()
}

/// The bits of costs as floats, after a 0, from the prefix sums of whole costs.
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

/// The power of two by which floats are scaled: the unit in which they are counted is two to this power, so small that the
/// largest cost, as many times as there are costs, still fits in 127 bits.
#[expect(clippy::cast_possible_truncation, reason = "the bits of a float are 64")]
fn scale_of(costs: &[u128]) -> i32 {
    // The bits of floats that are not negative have the order of the floats.
    let largest = costs.iter().copied().max().unwrap_or(0);
    let (mantissa, power) = float_parts(f64::from_bits(largest as u64));
    length(mantissa.into()) + power + length(costs.len() as u128) - 127
}

/// Turns the bits of floats into their prefix sums in units of two to the power `scale`, each cost rounded up to a whole
/// unit. Returns the largest cost.
#[expect(clippy::cast_possible_truncation, reason = "the bits of a float are 64")]
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

/// A number times a power of two, rounded up.
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

/// How many bits a number has.
fn length(number: u128) -> i32 {
    (u128::BITS - number.leading_zeros()).cast_signed()
}
