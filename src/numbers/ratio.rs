//! Arithmetic that does not round: products of 128-bit numbers, and loads, which are fractions of them.

use std::cmp::Ordering;

use crate::numbers::Number;

/// `a * b / c` rounded down, and the remainder. None where the quotient has more than 128 bits, or `c` is 0.
pub fn mul_div(a: u128, b: u128, c: u128) -> Option<(u128, u128)> {
    if let Some(product) = a.checked_mul(b) {
        return (c != 0).then(|| (product / c, product % c));
    }
    let (mut rest, mut quotient) = wide_mul(a, b);
    if rest >= c {
        return None;
    }
    // Long division, a bit at a time: the product's lower half moves out at the top as the quotient moves in below.
    for _ in 0..128 {
        let carry = rest >> 127;
        rest = rest << 1 | quotient >> 127;
        quotient <<= 1;
        if carry == 1 || rest >= c {
            rest = rest.wrapping_sub(c);
            quotient |= 1;
        }
    }
    Some((quotient, rest))
}

/// Whole numbers in the same proportions as some amounts, with no common factor. None if one of them, or their sum, does
/// not fit in 128 bits.
pub fn proportions(amounts: &[Number]) -> Option<Vec<u128>> {
    // Each is an odd number times a power of two; 0 has none.
    let odd = |amount: &Number| {
        let (number, power) = amount.parts();
        let zeros = if number == 0 { 0 } else { number.trailing_zeros() };
        (number >> zeros, power + zeros.cast_signed())
    };
    let parts: Vec<_> = amounts.iter().map(odd).collect();
    let nonzero = || parts.iter().filter(|(number, _)| *number > 0);
    let common = nonzero().fold(0, |common, (number, _)| gcd(common, *number));
    let lowest = nonzero().map(|(_, power)| *power).min()?;
    let mut total = 0_u128;
    parts
        .iter()
        .map(|&(number, power)| {
            if number == 0 {
                return Some(0);
            }
            let (number, shift) = (number / common, (power - lowest).cast_unsigned());
            let whole = (number.leading_zeros() >= shift).then(|| number << shift)?;
            total = total.checked_add(whole)?;
            Some(whole)
        })
        .collect()
}

fn gcd(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// `a * b`, as the upper and the lower half.
fn wide_mul(a: u128, b: u128) -> (u128, u128) {
    const LOW: u128 = (1 << 64) - 1;
    let (a, b) = ([a & LOW, a >> 64], [b & LOW, b >> 64]);
    let (low, cross, other, high) = (a[0] * b[0], a[0] * b[1], a[1] * b[0], a[1] * b[1]);
    let middle = (low >> 64) + (cross & LOW) + (other & LOW);
    (
        high + (cross >> 64) + (other >> 64) + (middle >> 64),
        middle << 64 | low & LOW,
    )
}

/// A cost over a speed above 0.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// What the blocks cost.
    pub cost: u128,
    /// How much a device does in a unit of time.
    pub speed: u128,
}

impl Load {
    /// The load as a float.
    #[expect(clippy::cast_precision_loss, reason = "about is about")]
    pub fn about(self) -> f64 {
        self.cost as f64 / self.speed as f64
    }

    /// A load close to the given float; none if that is 0, or larger than any load.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "`as` saturates; about is about"
    )]
    pub fn about_as(load: f64) -> Option<Self> {
        // So large that the cost has some bits to be exact in, a power of two.
        let speed = (2_f64.powi(100) / load).clamp(1.0, 2_f64.powi(127)).log2() as u32;
        let (cost, speed) = ((load * 2_f64.powi(speed.cast_signed())) as u128, 1 << speed);
        (cost > 0 && cost < u128::MAX).then_some(Self { cost, speed })
    }
}

impl Ord for Load {
    fn cmp(&self, other: &Self) -> Ordering {
        if self.speed == other.speed {
            return self.cost.cmp(&other.cost);
        }
        wide_mul(self.cost, other.speed).cmp(&wide_mul(other.cost, self.speed))
    }
}

impl PartialOrd for Load {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Load {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Load {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Numbers of every length.
    fn numbers() -> impl Strategy<Value = u128> {
        (any::<u128>(), 0..128_u32).prop_map(|(number, shift)| number >> shift)
    }

