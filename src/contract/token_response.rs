//! What a token endpoint answers (RFC 6749 §5), untrusted.

use std::error::Error;
use std::fmt;
use std::time::{Duration, SystemTime};

use secrecy::ExposeSecret;

use super::fields::{Extra, Field, Fields, is_reserved};
use super::{Member, parse_object};

/// Why a token endpoint's response gave no token. Shows nothing of the response but a known form of error code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenResponseError(Reason);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Reason {
    OAuth(Option<String>),
    NotAnObject,
    NoAccessToken,
}

impl TokenResponseError {
    /// The `error` code of RFC 6749 §5.2, such as `invalid_grant`, or a provider's own, such as `access_denied`.
    ///
    /// `None` if the body was no OAuth error, or if the code is not made of lower-case letters and underscores:
    /// something else in that place might be anything, a token included.
    pub fn oauth_error(&self) -> Option<&str> {
        match &self.0 {
            Reason::OAuth(code) => code.as_deref(),
            Reason::NotAnObject | Reason::NoAccessToken => None,
        }
    }
}

impl fmt::Display for TokenResponseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Reason::OAuth(Some(code)) => {
                write!(f, "the token endpoint refused the request: {code}")
            }
            Reason::OAuth(None) => {
                f.write_str("the token endpoint refused the request with an unusual error code")
            }
            Reason::NotAnObject => f.write_str("the token endpoint's response is not a JSON object"),
            Reason::NoAccessToken => f.write_str("the token endpoint's response holds no access token"),
        }
    }
}

impl Error for TokenResponseError {}

/// The fields that a response sets.
pub(super) fn parse(body: &str, received_at: SystemTime) -> Result<Fields, TokenResponseError> {
    let members = parse_object(body).ok_or(TokenResponseError(Reason::NotAnObject))?;
    let mut fields = Fields::default();
    let mut lifetime = None;
    let mut lifetime_in_seconds = None;
    for (name, member) in members {
        let value = match member {
            Member::Text(value) => value,
            Member::Json("null") => continue,
            Member::Json(json) => json.to_owned().into(),
        };
        match name.as_str() {
            "error" if value.expose_secret().is_empty() => {}
            "error" => {
                return Err(TokenResponseError(Reason::OAuth(plain_code(value.expose_secret()))));
            }
            "access_token" => fields.set(Field::AccessToken, value),
            "refresh_token" => fields.set(Field::RefreshToken, value),
            "token_type" => fields.set(Field::TokenType, value),
            "scope" => fields.set(Field::Scope, value),
            "api_domain" => fields.set(Field::ApiDomain, value),
            "expires_in" => lifetime = seconds(value.expose_secret()),
            "expires_in_sec" => lifetime_in_seconds = seconds(value.expose_secret()),
            name if is_reserved(name) || name.is_empty() => {}
            _ => fields.set_extra(name, Extra::Text(value)),
        }
    }
    if fields.secret(Field::AccessToken).is_none() {
        return Err(TokenResponseError(Reason::NoAccessToken));
    }
    let lifetime = lifetime_in_seconds.or(lifetime);
    fields.set_expiry_time(lifetime.and_then(|lifetime| received_at.checked_add(lifetime)));
    Ok(fields)
}

/// Seconds as providers write them: `3600`, `"3600"`, `3599.5`. Less than none is none left.
fn seconds(text: &str) -> Option<Duration> {
    let seconds = text.trim().parse::<f64>().ok().filter(|seconds| seconds.is_finite())?;
    Duration::try_from_secs_f64(seconds.max(0.0)).ok()
}

fn plain_code(code: &str) -> Option<String> {
    let plain = code.len() <= 64 && code.bytes().all(|byte| byte == b'_' || byte.is_ascii_lowercase());
    plain.then(|| code.to_owned())
}
