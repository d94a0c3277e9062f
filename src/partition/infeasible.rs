//! Explains why no partition exists.

use std::collections::VecDeque;
use std::ops::Range;

use super::problem::{Infeasible, Problem};
use crate::prefix_sums::PrefixSums;

impl Problem<'_> {
    /// Returns the reason why no partition exists. There must be none.
    pub(super) fn explain_infeasible(&self) -> Infeasible {
        let Some(sizes) = self.sizes else {
            return Infeasible::Idle(None);
        };
        let memory = || self.devices.iter().map(|device| device.memory);
        let largest = memory().max().unwrap_or(0);
        let too_large = |block: &usize| sizes.sum(*block..block + 1) > largest;
        if let Some(block) = (0..sizes.len()).find(too_large) {
            return Infeasible::Block(block);
        }
        let available = memory().fold(0, u128::saturating_add);
        if sizes.total() > available {
            return Infeasible::Total { available };
        }
        // The devices in order, each with as many blocks as fit.
        let (mut block, mut available) = (0, 0);
        for memory in memory() {
            let end = sizes.extend_right(block, memory, block);
            available = if end > block { 0 } else { available.max(memory) };
            block = end;
        }
        if block < sizes.len() {
            Infeasible::Order { block, available }
        } else {
            Infeasible::Idle(self.blocked_device(sizes))
        }
    }

    /// Returns a device that can hold none of the blocks within its reach, and these blocks. They are the blocks at which
    /// its run could start, or could end, if each other device gets at least one block and no more than it can hold.
    pub(super) fn blocked_device(&self, sizes: &PrefixSums) -> Option<(usize, Range<usize>)> {
        let (blocks, devices) = (sizes.len(), self.devices.len());
        let memory = |device: usize| self.devices[device].memory;
        let size = |block| sizes.sum(block..block + 1);
        // Each device before this one needs a block, and so does each device after it.
        let end = |device: usize| (blocks + device + 1).saturating_sub(devices);
        let mut furthest_start = 0;
        let start_windows = (0..devices).map(|device| {
            let window = device..end(device).min(furthest_start + 1);
            furthest_start = sizes.extend_right(furthest_start, memory(device), furthest_start);
            window
        });
        let blocked_device = first_blocked(start_windows, size, memory);
        if blocked_device.is_some() {
            return blocked_device;
        }
        // The same from the last device to the first, with the blocks in reverse order.
        let mirrored = |window: Range<usize>| blocks - window.end..blocks - window.start;
        let mut first_end = blocks;
        let end_windows = (0..devices).rev().map(|device| {
            let window = device.max(first_end.saturating_sub(1))..end(device);
            first_end = sizes.extend_left(first_end, memory(device), first_end).start;
            mirrored(window)
        });
        let (device, window) = first_blocked(
            end_windows,
            |block| size(blocks - 1 - block),
            |device| memory(devices - 1 - device),
        )?;
        Some((devices - 1 - device, mirrored(window)))
    }
}

/// Returns the first device that can hold none of the blocks in its window, and that window. The ends of the windows must
/// not decrease.
fn first_blocked(
    windows: impl Iterator<Item = Range<usize>>,
    size: impl Fn(usize) -> u128,
    memory: impl Fn(usize) -> u128,
) -> Option<(usize, Range<usize>)> {
    // Sliding-window minimum: the blocks of the window that are smaller than all blocks after them, so that the first is
    // the smallest block of the window.
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
