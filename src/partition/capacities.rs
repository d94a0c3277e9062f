//! What the devices can hold within a bottleneck.

use std::ops::Range;

use super::problem::{Device, Search};
use crate::numbers::ratio::{Load, mul_div};
use crate::prefix_sums::PrefixSums;

/// What each device can hold within a bottleneck: its capacity, and its memory.
pub struct Capacities<'a> {
    search: Search<'a>,
    /// The most that the blocks of each device may cost together.
    pub costs: Vec<u128>,
}

/// The longest run of a device from or to a block.
pub struct Extension {
    /// The other end of the run.
    pub to: usize,
    /// The load of the device with it.
    pub load: Load,
    /// The load with one more block, if only that keeps the device from taking it.
    pub next: Option<Load>,
}

impl<'a> Capacities<'a> {
    pub fn new(search: Search<'a>, bottleneck: Load) -> Self {
        let total = search.costs.total();
        let mut last = (0, 0);
        let capacity = |device: &Device| {
            if device.speed != last.0 {
                let most = mul_div(bottleneck.cost, device.speed, bottleneck.speed).map_or(total, |(most, _)| most);
                last = (device.speed, most.min(total));
            }
            last.1
        };
        let costs = search.devices.iter().map(capacity).collect();
        Self { search, costs }
    }

    /// The longest run of a device to `end`. The closer `guess` is to its start, the faster.
    #[inline]
    pub fn extend_left(&self, device: usize, end: usize, guess: usize) -> Extension {
        let Device { speed, memory } = self.search.devices[device];
        let mut run = self.search.costs.extend_left(end, self.costs[device], guess);
        let by_size = self
            .search
            .sizes
            .map_or(0, |sizes| sizes.extend_left(end, memory, run.start).start);
        let mut next = None;
        if run.start > by_size {
            next = Some(Load {
                cost: run.with_one_more,
                speed,
            });
        } else if run.start < by_size {
            run.start = by_size;
            run.cost = self.search.costs.sum(by_size..end);
        }
        let load = Load { cost: run.cost, speed };
        Extension {
            to: run.start,
            load,
            next,
        }
    }

    /// The longest run of a device from `start`. The closer `guess` is to its end, the faster.
    pub fn extend_right(&self, device: usize, start: usize, guess: usize) -> Extension {
        let Device { speed, memory } = self.search.devices[device];
        let costs = self.search.costs;
        let by_cost = costs.extend_right(start, self.costs[device], guess);
        let by_size = self
            .search
            .sizes
            .map_or(costs.len(), |sizes| sizes.extend_right(start, memory, by_cost));
        let load = |end| Load {
            cost: costs.sum(start..end),
            speed,
        };
        let to = by_cost.min(by_size);
        Extension {
            to,
            load: load(to),
            next: (by_cost < by_size).then(|| load(by_cost + 1)),
        }
    }

    /// Whether a device can hold a run.
    #[inline]
    pub fn holds(&self, device: usize, run: Range<usize>) -> bool {
        self.search.costs.sum(run.clone()) <= self.costs[device]
            && self
                .search
                .sizes
                .is_none_or(|sizes| sizes.sum(run) <= self.search.devices[device].memory)
    }

    /// Whether there may be gaps between the blocks at which a device can start: each must get a block, and some device
    /// cannot hold every block.
    pub fn may_leave_gaps(&self) -> bool {
        let Search { costs, sizes, .. } = self.search;
        let too_small = |sizes: &PrefixSums| self.search.devices.iter().any(|device| device.memory < sizes.largest());
        self.search.non_empty
            && (self.costs.iter().any(|capacity| *capacity < costs.largest()) || sizes.is_some_and(too_small))
    }
}

/// Keeps the lesser of two loads.
#[inline]
pub fn lower(least: &mut Option<Load>, load: Option<Load>) {
    if let Some(load) = load {
        *least = Some(least.map_or(load, |least| least.min(load)));
    }
}
