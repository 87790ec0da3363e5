//! All tokens.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::StreamExt;
use oauth_token_store::aws_sdk_secretsmanager::{Client, config::retry::RetryConfig};
use oauth_token_store::embedded::{Fault, Operation};
use oauth_token_store::{ErrorKind, SecretsManagerTokenStore, TokenStore};

use crate::support::{PREFIX, id_of, login, name_of, new, store_on};

#[tokio::test(start_paused = true)]
async fn each_token_comes_once_across_pages_empty_ones_among_them() {
    let (backend, store) = new().await;
    backend.set_empty_pages(true);
    let users: BTreeSet<String> = (0..130).map(|n| format!("user-{n}")).collect();
    for user in &users {
        store.save_token(&login(user)).await.expect("saved");
    }
    let tokens = store.get_tokens().await.expect("listed");
    assert_eq!(tokens.len(), 130);
    let listed: BTreeSet<String> =
        tokens.iter().filter_map(|token| token.user_name().map(str::to_owned)).collect();
    assert_eq!(listed, users);
}

#[tokio::test(start_paused = true)]
async fn one_bad_secret_among_many_is_an_error_of_its_own() {
    let (backend, store) = new().await;
    for user in ["bob", "eve", "mallory"] {
        store.save_token(&login(user)).await.expect("saved");
    }
    let client = backend.client();
    client.put_secret_value().secret_id(name_of("eve")).secret_string("hunter2").send().await.expect("put");

    let items: Vec<_> = store.tokens().collect().await;
    let (good, bad): (Vec<_>, Vec<_>) = items.into_iter().partition(Result::is_ok);
    assert_eq!((good.len(), bad.len()), (2, 1));
    let error = store.get_tokens().await.expect_err("one is corrupt");
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert_eq!(error.secret_name(), Some(name_of("eve").as_str()));
    assert!(!format!("{error} {error:?}").contains("hunter2"));
    store.delete_tokens().await.expect("a corrupt one can be deleted");
    assert_eq!(backend.secret_count(), 0);
}

#[tokio::test(start_paused = true)]
async fn secrets_that_are_not_tokens_are_left_out() {
    let (backend, store) = new().await;
    store.save_token(&login("bob")).await.expect("saved");
    for name in [format!("{PREFIX}/config"), format!("{PREFIX}/deeper/{}", id_of("eve").as_str())] {
        backend.client().create_secret().name(name).secret_string("not json").send().await.expect("created");
    }
    assert_eq!(store.get_tokens().await.expect("listed").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_deleted_between_listing_and_reading_is_left_out() {
    let (backend, store) = new().await;
    for user in ["bob", "eve"] {
        store.save_token(&login(user)).await.expect("saved");
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    backend.set_list_lag(Duration::from_secs(30));
    let other = store_on(&backend).await;
    other.delete_token(&id_of("eve")).await.expect("deleted");
    assert_eq!(other.get_tokens().await.expect("listed").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn bulk_work_keeps_to_half_of_the_quotas_and_backs_off_when_throttled() {
    let (backend, store) = new().await;
    for n in 0..1_000 {
        store.save_token(&login(&format!("user-{n}"))).await.expect("saved");
    }
    let store = store_on(&backend).await;
    let start = tokio::time::Instant::now();
    assert_eq!(store.get_tokens().await.expect("listed").len(), 1_000);
    // 50 batches at 50 a second.
    assert!(start.elapsed() >= Duration::from_millis(980), "{:?}", start.elapsed());

    // A client that does not try again by itself, so that the store has to.
    let config = backend.client().config().to_builder().retry_config(RetryConfig::disabled()).build();
    let builder = SecretsManagerTokenStore::builder().prefix(PREFIX).client(Client::from_conf(config));
    let impatient = builder.build().await.expect("a store");
    backend.inject(Fault::throttling().on(Operation::BatchGetSecretValue).times(3));
    let (start, before) = (tokio::time::Instant::now(), backend.requests());
    assert_eq!(impatient.get_tokens().await.expect("listed").len(), 1_000);
    assert_eq!(backend.requests().since(&before).count(Operation::BatchGetSecretValue), 50 + 3);
    // All of them held back while one was.
    assert!(start.elapsed() >= Duration::from_millis(1_480), "{:?}", start.elapsed());

    let start = tokio::time::Instant::now();
    store.delete_tokens().await.expect("deleted");
    // 1,000 deletions at 25 a second.
    assert!(start.elapsed() >= Duration::from_secs(39), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_dropped_stream_stops_reading() {
    let (backend, store) = new().await;
    for n in 0..400 {
        store.save_token(&login(&format!("user-{n}"))).await.expect("saved");
    }
    let store = store_on(&backend).await;
    let before = backend.requests();
    let mut tokens = store.tokens();
    assert!(tokens.next().await.is_some_and(|token| token.is_ok()));
    drop(tokens);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(backend.requests().since(&before).count(Operation::BatchGetSecretValue) < 20);
}
