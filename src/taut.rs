//! The taut string: the shortest line through windows, which is also the most even one.

use std::collections::TryReserveError;
use std::ops::RangeInclusive;

/// The heights of a string at each window, pulled taut. A window is a place, ascending from one to the next, and the
/// heights that the string may have there; the first and the last window hold but one.
///
/// Of all lines through the windows it has the most even slopes, by whatever convex function unevenness is measured
/// (Barlow, Bartholomew, Bremner and Brunk, "Statistical Inference under Order Restrictions", 1972).
pub fn taut(windows: &[(f64, RangeInclusive<f64>)]) -> Result<Vec<f64>, TryReserveError> {
    let mut heights = Vec::new();
    heights.try_reserve_exact(windows.len())?;
    heights.extend(windows.iter().map(|(_, window)| *window.start()));
    // Between two heights that are known the string is straight, unless a window is in the way. It bends around the one
    // that a straight line would miss by most.
    let mut pieces = Vec::new();
    pieces.try_reserve(1)?;
    pieces.push((0, windows.len() - 1));
    while let Some((first, last)) = pieces.pop() {
        let (start, end) = (windows[first].0, windows[last].0);
        let slope = (heights[last] - heights[first]) / (end - start);
        let mut worst = (0.0, None);
        for between in first + 1..last {
            let (at, window) = &windows[between];
            let straight = heights[first] + slope * (at - start);
            heights[between] = straight.clamp(*window.start(), *window.end());
            let miss = (straight - heights[between]).abs();
            if miss > worst.0 {
                worst = (miss, Some(between));
            }
        }
        if let Some(bend) = worst.1 {
            pieces.try_reserve(2)?;
            pieces.extend([(first, bend), (bend, last)]);
        }
    }
    Ok(heights)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn string(windows: &[(u32, u32)]) -> Vec<f64> {
        let windows: Vec<_> = windows
            .iter()
            .enumerate()
            .map(|(at, &(low, high))| {
                (
                    f64::from(u32::try_from(at).unwrap_or(0)),
                    f64::from(low)..=f64::from(high),
                )
            })
            .collect();
        taut(&windows).unwrap_or_default()
    }

    #[test]
    fn a_string_with_room_is_straight() {
        assert_eq!(string(&[(0, 0), (0, 9), (0, 9), (6, 6)]), [0.0, 2.0, 4.0, 6.0]);
    }

    #[test]
    fn a_string_bends_around_the_windows_in_its_way() {
        assert_eq!(
            string(&[(0, 0), (1, 5), (4, 8), (9, 9), (14, 14)]),
            [0.0, 3.0, 6.0, 9.0, 14.0]
        );
        assert_eq!(
            string(&[(0, 0), (4, 9), (0, 9), (5, 9), (0, 3), (6, 6)]),
            [0.0, 4.0, 4.5, 5.0, 3.0, 6.0]
        );
    }

    proptest! {
        #[test]
        fn no_other_line_is_shorter(
            windows in proptest::collection::vec((0..20_u32, 0..8_u32), 1..7), end in 0..20_u32, moved in 0..7_usize, by in -3.0..3.0_f64,
        ) {
            let mut all = vec![(0, 0)];
            all.extend(windows.iter().map(|&(low, room)| (low, low + room)));
            all.push((end, end));
            let squares = |heights: &[f64]| heights.windows(2).map(|ends| (ends[1] - ends[0]).powi(2)).sum::<f64>();
            let mut heights = string(&all);
            let best = squares(&heights);
            for (height, (low, high)) in heights.iter().zip(&all) {
                prop_assert!((f64::from(*low)..=f64::from(*high)).contains(height));
            }
            // The sum of squares is convex: if no height can be moved for the better, nothing is better.
            let moved = 1 + moved % windows.len();
            heights[moved] = (heights[moved] + by).clamp(f64::from(all[moved].0), f64::from(all[moved].1));
            prop_assert!(squares(&heights) >= best - 1e-9);
        }
    }
}
