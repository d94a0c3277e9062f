//! The sums of costs, exact: whole numbers as they are, floats as whole multiples of a power of two.

use std::cell::OnceCell;
use std::collections::TryReserveError;
use std::ops::Range;

use crate::numbers::{AHEAD, Number, Numbers, Reader, Stop};

/// How many blocks share a peak.
const PEAK: usize = 1 << 10;

/// Costs of blocks while they are read. Only costs that are not negative, and finite, are taken.
pub struct Summing {
    costs: Costs,
    /// The largest of the whole numbers.
    largest: u128,
    refusal: Option<Refusal>,
}

/// What has been read so far: the sums of the first costs, 0 of them included, or the costs themselves. The first float
/// turns all into floats, since what one is a multiple of is known only at the end.
enum Costs {
    Narrow(Vec<u64>),
    Wide(Vec<u128>),
    Floats(Vec<f64>),
}

/// Why costs cannot be summed.
#[derive(Debug)]
pub enum Refusal {
    /// There is no memory for them.
    Memory(TryReserveError),
    /// The sum of whole numbers has more than 128 bits.
    TooLarge,
}

impl Summing {
    /// No costs yet.
    pub fn try_new() -> Result<Self, TryReserveError> {
        let mut sums = Vec::new();
        sums.try_reserve(1)?;
        sums.push(0);
        Ok(Self {
            costs: Costs::Narrow(sums),
            largest: 0,
            refusal: None,
        })
    }

    /// Asks for the memory of so many more costs.
    pub fn try_reserve(&mut self, more: usize) -> Result<(), TryReserveError> {
        match &mut self.costs {
            Costs::Narrow(sums) => sums.try_reserve(more),
            Costs::Wide(sums) => sums.try_reserve(more),
            Costs::Floats(costs) => costs.try_reserve(more),
        }
    }

    /// Why [`Stop::Refused`] was the answer.
    pub fn refusal(&mut self) -> Refusal {
        self.refusal.take().unwrap_or(Refusal::TooLarge)
    }

    /// The sums.
    pub fn finish(self) -> Result<Sums, TryReserveError> {
        let (width, largest, scale) = match self.costs {
            Costs::Narrow(sums) => (Width::Narrow(sums), self.largest, None),
            Costs::Wide(sums) => (Width::Wide(sums), self.largest, None),
            Costs::Floats(costs) => {
                let scale = Scale::of(&costs);
                let units = costs.iter().map(|&cost| scale.units(cost));
                let (width, largest) = if scale.bits <= u64::BITS {
                    let (sums, largest) = running(units.map(|units| units as u64), costs.len())?;
                    (Width::Narrow(sums), largest)
                } else {
                    let (sums, largest) = running(units, costs.len())?;
                    (Width::Wide(sums), largest)
                };
                (width, largest, Some(scale))
            }
        };
        Ok(Sums {
            sums: width,
            largest,
            exponent: scale.as_ref().map_or(0, |scale| scale.exponent),
            floats: scale.is_some(),
            peaks: OnceCell::new(),
        })
    }

    /// Reads whole numbers as long as their sum stays within the width. Gives where it ended.
    #[inline]
    fn read_whole<S: Sum>(sums: &mut Vec<S>, largest: &mut u128, numbers: &impl Numbers, from: usize) -> usize {
        let filled = sums.len();
        let mut sum = sums.last().copied().unwrap_or_default();
        let mut most = S::default();
        sums.resize(filled + numbers.len() - from, S::default());
        let mut index = from;
        for slot in &mut sums[filled..] {
            numbers.prefetch(index.wrapping_add(AHEAD));
            let Some(Number::Whole(cost)) = numbers.number(index) else {
                break;
            };
            let Some((cost, next)) = S::narrow(cost).and_then(|cost| Some((cost, sum.plus(cost)?))) else {
                break;
            };
            sum = next;
            *slot = sum;
            most = most.max(cost);
            index = index.wrapping_add(1);
        }
        sums.truncate(filled + index - from);
        *largest = most.wide().max(*largest);
        index
    }

    /// Reads numbers as floats. Gives where it ended.
    #[inline]
    fn read_floats(costs: &mut Vec<f64>, numbers: &impl Numbers, from: usize) -> usize {
        for index in from..numbers.len() {
            numbers.prefetch(index.wrapping_add(AHEAD));
            match numbers.number(index) {
                Some(number) if is_cost(number) => costs.push(float(number)),
                _ => return index,
            }
        }
        numbers.len()
    }

