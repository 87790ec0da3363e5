//! How an operation ends.

use oauth_token_store::ErrorKind;

use crate::action::Outcome;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Answered,
    /// With one of these kinds.
    Fails(Vec<ErrorKind>),
    /// As the exchange of a refresh fails.
    ExchangeFails,
}

pub(crate) fn verdict_of(outcome: &Outcome) -> Verdict {
    match &outcome.error {
        None => Verdict::Answered,
        Some(error) => error.kind().map_or(Verdict::ExchangeFails, |kind| Verdict::Fails(vec![kind])),
    }
}
