//! Limits the memory of a call.

use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Calls a function that reads `input_len` bytes. Panics if it allocates more than `factor` times this length, apart from a
/// constant.
pub fn limited<T>(input_len: usize, factor: usize, call: impl FnOnce() -> T) -> T {
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let result = call();
    let peak = ALLOCATOR.peak_usage().saturating_sub(before);
    let limit = factor * input_len + (16 << 10);
    assert!(peak <= limit, "{peak} bytes for {input_len}");
    result
}
