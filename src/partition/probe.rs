//! The probe: whether the devices can hold all blocks within a bottleneck.

use super::capacities::{Capacities, lower};
use super::fits::Fits;
use super::gaps::GapFinder;
use super::problem::{Search, SearchError};
use super::starts::Starts;
use crate::numbers::ratio::Load;

/// After how many devices to check whether those before them could hold the rest at all; few in tests, whose problems are
/// small.
const CHECK_EVERY: usize = if cfg!(test) { 2 } else { 32 };

/// What a probe found.
pub struct Probe {
    /// Where the devices can start; none if they cannot hold all blocks.
    pub starts: Option<Starts>,
    /// The next larger bottleneck within which the devices can start elsewhere; none if there is none.
    pub next: Option<Load>,
    /// No device needs more than this to start where it can.
    pub max_load: Load,
    /// The mean load of the devices that are full: those placed before the first block was reached.
    pub mean_full_load: Load,
}

/// What is kept from one probe to the next.
pub struct ProbeState {
    /// The number of blocks of each device in the last probe that placed it, which is a good guess for the next.
    lengths: Vec<usize>,
    /// Which blocks fit on each device by their size; empty until it is needed.
    by_size: Option<Fits>,
}

impl ProbeState {
    pub fn new(search: &Search<'_>) -> Self {
        let devices = search.devices.len();
        Self {
            lengths: vec![search.costs.len() / devices; devices],
            by_size: None,
        }
    }
}

impl Search<'_> {
    /// Finds whether the devices can hold all blocks within a bottleneck, and if so, where they can start.
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
        let gaps = if capacities.may_leave_gaps() {
            let gaps = GapFinder::new(self, &capacities, lengths, by_size)?;
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
        // The speed of the devices that have been placed.
        let mut speed = 0;
        for (placed, device) in (0..devices).rev().enumerate() {
            let end = starts.first[device + 1];
            let left = self.costs.prefix(end);
            if left > 0 && speed > 0 {
                probe.mean_full_load = self.mean_load(left, speed);
            }
            // Not before an eighth of the speed has been placed, since the next guess comes from the mean load of that.
            if placed % CHECK_EVERY == 0 && speed > self.speed / 8 {
                let needed = Load {
                    cost: left,
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
            let mut first = Some(run.to);
            let mut searches = 1;
            if let (Some(gaps), Some(sets)) = (&gaps, &mut starts.sets) {
                let level = gaps.starts(device, &sets[device + 1], run.to.max(device))?;
                lower(&mut probe.next, level.next);
                searches += level.compared;
                first = level.set.first_from(0);
                sets[device] = level.set;
            } else {
                probe.max_load = probe.max_load.max(run.load);
            }
            tick(searches).map_err(SearchError::Interrupted)?;
            let Some(first) = first else {
                // The first device may not end at 0, where it would have no block.
                probe.mean_full_load = self.mean_load(left.max(1), self.speed);
                return Ok(probe);
            };
            starts.first[device] = first;
        }
        if starts.first[0] == 0 {
            probe.starts = Some(starts);
        } else {
            let left = self.costs.prefix(starts.first[0]).max(1);
            probe.mean_full_load = self.mean_load(left, self.speed);
        }
        Ok(probe)
    }
}
