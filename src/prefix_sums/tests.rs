#![expect(clippy::cast_precision_loss, clippy::float_cmp, reason = "the floats here are exact")]

use super::*;
use crate::numbers::{NumberSource, Stop, Visitor as _};
use proptest::collection::vec;
use proptest::prelude::*;

struct Slice<'a>(&'a [Number]);

impl NumberSource for Slice<'_> {
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

fn prefix_sums(numbers: &[Number]) -> Result<PrefixSums, Stop<SumsError>> {
    let mut builder = PrefixSumsBuilder::new(numbers.len(), false);
    builder.visit(&Slice(numbers))?;
    Ok(builder.finish())
}

/// Returns the prefix sums of integers.
pub fn from_ints(costs: &[u128]) -> PrefixSums {
    let numbers: Vec<_> = costs.iter().map(|&cost| Number::Whole(cost)).collect();
    prefix_sums(&numbers).unwrap_or_else(|_| unreachable!("the sum fits in 128 bits"))
}

fn from_floats(costs: &[f64]) -> PrefixSums {
    let numbers: Vec<_> = costs.iter().map(|&cost| Number::Float(cost)).collect();
    prefix_sums(&numbers).unwrap_or_else(|_| unreachable!("the floats are finite and not negative"))
}

/// Returns the largest cost of a block by comparing all of them.
fn largest_cost(sums: &PrefixSums) -> u128 {
    let costs = (0..sums.len()).map(|block| sums.sum(block..block + 1));
    costs.max().unwrap_or(0)
}

/// Integers whose sum fits in 128 bits, of similar or of different magnitudes.
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
    fn extensions_agree_with_a_linear_search(
        costs in costs(), at in 0..60_usize, most in 0..u128::MAX, shift in 0..128_u32, guess in 0..80_usize,
    ) {
        let sums = from_ints(&costs);
        let (at, most) = (at.min(costs.len()), most >> shift);
        prop_assert_eq!(sums.len(), costs.len());
        prop_assert_eq!(sums.total(), costs.iter().sum::<u128>());
        prop_assert_eq!(sums.largest(), costs.iter().copied().max().unwrap_or(0));
        let fits = |run: Range<usize>| costs[run].iter().sum::<u128>() <= most;
        let end = (at..=costs.len()).rev().find(|&end| fits(at..end));
        prop_assert_eq!(Some(sums.extend_right(at, most, guess)), end);
        let start = (0..=at).find(|&start| fits(start..at));
        prop_assert_eq!(Some(sums.extend_left(at, most, guess).start), start);
    }

    #[test]
    fn the_guess_does_not_change_the_lower_bound(
        costs in costs(), sum in 0..u128::MAX, shift in 0..128_u32, at in 0..60_usize, guess in 0..80_usize,
    ) {
        let sums = from_ints(&costs);
        for sum in [sum >> shift, sums.prefix(at.min(costs.len()))] {
            let first = (0..=costs.len()).find(|&blocks| sums.prefix(blocks) >= sum);
            prop_assert_eq!(sums.lower_bound(sum, guess), first.unwrap_or(costs.len() + 1));
        }
    }

    #[test]
    fn floats_of_similar_magnitudes_are_summed_exactly(mantissas in vec(1..1_u64 << 53, 1..40), shifts in vec(0..60_i32, 40)) {
        let costs: Vec<_> =
            mantissas.iter().zip(&shifts).map(|(&m, &shift)| times_power_of_two(m as f64, -shift)).collect();
        let sums = from_floats(&costs);
        prop_assert_eq!(sums.largest(), largest_cost(&sums));
        let mut exact = 0;
        for (index, (&mantissa, shift)) in mantissas.iter().zip(&shifts).enumerate() {
            exact += u128::from(mantissa) << (60 - shift);
            prop_assert_eq!(sums.prefix(index + 1), exact << finer(&sums, -60));
        }
    }

    #[test]
    fn floats_of_all_magnitudes_are_rounded_up_to_a_unit(costs in vec(0..0x7fe_u64 << 52, 1..40)) {
        let costs: Vec<_> = costs.into_iter().map(f64::from_bits).collect();
        let sums = from_floats(&costs);
        let unit = times_power_of_two(1.0, sums.scale.unwrap_or(0));
        for (block, &cost) in costs.iter().enumerate() {
            let units = sums.sum(block..block + 1);
            let Number::Float(amount) = sums.amount(units) else { unreachable!("the costs are floats") };
            prop_assert!((0.0..=unit).contains(&(amount - cost)), "{} for {}", amount, cost);
            prop_assert!(amount == cost || units < 1 << 53);
        }
        prop_assert!(sums.total() <= 1 << 127);
        prop_assert!(sums.total() == 0 || sums.total() >= 1 << 119);
        prop_assert_eq!(sums.largest(), largest_cost(&sums));
    }

    #[test]
    fn integers_and_floats_are_summed_together(
        wholes in vec(0..1_u128 << 53, 1..40), index in 0..40_usize, float in 1..1_u64 << 53,
    ) {
        let mut numbers: Vec<_> = wholes.iter().copied().map(Number::Whole).collect();
        numbers.insert(index.min(wholes.len()), Number::Float(float as f64 / 1024.0));
        let Ok(sums) = prefix_sums(&numbers) else { unreachable!() };
        prop_assert!(matches!(sums.amount(sums.total()), Number::Float(_)));
        prop_assert_eq!(sums.largest(), largest_cost(&sums));
        let exact = wholes.iter().sum::<u128>() * 1024 + u128::from(float);
        prop_assert_eq!(sums.total(), exact << finer(&sums, -10));
    }
}

