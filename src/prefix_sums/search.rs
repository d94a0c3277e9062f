//! Searches in sorted prefix sums, starting near a guess.

use super::{Sum, to_f64};

/// Returns the index of the first sum that is at least `sum`, or the length.
///
/// Searches near the guess; then near a second guess, which the first one's distance from `sum` and the mean cost per block
/// give; then in steps of growing length from there.
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

/// The number of sums that [`search_window`] compares.
const WINDOW: usize = 8;

/// Returns the index of the first sum that is at least `sum` if it is in the window around the guess. All sums of the
/// window are compared, which is faster than a mispredicted branch.
#[inline]
fn search_window<S: Sum>(sums: &[S], sum: S, guess: usize) -> Option<usize> {
    let first = guess.wrapping_sub(WINDOW / 2);
    let window: &[S; WINDOW] = sums.get(first..)?.first_chunk()?;
    let is_inside = window[0] < sum && sum <= window[WINDOW - 1];
    is_inside.then(|| first + window.iter().filter(|&&other| other < sum).count())
}

/// Returns the index of the first sum that is at least `sum`, by galloping (exponential) search from the guess.
fn gallop<S: Sum>(sums: &[S], sum: S, guess: usize) -> usize {
    // All sums before `low` are less than `sum`, and none from `high` on.
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
