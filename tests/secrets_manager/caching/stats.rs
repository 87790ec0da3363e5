//! What `stats` counts: each number moves by what happened, and no other one does.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use oauth_token_store::embedded::{EmbeddedSecretsManager, Fault, Gate, Operation};
use oauth_token_store::secrecy::SecretString;
use oauth_token_store::{Clock, SecretsManagerTokenStore, StoreStats, TokenStore};
use tokio::time::{advance, sleep};

use crate::support::{cached, cached_store_on, found, id_of, login, new_cached, store_on, token};

/// Beyond the time to live.
const LONG: Duration = Duration::from_secs(301);

/// What has happened since it was asked last is this.
struct Watched {
    store: SecretsManagerTokenStore,
    so_far: StoreStats,
}

impl Watched {
    fn new(store: &SecretsManagerTokenStore) -> Self {
        Self { store: store.clone(), so_far: store.stats() }
    }

    #[track_caller]
    fn assert_moved(&mut self, moved: impl FnOnce(&mut StoreStats)) {
        moved(&mut self.so_far);
        assert_eq!(self.store.stats(), self.so_far);
    }
}

/// A store with nothing in its memory, and bob's token in the service.
async fn new_with_bob() -> (EmbeddedSecretsManager, SecretsManagerTokenStore, Watched) {
    let (backend, store) = new_cached().await;
    store_on(&backend).await.save_token(&login("bob")).await.expect("saved");
    let watched = Watched::new(&store);
    (backend, store, watched)
}

#[tokio::test]
async fn nothing_has_happened_in_a_new_store() {
    let (_, store) = new_cached().await;
    assert_eq!(store.stats(), StoreStats::default());
}

#[tokio::test]
async fn the_first_find_is_a_miss_and_a_load_and_each_one_after_it_a_hit() {
    let (_, store, mut stats) = new_with_bob().await;
    found(&store, "bob").await;
    stats.assert_moved(|stats| (stats.misses, stats.loads) = (1, 1));
    found(&store, "bob").await;
    store.find_token(&login("bob")).await.expect("found");
    store.find_token_by_id(&id_of("bob")).await.expect("found");
    let dynamic: &dyn TokenStore = &store;
    dynamic.find_token_by_id(&id_of("bob")).await.expect("found");
    stats.assert_moved(|stats| stats.hits += 4);
}

#[tokio::test]
async fn that_there_is_no_token_is_a_hit_too_once_it_is_known() {
    let (_, store, mut stats) = new_with_bob().await;
    assert_eq!(store.find_by_user("eve").await.expect("no failure"), None);
    stats.assert_moved(|stats| (stats.misses, stats.loads) = (1, 1));
    assert_eq!(store.find_by_user("eve").await.expect("no failure"), None);
    stats.assert_moved(|stats| stats.hits += 1);
}

#[tokio::test]
async fn a_find_that_a_search_answers_reads_each_record_it_looks_at() {
    let (_, store, mut stats) = new_with_bob().await;
    let refresh = SecretString::from("refresh-bob");
    let find = async || store.find_by_refresh_token("client", &refresh).await.expect("no failure");
    // The record that the refresh token would name, and bob's.
    assert!(find().await.is_some());
    stats.assert_moved(|stats| (stats.misses, stats.loads) = (2, 2));
    assert!(find().await.is_some());
    stats.assert_moved(|stats| stats.hits += 1);
}

#[tokio::test]
async fn a_save_counts_nothing_and_what_it_leaves_is_a_hit() {
    let (_, store, mut stats) = new_with_bob().await;
    store.save_token(&login("eve")).await.expect("saved");
    store.save_token(&token().user_name("bob").scope("all").build().expect("valid")).await.expect("saved");
    stats.assert_moved(|_| {});
    found(&store, "eve").await;
    found(&store, "bob").await;
    stats.assert_moved(|stats| stats.hits += 2);
    store.delete_token(&id_of("eve")).await.expect("deleted");
    stats.assert_moved(|_| {});
}

#[tokio::test]
async fn two_that_share_a_load_have_missed_both() {
    let (backend, store, mut stats) = new_with_bob().await;
    let gate = backend.gate(Gate::before(Operation::GetSecretValue));
    let first = tokio::spawn({
        let store = store.clone();
        async move { store.find_by_user("bob").await }
    });
    gate.arrived(1).await;
    let bob = id_of("bob");
    let second = store.find_token_by_id(&bob);
    let (second, ()) = tokio::join!(second, async { gate.open() });
    assert!(first.await.expect("no panic").expect("found").is_some() && second.expect("found").is_some());
    stats.assert_moved(|stats| (stats.misses, stats.loads) = (2, 1));
}

/// What it waits for is worth nothing any more once the token is invalidated, or deleted: it looks again.
#[tokio::test]
async fn a_find_that_has_to_look_again_has_missed_once() {
    let (backend, store, mut stats) = new_with_bob().await;
    let gate = backend.gate(Gate::before(Operation::GetSecretValue));
    let find = tokio::spawn({
        let store = store.clone();
        async move { store.find_by_user("bob").await }
    });
    gate.arrived(1).await;
    store.invalidate_all();
    assert!(gate.release_one());
    gate.arrived(1).await;
    stats.assert_moved(|stats| (stats.misses, stats.loads) = (1, 2));
    store.delete_token(&id_of("bob")).await.expect("deleted");
    gate.open();
    assert_eq!(find.await.expect("no panic").expect("no failure"), None);
    stats.assert_moved(|_| {});
}

