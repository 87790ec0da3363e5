//! Why an exchange is refused, and what is answered.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::ErrorStyle;

/// Why an exchange gives no tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    UnknownClient,
    WrongSecret,
    /// A refresh or grant token that is unknown, spent, expired or revoked.
    InvalidGrant,
    UnsupportedGrantType,
    TooManyRequests,
}

impl Refusal {
    pub(super) fn answer(self, style: ErrorStyle) -> (StatusCode, Value) {
        match style {
            ErrorStyle::Zoho => self.as_zoho(),
            ErrorStyle::Rfc6749 => self.as_rfc6749(),
        }
    }

    fn as_zoho(self) -> (StatusCode, Value) {
        let code = match self {
            Self::UnknownClient => "invalid_client",
            Self::WrongSecret => "invalid_client_secret",
            Self::InvalidGrant => "invalid_code",
            Self::UnsupportedGrantType => return self.as_rfc6749(),
            // The documentation gives this body; that its status is 400 is what callers of Zoho report.
            Self::TooManyRequests => {
                let body = json!({
                    "error": "Access Denied",
                    "error_description":
                        "You have made too many requests continuously. Please try again after some time.",
                    "status": "failure",
                });
                return (StatusCode::BAD_REQUEST, body);
            }
        };
        (StatusCode::OK, json!({ "error": code }))
    }

    fn as_rfc6749(self) -> (StatusCode, Value) {
        let (status, code) = match self {
            Self::UnknownClient | Self::WrongSecret => (StatusCode::UNAUTHORIZED, "invalid_client"),
            Self::InvalidGrant => (StatusCode::BAD_REQUEST, "invalid_grant"),
            Self::UnsupportedGrantType => (StatusCode::BAD_REQUEST, "unsupported_grant_type"),
            Self::TooManyRequests => (StatusCode::TOO_MANY_REQUESTS, "too_many_requests"),
        };
        (status, json!({ "error": code }))
    }
}
