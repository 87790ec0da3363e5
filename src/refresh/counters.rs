//! How many exchanges there were.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since the store was made.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    exchanges: AtomicU64,
    failed_exchanges: AtomicU64,
}

impl Counters {
    /// How many exchanges were begun.
    pub(crate) fn exchanges(&self) -> u64 {
        self.exchanges.load(Ordering::Relaxed)
    }

    /// How many of them gave no token: an error, a panic, or a runtime that was shut down.
    pub(crate) fn failed_exchanges(&self) -> u64 {
        self.failed_exchanges.load(Ordering::Relaxed)
    }

    /// Counts an exchange, as failed too unless it is told otherwise.
    pub(super) fn begin(&self) -> Attempt<'_> {
        self.exchanges.fetch_add(1, Ordering::Relaxed);
        Attempt(Some(self))
    }
}

/// An exchange under way. One that panics is dropped without a word, and that is a failure.
pub(super) struct Attempt<'a>(Option<&'a Counters>);

impl Attempt<'_> {
    pub(super) fn succeeded(mut self) {
        self.0 = None;
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if let Some(counters) = self.0 {
            counters.failed_exchanges.fetch_add(1, Ordering::Relaxed);
        }
    }
}
