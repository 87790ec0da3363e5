//! How long what is known counts: pure functions.

use std::time::Duration;

use crate::contract::{OAuthToken, epoch_millis};

use super::clock::Moment;

/// A token counts as expired so long before it does: a request that is sent with it takes its time.
const EXPIRY_LEEWAY: Duration = Duration::from_secs(5);

/// How often an expired token is read again at most, and how long what is known stands in for an older read.
pub(super) const SHORT: Duration = Duration::from_secs(1);

/// What the builder decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CacheSettings {
    /// Zero turns the cache off.
    pub(crate) time_to_live: Duration,
    pub(crate) miss_time_to_live: Duration,
    pub(crate) max_stale: Duration,
    /// Zero turns the cache off, and what is never back with it.
    pub(crate) max_capacity: u64,
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self {
            time_to_live: Duration::from_secs(300),
            miss_time_to_live: Duration::from_secs(1),
            max_stale: Duration::from_secs(600),
            max_capacity: 10_000,
        }
    }
}

impl CacheSettings {
    /// The time to live of one entry: up to a tenth less, so that tokens that were read together are not read again
    /// together.
    pub(super) fn jittered(&self) -> Duration {
        self.time_to_live.mul_f64(1.0 - 0.1 * fastrand::f64())
    }

    /// How long the answer that there is no token counts.
    pub(super) fn miss_time_to_live(&self) -> Duration {
        self.miss_time_to_live.min(self.time_to_live)
    }

    /// How long after it was seen a token may be served while the service fails.
    pub(super) fn longest_use(&self) -> Duration {
        if self.time_to_live.is_zero() {
            Duration::ZERO
        } else {
            self.time_to_live.saturating_add(self.max_stale)
        }
    }
}

/// How long a token that was read `as_of` serves finds: for its time to live, but one that expires before that only until
/// then, and one that has expired for a moment, because another process may have refreshed it by then.
pub(super) fn fresh_for(token: &OAuthToken, as_of: &Moment, time_to_live: Duration) -> Duration {
    let Some(expiry) = token.expiry_time() else {
        return time_to_live;
    };
    let expiry = u64::try_from(epoch_millis(expiry)).map_or(Duration::ZERO, Duration::from_millis);
    let left = expiry.saturating_sub(EXPIRY_LEEWAY).saturating_sub(as_of.wall());
    time_to_live.min(left.max(SHORT))
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    const TIME_TO_LIVE: Duration = Duration::from_secs(300);

    /// How long a token that expires at 10,000 s counts at this time.
    fn at(seconds: u64) -> Duration {
        let expiry = SystemTime::UNIX_EPOCH + Duration::from_secs(10_000);
        let token = OAuthToken::builder().access_token("a").expiry_time(expiry).build().expect("valid");
        let now = Moment::new(Duration::ZERO, Duration::from_secs(seconds));
        fresh_for(&token, &now, TIME_TO_LIVE)
    }

    #[test]
    fn a_token_serves_until_shortly_before_it_expires_and_then_for_a_second_each_time() {
        assert_eq!(at(9_000), TIME_TO_LIVE);
        assert_eq!(at(9_900), Duration::from_secs(95));
        assert_eq!(at(9_994), SHORT);
        assert_eq!(at(9_996), SHORT);
        assert_eq!(at(20_000), SHORT);
    }

    #[test]
    fn the_time_to_live_is_an_upper_bound_of_all() {
        let settings = CacheSettings {
            time_to_live: Duration::from_millis(400),
            miss_time_to_live: Duration::from_secs(5),
            ..CacheSettings::default()
        };
        assert_eq!(settings.miss_time_to_live(), settings.time_to_live);
        for _ in 0..1000 {
            let jittered = settings.jittered();
            assert!(jittered <= settings.time_to_live && jittered >= settings.time_to_live.mul_f64(0.9));
        }
        let expired = OAuthToken::builder().expiry_time(SystemTime::UNIX_EPOCH).build().expect("valid");
        let now = Moment::new(Duration::ZERO, Duration::from_secs(9));
        assert_eq!(fresh_for(&expired, &now, settings.time_to_live), settings.time_to_live);
    }
}
