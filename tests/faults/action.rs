//! The public operations, as values.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use oauth_token_store::secrecy::SecretString;
use oauth_token_store::{
    ErrorKind, OAuthToken, RefreshError, SecretsManagerTokenStore, StoreError, TokenId, TokenStore,
};

use crate::support::extra;

/// A call of a public operation.
#[derive(Clone)]
pub(crate) enum Action {
    /// The method of the trait.
    Find(OAuthToken),
    /// The inherent method.
    FindToken(OAuthToken),
    /// The method of the trait.
    FindById(TokenId),
    /// The inherent method.
    FindTokenById(TokenId),
    FindByUser(String),
    FindByRefreshToken(String, SecretString),
    FindByGrantToken(String, SecretString),
    FindByAccessToken(SecretString),
    Reload(TokenId),
    Save(OAuthToken),
    Delete(TokenId),
    DeleteAll,
    GetTokens,
    /// The stream of tokens, read to its end.
    Tokens,
    Refresh(OAuthToken, Exchange),
}

/// The caller's part of a refresh.
#[derive(Clone)]
pub(crate) struct Exchange {
    pub(crate) kind: ExchangeKind,
    /// How many have begun.
    pub(crate) begun: Arc<AtomicUsize>,
    /// Another process.
    pub(crate) other: SecretsManagerTokenStore,
    /// What is to go wrong from the end of the exchange on, so that it strikes nothing of the other process.
    pub(crate) armed: Armed,
}

pub(crate) type Armed = Arc<Mutex<Option<Box<dyn FnOnce() + Send>>>>;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExchangeKind {
    Succeeds,
    Fails,
    /// Another process saves a change meanwhile.
    IsOvertaken,
}

/// What the tests' OAuth server refuses an exchange with.
#[derive(Debug)]
pub(crate) struct Refused;

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("refused")
    }
}

impl std::error::Error for Refused {}

/// What an operation gives. A stream gives both.
pub(crate) struct Outcome {
    pub(crate) tokens: Vec<Arc<OAuthToken>>,
    pub(crate) error: Option<Failed>,
}

/// Why an operation failed.
pub(crate) struct Failed {
    /// `None`: an exchange failed.
    pub(crate) store_error: Option<StoreError>,
    pub(crate) is_retryable: bool,
    pub(crate) token: Option<Arc<OAuthToken>>,
    pub(crate) shown: String,
}

impl Failed {
    pub(crate) fn kind(&self) -> Option<ErrorKind> {
        self.store_error.as_ref().map(StoreError::kind)
    }
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self {
            is_retryable: error.is_retryable(),
            token: error.token().cloned(),
            shown: format!("{error:?}"),
            store_error: Some(error),
        }
    }
}

impl From<RefreshError> for Failed {
    fn from(error: RefreshError) -> Self {
        Self {
            is_retryable: error.is_retryable(),
            token: error.token().cloned(),
            shown: format!("{error:?}"),
            store_error: error.store_error().cloned(),
        }
    }
}

impl<E: Into<Failed>> From<Result<Vec<Arc<OAuthToken>>, E>> for Outcome {
    fn from(result: Result<Vec<Arc<OAuthToken>>, E>) -> Self {
        match result {
            Ok(tokens) => Self { tokens, error: None },
            Err(error) => Self { tokens: Vec::new(), error: Some(error.into()) },
        }
    }
}

/// In the year 2096.
const FAR_AWAY: Duration = Duration::from_secs(4_000_000_000);
const LEEWAY: Duration = Duration::from_secs(60);

impl Action {
    /// The future of the call, which does nothing until it is polled.
    pub(crate) fn start(&self, store: &SecretsManagerTokenStore) -> BoxFuture<'static, Outcome> {
        let (action, store) = (self.clone(), store.clone());
        Box::pin(async move { action.run(&store).await })
    }

    async fn run(self, store: &SecretsManagerTokenStore) -> Outcome {
        let all = |found: Option<Arc<OAuthToken>>| Vec::from_iter(found);
        let none = |(): ()| Vec::new();
        match self {
            Self::Find(partial) => TokenStore::find_token(store, &partial).await.map(all).into(),
            Self::FindToken(partial) => store.find_token(&partial).await.map(all).into(),
            Self::FindById(id) => TokenStore::find_token_by_id(store, &id).await.map(all).into(),
            Self::FindTokenById(id) => store.find_token_by_id(&id).await.map(all).into(),
            Self::FindByUser(user) => store.find_by_user(&user).await.map(all).into(),
            Self::FindByRefreshToken(client, token) => {
                store.find_by_refresh_token(&client, &token).await.map(all).into()
            }
            Self::FindByGrantToken(client, token) => {
                store.find_by_grant_token(&client, &token).await.map(all).into()
            }
            Self::FindByAccessToken(token) => store.find_by_access_token(&token).await.map(all).into(),
            Self::Reload(id) => store.reload(&id).await.map(all).into(),
            Self::Save(token) => store.save_token(&token).await.map(|token| vec![token]).into(),
            Self::Delete(id) => store.delete_token(&id).await.map(none).into(),
            Self::DeleteAll => store.delete_tokens().await.map(none).into(),
            Self::GetTokens => store.get_tokens().await.into(),
            Self::Tokens => read_to_the_end(store).await,
            Self::Refresh(partial, exchange) => {
                let exchange = |current| async move { exchange.make(current).await };
                store.refresh_with(&partial, LEEWAY, exchange).await.map(all).into()
            }
        }
    }
}

async fn read_to_the_end(store: &SecretsManagerTokenStore) -> Outcome {
    let mut outcome = Outcome { tokens: Vec::new(), error: None };
    let mut tokens = store.tokens();
    while let Some(token) = tokens.next().await {
        match token {
            Ok(token) => outcome.tokens.push(token),
            Err(error) => outcome.error = outcome.error.or(Some(error.into())),
        }
    }
    outcome
}

impl Exchange {
    async fn make(self, current: Arc<OAuthToken>) -> Result<OAuthToken, Refused> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        // The OAuth server takes its time.
        tokio::time::sleep(Duration::from_millis(50)).await;
        match self.kind {
            ExchangeKind::Succeeds => {}
            ExchangeKind::Fails => return Err(Refused),
            ExchangeKind::IsOvertaken => {
                self.other.save_token(&extra("bob", "theirs", "1")).await.expect("saved");
            }
        }
        if let Some(strike) = self.armed.lock().expect("no panic while it is held").take() {
            strike();
        }
        let exchanged = current.to_builder().access_token("a2").refresh_token("r2");
        // By the wall clock, so that it is the same in each run.
        Ok(exchanged.expiry_time(SystemTime::UNIX_EPOCH + FAR_AWAY).build().expect("valid"))
    }
}
