//! The best contiguous partition of blocks over devices: the smallest bottleneck, and an even map of those that reach it.
//!
//! A bottleneck is feasible if the devices, from the last one to the first, can hold all blocks within it. The
//! [probe](Search::probe) decides this with a few searches of the prefix sums per device; for an infeasible bottleneck it
//! also returns the next larger one that might be feasible. [`Search::minimize`] raises a lower bound from one of these to
//! the next, and skips most of them by guessing, until the bound is feasible: then it is the optimum, exactly, whatever the
//! numbers (after Nicol, "Rectilinear partitioning of irregular data parallel computations", 1994, and Pinar and Aykanat,
//! "Fast optimal load balancing algorithms for 1D partitioning", 2004, whose processors are equal).

mod capacities;
pub mod chunks;
mod cuts;
mod fits;
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
    /// Returns where the run of each device ends in the best map. Calls `tick` with the number of searches of the prefix
    /// sums done since the last call; its error interrupts the search.
    ///
    /// Of the maps with the smallest bottleneck it is one whose cuts lie nearest, as far as that bottleneck leaves them
    /// room, to where the loads would be most even: see [`taut_string`].
    pub fn solve<E>(&self, mut tick: impl FnMut(usize) -> Result<(), E>) -> Result<Vec<usize>, SearchError<E>> {
        let (blocks, all) = (self.costs.len(), self.devices.len());
        let alike = self.devices.iter().all(|device| *device == self.devices[0]);
        // Where all are alike and there are too few blocks, the first devices get one each.
        let devices = &self.devices[..if alike { all.min(blocks.max(1)) } else { all }];
        let enough = blocks >= devices.len();
        let mut search = Search {
            costs: self.costs,
            sizes: self.sizes,
            devices,
            speed: devices.iter().map(|device| device.speed).sum(),
            non_empty: enough && !self.allow_idle,
        };
        let Some(mut optimum) = search.minimize(&mut tick)? else {
            return Err(SearchError::Infeasible(self.why()));
        };
        if enough && self.allow_idle {
            // Of the maps with the smallest bottleneck, one without idle devices is preferred.
            search.non_empty = true;
            let probe = search.probe(optimum.bottleneck, &mut ProbeState::new(&search), &mut tick)?;
            search.non_empty = probe.starts.is_some();
            optimum.starts = probe.starts.unwrap_or(optimum.starts);
        }
        let mut ends = search.cut(optimum.bottleneck, &optimum.starts, &mut tick)?;
        ends.resize(all, blocks);
        Ok(ends)
    }
}

#[cfg(test)]
mod tests;
