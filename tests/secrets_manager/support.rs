//! What the tests share.

use std::sync::Arc;

use oauth_token_store::embedded::EmbeddedSecretsManager;
use oauth_token_store::secrecy::ExposeSecret;
use oauth_token_store::{
    OAuthToken, OAuthTokenBuilder, SecretsManagerTokenStore, StoreError, TokenId, TokenStore, TokenStoreExt,
};
use tokio::task::JoinHandle;

pub(crate) const PREFIX: &str = "app/tokens";

/// A store with a client of its own, as if in another process.
pub(crate) async fn store_on(backend: &EmbeddedSecretsManager) -> SecretsManagerTokenStore {
    let builder = SecretsManagerTokenStore::builder().prefix(PREFIX).client(backend.client());
    builder.build().await.expect("a store")
}

/// A new backend and a store on it.
pub(crate) async fn new() -> (EmbeddedSecretsManager, SecretsManagerTokenStore) {
    let backend = EmbeddedSecretsManager::new();
    let store = store_on(&backend).await;
    (backend, store)
}

pub(crate) fn token() -> OAuthTokenBuilder {
    OAuthToken::builder()
}

/// What a login gives: a whole token.
pub(crate) fn login(user: &str) -> OAuthToken {
    token()
        .user_name(user)
        .client_id("client")
        .client_secret("hush")
        .refresh_token(format!("refresh-{user}"))
        .access_token(format!("access-{user}"))
        .build()
        .expect("valid")
}

/// A partial token that gives one user one extra.
pub(crate) fn extra(user: &str, name: &str, value: &str) -> OAuthToken {
    token().user_name(user).extra(name, value).build().expect("valid")
}

/// A partial token that gives one user a refresh token.
pub(crate) fn refresh(user: &str, refresh_token: &str) -> OAuthToken {
    token().user_name(user).refresh_token(refresh_token).build().expect("valid")
}

pub(crate) fn refresh_token_of(token: &OAuthToken) -> &str {
    token.refresh_token().map_or("none", |token| token.expose_secret())
}

pub(crate) fn id(id: &str) -> TokenId {
    TokenId::new(id).expect("valid")
}

pub(crate) fn id_of(user: &str) -> TokenId {
    TokenId::of_user(user).expect("valid")
}

/// The name of a user's secret.
pub(crate) fn name_of(user: &str) -> String {
    format!("{PREFIX}/{}", id_of(user).as_str())
}

/// The user's token, which must be there.
pub(crate) async fn found(store: &SecretsManagerTokenStore, user: &str) -> Arc<OAuthToken> {
    store.find_by_user(user).await.expect("it can be read").expect("it is there")
}

/// Starts a save in a task of its own.
pub(crate) fn spawn_save(
    store: &SecretsManagerTokenStore,
    token: &OAuthToken,
) -> JoinHandle<Result<Arc<OAuthToken>, StoreError>> {
    let (store, token) = (store.clone(), token.clone());
    tokio::spawn(async move { store.save_token(&token).await })
}

/// The id of a secret's current version.
pub(crate) async fn current_version(backend: &EmbeddedSecretsManager, name: &str) -> String {
    let answer = backend.client().get_secret_value().secret_id(name).send().await.expect("it is there");
    answer.version_id.expect("a version")
}