    /// Makes room for the next number, which does not fit: wider sums, or floats.
    fn widen(&mut self, number: Number, more: usize) -> Result<(), Refusal> {
        let wider = match (&self.costs, number) {
            (Costs::Narrow(sums), Number::Whole(_)) => {
                let mut wide = Vec::new();
                wide.try_reserve_exact(sums.len() + more).map_err(Refusal::Memory)?;
                wide.extend(sums.iter().map(|&sum| u128::from(sum)));
                Costs::Wide(wide)
            }
            (Costs::Narrow(sums), Number::Float(_)) => Costs::Floats(differences(sums, more)?),
            (Costs::Wide(sums), Number::Float(_)) => Costs::Floats(differences(sums, more)?),
            _ => return Err(Refusal::TooLarge),
        };
        self.costs = wider;
        Ok(())
    }

    fn read_all(&mut self, numbers: &impl Numbers) -> Result<Option<usize>, Refusal> {
        self.try_reserve(numbers.len()).map_err(Refusal::Memory)?;
        let mut index = 0;
        while index < numbers.len() {
            index = match &mut self.costs {
                Costs::Narrow(sums) => Self::read_whole(sums, &mut self.largest, numbers, index),
                Costs::Wide(sums) => Self::read_whole(sums, &mut self.largest, numbers, index),
                Costs::Floats(costs) => Self::read_floats(costs, numbers, index),
            };
            if index < numbers.len() {
                match numbers.number(index) {
                    Some(number) if is_cost(number) => self.widen(number, numbers.len() - index)?,
                    _ => return Ok(Some(index)),
                }
            }
        }
        Ok(None)
    }
}

/// Takes costs. A closer look need those that are not plain numbers, or no costs.
impl Reader for Summing {
    #[inline]
    fn read(&mut self, numbers: &impl Numbers) -> Result<(), Stop> {
        match self.read_all(numbers) {
            Ok(None) => Ok(()),
            Ok(Some(index)) => Err(Stop::At(index)),
            Err(refusal) => {
                self.refusal = Some(refusal);
                Err(Stop::Refused)
            }
        }
    }
}

/// One number, after a closer look.
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

/// Whether a number can be a cost.
pub fn is_cost(number: Number) -> bool {
    match number {
        Number::Whole(_) => true,
        Number::Float(cost) => (0.0..f64::INFINITY).contains(&cost),
    }
}

#[expect(clippy::cast_precision_loss, reason = "beside floats a whole number is one of them")]
fn float(number: Number) -> f64 {
    match number {
        Number::Whole(cost) => cost as f64,
        Number::Float(cost) => cost,
    }
}

fn differences<S: Sum>(sums: &[S], more: usize) -> Result<Vec<f64>, Refusal> {
    let mut costs = Vec::new();
    costs.try_reserve_exact(sums.len() + more).map_err(Refusal::Memory)?;
    let pairs = sums.windows(2);
    costs.extend(pairs.map(|ends| float(Number::Whole(ends[1].wide() - ends[0].wide()))));
    Ok(costs)
}

/// The sums of the first costs, from none of them to all, and the largest cost.
fn running<S: Sum>(costs: impl Iterator<Item = S>, len: usize) -> Result<(Vec<S>, u128), TryReserveError> {
    let mut sums = Vec::new();
    sums.try_reserve_exact(len + 1)?;
    let (mut sum, mut largest) = (S::default(), S::default());
    sums.push(sum);
    sums.extend(costs.map(|cost| {
        // The scale was chosen so that the sums fit.
        sum = sum.plus(cost).unwrap_or(sum);
        largest = largest.max(cost);
        sum
    }));
    Ok((sums, largest.wide()))
}

/// The power of two that floats are counted in, so that their sum fits in 128 bits.
///
/// It is the lowest bit of any of them, and all is exact, as long as no more than some 2**100 lies between the largest and
/// that bit. Otherwise the lowest bits that matter are kept, and a cost is rounded up: none becomes nothing.
pub struct Scale {
    exponent: i32,
    /// How many bits hold the sum.
    bits: u32,
}

impl Scale {
    /// The scale for floats that are finite and not negative.
    pub fn of(costs: &[f64]) -> Self {
        let (mut lowest, mut highest) = (i32::MAX, i32::MIN);
        for &cost in costs {
            let (mantissa, exponent) = parts(cost);
            if mantissa != 0 {
                lowest = lowest.min(exponent + mantissa.trailing_zeros().cast_signed());
                highest = highest.max(exponent + 64 - mantissa.leading_zeros().cast_signed());
            }
        }
        if lowest > highest {
            return Self { exponent: 0, bits: 0 };
        }
        let top = highest + (usize::BITS - costs.len().leading_zeros()).cast_signed();
        let exponent = lowest.max(top - 127);
        Self {
            exponent,
            bits: (top - exponent).cast_unsigned(),
        }
    }

