//! The sums of costs, exact: whole numbers as they are, floats as whole multiples of a power of two.

use std::collections::TryReserveError;
use std::hint::black_box;
use std::ops::Range;
use std::sync::OnceLock;

use crate::numbers::{AHEAD, Number, Numbers, Reader, Stop, float_parts};

/// How many blocks share a peak.
const PEAK: usize = 1 << 10;

/// Costs of blocks while they are read. Only costs that are not negative, and finite, are taken.
///
/// Each is a whole number of units, and a unit a power of two: 1, as long as there are only whole numbers, else no more than
/// the lowest bit of any float so far. When a cost needs finer units, or the sum coarser ones, all sums are counted in them.
/// So everything is exact, in whatever order it comes, unless there are more than 128 bits from the lowest bit to the sum's
/// highest: then the sums are rounded, to a hundred bits or more.
pub struct Summing {
    firsts: Width,
    /// The unit is two to this power.
    exponent: i32,
    /// The largest cost.
    largest: u128,
    /// Whether there are floats.
    floats: bool,
    /// Whether nothing was rounded.
    exact: bool,
    /// How many costs there will be.
    expected: usize,
    refusal: Option<Refusal>,
}

/// The sums of the first costs, from none of them to all.
enum Width {
    Narrow(Vec<u64>),
    Wide(Vec<u128>),
}

/// Does the same with sums of either width.
macro_rules! with {
    ($self:expr, $sums:ident => $do:expr) => {
        match &$self.firsts {
            Width::Narrow($sums) => $do,
            Width::Wide($sums) => $do,
        }
    };
}

/// Why costs cannot be summed.
#[derive(Debug)]
pub enum Refusal {
    /// There is no memory for them.
    Memory,
    /// The sum of whole numbers has more than 128 bits.
    TooLarge,
}

impl From<TryReserveError> for Refusal {
    fn from(_: TryReserveError) -> Self {
        Self::Memory
    }
}

impl Summing {
    /// No costs yet, of so many that are expected.
    pub fn try_new(expected: usize) -> Result<Self, TryReserveError> {
        let mut sums = Vec::new();
        sums.try_reserve(1)?;
        sums.push(0);
        Ok(Self {
            firsts: Width::Narrow(sums),
            exponent: 0,
            largest: 0,
            floats: false,
            exact: true,
            expected,
            refusal: None,
        })
    }

    /// Why [`Stop::Refused`] was the answer.
    pub fn refusal(&mut self) -> Refusal {
        self.refusal.take().unwrap_or(Refusal::TooLarge)
    }

    /// The sums.
    pub fn finish(self) -> Sums {
        let (blocks, total) = with!(self, sums => (sums.len() - 1, sums[sums.len() - 1].wide()));
        Sums {
            blocks_per_unit: about(blocks as u128) / about(total),
            firsts: self.firsts,
            exponent: self.exponent,
            largest: self.largest,
            floats: self.floats,
            exact: self.exact,
            peaks: OnceLock::new(),
        }
    }

