//! What the tests of the cache share: clocks that a test moves, and a record for each kind of lookup.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use oauth_token_store::embedded::{EmbeddedSecretsManager, Gate, GateHandle, Operation};
use oauth_token_store::{
    Clock, OAuthToken, OAuthTokenBuilder, SecretsManagerTokenStore, SecretsManagerTokenStoreBuilder,
    StoreError, TokenId, TokenStore,
};
use tokio::task::JoinHandle;

use crate::support::{cached, cached_store_on, id_of, spawn_save, store_on, token};

pub(super) const SECOND: Duration = Duration::from_secs(1);

/// Two clocks that stand still until a test moves them.
#[derive(Clone)]
pub(super) struct Hands(Arc<Inner>);

/// In milliseconds.
struct Inner {
    monotonic: AtomicU64,
    wall: AtomicU64,
}

impl Hands {
    fn new() -> Self {
        Self(Arc::new(Inner { monotonic: AtomicU64::new(0), wall: AtomicU64::new(2_000_000_000_000) }))
    }

    /// Time passes by both clocks, and by tokio's.
    pub(super) async fn pass(&self, time: Duration) {
        self.pass_monotonic(time);
        self.pass_wall(time);
        tokio::time::sleep(time).await;
    }

    pub(super) fn pass_monotonic(&self, time: Duration) {
        self.0.monotonic.fetch_add(millis(time), Ordering::Relaxed);
    }

    pub(super) fn pass_wall(&self, time: Duration) {
        self.0.wall.fetch_add(millis(time), Ordering::Relaxed);
    }

    pub(super) fn set_wall_back(&self, time: Duration) {
        self.0.wall.fetch_sub(millis(time), Ordering::Relaxed);
    }

    /// So long from now, by the wall clock.
    pub(super) fn in_future(&self, time: Duration) -> SystemTime {
        self.wall() + time
    }
}

impl Clock for Hands {
    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.0.monotonic.load(Ordering::Relaxed))
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(self.0.wall.load(Ordering::Relaxed))
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).expect("a short time")
}

/// A store whose clocks the test moves.
pub(super) async fn timed(backend: &EmbeddedSecretsManager) -> (Hands, SecretsManagerTokenStore) {
    timed_with(backend, |builder| builder).await
}

pub(super) async fn timed_with(
    backend: &EmbeddedSecretsManager,
    set_up: impl FnOnce(SecretsManagerTokenStoreBuilder) -> SecretsManagerTokenStoreBuilder,
) -> (Hands, SecretsManagerTokenStore) {
    let hands = Hands::new();
    let builder = set_up(cached(backend.client()).clock(hands.clone()));
    (hands, builder.build().await.expect("a store"))
}

/// A record and a way to look it up.
pub(super) struct Lookup {
    pub(super) name: &'static str,
    /// What is asked for.
    pub(super) partial: OAuthToken,
    /// The first token of the record.
    pub(super) first: OAuthToken,
    /// Whether it takes a search.
    pub(super) by_search: bool,
}

fn built(token: OAuthTokenBuilder) -> OAuthToken {
    token.build().expect("valid")
}

/// Every kind of lookup.
pub(super) fn lookups() -> Vec<Lookup> {
    let own_id = || token().id("7");
    let refresh = || token().client_id("c").refresh_token("r");
    let grant = || token().client_id("c").grant_token("g");
    let access = || token().access_token("a");
    let of_bob = |partial: OAuthTokenBuilder| partial.user_name("bob").access_token("a");
    let by = |name, partial: OAuthTokenBuilder, first: OAuthTokenBuilder, by_search| Lookup {
        name,
        partial: built(partial),
        first: built(first),
        by_search,
    };
    vec![
        by("user", token().user_name("bob"), of_bob(token()), false),
        by("store-assigned id", token().id(id_of("bob")), of_bob(token()), false),
        by("own id of a user's record", own_id(), of_bob(own_id()), true),
        by("own id that names the record", own_id(), own_id().access_token("a"), false),
        by("refresh token of a user's record", refresh(), of_bob(refresh()), true),
        by("refresh token that names the record", refresh(), refresh().access_token("a"), false),
        by("grant token of a user's record", grant(), of_bob(grant()), true),
        by("grant token that names the record", grant(), grant().access_token("a"), false),
        by("access token of a user's record", access(), of_bob(token()), true),
        by("access token that names the record", access(), access(), false),
    ]
}

