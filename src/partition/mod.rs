//! Optimal contiguous partitions of blocks over devices: the smallest bottleneck, and an even partition that has it.
//!
//! A bottleneck is feasible if the devices can hold all blocks such that no load exceeds it. The probe (`Search::probe`)
//! decides this: it places the devices from the last to the first, with a few searches in the prefix sums per device. For an
//! infeasible bottleneck it also returns the next larger one that might be feasible. `Search::minimize` raises a lower
//! bound from one such value to the next until it is feasible, and skips most values by guessing. The result is the exact
//! optimum (Nicol, "Rectilinear partitioning of irregular data parallel computations", 1994; Pinar and Aykanat, "Fast
//! optimal load balancing algorithms for 1D partitioning", 2004; both assume equal processors).

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
    /// Returns the end of each device's run in an optimal partition. Calls `tick` with the number of searches in the prefix
    /// sums since the last call; an error of `tick` interrupts the search.
    ///
    /// Among the partitions with the smallest bottleneck, the result is one without idle devices if there is one, with
    /// cuts as close as possible to those with the most even loads: see `taut_string`.
    pub fn solve<E>(&self, mut tick: impl FnMut(usize) -> Result<(), E>) -> Result<Vec<usize>, SearchError<E>> {
        let (blocks, num_devices) = (self.costs.len(), self.devices.len());
        let are_equal = self.devices.iter().all(|device| *device == self.devices[0]);
        // If there are fewer blocks than equal devices, the first devices get one block each.
        let used = if are_equal {
            num_devices.min(blocks.max(1))
        } else {
            num_devices
        };
        let devices = &self.devices[..used];
        let enough = blocks >= devices.len();
        let mut search = Search {
            costs: self.costs,
            sizes: self.sizes,
            devices,
            speed: devices.iter().map(|device| device.speed).sum(),
            non_empty: enough && !self.allow_idle,
        };
        let Some(mut optimum) = search.minimize(&mut tick)? else {
            return Err(SearchError::Infeasible(self.explain_infeasible()));
        };
        if enough && self.allow_idle {
            // Partitions without idle devices are preferred.
            search.non_empty = true;
            let probe = search.probe(optimum.bottleneck, &mut ProbeState::new(&search), &mut tick)?;
            search.non_empty = probe.starts.is_some();
            optimum.starts = probe.starts.unwrap_or(optimum.starts);
        }
        let mut ends = search.cut(optimum.bottleneck, &optimum.starts, &mut tick)?;
        ends.resize(num_devices, blocks);
        Ok(ends)
    }
}

#[cfg(test)]
mod tests;
