//! What cached tokens take of memory, as the allocator is asked for it. A program of its own, for its allocator counts. It
//! counts by thread, so other tests and the harness don't matter.

#[path = "../benches/tokens/mod.rs"]
mod tokens;

use std::time::Duration;

use futures_util::FutureExt;
use oauth_token_store::embedded::EmbeddedSecretsManager;
use oauth_token_store::secrecy::ExposeSecret;
use oauth_token_store::{SecretsManagerTokenStore, TokenStore};
use tokio::runtime::Runtime;

use tokens::{token, users};

/// What a cached token of 800 bytes of JSON may take, with all that leads to it.
const BYTES: i64 = 2048;

struct Scene {
    runtime: Runtime,
    backend: EmbeddedSecretsManager,
}

impl Scene {
    /// A backend that holds a token of each of these users.
    fn with(users: &[String]) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let backend = EmbeddedSecretsManager::new();
        let scene = Self { runtime, backend };
        let writer = scene.store(0);
        scene.runtime.block_on(async {
            for user in users {
                writer.save_token(&token(user)).await.expect("saved");
            }
        });
        scene
    }

    fn store(&self, max_capacity: u64) -> SecretsManagerTokenStore {
        let builder = SecretsManagerTokenStore::builder().client(self.backend.client());
        let builder = builder.max_capacity(max_capacity).time_to_live(Duration::from_secs(86_400));
        self.runtime.block_on(builder.build()).expect("a store")
    }

    fn find(&self, store: &SecretsManagerTokenStore, users: &[String]) {
        self.runtime.block_on(async {
            for user in users {
                assert!(store.find_by_user(user).await.expect("no failure").is_some());
            }
        });
    }
}

/// By how many bytes more is allocated after this than before.
fn grown(work: impl FnOnce()) -> i64 {
    allocation_counter::measure(work).bytes_current
}

#[test]
fn the_allocator_counts() {
    let mut kept = Vec::new();
    assert_eq!(grown(|| kept = vec![0_u8; 1000]), 1000);
    assert_eq!(grown(|| drop(std::mem::take(&mut kept))), -1000);
}

#[test]
fn a_cached_token_takes_two_kilobytes_at_most() {
    let users = users(2000);
    let (first, others) = users.split_at(100);
    let scene = Scene::with(&users);
    // The index and moka free some of what they have replaced later, when they get to it: that is not the tokens'.
    let each = (0..3).map(|_| {
        let store = scene.store(10_000);
        // What the client, the runtime and the store allocate once is there before.
        scene.find(&store, first);
        grown(|| scene.find(&store, others)) / others.len() as i64
    });
    let each = each.min().expect("three");
    // Less than the text itself would be no cache.
    assert!((800..=BYTES).contains(&each), "{each} bytes");
}

#[test]
fn a_token_that_many_use_at_once_takes_as_much_again_and_its_secrets_are_shared() {
    const CALLERS: usize = 5;
    let users = users(200);
    let scene = Scene::with(&users);
    let store = scene.store(10_000);
    scene.find(&store, &users);
    let mut found = Vec::with_capacity(users.len() * CALLERS);
    let each = grown(|| {
        for user in &users {
            for _ in 0..CALLERS {
                found.push(store.find_by_user(user).now_or_never().expect("in memory").expect("no failure"));
            }
        }
    }) / users.len() as i64;
    assert!((500..=BYTES).contains(&each), "{each} bytes");
    for tokens in found.chunks(CALLERS) {
        let secrets = tokens.iter().flatten().filter_map(|token| token.access_token());
        let mut places: Vec<_> = secrets.map(|secret| secret.expose_secret().as_ptr()).collect();
        assert_eq!(places.len(), CALLERS);
        places.dedup();
        assert_eq!(places.len(), 1);
    }
}

#[test]
fn memory_is_bounded_however_many_tokens_are_used() {
    const CAPACITY: usize = 200;
    /// So many changes moka may put off; what they are about stays until then.
    const BACKLOG: i64 = 512;
    let users = users(2000);
    let scene = Scene::with(&users);
    let store = scene.store(CAPACITY as u64);
    scene.find(&store, &users[..CAPACITY]);
    let full = grown(|| scene.find(&store, &users[CAPACITY..]));
    assert!(store.stats().evictions > 1000, "{:?}", store.stats());
    assert!(full < BACKLOG * BYTES, "{full} bytes more than with {CAPACITY} tokens");
}
