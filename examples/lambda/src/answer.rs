//! What an invocation is answered with.

use serde::Serialize;
use serde_json::Value;

use crate::http::Reply;

/// An outcome that the caller can act on. What only the operator can mend is a [`Failure`](crate::failure::Failure).
#[derive(Debug, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub(crate) enum Answer {
    /// Whatever its status.
    ApiAnswered {
        status: u16,
        /// `null` if it was no JSON.
        body: Value,
    },
    /// There is no token, or the OAuth server takes it no more.
    LoginNeeded,
}

impl Answer {
    pub(crate) fn api(reply: &Reply) -> Self {
        let body = serde_json::from_str(&reply.body).unwrap_or_default();
        Self::ApiAnswered { status: reply.status, body }
    }
}
