//! Partitions by the number of blocks, regardless of their costs.

use std::cmp::Reverse;
use std::ops::Range;

use crate::numbers::ratio::mul_div;

/// Yields the runs of the original `get_device_map`: each has `ceil(num_blocks / num_devices)` blocks, except that the last
/// one can be shorter. There can be fewer runs than devices. `num_devices` must not be 0.
pub fn ceil_chunks(num_blocks: usize, num_devices: usize) -> impl Iterator<Item = Range<usize>> {
    let size = num_blocks.div_ceil(num_devices).max(1);
    (0..num_blocks)
        .step_by(size)
        .map(move |start| start..num_blocks.min(start.saturating_add(size)))
}

/// Partitions blocks in proportion to the shares of the devices, by the largest-remainder method (Hamilton's method). Returns,
/// for each device, the end (exclusive) of its run.
///
/// If there are enough blocks, each device with a share above 0 gets at least one block: devices for which the method yields
/// no block get one each, and the method is repeated for the other devices and blocks.
///
/// At least one share must be above 0, and the sum of the shares must fit in 128 bits.
pub fn by_shares(num_blocks: usize, shares: &[u128]) -> Vec<usize> {
    let mut counts = vec![0; shares.len()];
    // The devices among which the remaining blocks are divided.
    let mut devices: Vec<_> = (0..shares.len()).filter(|device| shares[*device] > 0).collect();
    let mut num_remaining = num_blocks;
    let has_enough_blocks = num_blocks >= devices.len();
    loop {
        largest_remainder(num_remaining, shares, &devices, &mut counts);
        let without_blocks = if has_enough_blocks {
            devices.extract_if(.., |device| counts[*device] == 0).collect()
        } else {
            Vec::new()
        };
        if without_blocks.is_empty() {
            break;
        }
        num_remaining -= without_blocks.len();
        for device in without_blocks {
            counts[device] = 1;
        }
    }
    let cumulative_sums = counts.iter().scan(0, |end, count| {
        *end += count;
        Some(*end)
    });
    cumulative_sums.collect()
}

/// Apportions blocks to the given devices by the largest-remainder method, and writes the number of blocks of each device to
/// `counts`. Each device gets its quota rounded down. The remaining blocks go one each to the devices with the largest
/// fractional parts; of two devices with equal fractional parts, the earlier one comes first.
fn largest_remainder(num_blocks: usize, shares: &[u128], devices: &[usize], counts: &mut [usize]) {
    let total: u128 = devices.iter().map(|device| shares[*device]).sum();
    let mut remaining = num_blocks;
    let mut remainders: Vec<_> = devices
        .iter()
        .map(|&device| {
            // A quota does not exceed the number of blocks, so that both conversions succeed.
            let (quota, remainder) = mul_div(num_blocks as u128, shares[device], total).unwrap_or_default();
            counts[device] = usize::try_from(quota).unwrap_or(num_blocks);
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
        fn chunks_cover_the_blocks_in_order(num_blocks in 0..5_000_usize, num_devices in 1..600_usize) {
            let chunks: Vec<_> = ceil_chunks(num_blocks, num_devices).collect();
            prop_assert!(chunks.len() <= num_devices);
            prop_assert_eq!(chunks.iter().cloned().flatten().collect::<Vec<_>>(), (0..num_blocks).collect::<Vec<_>>());
        }

        #[test]
        fn all_chunks_but_the_last_have_the_same_length(num_blocks in 1..5_000_usize, num_devices in 1..600_usize) {
            let chunks: Vec<_> = ceil_chunks(num_blocks, num_devices).collect();
            let (others, last) = chunks.split_at(chunks.len() - 1);
            let size = num_blocks.div_ceil(num_devices);
            prop_assert!(others.iter().all(|chunk| chunk.len() == size));
            prop_assert!((1..=size).contains(&last[0].len()));
        }
    }

    /// Returns the number of blocks of each device in a partition by shares.
    fn counts(num_blocks: usize, shares: &[u128]) -> Vec<usize> {
        let ends = by_shares(num_blocks, shares);
        assert_eq!(ends.len(), shares.len());
        let starts = std::iter::once(&0).chain(&ends);
        starts.zip(&ends).map(|(start, end)| end - start).collect()
    }

    proptest! {
        #[test]
        fn equal_shares_give_counts_that_differ_by_at_most_one_in_descending_order(
            num_blocks in 0..5_000_usize, num_devices in 1..600_usize,
        ) {
            let (quotient, remainder) = (num_blocks / num_devices, num_blocks % num_devices);
            let expected = (0..num_devices).map(|device| quotient + usize::from(device < remainder));
            prop_assert_eq!(counts(num_blocks, &vec![7; num_devices]), expected.collect::<Vec<_>>());
        }

        #[test]
        fn every_count_is_within_one_block_of_its_quota(
            // The sum of the shares is less than 1,000, so that each quota above 0 is at least one block.
            num_blocks in 1_000..5_000_usize,
            shares in proptest::collection::vec(0..50_u128, 1..20).prop_filter("not all 0", |shares| shares.iter().any(|&share| share > 0)),
        ) {
            let counts = counts(num_blocks, &shares);
            prop_assert_eq!(counts.iter().sum::<usize>(), num_blocks);
            let total: u128 = shares.iter().sum();
            // The remainders of the quotas that were rounded up, and of those that were rounded down.
            let (mut rounded_up, mut rounded_down) = (Vec::new(), Vec::new());
            for (&count, share) in counts.iter().zip(&shares) {
                let (quota, remainder) = (share * num_blocks as u128 / total, share * num_blocks as u128 % total);
                prop_assert!((quota..=quota + 1).contains(&(count as u128)));
                let remainders = if count as u128 > quota { &mut rounded_up } else { &mut rounded_down };
                remainders.push(remainder);
            }
            let (min_rounded_up, max_rounded_down) = (rounded_up.iter().min(), rounded_down.iter().max());
            prop_assert!(min_rounded_up.zip(max_rounded_down).is_none_or(|(up, down)| up >= down));
        }

        #[test]
        fn a_device_gets_a_block_if_and_only_if_it_has_a_share(
            num_blocks in 0..500_usize,
            shares in proptest::collection::vec(prop_oneof![0..50_u128, 0..1_u128 << 40], 1..20)
                .prop_filter("not all 0", |shares| shares.iter().any(|&share| share > 0)),
        ) {
            let counts = counts(num_blocks, &shares);
            prop_assert_eq!(counts.iter().sum::<usize>(), num_blocks);
            let has_enough_blocks = num_blocks >= shares.iter().filter(|share| **share > 0).count();
            for (&count, &share) in counts.iter().zip(&shares) {
                let is_valid = if share == 0 { count == 0 } else { count > 0 || !has_enough_blocks };
                prop_assert!(is_valid);
            }
        }
    }

    #[test]
    fn the_smallest_shares_get_a_block_each() {
        assert_eq!(counts(20, &[975, 12, 13]), [18, 1, 1]);
        assert_eq!(counts(3, &[975, 12, 13]), [1, 1, 1]);
        assert_eq!(counts(2, &[975, 12, 13]), [2, 0, 0]);
        assert_eq!(counts(9, &[1_000_000, 0, 1, 1_000]), [7, 0, 1, 1]);
        // The first iteration yields no block for the last two devices, the second one no block for the device with share 30.
        assert_eq!(counts(4, &[100, 30, 1, 1]), [1, 1, 1, 1]);
    }

    #[test]
    fn shares_of_all_magnitudes_are_apportioned_exactly() {
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
