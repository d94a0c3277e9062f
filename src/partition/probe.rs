//! The probe, which tests whether the devices can hold all blocks within a bottleneck.

use super::capacities::{Capacities, lower};
use super::fitting_blocks::FittingBlocks;
use super::gaps::GapFinder;
use super::problem::{Search, SearchError};
use super::starts::Starts;
use crate::numbers::ratio::Load;

/// The number of devices after which the probe checks whether the remaining devices could hold the remaining blocks if all
/// of them were fully loaded. Smaller in tests, whose problems have few devices.
const CHECK_EVERY: usize = if cfg!(test) { 2 } else { 32 };

/// The result of a probe.
pub struct Probe {
    /// The blocks at which each device can start, or `None` if the bottleneck is infeasible.
    pub starts: Option<Starts>,
    /// The smallest larger bottleneck for which the result may differ, or `None` if there is none.
    pub next: Option<Load>,
    /// An upper bound of the loads of the devices in the probed placement.
    pub max_load: Load,
    /// The mean load of the fully loaded devices: those placed before the first block was reached.
    pub mean_full_load: Load,
}

/// Data that one probe leaves for the next.
pub struct ProbeState {
    /// The number of blocks of each device in the last probe that placed it: a good guess for the next probe.
    lengths: Vec<usize>,
    /// The blocks that fit on each device with respect to their size. Computed when it is first needed.
    by_size: Option<FittingBlocks>,
}

impl ProbeState {
    /// Returns the state before the first probe.
    pub fn new(search: &Search<'_>) -> Self {
        let devices = search.devices.len();
        Self {
            lengths: vec![search.costs.len() / devices; devices],
            by_size: None,
        }
    }
}

impl Search<'_> {
    /// Tests whether the devices can hold all blocks within a bottleneck. If so, returns the possible starts of each.
    pub fn probe<E>(
        &self,
        bottleneck: Load,
        state: &mut ProbeState,
        tick: &mut impl FnMut(usize) -> Result<(), E>,
    ) -> Result<Probe, SearchError<E>> {
        let (blocks, devices) = (self.costs.len(), self.devices.len());
        let ProbeState { lengths, by_size } = state;
        let capacities = Capacities::new(*self, bottleneck);
        let mut probe = Probe {
            starts: None,
            next: None,
            max_load: Load { cost: 0, speed: 1 },
            mean_full_load: self.mean_load(0, self.speed),
        };
        let gaps = if capacities.may_have_gaps() {
            let gaps = GapFinder::new(self, &capacities, lengths, by_size, tick)?;
            probe.max_load = bottleneck;
            probe.next = gaps.next;
            let end = gaps.furthest[devices - 1];
            if end < blocks {
                probe.mean_full_load = self.mean_load(self.costs.sum(end..blocks), self.speed);
                return Ok(probe);
            }
            Some(gaps)
        } else {
            None
        };
        let mut starts = Starts::new(blocks, devices, self.non_empty, gaps.is_some());
        // The total speed of the devices placed so far.
        let mut speed = 0;
        for (placed, device) in (0..devices).rev().enumerate() {
            let end = starts.first[device + 1];
            let remaining = self.costs.prefix(end);
            if remaining > 0 && speed > 0 {
                probe.mean_full_load = self.mean_load(remaining, speed);
            }
            // At least an eighth of the speed is placed first, since the next guess is based on the mean load of the
            // placed devices.
            if placed % CHECK_EVERY == 0 && speed > self.speed / 8 {
                let needed = Load {
                    cost: remaining,
                    speed: self.speed - speed,
                };
                if needed > bottleneck {
                    lower(&mut probe.next, Some(needed));
                    return Ok(probe);
                }
            }
            speed += self.devices[device].speed;
            let run = capacities.extend_left(device, end, end.saturating_sub(lengths[device]));
            lengths[device] = end - run.to;
            lower(&mut probe.next, run.next);
            let mut first_start = Some(run.to);
            let mut searches = 1;
            if let (Some(gaps), Some(sets)) = (&gaps, &mut starts.sets) {
                let starts = gaps.starts(device, &sets[device + 1], run.to.max(device))?;
                lower(&mut probe.next, starts.next);
                searches += starts.compared;
                first_start = starts.set.first_from(0);
                sets[device] = starts.set;
            } else {
                probe.max_load = probe.max_load.max(run.load);
            }
            tick(searches).map_err(SearchError::Interrupted)?;
            let Some(first_start) = first_start else {
                // The device cannot start anywhere. The remaining cost may be 0 here.
                probe.mean_full_load = self.mean_load(remaining.max(1), self.speed);
                return Ok(probe);
            };
            starts.first[device] = first_start;
        }
        if starts.first[0] == 0 {
            probe.starts = Some(starts);
        } else {
            let remaining = self.costs.prefix(starts.first[0]).max(1);
            probe.mean_full_load = self.mean_load(remaining, self.speed);
        }
        Ok(probe)
    }
}
