//! Bulk work on a service that does not answer ends in bounded time.

use crate::support::*;
use oauth_token_store::embedded::{Fault, Operation};
use oauth_token_store::{ErrorKind, TokenStore};
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn deleting_all_gives_up_in_bounded_time_when_nothing_answers() {
    let (backend, store) = new().await;
    for n in 0..200 {
        store.save_token(&login(&format!("u{n}"))).await.unwrap();
    }
    backend.inject(Fault::unreachable().on(Operation::DeleteSecret));
    let start = tokio::time::Instant::now();
    store.delete_tokens().await.expect_err("unreachable");
    assert!(start.elapsed() < Duration::from_secs(120), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn listing_all_gives_up_in_bounded_time_when_throttled() {
    let (backend, store) = new().await;
    for n in 0..1000 {
        store.save_token(&login(&format!("u{n}"))).await.unwrap();
    }
    backend.inject(Fault::throttling().on(Operation::BatchGetSecretValue));
    let start = tokio::time::Instant::now();
    store.get_tokens().await.expect_err("throttled");
    assert!(start.elapsed() < Duration::from_secs(120), "{:?}", start.elapsed());
}

/// What is throttled is asked again by the pace alone, which holds the others back, too.
#[tokio::test(start_paused = true)]
async fn deleting_all_while_throttled_asks_for_each_a_few_times_only() {
    let (backend, store) = new().await;
    for n in 0..20 {
        store.save_token(&login(&format!("u{n}"))).await.unwrap();
    }
    backend.inject(Fault::throttling().on(Operation::DeleteSecret));
    let before = backend.requests();
    let error = store.delete_tokens().await.expect_err("throttled");
    assert_eq!(error.kind(), ErrorKind::Throttled);
    // Six times by the pace, each time three times by the SDK.
    let asked = backend.requests().since(&before).count(Operation::DeleteSecret);
    assert!(asked <= 20 * 6 * 3, "{asked} requests");
}