    /// A float in units of this scale, rounded up.
    #[inline]
    pub fn units(&self, cost: f64) -> u128 {
        let (mantissa, exponent) = parts(cost);
        let shift = exponent - self.exponent;
        if shift >= 0 {
            u128::from(mantissa) << shift
        } else {
            let lost = u64::MAX
                .checked_shl(shift.unsigned_abs())
                .map_or(u64::MAX, |kept| !kept);
            let kept = mantissa.checked_shr(shift.unsigned_abs()).unwrap_or(0);
            u128::from(kept) + u128::from(mantissa & lost != 0)
        }
    }
}

/// A float that is not negative as a whole number times a power of two.
#[inline]
fn parts(value: f64) -> (u64, i32) {
    let bits = value.to_bits();
    let fraction = bits & ((1 << 52) - 1);
    match (bits >> 52 & 0x7ff) as i32 {
        0 => (fraction, -1074),
        exponent => (fraction | 1 << 52, exponent - 1075),
    }
}

/// A float times a power of two of at most some 1,100 either way, in two steps, since a float's own power may be less.
fn times_power_of_two(value: f64, exponent: i32) -> f64 {
    let power = |exponent: i32| f64::from_bits(u64::from((1023 + exponent).cast_unsigned()) << 52);
    value * power(exponent / 2) * power(exponent - exponent / 2)
}

/// The sums of the first costs, from none of them to all.
pub struct Sums {
    sums: Width,
    /// The costs are multiples of two to this power.
    exponent: i32,
    /// Whether the costs were given as floats.
    floats: bool,
    largest: u128,
    /// The largest cost of each [`PEAK`] blocks.
    peaks: OnceCell<Vec<u128>>,
}

enum Width {
    Narrow(Vec<u64>),
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

impl Sums {
    /// How many blocks there are.
    pub fn len(&self) -> usize {
        with!(self, sums => sums.len() - 1)
    }

    /// What the blocks of a run cost together, in units.
    pub fn of(&self, run: Range<usize>) -> u128 {
        self.first(run.end) - self.first(run.start)
    }

    /// What the first so many blocks cost.
    pub fn first(&self, blocks: usize) -> u128 {
        with!(self, sums => sums[blocks].wide())
    }

    /// What all cost.
    pub fn total(&self) -> u128 {
        self.first(self.len())
    }

    /// The cost of the block that costs most.
    pub fn largest(&self) -> u128 {
        self.largest
    }

    /// Where the longest run from `start` ends that costs no more than `most`.
    pub fn reach(&self, start: usize, most: u128) -> usize {
        match self
            .first(start)
            .checked_add(most)
            .and_then(|limit| limit.checked_add(1))
        {
            Some(beyond) => self.first_at_least(beyond, start.saturating_add(self.blocks_for(most))) - 1,
            None => self.len(),
        }
    }

    /// Where the longest run to `end` starts that costs no more than `most`.
    pub fn back(&self, end: usize, most: u128) -> usize {
        let from = self.first(end).saturating_sub(most);
        self.first_at_least(from, end.saturating_sub(self.blocks_for(most)))
    }

    /// The fewest first blocks that cost at least so much; one more than there are if none do. The nearer `guess` is to
    /// them, the faster.
    pub fn first_at_least(&self, sum: u128, guess: usize) -> usize {
        with!(self, sums => lower_bound(sums, sum, guess))
    }

    /// The first block of a run that costs more than `most`.
    pub fn first_heavier(&self, run: Range<usize>, most: u128) -> Option<usize> {
        if most >= self.largest {
            return None;
        }
        let mut block = run.start;
        while block < run.end {
            let end = run.end.min((block / PEAK + 1) * PEAK);
            if self.peaks()[block / PEAK] > most
                && let Some(heavy) = (block..end).find(|&block| self.of(block..block + 1) > most)
            {
                return Some(heavy);
            }
            block = end;
        }
        None
    }

