//! Determines which single blocks fit on which device.

use std::collections::TryReserveError;

use super::problem::SearchError;
use crate::bitset::Bitset;
use crate::prefix_sums::PrefixSums;

/// The blocks that fit on each device by themselves, with respect to either their costs or their sizes, which are called
/// *amounts* here. Devices with the same limit share a set of blocks.
pub struct FittingBlocks {
    /// For each device, the index of its limit in `limits`, or `None` if every block fits.
    limit_of_device: Vec<Option<usize>>,
    /// The distinct limits that some block exceeds, in ascending order.
    limits: Vec<Limit>,
}

/// A limit that some blocks exceed.
struct Limit {
    /// The largest amount that fits.
    max: u128,
    /// The blocks that do not exceed the limit.
    blocks: Bitset,
    /// The smallest amount of a block that exceeds the limit.
    smallest_excluded: u128,
}

impl FittingBlocks {
    /// Compares the amount of each block with the limit of each device. `amount_sums` are the prefix sums of the amounts;
    /// `tick` is called as by [`Problem::solve`].
    ///
    /// [`Problem::solve`]: super::Problem::solve
    pub fn new<E>(
        amount_sums: &PrefixSums,
        limits: &[u128],
        tick: &mut impl FnMut(usize) -> Result<(), E>,
    ) -> Result<Self, SearchError<E>> {
        let num_words = amount_sums.len() / 64;
        let largest_amount = amount_sums.largest_cost();
        let mut exceeded: Vec<_> = limits.iter().copied().filter(|max| *max < largest_amount).collect();
        exceeded.sort_unstable();
        exceeded.dedup();
        let limit_of_device = limits.iter().map(|max| exceeded.binary_search(max).ok()).collect();
        let mut limits = exceeded
            .into_iter()
            .map(|max| {
                tick(1 + num_words / 64).map_err(SearchError::Interrupted)?;
                Ok(Limit::new(amount_sums.len(), max)?)
            })
            .collect::<Result<Vec<_>, SearchError<E>>>()?;
        // The first loop removes each block from the set of the largest limit that it exceeds. The second loop intersects the
        // set of each limit with the sets of all larger limits.
        for block in 0..amount_sums.len() {
            if block % 64 == 0 {
                tick(16).map_err(SearchError::Interrupted)?;
            }
            let amount = amount_sums.sum(block..block + 1);
            if let Some(largest) = limits.partition_point(|limit| limit.max < amount).checked_sub(1) {
                let limit = &mut limits[largest];
                limit.blocks.0[block / 64] &= !(1 << (block % 64));
                limit.smallest_excluded = limit.smallest_excluded.min(amount);
            }
        }
        for index in (1..limits.len()).rev() {
            tick(1 + num_words / 64).map_err(SearchError::Interrupted)?;
            let (smaller_limits, larger_limits) = limits.split_at_mut(index);
            let (smaller, larger) = (&mut smaller_limits[index - 1], &larger_limits[0]);
            smaller.smallest_excluded = smaller.smallest_excluded.min(larger.smallest_excluded);
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

    /// Returns the amount of the smallest block that does not fit on the device, or `None` if every block fits.
    pub fn smallest_excluded(&self, device: usize) -> Option<u128> {
        self.limit_of_device[device].map(|limit| self.limits[limit].smallest_excluded)
    }
}

impl Limit {
    /// Returns a limit from whose set no block has been removed yet.
    fn new(num_blocks: usize, max: u128) -> Result<Self, TryReserveError> {
        let mut blocks = Bitset::try_new(num_blocks)?;
        blocks.0.fill(!0);
        Ok(Self {
            max,
            blocks,
            smallest_excluded: u128::MAX,
        })
    }
}
