//! A sequence of numbers, wherever it is kept, and what reads it.

/// How many numbers ahead a reader asks for the memory of what it will read.
pub const AHEAD: usize = 24;

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

/// A sequence of numbers, some of which may not be plain ones.
pub trait Numbers {
    /// How many there are.
    fn len(&self) -> usize;
    /// The `index`-th of them, where it is a plain block number.
    fn get(&self, index: usize) -> Option<usize>;
    /// The `index`-th of them, where it is a plain whole number, not negative, or a float.
    #[inline]
    fn number(&self, index: usize) -> Option<Number> {
        self.get(index).map(|number| Number::Whole(number as u128))
    }
    /// Says that the `index`-th will be read soon. It may lie past the end.
    fn prefetch(&self, _index: usize) {}

    /// Where the run ends that starts at `index` with the block `first`: the index and the block behind it.
    #[inline]
    fn run(&self, index: usize, first: usize) -> (usize, usize) {
        // Wrapping only spares the checks: a block's number and an index are far below the largest number.
        let (mut index, mut end) = (index.wrapping_add(1), first.wrapping_add(1));
        while index < self.len() && self.get(index) == Some(end) {
            end = end.wrapping_add(1);
            index = index.wrapping_add(1);
        }
        (index, end)
    }
}

/// What reads numbers: all of them, or up to where it stops.
pub trait Reader {
    /// Reads numbers from the first on.
    fn read(&mut self, numbers: &impl Numbers) -> Result<(), Stop>;
}

/// Why a [`Reader`] stopped before the end.
#[derive(Debug, PartialEq, Eq)]
pub enum Stop {
    /// The number at this index needs a closer look; all before it are read.
    At(usize),
    /// There is no use in reading on.
    Refused,
}
