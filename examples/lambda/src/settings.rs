//! What the environment says beside the store's own variables.

use std::env::{self, VarError};

use reqwest::Url;

use crate::failure::Failure;

/// Where tokens are exchanged.
pub(crate) const TOKEN_URL: &str = "OAUTH_TOKEN_URL";
/// For tokens that don't say whose they are.
pub(crate) const CLIENT_ID: &str = "OAUTH_CLIENT_ID";
/// For tokens that hold none.
pub(crate) const CLIENT_SECRET: &str = "OAUTH_CLIENT_SECRET";
/// What is called with the access token.
pub(crate) const API_URL: &str = "API_URL";

pub(crate) fn url(variable: &'static str) -> Result<Url, Failure> {
    let wrong = |problem| Failure::Setting { variable, problem };
    let url: Url =
        text(variable)?.ok_or_else(|| wrong("is not set"))?.parse().map_err(|_| wrong("is not a URL"))?;
    // A token in the clear is anybody's; on this machine it is a test.
    let is_local = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_local => Ok(url),
        _ => Err(wrong("is not an https URL")),
    }
}

/// Empty is as good as not set: templates have no way to leave a variable out.
pub(crate) fn text(variable: &'static str) -> Result<Option<String>, Failure> {
    match env::var(variable) {
        Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(Failure::Setting { variable, problem: "is not valid Unicode" }),
    }
}
