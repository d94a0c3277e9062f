//! `n` blocks cut into runs for `d` devices.

use std::cmp::Reverse;
use std::collections::TryReserveError;
use std::ops::Range;

use crate::exact::mul_div;

/// The original's cut: runs of `ceil(blocks / devices)`, the last one what is left over. There may be fewer runs than
/// devices. `devices` is not 0.
pub fn ceil_chunks(blocks: usize, devices: usize) -> impl Iterator<Item = Range<usize>> {
    let size = blocks.div_ceil(devices).max(1);
    (0..blocks)
        .step_by(size)
        .map(move |start| start..blocks.min(start.saturating_add(size)))
}

/// Cuts blocks by shares, by the largest remainder: each device gets its quota rounded down; what is then left over goes,
/// a block each, to those whose quotas lost most, of equals to the earlier. Equal shares give the even split.
///
/// Gives where each device's run ends. The shares are not all 0, and their sum fits in 128 bits.
pub fn by_shares(blocks: usize, shares: &[u128]) -> Result<Vec<usize>, TryReserveError> {
    let total: u128 = shares.iter().sum();
    let (mut ends, mut remainders) = (Vec::new(), Vec::new());
    ends.try_reserve_exact(shares.len())?;
    remainders.try_reserve_exact(shares.len())?;
    let mut left = blocks;
    for (device, &share) in shares.iter().enumerate() {
        // No quota is more than all blocks.
        let (quota, remainder) = mul_div(blocks as u128, share, total).unwrap_or_default();
        let quota = usize::try_from(quota).unwrap_or(blocks);
        left -= quota;
        ends.push(quota);
        remainders.push((Reverse(remainder), device));
    }
    remainders.sort_unstable();
    for (_, device) in &remainders[..left] {
        ends[*device] += 1;
    }
    let mut end = 0;
    for count in &mut ends {
        end += *count;
        *count = end;
    }
    Ok(ends)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn chunks_cover_the_blocks_in_order(blocks in 0..5_000_usize, devices in 1..600_usize) {
            let chunks: Vec<_> = ceil_chunks(blocks, devices).collect();
            prop_assert!(chunks.len() <= devices);
            prop_assert_eq!(chunks.iter().cloned().flatten().collect::<Vec<_>>(), (0..blocks).collect::<Vec<_>>());
        }

        #[test]
        fn all_chunks_but_the_last_are_the_ceiling(blocks in 1..5_000_usize, devices in 1..600_usize) {
            let chunks: Vec<_> = ceil_chunks(blocks, devices).collect();
            let (others, last) = chunks.split_at(chunks.len() - 1);
            prop_assert!(others.iter().all(|chunk| chunk.len() == blocks.div_ceil(devices)));
            prop_assert!((1..=blocks.div_ceil(devices)).contains(&last[0].len()));
        }
    }

    fn counts(blocks: usize, shares: &[u128]) -> Vec<usize> {
        let ends = by_shares(blocks, shares).unwrap_or_default();
        assert_eq!(ends.len(), shares.len());
        let starts = std::iter::once(&0).chain(&ends);
        starts.zip(&ends).map(|(start, end)| end - start).collect()
    }

    proptest! {
        #[test]
        fn equal_shares_differ_by_one_block_at_most_the_larger_first(blocks in 0..5_000_usize, devices in 1..600_usize) {
            let even = (0..devices).map(|device| blocks / devices + usize::from(device < blocks % devices));
            prop_assert_eq!(counts(blocks, &vec![7; devices]), even.collect::<Vec<_>>());
        }

        #[test]
        fn every_device_is_within_a_block_of_its_quota(
            blocks in 0..5_000_usize,
            shares in proptest::collection::vec(0..50_u128, 1..20).prop_filter("some", |shares| shares.iter().any(|&share| share > 0)),
        ) {
            let counts = counts(blocks, &shares);
            let total: u128 = shares.iter().sum();
            prop_assert_eq!(counts.iter().sum::<usize>(), blocks);
            let lost: Vec<_> = counts.iter().zip(&shares).map(|(&count, share)| {
                share * blocks as u128 % total + if count as u128 == share * blocks as u128 / total { total } else { 0 }
            }).collect();
            for (&count, share) in counts.iter().zip(&shares) {
                let quota = share * blocks as u128 / total;
                prop_assert!((quota..=quota + 1).contains(&(count as u128)));
            }
            // Whoever was rounded up lost at least as much as whoever was not.
            let up = lost.iter().filter(|&&lost| lost < total).min();
            let down = lost.iter().filter(|&&lost| lost >= total).map(|lost| lost - total).max();
            prop_assert!(up.zip(down).is_none_or(|(&up, down)| up >= down));
        }
    }

    #[test]
    fn shares_of_the_largest_sizes_are_exact() {
        assert_eq!(counts(5, &[1, 2]), [2, 3]);
        assert_eq!(counts(1_000_000, &[1, 1, 1]), [333_334, 333_333, 333_333]);
        assert_eq!(counts(usize::MAX, &[u128::MAX]), [usize::MAX]);
        assert_eq!(counts(usize::MAX, &[u128::MAX / 3; 3]), [usize::MAX / 3; 3]);
    }

    #[test]
    fn the_largest_sizes_do_not_overflow() {
        assert_eq!(ceil_chunks(usize::MAX, 1).last(), Some(0..usize::MAX));
        assert_eq!(ceil_chunks(usize::MAX, 2).count(), 2);
        assert_eq!(ceil_chunks(3, usize::MAX).count(), 3);
    }
}
