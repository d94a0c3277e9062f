//! The probe: whether the devices can hold all blocks within a bottleneck.

use std::mem;
use std::ops::Range;

use super::search::Search;
use super::starts::Heavy;
use super::{Device, Stopped};
use crate::numbers::ratio::Load;
use crate::prefix_sums::PrefixSums;

/// The devices cannot hold all blocks. The least larger bottleneck within which they might, if there is any.
pub struct Short(pub Option<Load>);

/// After how many devices to look whether those before them could hold the rest at all; few in tests, whose problems are
/// small.
const LOOK: usize = if cfg!(test) { 2 } else { 32 };

impl<'a> Search<'a> {
    /// Whether the devices can hold all blocks within a bottleneck, and if so, where they can start.
    pub(super) fn can_hold<E>(
        &mut self,
        bottleneck: Load,
        pulse: &mut impl FnMut(usize) -> Result<(), E>,
    ) -> Result<Result<(), Short>, Stopped<E>> {
        let blocks = self.costs.len();
        let mut next = None;
        self.allow(bottleneck);
        self.filled = self.mean_but(0, self.speed);
        self.held.cost = 0;
        self.starts.clear();
        self.starts.push(blocks..blocks + 1)?;
        self.gaps = self.may_have_gaps();
        if self.gaps {
            let mut end = 0;
            for device in 0..self.devices.len() {
                pulse(1).map_err(Stopped::Interrupted)?;
                end = self.reach(device, end, &mut next);
                self.furthest[device] = end;
            }
            if end < blocks {
                self.filled = self.mean_but(self.costs.sum(end..blocks), self.speed);
                return Ok(Err(Short(next)));
            }
        }
        // The speed of the devices that have been looked at, and what the blocks before theirs cost.
        let mut speed = 0;
        for (done, device) in (0..self.devices.len()).rev().enumerate() {
            let ends = self.starts.level(done);
            let left = self.costs.prefix(self.starts.runs[ends.start].start());
            if left > 0 && speed > 0 {
                self.filled = self.mean_but(left, speed);
            }
            // Not before an eighth has been looked at, since what is likely comes from those.
            if done % LOOK == 0 && speed > self.speed / 8 {
                let needed = Load {
                    cost: left,
                    speed: self.speed - speed,
                };
                if needed > bottleneck {
                    note(&mut next, needed);
                    return Ok(Err(Short(next)));
                }
            }
            speed += self.devices[device].speed;
            self.starts.begin();
            self.add_starts(device, ends, &mut next, pulse)?;
            if self.starts.level(done + 1).is_empty() {
                // The first device may not end at 0, where it would have no block.
                self.filled = self.mean_but(left.max(1), self.speed);
                return Ok(Err(Short(next)));
            }
        }
        let first = self.starts.level(self.devices.len()).start;
        let lowest = self.starts.runs[first].start();
        if lowest > 0 {
            self.filled = self.mean_but(self.costs.prefix(lowest).max(1), self.speed);
            return Ok(Err(Short(next)));
        }
        mem::swap(&mut self.found, &mut self.starts);
        Ok(Ok(()))
    }

    /// Adds where a device can start, if it is to end at one of some starts. Notes in `next` by what load it could have
    /// started elsewhere.
    pub(super) fn add_starts<E>(
        &mut self,
        device: usize,
        ends: Range<usize>,
        next: &mut Option<Load>,
        pulse: &mut impl FnMut(usize) -> Result<(), E>,
    ) -> Result<(), Stopped<E>> {
        if !self.gaps {
            pulse(1).map_err(Stopped::Interrupted)?;
            let run = self.starts.runs[ends.start];
            let start = self.back(device, run.start(), next);
            self.starts.push(start..run.end() - usize::from(self.each))?;
            return Ok(());
        }
        for index in ends {
            let run = self.starts.runs[index];
            let run = run.start().max(1)..run.end().min(self.furthest[device] + 1);
            if run.is_empty() {
                continue;
            }
            // The block before an end has to fit, or the device would have none.
            let mut end = run.start;
            let mut heavy = self.heavy(device, run.end - 1);
            while end < run.end {
                pulse(1).map_err(Stopped::Interrupted)?;
                let block = heavy.next(end - 1);
                let last = block.unwrap_or(run.end - 1);
                if end <= last {
                    let start = self.back(device, end, next);
                    self.starts.push(start..last)?;
                }
                if let Some(block) = block {
                    self.back(device, block + 1, next);
                }
                end = last + 2;
            }
        }
        Ok(())
    }

    /// Where the longest run of a device to `end` starts. Notes in `next` by what load it could have started elsewhere.
    pub(super) fn back(&mut self, device: usize, end: usize, next: &mut Option<Load>) -> usize {
        let Device { speed, memory } = self.devices[device];
        let guess = end.saturating_sub(self.lengths[device]);
        let mut run = self.costs.back(end, self.caps[device], guess);
        let by_size = self.sizes.map_or(0, |sizes| sizes.back(end, memory, run.start).start);
        if run.start > by_size {
            note(
                next,
                Load {
                    cost: run.with_one_more,
                    speed,
                },
            );
        } else if run.start < by_size {
            run.start = by_size;
            run.cost = self.costs.sum(by_size..end);
        }
        self.lengths[device] = end - run.start;
        self.held = self.held.max(Load { cost: run.cost, speed });
        run.start
    }

    /// Where the longest run of a device from `start` ends. Notes in `next` by what load it could have ended elsewhere.
    pub(super) fn reach(&self, device: usize, start: usize, next: &mut Option<Load>) -> usize {
        let Device { speed, memory } = self.devices[device];
        let by_cost = self.costs.reach(start, self.caps[device], start + self.lengths[device]);
        let by_size = self
            .sizes
            .map_or(self.costs.len(), |sizes| sizes.reach(start, memory, by_cost));
        if by_cost < by_size {
            note(
                next,
                Load {
                    cost: self.costs.sum(start..by_cost + 1),
                    speed,
                },
            );
        }
        by_cost.min(by_size)
    }

    /// Whether some device cannot hold every block, but must get one.
    pub(super) fn may_have_gaps(&self) -> bool {
        let largest = self.costs.largest();
        let too_small = |sizes: &PrefixSums| self.devices.iter().any(|device| device.memory < sizes.largest());
        self.each && (self.caps.iter().any(|cap| *cap < largest) || self.sizes.is_some_and(too_small))
    }

    /// The blocks up to some one that a device cannot hold.
    pub(super) fn heavy(&self, device: usize, end: usize) -> Heavy<'a> {
        let by_cost = (self.costs, self.caps[device]);
        let by_size = self.sizes.map(|sizes| (sizes, self.devices[device].memory));
        Heavy {
            limits: [Some(by_cost), by_size],
            found: [None; 2],
            end,
        }
    }
}

/// Keeps the least of the loads that would let a device take a block more.
#[inline]
fn note(next: &mut Option<Load>, load: Load) {
    *next = Some(next.map_or(load, |next| next.min(load)));
}
