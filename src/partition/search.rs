//! The search for the smallest bottleneck.

use super::capacities::Capacities;
use super::probe::ProbeState;
use super::problem::{Search, SearchError};
use super::starts::Starts;
use crate::numbers::ratio::Load;

/// The smallest feasible bottleneck, and the possible starts of each device's run for it.
pub struct Optimum {
    pub bottleneck: Load,
    pub starts: Starts,
}

/// The state of a search between two probes.
struct Progress {
    /// A lower bound of the optimum.
    low: Load,
    /// The smallest bottleneck that is known to be feasible, if any.
    high: Option<Load>,
    /// A bottleneck that no partition exceeds.
    max: Load,
    /// The number of probes.
    num_probes: i32,
    /// The number of probes since the last feasible one.
    num_infeasible_probes: i32,
    /// The possible starts for the bottleneck `high`, if they are known.
    starts_for_high: Option<Starts>,
    probe_state: ProbeState,
}

impl Search<'_> {
    /// Returns the smallest feasible bottleneck, or `None` if there is none.
    pub fn minimize<E>(
        &self,
        tick: &mut impl FnMut(usize) -> Result<(), E>,
    ) -> Result<Option<Optimum>, SearchError<E>> {
        let speeds = || self.devices.iter().map(|device| device.speed);
        // Two lower bounds of the optimum: the mean load, and the load of the most expensive block on the fastest device.
        let mean_load = self.mean_load(0, self.total_speed);
        let min_load_of_largest_block = Load {
            cost: self.costs.largest_cost(),
            speed: speeds().max().unwrap_or(1),
        };
        let mut progress = Progress {
            low: mean_load.max(min_load_of_largest_block),
            high: None,
            max: Load {
                cost: self.costs.total(),
                speed: speeds().min().unwrap_or(1),
            },
            num_probes: 0,
            num_infeasible_probes: 0,
            starts_for_high: None,
            probe_state: ProbeState::new(self),
        };
        let may_have_gaps = |bottleneck| Capacities::new(*self, bottleneck).may_have_gaps();
        if may_have_gaps(progress.low) {
            // The relaxed problem, in which devices can be idle, has no gaps and is solved faster. Its optimum is a lower
            // bound.
            let relaxed = Self {
                non_empty: false,
                ..*self
            };
            let Some(optimum) = relaxed.minimize(tick)? else {
                return Ok(None);
            };
            progress.low = optimum.bottleneck;
        }
        let has_gaps = may_have_gaps(progress.low);
        let mut probed = progress.low;
        loop {
            let probe = self.probe(probed, &mut progress.probe_state, tick)?;
            progress.num_probes += 1;
            progress.num_infeasible_probes += 1;
            if let Some(starts) = probe.starts {
                progress.num_infeasible_probes = 0;
                if may_have_gaps(probe.max_load) {
                    // With gaps, the loads of the probe need not belong to a single partition. Therefore a partition is
                    // computed, whose bottleneck is feasible.
                    let ends = self.cut(probed, &starts, tick)?;
                    progress.high = Some(self.bottleneck(&ends));
                    progress.starts_for_high = None;
                } else {
                    progress.high = Some(probe.max_load);
                    progress.starts_for_high = Some(starts);
                }
            } else if let Some(next) = probe.next {
                progress.low = progress.low.max(next);
            } else {
                return Ok(None);
            }
            if progress.high.is_some_and(|high| high <= progress.low) {
                break;
            }
            // If the load of each device increased by the difference between the mean load of the problem and the mean load
            // in this probe, the devices could hold all blocks.
            let estimate = probed.to_f64() + (mean_load.to_f64() - probe.mean_full_load.to_f64());
            probed = progress.choose_bottleneck(probed.to_f64(), (!has_gaps).then_some(estimate));
        }
        let bottleneck = progress.low;
        let starts = match progress.starts_for_high {
            Some(starts) => Some(starts),
            None => self.probe(bottleneck, &mut progress.probe_state, tick)?.starts,
        };
        Ok(starts.map(|starts| Optimum { bottleneck, starts }))
    }

    /// Returns the bottleneck of the partition with the given ends of the devices' runs.
    fn bottleneck(&self, ends: &[usize]) -> Load {
        let mut start = 0;
        let mut bottleneck = Load { cost: 0, speed: 1 };
        for (device, &end) in self.devices.iter().zip(ends) {
            let (cost, speed) = (self.costs.sum(start..end), device.speed);
            bottleneck = bottleneck.max(Load { cost, speed });
            start = end;
        }
        bottleneck
    }
}

impl Progress {
    /// Chooses the bottleneck to probe after `probed`.
    ///
    /// `estimate` is an estimate of the optimum, or `None` if the possible starts of the devices' runs can have gaps. While no
    /// probe has been feasible, the probed bottleneck grows: to the estimate, with a step that is doubled in each probe from
    /// the tenth one on; or, without an estimate, by a small fraction that is quadrupled in each probe.
    ///
    /// After a feasible probe, one of three bottlenecks is chosen:
    ///
    /// - the estimate, if it lies between the bounds and is not so close to the upper one that little would be gained;
    /// - the middle of the bounds: in every fourth probe, as a safeguard against bad estimates, in every second one if the
    ///   estimate is not used, and if there is no estimate;
    /// - a bottleneck just below the upper bound, if the upper bound seems to be the optimum: because the estimate is not
    ///   lower, or because the last two probes were infeasible. If this probe is infeasible, too, the search usually ends.
    fn choose_bottleneck(&self, probed: f64, estimate: Option<f64>) -> Load {
        let low = self.low.to_f64();
        let guess = match (self.high.map(Load::to_f64), estimate) {
            (None, None) => probed + probed * 4_f64.powi(self.num_probes - 5),
            (None, Some(estimate)) => {
                let step = (estimate - probed).max(probed * 1e-6);
                probed + step * 2_f64.powi((self.num_probes - 9).max(0))
            }
            (Some(high), None) if self.num_infeasible_probes % 3 == 2 => just_below(high),
            (Some(high), None) => low.midpoint(high),
            (Some(high), Some(estimate)) => {
                let max_estimate = high - (high - low) / 64.0;
                let bisection_period = if low < estimate && estimate < max_estimate {
                    4
                } else {
                    2
                };
                if self.num_probes % bisection_period == 1 {
                    low.midpoint(high)
                } else if estimate < max_estimate {
                    estimate
                } else {
                    just_below(high)
                }
            }
        };
        let guess = match self.high {
            None if guess >= self.max.to_f64() => Some(self.max),
            _ => Load::from_f64(guess),
        };
        // A guess that is not between the bounds is replaced by their exact midpoint: the estimate can be too low, and the
        // bounds can be so close that floats do not distinguish them. If there is no load between them, or no upper bound,
        // the lower bound is probed.
        guess
            .filter(|guess| *guess > self.low && self.high.is_none_or(|high| *guess < high))
            .or_else(|| self.high.and_then(|high| self.low.midpoint(high)))
            .unwrap_or(self.low)
    }
}

/// Returns a bottleneck slightly smaller than `high`. The loads of partitions are rarely so close to each other.
fn just_below(high: f64) -> f64 {
    high - high * 1e-9
}
