//! The contract by itself, without a store: tokens, what saves make of them, and what is never shown.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod building;
mod errors;
mod merging;
mod new_records;
mod redaction;
mod responses;
mod time;
mod types;

use oauth_token_store::secrecy::{ExposeSecret, SecretString};
use oauth_token_store::{OAuthToken, OAuthTokenBuilder};

fn token() -> OAuthTokenBuilder {
    OAuthToken::builder()
}

fn built(token: OAuthTokenBuilder) -> OAuthToken {
    token.build().unwrap()
}

/// A token as a store returns it.
fn found(token: OAuthTokenBuilder) -> OAuthToken {
    built(token).into_found(None)
}

fn exposed(secret: Option<&SecretString>) -> Option<&str> {
    secret.map(ExposeSecret::expose_secret)
}

/// A setter of a text field, and what reads it.
type TextField =
    (&'static str, fn(OAuthTokenBuilder, &str) -> OAuthTokenBuilder, fn(&OAuthToken) -> Option<&str>);

/// Every text field but the id.
const TEXT_FIELDS: [TextField; 10] = [
    ("user_name", |b, v| b.user_name(v), |t| t.user_name()),
    ("client_id", |b, v| b.client_id(v), |t| t.client_id()),
    ("client_secret", |b, v| b.client_secret(v), |t| exposed(t.client_secret())),
    ("refresh_token", |b, v| b.refresh_token(v), |t| exposed(t.refresh_token())),
    ("access_token", |b, v| b.access_token(v), |t| exposed(t.access_token())),
    ("grant_token", |b, v| b.grant_token(v), |t| exposed(t.grant_token())),
    ("redirect_url", |b, v| b.redirect_url(v), |t| t.redirect_url()),
    ("api_domain", |b, v| b.api_domain(v), |t| t.api_domain()),
    ("scope", |b, v| b.scope(v), |t| t.scope()),
    ("token_type", |b, v| b.token_type(v), |t| t.token_type()),
];
