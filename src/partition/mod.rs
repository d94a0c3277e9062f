//! Optimal contiguous partitions of blocks over devices: finds the smallest bottleneck, and among the partitions that have
//! it, one with even loads.
//!
//! A bottleneck is feasible if a partition exists in which no load exceeds it. The probe (`Search::probe`) decides whether a
//! bottleneck is feasible: it gives each device as many blocks as possible, from the last device to the first, with a few
//! searches in the prefix sums per device. For an infeasible bottleneck it also returns the next larger one that might be
//! feasible. `Search::minimize` raises a lower bound from one such value to the next until it is feasible; estimates let it
//! skip most of these values. The result is the exact optimum (Nicol, "Rectilinear partitioning of irregular data parallel
//! computations", 1994; Pinar and Aykanat, "Fast optimal load balancing algorithms for 1D partitioning", 2004; both assume
//! equal processors).

mod capacities;
pub mod chunks;
mod cuts;
mod fitting_blocks;
mod gaps;
mod infeasible;
mod probe;
mod problem;
mod search;
mod starts;
mod taut_string;

pub use problem::{Device, Infeasible, Problem, SearchError};

use probe::ProbeState;
use problem::Search;

impl Problem<'_> {
    /// Returns, for each device, the end (exclusive) of its run in an optimal partition.
    ///
    /// `tick` is called regularly with the number of searches in the prefix sums since its last call. If it returns an error,
    /// the search is interrupted.
    ///
    /// Among the partitions with the smallest bottleneck, one without idle devices is preferred. Its cuts are placed as close
    /// as possible to those with the most even loads: see `taut_string`.
    pub fn solve<E>(&self, mut tick: impl FnMut(usize) -> Result<(), E>) -> Result<Vec<usize>, SearchError<E>> {
        let (num_blocks, num_devices) = (self.costs.len(), self.devices.len());
        let are_equal = self.devices.iter().all(|device| *device == self.devices[0]);
        // If there are fewer blocks than equal devices, the first devices get one block each.
        let num_used = if are_equal {
            num_devices.min(num_blocks.max(1))
        } else {
            num_devices
        };
        let devices = &self.devices[..num_used];
        let has_enough_blocks = num_blocks >= devices.len();
        let mut search = Search {
            costs: self.costs,
            sizes: self.sizes,
            devices,
            total_speed: devices.iter().map(|device| device.speed).sum(),
            non_empty: has_enough_blocks && !self.allow_idle,
        };
        let Some(mut optimum) = search.minimize(&mut tick)? else {
            return Err(SearchError::Infeasible(self.explain_infeasible()));
        };
        if has_enough_blocks && self.allow_idle {
            // A partition without idle devices is preferred, if one with the same bottleneck exists.
            search.non_empty = true;
            let probe = search.probe(optimum.bottleneck, &mut ProbeState::new(&search), &mut tick)?;
            search.non_empty = probe.starts.is_some();
            optimum.starts = probe.starts.unwrap_or(optimum.starts);
        }
        let mut ends = search.cut(optimum.bottleneck, &optimum.starts, &mut tick)?;
        ends.resize(num_devices, num_blocks);
        Ok(ends)
    }
}

#[cfg(test)]
mod tests;
