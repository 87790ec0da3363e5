//! Dates that follow tokio's clock, so that a test with a paused clock can let days pass.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// A moment, as the time since the Unix epoch.
pub(super) type Timestamp = Duration;

/// The wall clock's reading when the backend was made, carried forward by tokio's clock.
#[derive(Debug)]
pub(super) struct Clock {
    epoch_offset: Duration,
    origin: Instant,
}

impl Clock {
    pub(super) fn new() -> Self {
        Self {
            epoch_offset: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
            origin: Instant::now(),
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.epoch_offset + Instant::now().saturating_duration_since(self.origin)
    }
}

/// A date as AWS's JSON has it: epoch seconds with milliseconds.
pub(super) fn epoch_seconds(at: Timestamp) -> f64 {
    Duration::from_millis(u64::try_from(at.as_millis()).unwrap_or(u64::MAX)).as_secs_f64()
}

/// The date of an access, which AWS truncates to the day.
pub(super) fn day_of(at: Timestamp) -> Timestamp {
    const DAY: u64 = 24 * 60 * 60;
    Duration::from_secs(at.as_secs() / DAY * DAY)
}
