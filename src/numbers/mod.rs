//! Numbers, sequences of numbers, and exact arithmetic on them.

pub mod byte_units;
pub mod ratio;
mod visitor;

pub use visitor::{NumberSource, PREFETCH_DISTANCE, Stop, Visitor};

/// Amounts of memory must be less than this number of bytes. That is more than any memory has, and leaves `u128::MAX` to stand
/// for "no limit".
pub const BYTES_LIMIT: u128 = 1 << 127;

/// An integer or a float.
#[derive(Clone, Copy, Debug)]
pub enum Number {
    /// A non-negative integer.
    Whole(u128),
    /// A float, which may also be negative, infinite or NaN.
    Float(f64),
}

impl Number {
    /// Returns `true` if the number is finite and not negative, as a cost or an amount of memory must be.
    #[inline]
    pub fn is_amount(self) -> bool {
        match self {
            Self::Whole(_) => true,
            Self::Float(float) => (0.0..f64::INFINITY).contains(&float),
        }
    }

    /// Returns the number as an integer if it is a whole number of bytes below [`BYTES_LIMIT`].
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the float is an integer, and the cast saturates"
    )]
    pub fn whole_bytes(self) -> Option<u128> {
        match self {
            Self::Whole(number) => Some(number).filter(|number| *number < BYTES_LIMIT),
            Self::Float(float) if self.is_amount() && float.fract() == 0.0 => {
                Some(float as u128).filter(|number| *number < BYTES_LIMIT)
            }
            Self::Float(_) => None,
        }
    }
}

/// Splits a finite, non-negative float into an integer and an exponent: the value is `integer * 2**exponent`.
#[inline]
pub fn float_parts(value: f64) -> (u64, i32) {
    let bits = value.to_bits();
    let fraction = bits & ((1 << 52) - 1);
    match (bits >> 52 & 0x7ff) as i32 {
        0 => (fraction, -1074),
        exponent => (fraction | 1 << 52, exponent - 1075),
    }
}
