//! Bulk work on a service that does not answer ends in bounded time.

use crate::support::*;
use oauth_token_store::TokenStore;
use oauth_token_store::embedded::{Fault, Operation};
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
