//! A token as it was read or written, and which of two versions of a record is the older one: pure functions.

mod version_chain;

use std::sync::Arc;
use std::time::SystemTime;

use crate::contract::{OAuthToken, epoch_millis};

pub(crate) use version_chain::{leads_to, slot_after, slots_after};

/// A token together with where and in which version it was found.
///
/// In this order in memory: a find wants the token alone. A clone takes no memory.
#[derive(Clone, Debug)]
#[repr(C)]
pub(crate) struct Record {
    pub(crate) token: Arc<OAuthToken>,
    pub(crate) version: Arc<Version>,
    pub(crate) name: Arc<str>,
}

impl AsRef<OAuthToken> for Record {
    fn as_ref(&self) -> &OAuthToken {
        &self.token
    }
}

/// One version of one secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    /// The full ARN: it dies with the secret, so a write to it never reaches a re-created one.
    pub(crate) arn: String,
    pub(crate) id: String,
    /// When the version was created; for one that this process wrote, a time not after that. Always by the service's
    /// clock: this machine's may be wrong.
    pub(crate) created: Option<SystemTime>,
}

impl Version {
    /// Whether this version was there before `other`, as far as that can be told: of one secret, if `other` is reached
    /// from it slot by slot; of two that have had the same name, if it was created earlier.
    pub(crate) fn is_older_than(&self, other: &Self) -> bool {
        if self.arn == other.arn {
            return leads_to(&self.id, &other.id);
        }
        other.created.is_some_and(|other| self.is_from_before(other))
    }

    /// Whether it was created before this time of the service's clock.
    ///
    /// Secrets Manager's dates are whole milliseconds, LocalStack's whole seconds: one of those may be from up to a second
    /// later.
    pub(crate) fn is_from_before(&self, time: SystemTime) -> bool {
        let millis = epoch_millis(time);
        self.created.map(epoch_millis).is_some_and(|created| match created % 1000 {
            0 => created < millis.saturating_sub(millis.rem_euclid(1000)),
            _ => created < millis,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn version(arn: &str, id: &str, created: u64) -> Version {
        let created = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(created));
        Version { arn: arn.into(), id: id.into(), created }
    }

    #[test]
    fn of_one_secret_the_chain_decides_and_not_the_dates() {
        let base = version("arn", "11111111-1111-1111-1111-111111111111", 9);
        let next = version("arn", &slot_after(&base.id), 5);
        assert!(base.is_older_than(&next));
        assert!(!next.is_older_than(&base));
        assert!(!base.is_older_than(&base));
        let by_hand = version("arn", "22222222-2222-2222-2222-222222222222", 1);
        assert!(!by_hand.is_older_than(&base) && !base.is_older_than(&by_hand));
    }

    #[test]
    fn a_date_of_whole_seconds_may_be_from_later_in_that_second() {
        let at = |millis| SystemTime::UNIX_EPOCH + Duration::from_millis(millis);
        let version = |millis| Version { created: Some(at(millis)), ..version("arn", "1", 0) };
        assert!(!version(5_000).is_from_before(at(5_900)));
        assert!(version(5_000).is_from_before(at(6_000)));
        assert!(version(5_100).is_from_before(at(5_101)));
        assert!(!version(5_100).is_from_before(at(5_100)));
    }

    #[test]
    fn a_date_before_all_that_a_clock_can_tell_is_a_date() {
        let at = |millis| SystemTime::UNIX_EPOCH + Duration::from_millis(millis);
        let seconds = Duration::from_secs(1 << 60);
        let long_ago = SystemTime::UNIX_EPOCH.checked_sub(seconds).expect("as the service may give it");
        let version = |created| Version { created: Some(created), ..version("arn", "1", 0) };
        assert!(!version(at(5_000)).is_from_before(long_ago));
        assert!(version(long_ago).is_from_before(at(5_000)));
    }

    #[test]
    fn of_two_secrets_of_one_name_the_dates_decide() {
        let [one, two] = [version("one", "1", 1), version("two", "2", 2)];
        assert!(one.is_older_than(&two));
        assert!(!two.is_older_than(&one));
        assert!(!version("other", "3", 1).is_older_than(&one));
        let undated = Version { created: None, ..version("undated", "4", 0) };
        assert!(!undated.is_older_than(&one) && !one.is_older_than(&undated));
    }
}
