//! The taut string: the shortest line through windows, which is also the most even one.

use std::collections::VecDeque;
use std::ops::RangeInclusive;

/// A place, and a height there.
type Point = (f64, f64);

/// The heights of a string at each window, pulled taut. A window is a place, not before the one before it, and the heights
/// that the string may have there; the first and the last window hold but one.
///
/// Of all lines through the windows it has the most even slopes, by whatever convex function unevenness is measured
/// (Barlow, Bartholomew, Bremner and Brunk, "Statistical Inference under Order Restrictions", 1972). Found in linear time by
/// the funnel of Lee and Preparata, "Euclidean shortest paths in the presence of rectilinear barriers", 1984.
pub fn taut(windows: &[(f64, RangeInclusive<f64>)]) -> Vec<f64> {
    let bends = bends(windows);
    let mut heights = Vec::with_capacity(windows.len());
    let mut piece = 0;
    for (at, window) in windows {
        while piece + 2 < bends.len() && bends[piece + 1].0 < *at {
            piece += 1;
        }
        let (start, end) = (bends[piece], bends[(piece + 1).min(bends.len() - 1)]);
        let width = end.0 - start.0;
        let share = if width > 0.0 { (at - start.0) / width } else { 0.0 };
        heights.push((start.1 + (end.1 - start.1) * share).clamp(*window.start(), *window.end()));
    }
    heights
}

/// Where the string ends and bends.
fn bends(windows: &[(f64, RangeInclusive<f64>)]) -> Vec<Point> {
    let mut bends = Vec::new();
    // From the last bend so far a funnel opens: the tightest lines to the upper and to the lower end of the last window.
    let mut sides = [VecDeque::new(), VecDeque::new()];
    for (at, window) in windows {
        if bends.is_empty() {
            bends.push((*at, *window.start()));
            continue;
        }
        for (side, height) in [(0, *window.end()), (1, *window.start())] {
            // Upwards is away from the other side.
            let turns_in = |from: Point, over: Point, to: Point| {
                let turn = (over.1 - from.1) * (to.0 - from.0) - (to.1 - from.1) * (over.0 - from.0);
                if side == 0 { turn >= 0.0 } else { turn <= 0.0 }
            };
            let end = (*at, height);
            let apex = |bends: &[Point]| bends[bends.len() - 1];
            while let Some(&last) = sides[side].back() {
                let before = sides[side]
                    .len()
                    .checked_sub(2)
                    .map_or(apex(&bends), |index| sides[side][index]);
                if !turns_in(before, last, end) {
                    break;
                }
                sides[side].pop_back();
            }
            if sides[side].is_empty() {
                while let Some(&first) = sides[1 - side].front() {
                    if turns_in(apex(&bends), first, end) && first.0 < *at {
                        bends.push(first);
                        sides[1 - side].pop_front();
                    } else {
                        break;
                    }
                }
            }
            sides[side].push_back(end);
        }
    }
    bends.extend(&sides[1]);
    bends
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
        taut(&windows)
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
