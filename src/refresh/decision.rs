//! Whether a token is to be refreshed, and whether somebody else has done it: pure functions.

use std::time::{Duration, SystemTime};

use secrecy::ExposeSecret;

use crate::contract::OAuthToken;

use super::records::Stored;

/// Why a token is to be refreshed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    NoAccessToken,
    Expired,
    Expiring,
}

impl Reason {
    /// Why this token is not fresh for `leeway` from now; `None` if it is.
    pub(super) fn to_refresh(token: &OAuthToken, now: SystemTime, leeway: Duration) -> Option<Self> {
        if token.access_token().is_none() {
            return Some(Self::NoAccessToken);
        }
        if token.expires_within_of(now, Duration::ZERO) {
            return Some(Self::Expired);
        }
        token.expires_within_of(now, leeway).then_some(Self::Expiring)
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::NoAccessToken => "no access token",
            Self::Expired => "expired",
            Self::Expiring => "expiring",
        }
    }
}

/// Whether the token can be used for `leeway` from now.
pub(super) fn is_fresh(token: &OAuthToken, now: SystemTime, leeway: Duration) -> bool {
    Reason::to_refresh(token, now, leeway).is_none()
}

/// Whether both have the same access token, or none.
pub(super) fn has_the_access_token_of(token: &OAuthToken, other: &OAuthToken) -> bool {
    let [token, other] = [token, other].map(|token| token.access_token().map(|t| t.expose_secret()));
    token == other
}

/// Whether what is `stored` now is what another process has refreshed since `before` was read.
pub(super) fn was_refreshed(before: &Stored, stored: &Stored, now: SystemTime, leeway: Duration) -> bool {
    stored.record.version.id != before.record.version.id
        // The same access token with a later expiry is an edit, not a refresh.
        && !has_the_access_token_of(&stored.record.token, &before.record.token)
        && is_fresh(&stored.record.token, now, leeway)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::SystemTime;

    use super::*;
    use crate::contract::{Locator, LocatorKind, OAuthTokenBuilder};
    use crate::record::{Record, Version};

    const MINUTE: Duration = Duration::from_secs(60);

    fn valid_for(lifetime: Duration) -> OAuthTokenBuilder {
        OAuthToken::builder().access_token("a").expires_in(lifetime)
    }

    fn built(token: OAuthTokenBuilder) -> OAuthToken {
        token.build().expect("valid")
    }

    #[test]
    fn a_token_is_refreshed_for_one_of_three_reasons() {
        let long_ago = SystemTime::UNIX_EPOCH;
        for (token, leeway, reason) in [
            (valid_for(2 * MINUTE), MINUTE, None),
            (valid_for(MINUTE / 2), MINUTE, Some(Reason::Expiring)),
            (valid_for(MINUTE).expiry_time(long_ago), Duration::ZERO, Some(Reason::Expired)),
            (valid_for(MINUTE).expiry_time(long_ago), MINUTE, Some(Reason::Expired)),
            (OAuthToken::builder().refresh_token("r"), MINUTE, Some(Reason::NoAccessToken)),
            (OAuthToken::builder().expires_in(2 * MINUTE), MINUTE, Some(Reason::NoAccessToken)),
            (OAuthToken::builder().access_token("a"), Duration::MAX, None),
            (valid_for(MINUTE), Duration::MAX, Some(Reason::Expiring)),
        ] {
            let token = built(token);
            let now = SystemTime::now();
            assert_eq!(Reason::to_refresh(&token, now, leeway), reason, "{token:?}");
            assert_eq!(is_fresh(&token, now, leeway), reason.is_none());
        }
    }

    #[test]
    fn refreshed_is_another_version_with_another_access_token_that_is_fresh() {
        let stored = |version_id: &str, token: OAuthTokenBuilder| Stored {
            locator: Locator::new(LocatorKind::User, &["bob"]),
            record: Record {
                name: "app/x".into(),
                version: Version { arn: "arn:x".to_owned(), id: version_id.to_owned(), created: None }.into(),
                token: Arc::new(built(token)),
            },
        };
        let before = stored("one", valid_for(Duration::ZERO));
        let newer = || valid_for(2 * MINUTE).access_token("b");
        let refreshed = |stored: &Stored, leeway| was_refreshed(&before, stored, SystemTime::now(), leeway);
        assert!(refreshed(&stored("two", newer()), MINUTE));
        assert!(!refreshed(&stored("one", newer()), MINUTE), "the same version");
        assert!(!refreshed(&stored("two", valid_for(2 * MINUTE)), MINUTE), "the same access token");
        assert!(!refreshed(&stored("two", newer()), 3 * MINUTE), "not fresh");
    }
}
