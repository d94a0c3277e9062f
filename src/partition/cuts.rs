//! Chooses the cuts between the devices: of all partitions that do not exceed a bottleneck, one with even loads.

use std::ops::Range;

use super::capacities::Capacities;
use super::problem::{Search, SearchError};
use super::starts::Starts;
use super::taut_string::taut_string;
use crate::numbers::ratio::Load;
use crate::prefix_sums::to_f64;

impl Search<'_> {
    /// Returns, for each device, the end (exclusive) of its run in a partition that does not exceed a feasible bottleneck. Each
    /// cut is as close as possible to the position at which the loads would be most even.
    pub fn cut<E>(
        &self,
        bottleneck: Load,
        starts: &Starts,
        tick: &mut impl FnMut(usize) -> Result<(), E>,
    ) -> Result<Vec<usize>, SearchError<E>> {
        let (num_blocks, num_devices) = (self.costs.len(), self.devices.len());
        let capacities = Capacities::new(*self, bottleneck);
        let target_sums = self.target_sums(&capacities, starts);
        let mut ends = vec![num_blocks; num_devices];
        let mut start = 0;
        // The start of each device's run is the end of the previous one.
        for device in 1..num_devices {
            tick(1).map_err(SearchError::Interrupted)?;
            let min_end = start + usize::from(self.non_empty);
            let guess = start + starts.length_hint(device - 1);
            let nearest_up_to =
                |max_end| self.nearest_start(starts, device, min_end..max_end + 1, target_sums[device], guess);
            let mut end = nearest_up_to(num_blocks);
            if !capacities.holds(device - 1, start..end) {
                end = nearest_up_to(capacities.extend_right(device - 1, start, guess).to);
            }
            ends[device - 1] = end;
            start = end;
        }
        Ok(ends)
    }

    /// Returns, for each cut, the prefix sum of the costs at which it would be if cuts were not restricted to the ends of
    /// blocks. The cuts are the start of each device's run, and the end of the last run.
    ///
    /// These sums make the loads as even as possible: they minimise the sum of every convex function of the loads, such as
    /// their squares. They are the heights of the taut string (see [`taut_string`]) through one window per cut. The
    /// x-coordinate of a cut is the total speed of the devices before it; its window is the range of prefix sums at its
    /// possible positions.
    fn target_sums(&self, capacities: &Capacities<'_>, starts: &Starts) -> Vec<f64> {
        let mut windows = Vec::with_capacity(self.devices.len() + 1);
        let (mut first_cut, mut last_cut, mut speed_before) = (0, 0, 0.0);
        windows.push((0.0, 0.0..=0.0));
        for (index, device) in self.devices.iter().enumerate() {
            let min_cut = first_cut + usize::from(self.non_empty);
            let max_cut = capacities
                .extend_right(index, last_cut, last_cut + starts.length_hint(index))
                .to;
            first_cut = starts.first_from(index + 1, min_cut).unwrap_or(first_cut);
            last_cut = starts.last_up_to(index + 1, max_cut).unwrap_or(last_cut);
            speed_before += to_f64(device.speed);
            let window = self.costs.prefix_f64(first_cut)..=self.costs.prefix_f64(last_cut.max(first_cut));
            windows.push((speed_before, window));
        }
        taut_string(&windows)
    }

    /// Returns the possible start of a device's run in `range` whose prefix sum is nearest to `target_sum`. If several starts
    /// have this prefix sum, because the blocks between them cost nothing, the result is the one that is nearest to an even
    /// division of the number of blocks.
    ///
    /// There must be a possible start in `range`. The search is fast if `guess` is close to the result.
    fn nearest_start(
        &self,
        starts: &Starts,
        device: usize,
        range: Range<usize>,
        target_sum: f64,
        guess: usize,
    ) -> usize {
        let costs = self.costs;
        let split = costs.lower_bound_f64(target_sum, guess).clamp(range.start, range.end);
        let distance_to_target = |start| (costs.prefix_f64(start) - target_sum).abs();
        let Some(nearest) = nearer(starts, device, split, &range, distance_to_target) else {
            return range.start;
        };
        let plateau = costs.plateau(nearest);
        if plateau.len() == 1 {
            return nearest;
        }
        let plateau = plateau.start.max(range.start)..plateau.end.min(range.end);
        // `ceil(num_blocks * device / num_devices)`, without overflow.
        let (num_blocks, num_devices) = (costs.len(), self.devices.len());
        let even_cut = (num_blocks / num_devices) * device + (num_blocks % num_devices * device).div_ceil(num_devices);
        let even_cut = even_cut.clamp(plateau.start, plateau.end - 1);
        let distance_to_even_cut = |start: usize| start.abs_diff(even_cut);
        nearer(starts, device, even_cut, &plateau, distance_to_even_cut).unwrap_or(nearest)
    }
}

/// Returns the nearer of two possible starts of a device's run: the last one before `split`, and the first one at or after
/// `split`. If both are equally near, the latter is returned. Starts outside `range` are ignored.
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
