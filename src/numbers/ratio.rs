//! Exact arithmetic with 128-bit numbers: products, quotients, and loads, which are fractions.

use std::cmp::Ordering;

/// Returns `a * b / c` rounded down, and the remainder. Returns `None` if the quotient does not fit in 128 bits or `c`
/// is 0.
pub fn mul_div(a: u128, b: u128, c: u128) -> Option<(u128, u128)> {
    if let Some(product) = a.checked_mul(b) {
        return (c != 0).then(|| (product / c, product % c));
    }
    let (mut remainder, mut quotient) = wide_mul(a, b);
    if remainder >= c {
        return None;
    }
    // Long division, one bit per step. `remainder` and `quotient` start as the upper and the lower half of the product. In
    // each step the highest bit of `quotient` moves into `remainder`, and a new bit of the quotient enters at the bottom.
    for _ in 0..128 {
        let carry = remainder >> 127;
        remainder = remainder << 1 | quotient >> 127;
        quotient <<= 1;
        if carry == 1 || remainder >= c {
            remainder = remainder.wrapping_sub(c);
            quotient |= 1;
        }
    }
    Some((quotient, remainder))
}

/// Returns the upper and the lower 128 bits of `a * b`.
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

/// The load of a device: the cost of its blocks divided by its speed, as an exact fraction.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// The total cost of the blocks.
    pub cost: u128,
    /// The cost that the device processes per unit of time, greater than 0.
    pub speed: u128,
}

impl Load {
    /// Returns the load as a float.
    #[expect(clippy::cast_precision_loss, reason = "the result is an approximation")]
    pub fn to_f64(self) -> f64 {
        self.cost as f64 / self.speed as f64
    }

    /// Returns a load close to the given float, or `None` if the float is 0, NaN or too large.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the cast saturates, and the result is an approximation"
    )]
    pub fn from_f64(load: f64) -> Option<Self> {
        // The speed is a power of two for which the cost has about 100 significant bits.
        let exponent = (2_f64.powi(100) / load).clamp(1.0, 2_f64.powi(127)).log2() as u32;
        let (cost, speed) = ((load * 2_f64.powi(exponent.cast_signed())) as u128, 1 << exponent);
        (cost > 0 && cost < u128::MAX).then_some(Self { cost, speed })
    }

    /// Returns a load strictly between this load and a larger one, near their mean. Returns `None` if they are too close.
    pub fn midpoint(self, larger: Self) -> Option<Self> {
        // The largest power of two for which the costs of both loads fit in 127 bits.
        let shift = (larger.cost / larger.speed).leading_zeros().saturating_sub(2).min(126);
        let speed = 1 << shift;
        let (low, _) = mul_div(self.cost, speed, self.speed)?;
        let (high, _) = mul_div(larger.cost, speed, larger.speed)?;
        let midpoint = Self {
            cost: low.midpoint(high),
            speed,
        };
        (self < midpoint && midpoint < larger).then_some(midpoint)
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

    /// Numbers of any bit length.
    fn numbers() -> impl Strategy<Value = u128> {
        (any::<u128>(), 0..128_u32).prop_map(|(number, shift)| number >> shift)
    }

    proptest! {
        #[test]
        fn quotient_times_divisor_plus_remainder_is_the_product(a in numbers(), b in numbers(), c in numbers()) {
            match mul_div(a, b, c) {
                Some((quotient, remainder)) => {
                    prop_assert!(remainder < c);
                    let (high, low) = wide_mul(quotient, c);
                    let (low, carry) = low.overflowing_add(remainder);
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
        fn expanding_the_fraction_does_not_change_the_load(cost: u64, speed in 1..u64::MAX, factor in 1..u64::MAX) {
            let (cost, speed, factor) = (u128::from(cost), u128::from(speed), u128::from(factor));
            let load = Load { cost, speed };
            prop_assert_eq!(load, Load { cost: cost * factor, speed: speed * factor });
            prop_assert_eq!(load.cmp(&Load { cost: cost * factor + 1, speed: speed * factor }), Ordering::Less);
        }
    }

    #[test]
    fn a_load_from_a_float_is_close_to_it() {
        for load in [1e-38, 2e-30, 0.1, 1.0, 3.5, 499_960.0, 1e20, 1e38] {
            let result = Load::from_f64(load).map_or(0.0, Load::to_f64);
            // `from_f64` limits the speed to 2**127. The cost of a tiny load is then a small integer, and rounding it
            // changes the load by a large factor.
            let tolerance = if load < 1e-29 { 0.7 } else { 1e-9 };
            assert!((result / load - 1.0).abs() < tolerance, "{load}");
        }
        for load in [0.0, 1e39, f64::INFINITY, f64::NAN] {
            assert!(Load::from_f64(load).is_none(), "{load}");
        }
    }

    #[test]
    fn the_midpoint_lies_strictly_between_the_loads() {
        let low = Load {
            cost: (1 << 90) + 1,
            speed: 3,
        };
        let high = Load {
            cost: low.cost + 1,
            ..low
        };
        let midpoint = low.midpoint(high);
        assert!(midpoint.is_some_and(|midpoint| low < midpoint && midpoint < high));
        assert_eq!(high.midpoint(high), None);
        let largest = Load {
            cost: u128::MAX,
            speed: 1,
        };
        assert!(low.midpoint(largest).is_some());
    }

    #[test]
    fn products_of_the_largest_numbers_do_not_overflow() {
        assert_eq!(wide_mul(u128::MAX, u128::MAX), (u128::MAX - 1, 1));
        assert_eq!(mul_div(u128::MAX, u128::MAX, u128::MAX), Some((u128::MAX, 0)));
        assert_eq!(mul_div(u128::MAX, 2, 1), None);
    }
}
