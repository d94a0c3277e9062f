//! Which single blocks fit on which device.

use std::collections::TryReserveError;

use super::problem::SearchError;
use crate::bitset::Bitset;
use crate::prefix_sums::PrefixSums;

/// The set of blocks that fit on each device, with respect to either cost or size.
///
/// Devices with the same limit share a set.
pub struct FittingBlocks {
    /// The index in `limits` for each device, or `None` if every block fits.
    limit_of_device: Vec<Option<usize>>,
    limits: Vec<Limit>,
}

/// A limit that some blocks exceed.
struct Limit {
    max: u128,
    /// The blocks that do not exceed the limit.
    blocks: Bitset,
    /// The smallest amount that exceeds the limit.
    next: u128,
}

impl FittingBlocks {
    /// Compares the amount of each block with the limit of each device. Calls `tick` as [`Problem::solve`] does.
    ///
    /// [`Problem::solve`]: super::Problem::solve
    pub fn new<E>(
        amounts: &PrefixSums,
        limits: &[u128],
        tick: &mut impl FnMut(usize) -> Result<(), E>,
    ) -> Result<Self, SearchError<E>> {
        let words = amounts.len() / 64;
        let mut exceeded: Vec<_> = limits.iter().copied().filter(|max| *max < amounts.largest()).collect();
        exceeded.sort_unstable();
        exceeded.dedup();
        let limit_of_device = limits.iter().map(|max| exceeded.binary_search(max).ok()).collect();
        let mut limits = exceeded
            .into_iter()
            .map(|max| {
                tick(1 + words / 64).map_err(SearchError::Interrupted)?;
                Ok(Limit::new(amounts, max)?)
            })
            .collect::<Result<Vec<_>, SearchError<E>>>()?;
        // Each block is first removed from the set of the largest limit that it exceeds. The second loop then intersects
        // the set of each limit with those of all larger ones.
        for block in 0..amounts.len() {
            if block % 64 == 0 {
                tick(16).map_err(SearchError::Interrupted)?;
            }
            let amount = amounts.sum(block..block + 1);
            if let Some(largest) = limits.partition_point(|limit| limit.max < amount).checked_sub(1) {
                let limit = &mut limits[largest];
                limit.blocks.0[block / 64] &= !(1 << (block % 64));
                limit.next = limit.next.min(amount);
            }
        }
        for index in (1..limits.len()).rev() {
            tick(1 + words / 64).map_err(SearchError::Interrupted)?;
            let (smaller, larger) = limits.split_at_mut(index);
            let (smaller, larger) = (&mut smaller[index - 1], &larger[0]);
            smaller.next = smaller.next.min(larger.next);
            for (word, other) in smaller.blocks.0.iter_mut().zip(&larger.blocks.0) {
                *word &= other;
            }
        }
        Ok(Self {
            limit_of_device,
            limits,
        })
    }

    /// Returns the blocks that fit on a device, or `None` if every block fits.
    pub fn blocks(&self, device: usize) -> Option<&Bitset> {
        self.limit_of_device[device].map(|limit| &self.limits[limit].blocks)
    }

    /// Returns the smallest amount of a block that does not fit on a device, or `None` if every block fits.
    pub fn next(&self, device: usize) -> Option<u128> {
        self.limit_of_device[device].map(|limit| self.limits[limit].next)
    }
}

impl Limit {
    /// Returns a limit whose set still contains all blocks.
    fn new(amounts: &PrefixSums, max: u128) -> Result<Self, TryReserveError> {
        let mut blocks = Bitset::try_new(amounts.len())?;
        blocks.0.fill(!0);
        Ok(Self {
            max,
            blocks,
            next: u128::MAX,
        })
    }
}
