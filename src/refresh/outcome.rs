//! What became of a refresh, for all who waited for it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::contract::OAuthToken;

use super::RefreshError;
use super::decision::is_fresh;
use super::records::{Records, Stored};

#[derive(Clone)]
pub(super) enum Outcome {
    /// There was no token any more: nothing was exchanged.
    Gone,
    /// The token was fresh when it was read again: nothing was exchanged.
    FoundFresh(Arc<OAuthToken>),
    Exchanged(Stored),
    /// The exchange failed because another process had made its own.
    ExchangedElsewhere(Arc<OAuthToken>),
    Failed(RefreshError),
}

impl Outcome {
    /// Whether it is an answer to one who wants a token that is fresh for `leeway` from now.
    ///
    /// After an exchange it always is: a leeway longer than the tokens' life would have one exchange after the other.
    pub(super) fn answers(&self, now: SystemTime, leeway: Duration) -> bool {
        match self {
            Self::FoundFresh(token) => is_fresh(token, now, leeway),
            Self::Gone | Self::Exchanged(_) | Self::ExchangedElsewhere(_) | Self::Failed(_) => true,
        }
    }

    /// What one who has waited for it gets. While a save writes its tags, another save of this process may have come and
    /// ended, before the one who waits has asked.
    pub(super) fn into_result(self, records: &impl Records) -> Result<Option<Arc<OAuthToken>>, RefreshError> {
        match self {
            Self::Gone => Ok(None),
            Self::FoundFresh(token) | Self::ExchangedElsewhere(token) => Ok(Some(token)),
            Self::Exchanged(stored) => Ok(records.not_older(stored)),
            Self::Failed(error) => Err(error),
        }
    }

    pub(super) fn as_str(&self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::FoundFresh(_) => "refreshed elsewhere",
            Self::Exchanged(_) => "exchanged",
            Self::ExchangedElsewhere(_) => "exchange failed, refreshed elsewhere",
            Self::Failed(_) => "failed",
        }
    }
}
