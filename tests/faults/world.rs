//! A service, the store under test, and another process, all new for each run.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures_util::FutureExt;
use oauth_token_store::aws_sdk_secretsmanager::Client;
use oauth_token_store::aws_sdk_secretsmanager::config::retry::RetryConfig;
use oauth_token_store::aws_sdk_secretsmanager::config::timeout::TimeoutConfig;
use oauth_token_store::embedded::{EmbeddedSecretsManager, Operation};
use oauth_token_store::secrecy::ExposeSecret;
use oauth_token_store::{OAuthToken, SecretsManagerTokenStore, TokenId, TokenStore};
use serde_json::{Value, json};

use crate::action::{Armed, Exchange, ExchangeKind};
use crate::support::{cached, client_with_edited_requests, uncached};

/// Whose timeouts and retries apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientKind {
    /// Set up like the one that the store makes itself: 3 s an attempt, 8 s a call.
    Own,
    /// The SDK's defaults, without timeouts: the store gives up after 9 s.
    Brought,
}

pub(crate) struct World {
    client: ClientKind,
    pub(crate) backend: EmbeddedSecretsManager,
    /// A client of those who look at it from outside.
    pub(crate) plain: Client,
    /// The one under test.
    pub(crate) store: SecretsManagerTokenStore,
    /// Another process, without a cache. Faults strike it, too.
    pub(crate) other: SecretsManagerTokenStore,
    pub(crate) wire: Wire,
    /// What an earlier save has left in its error.
    pub(crate) remembered: Option<Arc<OAuthToken>>,
    pub(crate) exchanges: Arc<AtomicUsize>,
    /// How many of them were made to prepare it.
    pub(crate) exchanges_before: usize,
    /// What goes wrong once an exchange has ended.
    pub(crate) armed: Armed,
}

/// Something under the library's prefix that is not its own.
const FOREIGN: &str = "app/tokens/config";

impl World {
    pub(crate) async fn new(client: ClientKind) -> Self {
        let backend = EmbeddedSecretsManager::new();
        let wire = Wire::default();
        let store = cached(wire.client(&backend, client)).build().await.expect("a store");
        let plain = backend.client();
        let other = uncached(plain.clone()).build().await.expect("a store");
        plain.create_secret().name(FOREIGN).secret_string("theirs").send().await.expect("created");
        Self {
            client,
            backend,
            plain,
            store,
            other,
            wire,
            remembered: None,
            exchanges: Arc::default(),
            exchanges_before: 0,
            armed: Armed::default(),
        }
    }

    /// The store under test is dropped, and another one is made in its place.
    pub(crate) async fn with_another_store(mut self) -> Self {
        let client = self.wire.client(&self.backend, self.client);
        self.store = cached(client).build().await.expect("a store");
        self
    }

    /// Whether an exchange has begun since it was prepared.
    pub(crate) fn has_exchanged(&self) -> bool {
        self.exchanges.load(Ordering::SeqCst) > self.exchanges_before
    }

    /// Another process saves a newer access token over the only record that is stored.
    pub(crate) async fn goes_on_elsewhere(&self, stored: &Stored) -> Arc<OAuthToken> {
        let newest = stored.tokens[0].to_builder().access_token("newest").build().expect("valid");
        self.other.save_token(&newest).await.expect("saved")
    }

    pub(crate) fn exchange(&self, kind: ExchangeKind) -> Exchange {
        let (begun, armed) = (Arc::clone(&self.exchanges), Arc::clone(&self.armed));
        Exchange { kind, begun, other: self.other.clone(), armed }
    }

    /// What the store under test has in memory of bob.
    pub(crate) fn found_in_memory(&self) -> Option<Arc<OAuthToken>> {
        self.store.find_by_user("bob").now_or_never()?.expect("no request, no failure")
    }

    /// What is stored, as a process sees it that knows nothing yet.
    pub(crate) async fn stored(&self) -> Stored {
        let fresh = uncached(self.plain.clone()).build().await.expect("a store");
        let mut tokens = fresh.get_tokens().await.expect("listed");
        tokens.sort_by_key(|token| token.assigned_id().map(|id| id.as_str().to_owned()));
        Stored { tokens, names: self.backend.secret_names() }
    }
}

/// All that is stored.
#[derive(PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) tokens: Vec<Arc<OAuthToken>>,
    /// The foreign one and those that cannot be read included.
    pub(crate) names: Vec<String>,
}