    /// Reads costs into sums of one width. Gives where it ended: at a number that is no cost, or that these sums, counted
    /// in these units, cannot take. A function of its own, so that what the loop keeps fits into registers.
    #[inline(never)]
    fn read_into<S: Sum>(
        sums: &mut Vec<S>,
        largest: &mut u128,
        numbers: &impl Numbers,
        from: usize,
        units: impl Fn(Number) -> Option<S>,
    ) -> usize {
        let mut sum = sums.last().copied().unwrap_or_default();
        let mut most = S::default();
        let mut index = from;
        while index < numbers.len() {
            numbers.prefetch(index.wrapping_add(AHEAD));
            let Some(cost) = numbers.number(index).and_then(&units) else {
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

    /// How many costs have been read.
    fn len(&self) -> usize {
        with!(self, sums => sums.len() - 1)
    }

    fn read_all(&mut self, numbers: &impl Numbers) -> Result<Option<usize>, Refusal> {
        let mut index = 0;
        while index < numbers.len() {
            let (exponent, exact, floats) = (self.exponent, self.exact, self.floats);
            // All that are expected, and more if there are.
            let more = (self.expected + 1).max(self.len() + 1 + numbers.len() - index);
            index = match &mut self.firsts {
                Width::Narrow(_) if matches!(numbers.number(index), Some(Number::Float(_))) => index,
                Width::Narrow(sums) => {
                    sums.try_reserve(more.saturating_sub(sums.len()))?;
                    Self::read_into(sums, &mut self.largest, numbers, index, whole)
                }
                Width::Wide(sums) => {
                    sums.try_reserve(more.saturating_sub(sums.len()))?;
                    let taken = |number: &Number| floats || matches!(number, Number::Whole(_));
                    let units = |number| {
                        Some(number)
                            .filter(taken)
                            .and_then(|number| units(number, exponent, exact))
                    };
                    Self::read_into(sums, &mut self.largest, numbers, index, units)
                }
            };
            if index < numbers.len() {
                match numbers.number(index) {
                    Some(number) if number.is_amount() => self.make_room(number)?,
                    _ => return Ok(Some(index)),
                }
            }
        }
        Ok(None)
    }

    /// Counts in wider sums, or in other units, so that a cost can be taken that could not be.
    #[cold]
    fn make_room(&mut self, cost: Number) -> Result<(), Refusal> {
        self.floats |= matches!(cost, Number::Float(_));
        if let Width::Narrow(sums) = &self.firsts {
            let mut wide = Vec::new();
            wide.try_reserve_exact(sums.capacity().max(self.expected + 1))?;
            wide.extend(sums.iter().map(|&sum| u128::from(sum)));
            self.firsts = Width::Wide(wide);
        }
        let Width::Wide(sums) = &mut self.firsts else {
            return Ok(());
        };
        let total = sums.last().copied().unwrap_or(0);
        let (number, power) = cost.parts();
        if number == 0 {
            return Ok(());
        }
        let old = self.exponent;
        let sum_in = |unit| scaled(total, old - unit)?.checked_add(scaled(number, power - unit)?);
        if !self.floats {
            return sum_in(0).map(|_| ()).ok_or(Refusal::TooLarge);
        }
        // What all costs are multiples of.
        let common = sums.iter().fold(0, |bits, sum| bits | sum);
        let lowest = (old + trailing_zeros(common)).min(power + trailing_zeros(number));
        // With some bits to spare, the next costs need no look at their lowest one.
        let spare = lowest.min(power) - SPARE;
        let top = (old + length(total)).max(power + length(number));
        let unit = if self.exact && sum_in(spare).is_some_and(|sum| sum.leading_zeros() > ROOM.cast_unsigned()) {
            spare
        } else if self.exact && sum_in(lowest).is_some() {
            lowest
        } else {
            self.exact = false;
            top + ROOM - 128
        };
        let rescaled = |sum| match scaled(sum, old - unit) {
            Some(sum) => sum,
            None => round_up(sum, (unit - old).unsigned_abs()),
        };
        for sum in sums {
            *sum = rescaled(*sum);
        }
        self.largest = rescaled(self.largest);
        self.exponent = unit;
        Ok(())
    }
}

/// By how many bits units are finer than they have to be, where that leaves [`ROOM`].
const SPARE: i32 = 16;

/// How many bits the sums may still grow by before units have to be coarser.
const ROOM: i32 = 24;

/// A number times a power of two, if that is a whole number of 128 bits.
fn scaled(number: u128, power: i32) -> Option<u128> {
    let bits = power.unsigned_abs();
    if number == 0 {
        Some(0)
    } else if power >= 0 {
        (number.leading_zeros() >= bits).then(|| number << bits)
    } else {
        (number.trailing_zeros() >= bits).then(|| number >> bits)
    }
}

/// How many bits a number has.
fn length(number: u128) -> i32 {
    (u128::BITS - number.leading_zeros()).cast_signed()
}

/// How many of them are 0 at the end; more than there are for 0.
fn trailing_zeros(number: u128) -> i32 {
    if number == 0 {
        1 << 20
    } else {
        number.trailing_zeros().cast_signed()
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

/// Reads sizes into the sums. A closer look need those that are not whole numbers of bytes.
pub struct Sizes<'a>(pub &'a mut Summing);

impl Reader for Sizes<'_> {
    fn read(&mut self, numbers: &impl Numbers) -> Result<(), Stop> {
        self.0.read(&WholeBytes(numbers))
    }
}

/// The same numbers, those left out that are not whole numbers of bytes.
struct WholeBytes<'a, N>(&'a N);

impl<N: Numbers> Numbers for WholeBytes<'_, N> {
    #[inline]
    fn len(&self) -> usize {
        self.0.len()
    }

    #[inline]
    fn get(&self, index: usize) -> Option<usize> {
        self.0.get(index)
    }

    #[inline]
    fn number(&self, index: usize) -> Option<Number> {
        self.0.number(index)?.whole_bytes().map(Number::Whole)
    }

    #[inline]
    fn prefetch(&self, index: usize) {
        self.0.prefetch(index);
    }
}

/// A whole cost of 64 bits.
#[inline]
fn whole(number: Number) -> Option<u64> {
    match number {
        Number::Whole(cost) => cost.try_into().ok(),
        Number::Float(_) => None,
    }
}

/// A cost in units of two to some power; none if it has more than 128 bits in them, or, where all must be exact, if they
/// are too coarse for it.
#[inline]
fn units(cost: Number, exponent: i32, exact: bool) -> Option<u128> {
    if let Number::Float(float) = cost
        && float.to_bits() < f64::INFINITY.to_bits()
    {
        // Finite and not negative, as one comparison tells of all but the negative 0.
        let (mantissa, power) = float_parts(float);
        let shift = power.wrapping_sub(exponent).cast_unsigned();
        if shift < u64::BITS {
            // As nearly all: without a branch for what a shift by the whole width would be.
            let (low, high) = (mantissa << shift, (mantissa >> 1) >> (63 - shift));
            return Some(u128::from(high) << 64 | u128::from(low));
        }
    }
    if !cost.is_amount() {
        return None;
    }
    let (number, power) = cost.parts();
    let shift = power - exponent;
    match scaled(number, shift) {
        None if !exact && shift < 0 => Some(round_up(number, shift.unsigned_abs())),
        units => units,
    }
}

/// A number over a power of two, rounded up.
fn round_up(number: u128, power: u32) -> u128 {
    match number.checked_shr(power) {
        Some(kept) => kept + u128::from(kept << power != number),
        None => u128::from(number != 0),
    }
}

/// A float times a power of two of at most some 1,100 either way, in two steps, since a float's own power may be less.
fn times_power_of_two(value: f64, exponent: i32) -> f64 {
    let power = |exponent: i32| f64::from_bits(u64::from((1023 + exponent).cast_unsigned()) << 52);
    value * power(exponent / 2) * power(exponent - exponent / 2)
}

/// A run of blocks to some end.
pub struct Back {
    /// Where it starts.
    pub start: usize,
    /// What it costs.
    pub cost: u128,
    /// What it would cost with the block before it, if there is one.
    pub with_one_more: u128,
}

/// The sums of the first costs, to be searched.
pub struct Sums {
    firsts: Width,
    /// The costs are counted in units of two to this power.
    exponent: i32,
    /// Whether some of the costs were floats.
    floats: bool,
    #[cfg_attr(not(test), expect(dead_code, reason = "the tests ask"))]
    exact: bool,
    largest: u128,
    /// How many blocks cost one unit, in the mean.
    blocks_per_unit: f64,
    /// The largest cost of each [`PEAK`] blocks.
    peaks: OnceLock<Vec<u128>>,
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

