//! The search for the smallest bottleneck.

use super::probe::Short;
use super::starts::Starts;
use super::{Device, Stopped};
use crate::numbers::ratio::{Load, mul_div};
use crate::prefix_sums::PrefixSums;

/// The search for the smallest bottleneck.
pub struct Search<'a> {
    pub(super) costs: &'a PrefixSums,
    pub(super) sizes: Option<&'a PrefixSums>,
    pub(super) devices: &'a [Device],
    /// The sum of the speeds.
    pub(super) speed: u128,
    /// Whether each device must get a block.
    pub(super) each: bool,
    /// The most that each device may carry.
    pub(super) caps: Vec<u128>,
    /// Where devices can start within the caps that are being tried.
    pub(super) starts: Starts,
    /// Where they can start within the last that did.
    pub(super) found: Starts,
    /// Whether there may be gaps between the starts: some device cannot hold every block, but must get one.
    pub(super) gaps: bool,
    /// No device can end behind this: where it ends if it and all before it take all they can. Looked for only where the
    /// starts may have many gaps.
    pub(super) furthest: Vec<usize>,
    /// How many blocks each device had when last looked at: a good guess for the next time.
    pub(super) lengths: Vec<usize>,
    /// The largest load that a device had when last looked at.
    pub(super) held: Load,
    /// The mean load of the devices that were full then: those that could not hold all remaining blocks.
    pub(super) filled: Load,
}

impl<'a> Search<'a> {
    pub(super) fn new(costs: &'a PrefixSums, sizes: Option<&'a PrefixSums>, devices: &'a [Device], each: bool) -> Self {
        Self {
            costs,
            sizes,
            devices,
            speed: devices.iter().map(|device| device.speed).sum(),
            each,
            caps: vec![0; devices.len()],
            starts: Starts::new(devices.len()),
            found: Starts::new(devices.len()),
            gaps: false,
            furthest: vec![costs.len(); devices.len()],
            lengths: vec![costs.len() / devices.len(); devices.len()],
            held: Load { cost: 0, speed: 1 },
            filled: Load { cost: 0, speed: 1 },
        }
    }

    /// Finds the smallest bottleneck that can be reached, if there is any; it is known to be `least` or more. The caps, and
    /// the starts found, are those of it.
    pub(super) fn climb<E>(
        &mut self,
        least: Load,
        pulse: &mut impl FnMut(usize) -> Result<(), E>,
    ) -> Result<Option<Load>, Stopped<E>> {
        let fastest = self.devices.iter().map(|device| device.speed).max().unwrap_or(1);
        // Within this each device can take any blocks.
        let most = Load {
            cost: self.costs.total(),
            speed: self.devices.iter().map(|device| device.speed).min().unwrap_or(1),
        };
        // No map does better than all devices at work all the time, or than the largest block on the fastest.
        let mean = self.mean_but(0, self.speed);
        let largest = Load {
            cost: self.costs.largest(),
            speed: fastest,
        };
        let mut low = mean.max(largest).max(least);
        let mut high: Option<Load> = None;
        // What is being tried, if it is not the lower bound itself.
        let mut guess: Option<Load> = None;
        for round in 0.. {
            let tried = guess.unwrap_or(low);
            match self.can_hold(tried, pulse)? {
                Ok(()) => high = Some(self.reached(tried, pulse)?),
                Err(Short(Some(next))) => low = low.max(next),
                Err(Short(None)) => return Ok(None),
            }
            if high.is_some_and(|high| high <= low) {
                break;
            }
            // As much more as the filled devices carried less than the mean, so that all could carry that.
            let tried = tried.about();
            let likely = tried + (mean.about() - self.filled.about());
            guess = between(low, high, most, (tried, likely), self.gaps, round);
        }
        if self.found.is_empty() && self.can_hold(low, pulse)?.is_err() {
            return Ok(None);
        }
        self.allow(low);
        Ok(Some(low))
    }

    /// The smallest bottleneck that is known to be enough, after `tried` was found to be.
    fn reached<E>(&mut self, tried: Load, pulse: &mut impl FnMut(usize) -> Result<(), E>) -> Result<Load, Stopped<E>> {
        // What no device needed is not needed, and the starts are the same without it, unless there are blocks that a device
        // could not hold with less.
        let held = self.held;
        self.allow(held);
        if !self.may_have_gaps() {
            return Ok(tried.min(held));
        }
        // Then only the bottleneck of an actual map is known to be enough. The starts, which may be many, are found again at
        // the end.
        self.allow(tried);
        let ends = self.cut(pulse)?;
        self.found = Starts::new(self.devices.len());
        Ok(tried.min(self.bottleneck(&ends)))
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

    /// The mean load of devices of total speed `speed` that hold all blocks but those of total cost `left`.
    pub(super) fn mean_but(&self, left: u128, speed: u128) -> Load {
        let cost = self.costs.total().saturating_sub(left);
        Load { cost, speed }
    }

    /// Sets the caps to a bottleneck.
    pub(super) fn allow(&mut self, load: Load) {
        let total = self.costs.total();
        let mut last = (0, 0);
        for (cap, device) in self.caps.iter_mut().zip(self.devices) {
            if device.speed != last.0 {
                let most = mul_div(load.cost, device.speed, load.speed).map_or(total, |(most, _)| most);
                last = (device.speed, most.min(total));
            }
            *cap = last.1;
        }
    }
}

/// A bottleneck to try between a lower bound and what is known to do; none to try the bound itself. It is the likely one,
/// and ever more as long as nothing does, up to `most`, which is enough for all. So that what misleads does not cost many
/// tries, it is half the way between them now and then: often if what is likely does not lie there, or next to what does.
///
/// With gaps between the starts, a lower bound says little and takes long to rise, while what is known to do is what some
/// map needs: so that one is made first, by what is enough for all, and then bettered.
fn between(
    low: Load,
    high: Option<Load>,
    most: Load,
    (tried, likely): (f64, f64),
    gaps: bool,
    round: i32,
) -> Option<Load> {
    let guess = if let Some(high) = high.map(Load::about) {
        let low = low.about();
        let near = high - (high - low) / 64.0;
        let inside = low < likely && likely < near;
        if round % if inside { 4 } else { 2 } == 0 {
            low / 2.0 + high / 2.0
        } else if likely >= near || gaps && !inside {
            high - high * 1e-9
        } else {
            likely
        }
    } else {
        tried + (likely - tried).max(tried * 1e-6) * 2_f64.powi((round - 8).max(0))
    };
    let guess = match high {
        None if gaps || guess >= most.about() => Some(most),
        _ => Load::about_as(guess),
    };
    guess.filter(|guess| *guess > low && high.is_none_or(|high| *guess < high))
}
