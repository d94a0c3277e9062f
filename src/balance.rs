//! The best contiguous partition of blocks over devices: the smallest bottleneck, and an even one of those that reach it.
//!
//! A bottleneck can be reached if the devices, from the last one on, can hold all blocks within it. Whether they can
//! takes a search of the sums for each device; where they cannot, the search also tells the next larger bottleneck that
//! might do. So a lower bound climbs from one load that might do to the next, in leaps found by trying what is likely,
//! until it can be reached: then it is the optimum, exactly, whatever the numbers (after Nicol, "Rectilinear partitioning of
//! irregular data parallel computations", 1994, and Pinar and Aykanat, "Fast optimal load balancing algorithms for 1D
//! partitioning", 2004, who do so for equal processors).

use std::collections::VecDeque;
use std::mem;
use std::ops::Range;

use crate::numbers::ratio::{Load, mul_div};
use crate::prefix_sums::{PrefixSums, to_f64};
use crate::taut::taut;

/// What a device can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Device {
    /// How much of the costs it does in a unit of time; above 0.
    pub speed: u128,
    /// The most that the sizes of its blocks may add up to.
    pub memory: u128,
}

/// Blocks and the devices that are to hold them.
pub struct Problem<'a> {
    /// What each block costs.
    pub costs: &'a PrefixSums,
    /// How large each block is; none where no device has a limit.
    pub sizes: Option<&'a PrefixSums>,
    /// The devices in order, at least one; their speeds add up to at most 128 bits.
    pub devices: &'a [Device],
    /// Whether a device may be left without blocks.
    pub allow_idle: bool,
}

/// Why there is no map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Infeasible {
    /// This block is larger than the memory of any device.
    Block(usize),
    /// The blocks together are larger than the memory of all devices together, which is so much.
    All(u128),
    /// In this order the devices hold no more than so many of the first blocks; the largest of the devices that remain
    /// then, if any does, has so much memory.
    Order(usize, u128),
    /// The devices hold the blocks, but not with a block on each. Why, if one device is to blame: of these blocks it must
    /// get one, and can hold none.
    Idle(Option<(usize, Range<usize>)>),
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Stopped<E> {
    /// There is no map.
    Infeasible(Infeasible),
    /// The caller wants no answer any more.
    Interrupted(E),
}

impl Problem<'_> {
    /// Where the run of each device ends in the best map. `pulse` is called after every so much work, and may stop it.
    ///
    /// Of the maps with the smallest bottleneck it is one whose cuts lie nearest, as far as that bottleneck leaves them
    /// room, to where the loads would be most even: see [`taut`].
    pub fn solve<E>(&self, mut pulse: impl FnMut(usize) -> Result<(), E>) -> Result<Vec<usize>, Stopped<E>> {
        let (blocks, all) = (self.costs.len(), self.devices.len());
        let alike = self.devices.iter().all(|device| *device == self.devices[0]);
        // Where all are alike and there are too few blocks, the first devices get one each.
        let devices = &self.devices[..if alike { all.min(blocks.max(1)) } else { all }];
        let each = blocks >= devices.len();
        let search = |each| Search::new(self.costs, self.sizes, devices, each);
        let mut found = search(each && !self.allow_idle);
        let Some(bottleneck) = found.climb(&mut pulse)? else {
            return Err(Stopped::Infeasible(self.why()));
        };
        if each && self.allow_idle {
            // Nobody is left out for nothing.
            let mut all_busy = search(true);
            if all_busy.can_hold(bottleneck, &mut pulse)?.is_ok() {
                found = all_busy;
            }
        }
        let mut ends = found.cut(&mut pulse)?;
        ends.resize(all, blocks);
        Ok(ends)
    }

    /// Why no bottleneck can be reached.
    fn why(&self) -> Infeasible {
        let Some(sizes) = self.sizes else {
            return Infeasible::Idle(None);
        };
        let memory = || self.devices.iter().map(|device| device.memory);
        if let Some(block) = sizes.first_heavier(0..sizes.len(), memory().max().unwrap_or(0)) {
            return Infeasible::Block(block);
        }
        let together = memory().fold(0, u128::saturating_add);
        if sizes.total() > together {
            return Infeasible::All(together);
        }
        let (mut held, mut available) = (0, 0);
        for memory in memory() {
            let end = sizes.reach(held, memory, held);
            available = if end > held { 0 } else { available.max(memory) };
            held = end;
        }
        if held < sizes.len() {
            Infeasible::Order(held, available)
        } else {
            Infeasible::Idle(self.to_blame(sizes))
        }
    }

    /// A device that can hold none of the blocks of which it must get one: those at which it can start, or can end, if the
    /// others get one each and no more than they can hold.
    fn to_blame(&self, sizes: &PrefixSums) -> Option<(usize, Range<usize>)> {
        let (blocks, devices) = (sizes.len(), self.devices.len());
        let memory = |device: usize| self.devices[device].memory;
        let size = |block| sizes.sum(block..block + 1);
        // One block for each of those before it is not for it, nor one for each of those behind it.
        let end = |device: usize| (blocks + device + 1).saturating_sub(devices);
        let mut before = 0;
        let first = (0..devices).map(|device| {
            let window = device..end(device).min(before + 1);
            before = sizes.reach(before, memory(device), before);
            window
        });
        let to_blame = too_heavy(first, size, memory);
        if to_blame.is_some() {
            return to_blame;
        }
        // As seen from the end.
        let mirrored = |window: Range<usize>| blocks - window.end..blocks - window.start;
        let mut behind = blocks;
        let last = (0..devices).rev().map(|device| {
            let window = device.max(behind.saturating_sub(1))..end(device);
            behind = sizes.back(behind, memory(device), behind).start;
            mirrored(window)
        });
        let (device, window) = too_heavy(
            last,
            |block| size(blocks - 1 - block),
            |device| memory(devices - 1 - device),
        )?;
        Some((devices - 1 - device, mirrored(window)))
    }
}

