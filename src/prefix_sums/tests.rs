#![expect(clippy::cast_precision_loss, clippy::float_cmp, reason = "the floats here are exact")]

use super::*;
use crate::numbers::{NumberSource, Stop, Visitor as _};
use proptest::collection::vec;
use proptest::prelude::*;

/// A number source that reads from a slice.
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

/// Returns the largest cost of a block by comparing the costs of all blocks.
fn largest_cost(sums: &PrefixSums) -> u128 {
    let costs = (0..sums.len()).map(|block| sums.sum(block..block + 1));
    costs.max().unwrap_or(0)
}

/// Lists of integers whose sum fits in 128 bits, of similar or of different magnitudes.
fn cost_lists() -> impl Strategy<Value = Vec<u128>> {
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
    fn extend_left_and_right_agree_with_a_linear_search(
        costs in cost_lists(), position in 0..60_usize, limit in 0..u128::MAX, shift in 0..128_u32, guess in 0..80_usize,
    ) {
        let sums = from_ints(&costs);
        // The shift makes limits of all magnitudes equally likely.
        let (position, limit) = (position.min(costs.len()), limit >> shift);
        prop_assert_eq!(sums.len(), costs.len());
        prop_assert_eq!(sums.total(), costs.iter().sum::<u128>());
        prop_assert_eq!(sums.largest_cost(), costs.iter().copied().max().unwrap_or(0));
        let fits = |run: Range<usize>| costs[run].iter().sum::<u128>() <= limit;
        let end = (position..=costs.len()).rev().find(|&end| fits(position..end));
        prop_assert_eq!(Some(sums.extend_right(position, limit, guess)), end);
        let start = (0..=position).find(|&start| fits(start..position));
        prop_assert_eq!(Some(sums.extend_left(position, limit, guess).start), start);
    }

    #[test]
    fn lower_bound_agrees_with_a_linear_search_for_any_guess(
        costs in cost_lists(), sum in 0..u128::MAX, shift in 0..128_u32, position in 0..60_usize, guess in 0..80_usize,
    ) {
        let sums = from_ints(&costs);
        for sum in [sum >> shift, sums.prefix(position.min(costs.len()))] {
            let expected = (0..=costs.len()).find(|&n| sums.prefix(n) >= sum).unwrap_or(costs.len() + 1);
            prop_assert_eq!(sums.lower_bound(sum, guess), expected);
        }
    }

    #[test]
    fn floats_of_similar_magnitudes_are_summed_exactly(mantissas in vec(1..1_u64 << 53, 1..40), shifts in vec(0..60_i32, 40)) {
        let costs: Vec<_> =
            mantissas.iter().zip(&shifts).map(|(&m, &shift)| times_power_of_two(m as f64, -shift)).collect();
        let sums = from_floats(&costs);
        prop_assert_eq!(sums.largest_cost(), largest_cost(&sums));
        // The exact sum, in units of 2**-60.
        let mut exact = 0;
        for (index, (&mantissa, shift)) in mantissas.iter().zip(&shifts).enumerate() {
            exact += u128::from(mantissa) << (60 - shift);
            prop_assert_eq!(sums.prefix(index + 1), exact << scale_difference(&sums, -60));
        }
    }

    #[test]
    fn floats_of_all_magnitudes_are_rounded_up_to_a_unit(bit_patterns in vec(0..0x7fe_u64 << 52, 1..40)) {
        // The bit patterns are those of all non-negative floats up to about half of the largest one.
        let costs: Vec<_> = bit_patterns.into_iter().map(f64::from_bits).collect();
        let sums = from_floats(&costs);
        let unit = times_power_of_two(1.0, sums.scale.unwrap_or(0));
        for (block, &cost) in costs.iter().enumerate() {
            let units = sums.sum(block..block + 1);
            let Number::Float(amount) = sums.amount(units) else { unreachable!("the costs are floats") };
            prop_assert!((0.0..=unit).contains(&(amount - cost)), "{} for {}", amount, cost);
            prop_assert!(amount == cost || units < 1 << 53);
        }
        // Costs are stored as multiples of a unit. It is so large that the total fits into 127 bits, and so small that a total
        // that is not 0 has at least 120 bits.
        prop_assert!(sums.total() <= 1 << 127);
        prop_assert!(sums.total() == 0 || sums.total() >= 1 << 119);
        prop_assert_eq!(sums.largest_cost(), largest_cost(&sums));
    }

    #[test]
    fn integers_and_floats_are_summed_together(
        integers in vec(0..1_u128 << 53, 1..40), index in 0..40_usize, numerator in 1..1_u64 << 53,
    ) {
        let mut numbers: Vec<_> = integers.iter().copied().map(Number::Whole).collect();
        numbers.insert(index.min(integers.len()), Number::Float(numerator as f64 / 1024.0));
        let Ok(sums) = prefix_sums(&numbers) else { unreachable!() };
        prop_assert!(matches!(sums.amount(sums.total()), Number::Float(_)));
        prop_assert_eq!(sums.largest_cost(), largest_cost(&sums));
        // The exact sum, in units of 2**-10.
        let exact = integers.iter().sum::<u128>() * 1024 + u128::from(numerator);
        prop_assert_eq!(sums.total(), exact << scale_difference(&sums, -10));
    }
}

/// Returns the binary logarithm of the ratio of `2**exponent` to the unit of the sums.
fn scale_difference(sums: &PrefixSums, exponent: i32) -> u32 {
    (exponent - sums.scale.unwrap_or(0)).unsigned_abs()
}

#[test]
fn a_plateau_contains_all_prefixes_of_the_same_cost() {
    let sums = from_ints(&[0, 0, 0, 5, 1, 0, 0, 0, 0, 2, 0]);
    for n in 0..=sums.len() {
        let plateau = sums.plateau(n);
        assert!(plateau.contains(&n));
        for m in 0..=sums.len() {
            assert_eq!(plateau.contains(&m), sums.prefix(m) == sums.prefix(n));
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
fn a_builder_for_sizes_accepts_only_whole_numbers_of_bytes() {
    let numbers = [3.0, 0.0, 2_f64.powi(100)].map(Number::Float);
    let mut builder = PrefixSumsBuilder::new(3, true);
    assert_eq!(builder.visit(&Slice(&numbers)), Ok(()));
    let sums = builder.finish();
    assert!(matches!(sums.amount(sums.total()), Number::Whole(total) if total == (1 << 100) + 3));
    for invalid in [0.5, -1.0, f64::NAN, f64::INFINITY, 2_f64.powi(127)]
        .map(Number::Float)
        .into_iter()
        .chain([Number::Whole(1 << 127)])
    {
        let mut builder = PrefixSumsBuilder::new(2, true);
        assert_eq!(
            builder.visit(&Slice(&[Number::Whole((1 << 127) - 1), invalid])),
            Err(Stop::NotPlain(1))
        );
    }
}

#[test]
fn the_builder_stops_at_numbers_that_are_not_costs() {
    for invalid in [-1.0, -f64::MIN_POSITIVE, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for valid in [Number::Whole(1), Number::Float(1.0)] {
            assert_eq!(
                prefix_sums(&[valid, Number::Float(invalid)]).err(),
                Some(Stop::NotPlain(1))
            );
        }
    }
    assert_eq!(from_floats(&[-0.0]).total(), 0);
}

#[test]
fn sums_can_have_up_to_128_bits() {
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
