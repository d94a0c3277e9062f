//! The taut string: the shortest path through a sequence of windows, which is also the path with the most even slopes.

use std::collections::VecDeque;
use std::ops::RangeInclusive;

/// A point with the coordinates `(x, y)`.
type Point = (f64, f64);

/// Returns the y-coordinate of the taut string at each window. `windows` is a list of `(x, allowed range of y)`, with x
/// non-decreasing; the first and the last range are single points.
///
/// Among all paths through the windows, the taut string minimises the sum of every convex function of the slopes (Barlow,
/// Bartholomew, Bremner and Brunk, "Statistical Inference under Order Restrictions", 1972). It is computed in linear time
/// by the funnel algorithm (Lee and Preparata, "Euclidean shortest paths in the presence of rectilinear barriers", 1984).
pub fn taut_string(windows: &[(f64, RangeInclusive<f64>)]) -> Vec<f64> {
    let vertices = vertices(windows);
    let mut y = Vec::with_capacity(windows.len());
    let mut segment = 0;
    for (x, window) in windows {
        while segment + 2 < vertices.len() && vertices[segment + 1].0 < *x {
            segment += 1;
        }
        let (start, end) = (vertices[segment], vertices[(segment + 1).min(vertices.len() - 1)]);
        let width = end.0 - start.0;
        let fraction = if width > 0.0 { (x - start.0) / width } else { 0.0 };
        y.push((start.1 + (end.1 - start.1) * fraction).clamp(*window.start(), *window.end()));
    }
    y
}

/// Returns the vertices of the taut string: its two end points, and the points at which it bends.
fn vertices(windows: &[(f64, RangeInclusive<f64>)]) -> Vec<Point> {
    let mut vertices = Vec::new();
    // The two chains of the funnel: the shortest paths from the apex, which is the last vertex that has been found, to the
    // upper end (`chains[0]`) and to the lower end (`chains[1]`) of the last window. The apex is not stored in the chains.
    let mut chains = [VecDeque::new(), VecDeque::new()];
    for (x, window) in windows {
        if vertices.is_empty() {
            vertices.push((*x, *window.start()));
            continue;
        }
        for (side, y) in [(0, *window.end()), (1, *window.start())] {
            // Whether the segment between `from` and `to` passes `point` on the inner side of the funnel, so that the path
            // does not need `point`.
            let is_shortcut = |from: Point, point: Point, to: Point| {
                let turn = (point.1 - from.1) * (to.0 - from.0) - (to.1 - from.1) * (point.0 - from.0);
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
                // If the new end lies beyond the other chain, the string follows that chain: its points become vertices.
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

    /// Returns the taut string through windows at x = 0, 1, 2, …, each given by its lower and upper end.
    fn string_through(windows: &[(u32, u32)]) -> Vec<f64> {
        let windows: Vec<_> = (0..)
            .zip(windows)
            .map(|(x, &(low, high))| (f64::from(x), f64::from(low)..=f64::from(high)))
            .collect();
        taut_string(&windows)
    }

    #[test]
    fn the_taut_string_is_straight_if_the_windows_allow_it() {
        assert_eq!(string_through(&[(0, 0), (0, 9), (0, 9), (6, 6)]), [0.0, 2.0, 4.0, 6.0]);
    }

    #[test]
    fn the_taut_string_bends_at_the_ends_of_windows() {
        assert_eq!(
            string_through(&[(0, 0), (1, 5), (4, 8), (9, 9), (14, 14)]),
            [0.0, 3.0, 6.0, 9.0, 14.0]
        );
        assert_eq!(
            string_through(&[(0, 0), (4, 9), (0, 9), (5, 9), (0, 3), (6, 6)]),
            [0.0, 4.0, 4.5, 5.0, 3.0, 6.0]
        );
    }

    proptest! {
        #[test]
        fn moving_one_point_within_its_window_does_not_reduce_the_sum_of_squared_slopes(
            inner_windows in proptest::collection::vec((0..20_u32, 0..8_u32), 1..7),
            end in 0..20_u32,
            index in 0..7_usize,
            shift in -3.0..3.0_f64,
        ) {
            let mut windows = vec![(0, 0)];
            windows.extend(inner_windows.iter().map(|&(low, width)| (low, low + width)));
            windows.push((end, end));
            let sum_of_squared_slopes = |y: &[f64]| y.windows(2).map(|pair| (pair[1] - pair[0]).powi(2)).sum::<f64>();
            let mut y = string_through(&windows);
            let minimum = sum_of_squared_slopes(&y);
            for (point, (low, high)) in y.iter().zip(&windows) {
                prop_assert!((f64::from(*low)..=f64::from(*high)).contains(point));
            }
            // The sum is a convex function of the points. If moving a single point never reduces it, it is minimal, since each
            // window limits only one point.
            let index = 1 + index % inner_windows.len();
            y[index] = (y[index] + shift).clamp(f64::from(windows[index].0), f64::from(windows[index].1));
            prop_assert!(sum_of_squared_slopes(&y) >= minimum - 1e-9);
        }
    }
}
