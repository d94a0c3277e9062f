//! Numbers, sequences of them wherever they are kept, and arithmetic that does not round.

pub mod byte_units;
pub mod ratio;
mod source;

pub use source::{AHEAD, Numbers, Reader, Stop};

/// A number that can be summed.
#[derive(Clone, Copy, Debug)]
pub enum Number {
    /// A whole number.
    Whole(u128),
    /// A float, which may be any.
    Float(f64),
}

impl Number {
    /// A number that is finite and not negative as a whole number times a power of two.
    #[inline]
    pub fn parts(self) -> (u128, i32) {
        match self {
            Self::Whole(number) => (number, 0),
            Self::Float(float) => {
                let (mantissa, power) = float_parts(float);
                (mantissa.into(), power)
            }
        }
    }

    /// Whether it is finite and not negative.
    #[inline]
    pub fn is_amount(self) -> bool {
        match self {
            Self::Whole(_) => true,
            Self::Float(float) => (0.0..f64::INFINITY).contains(&float),
        }
    }

    /// The number as a whole number of bytes below 2**127, if it is one.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is whole and in range"
    )]
    pub fn whole_bytes(self) -> Option<u128> {
        const LIMIT: u128 = 1 << 127;
        match self {
            Self::Whole(number) => Some(number).filter(|number| *number < LIMIT),
            Self::Float(float) if self.is_amount() && float.fract() == 0.0 => {
                Some(float as u128).filter(|number| *number < LIMIT)
            }
            Self::Float(_) => None,
        }
    }
}

/// A float that is finite and not negative as a whole number times a power of two.
#[inline]
pub fn float_parts(value: f64) -> (u64, i32) {
    let bits = value.to_bits();
    let fraction = bits & ((1 << 52) - 1);
    match (bits >> 52 & 0x7ff) as i32 {
        0 => (fraction, -1074),
        exponent => (fraction | 1 << 52, exponent - 1075),
    }
}