#[tokio::test]
async fn a_reload_is_a_miss_and_a_load_whatever_is_known() {
    let (_, store, mut stats) = new_with_bob().await;
    for _ in 0..2 {
        store.reload(&id_of("bob")).await.expect("found");
        stats.assert_moved(|stats| (stats.misses, stats.loads) = (stats.misses + 1, stats.loads + 1));
    }
    store.invalidate(&id_of("bob"));
    stats.assert_moved(|_| {});
    found(&store, "bob").await;
    stats.assert_moved(|stats| (stats.misses, stats.loads) = (3, 3));
}

#[tokio::test]
async fn a_failed_load_is_a_load_and_a_failure() {
    let (backend, store, mut stats) = new_with_bob().await;
    backend.inject(Fault::access_denied().on(Operation::GetSecretValue));
    for n in 1..=2 {
        store.find_by_user("bob").await.expect_err("denied");
        stats.assert_moved(|stats| (stats.misses, stats.loads, stats.load_failures) = (n, n, n));
    }
}

#[tokio::test(start_paused = true)]
async fn in_an_outage_each_find_is_a_miss_and_a_stale_read_but_not_each_a_load() {
    let (backend, store, mut stats) = new_with_bob().await;
    found(&store, "bob").await;
    stats.assert_moved(|stats| (stats.misses, stats.loads) = (1, 1));
    advance(LONG).await;
    backend.inject(Fault::server_error().on(Operation::GetSecretValue));
    found(&store, "bob").await;
    stats.assert_moved(|stats| {
        (stats.misses, stats.loads) = (2, 2);
        (stats.load_failures, stats.stale_reads) = (1, 1);
    });
    found(&store, "bob").await;
    found(&store, "bob").await;
    stats.assert_moved(|stats| (stats.misses, stats.stale_reads) = (4, 3));

    // A second later the service is tried again, behind the back of the one who asks.
    advance(Duration::from_secs(1)).await;
    found(&store, "bob").await;
    sleep(Duration::from_secs(60)).await;
    stats.assert_moved(|stats| {
        (stats.misses, stats.loads) = (5, 3);
        (stats.load_failures, stats.stale_reads) = (2, 4);
    });
    backend.clear_faults();
    found(&store, "bob").await;
    stats.assert_moved(|stats| (stats.misses, stats.loads) = (6, 4));
}

#[tokio::test(start_paused = true)]
async fn each_load_that_shows_an_older_version_is_a_backward_read() {
    let (backend, _) = new_cached().await;
    let store = cached(backend.client()).time_to_live(Duration::from_secs(5)).build().await.expect("a store");
    store.save_token(&login("bob")).await.expect("saved");
    sleep(Duration::from_secs(100)).await;
    backend.set_read_lag(Duration::from_secs(50));
    let changed = token().user_name("bob").scope("newer").build().expect("valid");
    found(&cached_store_on(&backend).await, "bob").await;
    store.save_token(&changed).await.expect("saved");
    let mut stats = Watched::new(&store);

    advance(Duration::from_secs(5)).await;
    assert_eq!(found(&store, "bob").await.scope(), Some("newer"));
    let StoreStats { misses, loads, .. } = stats.so_far;
    // One miss; the load is repeated once.
    stats.assert_moved(|stats| {
        (stats.misses, stats.loads) = (misses + 1, loads + 2);
        stats.backward_reads = 2;
    });
    assert_eq!(found(&store, "bob").await.scope(), Some("newer"));
    stats.assert_moved(|stats| stats.hits += 1);
}

/// A clock that goes on only where a test says so.
#[derive(Clone, Default)]
struct Hand(Arc<AtomicU64>);

impl Clock for Hand {
    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::Relaxed))
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + self.monotonic()
    }
}

/// Room is made not at once but along with later uses: the policy hears of one use a second and token, so here each is a
/// second after the one before.
#[tokio::test]
async fn each_token_that_is_dropped_for_lack_of_room_is_an_eviction() {
    let (backend, _) = new_cached().await;
    let clock = Hand::default();
    let store = cached(backend.client()).clock(clock.clone()).max_capacity(2);
    let store = store.time_to_live(Duration::from_secs(86_400)).build().await.expect("a store");
    let use_it_often = async || {
        for _ in 0..1000 {
            clock.0.fetch_add(1, Ordering::Relaxed);
            found(&store, "e").await;
        }
    };
    let mut stats = Watched::new(&store);
    for user in ["a", "b", "c", "d", "e"] {
        store.save_token(&login(user)).await.expect("saved");
    }
    use_it_often().await;
    stats.assert_moved(|stats| (stats.hits, stats.evictions) = (1000, 3));

    // Neither what takes its own place, nor what is forgotten or deleted, nor that there is no token.
    store.save_token(&token().user_name("e").scope("all").build().expect("valid")).await.expect("saved");
    store.invalidate(&id_of("d"));
    store.delete_token(&id_of("c")).await.expect("deleted");
    for nobody in 0..200 {
        assert_eq!(store.find_by_user(&format!("nobody-{nobody}")).await.expect("no failure"), None);
    }
    stats.so_far = store.stats();
    assert_eq!(stats.so_far.evictions, 3);
    use_it_often().await;
    stats.assert_moved(|stats| stats.hits += 1000);
}
