//! What time it is: two clocks, because neither of them is right alone.

use std::fmt;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// The clocks that a cached token's age is measured by; the older of the two ages counts.
///
/// A frozen Lambda function's monotonic clock stands still, and a wall clock may be set back. The default is tokio's
/// clock, which a test can pause, and the system's. A test that is to see time pass at will brings its own:
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use std::time::{Duration, SystemTime};
///
/// use oauth_token_store::Clock;
///
/// /// A function that is frozen: only the wall clock goes on.
/// #[derive(Default)]
/// struct Frozen(AtomicU64);
///
/// impl Clock for Frozen {
///     fn monotonic(&self) -> Duration {
///         Duration::ZERO
///     }
///
///     fn wall(&self) -> SystemTime {
///         SystemTime::UNIX_EPOCH + Duration::from_secs(self.0.load(Ordering::Relaxed))
///     }
/// }
/// ```
pub trait Clock: Send + Sync + 'static {
    /// The time since some moment, never less than before.
    fn monotonic(&self) -> Duration;

    /// The time of day, by which tokens expire.
    fn wall(&self) -> SystemTime;
}

/// Tokio's clock and the system's.
pub(crate) struct SystemClock {
    origin: Instant,
}

impl SystemClock {
    pub(crate) fn new() -> Self {
        Self { origin: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn monotonic(&self) -> Duration {
        self.origin.elapsed()
    }

    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }
}

impl fmt::Debug for dyn Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// A reading of both clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) monotonic: Duration,
    /// Since 1970.
    pub(crate) wall: Duration,
}

impl Moment {
    pub(crate) fn now(clock: &dyn Clock) -> Self {
        let wall = clock.wall().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self { monotonic: clock.monotonic(), wall }
    }

    /// How long ago `earlier` was, by the clock that says more.
    pub(crate) fn since(&self, earlier: &Self) -> Duration {
        let monotonic = self.monotonic.saturating_sub(earlier.monotonic);
        let wall = self.wall.saturating_sub(earlier.wall);
        monotonic.max(wall)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(monotonic: u64, wall: u64) -> Moment {
        Moment { monotonic: Duration::from_secs(monotonic), wall: Duration::from_secs(wall) }
    }

    #[test]
    fn the_clock_that_says_more_counts() {
        let start = moment(10, 1000);
        assert_eq!(moment(10, 1300).since(&start), Duration::from_secs(300));
        assert_eq!(moment(310, 1000).since(&start), Duration::from_secs(300));
        assert_eq!(moment(310, 400).since(&start), Duration::from_secs(300));
        assert_eq!(start.since(&start), Duration::ZERO);
    }
}
