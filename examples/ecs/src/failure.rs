//! What a caller is told of a failure: a status and a word, and nothing of a token or user.

use axum::Json;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use oauth_token_store::{ErrorKind, RefreshError, StoreError, TokenResponseError};
use serde_json::json;

use crate::oauth::ExchangeError;

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    status: StatusCode,
    code: &'static str,
    /// The OAuth server's own word, which is no secret.
    oauth_error: Option<String>,
}

impl Failure {
    fn new(status: StatusCode, code: &'static str) -> Self {
        Self { status, code, oauth_error: None }
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized")
    }

    pub(crate) fn bad_request(code: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code)
    }

    /// Nobody's token, or one that nothing but a login can make good.
    pub(crate) fn not_logged_in() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_logged_in")
    }

    pub(crate) fn not_ready() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "not_ready")
    }

    pub(crate) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal")
    }

    /// The OAuth server has spoken: for `invalid_grant` the user has to log in again.
    fn refused(error: &TokenResponseError) -> Self {
        let oauth_error = error.oauth_error().map(str::to_owned);
        Self { oauth_error, ..Self::new(StatusCode::BAD_GATEWAY, "refused_by_oauth_server") }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let kind = error.kind();
        let status = match kind {
            ErrorKind::Deleted => return Self::not_logged_in(),
            ErrorKind::Conflict => StatusCode::CONFLICT,
            ErrorKind::Invalid | ErrorKind::NoLookupKey | ErrorKind::NothingToStore | ErrorKind::TooLarge => {
                StatusCode::BAD_REQUEST
            }
            kind if kind.is_retryable() => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        if status.is_server_error() {
            let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            tracing::error!(kind = kind.as_str(), %error, source, "the store failed");
        }
        Self::new(status, kind.as_str())
    }
}

impl From<RefreshError> for Failure {
    fn from(error: RefreshError) -> Self {
        if let Some(error) = error.store_error() {
            return error.clone().into();
        }
        let exchange = error.exchange_error().and_then(|error| error.downcast_ref::<ExchangeError>());
        let failure = match exchange {
            Some(ExchangeError::NoRefreshToken) => return Self::not_logged_in(),
            Some(ExchangeError::Unavailable) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "oauth_server_unavailable")
            }
            Some(ExchangeError::Refused(error)) => Self::refused(error),
            Some(ExchangeError::Unusable(_)) => Self::new(StatusCode::BAD_GATEWAY, "unusable_oauth_answer"),
            None => Self::internal(),
        };
        let source = exchange.map(ToString::to_string).unwrap_or_default();
        tracing::warn!(code = failure.code, %error, source, "the refresh failed");
        failure
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut body = json!({ "error": self.code });
        if let Some(oauth_error) = self.oauth_error {
            body["oauth_error"] = oauth_error.into();
        }
        let mut response = (self.status, Json(body)).into_response();
        let header = match self.status {
            StatusCode::SERVICE_UNAVAILABLE => Some((RETRY_AFTER, "1")),
            StatusCode::UNAUTHORIZED => Some((WWW_AUTHENTICATE, "Bearer")),
            _ => None,
        };
        if let Some((name, value)) = header {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status_of(error: impl Into<Failure>) -> (u16, Option<String>) {
        let response = error.into().into_response();
        let retry_after =
            response.headers().get(RETRY_AFTER).map(|value| value.to_str().expect("text").to_owned());
        (response.status().as_u16(), retry_after)
    }

    #[test]
    fn what_may_pass_says_to_come_back_and_the_rest_does_not() {
        for (kind, status) in [
            (ErrorKind::Deleted, 404),
            (ErrorKind::Conflict, 409),
            (ErrorKind::Invalid, 400),
            (ErrorKind::TooLarge, 400),
            (ErrorKind::Throttled, 503),
            (ErrorKind::TimedOut, 503),
            (ErrorKind::Unavailable, 503),
            (ErrorKind::Contended, 503),
            (ErrorKind::AccessDenied, 500),
            (ErrorKind::Kms, 500),
            (ErrorKind::Corrupt, 500),
            (ErrorKind::QuotaExceeded, 500),
        ] {
            let come_back = (status == 503).then(|| "1".to_owned());
            assert_eq!(status_of(StoreError::from(kind)), (status, come_back.clone()), "{kind}");
            assert_eq!(status_of(RefreshError::from(StoreError::from(kind))), (status, come_back), "{kind}");
        }
    }

    #[test]
    fn a_refusal_of_the_oauth_servers_is_passed_on_by_its_code_alone() {
        let refused =
            OAuthToken::from_token_response(r#"{"error": "invalid_grant", "error_description": "canary"}"#);
        let failure = Failure::refused(&refused.expect_err("an error"));
        assert_eq!(failure.oauth_error.as_deref(), Some("invalid_grant"));
        assert!(!format!("{failure:?}").contains("canary"));
        assert_eq!(status_of(failure), (502, None));
    }

    use oauth_token_store::OAuthToken;
}
