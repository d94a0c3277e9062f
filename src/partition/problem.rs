//! The partition problem: blocks, devices, and the reasons why there may be no solution.

use std::collections::TryReserveError;
use std::ops::Range;

use crate::numbers::ratio::Load;
use crate::prefix_sums::PrefixSums;

/// A device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Device {
    /// The cost that the device processes per unit of time, greater than 0.
    pub speed: u128,
    /// The largest total size of the device's blocks.
    pub memory: u128,
}

/// A partition problem: divide blocks, in order, over devices, in order, such that the largest load is minimal.
pub struct Problem<'a> {
    /// The cost of each block.
    pub costs: &'a PrefixSums,
    /// The size of each block, or `None` if no device has a limit.
    pub sizes: Option<&'a PrefixSums>,
    /// The devices in order, at least one. The sum of their speeds must fit in 128 bits.
    pub devices: &'a [Device],
    /// Whether a device may have no blocks.
    pub allow_idle: bool,
}

/// Why no partition exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Infeasible {
    /// This block is larger than the memory of each device.
    Block(usize),
    /// The total size of the blocks exceeds the total memory of the devices.
    Total {
        /// The total memory.
        available: u128,
    },
    /// In the given order, the devices cannot hold all blocks.
    Order {
        /// The first block that the devices cannot hold.
        block: usize,
        /// The largest memory of the devices after the last one that holds a block, or 0 if there is none.
        available: u128,
    },
    /// The devices can hold the blocks, but not with at least one block on each device. If a single device is the reason,
    /// the device, and the blocks within its reach: it must hold one of them, and can hold none.
    Idle(Option<(usize, Range<usize>)>),
}

/// Why a search has no result.
#[derive(Debug)]
pub enum SearchError<E> {
    /// No partition exists.
    Infeasible(Infeasible),
    /// There is not enough memory for the possible starts of each device, and for the blocks that fit on each: at most one
    /// bit per block and device for the first, and for each of costs and sizes one bit per block and distinct limit.
    Memory(TryReserveError),
    /// The caller interrupted the search.
    Interrupted(E),
}

impl<E> From<TryReserveError> for SearchError<E> {
    fn from(error: TryReserveError) -> Self {
        Self::Memory(error)
    }
}

/// A problem in the form in which it is searched: either each device must have a block, or any device may be idle.
#[derive(Clone, Copy)]
pub struct Search<'a> {
    pub costs: &'a PrefixSums,
    pub sizes: Option<&'a PrefixSums>,
    pub devices: &'a [Device],
    /// The sum of the speeds.
    pub speed: u128,
    /// Whether each device must have at least one block.
    pub non_empty: bool,
}

impl Search<'_> {
    /// Returns the mean load of devices with the total speed `speed` that hold all blocks except some of total cost
    /// `remaining`.
    pub fn mean_load(&self, remaining: u128, speed: u128) -> Load {
        let cost = self.costs.total().saturating_sub(remaining);
        Load { cost, speed }
    }
}
