//! The partition problem: its blocks and devices, and the reasons why it can have no solution.

use std::collections::TryReserveError;
use std::ops::Range;

use crate::numbers::ratio::Load;
use crate::prefix_sums::PrefixSums;

/// The speed and the memory of a device.
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
    /// Whether devices without blocks are allowed.
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
    /// The devices can hold the blocks, but not with at least one block on each device. If a single device is the reason, the
    /// value contains its index and a range of blocks: in every partition the device would get one of these blocks, but it
    /// can hold none of them.
    Idle(Option<(usize, Range<usize>)>),
}

/// Why a search ended without a result.
#[derive(Debug)]
pub enum SearchError<E> {
    /// No partition exists.
    Infeasible(Infeasible),
    /// There is not enough memory for the sets of blocks that the search with gaps stores: the possible starts of each device
    /// (at most one bit per block and device), and the blocks that fit on each device (one bit per block and distinct limit,
    /// for the costs and for the sizes).
    Memory(TryReserveError),
    /// The caller interrupted the search.
    Interrupted(E),
}

impl<E> From<TryReserveError> for SearchError<E> {
    fn from(error: TryReserveError) -> Self {
        Self::Memory(error)
    }
}

/// A problem as the search solves it: either every device must have a block, or every device can be idle.
#[derive(Clone, Copy)]
pub struct Search<'a> {
    /// The cost of each block.
    pub costs: &'a PrefixSums,
    /// The size of each block, or `None` if no device has a limit.
    pub sizes: Option<&'a PrefixSums>,
    /// The devices in order.
    pub devices: &'a [Device],
    /// The sum of the devices' speeds.
    pub total_speed: u128,
    /// Whether each device must have at least one block.
    pub non_empty: bool,
}

impl Search<'_> {
    /// Returns the mean load of devices that hold all blocks except those with the total cost `remaining_cost`. `speed` is
    /// the total speed of these devices.
    pub fn mean_load(&self, remaining_cost: u128, speed: u128) -> Load {
        let cost = self.costs.total().saturating_sub(remaining_cost);
        Load { cost, speed }
    }
}
