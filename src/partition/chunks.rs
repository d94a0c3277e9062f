//! Partitions by the number of blocks, independent of their costs.

use std::cmp::Reverse;
use std::ops::Range;

use crate::numbers::ratio::mul_div;

/// Returns the partition of the original `get_device_map`: runs of `ceil(blocks / devices)` blocks, the last of which may
/// be shorter. There may be fewer runs than devices. `devices` must not be 0.
pub fn ceil_chunks(blocks: usize, devices: usize) -> impl Iterator<Item = Range<usize>> {
    let size = blocks.div_ceil(devices).max(1);
    (0..blocks)
        .step_by(size)
        .map(move |start| start..blocks.min(start.saturating_add(size)))
}

/// Partitions blocks in proportion to shares, by the largest-remainder method (Hamilton's method), and returns the end of
/// each device's run. Equal shares give an even partition.
///
/// If there are enough blocks, each device with a share above 0 gets at least one: devices for which the method yields no
/// block get one each, and the method is repeated for the other devices and blocks.
///
/// The shares must not all be 0, and their sum must fit in 128 bits.
pub fn by_shares(blocks: usize, shares: &[u128]) -> Vec<usize> {
    let mut counts = vec![0; shares.len()];
    let mut sharing: Vec<_> = (0..shares.len()).filter(|device| shares[*device] > 0).collect();
    let mut remaining = blocks;
    let enough = blocks >= sharing.len();
    loop {
        largest_remainder(remaining, shares, &sharing, &mut counts);
        let empty = if enough {
            sharing.extract_if(.., |device| counts[*device] == 0).collect()
        } else {
            Vec::new()
        };
        if empty.is_empty() {
            break;
        }
        remaining -= empty.len();
        for device in empty {
            counts[device] = 1;
        }
    }
    let mut end = 0;
    for count in &mut counts {
        end += *count;
        *count = end;
    }
    counts
}

/// Apportions blocks to some of the devices: each gets its quota rounded down, and the remaining blocks go one each to the
/// devices with the largest fractional parts, the earlier one if two are equal.
fn largest_remainder(blocks: usize, shares: &[u128], devices: &[usize], counts: &mut [usize]) {
    let total: u128 = devices.iter().map(|device| shares[*device]).sum();
    let mut remaining = blocks;
    let mut remainders: Vec<_> = devices
        .iter()
        .map(|&device| {
            // A quota is at most the number of blocks, so that it fits.
            let (quota, remainder) = mul_div(blocks as u128, shares[device], total).unwrap_or_default();
            counts[device] = usize::try_from(quota).unwrap_or(blocks);
            remaining -= counts[device];
            (Reverse(remainder), device)
        })
        .collect();
    remainders.sort_unstable();
    for (_, device) in &remainders[..remaining] {
        counts[*device] += 1;
    }
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
        fn all_chunks_but_the_last_have_the_same_length(blocks in 1..5_000_usize, devices in 1..600_usize) {
            let chunks: Vec<_> = ceil_chunks(blocks, devices).collect();
            let (others, last) = chunks.split_at(chunks.len() - 1);
            prop_assert!(others.iter().all(|chunk| chunk.len() == blocks.div_ceil(devices)));
            prop_assert!((1..=blocks.div_ceil(devices)).contains(&last[0].len()));
        }
    }

    fn counts(blocks: usize, shares: &[u128]) -> Vec<usize> {
        let ends = by_shares(blocks, shares);
        assert_eq!(ends.len(), shares.len());
        let starts = std::iter::once(&0).chain(&ends);
        starts.zip(&ends).map(|(start, end)| end - start).collect()
    }

    proptest! {
        #[test]
        fn equal_shares_give_counts_that_differ_by_at_most_one_in_descending_order(blocks in 0..5_000_usize, devices in 1..600_usize) {
            let even = (0..devices).map(|device| blocks / devices + usize::from(device < blocks % devices));
            prop_assert_eq!(counts(blocks, &vec![7; devices]), even.collect::<Vec<_>>());
        }

        #[test]
        fn every_count_is_within_one_block_of_its_quota(
            // With so many blocks, no quota above 0 is below one block.
            blocks in 1_000..5_000_usize,
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
            // The fractional parts of the quotas that are rounded up are at least those of the others.
            let up = lost.iter().filter(|&&lost| lost < total).min();
            let down = lost.iter().filter(|&&lost| lost >= total).map(|lost| lost - total).max();
            prop_assert!(up.zip(down).is_none_or(|(&up, down)| up >= down));
        }

        #[test]
        fn a_device_gets_a_block_if_and_only_if_it_has_a_share(
            blocks in 0..500_usize,
            shares in proptest::collection::vec(prop_oneof![0..50_u128, 0..1_u128 << 40], 1..20)
                .prop_filter("some", |shares| shares.iter().any(|&share| share > 0)),
        ) {
            let counts = counts(blocks, &shares);
            prop_assert_eq!(counts.iter().sum::<usize>(), blocks);
            let enough = blocks >= shares.iter().filter(|share| **share > 0).count();
            for (&count, &share) in counts.iter().zip(&shares) {
                let expected = if share == 0 { count == 0 } else { count > 0 || !enough };
                prop_assert!(expected);
            }
        }
    }

    #[test]
    fn a_small_share_is_worth_a_block() {
        assert_eq!(counts(20, &[975, 12, 13]), [18, 1, 1]);
        assert_eq!(counts(3, &[975, 12, 13]), [1, 1, 1]);
        assert_eq!(counts(2, &[975, 12, 13]), [2, 0, 0]);
        assert_eq!(counts(9, &[1_000_000, 0, 1, 1_000]), [7, 0, 1, 1]);
        // The second iteration yields no block for another device.
        assert_eq!(counts(4, &[100, 30, 1, 1]), [1, 1, 1, 1]);
    }

    #[test]
    fn the_largest_shares_are_exact() {
        assert_eq!(counts(5, &[1, 2]), [2, 3]);
        assert_eq!(counts(1_000_000, &[1, 1, 1]), [333_334, 333_333, 333_333]);
        assert_eq!(counts(usize::MAX, &[u128::MAX]), [usize::MAX]);
        assert_eq!(counts(usize::MAX, &[u128::MAX / 3; 3]), [usize::MAX / 3; 3]);
    }

    #[test]
    fn the_largest_numbers_of_blocks_do_not_overflow() {
        assert_eq!(ceil_chunks(usize::MAX, 1).last(), Some(0..usize::MAX));
        assert_eq!(ceil_chunks(usize::MAX, 2).count(), 2);
        assert_eq!(ceil_chunks(3, usize::MAX).count(), 3);
    }
}
