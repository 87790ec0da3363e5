//! What the tests share.

use std::sync::Arc;
use std::time::Duration;

use oauth_token_store::aws_sdk_secretsmanager::Client;
use oauth_token_store::aws_sdk_secretsmanager::config::interceptors::BeforeTransmitInterceptorContextMut;
use oauth_token_store::aws_sdk_secretsmanager::config::{ConfigBag, Intercept, RuntimeComponents};
use oauth_token_store::aws_sdk_secretsmanager::error::BoxError;
use oauth_token_store::embedded::{EmbeddedSecretsManager, Gate, GateHandle, Operation, TokioClock};
use oauth_token_store::secrecy::ExposeSecret;
use oauth_token_store::{
    OAuthToken, OAuthTokenBuilder, SecretsManagerTokenStore, SecretsManagerTokenStoreBuilder, StoreError,
    TokenId, TokenStore,
};
use serde_json::Value;
use tokio::task::JoinHandle;

pub(crate) const PREFIX: &str = "app/tokens";

/// A store with a client of its own, as if in another process. Its cache is off: the tests of the protocol are about
/// what each operation reads and writes.
pub(crate) async fn store_on(backend: &EmbeddedSecretsManager) -> SecretsManagerTokenStore {
    uncached(backend.client()).build().await.expect("a store")
}

pub(crate) fn uncached(client: Client) -> SecretsManagerTokenStoreBuilder {
    cached(client).time_to_live(Duration::ZERO)
}

pub(crate) fn cached(client: Client) -> SecretsManagerTokenStoreBuilder {
    SecretsManagerTokenStore::builder().prefix(PREFIX).client(client).clock(TokioClock::new())
}

/// A store with a client of its own and the cache that everybody has.
pub(crate) async fn cached_store_on(backend: &EmbeddedSecretsManager) -> SecretsManagerTokenStore {
    cached(backend.client()).build().await.expect("a store")
}

/// A new backend and a store on it.
pub(crate) async fn new() -> (EmbeddedSecretsManager, SecretsManagerTokenStore) {
    let backend = EmbeddedSecretsManager::new();
    let store = store_on(&backend).await;
    (backend, store)
}

/// A store with a client of its own, whose requests `edit` may change on their way: so they get answers that the backend
/// gives only to other ones. It is told the operation and the request's JSON.
pub(crate) async fn store_with_edited_requests(
    backend: &EmbeddedSecretsManager,
    edit: impl Fn(&str, &mut Value) + Send + Sync + 'static,
) -> SecretsManagerTokenStore {
    uncached(client_with_edited_requests(backend, edit)).build().await.expect("a store")
}

pub(crate) fn client_with_edited_requests(
    backend: &EmbeddedSecretsManager,
    edit: impl Fn(&str, &mut Value) + Send + Sync + 'static,
) -> Client {
    Client::from_conf(backend.client().config().to_builder().interceptor(Editor(edit)).build())
}

struct Editor<F>(F);

impl<F> std::fmt::Debug for Editor<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Editor")
    }
}

impl<F: Fn(&str, &mut Value) + Send + Sync> Intercept for Editor<F> {
    fn name(&self) -> &'static str {
        "Editor"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        let operation =
            request.headers().get("x-amz-target").and_then(|target| target.split('.').next_back());
        let operation = operation.unwrap_or_default().to_owned();
        let mut body = serde_json::from_slice(request.body().bytes().unwrap_or_default())?;
        (self.0)(&operation, &mut body);
        *request.body_mut() = body.to_string().into();
        Ok(())
    }
}

/// A store in front of a service that answers a repeated Create with «exists», as LocalStack does.
pub(crate) async fn store_told_that_its_creates_exist(
    backend: &EmbeddedSecretsManager,
) -> SecretsManagerTokenStore {
    uncached(client_told_that_its_creates_exist(backend)).build().await.expect("a store")
}

pub(crate) fn client_told_that_its_creates_exist(backend: &EmbeddedSecretsManager) -> Client {
    let seen = std::sync::Mutex::new(std::collections::HashSet::new());
    client_with_edited_requests(backend, move |operation, request| {
        let token = &mut request["ClientRequestToken"];
        if operation == "CreateSecret" && !seen.lock().expect("no panic").insert(token.to_string()) {
            *token = uuid::Uuid::new_v4().to_string().into();
        }
    })
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

/// Of two saves on one base, `two`'s rotation of bob's refresh token lands; behind it, at the gate, `one` writes a whole
/// token with the refresh token of the base and a newer access token.
pub(crate) async fn whole_token_behind_a_rotation(
    backend: &EmbeddedSecretsManager,
    one: &SecretsManagerTokenStore,
    two: &SecretsManagerTokenStore,
) -> (GateHandle, JoinHandle<Result<Arc<OAuthToken>, StoreError>>) {
    let gate = backend.gate(Gate::before(Operation::PutSecretValue));
    let rotation = spawn_save(two, &refresh("bob", "rotated"));
    gate.arrived(1).await;
    let whole = token().user_name("bob").refresh_token("refresh-bob").access_token("newer");
    let save = spawn_save(one, &whole.build().expect("valid"));
    gate.arrived(2).await;
    assert!(gate.release_one());
    rotation.await.expect("no panic").expect("saved");
    (gate, save)
}

/// A new backend and a store on it with the cache that everybody has.
pub(crate) async fn new_cached() -> (EmbeddedSecretsManager, SecretsManagerTokenStore) {
    let backend = EmbeddedSecretsManager::new();
    let store = cached_store_on(&backend).await;
    (backend, store)
}

/// What a piece of work gives, and the requests that it took.
macro_rules! cost {
    ($backend:expr, $work:expr) => {{
        let before = $backend.requests();
        let outcome = $work.await.expect("it works");
        (outcome, $backend.requests().since(&before).to_string())
    }};
}
pub(crate) use cost;
