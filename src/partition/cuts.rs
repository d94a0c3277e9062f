//! The cuts: of the maps within a bottleneck, an even one.

use std::ops::Range;

use super::capacities::Capacities;
use super::problem::{Search, SearchError};
use super::starts::Starts;
use super::taut_string::taut;
use crate::numbers::ratio::Load;
use crate::prefix_sums::to_f64;

impl Search<'_> {
    /// Returns where the run of each device ends in a map within a feasible bottleneck that is as even as the starts allow.
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
            let least = start + usize::from(self.non_empty);
            let guess = start + starts.length(device - 1);
            let near = |end| self.nearest(starts, device, least..end, targets[device], guess);
            let mut end = near(blocks + 1);
            if !capacities.holds(device - 1, start..end) {
                end = near(capacities.extend_right(device - 1, start, guess).to + 1);
            }
            ends[device - 1] = end;
            start = end;
        }
        Ok(ends)
    }

    /// What the blocks before each device would cost together, if the loads were as even as the starts allow.
    fn targets(&self, capacities: &Capacities<'_>, starts: &Starts) -> Vec<f64> {
        let mut room = Vec::with_capacity(self.devices.len() + 1);
        let (mut low, mut high, mut speed) = (0, 0, 0.0);
        room.push((0.0, 0.0..=0.0));
        for (index, device) in self.devices.iter().enumerate() {
            let least = low + usize::from(self.non_empty);
            let most = capacities.extend_right(index, high, high + starts.length(index)).to;
            low = starts.first_from(index + 1, least).unwrap_or(low);
            high = starts.last_to(index + 1, most).unwrap_or(high);
            speed += to_f64(device.speed);
            room.push((speed, self.costs.prefix_f64(low)..=self.costs.prefix_f64(high.max(low))));
        }
        taut(&room)
    }

    /// Of the starts of a device within a range, of which there is one, the one whose prefix sum is nearest to `target`, which
    /// is about that of `guess`. Of several with the same prefix sum, the one that divides the blocks most evenly by number.
    fn nearest(&self, starts: &Starts, device: usize, range: Range<usize>, target: f64, guess: usize) -> usize {
        let costs = self.costs;
        let split = costs.lower_bound_f64(target, guess).clamp(range.start, range.end);
        let distance = |start| (costs.prefix_f64(start) - target).abs();
        let Some(near) = nearer(starts, device, split, &range, distance) else {
            return range.start;
        };
        let level = costs.plateau(near);
        if level.len() == 1 {
            return near;
        }
        let level = level.start.max(range.start)..level.end.min(range.end);
        let (blocks, devices) = (costs.len(), self.devices.len());
        let even = (blocks / devices) * device + (blocks % devices * device).div_ceil(devices);
        let even = even.clamp(level.start, level.end - 1);
        nearer(starts, device, even, &level, |start: usize| start.abs_diff(even)).unwrap_or(near)
    }
}

/// The nearer of two starts within a range: the last one before `split`, and the first one from there on.
fn nearer<D: PartialOrd>(
    starts: &Starts,
    device: usize,
    split: usize,
    range: &Range<usize>,
    distance: impl Fn(usize) -> D,
) -> Option<usize> {
    let within = |start: &usize| range.contains(start);
    let below = split.checked_sub(1).and_then(|last| starts.last_to(device, last));
    let above = starts.first_from(device, split);
    match (below.filter(within), above.filter(within)) {
        (Some(below), Some(above)) if distance(below) < distance(above) => Some(below),
        (below, above) => above.or(below),
    }
}
