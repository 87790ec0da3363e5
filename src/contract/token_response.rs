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
    // Some servers begin their JSON with a byte order mark.
    let body = body.strip_prefix('\u{feff}').unwrap_or(body);
    let members = parse_object(body).ok_or(TokenResponseError(Reason::NotAnObject))?;
    let mut fields = Fields::default();
    let mut lifetime = None;
    let mut lifetime_in_seconds = None;
    for (name, member) in members {
        match (name.as_str(), member) {
            (_, Member::Json("null")) | ("error", Member::Json("false")) => {}
            ("error", Member::Text(code)) if code.expose_secret().is_empty() => {}
            ("error", Member::Text(code)) => {
                return Err(TokenResponseError(Reason::OAuth(plain_code(code.expose_secret()))));
            }
            ("error", Member::Json(_)) => return Err(TokenResponseError(Reason::OAuth(None))),
            ("access_token", Member::Text(token)) => fields.set(Field::AccessToken, token),
            ("refresh_token", Member::Text(token)) => fields.set(Field::RefreshToken, token),
            ("token_type", Member::Text(token_type)) => fields.set(Field::TokenType, token_type),
            ("api_domain", Member::Text(domain)) => fields.set(Field::ApiDomain, domain),
            ("scope", Member::Text(scope)) => fields.set(Field::Scope, scope),
            ("scope", Member::Json(json)) => fields.set(Field::Scope, joined_scope(json).into()),
            ("expires_in", member) => lifetime = seconds(&member),
            ("expires_in_sec", member) => lifetime_in_seconds = seconds(&member),
            // What should be text and is not counts as absent: it must not replace a good token.
            (name, _) if is_reserved(name) || name.is_empty() => {}
            (_, Member::Text(text)) => fields.set_extra(name, Extra::Text(text)),
            // A string that cannot be decoded is nothing that could be kept as text.
            (_, Member::Json(json)) if json.starts_with('"') => {}
            (_, Member::Json(json)) => fields.set_extra(name, Extra::Text(json.to_owned().into())),
        }
    }
    if fields.secret(Field::AccessToken).is_none() {
        return Err(TokenResponseError(Reason::NoAccessToken));
    }
    match lifetime_in_seconds.or(lifetime) {
        Some(lifetime) => fields.set_lifetime(received_at, lifetime),
        None => fields.set_expiry_time(None),
    }
    Ok(fields)
}

/// Seconds as providers write them: `3600`, `"3600"`, `3599.5`. Less than none is none left.
fn seconds(member: &Member<'_>) -> Option<Duration> {
    let text = match member {
        Member::Text(text) => text.expose_secret(),
        Member::Json(json) => json,
    };
    let seconds = text.trim().parse::<f64>().ok().filter(|seconds| seconds.is_finite())?;
    Duration::try_from_secs_f64(seconds.max(0.0)).ok()
}

/// Some servers send the scopes as an array; anything else is none.
fn joined_scope(json: &str) -> String {
    serde_json::from_str::<Vec<String>>(json).unwrap_or_default().join(" ")
}

fn plain_code(code: &str) -> Option<String> {
    let plain = code.len() <= 64 && code.bytes().all(|byte| byte == b'_' || byte.is_ascii_lowercase());
    plain.then(|| code.to_owned())
}
