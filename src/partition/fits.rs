//! Which blocks fit on which device.

use std::collections::TryReserveError;

use crate::bitset::Bits;
use crate::prefix_sums::PrefixSums;

/// Which blocks fit on each device by one amount, their cost or their size.
pub struct Fits {
    /// For each device, the index of its limit; none if every block fits.
    rows: Vec<Option<usize>>,
    limits: Vec<Limit>,
}

/// A limit that some blocks exceed.
struct Limit {
    most: u128,
    /// The blocks that do not exceed it.
    blocks: Bits,
    /// The least amount of a block that exceeds it.
    next: u128,
}

impl Fits {
    /// Compares each block with the limits of the devices.
    pub fn new(amounts: &PrefixSums, limits: &[u128]) -> Result<Self, TryReserveError> {
        let mut exceeded: Vec<_> = limits
            .iter()
            .copied()
            .filter(|most| *most < amounts.largest())
            .collect();
        exceeded.sort_unstable();
        exceeded.dedup();
        let rows = limits.iter().map(|most| exceeded.binary_search(most).ok()).collect();
        let mut limits = exceeded
            .into_iter()
            .map(|most| Limit::new(amounts, most))
            .collect::<Result<Vec<_>, _>>()?;
        // Each block is taken out at the largest limit that it exceeds, then at all smaller ones.
        for block in 0..amounts.len() {
            let amount = amounts.sum(block..block + 1);
            if let Some(largest) = limits.partition_point(|limit| limit.most < amount).checked_sub(1) {
                let limit = &mut limits[largest];
                limit.blocks.0[block / 64] &= !(1 << (block % 64));
                limit.next = limit.next.min(amount);
            }
        }
        for index in (1..limits.len()).rev() {
            let (smaller, larger) = limits.split_at_mut(index);
            let (smaller, larger) = (&mut smaller[index - 1], &larger[0]);
            smaller.next = smaller.next.min(larger.next);
            for (word, other) in smaller.blocks.0.iter_mut().zip(&larger.blocks.0) {
                *word &= other;
            }
        }
        Ok(Self { rows, limits })
    }

    /// Which blocks fit on a device; none if every block does.
    pub fn blocks(&self, device: usize) -> Option<&Bits> {
        self.rows[device].map(|row| &self.limits[row].blocks)
    }

    /// The least amount of a block that does not fit on a device, if there is one.
    pub fn next(&self, device: usize) -> Option<u128> {
        self.rows[device].map(|row| self.limits[row].next)
    }
}

impl Limit {
    fn new(amounts: &PrefixSums, most: u128) -> Result<Self, TryReserveError> {
        let mut blocks = Bits::try_new(amounts.len())?;
        blocks.0.fill(!0);
        Ok(Self {
            most,
            blocks,
            next: u128::MAX,
        })
    }
}
