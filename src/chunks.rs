//! `n` blocks cut into runs for `d` devices.

use std::ops::Range;

/// The original's cut: runs of `ceil(blocks / devices)`, the last one what is left over. There may be fewer runs than
/// devices. `devices` is not 0.
pub fn ceil_chunks(blocks: usize, devices: usize) -> impl Iterator<Item = Range<usize>> {
    let size = blocks.div_ceil(devices).max(1);
    (0..blocks)
        .step_by(size)
        .map(move |start| start..blocks.min(start.saturating_add(size)))
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

    #[test]
    fn the_largest_sizes_do_not_overflow() {
        assert_eq!(ceil_chunks(usize::MAX, 1).last(), Some(0..usize::MAX));
        assert_eq!(ceil_chunks(usize::MAX, 2).count(), 2);
        assert_eq!(ceil_chunks(3, usize::MAX).count(), 3);
    }
}
