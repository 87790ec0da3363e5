//! How much is kept.

use oauth_token_store::TokenStore;
use oauth_token_store::embedded::EmbeddedSecretsManager;

use super::scene::{SECOND, timed_with};
use crate::support::{cached, cost, found, id_of, login, store_on};

const CAPACITY: u64 = 100;

fn users(number: u64) -> Vec<String> {
    (0..number).map(|user| user.to_string()).collect()
}

#[tokio::test(start_paused = true)]
async fn no_more_tokens_are_kept_than_there_is_room_for() {
    let backend = EmbeddedSecretsManager::new();
    let store = cached(backend.client()).max_capacity(CAPACITY).build().await.expect("a store");
    let users = users(700);
    for user in &users {
        store.save_token(&login(user)).await.expect("saved");
    }
    let before = store.stats();
    for user in users.iter().rev() {
        found(&store, user).await;
    }
    let hits = store.stats().hits - before.hits;
    // moka evicts in batches: some more may stay for a moment.
    assert!((CAPACITY..5 * CAPACITY).contains(&hits), "{hits} of 700 were in memory");
    assert!(store.stats().evictions > 0);
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_misses_drives_no_token_out() {
    let backend = EmbeddedSecretsManager::new();
    let store = cached(backend.client()).max_capacity(CAPACITY).build().await.expect("a store");
    let users = users(CAPACITY);
    for user in &users {
        store.save_token(&login(user)).await.expect("saved");
    }
    for nobody in 0..700 {
        assert_eq!(store.find_by_user(&format!("nobody-{nobody}")).await.expect("a miss"), None);
    }
    let before = backend.requests();
    for user in &users {
        found(&store, user).await;
    }
    assert_eq!(backend.requests().since(&before).to_string(), "no requests");
    assert_eq!(store.stats().evictions, 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_in_use_stays() {
    let backend = EmbeddedSecretsManager::new();
    let (hands, store) = timed_with(&backend, |builder| builder.max_capacity(5 * CAPACITY)).await;
    store.save_token(&login("bob")).await.expect("saved");
    for user in users(12 * CAPACITY) {
        store.save_token(&login(&user)).await.expect("saved");
        hands.pass_monotonic(SECOND / 50);
        assert_eq!(cost!(backend, store.find_by_user("bob")).1, "no requests");
    }
}

/// What was seen of a token goes with it.
#[tokio::test(start_paused = true)]
async fn what_is_evicted_is_forgotten() {
    let backend = EmbeddedSecretsManager::new();
    let store = cached(backend.client()).max_capacity(1).build().await.expect("a store");
    store.save_token(&login("bob")).await.expect("saved");
    for user in users(700) {
        store.save_token(&login(&user)).await.expect("saved");
    }
    assert!(store.stats().evictions > 0);
    store_on(&backend).await.delete_token(&id_of("bob")).await.expect("deleted");
    assert_eq!(cost!(backend, store.find_by_user("bob")), (None, "1 GetSecretValue".to_owned()));
}
