//! The taut string: the shortest path through a sequence of windows, which also has the most even slopes.

use std::collections::VecDeque;
use std::ops::RangeInclusive;

/// A point `(x, y)`.
type Point = (f64, f64);

/// Returns the y-coordinate of the taut string at each window. `windows` is a list of `(x, allowed range of y)`, with x
/// non-decreasing; the first and the last range are single points.
///
/// Among all paths through the windows, the taut string minimises the sum of every convex function of the slopes (Barlow,
/// Bartholomew, Bremner and Brunk, "Statistical Inference under Order Restrictions", 1972). It is computed in linear time
/// by the funnel algorithm (Lee and Preparata, "Euclidean shortest paths in the presence of rectilinear barriers", 1984).
pub fn taut_string(windows: &[(f64, RangeInclusive<f64>)]) -> Vec<f64> {
    let vertices = vertices(windows);
    let mut heights = Vec::with_capacity(windows.len());
    let mut segment = 0;
    for (x, window) in windows {
        while segment + 2 < vertices.len() && vertices[segment + 1].0 < *x {
            segment += 1;
        }
        let (start, end) = (vertices[segment], vertices[(segment + 1).min(vertices.len() - 1)]);
        let width = end.0 - start.0;
        let fraction = if width > 0.0 { (x - start.0) / width } else { 0.0 };
        heights.push((start.1 + (end.1 - start.1) * fraction).clamp(*window.start(), *window.end()));
    }
    heights
}

/// Returns the vertices of the taut string: its ends, and the points at which it bends.
fn vertices(windows: &[(f64, RangeInclusive<f64>)]) -> Vec<Point> {
    let mut vertices = Vec::new();
    // The two chains of the funnel: the shortest paths from the last vertex so far, the apex, to the upper and to the lower
    // end of the last window.
    let mut chains = [VecDeque::new(), VecDeque::new()];
    for (x, window) in windows {
        if vertices.is_empty() {
            vertices.push((*x, *window.start()));
            continue;
        }
        for (side, y) in [(0, *window.end()), (1, *window.start())] {
            // Whether `over` lies outside the segment between the other points, as seen from within the funnel.
            let is_shortcut = |from: Point, over: Point, to: Point| {
                let turn = (over.1 - from.1) * (to.0 - from.0) - (to.1 - from.1) * (over.0 - from.0);
                if side == 0 { turn >= 0.0 } else { turn <= 0.0 }
            };
            let end = (*x, y);
            let apex = |vertices: &[Point]| vertices[vertices.len() - 1];
            while let Some(&last) = chains[side].back() {
                let previous = chains[side]
                    .len()
                    .checked_sub(2)
                    .map_or(apex(&vertices), |index| chains[side][index]);
                if !is_shortcut(previous, last, end) {
                    break;
                }
                chains[side].pop_back();
            }
            if chains[side].is_empty() {
                // The new end may lie beyond the other chain, which then becomes part of the string.
                while let Some(&first) = chains[1 - side].front() {
                    if is_shortcut(apex(&vertices), first, end) && first.0 < *x {
                        vertices.push(first);
                        chains[1 - side].pop_front();
                    } else {
                        break;
                    }
                }
            }
            chains[side].push_back(end);
        }
    }
    vertices.extend(&chains[1]);
    vertices
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn string(windows: &[(u32, u32)]) -> Vec<f64> {
        let windows: Vec<_> = windows
            .iter()
            .enumerate()
            .map(|(x, &(low, high))| {
                (
                    f64::from(u32::try_from(x).unwrap_or(0)),
                    f64::from(low)..=f64::from(high),
                )
            })
            .collect();
        taut_string(&windows)
    }

    #[test]
    fn the_string_is_straight_if_the_windows_allow_it() {
        assert_eq!(string(&[(0, 0), (0, 9), (0, 9), (6, 6)]), [0.0, 2.0, 4.0, 6.0]);
    }

    #[test]
    fn the_string_bends_at_the_ends_of_windows() {
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
        fn no_change_of_one_height_reduces_the_sum_of_squares(
            windows in proptest::collection::vec((0..20_u32, 0..8_u32), 1..7), end in 0..20_u32, moved in 0..7_usize, by in -3.0..3.0_f64,
        ) {
            let mut all = vec![(0, 0)];
            all.extend(windows.iter().map(|&(low, width)| (low, low + width)));
            all.push((end, end));
            let squares = |heights: &[f64]| heights.windows(2).map(|ends| (ends[1] - ends[0]).powi(2)).sum::<f64>();
            let mut heights = string(&all);
            let best = squares(&heights);
            for (height, (low, high)) in heights.iter().zip(&all) {
                prop_assert!((f64::from(*low)..=f64::from(*high)).contains(height));
            }
            // The sum of squares is convex: if no change of a single height reduces it, the string is optimal.
            let moved = 1 + moved % windows.len();
            heights[moved] = (heights[moved] + by).clamp(f64::from(all[moved].0), f64::from(all[moved].1));
            prop_assert!(squares(&heights) >= best - 1e-9);
        }
    }
}
