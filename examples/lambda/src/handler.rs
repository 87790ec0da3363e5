//! One invocation: the user's token, a call of the API with it, and a second one after a 401.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use lambda_runtime::LambdaEvent;
use oauth_token_store::secrecy::ExposeSecret;
use oauth_token_store::{
    ErrorKind, OAuthToken, RefreshError, SecretsManagerTokenStore, StoreError, TokenId, TokenStore,
};
use serde_json::Value;

use crate::answer::Answer;
use crate::api::Api;
use crate::failure::Failure;
use crate::http;
use crate::oauth::{ExchangeError, OAuthServer};
use crate::settings;

/// A token that is good for less is refreshed.
const LEEWAY: Duration = Duration::from_secs(60);

const UNAUTHORIZED: u16 = 401;

/// What a process makes once and uses in all of its invocations.
pub(crate) struct Handler {
    store: SecretsManagerTokenStore,
    oauth: OAuthServer,
    api: Api,
}

impl Handler {
    pub(crate) async fn from_env() -> Result<Self, Failure> {
        let http = http::client().map_err(Failure::Http)?;
        let oauth = OAuthServer {
            http: http.clone(),
            token_url: settings::url(settings::TOKEN_URL)?,
            client_id: settings::text(settings::CLIENT_ID)?,
            client_secret: settings::text(settings::CLIENT_SECRET)?.map(Into::into),
        };
        let api = Api { http, url: settings::url(settings::API_URL)? };
        let started = Instant::now();
        let store = SecretsManagerTokenStore::from_env().await?;
        tracing::info!(microseconds = started.elapsed().as_micros(), "the store is built");
        Ok(Self { store, oauth, api })
    }

    /// Whatever it begins has ended when it returns: a frozen function sends nothing.
    pub(crate) async fn invoke(&self, event: LambdaEvent<Value>) -> Result<Answer, Failure> {
        // Not by way of serde, whose errors show what was there instead.
        let user = event.payload.get("user").and_then(Value::as_str).filter(|user| !user.is_empty());
        let user = user.ok_or(Failure::Event)?;
        let partial = OAuthToken::builder().user_name(user).build().map_err(|_| Failure::Event)?;
        let Some(token) = self.fresh_token(&partial, event.context.deadline()).await? else {
            return Ok(Answer::LoginNeeded);
        };
        let mut reply = self.api.call(&token).await?;
        if reply.status == UNAUTHORIZED
            && let Some(newer) = self.newer_than(&token, user).await?
        {
            reply = self.api.call(&newer).await?;
        }
        Ok(Answer::api(&reply))
    }

    /// The user's token, good for a while; `None` if there is no way to one but a login.
    async fn fresh_token(
        &self,
        user: &OAuthToken,
        deadline: SystemTime,
    ) -> Result<Option<Arc<OAuthToken>>, Failure> {
        let oauth = self.oauth.clone();
        let exchange = move |current| oauth.exchange(current, deadline);
        match self.store.refresh_with(user, LEEWAY, exchange).await {
            Ok(token) => Ok(token),
            Err(error) => self.recover(error).await,
        }
    }

    async fn recover(&self, error: RefreshError) -> Result<Option<Arc<OAuthToken>>, Failure> {
        if needs_login(&error) {
            return Ok(None);
        }
        let not_saved = error.token().zip(error.store_error().map(StoreError::kind));
        match not_saved {
            // Logged out meanwhile: an OAuth server with a revocation endpoint should be told.
            Some((_, ErrorKind::Deleted)) => Ok(None),
            None | Some((_, ErrorKind::Conflict)) => Err(Failure::Refresh(error)),
            Some((token, kind)) => Ok(self.save_again(token, kind).await),
        }
    }

    /// Another process may get the next invocation: what only this one knows should be saved before it is frozen.
    async fn save_again(&self, token: &Arc<OAuthToken>, failed: ErrorKind) -> Option<Arc<OAuthToken>> {
        let kind = if failed.is_retryable() {
            match self.store.save_token(token).await {
                Ok(saved) => return Some(saved),
                Err(error) if error.kind() == ErrorKind::Deleted => return None,
                Err(error) => error.kind(),
            }
        } else {
            failed
        };
        tracing::error!(reason = kind.as_str(), "what the OAuth server gave is in this process alone");
        Some(Arc::clone(token))
    }

    /// What another process has stored since `refused` was read: the one thing worth a second try.
    async fn newer_than(&self, refused: &OAuthToken, user: &str) -> Result<Option<Arc<OAuthToken>>, Failure> {
        let stored = self.store.reload(&TokenId::of_user(user)?).await?;
        Ok(stored.filter(|stored| access_token(stored) != access_token(refused)))
    }
}

fn access_token(token: &OAuthToken) -> Option<&str> {
    token.access_token().map(ExposeSecret::expose_secret)
}

fn needs_login(error: &RefreshError) -> bool {
    let cause = error.exchange_error().and_then(|error| error.downcast_ref::<ExchangeError>());
    cause.is_some_and(ExchangeError::needs_login)
}
