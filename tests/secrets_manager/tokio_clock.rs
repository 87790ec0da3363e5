//! A clock for stores in tests: it goes by tokio's, which a test can pause.

use std::time::{Duration, SystemTime};

use oauth_token_store::Clock;
use tokio::time::Instant;

/// A wall clock that stands still when tokio's does: no test depends on how fast the machine is.
#[derive(Clone, Copy)]
pub(crate) struct TokioClock {
    began: (Instant, SystemTime),
}

impl TokioClock {
    pub(crate) fn new() -> Self {
        Self { began: (Instant::now(), SystemTime::now()) }
    }
}

impl Clock for TokioClock {
    fn monotonic(&self) -> Duration {
        self.began.0.elapsed()
    }

    fn wall(&self) -> SystemTime {
        self.began.1 + self.began.0.elapsed()
    }
}
