//! The best contiguous partition of blocks over devices: the smallest bottleneck, and an even one of those that reach it.
//!
//! A bottleneck can be reached if the devices, from the last one on, can hold all blocks within it. Whether they can
//! takes a search of the sums for each device; where they cannot, the search also tells the next larger bottleneck that
//! might do. So a lower bound climbs from one load that might do to the next, in leaps found by trying what is likely,
//! until it can be reached: then it is the optimum, exactly, whatever the numbers (after Nicol, "Rectilinear partitioning of
//! irregular data parallel computations", 1994, and Pinar and Aykanat, "Fast optimal load balancing algorithms for 1D
//! partitioning", 2004, who do so for equal processors).

pub mod chunks;
mod cuts;
mod infeasible;
mod probe;
mod search;
mod starts;
mod taut_string;

use std::collections::TryReserveError;
use std::ops::Range;

use crate::numbers::ratio::Load;
use crate::prefix_sums::PrefixSums;
use search::Search;
pub use starts::MOST_BLOCKS;

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
    /// What each block costs; at most [`MOST_BLOCKS`].
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

/// Why there is no answer.
#[derive(Debug)]
pub enum Stopped<E> {
    /// There is no map.
    Infeasible(Infeasible),
    /// There is no memory for the starts of the devices, which may be as many as blocks times devices.
    Memory(TryReserveError),
    /// The caller wants no answer any more.
    Interrupted(E),
}

impl<E> From<TryReserveError> for Stopped<E> {
    fn from(error: TryReserveError) -> Self {
        Self::Memory(error)
    }
}

impl Problem<'_> {
    /// Where the run of each device ends in the best map. `pulse` is called with the amount of work
    /// done since the last call, and may stop the search.
    ///
    /// Of the maps with the smallest bottleneck it is one whose cuts lie nearest, as far as that bottleneck leaves them
    /// room, to where the loads would be most even: see [`taut`].
    pub fn solve<E>(&self, mut pulse: impl FnMut(usize) -> Result<(), E>) -> Result<Vec<usize>, Stopped<E>> {
        let (blocks, all) = (self.costs.len(), self.devices.len());
        let alike = self.devices.iter().all(|device| *device == self.devices[0]);
        // Where all are alike and there are too few blocks, the first devices get one each.
        let devices = &self.devices[..if alike { all.min(blocks.max(1)) } else { all }];
        let each = blocks >= devices.len();
        let search = |each| Search::new(self.costs, self.sizes, devices, each);
        let must = each && !self.allow_idle;
        let mut least = Load { cost: 0, speed: 1 };
        if must && !alike {
            // Without a block on each device there are no gaps, and the bottleneck is found soon: it is a lower bound.
            match search(false).climb(least, &mut pulse)? {
                Some(bottleneck) => least = bottleneck,
                None => return Err(Stopped::Infeasible(self.why())),
            }
        }
        let mut found = search(must);
        let Some(bottleneck) = found.climb(least, &mut pulse)? else {
            return Err(Stopped::Infeasible(self.why()));
        };
        if each && self.allow_idle {
            // Nobody is left out for nothing.
            let mut all_busy = search(true);
            if all_busy.can_hold(bottleneck, &mut pulse)?.is_ok() {
                found = all_busy;
            }
        }
        let mut ends = found.cut(&mut pulse)?;
        ends.resize(all, blocks);
        Ok(ends)
    }
}

#[cfg(test)]
mod tests;
