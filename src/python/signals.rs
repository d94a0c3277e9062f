//! Checks for pending signals during long calls, so that Ctrl-C interrupts them.

use pyo3::prelude::*;

/// The number of blocks that are read or created between two checks for signals, which takes about a millisecond.
pub const INTERVAL: usize = 1 << 16;

/// Checks for pending signals every [`INTERVAL`] units of work, where one unit is the time to read one block.
pub struct SignalCheck<'py> {
    py: Python<'py>,
    /// The work that remains until the next check, in blocks.
    remaining: usize,
}

impl<'py> SignalCheck<'py> {
    /// Returns the checker for one call of a function, at the start of that call.
    pub fn new(py: Python<'py>) -> Self {
        Self {
            py,
            remaining: INTERVAL,
        }
    }

    /// Returns the token of the attached interpreter.
    pub fn py(&self) -> Python<'py> {
        self.py
    }

    /// Adds work, in blocks, and checks for signals if [`INTERVAL`] is reached. The check may run signal handlers and, from
    /// Python 3.12 on, the garbage collector with its callbacks.
    #[inline]
    pub fn tick(&mut self, work: usize) -> PyResult<()> {
        self.remaining = self.remaining.saturating_sub(work);
        if self.remaining == 0 {
            self.remaining = INTERVAL;
            self.py.check_signals()?;
        }
        Ok(())
    }
}