/// Returns the number of bits by which the unit of the sums is finer than `2**power`.
fn finer(sums: &PrefixSums, power: i32) -> u32 {
    (power - sums.scale.unwrap_or(0)).unsigned_abs()
}

#[test]
fn a_plateau_contains_all_prefixes_of_the_same_cost() {
    let sums = from_ints(&[0, 0, 0, 5, 1, 0, 0, 0, 0, 2, 0]);
    for blocks in 0..=sums.len() {
        let plateau = sums.plateau(blocks);
        assert!(plateau.contains(&blocks));
        for other in 0..=sums.len() {
            assert_eq!(plateau.contains(&other), sums.prefix(other) == sums.prefix(blocks));
        }
    }
}

#[test]
fn zero_is_exact_among_floats_of_any_magnitude() {
    for costs in [[0.0, 0.75, 1e20], [1e20, 0.0, 0.75], [0.75, 1e20, 0.0]] {
        let sums = from_floats(&costs);
        assert!(matches!(sums.amount(sums.total()), Number::Float(total) if total == 1e20));
    }
}

#[test]
fn a_builder_of_sizes_accepts_whole_numbers_of_bytes_only() {
    let numbers = [3.0, 0.0, 2_f64.powi(100)].map(Number::Float);
    let mut builder = PrefixSumsBuilder::new(3, true);
    assert_eq!(builder.visit(&Slice(&numbers)), Ok(()));
    let sums = builder.finish();
    assert!(matches!(sums.amount(sums.total()), Number::Whole(total) if total == (1 << 100) + 3));
    for odd in [0.5, -1.0, f64::NAN, f64::INFINITY, 2_f64.powi(127)]
        .map(Number::Float)
        .into_iter()
        .chain([Number::Whole(1 << 127)])
    {
        let mut builder = PrefixSumsBuilder::new(2, true);
        assert_eq!(
            builder.visit(&Slice(&[Number::Whole((1 << 127) - 1), odd])),
            Err(Stop::NotPlain(1))
        );
    }
}

#[test]
fn the_builder_stops_at_numbers_that_are_not_costs() {
    for odd in [-1.0, -f64::MIN_POSITIVE, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(
            prefix_sums(&[Number::Whole(1), Number::Float(odd)]).err(),
            Some(Stop::NotPlain(1))
        );
        assert_eq!(
            prefix_sums(&[Number::Float(1.0), Number::Float(odd)]).err(),
            Some(Stop::NotPlain(1))
        );
    }
    assert_eq!(from_floats(&[-0.0]).total(), 0);
}

#[test]
fn sums_may_have_up_to_128_bits() {
    assert_eq!(from_ints(&[u128::MAX - 1, 1]).total(), u128::MAX);
    assert_eq!(
        prefix_sums(&[Number::Whole(u128::MAX), Number::Whole(1)]).err(),
        Some(Stop::Error(SumsError::TooLarge))
    );
    let sums = from_ints(&[u64::MAX.into(), 1, 5]);
    assert_eq!((sums.prefix(1), sums.total()), (u64::MAX.into(), (1 << 64) + 5));
}

#[test]
fn the_amount_of_a_single_float_is_that_float() {
    for cost in [0.1, 5e-324, f64::MAX, 1e300, 3.0] {
        let sums = from_floats(&[cost]);
        assert!(
            matches!(sums.amount(sums.total()), Number::Float(same) if same == cost),
            "{cost}"
        );
    }
}