    proptest! {
        #[test]
        fn a_quotient_times_its_divisor_and_the_remainder_is_the_product(a in numbers(), b in numbers(), c in numbers()) {
            match mul_div(a, b, c) {
                Some((quotient, rest)) => {
                    prop_assert!(rest < c);
                    let (high, low) = wide_mul(quotient, c);
                    let (low, carry) = low.overflowing_add(rest);
                    prop_assert_eq!((high + u128::from(carry), low), wide_mul(a, b));
                }
                None => prop_assert!(c == 0 || wide_mul(a, b).0 >= c),
            }
        }

        #[test]
        fn small_loads_compare_as_fractions(a in 0..1_000_u32, b in 1..100_u32, c in 0..1_000_u32, d in 1..100_u32) {
            let load = |cost: u32, speed: u32| Load { cost: cost.into(), speed: speed.into() };
            prop_assert_eq!(load(a, b).cmp(&load(c, d)), (a * d).cmp(&(c * b)));
        }

        #[test]
        fn equal_loads_are_equal_at_any_size(cost: u64, speed in 1..u64::MAX, times in 1..u64::MAX) {
            let (cost, speed, times) = (u128::from(cost), u128::from(speed), u128::from(times));
            let load = Load { cost, speed };
            prop_assert_eq!(load, Load { cost: cost * times, speed: speed * times });
            prop_assert_eq!(load.cmp(&Load { cost: cost * times + 1, speed: speed * times }), Ordering::Less);
        }
    }

    #[test]
    fn a_load_of_about_so_much_is_near() {
        for load in [1e-38, 2e-30, 0.1, 1.0, 3.5, 499_960.0, 1e20, 1e38] {
            let near = Load::about_as(load).map_or(0.0, Load::about);
            // A cost of few bits is only as exact as it has bits.
            let off = if load < 1e-29 { 0.7 } else { 1e-9 };
            assert!((near / load - 1.0).abs() < off, "{load}");
        }
        for load in [0.0, 1e39, f64::INFINITY, f64::NAN] {
            assert!(Load::about_as(load).is_none(), "{load}");
        }
    }

    proptest! {
        #[test]
        fn proportions_are_those_of_the_amounts_reduced(
            numbers in proptest::collection::vec(0..1_000_u64, 1..8), common in 1..1_u128 << 100, shift in 0..60_i32,
        ) {
            let whole = numbers.iter().map(|&number| Number::Whole(u128::from(number) * common)).collect::<Vec<_>>();
            let floats = numbers.iter().map(|&number| Number::Float(f64::from(u32::try_from(number).unwrap_or(0)) * 2_f64.powi(-shift)));
            let divisor = numbers.iter().fold(0, |divisor, &number| gcd(divisor, number.into()));
            let expected = (divisor > 0).then(|| numbers.iter().map(|&number| u128::from(number) / divisor).collect::<Vec<_>>());
            prop_assert_eq!(proportions(&whole), expected.clone());
            prop_assert_eq!(proportions(&floats.collect::<Vec<_>>()), expected);
        }
    }

    #[test]
    fn proportions_beyond_128_bits_are_none() {
        let of = |numbers: &[u128]| proportions(&numbers.iter().copied().map(Number::Whole).collect::<Vec<_>>());
        assert_eq!(of(&[1 << 127, 1 << 127]), Some(vec![1, 1]));
        assert_eq!(of(&[u128::MAX, 1]), None);
        assert_eq!(of(&[u128::MAX - 1, 1]), Some(vec![u128::MAX - 1, 1]));
        assert_eq!(proportions(&[Number::Float(1e-300), Number::Whole(1)]), None);
        assert_eq!(
            proportions(&[Number::Float(1e-300), Number::Whole(0)]),
            Some(vec![1, 0])
        );
    }

    #[test]
    fn the_largest_numbers() {
        assert_eq!(wide_mul(u128::MAX, u128::MAX), (u128::MAX - 1, 1));
        assert_eq!(mul_div(u128::MAX, u128::MAX, u128::MAX), Some((u128::MAX, 0)));
        assert_eq!(mul_div(u128::MAX, 2, 1), None);
    }
}
