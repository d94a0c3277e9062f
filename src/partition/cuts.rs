//! Chooses the cuts between the devices: among the partitions within a bottleneck, an even one.

use std::ops::Range;

use super::capacities::Capacities;
use super::problem::{Search, SearchError};
use super::starts::Starts;
use super::taut_string::taut_string;
use crate::numbers::ratio::Load;
use crate::prefix_sums::to_f64;

impl Search<'_> {
    /// Returns the end of each device's run in a partition within a feasible bottleneck. The cuts are as close as possible
    /// to the cuts with the most even loads.
    pub fn cut<E>(
        &self,
        bottleneck: Load,
        starts: &Starts,
        tick: &mut impl FnMut(usize) -> Result<(), E>,
    ) -> Result<Vec<usize>, SearchError<E>> {
        let (blocks, devices) = (self.costs.len(), self.devices.len());
        let capacities = Capacities::new(*self, bottleneck);
        let targets = self.targets(&capacities, starts);
        let mut ends = vec![blocks; devices];
        let mut start = 0;
        for device in 1..devices {
            tick(1).map_err(SearchError::Interrupted)?;
            let min = start + usize::from(self.non_empty);
            let guess = start + starts.length(device - 1);
            let nearest = |end| self.nearest(starts, device, min..end, targets[device], guess);
            let mut end = nearest(blocks + 1);
            if !capacities.holds(device - 1, start..end) {
                end = nearest(capacities.extend_right(device - 1, start, guess).to + 1);
            }
            ends[device - 1] = end;
            start = end;
        }
        Ok(ends)
    }

    /// Returns the prefix sum before each device at which the loads are as even as the range of possible cuts allows: the
    /// taut string through these ranges, over the total speed of the devices before each cut.
    fn targets(&self, capacities: &Capacities<'_>, starts: &Starts) -> Vec<f64> {
        let mut windows = Vec::with_capacity(self.devices.len() + 1);
        let (mut low, mut high, mut speed) = (0, 0, 0.0);
        windows.push((0.0, 0.0..=0.0));
        for (index, device) in self.devices.iter().enumerate() {
            let min = low + usize::from(self.non_empty);
            let max = capacities.extend_right(index, high, high + starts.length(index)).to;
            low = starts.first_from(index + 1, min).unwrap_or(low);
            high = starts.last_up_to(index + 1, max).unwrap_or(high);
            speed += to_f64(device.speed);
            windows.push((speed, self.costs.prefix_f64(low)..=self.costs.prefix_f64(high.max(low))));
        }
        taut_string(&windows)
    }

    /// Returns the possible start of a device within `range` whose prefix sum is nearest to `target`. Among starts with the
    /// same prefix sum, it is the one nearest to an even division of the number of blocks. There must be a possible start
    /// in `range`. The search is fast if `guess` is close to the result.
    fn nearest(&self, starts: &Starts, device: usize, range: Range<usize>, target: f64, guess: usize) -> usize {
        let costs = self.costs;
        let split = costs.lower_bound_f64(target, guess).clamp(range.start, range.end);
        let distance = |start| (costs.prefix_f64(start) - target).abs();
        let Some(nearest) = nearer(starts, device, split, &range, distance) else {
            return range.start;
        };
        let plateau = costs.plateau(nearest);
        if plateau.len() == 1 {
            return nearest;
        }
        let plateau = plateau.start.max(range.start)..plateau.end.min(range.end);
        let (blocks, devices) = (costs.len(), self.devices.len());
        let even = (blocks / devices) * device + (blocks % devices * device).div_ceil(devices);
        let even = even.clamp(plateau.start, plateau.end - 1);
        nearer(starts, device, even, &plateau, |start: usize| start.abs_diff(even)).unwrap_or(nearest)
    }
}

/// Returns the nearer of two possible starts of a device: the last one before `split`, and the first one at or after it.
/// Starts outside `range` are ignored.
fn nearer<D: PartialOrd>(
    starts: &Starts,
    device: usize,
    split: usize,
    range: &Range<usize>,
    distance: impl Fn(usize) -> D,
) -> Option<usize> {
    let within = |start: &usize| range.contains(start);
    let below = split.checked_sub(1).and_then(|last| starts.last_up_to(device, last));
    let above = starts.first_from(device, split);
    match (below.filter(within), above.filter(within)) {
        (Some(below), Some(above)) if distance(below) < distance(above) => Some(below),
        (below, above) => above.or(below),
    }
}
