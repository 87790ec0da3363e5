//! What became of a refresh, for all who waited for it.

use std::sync::Arc;
use std::time::Duration;

use crate::contract::OAuthToken;
use crate::record::Version;

use super::RefreshError;
use super::decision::{has_the_access_token_of, is_fresh};
use super::records::{Records, Stored};

/// What a caller gets.
pub(super) type Refreshed = Result<Option<Arc<OAuthToken>>, RefreshError>;

#[derive(Clone)]
pub(super) enum Outcome {
    /// There was no token any more: nothing was exchanged.
    Gone,
    /// The token was fresh when it was read again: nothing was exchanged.
    FoundFresh(Arc<OAuthToken>),
    Exchanged(Stored),
    /// The exchange failed because another process had made its own.
    ExchangedElsewhere(Arc<OAuthToken>),
    Failed {
        error: RefreshError,
        /// The version that was to be exchanged, if it came to that.
        of: Option<Arc<Version>>,
    },
}

impl Outcome {
    /// What one who has joined gets, who wants a token that is fresh for `leeway` from now; `None` if this is of no use
    /// to it.
    ///
    /// What was exchanged always is: a leeway longer than the tokens' life would have one exchange after the other. While
    /// its save wrote tags, another save of this process may have come and ended before the one who joins has asked; what
    /// that has put there, such as a new login, was not exchanged. Nor does the end of an earlier login tell of the one that
    /// was `found`.
    pub(super) fn for_who_joined<R: Records>(
        self,
        records: &R,
        found: &Stored,
        leeway: Duration,
    ) -> Option<Refreshed> {
        let is_fresh = |token: &OAuthToken| is_fresh(token, records.now(), leeway);
        match self {
            Self::FoundFresh(token) if !is_fresh(&token) => None,
            Self::Failed { of: Some(of), .. } if found.is_later_than(&of) => None,
            Self::Exchanged(stored) => {
                let exchanged = Arc::clone(&stored.record.token);
                let newest = records.not_older(stored)?;
                let is_of_use =
                    |token: &Arc<OAuthToken>| has_the_access_token_of(token, &exchanged) || is_fresh(token);
                newest.as_ref().is_none_or(is_of_use).then_some(Ok(newest))
            }
            outcome => Some(outcome.for_who_led()),
        }
    }

    /// Whatever has come since: who has made an exchange is told what it gave, and so can revoke it.
    pub(super) fn for_who_led(self) -> Refreshed {
        match self {
            Self::Gone => Ok(None),
            Self::FoundFresh(token) | Self::ExchangedElsewhere(token) => Ok(Some(token)),
            Self::Exchanged(stored) => Ok(Some(stored.record.token)),
            Self::Failed { error, .. } => Err(error),
        }
    }

    pub(super) fn as_str(&self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::FoundFresh(_) => "refreshed elsewhere",
            Self::Exchanged(_) => "exchanged",
            Self::ExchangedElsewhere(_) => "exchange failed, refreshed elsewhere",
            Self::Failed { .. } => "failed",
        }
    }
}
