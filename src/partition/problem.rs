//! Blocks, the devices that are to hold them, and why they may not.

use std::collections::TryReserveError;
use std::ops::Range;

use crate::numbers::ratio::Load;
use crate::prefix_sums::PrefixSums;

/// What a device can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Device {
    /// How much of the costs it does in a unit of time; above 0.
    pub speed: u128,
    /// The most that the sizes of its blocks may add up to.
    pub memory: u128,
}

/// Blocks and the devices that are to hold them.
pub struct Problem<'a> {
    /// What each block costs.
    pub costs: &'a PrefixSums,
    /// How large each block is; none where no device has a limit.
    pub sizes: Option<&'a PrefixSums>,
    /// The devices in order, at least one; their speeds add up to at most 128 bits.
    pub devices: &'a [Device],
    /// Whether a device may be left without blocks.
    pub allow_idle: bool,
}

/// Why there is no map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Infeasible {
    /// This block is larger than the memory of any device.
    Block(usize),
    /// The blocks together are larger than the memory of all devices together, which is given in bytes.
    All(u128),
    /// In this order the devices cannot hold all blocks. The first number is the most of the first blocks that they can
    /// hold; the second is the largest memory of the devices that are left then, 0 if none is.
    Order(usize, u128),
    /// The devices hold the blocks, but not with a block on each. Why, if one device is to blame: of these blocks it must
    /// get one, and can hold none.
    Idle(Option<(usize, Range<usize>)>),
}

/// Why a search returned no map.
#[derive(Debug)]
pub enum SearchError<E> {
    /// There is no map.
    Infeasible(Infeasible),
    /// There is not enough memory for the blocks at which each device can start: at most a bit for each block and device.
    Memory(TryReserveError),
    /// The caller interrupted the search.
    Interrupted(E),
}

impl<E> From<TryReserveError> for SearchError<E> {
    fn from(error: TryReserveError) -> Self {
        Self::Memory(error)
    }
}

/// Blocks to be cut over devices, each of which must get one or may stay idle.
#[derive(Clone, Copy)]
pub struct Search<'a> {
    pub costs: &'a PrefixSums,
    pub sizes: Option<&'a PrefixSums>,
    pub devices: &'a [Device],
    /// The sum of the speeds.
    pub speed: u128,
    /// Whether each device must get a block.
    pub non_empty: bool,
}

impl Search<'_> {
    /// The mean load of devices of total speed `speed` that hold all blocks but those of total cost `left`.
    pub fn mean_load(&self, left: u128, speed: u128) -> Load {
        let cost = self.costs.total().saturating_sub(left);
        Load { cost, speed }
    }
}
