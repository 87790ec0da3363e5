//! The exchange of a refresh token for an access token.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use oauth_token_store::secrecy::{ExposeSecret, SecretString};
use oauth_token_store::{OAuthToken, StoreError, TokenResponseError};
use reqwest::{Client, Url};

use crate::http::{self, Reply};

/// An exchange and the save of what it gives: five seconds, and the save's deadline of ten with its last try and a read after
/// it, of eight each. Killed in between, the function would lose a refresh token that is good for one exchange.
const ROOM: Duration = Duration::from_secs(32);

/// One client of an OAuth server.
#[derive(Clone)]
pub(crate) struct OAuthServer {
    pub(crate) http: Client,
    pub(crate) token_url: Url,
    /// For tokens that don't say whose they are.
    pub(crate) client_id: Option<String>,
    /// For tokens that hold none.
    pub(crate) client_secret: Option<SecretString>,
}

impl OAuthServer {
    /// What to store instead of `current`, if there is time for it before `deadline`.
    pub(crate) async fn exchange(
        self,
        current: Arc<OAuthToken>,
        deadline: SystemTime,
    ) -> Result<OAuthToken, ExchangeError> {
        if deadline.duration_since(SystemTime::now()).is_ok_and(|left| left >= ROOM) {
            let reply = self.ask(&current).await?;
            let unusable = |cause| ExchangeError::NoToken { status: reply.status, cause };
            let refreshed = current.to_builder().token_response(&reply.body).map_err(unusable)?;
            Ok(refreshed.build()?)
        } else {
            Err(ExchangeError::NoTime)
        }
    }

    async fn ask(&self, current: &OAuthToken) -> Result<Reply, ExchangeError> {
        let refresh_token = current.refresh_token().ok_or(ExchangeError::NoRefreshToken)?;
        let mut form =
            vec![("grant_type", "refresh_token"), ("refresh_token", refresh_token.expose_secret())];
        if let Some(id) = current.client_id().or(self.client_id.as_deref()) {
            form.push(("client_id", id));
        }
        if let Some(secret) = current.client_secret().or(self.client_secret.as_ref()) {
            form.push(("client_secret", secret.expose_secret()));
        }
        http::send(self.http.post(self.token_url.clone()).form(&form)).await.map_err(ExchangeError::NoAnswer)
    }
}

/// Why there is no new token.
#[derive(Debug)]
pub(crate) enum ExchangeError {
    NoTime,
    NoRefreshToken,
    NoAnswer(reqwest::Error),
    NoToken { status: u16, cause: TokenResponseError },
    Unusable(StoreError),
}

impl ExchangeError {
    /// Whether nothing helps but another login.
    pub(crate) fn needs_login(&self) -> bool {
        match self {
            Self::NoRefreshToken => true,
            // The latter is Zoho's.
            Self::NoToken { cause, .. } => {
                matches!(cause.oauth_error(), Some("invalid_grant" | "invalid_code"))
            }
            _ => false,
        }
    }
}

impl From<StoreError> for ExchangeError {
    fn from(error: StoreError) -> Self {
        Self::Unusable(error)
    }
}

impl fmt::Display for ExchangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTime => write!(
                f,
                "the invocation has less than {} s left, so nothing was exchanged: give the function a longer timeout",
                ROOM.as_secs()
            ),
            Self::NoRefreshToken => f.write_str("the stored token has no refresh token"),
            Self::NoAnswer(_) => f.write_str("the OAuth server did not answer"),
            Self::NoToken { status, .. } => write!(f, "the OAuth server gave no token (HTTP {status})"),
            Self::Unusable(_) => f.write_str("the OAuth server's token cannot be stored"),
        }
    }
}

impl Error for ExchangeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::NoAnswer(error) => Some(error),
            Self::NoToken { cause, .. } => Some(cause),
            Self::Unusable(error) => Some(error),
            Self::NoTime | Self::NoRefreshToken => None,
        }
    }
}