    /// About how many blocks cost so much.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a guess, which may be off"
    )]
    fn blocks_for(&self, cost: u128) -> usize {
        (cost as f64 / self.total() as f64 * self.len() as f64) as usize
    }

    fn peaks(&self) -> &[u128] {
        self.peaks.get_or_init(|| with!(self, sums => peaks(sums)))
    }

    /// An amount in units of these sums, rounded down; as large as can be if it is larger.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "`as` saturates, and rounds down"
    )]
    pub fn units(&self, amount: Number) -> u128 {
        let shift = self.exponent.unsigned_abs();
        match amount {
            Number::Whole(amount) if self.exponent < 0 => {
                if amount == 0 || amount.leading_zeros() >= shift {
                    amount.wrapping_shl(shift)
                } else {
                    u128::MAX
                }
            }
            Number::Whole(amount) => amount.checked_shr(shift).unwrap_or(0),
            Number::Float(amount) => times_power_of_two(amount, -self.exponent) as u128,
        }
    }

    /// An amount of so many units as the costs were given: a whole number, or a float.
    #[expect(clippy::cast_precision_loss, reason = "rounded once, to the nearest float")]
    pub fn amount(&self, units: u128) -> Number {
        if self.floats {
            Number::Float(times_power_of_two(units as f64, self.exponent))
        } else {
            Number::Whole(units)
        }
    }
}

fn peaks<S: Sum>(sums: &[S]) -> Vec<u128> {
    let costs = |sums: &[S]| {
        sums.windows(2)
            .map(|ends| ends[1].wide() - ends[0].wide())
            .max()
            .unwrap_or(0)
    };
    let blocks = sums.len() - 1;
    (0..blocks)
        .step_by(PEAK)
        .map(|start| costs(&sums[start..=blocks.min(start + PEAK)]))
        .collect()
}

