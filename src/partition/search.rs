//! The search for the smallest bottleneck.

use super::capacities::Capacities;
use super::probe::ProbeState;
use super::problem::{Search, SearchError};
use super::starts::Starts;
use crate::numbers::ratio::Load;

/// The smallest bottleneck, and where the devices can start within it.
pub struct Optimum {
    pub bottleneck: Load,
    pub starts: Starts,
}

/// What a search knows after some probes.
struct Progress {
    /// No map has a smaller bottleneck.
    low: Load,
    /// The smallest bottleneck of the maps found so far.
    high: Option<Load>,
    /// Within this every map is feasible by its costs.
    most: Load,
    /// The number of probes so far.
    probes: i32,
    /// The number of probes since the last feasible one.
    infeasible: i32,
    /// Where the devices can start within `high`, if that is known.
    best: Option<Starts>,
    probe: ProbeState,
}

impl Search<'_> {
    /// Finds the smallest bottleneck; none if no map is feasible.
    pub fn minimize<E>(
        &self,
        tick: &mut impl FnMut(usize) -> Result<(), E>,
    ) -> Result<Option<Optimum>, SearchError<E>> {
        let speeds = || self.devices.iter().map(|device| device.speed);
        // No map does better than all devices at work all the time, or than the largest block on the fastest.
        let mean = self.mean_load(0, self.speed);
        let largest = Load {
            cost: self.costs.largest(),
            speed: speeds().max().unwrap_or(1),
        };
        let mut progress = Progress {
            low: mean.max(largest),
            high: None,
            most: Load {
                cost: self.costs.total(),
                speed: speeds().min().unwrap_or(1),
            },
            probes: 0,
            infeasible: 0,
            best: None,
            probe: ProbeState::new(self),
        };
        let may_leave_gaps = |bottleneck| Capacities::new(*self, bottleneck).may_leave_gaps();
        if may_leave_gaps(progress.low) {
            // If devices may stay idle, there are no gaps and the search takes less time. Its result is a lower bound.
            let relaxed = Self {
                non_empty: false,
                ..*self
            };
            let Some(optimum) = relaxed.minimize(tick)? else {
                return Ok(None);
            };
            progress.low = optimum.bottleneck;
        }
        let gaps = may_leave_gaps(progress.low);
        let mut tried = progress.low;
        loop {
            let probe = self.probe(tried, &mut progress.probe, tick)?;
            progress.probes += 1;
            progress.infeasible += 1;
            if let Some(starts) = probe.starts {
                progress.infeasible = 0;
                if may_leave_gaps(probe.max_load) {
                    // Then only the bottleneck of an actual map is known to be feasible.
                    let ends = self.cut(tried, &starts, tick)?;
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
            // As much more as the full devices hold less than the mean, so that all could hold that.
            let likely = tried.about() + (mean.about() - probe.mean_full_load.about());
            tried = progress.choose(tried.about(), (!gaps).then_some(likely));
        }
        let bottleneck = progress.low;
        let starts = match progress.best {
            Some(starts) => Some(starts),
            None => self.probe(bottleneck, &mut progress.probe, tick)?.starts,
        };
        Ok(starts.map(|starts| Optimum { bottleneck, starts }))
    }

    /// The largest load of a map.
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
    /// Chooses the next bottleneck to probe after `tried`.
    ///
    /// As long as none was feasible, it is the likely one, in steps that double from the eighth probe on. Then it is the
    /// likely one if that lies between the bounds, and bisects them every fourth time, or every second time if it does not.
    ///
    /// With gaps none is likely: the steps grow fourfold, and each probe bisects the bounds. Since the upper bound is the
    /// bottleneck of a map, it may be the optimum; after two infeasible probes, it is tried whether a little less is feasible.
    fn choose(&self, tried: f64, likely: Option<f64>) -> Load {
        let low = self.low.about();
        let guess = match (self.high.map(Load::about), likely) {
            (None, None) => tried + tried * 4_f64.powi(self.probes - 5),
            (None, Some(likely)) => tried + (likely - tried).max(tried * 1e-6) * 2_f64.powi((self.probes - 9).max(0)),
            (Some(high), None) if self.infeasible % 3 == 2 => high - high * 1e-9,
            (Some(high), None) => low.midpoint(high),
            (Some(high), Some(likely)) => {
                let near = high - (high - low) / 64.0;
                let every = if low < likely && likely < near { 4 } else { 2 };
                if self.probes % every == 1 {
                    low.midpoint(high)
                } else if likely < near {
                    likely
                } else {
                    high - high * 1e-9
                }
            }
        };
        let guess = match self.high {
            None if guess >= self.most.about() => Some(self.most),
            _ => Load::about_as(guess),
        };
        guess
            .filter(|guess| *guess > self.low && self.high.is_none_or(|high| *guess < high))
            .unwrap_or(self.low)
    }
}
