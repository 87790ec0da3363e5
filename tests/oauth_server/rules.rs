//! What an OAuth server may decide for itself.

use std::time::Duration;

/// How the server behaves.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    /// Whether each refresh spends its refresh token and gives the next one.
    pub(crate) rotation: bool,
    /// Whether a spent refresh token that comes again revokes all tokens of its login, or is just refused.
    pub(crate) reuse_detection: bool,
    /// The lifetime of access tokens.
    pub(crate) expires_in: Duration,
    /// How many access tokens of one login are good at the same time; the next one kills the oldest.
    pub(crate) active_access_tokens: usize,
    /// How many refreshes of one login it takes in ten minutes.
    pub(crate) refreshes_in_ten_minutes: usize,
    /// How it refuses.
    pub(crate) errors: ErrorStyle,
}

impl Rules {
    /// Zoho's: the refresh token stays, and a refused exchange has HTTP status 200.
    ///
    /// The numbers are those of <https://www.zoho.com/crm/developer/docs/api/v8/token-validity.html>.
    pub(crate) fn zoho() -> Self {
        Self {
            rotation: false,
            reuse_detection: false,
            expires_in: Duration::from_secs(3600),
            active_access_tokens: 15,
            refreshes_in_ten_minutes: 10,
            errors: ErrorStyle::Zoho,
        }
    }

    /// Zoho's but for the refresh tokens, which rotate, and end their login if a spent one comes again.
    pub(crate) fn rotating() -> Self {
        Self { rotation: true, reuse_detection: true, ..Self::zoho() }
    }
}

/// How a refused exchange is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorStyle {
    /// HTTP 200 with codes of Zoho's own; only too many requests are HTTP 400.
    Zoho,
    /// As RFC 6749 §5.2 has it; too many requests are HTTP 429.
    Rfc6749,
}
