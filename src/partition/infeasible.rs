//! Why there is no map.

use std::collections::VecDeque;
use std::ops::Range;

use super::problem::{Infeasible, Problem};
use crate::prefix_sums::PrefixSums;

impl Problem<'_> {
    /// Why no bottleneck can be reached.
    pub(super) fn why(&self) -> Infeasible {
        let Some(sizes) = self.sizes else {
            return Infeasible::Idle(None);
        };
        let memory = || self.devices.iter().map(|device| device.memory);
        let most = memory().max().unwrap_or(0);
        let too_large = |block: &usize| sizes.sum(*block..block + 1) > most;
        if let Some(block) = (0..sizes.len()).find(too_large) {
            return Infeasible::Block(block);
        }
        let together = memory().fold(0, u128::saturating_add);
        if sizes.total() > together {
            return Infeasible::All(together);
        }
        let (mut held, mut available) = (0, 0);
        for memory in memory() {
            let end = sizes.extend_right(held, memory, held);
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
    pub(super) fn to_blame(&self, sizes: &PrefixSums) -> Option<(usize, Range<usize>)> {
        let (blocks, devices) = (sizes.len(), self.devices.len());
        let memory = |device: usize| self.devices[device].memory;
        let size = |block| sizes.sum(block..block + 1);
        // One block for each of those before it is not for it, nor one for each of those behind it.
        let end = |device: usize| (blocks + device + 1).saturating_sub(devices);
        let mut before = 0;
        let first = (0..devices).map(|device| {
            let window = device..end(device).min(before + 1);
            before = sizes.extend_right(before, memory(device), before);
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
            behind = sizes.extend_left(behind, memory(device), behind).start;
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
