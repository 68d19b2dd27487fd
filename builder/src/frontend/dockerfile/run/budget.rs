//! The *budget* limits the work of one RUN line, so that a short line cannot take long.

use std::cell::Cell;

use thiserror::Error;

/// Maximum work of one RUN line, in bytes that are processed.
const BUDGET: usize = 32 << 20;

/// Work that a RUN line may still do; its shell and its commands share it.
#[derive(Debug)]
pub(super) struct WorkBudget(Cell<usize>);

/// The budget is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("this is more work than one line may do")]
pub(super) struct Exhausted;

impl WorkBudget {
    pub(super) fn new() -> Self {
        Self(Cell::new(BUDGET))
    }

    /// Counts work. After the first failure all work fails.
    pub(super) fn spend(&self, bytes: usize) -> Result<(), Exhausted> {
        let left = self.0.get().checked_sub(bytes);
        self.0.set(left.unwrap_or(0));
        left.map(drop).ok_or(Exhausted)
    }

    pub(super) fn is_exhausted(&self) -> bool {
        self.0.get() == 0
    }
}
