//! Searches in sorted prefix sums, near a guess first.

use super::{Sum, to_f64};

/// The index of the first sum that is at least `sum`: looked for near the guess, then near the guess mended by what a block
/// costs in the mean, then ever farther from there.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a guess, which may be off"
)]
pub fn lower_bound<S: Sum>(sums: &[S], sum: u128, guess: usize, per_unit: f64) -> usize {
    let Some(sum) = S::narrow(sum) else {
        return sums.len();
    };
    near(sums, sum, guess).unwrap_or_else(|| {
        let guess = guess.min(sums.len() - 1);
        let off = |from: S, to: S| (to_f64(to.wide() - from.wide()) * per_unit) as usize;
        let mended = if sums[guess] < sum {
            guess.saturating_add(off(sums[guess], sum)).min(sums.len() - 1)
        } else {
            guess.saturating_sub(off(sum, sums[guess]))
        };
        near(sums, sum, mended).unwrap_or_else(|| far(sums, sum, mended))
    })
}

/// How many sums are near a guess.
const NEAR: usize = 8;

/// The index of the first sum that is at least `sum`, if it is near the guess. All near ones are compared, which takes less
/// time than a branch that the processor foresees wrongly.
#[inline]
fn near<S: Sum>(sums: &[S], sum: S, guess: usize) -> Option<usize> {
    let first = guess.wrapping_sub(NEAR / 2);
    let near: &[S; NEAR] = sums.get(first..)?.first_chunk()?;
    let among = near[0] < sum && sum <= near[NEAR - 1];
    among.then(|| first + near.iter().filter(|&&near| near < sum).count())
}

/// The index of the first sum that is at least `sum`, in growing steps from the guess.
fn far<S: Sum>(sums: &[S], sum: S, guess: usize) -> usize {
    // All before `low` are less, none from `high` on.
    let (mut low, mut high) = (guess, guess);
    let mut step = NEAR;
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
