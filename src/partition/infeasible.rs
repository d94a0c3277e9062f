//! Explains why no partition exists.

use std::collections::VecDeque;
use std::ops::Range;

use super::problem::{Infeasible, Problem};
use crate::prefix_sums::PrefixSums;

impl Problem<'_> {
    /// Returns the reason why no partition exists. It must be known that none exists.
    pub(super) fn explain_infeasible(&self) -> Infeasible {
        let Some(sizes) = self.sizes else {
            return Infeasible::Idle(None);
        };
        let memories = || self.devices.iter().map(|device| device.memory);
        let largest_memory = memories().max().unwrap_or(0);
        let fits_on_no_device = |block: &usize| sizes.sum(*block..block + 1) > largest_memory;
        if let Some(block) = (0..sizes.len()).find(fits_on_no_device) {
            return Infeasible::Block(block);
        }
        let available = memories().fold(0, u128::saturating_add);
        if sizes.total() > available {
            return Infeasible::Total { available };
        }
        // For the error, each device, from the first to the last, gets as many of the next blocks as it can hold. `block` is
        // the first block that has not been placed. `available` is the largest memory of those devices that have got nothing
        // since the last device that got a block.
        let (mut block, mut available) = (0, 0);
        for memory in memories() {
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

    /// Returns a device that can hold none of the blocks in a window, and that window. The window consists of all blocks with
    /// which the device's run could start, or could end, if each other device gets at least one block and no more blocks than
    /// it can hold. Returns `None` if there is no such device.
    pub(super) fn blocked_device(&self, sizes: &PrefixSums) -> Option<(usize, Range<usize>)> {
        let (num_blocks, num_devices) = (sizes.len(), self.devices.len());
        let memory = |device: usize| self.devices[device].memory;
        let size = |block| sizes.sum(block..block + 1);
        // The devices before this one need at least the blocks `0..device`, and the devices after it at least the blocks from
        // `window_end(device)` on.
        let window_end = |device: usize| (num_blocks + device + 1).saturating_sub(num_devices);
        let mut furthest_start = 0;
        let start_windows = (0..num_devices).map(|device| {
            let window = device..window_end(device).min(furthest_start + 1);
            furthest_start = sizes.extend_right(furthest_start, memory(device), furthest_start);
            window
        });
        let blocked_device = first_blocked(start_windows, size, memory);
        if blocked_device.is_some() {
            return blocked_device;
        }
        // For the ends of the runs, the devices and the blocks are numbered in reverse order, so that the ends of the windows
        // do not decrease.
        let mirrored = |window: Range<usize>| num_blocks - window.end..num_blocks - window.start;
        let mut smallest_end = num_blocks;
        let end_windows = (0..num_devices).rev().map(|device| {
            let window = device.max(smallest_end.saturating_sub(1))..window_end(device);
            smallest_end = sizes.extend_left(smallest_end, memory(device), smallest_end).start;
            mirrored(window)
        });
        let (device, window) = first_blocked(
            end_windows,
            |block| size(num_blocks - 1 - block),
            |device| memory(num_devices - 1 - device),
        )?;
        Some((num_devices - 1 - device, mirrored(window)))
    }
}

/// Returns the first device that can hold none of the blocks in its window, and that window, or `None` if there is no such
/// device. `windows` yields the window of each device; neither their starts nor their ends may decrease.
fn first_blocked(
    windows: impl Iterator<Item = Range<usize>>,
    size: impl Fn(usize) -> u128,
    memory: impl Fn(usize) -> u128,
) -> Option<(usize, Range<usize>)> {
    // A sliding-window minimum: the queue contains the blocks of the window that are smaller than all later blocks of the
    // window, so that its front is the smallest block.
    let mut queue = VecDeque::new();
    let mut num_visited = 0;
    for (device, window) in windows.enumerate() {
        for block in window.start.max(num_visited)..window.end {
            while queue.back().is_some_and(|&last| size(last) >= size(block)) {
                queue.pop_back();
            }
            queue.push_back(block);
        }
        num_visited = num_visited.max(window.end);
        while queue.front().is_some_and(|first| *first < window.start) {
            queue.pop_front();
        }
        if queue.front().is_none_or(|&smallest| size(smallest) > memory(device)) {
            return Some((device, window));
        }
    }
    None
}