    /// What the first so many blocks cost, about.
    pub fn about(&self, blocks: usize) -> f64 {
        about(self.first(blocks))
    }

    /// What all cost.
    pub fn total(&self) -> u128 {
        self.first(self.len())
    }

    /// Whether all are whole numbers of bytes below 2**127, and were given as such.
    pub fn are_sizes(&self) -> bool {
        !self.floats && self.largest < 1 << 127
    }

    /// The cost of the block that costs most.
    pub fn largest(&self) -> u128 {
        self.largest
    }

    /// Where the longest run from `start` ends that costs no more than `most`. The nearer the guess, the faster.
    pub fn reach(&self, start: usize, most: u128, guess: usize) -> usize {
        match self
            .first(start)
            .checked_add(most)
            .and_then(|limit| limit.checked_add(1))
        {
            Some(beyond) => self.first_at_least(beyond, guess) - 1,
            None => self.len(),
        }
    }

    /// The longest run to `end` that costs no more than `most`. The nearer the guess where it starts, the faster.
    pub fn back(&self, end: usize, most: u128, guess: usize) -> Back {
        with!(self, sums => {
            // The run before this one, if it is about as long, starts there: it will be in the cache when it is looked for.
            black_box(sums.get((2 * guess).saturating_sub(end)).copied());
            let total = sums[end].wide();
            let start = lower_bound(sums, total.saturating_sub(most), guess, self.blocks_per_unit);
            Back {
                start,
                cost: total - sums[start].wide(),
                with_one_more: total - sums[start.saturating_sub(1)].wide(),
            }
        })
    }

