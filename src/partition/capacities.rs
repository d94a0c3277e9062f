//! The runs of blocks that each device can hold if its load must not exceed a given bottleneck.

use std::ops::Range;

use super::problem::{Device, Search};
use crate::numbers::ratio::{Load, mul_div};
use crate::prefix_sums::PrefixSums;

/// What each device can hold for a given bottleneck: it limits the total cost of a device's blocks, and the device's memory
/// limits their total size.
pub struct Capacities<'a> {
    search: Search<'a>,
    /// The largest total cost of each device's blocks for which its load does not exceed the bottleneck.
    pub max_costs: Vec<u128>,
}

/// The longest run that a device can hold if one end of the run is given.
pub struct Extension {
    /// The other end of the run.
    pub to: usize,
    /// The load of the device with this run.
    pub load: Load,
    /// The load of the device with one more block, if that block is excluded by the bottleneck and not by the memory.
    pub next: Option<Load>,
}

impl<'a> Capacities<'a> {
    /// Returns what each device can hold for the given bottleneck.
    pub fn new(search: Search<'a>, bottleneck: Load) -> Self {
        let total = search.costs.total();
        // Adjacent devices often have the same speed.
        let (mut last_speed, mut last_max_cost) = (0, 0);
        let max_cost = |device: &Device| {
            if device.speed != last_speed {
                let max_cost = mul_div(bottleneck.cost, device.speed, bottleneck.speed).map_or(total, |(cost, _)| cost);
                (last_speed, last_max_cost) = (device.speed, max_cost.min(total));
            }
            last_max_cost
        };
        let max_costs = search.devices.iter().map(max_cost).collect();
        Self { search, max_costs }
    }

    /// Returns the longest run that ends at `end` and that a device can hold. The search is fast if `guess` is close to the
    /// start of that run.
    #[inline]
    pub fn extend_left(&self, device: usize, end: usize, guess: usize) -> Extension {
        let Device { speed, memory } = self.search.devices[device];
        let mut run = self.search.costs.extend_left(end, self.max_costs[device], guess);
        let start_by_size = self
            .search
            .sizes
            .map_or(0, |sizes| sizes.extend_left(end, memory, run.start).start);
        let mut next = None;
        if run.start > start_by_size {
            next = Some(Load {
                cost: run.next_cost,
                speed,
            });
        } else if run.start < start_by_size {
            run.start = start_by_size;
            run.cost = self.search.costs.sum(start_by_size..end);
        }
        let load = Load { cost: run.cost, speed };
        Extension {
            to: run.start,
            load,
            next,
        }
    }

    /// Returns the longest run that starts at `start` and that a device can hold. The search is fast if `guess` is close to
    /// the end of that run.
    pub fn extend_right(&self, device: usize, start: usize, guess: usize) -> Extension {
        let Device { speed, memory } = self.search.devices[device];
        let costs = self.search.costs;
        let end_by_cost = costs.extend_right(start, self.max_costs[device], guess);
        let end_by_size = self
            .search
            .sizes
            .map_or(costs.len(), |sizes| sizes.extend_right(start, memory, end_by_cost));
        let load = |end| Load {
            cost: costs.sum(start..end),
            speed,
        };
        let to = end_by_cost.min(end_by_size);
        Extension {
            to,
            load: load(to),
            next: (end_by_cost < end_by_size).then(|| load(end_by_cost + 1)),
        }
    }

    /// Returns `true` if a device can hold a run.
    #[inline]
    pub fn holds(&self, device: usize, run: Range<usize>) -> bool {
        self.search.costs.sum(run.clone()) <= self.max_costs[device]
            && self
                .search
                .sizes
                .is_none_or(|sizes| sizes.sum(run) <= self.search.devices[device].memory)
    }

    /// Returns `true` if the possible starts of a device's run can have gaps. Otherwise they form an interval.
    ///
    /// Gaps require that every device must have a block and that some device cannot hold some single block.
    pub fn may_have_gaps(&self) -> bool {
        let Search { costs, sizes, .. } = self.search;
        let exceeds_memory = |sizes: &PrefixSums| {
            self.search
                .devices
                .iter()
                .any(|device| device.memory < sizes.largest_cost())
        };
        self.search.non_empty
            && (self.max_costs.iter().any(|max_cost| *max_cost < costs.largest_cost())
                || sizes.is_some_and(exceeds_memory))
    }
}

/// Replaces `minimum` by `load` if `load` is smaller.
#[inline]
pub fn lower(minimum: &mut Option<Load>, load: Option<Load>) {
    if let Some(load) = load {
        *minimum = Some(minimum.map_or(load, |minimum| minimum.min(load)));
    }
}