impl Stored {
    pub(crate) fn ids(&self) -> impl Iterator<Item = &TokenId> {
        self.tokens.iter().filter_map(|token| token.assigned_id())
    }
}

/// Such as `bob r a mine; eve r a`.
impl std::fmt::Display for Stored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&Vec::from_iter(self.tokens.iter().map(|token| shown(token))).join("; "))
    }
}

/// What of a token the cases tell apart. Nothing in these tests is secret.
pub(crate) fn shown(token: &OAuthToken) -> String {
    let id = token.id().filter(|id| !id.is_store_assigned()).map(TokenId::as_str);
    let [refresh, access] = [token.refresh_token(), token.access_token()];
    let secrets = [refresh, access].map(|secret| secret.map(|secret| secret.expose_secret()));
    let marks = ["mine", "theirs"].map(|mark| token.extra(mark).map(|_| mark));
    let parts = [token.user_name(), id].into_iter().chain(secrets).chain(marks);
    Vec::from_iter(parts.flatten()).join(" ")
}

/// The requests that the store under test has sent, and those that are to be spoiled on their way.
#[derive(Clone, Default)]
pub(crate) struct Wire(Arc<Mutex<Traffic>>);

#[derive(Default)]
pub(crate) struct Traffic {
    pub(crate) sent: Vec<Operation>,
    spoiling: Option<Spoiling>,
}

/// Which requests are made invalid.
#[derive(Clone, Copy)]
pub(crate) struct Spoiling {
    pub(crate) skip: usize,
    pub(crate) times: Option<usize>,
    pub(crate) only: Option<Operation>,
}

impl Wire {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Traffic> {
        self.0.lock().expect("no panic while it is held")
    }

    /// Forgets what was sent so far, and spoils nothing any more.
    pub(crate) fn clear(&self) {
        *self.lock() = Traffic::default();
    }

    pub(crate) fn sent(&self) -> Vec<Operation> {
        self.lock().sent.clone()
    }

    /// From now on these requests are made invalid.
    pub(crate) fn spoil(&self, spoiling: Spoiling) {
        self.lock().spoiling = Some(spoiling);
    }

    fn client(&self, backend: &EmbeddedSecretsManager, kind: ClientKind) -> Client {
        let wire = self.clone();
        let client = client_with_edited_requests(backend, move |operation, request| {
            let operation = operation_named(operation);
            let mut traffic = wire.lock();
            traffic.sent.push(operation);
            if traffic.spoiling.as_mut().is_some_and(|spoiling| spoiling.strikes(operation)) {
                make_invalid(request);
            }
        });
        match kind {
            ClientKind::Brought => client,
            ClientKind::Own => {
                let timeouts = TimeoutConfig::builder()
                    .connect_timeout(Duration::from_secs(1))
                    .operation_attempt_timeout(Duration::from_secs(3))
                    .operation_timeout(Duration::from_secs(8))
                    .build();
                let retries = RetryConfig::standard().with_initial_backoff(Duration::from_millis(100));
                let config = client.config().to_builder().timeout_config(timeouts).retry_config(retries);
                Client::from_conf(config.build())
            }
        }
    }
}

impl Spoiling {
    fn strikes(&mut self, operation: Operation) -> bool {
        if self.only.is_some_and(|only| only != operation) || self.times == Some(0) {
            return false;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        if let Some(times) = &mut self.times {
            *times -= 1;
        }
        true
    }
}

/// Whatever it asks for, the service refuses this as malformed.
fn make_invalid(request: &mut Value) {
    for member in ["SecretId", "Name"] {
        if let Some(member) = request.get_mut(member) {
            *member = json!("");
        }
    }
    if let Some(ids) = request.get_mut("SecretIdList") {
        *ids = json!([]);
    }
    if let Some(number) = request.get_mut("MaxResults") {
        *number = json!(0);
    }
}

pub(crate) fn operation_named(name: &str) -> Operation {
    const ALL: [Operation; 9] = [
        Operation::GetSecretValue,
        Operation::BatchGetSecretValue,
        Operation::ListSecrets,
        Operation::DescribeSecret,
        Operation::ListSecretVersionIds,
        Operation::CreateSecret,
        Operation::PutSecretValue,
        Operation::TagResource,
        Operation::DeleteSecret,
    ];
    ALL.into_iter().find(|operation| operation.name() == name).expect("an operation that the store makes")
}
