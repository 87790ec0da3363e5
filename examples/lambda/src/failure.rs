//! Why an invocation, or the start, failed: for the log, the alarm and the caller. Shows no token and no user.

use std::error::Error;
use std::fmt;

use lambda_runtime::Diagnostic;
use oauth_token_store::{RefreshError, StoreError};

/// What is answered with an `errorType` and an `errorMessage`.
#[derive(Debug)]
pub(crate) enum Failure {
    Setting { variable: &'static str, problem: &'static str },
    Event,
    Store(StoreError),
    Refresh(RefreshError),
    NoAccessToken,
    Http(reqwest::Error),
    Api(reqwest::Error),
}

impl Failure {
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Setting { .. } => "BadSetting",
            Self::Event => "BadEvent",
            Self::Store(_) => "StoreFailed",
            Self::Refresh(_) => "RefreshFailed",
            Self::NoAccessToken => "NoAccessToken",
            Self::Http(_) => "HttpClient",
            Self::Api(_) => "ApiUnreachable",
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setting { variable, problem } => write!(f, "the environment variable {variable} {problem}"),
            Self::Event => f.write_str(r#"the event should be {"user": "..."}"#),
            Self::Store(_) => f.write_str("the token store failed"),
            Self::Refresh(_) => f.write_str("there is no fresh token"),
            Self::NoAccessToken => f.write_str("the stored token has no access token"),
            Self::Http(_) => f.write_str("the HTTP client cannot be made"),
            Self::Api(_) => f.write_str("the API did not answer"),
        }
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Store(error) => Some(error),
            Self::Refresh(error) => Some(error),
            Self::Http(error) | Self::Api(error) => Some(error),
            Self::Setting { .. } | Self::Event | Self::NoAccessToken => None,
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Failure> for Diagnostic {
    fn from(failure: Failure) -> Self {
        Self { error_type: failure.kind().to_owned(), error_message: causes(&failure) }
    }
}

/// An error and all that caused it, in a line.
pub(crate) fn causes(error: &(dyn Error + 'static)) -> String {
    let messages: Vec<_> =
        std::iter::successors(Some(error), |&error| error.source()).map(ToString::to_string).collect();
    messages.join(": ")
}