/// A record that another process has saved, a way to look it up, and a store that knows nothing of it yet.
pub(super) struct Scene {
    pub(super) lookup: Lookup,
    pub(super) backend: EmbeddedSecretsManager,
    pub(super) store: SecretsManagerTokenStore,
    /// Another process's, without a cache.
    pub(super) other: SecretsManagerTokenStore,
    /// The store-assigned id of the record.
    pub(super) id: TokenId,
}

impl Scene {
    pub(super) async fn new(lookup: Lookup) -> Self {
        let backend = EmbeddedSecretsManager::new();
        let (store, other) = (cached_store_on(&backend).await, store_on(&backend).await);
        let saved = other.save_token(&lookup.first).await.expect("saved");
        let id = saved.assigned_id().expect("assigned").clone();
        tokio::time::sleep(SECOND).await;
        Self { lookup, backend, store, other, id }
    }

    /// A gate in front of or behind the reads of the record.
    pub(super) fn gate_of_reads(&self, point: fn(Operation) -> Gate) -> GateHandle {
        self.backend.gate(point(Operation::GetSecretValue).on_secret(self.id.as_str()))
    }

    /// The lookup, with a number in an extra to be saved.
    pub(super) fn numbered(&self, number: u32) -> OAuthToken {
        // By the record's own name: the kind of lookup matters for finds.
        token().id(&self.id).extra("number", number.to_string()).build().expect("valid")
    }

    pub(super) fn spawn_find(&self) -> JoinHandle<Result<Option<Arc<OAuthToken>>, StoreError>> {
        let (store, partial) = (self.store.clone(), self.lookup.partial.clone());
        tokio::spawn(async move { store.find_token(&partial).await })
    }

    pub(super) async fn find(&self) -> Option<Arc<OAuthToken>> {
        self.store.find_token(&self.lookup.partial).await.expect("found or not")
    }

    /// The number of the token that is found.
    pub(super) async fn found(&self) -> Option<String> {
        self.find().await.map(|token| number_of(&token))
    }

    /// A save that has read what it needs and is held in front of its write.
    pub(super) async fn held_save(
        &self,
        store: &SecretsManagerTokenStore,
        number: u32,
    ) -> (GateHandle, JoinHandle<Result<Arc<OAuthToken>, StoreError>>) {
        let gate = self.backend.gate(Gate::before(Operation::PutSecretValue));
        let save = spawn_save(store, &self.numbered(number));
        gate.arrived(1).await;
        (gate, save)
    }
}

pub(super) fn number_of(token: &OAuthToken) -> String {
    token.extra("number").unwrap_or("none").to_owned()
}

pub(super) fn some(number: &str) -> Option<String> {
    Some(number.to_owned())
}

/// What comes out of a task.
pub(super) async fn done<T>(task: JoinHandle<Result<T, StoreError>>) -> T {
    task.await.expect("no panic").expect("it works")
}

/// Puts AWSCURRENT of a user's secret where it was before the last write, as somebody does in the console.
pub(super) async fn roll_back(backend: &EmbeddedSecretsManager, name: &str, to: &str) {
    let current = crate::support::current_version(backend, name).await;
    let client = backend.client();
    let update = client.update_secret_version_stage().secret_id(name).version_stage("AWSCURRENT");
    update.move_to_version_id(to).remove_from_version_id(current).send().await.expect("rolled back");
}
