//! The OAuth server's token endpoint.

use std::fmt;

use oauth_token_store::secrecy::ExposeSecret;
use oauth_token_store::{OAuthToken, StoreError, TokenResponseError};
use reqwest::{Client, StatusCode, redirect};

use crate::settings::OAuthClient;

pub(crate) struct OAuthServer {
    client: Client,
    application: OAuthClient,
}

/// Why there is no new token. Shows nothing of a request, nor of an answer but its code.
#[derive(Debug)]
pub(crate) enum ExchangeError {
    /// The token cannot be refreshed: its user has to log in again.
    NoRefreshToken,
    /// No answer, or one that says to come back later.
    Unavailable,
    /// The server's last word.
    Refused(TokenResponseError),
    /// What it gave cannot be a token.
    Unusable(StoreError),
}

impl fmt::Display for ExchangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRefreshToken => f.write_str("the token cannot be refreshed"),
            Self::Unavailable => f.write_str("the OAuth server gave no answer"),
            Self::Refused(error) => error.fmt(f),
            Self::Unusable(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ExchangeError {}

impl OAuthServer {
    /// # Errors
    /// If there is no TLS, for want of certificates.
    pub(crate) fn new(application: OAuthClient) -> Result<Self, reqwest::Error> {
        // Credentials follow no redirect.
        let client = Client::builder()
            .timeout(application.timeout)
            .connect_timeout(application.timeout / 4)
            .redirect(redirect::Policy::none());
        Ok(Self { client: client.build()?, application })
    }

    pub(crate) fn client_id(&self) -> &str {
        &self.application.id
    }

    /// Spends a refresh token (RFC 6749 §6).
    pub(crate) async fn refresh(&self, current: &OAuthToken) -> Result<OAuthToken, ExchangeError> {
        let refresh_token = current.refresh_token().ok_or(ExchangeError::NoRefreshToken)?;
        let request = self.client.post(&self.application.token_url).form(&[
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token.expose_secret()),
            ("client_id", &self.application.id),
            ("client_secret", self.application.secret.expose_secret()),
        ]);
        let response = request.send().await.map_err(|_| ExchangeError::Unavailable)?;
        if response.status().is_server_error() || response.status() == StatusCode::TOO_MANY_REQUESTS {
            return Err(ExchangeError::Unavailable);
        }
        let body = response.text().await.map_err(|_| ExchangeError::Unavailable)?;
        // An error under any status is one: some servers send it with 200.
        let refreshed = current.to_builder().token_response(&body).map_err(ExchangeError::Refused)?;
        refreshed.build().map_err(ExchangeError::Unusable)
    }
}
