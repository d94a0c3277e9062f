//! Searches in sorted prefix sums, starting near a guess.

use super::{Sum, to_f64};

/// Returns the index of the first element of `sums` that is at least `sum`, or the length if there is none.
///
/// The search first looks near `guess`. If it finds nothing, it improves the guess: it divides the difference between `sum`
/// and the element at the guess by the mean cost per block. If it finds nothing near the second guess either, it proceeds
/// from there by galloping.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the result is only a guess"
)]
pub fn lower_bound<S: Sum>(sums: &[S], sum: u128, guess: usize, blocks_per_unit: f64) -> usize {
    let Some(sum) = S::narrow(sum) else {
        return sums.len();
    };
    search_window(sums, sum, guess).unwrap_or_else(|| {
        let guess = guess.min(sums.len() - 1);
        let distance = |from: S, to: S| (to_f64(to.wide() - from.wide()) * blocks_per_unit) as usize;
        let guess = if sums[guess] < sum {
            guess.saturating_add(distance(sums[guess], sum)).min(sums.len() - 1)
        } else {
            guess.saturating_sub(distance(sum, sums[guess]))
        };
        search_window(sums, sum, guess).unwrap_or_else(|| gallop(sums, sum, guess))
    })
}

/// The number of elements that [`search_window`] compares.
const WINDOW: usize = 8;

/// Returns the index of the first element that is at least `sum`, or `None` if it is not in the window around `guess`.
///
/// All elements of the window are compared without branches, since a mispredicted branch would take longer.
#[inline]
fn search_window<S: Sum>(sums: &[S], sum: S, guess: usize) -> Option<usize> {
    // If the guess is less than half a window, the index wraps around and `get` returns `None`.
    let first = guess.wrapping_sub(WINDOW / 2);
    let window: &[S; WINDOW] = sums.get(first..)?.first_chunk()?;
    let is_inside = window[0] < sum && sum <= window[WINDOW - 1];
    is_inside.then(|| first + window.iter().filter(|&&other| other < sum).count())
}

/// Returns the index of the first element that is at least `sum`, or the length, by galloping (exponential) search from
/// `guess`.
fn gallop<S: Sum>(sums: &[S], sum: S, guess: usize) -> usize {
    // After the loops, all elements before `low` are less than `sum`, and all elements from `high` on are at least `sum`.
    let (mut low, mut high) = (guess, guess);
    let mut step = WINDOW;
    while low > 0 && sums[low - 1] >= sum {
        low = low.saturating_sub(step);
        step *= 2;
    }
    while high < sums.len() && sums[high] < sum {
        high = sums.len().min(high + step);
        step *= 2;
    }
    low + sums[low..high].partition_point(|&other| other < sum)
}
