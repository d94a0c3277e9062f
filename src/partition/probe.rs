//! The probe, which tests whether a bottleneck is feasible.

use super::capacities::{Capacities, lower};
use super::fitting_blocks::FittingBlocks;
use super::gaps::GapFinder;
use super::problem::{Search, SearchError};
use super::starts::Starts;
use crate::numbers::ratio::Load;

/// The number of devices between two checks whether the bottleneck can still be feasible: whether the remaining devices could
/// process the remaining cost if all of them were fully loaded. It is smaller in tests, whose problems have few devices.
const CHECK_EVERY: usize = if cfg!(test) { 2 } else { 32 };

/// The result of a probe.
pub struct Probe {
    /// The blocks at which the run of each device can start, or `None` if the bottleneck is infeasible.
    pub starts: Option<Starts>,
    /// The smallest larger bottleneck for which the result can differ, or `None` if there is none.
    pub next: Option<Load>,
    /// An upper bound of the loads in the probed placement.
    pub max_load: Load,
    /// The mean load of the fully loaded devices: of all devices if some blocks remained, otherwise of the devices that were
    /// placed before no more blocks remained.
    pub mean_full_load: Load,
}

/// Data that is passed from one probe to the next.
pub struct ProbeState {
    /// The number of blocks that each device got in the last probe that placed it: a good guess for the next probe.
    lengths: Vec<usize>,
    /// The blocks that fit on each device with respect to their sizes, or `None` if that has not been needed yet.
    by_size: Option<FittingBlocks>,
}

impl ProbeState {
    /// Returns the state before the first probe.
    pub fn new(search: &Search<'_>) -> Self {
        let num_devices = search.devices.len();
        Self {
            lengths: vec![search.costs.len() / num_devices; num_devices],
            by_size: None,
        }
    }
}

impl Search<'_> {
    /// Tests whether a bottleneck is feasible. If it is, the result contains the possible starts of each device's run.
    ///
    /// The devices are placed from the last to the first. Each one gets as many blocks as it can hold.
    pub fn probe<E>(
        &self,
        bottleneck: Load,
        state: &mut ProbeState,
        tick: &mut impl FnMut(usize) -> Result<(), E>,
    ) -> Result<Probe, SearchError<E>> {
        let (num_blocks, num_devices) = (self.costs.len(), self.devices.len());
        let ProbeState { lengths, by_size } = state;
        let capacities = Capacities::new(*self, bottleneck);
        let mut probe = Probe {
            starts: None,
            next: None,
            max_load: Load { cost: 0, speed: 1 },
            mean_full_load: self.mean_load(0, self.total_speed),
        };
        let gaps = if capacities.may_have_gaps() {
            let gaps = GapFinder::new(self, &capacities, lengths, by_size, tick)?;
            probe.max_load = bottleneck;
            probe.next = gaps.next;
            let end = gaps.furthest[num_devices - 1];
            if end < num_blocks {
                probe.mean_full_load = self.mean_load(self.costs.sum(end..num_blocks), self.total_speed);
                return Ok(probe);
            }
            Some(gaps)
        } else {
            None
        };
        let mut starts = Starts::new(num_blocks, num_devices, self.non_empty, gaps.is_some());
        // The total speed of the devices that have been placed.
        let mut placed_speed = 0;
        for (num_placed, device) in (0..num_devices).rev().enumerate() {
            let end = starts.first[device + 1];
            let remaining_cost = self.costs.prefix(end);
            if remaining_cost > 0 && placed_speed > 0 {
                probe.mean_full_load = self.mean_load(remaining_cost, placed_speed);
            }
            // The probe ends early if the remaining devices cannot hold the remaining blocks even when all are full. This is
            // tested only once the devices filled so far have an eighth of the total speed, so that `mean_full_load`, from
            // which the caller extrapolates the next bottleneck, is the mean of enough devices.
            if num_placed % CHECK_EVERY == 0 && placed_speed > self.total_speed / 8 {
                let remaining_mean_load = Load {
                    cost: remaining_cost,
                    speed: self.total_speed - placed_speed,
                };
                if remaining_mean_load > bottleneck {
                    lower(&mut probe.next, Some(remaining_mean_load));
                    return Ok(probe);
                }
            }
            placed_speed += self.devices[device].speed;
            let run = capacities.extend_left(device, end, end.saturating_sub(lengths[device]));
            lengths[device] = end - run.to;
            lower(&mut probe.next, run.next);
            let mut first_start = Some(run.to);
            let mut num_searches = 1;
            if let (Some(gaps), Some(sets)) = (&gaps, &mut starts.sets) {
                let device_starts = gaps.starts(device, &sets[device + 1], run.to.max(device))?;
                lower(&mut probe.next, device_starts.next);
                num_searches += device_starts.num_searches;
                first_start = device_starts.set.first_from(0);
                sets[device] = device_starts.set;
            } else {
                probe.max_load = probe.max_load.max(run.load);
            }
            tick(num_searches).map_err(SearchError::Interrupted)?;
            let Some(first_start) = first_start else {
                // The run of this device has no possible start.
                probe.mean_full_load = self.mean_load_of_all(remaining_cost);
                return Ok(probe);
            };
            starts.first[device] = first_start;
        }
        if starts.first[0] == 0 {
            probe.starts = Some(starts);
        } else {
            probe.mean_full_load = self.mean_load_of_all(self.costs.prefix(starts.first[0]));
        }
        Ok(probe)
    }

    /// Returns the mean load of all devices in an infeasible placement. Blocks that cost nothing can remain; the remaining cost
    /// is taken as at least 1, so that the result is less than the mean load of a feasible placement.
    fn mean_load_of_all(&self, remaining_cost: u128) -> Load {
        self.mean_load(remaining_cost.max(1), self.total_speed)
    }
}