    /// The fewest first blocks that cost at least so much; one more than there are if none do. The nearer `guess` is to
    /// them, the faster.
    pub fn first_at_least(&self, sum: u128, guess: usize) -> usize {
        with!(self, sums => lower_bound(sums, sum, guess, self.blocks_per_unit))
    }

    /// As [`Self::first_at_least`], for a sum that need not be exact.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
    pub fn first_at_least_about(&self, sum: f64, guess: usize) -> usize {
        self.first_at_least(sum.ceil() as u128, guess)
    }

    /// The numbers of first blocks that cost as much as so many do.
    pub fn level(&self, blocks: usize) -> Range<usize> {
        let sum = self.first(blocks);
        let differs = |other| self.first(other) != sum;
        let start = match blocks {
            0 => 0,
            _ if differs(blocks - 1) => blocks,
            _ => self.first_at_least(sum, blocks),
        };
        match blocks {
            last if last == self.len() => start..last + 1,
            _ if differs(blocks + 1) => start..blocks + 1,
            _ => {
                start
                    ..sum
                        .checked_add(1)
                        .map_or(self.len() + 1, |sum| self.first_at_least(sum, blocks))
            }
        }
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

    fn peaks(&self) -> &[u128] {
        self.peaks.get_or_init(|| with!(self, sums => peaks(sums)))
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
    let starts = (0..blocks).step_by(PEAK);
    starts
        .map(|start| costs(&sums[start..=blocks.min(start + PEAK)]))
        .collect()
}

/// A number as a float; one of 64 bits in few steps.
#[inline]
#[expect(clippy::cast_precision_loss, reason = "for what need not be exact")]
pub fn about(number: u128) -> f64 {
    u64::try_from(number).map_or_else(|_| number as f64, |number| number as f64)
}

/// The index of the first sum that is at least `sum`: looked for near the guess, then near the guess mended by what a block
/// costs in the mean, then ever farther from there.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a guess, which may be off"
)]
fn lower_bound<S: Sum>(sums: &[S], sum: u128, guess: usize, per_unit: f64) -> usize {
    let Some(sum) = S::narrow(sum) else {
        return sums.len();
    };
    near(sums, sum, guess).unwrap_or_else(|| {
        let guess = guess.min(sums.len() - 1);
        let off = |from: S, to: S| (about(to.wide() - from.wide()) * per_unit) as usize;
        let mended = if sums[guess] < sum {
            guess.saturating_add(off(sums[guess], sum)).min(sums.len() - 1)
        } else {
            guess.saturating_sub(off(sum, sums[guess]))
        };
        near(sums, sum, mended).unwrap_or_else(|| far(sums, sum, mended))
    })
}

/// How many sums are near a guess.
const NEAR: usize = 8;

/// The index of the first sum that is at least `sum`, if it is near the guess. All near ones are compared, which takes less
/// time than a branch that the processor foresees wrongly.
#[inline]
fn near<S: Sum>(sums: &[S], sum: S, guess: usize) -> Option<usize> {
    let first = guess.wrapping_sub(NEAR / 2);
    let near: &[S; NEAR] = sums.get(first..)?.first_chunk()?;
    let among = near[0] < sum && sum <= near[NEAR - 1];
    among.then(|| first + near.iter().filter(|&&near| near < sum).count())
}

/// The index of the first sum that is at least `sum`, in growing steps from the guess.
fn far<S: Sum>(sums: &[S], sum: S, guess: usize) -> usize {
    // All before `low` are less, none from `high` on.
    let (mut low, mut high) = (guess, guess);
    let mut step = NEAR;
    while low > 0 && sums[low - 1] >= sum {
        low = low.saturating_sub(step);
        step *= 2;
    }
    while high < sums.len() && sums[high] < sum {
        high = sums.len().min(high + step);
        step *= 2;
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
#[expect(clippy::cast_precision_loss, clippy::float_cmp, reason = "the floats here are exact")]
pub(crate) mod tests {
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
        let Ok(mut summing) = Summing::try_new(numbers.len()) else {
            unreachable!("a word fits")
        };
        summing.read(&Given(numbers))?;
        Ok(summing.finish())
    }

    /// An amount in units of sums, rounded down; as large as can be if it is larger.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "`as` saturates, and rounds down"
    )]
    fn units_of(sums: &Sums, amount: Number) -> u128 {
        let shift = sums.exponent.unsigned_abs();
        match amount {
            Number::Whole(0) => 0,
            Number::Whole(amount) if sums.exponent < 0 => scaled(amount, shift.cast_signed()).unwrap_or(u128::MAX),
            Number::Whole(amount) => amount.checked_shr(shift).unwrap_or(0),
            Number::Float(amount) => times_power_of_two(amount, -sums.exponent) as u128,
        }
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

    /// What the block costs that costs most, found one by one.
    fn most(sums: &Sums) -> u128 {
        let costs = (0..sums.len()).map(|block| sums.of(block..block + 1));
        costs.max().unwrap_or(0)
    }

    /// Whole numbers whose sum fits in 128 bits, of one magnitude or of many.
    fn costs() -> impl Strategy<Value = Vec<u128>> {
        let any_size = (any::<u128>(), 10..128_u32).prop_map(|(number, shift)| number >> shift);
        prop_oneof![
            vec(0..2_u128, 0..60),
            vec(0..9_u128, 0..60),
            vec(any_size, 0..60),
            vec(0..1_u128 << 62, 0..60)
        ]
    }

    proptest! {
        #[test]
        fn runs_reach_as_far_as_a_walk_does(
            costs in costs(), at in 0..60_usize, most in 0..u128::MAX, shift in 0..128_u32, guess in 0..80_usize,
        ) {
            let sums = whole(&costs);
            let (at, most) = (at.min(costs.len()), most >> shift);
            prop_assert_eq!(sums.len(), costs.len());
            prop_assert_eq!(sums.total(), costs.iter().sum::<u128>());
            prop_assert_eq!(sums.largest(), costs.iter().copied().max().unwrap_or(0));
            let fits = |run: Range<usize>| costs[run].iter().sum::<u128>() <= most;
            let end = (at..=costs.len()).rev().find(|&end| fits(at..end));
            prop_assert_eq!(Some(sums.reach(at, most, guess)), end);
            let start = (0..=at).find(|&start| fits(start..at));
            prop_assert_eq!(Some(sums.back(at, most, guess).start), start);
            let heavy = (at..costs.len()).find(|&block| costs[block] > most);
            prop_assert_eq!(sums.first_heavier(at..costs.len(), most), heavy);
        }

        #[test]
        fn any_guess_finds_the_same(
            costs in costs(), sum in 0..u128::MAX, shift in 0..128_u32, at in 0..60_usize, guess in 0..80_usize,
        ) {
            let sums = whole(&costs);
            for sum in [sum >> shift, sums.first(at.min(costs.len()))] {
                let first = (0..=costs.len()).find(|&blocks| sums.first(blocks) >= sum);
                prop_assert_eq!(sums.first_at_least(sum, guess), first.unwrap_or(costs.len() + 1));
            }
        }

        #[test]
        fn floats_of_some_magnitudes_are_summed_exactly(mantissas in vec(0..1_u64 << 53, 1..40), shifts in vec(0..60_i32, 40)) {
            let costs: Vec<_> =
                mantissas.iter().zip(&shifts).map(|(&m, &shift)| times_power_of_two(m as f64, -shift)).collect();
            let sums = floats(&costs);
            prop_assert!(sums.exact);
            prop_assert_eq!(sums.largest(), most(&sums));
            let mut exact = 0;
            for (index, (&mantissa, shift)) in mantissas.iter().zip(&shifts).enumerate() {
                exact += u128::from(mantissa) << (60 - shift);
                // The units are no finer than the lowest bit, 2**-60.
                let units = sums.first(index + 1);
                prop_assert_eq!(round_up(units, (-60 - sums.exponent).max(0).cast_unsigned()) << (60 + sums.exponent).max(0), exact);
            }
        }

        #[test]
        fn floats_of_all_magnitudes_are_rounded_far_below_the_sum(costs in vec(0..0x7fe_u64 << 52, 1..40)) {
            let costs: Vec<_> = costs.into_iter().map(f64::from_bits).collect();
            let sums = floats(&costs);
            for (block, &cost) in costs.iter().enumerate() {
                let (units, below) = (sums.of(block..block + 1), units_of(&sums, Number::Float(cost)));
                prop_assert!(units.abs_diff(below) <= 1, "{} for {}", units, below);
            }
            prop_assert!(sums.exact || sums.total() >= 1 << 99);
            prop_assert!(sums.largest().abs_diff(most(&sums)) <= 1);
        }

        #[test]
        fn whole_numbers_and_floats_are_summed_together(
            wholes in vec(0..1_u128 << 90, 1..40), place in 0..40_usize, float in 0..1_u64 << 53,
        ) {
            let mut numbers: Vec<_> = wholes.iter().copied().map(Number::Whole).collect();
            numbers.insert(place.min(wholes.len()), Number::Float(float as f64 / 1024.0));
            let Ok(sums) = summed(&numbers) else { unreachable!() };
            prop_assert!(sums.exact);
            prop_assert!(matches!(sums.amount(sums.total()), Number::Float(_)));
            prop_assert_eq!(sums.largest(), most(&sums));
            let exact = wholes.iter().sum::<u128>() * 1024 + u128::from(float);
            prop_assert_eq!(round_up(sums.total(), (-10 - sums.exponent).max(0).cast_unsigned()) << (10 + sums.exponent).max(0), exact);
        }
    }

    #[test]
    fn a_heavy_block_is_found_wherever_it_lies() {
        let blocks = 3 * PEAK + 1;
        for heavy in [
            0,
            PEAK - 1,
            PEAK,
            PEAK + 1,
            2 * PEAK - 1,
            2 * PEAK,
            3 * PEAK - 1,
            3 * PEAK,
        ] {
            let mut costs = vec![1; blocks];
            costs[heavy] = 3;
            let sums = whole(&costs);
            assert_eq!(sums.first_heavier(0..blocks, 2), Some(heavy));
            assert_eq!(sums.first_heavier(heavy..heavy + 1, 2), Some(heavy));
            assert_eq!(sums.first_heavier(0..heavy, 2), None);
            assert_eq!(sums.first_heavier(heavy + 1..blocks, 2), None);
        }
    }

    #[test]
    fn a_level_is_as_wide_as_nothing_costs_anything() {
        let sums = whole(&[0, 0, 0, 5, 1, 0, 0, 0, 0, 2, 0]);
        for blocks in 0..=sums.len() {
            let level = sums.level(blocks);
            assert!(level.contains(&blocks));
            for other in 0..=sums.len() {
                assert_eq!(level.contains(&other), sums.first(other) == sums.first(blocks));
            }
        }
    }

    #[test]
    fn zero_is_exact_in_any_units() {
        for costs in [[0.0, 0.75, 1e20], [1e20, 0.0, 0.75], [0.75, 1e20, 0.0]] {
            let sums = floats(&costs);
            assert!(sums.exact);
            assert!(matches!(sums.amount(sums.total()), Number::Float(total) if total == 1e20));
        }
    }

    #[test]
    fn a_span_of_128_bits_is_exact_in_any_order() {
        let wide = [Number::Float(2_f64.powi(68)), Number::Whole(u128::MAX)];
        let span = [
            Number::Float(0.5),
            Number::Float(0.1),
            Number::Whole(1 << 60),
            Number::Float(2_f64.powi(69)),
        ];
        for numbers in [&wide[..], &span[..]] {
            let mut totals = Vec::new();
            for first in 0..numbers.len() {
                let mut order = numbers.to_vec();
                order.rotate_left(first);
                let Ok(sums) = summed(&order) else { unreachable!() };
                assert_eq!(sums.exact, numbers.len() > 2);
                let Number::Float(total) = sums.amount(sums.total()) else {
                    unreachable!()
                };
                totals.push(total);
            }
            assert!(totals.windows(2).all(|pair| pair[0] == pair[1]), "{totals:?}");
        }
    }

    #[test]
    fn sizes_are_whole_numbers_of_bytes() {
        let numbers = [3.0, 0.0, 2_f64.powi(100)].map(Number::Float);
        let mut summing = Summing::try_new(3).unwrap_or_else(|_| unreachable!("a word fits"));
        assert_eq!(Sizes(&mut summing).read(&Given(&numbers)), Ok(()));
        let sums = summing.finish();
        assert!(matches!(sums.amount(sums.total()), Number::Whole(total) if total == (1 << 100) + 3));
        for odd in [0.5, -1.0, f64::NAN, f64::INFINITY, 2_f64.powi(127)]
            .map(Number::Float)
            .into_iter()
            .chain([Number::Whole(1 << 127)])
        {
            let mut summing = Summing::try_new(2).unwrap_or_else(|_| unreachable!("a word fits"));
            assert_eq!(
                Sizes(&mut summing).read(&Given(&[Number::Whole((1 << 127) - 1), odd])),
                Err(Stop::At(1))
            );
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
            assert_eq!(units_of(&sums, Number::Float(cost)), sums.total(), "{cost}");
        }
        let sums = floats(&[0.25]);
        assert_eq!(units_of(&sums, Number::Whole(3)), 12 * sums.total());
        assert_eq!(units_of(&sums, Number::Whole(u128::MAX)), u128::MAX);
        assert_eq!(units_of(&sums, Number::Float(f64::INFINITY)), u128::MAX);
        assert_eq!(units_of(&floats(&[1e300]), Number::Whole(1)), 0);
    }
}
