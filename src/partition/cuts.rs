//! The cuts: of the maps that reach the smallest bottleneck, an even one.

use std::ops::Range;

use super::Stopped;
use super::search::Search;
use super::starts::{Run, first_from, last_to};
use super::taut_string::taut;
use crate::prefix_sums::{PrefixSums, to_f64};

impl Search<'_> {
    /// The runs of blocks at which a device can start, of those found.
    pub(super) fn starts_of(&self, device: usize) -> &[Run] {
        &self.found.runs[self.found.level(self.devices.len() - device)]
    }

    /// Cuts within the caps that were found to do: where the run of each device ends.
    pub(super) fn cut<E>(&self, pulse: &mut impl FnMut(usize) -> Result<(), E>) -> Result<Vec<usize>, Stopped<E>> {
        let (blocks, devices) = (self.costs.len(), self.devices.len());
        let targets = self.targets();
        let mut ends = vec![blocks; devices];
        let mut start = 0;
        for device in 1..devices {
            pulse(1).map_err(Stopped::Interrupted)?;
            let least = start + usize::from(self.each);
            // Where several cuts cost the same, the one that divides the blocks most evenly by number.
            let even = || (blocks / devices) * device + (blocks % devices * device).div_ceil(devices);
            let target = (targets[device], start + self.lengths[device - 1]);
            let near = |behind| nearest(self.costs, self.starts_of(device), least..behind, target, even);
            let mut end = near(blocks + 1);
            if !self.holds(device - 1, start..end) {
                end = near(self.reach(device - 1, start, &mut None) + 1);
            }
            ends[device - 1] = end;
            start = end;
        }
        Ok(ends)
    }

    /// Whether a device can hold a run.
    pub(super) fn holds(&self, device: usize, run: Range<usize>) -> bool {
        let size = self.sizes.map_or(0, |sizes| sizes.sum(run.clone()));
        self.costs.sum(run) <= self.caps[device] && size <= self.devices[device].memory
    }

    /// What the blocks before each device would cost together, if the loads were as even as the room for its start lets
    /// them be.
    pub(super) fn targets(&self) -> Vec<f64> {
        let mut room = Vec::with_capacity(self.devices.len() + 1);
        let (mut low, mut high, mut speed) = (0, 0, 0.0);
        room.push((0.0, 0.0..=0.0));
        for (index, device) in self.devices.iter().enumerate() {
            let starts = self.starts_of(index + 1);
            low = first_from(starts, low + usize::from(self.each)).unwrap_or(low);
            high = last_to(starts, self.reach(index, high, &mut None)).unwrap_or(high);
            speed += to_f64(device.speed);
            room.push((speed, self.costs.prefix_f64(low)..=self.costs.prefix_f64(high.max(low))));
        }
        taut(&room)
    }
}

/// Of some starts in some room, of which there is one, that whose blocks before it cost most nearly as much as `target`, a
/// sum and a guess where it is; of some between which nothing costs anything, that nearest to `even`.
fn nearest(
    costs: &PrefixSums,
    starts: &[Run],
    room: Range<usize>,
    target: (f64, usize),
    even: impl Fn() -> usize,
) -> usize {
    let (target, guess) = target;
    let behind = costs.lower_bound_f64(target, guess).clamp(room.start, room.end);
    let far = |start| (costs.prefix_f64(start) - target).abs();
    let Some(near) = nearer(starts, behind, &room, far) else {
        return room.start;
    };
    let level = costs.plateau(near);
    if level.len() == 1 {
        return near;
    }
    let level = level.start.max(room.start)..level.end.min(room.end);
    let even = even().clamp(level.start, level.end - 1);
    nearer(starts, even, &level, |start: usize| start.abs_diff(even)).unwrap_or(near)
}

/// Of the last start before a block and the first from it on, that which lies in some room; if both do, that which is less
/// far.
fn nearer<D: PartialOrd>(starts: &[Run], block: usize, room: &Range<usize>, far: impl Fn(usize) -> D) -> Option<usize> {
    let below = block.checked_sub(1).and_then(|last| last_to(starts, last));
    let above = first_from(starts, block).filter(|start| room.contains(start));
    match (below.filter(|start| room.contains(start)), above) {
        (Some(below), Some(above)) if far(below) < far(above) => Some(below),
        (below, above) => above.or(below),
    }
}