/// The index of the first sum that is at least `sum`, searched in growing steps from a guess.
fn lower_bound<S: Sum>(sums: &[S], sum: u128, guess: usize) -> usize {
    let Some(sum) = S::narrow(sum) else {
        return sums.len();
    };
    // All before `low` are less, none from `high` on.
    let (mut low, mut high) = (0, sums.len());
    let mut at = guess.min(high - 1);
    let mut step = 4;
    if sums[at] < sum {
        while at < high {
            if sums[at] >= sum {
                high = at;
                break;
            }
            low = at + 1;
            at += step;
            step *= 2;
        }
    } else {
        loop {
            if sums[at] < sum {
                low = at + 1;
                break;
            }
            high = at;
            if at == 0 {
                break;
            }
            at = at.saturating_sub(step);
            step *= 2;
        }
    }
    low + sums[low..high].partition_point(|&other| other < sum)
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
pub mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    struct Given<'a>(&'a [Number]);

    impl Numbers for Given<'_> {
        fn len(&self) -> usize {
            self.0.len()
        }

        fn get(&self, _index: usize) -> Option<usize> {
            None
        }

        fn number(&self, index: usize) -> Option<Number> {
            Some(self.0[index])
        }
    }

    fn summed(numbers: &[Number]) -> Result<Sums, Stop> {
        let Ok(mut summing) = Summing::try_new() else {
            unreachable!("a word fits")
        };
        summing.read(&Given(numbers))?;
        summing.finish().map_err(|_| Stop::Refused)
    }

    /// The sums of whole costs.
    pub fn whole(costs: &[u128]) -> Sums {
        let numbers: Vec<_> = costs.iter().map(|&cost| Number::Whole(cost)).collect();
        summed(&numbers).unwrap_or_else(|_| unreachable!("they fit in 128 bits"))
    }

    fn floats(costs: &[f64]) -> Sums {
        let numbers: Vec<_> = costs.iter().map(|&cost| Number::Float(cost)).collect();
        summed(&numbers).unwrap_or_else(|_| unreachable!("they are costs"))
    }

    /// Whole numbers whose sum fits in 128 bits, of one magnitude or of many.
    fn costs() -> impl Strategy<Value = Vec<u128>> {
        let any_size = (any::<u128>(), 10..128_u32).prop_map(|(number, shift)| number >> shift);
        prop_oneof![vec(0..9_u128, 0..60), vec(any_size, 0..60), vec(0..1_u128 << 62, 0..60)]
    }

    proptest! {
        #[test]
        fn runs_reach_as_far_as_a_walk_does(costs in costs(), at in 0..60_usize, most in 0..u128::MAX, shift in 0..128_u32) {
            let sums = whole(&costs);
            let (at, most) = (at.min(costs.len()), most >> shift);
            prop_assert_eq!(sums.len(), costs.len());
            prop_assert_eq!(sums.total(), costs.iter().sum::<u128>());
            prop_assert_eq!(sums.largest(), costs.iter().copied().max().unwrap_or(0));
            let fits = |run: Range<usize>| costs[run].iter().sum::<u128>() <= most;
            let end = (at..=costs.len()).rev().find(|&end| fits(at..end));
            prop_assert_eq!(Some(sums.reach(at, most)), end);
            let start = (0..=at).find(|&start| fits(start..at));
            prop_assert_eq!(Some(sums.back(at, most)), start);
            let heavy = (at..costs.len()).find(|&block| costs[block] > most);
            prop_assert_eq!(sums.first_heavier(at..costs.len(), most), heavy);
        }

        #[test]
        fn any_guess_finds_the_same(costs in costs(), sum in 0..u128::MAX, shift in 0..128_u32, guess in 0..80_usize) {
            let sums = whole(&costs);
            let sum = sum >> shift;
            let first = (0..=costs.len()).find(|&blocks| costs[..blocks].iter().sum::<u128>() >= sum);
            prop_assert_eq!(sums.first_at_least(sum, guess), first.unwrap_or(costs.len() + 1));
        }

        #[test]
        fn floats_of_some_magnitudes_are_summed_exactly(mantissas in vec(0..1_u64 << 53, 1..40), shifts in vec(0..60_i32, 40)) {
            let costs: Vec<_> = mantissas.iter().zip(&shifts).map(|(&m, &shift)| times_power_of_two(m as f64, -shift)).collect();
            let sums = floats(&costs);
            let mut exact = 0;
            for (index, (&mantissa, shift)) in mantissas.iter().zip(&shifts).enumerate() {
                exact += u128::from(mantissa) << (60 - shift);
                // In units of the sums, which are no finer than the lowest bit: 2**-60.
                prop_assert_eq!(sums.first(index + 1) << (60 + sums.exponent), exact);
            }
        }

        #[test]
        fn floats_of_all_magnitudes_are_rounded_up(costs in vec(0..0x7fe_u64 << 52 | 99, 1..40)) {
            let costs: Vec<_> = costs.into_iter().map(f64::from_bits).collect();
            let sums = floats(&costs);
            for (block, &cost) in costs.iter().enumerate() {
                let units = sums.of(block..block + 1);
                prop_assert_eq!(units == 0, cost == 0.0);
                prop_assert!(units >= sums.units(Number::Float(cost)));
                prop_assert!(units <= sums.units(Number::Float(cost)) + 1);
            }
        }

        #[test]
        fn beside_a_float_all_are_floats(costs in vec(0..1_u64 << 53, 1..40), place in 0..40_usize) {
            let mut numbers: Vec<_> = costs.iter().map(|&cost| Number::Whole(cost.into())).collect();
            numbers.insert(place.min(costs.len()), Number::Float(0.5));
            let Ok(sums) = summed(&numbers) else { unreachable!() };
            prop_assert!(matches!(sums.amount(sums.total()), Number::Float(_)));
            prop_assert_eq!(sums.total(), costs.iter().map(|&cost| 2 * u128::from(cost)).sum::<u128>() + 1);
        }
    }

    #[test]
    fn what_is_no_cost_needs_a_closer_look() {
        for odd in [-1.0, -f64::MIN_POSITIVE, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(summed(&[Number::Whole(1), Number::Float(odd)]).err(), Some(Stop::At(1)));
            assert_eq!(
                summed(&[Number::Float(1.0), Number::Float(odd)]).err(),
                Some(Stop::At(1))
            );
        }
        assert_eq!(floats(&[-0.0]).total(), 0);
    }

    #[test]
    fn sums_have_128_bits() {
        assert_eq!(whole(&[u128::MAX - 1, 1]).total(), u128::MAX);
        assert_eq!(
            summed(&[Number::Whole(u128::MAX), Number::Whole(1)]).err(),
            Some(Stop::Refused)
        );
        let sums = whole(&[u64::MAX.into(), 1, 5]);
        assert_eq!((sums.first(1), sums.total()), (u64::MAX.into(), (1 << 64) + 5));
    }

    #[test]
    fn amounts_come_back_as_they_were_given() {
        for cost in [0.1, 5e-324, f64::MAX, 1e300, 3.0] {
            let sums = floats(&[cost]);
            assert!(
                matches!(sums.amount(sums.total()), Number::Float(same) if same == cost),
                "{cost}"
            );
            assert_eq!(sums.units(Number::Float(cost)), sums.total(), "{cost}");
        }
        let sums = floats(&[0.25]);
        assert_eq!(sums.units(Number::Whole(3)), 12);
        assert_eq!(sums.units(Number::Whole(u128::MAX)), u128::MAX);
        assert_eq!(sums.units(Number::Float(f64::INFINITY)), u128::MAX);
        assert_eq!(floats(&[1e300]).units(Number::Whole(1)), 0);
    }
}
