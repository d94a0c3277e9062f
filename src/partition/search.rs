//! The search for the smallest bottleneck.

use super::capacities::Capacities;
use super::probe::ProbeState;
use super::problem::{Search, SearchError};
use super::starts::Starts;
use crate::numbers::ratio::Load;

/// The smallest bottleneck, and the possible starts of the devices within it.
pub struct Optimum {
    pub bottleneck: Load,
    pub starts: Starts,
}

/// The state of a search between two probes.
struct Progress {
    /// A lower bound of the optimum.
    low: Load,
    /// The smallest bottleneck that is known to be feasible.
    high: Option<Load>,
    /// A bottleneck that no partition exceeds.
    max: Load,
    /// The number of probes so far.
    probes: i32,
    /// The number of probes since the last feasible one.
    infeasible_probes: i32,
    /// The possible starts within `high`, if they are known.
    best: Option<Starts>,
    probe: ProbeState,
}

impl Search<'_> {
    /// Returns the smallest feasible bottleneck, or `None` if there is none.
    pub fn minimize<E>(
        &self,
        tick: &mut impl FnMut(usize) -> Result<(), E>,
    ) -> Result<Option<Optimum>, SearchError<E>> {
        let speeds = || self.devices.iter().map(|device| device.speed);
        // Lower bounds of the optimum: the mean load, and the load of the most expensive block on the fastest device.
        let mean = self.mean_load(0, self.speed);
        let largest = Load {
            cost: self.costs.largest(),
            speed: speeds().max().unwrap_or(1),
        };
        let mut progress = Progress {
            low: mean.max(largest),
            high: None,
            max: Load {
                cost: self.costs.total(),
                speed: speeds().min().unwrap_or(1),
            },
            probes: 0,
            infeasible_probes: 0,
            best: None,
            probe: ProbeState::new(self),
        };
        let may_have_gaps = |bottleneck| Capacities::new(*self, bottleneck).may_have_gaps();
        if may_have_gaps(progress.low) {
            // If devices may be idle, there are no gaps and the search is faster. Its result is a lower bound.
            let relaxed = Self {
                non_empty: false,
                ..*self
            };
            let Some(optimum) = relaxed.minimize(tick)? else {
                return Ok(None);
            };
            progress.low = optimum.bottleneck;
        }
        let gaps = may_have_gaps(progress.low);
        let mut probed = progress.low;
        loop {
            let probe = self.probe(probed, &mut progress.probe, tick)?;
            progress.probes += 1;
            progress.infeasible_probes += 1;
            if let Some(starts) = probe.starts {
                progress.infeasible_probes = 0;
                if may_have_gaps(probe.max_load) {
                    // The probe's loads need not belong to a single partition: only the bottleneck of an actual
                    // partition is known to be feasible.
                    let ends = self.cut(probed, &starts, tick)?;
                    progress.high = Some(self.bottleneck(&ends));
                    progress.best = None;
                } else {
                    progress.high = Some(probe.max_load);
                    progress.best = Some(starts);
                }
            } else if let Some(next) = probe.next {
                progress.low = progress.low.max(next);
            } else {
                return Ok(None);
            }
            if progress.high.is_some_and(|high| high <= progress.low) {
                break;
            }
            // Extrapolates: if each device held more by the difference between the mean load of all devices and that of
            // the fully loaded ones, the devices could hold all blocks.
            let estimate = probed.to_f64() + (mean.to_f64() - probe.mean_full_load.to_f64());
            probed = progress.choose(probed.to_f64(), (!gaps).then_some(estimate));
        }
        let bottleneck = progress.low;
        let starts = match progress.best {
            Some(starts) => Some(starts),
            None => self.probe(bottleneck, &mut progress.probe, tick)?.starts,
        };
        Ok(starts.map(|starts| Optimum { bottleneck, starts }))
    }

    /// Returns the largest load of a partition.
    fn bottleneck(&self, ends: &[usize]) -> Load {
        let mut start = 0;
        let mut largest = Load { cost: 0, speed: 1 };
        for (device, &end) in self.devices.iter().zip(ends) {
            let (cost, speed) = (self.costs.sum(start..end), device.speed);
            largest = largest.max(Load { cost, speed });
            start = end;
        }
        largest
    }
}

impl Progress {
    /// Chooses the next bottleneck to probe, after `probed`.
    ///
    /// With an estimate, and while no probe was feasible, the next bottleneck is the estimate; from the tenth probe on the
    /// step to it doubles with each probe. After a feasible probe it is the estimate if that lies between the bounds, with
    /// a bisection every fourth probe, or every second one if the estimate lies outside, as a safeguard.
    ///
    /// With gaps there is no estimate. The steps grow fourfold until a probe is feasible; then each probe bisects the
    /// bounds. The upper bound is the bottleneck of a partition and may be the optimum: after two infeasible probes, a
    /// bottleneck just below it is probed.
    fn choose(&self, probed: f64, estimate: Option<f64>) -> Load {
        let low = self.low.to_f64();
        let guess = match (self.high.map(Load::to_f64), estimate) {
            (None, None) => probed + probed * 4_f64.powi(self.probes - 5),
            (None, Some(estimate)) => {
                let step = (estimate - probed).max(probed * 1e-6);
                probed + step * 2_f64.powi((self.probes - 9).max(0))
            }
            (Some(high), None) if self.infeasible_probes % 3 == 2 => high - high * 1e-9,
            (Some(high), None) => low.midpoint(high),
            (Some(high), Some(estimate)) => {
                let just_below = high - (high - low) / 64.0;
                let period = if low < estimate && estimate < just_below { 4 } else { 2 };
                if self.probes % period == 1 {
                    low.midpoint(high)
                } else if estimate < just_below {
                    estimate
                } else {
                    high - high * 1e-9
                }
            }
        };
        let guess = match self.high {
            None if guess >= self.max.to_f64() => Some(self.max),
            _ => Load::from_f64(guess),
        };
        // The bounds may be so close that floats do not distinguish them: then they are bisected exactly.
        guess
            .filter(|guess| *guess > self.low && self.high.is_none_or(|high| *guess < high))
            .or_else(|| self.high.and_then(|high| self.low.midpoint(high)))
            .unwrap_or(self.low)
    }
}
