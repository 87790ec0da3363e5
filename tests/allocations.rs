//! What finds that memory answers allocate: nothing, and through the trait the one future that `async_trait` boxes. And what
//! finds past memory do not: what is known already. A program of its own, for its allocator counts. It counts by thread, so other tests and the harness don't matter.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use oauth_token_store::embedded::EmbeddedSecretsManager;
use oauth_token_store::secrecy::SecretString;
use oauth_token_store::{Clock, OAuthToken, SecretsManagerTokenStore, StoreError, TokenId, TokenStore};
use tokio::runtime::{Builder, Runtime};

const HITS: u64 = 1000;

/// A clock that goes on only where a test says so.
#[derive(Clone, Default)]
struct Hand(Arc<AtomicU64>);

impl Hand {
    fn go_on_for_a_second(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Clock for Hand {
    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::Relaxed))
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + self.monotonic()
    }
}

/// All that a token can be asked for by.
struct Asked {
    user: String,
    assigned_id: TokenId,
    own_id: TokenId,
    partial: OAuthToken,
    client: String,
    refresh: SecretString,
    grant: SecretString,
    access: SecretString,
}

impl Asked {
    fn new() -> Self {
        let partial = OAuthToken::builder().id("own-id").user_name("bob").client_id("client");
        Self {
            user: "bob".to_owned(),
            assigned_id: TokenId::of_user("bob").expect("valid"),
            own_id: TokenId::new("own-id").expect("valid"),
            partial: partial.build().expect("valid"),
            client: "client".to_owned(),
            refresh: "refresh".into(),
            grant: "grant".into(),
            access: "access".into(),
        }
    }
}

type Found = Result<Option<Arc<OAuthToken>>, StoreError>;
type Find = fn(&SecretsManagerTokenStore, &Asked) -> Option<Found>;

/// Polled once: what is not in memory gives `None`.
const FINDS: [(&str, Find); 7] = [
    ("find_token_by_id", |store, asked| store.find_token_by_id(&asked.assigned_id).now_or_never()),
    ("find_token_by_id of an own id", |store, asked| store.find_token_by_id(&asked.own_id).now_or_never()),
    ("find_by_user", |store, asked| store.find_by_user(&asked.user).now_or_never()),
    ("find_token", |store, asked| store.find_token(&asked.partial).now_or_never()),
    ("find_by_refresh_token", |store, asked| {
        store.find_by_refresh_token(&asked.client, &asked.refresh).now_or_never()
    }),
    ("find_by_grant_token", |store, asked| {
        store.find_by_grant_token(&asked.client, &asked.grant).now_or_never()
    }),
    ("find_by_access_token", |store, asked| store.find_by_access_token(&asked.access).now_or_never()),
];

const FINDS_THROUGH_THE_TRAIT: [(&str, Find); 3] = [
    ("find_token_by_id", |store, asked| {
        let store: &dyn TokenStore = store;
        store.find_token_by_id(&asked.assigned_id).now_or_never()
    }),
    ("find_token_by_id of an own id", |store, asked| {
        let store: &dyn TokenStore = store;
        store.find_token_by_id(&asked.own_id).now_or_never()
    }),
    ("find_token", |store, asked| {
        let store: &dyn TokenStore = store;
        store.find_token(&asked.partial).now_or_never()
    }),
];

/// A store that has found a token by all that it can be asked for by.
async fn store_with(asked: &Asked, clock: Hand) -> SecretsManagerTokenStore {
    let backend = EmbeddedSecretsManager::new();
    let builder = || SecretsManagerTokenStore::builder().client(backend.client()).clock(clock.clone());
    let token =
        asked.partial.to_builder().refresh_token("refresh").grant_token("grant").access_token("access");
    let other_process = builder().build().await.expect("a store");
    other_process.save_token(&token.build().expect("valid")).await.expect("saved");

    let store = builder().time_to_live(Duration::from_secs(86_400)).build().await.expect("a store");
    for found in [
        store.find_token(&asked.partial).await,
        store.find_token_by_id(&asked.own_id).await,
        store.find_by_refresh_token(&asked.client, &asked.refresh).await,
        store.find_by_grant_token(&asked.client, &asked.grant).await,
        store.find_by_access_token(&asked.access).await,
    ] {
        assert!(found.expect("no failure").is_some());
    }
    store
}

