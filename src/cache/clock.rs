//! What time it is: two clocks, because neither of them is right alone.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

#[cfg(target_os = "linux")]
use rustix::time::{ClockId, clock_gettime};

/// The clocks that a cached token's age is measured by; the older of the two ages counts.
///
/// A frozen Lambda function's monotonic clock stands still, and a wall clock may be set back. The default are the
/// system's two clocks, on Linux the coarse ones, which go by steps of up to 10 ms. A test that is to see time pass at will
/// brings its own, or takes `embedded::TokioClock`:
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

/// The system's clocks. Where it has coarse ones they do, for a third of the price: they go by steps of up to 10 ms.
pub(crate) struct SystemClock {
    #[cfg(not(target_os = "linux"))]
    origin: std::time::Instant,
}

#[cfg(target_os = "linux")]
impl SystemClock {
    pub(crate) fn new() -> Self {
        Self {}
    }

    fn read(clock: ClockId) -> Duration {
        Duration::try_from(clock_gettime(clock)).unwrap_or_default()
    }
}

#[cfg(target_os = "linux")]
impl Clock for SystemClock {
    fn monotonic(&self) -> Duration {
        Self::read(ClockId::MonotonicCoarse)
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Self::read(ClockId::RealtimeCoarse)
    }
}

#[cfg(not(target_os = "linux"))]
impl SystemClock {
    pub(crate) fn new() -> Self {
        Self { origin: std::time::Instant::now() }
    }
}

#[cfg(not(target_os = "linux"))]
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

/// A reading of both clocks, in nanoseconds: the wall clock's since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    monotonic: u64,
    wall: u64,
}

impl Moment {
    /// None that any clock comes to.
    pub(super) const NEVER: Self = Self { monotonic: u64::MAX, wall: u64::MAX };
    /// None that any clock is before.
    pub(super) const OVER: Self = Self { monotonic: 0, wall: 0 };

    pub(crate) fn now(clock: &dyn Clock) -> Self {
        Self::new(clock.monotonic(), clock.wall().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
    }

    pub(super) fn new(monotonic: Duration, since_1970: Duration) -> Self {
        Self { monotonic: nanos(monotonic), wall: nanos(since_1970) }
    }

    /// How long ago `earlier` was, by the clock that says more.
    pub(crate) fn since(&self, earlier: &Self) -> Duration {
        let monotonic = self.monotonic.saturating_sub(earlier.monotonic);
        let wall = self.wall.saturating_sub(earlier.wall);
        Duration::from_nanos(monotonic.max(wall))
    }

    /// The time after which `since` says more than this.
    pub(super) fn plus(&self, time: Duration) -> Self {
        let time = nanos(time);
        Self { monotonic: self.monotonic.saturating_add(time), wall: self.wall.saturating_add(time) }
    }

    /// Whether neither clock has come to this deadline.
    pub(super) fn is_before(&self, deadline: &Self) -> bool {
        self.monotonic < deadline.monotonic && self.wall < deadline.wall
    }

    /// The time of day, since 1970.
    pub(crate) fn wall(&self) -> Duration {
        Duration::from_nanos(self.wall)
    }

    /// The whole seconds of the monotonic clock.
    pub(super) fn monotonic_seconds(&self) -> u64 {
        self.monotonic / 1_000_000_000
    }
}

/// A moment that may be noted while others read it. They may see one clock of the old one and one of the new.
pub(super) struct AtomicMoment {
    monotonic: AtomicU64,
    wall: AtomicU64,
}

impl AtomicMoment {
    pub(super) fn new(moment: Moment) -> Self {
        Self { monotonic: AtomicU64::new(moment.monotonic), wall: AtomicU64::new(moment.wall) }
    }

    pub(super) fn set(&self, moment: Moment) {
        self.monotonic.store(moment.monotonic, Ordering::Relaxed);
        self.wall.store(moment.wall, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> Moment {
        let read = |clock: &AtomicU64| clock.load(Ordering::Relaxed);
        Moment { monotonic: read(&self.monotonic), wall: read(&self.wall) }
    }
}

/// Saturating, in the year 2554.
fn nanos(duration: Duration) -> u64 {
    let seconds = duration.as_secs().checked_mul(1_000_000_000);
    seconds.and_then(|nanos| nanos.checked_add(duration.subsec_nanos().into())).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(monotonic: u64, wall: u64) -> Moment {
        Moment::new(Duration::from_secs(monotonic), Duration::from_secs(wall))
    }

    #[test]
    fn the_clock_that_says_more_counts() {
        let start = moment(10, 1000);
        assert_eq!(moment(10, 1300).since(&start), Duration::from_secs(300));
        assert_eq!(moment(310, 1000).since(&start), Duration::from_secs(300));
        assert_eq!(moment(310, 400).since(&start), Duration::from_secs(300));
        assert_eq!(start.since(&start), Duration::ZERO);
    }

    #[test]
    fn a_deadline_is_over_as_soon_as_either_clock_has_come_to_it() {
        let deadline = moment(10, 1000).plus(Duration::from_secs(300));
        assert!(moment(309, 1299).is_before(&deadline));
        assert!(!moment(310, 1000).is_before(&deadline));
        assert!(!moment(10, 1300).is_before(&deadline));
        assert!(moment(309, 400).is_before(&deadline));
        assert!(moment(309, 1299).is_before(&moment(10, 1000).plus(Duration::MAX)));
    }

    #[test]
    fn a_clock_shows_that_it_is_one() {
        let clock: &dyn Clock = &SystemClock::new();
        assert_eq!(format!("{clock:?}"), "Clock");
    }

    #[test]
    fn the_systems_clocks_go_on() {
        let clock = SystemClock::new();
        let start = Moment::now(&clock);
        assert!(
            SystemTime::now()
                .duration_since(clock.wall())
                .is_ok_and(|behind| behind < Duration::from_secs(60))
        );
        while clock.monotonic() == Duration::from_nanos(start.monotonic) {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert!(Moment::now(&clock).since(&start) > Duration::ZERO);
    }
}