/// The first of some devices that can hold none of the blocks in its window. The windows' ends never go back.
fn too_heavy(
    windows: impl Iterator<Item = Range<usize>>,
    size: impl Fn(usize) -> u128,
    memory: impl Fn(usize) -> u128,
) -> Option<(usize, Range<usize>)> {
    // The blocks of the window that are smaller than all behind them in it: the first is the smallest.
    let mut smallest = VecDeque::new();
    let mut seen = 0;
    for (device, window) in windows.enumerate() {
        for block in window.start.max(seen)..window.end {
            while smallest.back().is_some_and(|&last| size(last) >= size(block)) {
                smallest.pop_back();
            }
            smallest.push_back(block);
        }
        seen = seen.max(window.end);
        while smallest.front().is_some_and(|first| *first < window.start) {
            smallest.pop_front();
        }
        if smallest.front().is_none_or(|&first| size(first) > memory(device)) {
            return Some((device, window));
        }
    }
    None
}

/// The search for the smallest bottleneck.
struct Search<'a> {
    costs: &'a PrefixSums,
    sizes: Option<&'a PrefixSums>,
    devices: &'a [Device],
    /// The sum of the speeds.
    speed: u128,
    /// Whether each device must get a block.
    each: bool,
    /// The most that each device may carry.
    caps: Vec<u128>,
    /// Where devices can start within the caps that are being tried.
    starts: Starts,
    /// Where they can start within the last that did.
    found: Starts,
    /// Whether there may be gaps between the starts: some device cannot hold every block, but must get one.
    gaps: bool,
    /// No device can end behind this: where it ends if it and all before it take all they can. Looked for only where the
    /// starts may have many gaps.
    furthest: Vec<usize>,
    /// How many blocks each device had when last looked at: a good guess for the next time.
    lengths: Vec<usize>,
    /// The largest load that a device had when last looked at.
    held: Load,
    /// The mean load of those that were filled then: that could not take all that was left.
    filled: Load,
}

/// Where devices can start, if all behind them hold the rest: for each device, from the last back to the first, runs of
/// blocks, ascending and with gaps between them.
struct Starts {
    runs: Vec<Range<usize>>,
    /// Where among the runs those of each level begin. At level 0 is the model's end; at each next one is a device.
    levels: Vec<usize>,
}

impl Starts {
    fn new(devices: usize) -> Self {
        Self {
            runs: Vec::with_capacity(devices + 1),
            levels: Vec::with_capacity(devices + 1),
        }
    }

    /// Begins anew, at level 0.
    fn clear(&mut self) {
        self.runs.clear();
        self.levels.clear();
        self.begin();
    }

    /// Begins the next level.
    fn begin(&mut self) {
        self.levels.push(self.runs.len());
    }

    /// Which of the runs are those of a level.
    fn level(&self, level: usize) -> Range<usize> {
        self.levels[level]..self.levels.get(level + 1).copied().unwrap_or(self.runs.len())
    }