/// How often memory is allocated in all hits; `between` comes before each.
fn allocations(store: &SecretsManagerTokenStore, asked: &Asked, find: Find, between: impl Fn()) -> u64 {
    let before = store.stats();
    let counted = allocation_counter::measure(|| {
        for _ in 0..HITS {
            between();
            let found = find(store, asked).and_then(Result::ok).flatten();
            assert!(black_box(found).is_some());
        }
    });
    let after = store.stats();
    assert_eq!((after.hits - before.hits, after.misses), (HITS, before.misses));
    counted.count_total
}

#[test]
fn the_allocator_counts() {
    let counted = allocation_counter::measure(|| (0..HITS).for_each(|n| drop(black_box(Box::new(n)))));
    assert_eq!(counted.count_total, HITS);
}

#[tokio::test]
async fn a_hit_allocates_nothing() {
    // Its clock stands still, so that the eviction policy, which is told of a use once a second, has been told already.
    let (asked, clock) = (Asked::new(), Hand::default());
    let store = store_with(&asked, clock).await;
    for (name, find) in FINDS {
        assert_eq!(allocations(&store, &asked, find, || {}), 0, "{name}");
    }
}

#[tokio::test]
async fn through_the_trait_a_hit_allocates_its_future_alone() {
    let (asked, clock) = (Asked::new(), Hand::default());
    let store = store_with(&asked, clock).await;
    for (name, find) in FINDS_THROUGH_THE_TRAIT {
        assert_eq!(allocations(&store, &asked, find, || {}), HITS, "{name}");
    }
}

/// The policy keeps its books for many uses at once.
#[tokio::test]
async fn of_hits_that_the_eviction_policy_is_told_of_few_allocate() {
    let (asked, clock) = (Asked::new(), Hand::default());
    let store = store_with(&asked, clock.clone()).await;
    for (name, find) in FINDS {
        let counted = allocations(&store, &asked, find, || clock.go_on_for_a_second());
        assert!(counted <= HITS / 50, "{name}: {counted}");
    }
}

/// What a find past memory allocates, its answer's way through the SDK included.
fn allocations_past_memory(store: &SecretsManagerTokenStore, runtime: &Runtime, user: &str) -> u64 {
    let counted = allocation_counter::measure(|| {
        let found = runtime.block_on(store.find_by_user(user));
        assert!(black_box(found).is_ok_and(|found| found.is_some()));
    });
    counted.count_total
}

#[test]
fn a_version_that_is_in_memory_is_not_parsed_again() {
    const EXTRAS: u64 = 100;
    // All on this thread, whose allocations are counted.
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let backend = EmbeddedSecretsManager::new();
    let new_store = || {
        let builder = SecretsManagerTokenStore::builder().client(backend.client());
        runtime.block_on(builder.time_to_live(Duration::ZERO).build()).expect("a store")
    };
    let (other_process, store) = (new_store(), new_store());
    for user in ["eve", "bob"] {
        let login = OAuthToken::builder().user_name(user).access_token("access");
        let login = (0..EXTRAS).fold(login, |login, n| login.extra(format!("extra-{n}"), "x"));
        let saved = runtime.block_on(other_process.save_token(&login.build().expect("valid")));
        saved.expect("saved");
    }
    // What a client does once, it has done then.
    allocations_past_memory(&store, &runtime, "eve");
    let [unknown, known] = [(), ()].map(|()| allocations_past_memory(&store, &runtime, "bob"));
    assert!(known + EXTRAS <= unknown, "{known} and {unknown}");
}