    /// Adds a run to the last level, into one with the one before if they meet.
    fn push(&mut self, run: Range<usize>) {
        let level = self.levels[self.levels.len() - 1];
        match self.runs[level..].last_mut() {
            Some(last) if run.start <= last.end => last.end = run.end,
            _ => self.runs.push(run),
        }
    }
}

/// The devices cannot hold all blocks. The least larger bottleneck within which they might, if there is any.
struct Short(Option<Load>);

/// After how many devices to look whether those before them could hold the rest at all; few in tests, whose problems are
/// small.
const LOOK: usize = if cfg!(test) { 2 } else { 32 };

impl<'a> Search<'a> {
    fn new(costs: &'a PrefixSums, sizes: Option<&'a PrefixSums>, devices: &'a [Device], each: bool) -> Self {
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

    /// Finds the smallest bottleneck that can be reached, if there is any. The caps, and the starts found, are those of it.
    fn climb<E>(&mut self, pulse: &mut impl FnMut(usize) -> Result<(), E>) -> Result<Option<Load>, Stopped<E>> {
        let fastest = self.devices.iter().map(|device| device.speed).max().unwrap_or(1);
        // Within this each device can take any blocks.
        let most = Load {
            cost: self.costs.total(),
            speed: self.devices.iter().map(|device| device.speed).min().unwrap_or(1),
        };
        // No map does better than all devices at work all the time, or than the largest block on the fastest.
        let mean = self.mean_but(0, self.speed);
        let mut low = mean.max(Load {
            cost: self.costs.largest(),
            speed: fastest,
        });
        let mut high: Option<Load> = None;
        // What is being tried, if it is not the lower bound itself.
        let mut guess: Option<Load> = None;
        for round in 0.. {
            let tried = guess.unwrap_or(low);
            match self.can_hold(tried, pulse)? {
                Ok(()) => {
                    // What no device needed is not needed, and the starts are the same without it, unless there are blocks
                    // that a device could not hold with less.
                    let held = self.held;
                    self.allow(held);
                    high = Some(if self.may_have_gaps() { tried } else { tried.min(held) });
                }
                Err(Short(Some(next))) => low = low.max(next),
                Err(Short(None)) => return Ok(None),
            }
            if high.is_some_and(|high| high <= low) {
                break;
            }
            // As much more as the filled devices carried less than the mean, so that all could carry that.
            let more = mean.about() - self.filled.about();
            guess = between(low, high, most, tried.about(), more, round);
        }
        self.allow(low);
        Ok(Some(low))
    }

    /// The mean load of devices of so much speed together that hold all blocks but some of so much cost.
    fn mean_but(&self, left: u128, speed: u128) -> Load {
        let cost = self.costs.total().saturating_sub(left);
        Load { cost, speed }
    }

    /// Sets the caps to a bottleneck.
    fn allow(&mut self, load: Load) {
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

    /// Whether the devices can hold all blocks within a bottleneck, and if so, where they can start.
    fn can_hold<E>(
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
        self.starts.push(blocks..blocks + 1);
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
            let left = self.costs.prefix(self.starts.runs[ends.start].start);
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
        let lowest = self.starts.runs[first].start;
        if lowest > 0 {
            self.filled = self.mean_but(self.costs.prefix(lowest).max(1), self.speed);
            return Ok(Err(Short(next)));
        }
        mem::swap(&mut self.found, &mut self.starts);
        Ok(Ok(()))
    }

    /// The runs of blocks at which a device can start, of those found.
    fn starts_of(&self, device: usize) -> &[Range<usize>] {
        &self.found.runs[self.found.level(self.devices.len() - device)]
    }

    /// Adds where a device can start, if it is to end at one of some starts. Notes in `next` by what load it could have
    /// started elsewhere.
    fn add_starts<E>(
        &mut self,
        device: usize,
        ends: Range<usize>,
        next: &mut Option<Load>,
        pulse: &mut impl FnMut(usize) -> Result<(), E>,
    ) -> Result<(), Stopped<E>> {
        if !self.gaps {
            pulse(1).map_err(Stopped::Interrupted)?;
            let Range { start, end } = self.starts.runs[ends.start];
            let start = self.back(device, start, next);
            self.starts.push(start..end - usize::from(self.each));
            return Ok(());
        }
        for index in ends {
            let run = &self.starts.runs[index];
            let run = run.start.max(1)..run.end.min(self.furthest[device] + 1);
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
                    self.starts.push(start..last);
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
    fn back(&mut self, device: usize, end: usize, next: &mut Option<Load>) -> usize {
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
    fn reach(&self, device: usize, start: usize, next: &mut Option<Load>) -> usize {
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
    fn may_have_gaps(&self) -> bool {
        let largest = self.costs.largest();
        let too_small = |sizes: &PrefixSums| self.devices.iter().any(|device| device.memory < sizes.largest());
        self.each && (self.caps.iter().any(|cap| *cap < largest) || self.sizes.is_some_and(too_small))
    }

    /// The blocks up to some one that a device cannot hold.
    fn heavy(&self, device: usize, end: usize) -> Heavy<'a> {
        let by_cost = (self.costs, self.caps[device]);
        let by_size = self.sizes.map(|sizes| (sizes, self.devices[device].memory));
        Heavy {
            limits: [Some(by_cost), by_size],
            found: [None; 2],
            end,
        }
    }

    /// Cuts within the caps that were found to do: where the run of each device ends.
    fn cut<E>(&self, pulse: &mut impl FnMut(usize) -> Result<(), E>) -> Result<Vec<usize>, Stopped<E>> {
        let (blocks, devices) = (self.costs.len(), self.devices.len());
        let targets = self.targets();
        let mut ends = vec![blocks; devices];
        let mut start = 0;
        for device in 1..devices {
            pulse(1).map_err(Stopped::Interrupted)?;
            let least = start + usize::from(self.each);
            // Beside what costs nothing, an even number of blocks.
            let even = || (blocks / devices) * device + (blocks % devices * device).div_ceil(devices);
            let target = (targets[device], start + self.lengths[device - 1]);
            let near = |behind| nearest(self.costs, self.starts_of(device), least..behind, target, even);
            let mut end = near(blocks + 1);
            if !self.holds(device - 1, start..end) {
                end = near(self.reach(device - 1, start, &mut None) + 1);
            }
            ends[device - 1] = end;
            start = end;
        }
        Ok(ends)
    }

    /// Whether a device can hold a run.
    fn holds(&self, device: usize, run: Range<usize>) -> bool {
        let size = self.sizes.map_or(0, |sizes| sizes.sum(run.clone()));
        self.costs.sum(run) <= self.caps[device] && size <= self.devices[device].memory
    }

    /// What the blocks before each device would cost together, if the loads were as even as the room for its start lets
    /// them be.
    fn targets(&self) -> Vec<f64> {
        let mut room = Vec::with_capacity(self.devices.len() + 1);
        let (mut low, mut high, mut speed) = (0, 0, 0.0);
        room.push((0.0, 0.0..=0.0));
        for (index, device) in self.devices.iter().enumerate() {
            let starts = self.starts_of(index + 1);
            low = first_from(starts, low + usize::from(self.each)).unwrap_or(low);
            high = last_to(starts, self.reach(index, high, &mut None)).unwrap_or(high);
            speed += to_f64(device.speed);
            room.push((speed, self.costs.prefix_f64(low)..=self.costs.prefix_f64(high.max(low))));
        }
        taut(&room)
    }
}

/// Of some starts in some room, of which there is one, that whose blocks before it cost most nearly as much as `target`, a
/// sum and a guess where it is; of some between which nothing costs anything, that nearest to `even`.
fn nearest(
    costs: &PrefixSums,
    starts: &[Range<usize>],
    room: Range<usize>,
    target: (f64, usize),
    even: impl Fn() -> usize,
) -> usize {
    let (target, guess) = target;
    let behind = costs.lower_bound_f64(target, guess).clamp(room.start, room.end);
    let far = |start| (costs.prefix_f64(start) - target).abs();
    let Some(near) = nearer(starts, behind, &room, far) else {
        return room.start;
    };
    let level = costs.plateau(near);
    if level.len() == 1 {
        return near;
    }
    let level = level.start.max(room.start)..level.end.min(room.end);
    let even = even().clamp(level.start, level.end - 1);
    nearer(starts, even, &level, |start: usize| start.abs_diff(even)).unwrap_or(near)
}

/// Of the last start before a block and the first from it on, that which lies in some room; if both do, that which is less
/// far.
fn nearer<D: PartialOrd>(
    starts: &[Range<usize>],
    block: usize,
    room: &Range<usize>,
    far: impl Fn(usize) -> D,
) -> Option<usize> {
    let below = block.checked_sub(1).and_then(|last| last_to(starts, last));
    let above = first_from(starts, block).filter(|start| room.contains(start));
    match (below.filter(|start| room.contains(start)), above) {
        (Some(below), Some(above)) if far(below) < far(above) => Some(below),
        (below, above) => above.or(below),
    }
}

/// A bottleneck to try between a lower bound and what is known to do; none to try the bound itself. It is so much more or
/// less than the last that was tried, and ever more as long as nothing does, up to `most`, which is enough for all. So that
/// what misleads does not cost many tries, it is half the way between them now and then: often if what is likely does not
/// lie there, or next to what does.
fn between(low: Load, high: Option<Load>, most: Load, tried: f64, more: f64, round: i32) -> Option<Load> {
    let guess = if let Some(high) = high.map(Load::about) {
        let (low, likely) = (low.about(), tried + more);
        let near = high - (high - low) / 64.0;
        let inside = low < likely && likely < near;
        if round % if inside { 4 } else { 2 } == 0 {
            low / 2.0 + high / 2.0
        } else if likely >= near {
            high - high * 1e-9
        } else {
            likely
        }
    } else {
        tried + more.max(tried * 1e-6) * 2_f64.powi((round - 8).max(0))
    };
    let guess = match high {
        None if guess >= most.about() => Some(most),
        _ => Load::about_as(guess),
    };
    guess.filter(|guess| *guess > low && high.is_none_or(|high| *guess < high))
}

/// Keeps the least of the loads that would let a device take a block more.
#[inline]
fn note(next: &mut Option<Load>, load: Load) {
    *next = Some(next.map_or(load, |next| next.min(load)));
}

/// Blocks that are more than a device can hold, by their cost or by their size, ascending.
struct Heavy<'a> {
    limits: [Option<(&'a PrefixSums, u128)>; 2],
    /// The last one that was found by each; `end` if there was none.
    found: [Option<usize>; 2],
    end: usize,
}

impl Heavy<'_> {
    /// The first one from a block on.
    fn next(&mut self, from: usize) -> Option<usize> {
        for (found, limit) in self.found.iter_mut().zip(&self.limits) {
            if found.is_none_or(|block| block < from) {
                let heavier = limit.and_then(|(amounts, most)| amounts.first_heavier(from..self.end, most));
                *found = Some(heavier.unwrap_or(self.end));
            }
        }
        self.found
            .iter()
            .flatten()
            .min()
            .copied()
            .filter(|block| *block < self.end)
    }
}

/// The first of `starts` from a block on.
fn first_from(starts: &[Range<usize>], block: usize) -> Option<usize> {
    let run = starts.partition_point(|run| run.end <= block);
    starts.get(run).map(|run| run.start.max(block))
}

/// The last of `starts` up to a block.
fn last_to(starts: &[Range<usize>], block: usize) -> Option<usize> {
    let behind = starts.partition_point(|run| run.start <= block);
    starts[..behind].last().map(|run| block.min(run.end - 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prefix_sums::tests::whole;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use std::convert::Infallible;

    /// A small problem: costs, sizes if there are any, speeds and memories, and whether a device may be idle.
    type Small = (Vec<u128>, Option<Vec<u128>>, Vec<Device>, bool);

    fn small() -> impl Strategy<Value = Small> {
        let amounts = || vec(prop_oneof![Just(0), 0..4_u128, 0..40_u128], 0..9);
        let device = |speeds, memory| (speeds, memory).prop_map(|(speed, memory)| Device { speed, memory });
        let none = || Just(u128::MAX);
        let devices = prop_oneof![
            vec(device(1..2_u128, none().boxed()), 1..5),
            vec(device(1..5_u128, none().boxed()), 1..5),
            vec(device(1..5_u128, prop_oneof![none(), 0..90_u128].boxed()), 1..5),
        ];
        (amounts(), amounts(), devices, any::<bool>()).prop_map(|(costs, sizes, devices, allow_idle)| {
            let limited = devices.iter().any(|device| device.memory < u128::MAX);
            let sizes = limited.then(|| {
                (0..costs.len())
                    .map(|block| sizes.get(block).copied().unwrap_or(3))
                    .collect()
            });
            (costs, sizes, devices, allow_idle)
        })
    }

    /// All ways to cut blocks over devices.
    fn all_cuts(blocks: usize, devices: usize) -> Vec<Vec<usize>> {
        if devices == 1 {
            return vec![vec![blocks]];
        }
        let shorter = all_cuts(blocks, devices - 1).into_iter();
        shorter
            .flat_map(|ends| {
                let from = if devices == 2 { 0 } else { ends[devices - 3] };
                (from..=blocks).map(move |cut| {
                    let mut ends = ends.clone();
                    ends.insert(devices - 2, cut);
                    ends
                })
            })
            .collect()
    }

    /// The bottleneck of a map; none if it is against the rules.
    fn bottleneck((costs, sizes, devices, allow_idle): &Small, ends: &[usize]) -> Option<Load> {
        let mut start = 0;
        let mut most = Load { cost: 0, speed: 1 };
        for (device, &end) in devices.iter().zip(ends) {
            let size: u128 = sizes.as_ref().map_or(0, |sizes| sizes[start..end].iter().sum());
            let idle = start == end && !allow_idle && costs.len() >= devices.len();
            if idle || size > device.memory {
                return None;
            }
            most = most.max(Load {
                cost: costs[start..end].iter().sum(),
                speed: device.speed,
            });
            start = end;
        }
        Some(most)
    }

    fn solved((costs, sizes, devices, allow_idle): &Small) -> Result<Vec<usize>, Infeasible> {
        let (costs, sizes) = (whole(costs), sizes.as_ref().map(|sizes| whole(sizes)));
        let problem = Problem {
            costs: &costs,
            sizes: sizes.as_ref(),
            devices,
            allow_idle: *allow_idle,
        };
        problem
            .solve(|_| Ok::<_, Infallible>(()))
            .map_err(|stopped| match stopped {
                Stopped::Infeasible(why) => why,
            })
    }

    fn alike(costs: &[u128], devices: usize) -> Vec<u128> {
        let devices = vec![
            Device {
                speed: 1,
                memory: u128::MAX
            };
            devices
        ];
        let ends = solved(&(costs.to_vec(), None, devices, false)).unwrap_or_default();
        let starts = std::iter::once(&0).chain(&ends);
        starts
            .zip(&ends)
            .map(|(&start, &end)| costs[start..end].iter().sum())
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]
        #[test]
        fn no_map_is_better(problem in small()) {
            let (blocks, devices) = (problem.0.len(), problem.2.len());
            let best = all_cuts(blocks, devices).into_iter().filter_map(|ends| bottleneck(&problem, &ends)).min();
            let solved = solved(&problem);
            prop_assert_eq!(solved.is_ok(), best.is_some());
            if let Err(Infeasible::Idle(Some((device, run)))) = &solved {
                let (_, Some(sizes), devices, _) = &problem else { unreachable!("only memory can be short") };
                prop_assert!(sizes[run.clone()].iter().all(|size| *size > devices[*device].memory));
                // Whatever the others take that they can hold, it takes one of those.
                for ends in all_cuts(blocks, devices.len()) {
                    let starts = std::iter::once(&0).chain(&ends);
                    let mut runs = starts.zip(&ends).map(|(&start, &end)| start..end).enumerate();
                    let can = runs.all(|(index, run)| {
                        let size: u128 = sizes[run.clone()].iter().sum();
                        !run.is_empty() && (index == *device || size <= devices[index].memory)
                    });
                    let start = if *device == 0 { 0 } else { ends[device - 1] };
                    prop_assert!(!can || start.max(run.start) < ends[*device].min(run.end), "{:?}", ends);
                }
            }
            if let Ok(ends) = solved {
                prop_assert_eq!(ends.len(), devices);
                prop_assert_eq!(ends[devices - 1], blocks);
                prop_assert!(ends.is_sorted());
                prop_assert_eq!(bottleneck(&problem, &ends), best, "{:?}", ends);
            }
        }
    }

    #[test]
    fn loads_are_even_as_far_as_the_bottleneck_lets_them() {
        assert_eq!(alike(&[1, 1, 1, 1, 1, 1, 1, 1, 1, 5], 4), [3, 3, 3, 5]);
        assert_eq!(alike(&[5, 1, 1, 1, 1, 1, 1, 1, 1, 1], 4), [5, 3, 3, 3]);
        assert_eq!(alike(&[0; 6], 3), [0; 3]);
        assert_eq!(alike(&[1, 1, 8, 8], 3), [2, 8, 8]);
        assert_eq!(alike(&[1, 1, 1, 1, 8, 8], 5), [1, 2, 1, 8, 8]);
        assert_eq!(alike(&[7, 9], 4), [7, 9, 0, 0]);
    }
}
