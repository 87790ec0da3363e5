//! What becomes of an exchange whose save fails, of one that fails itself, and of reads that fail.

use std::convert::Infallible;
use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use oauth_token_store::embedded::{EmbeddedSecretsManager, Fault, Gate, Operation};
use oauth_token_store::{ErrorKind, OAuthToken, SecretsManagerTokenStore, StoreError, TokenStore};

use crate::support::{
    cached, cached_store_on, extra, found, id_of, refresh, refresh_token_of, spawn_save, store_on,
    store_with_edited_requests, token,
};

use super::{
    HOUR, MINUTE, Refused, Server, access_token_of, begun_exchange, built, cached_with_expired_bob, ended,
    everything_waits, expired, held, of, refreshed, some, soon, spawn_refresh, unwanted, with_expired_bob,
};

#[tokio::test(start_paused = true)]
async fn a_failed_save_gives_the_new_token_to_all_who_waited() {
    for (fault, kind, retryable) in [
        (Fault::access_denied(), ErrorKind::AccessDenied, false),
        (Fault::limit_exceeded(), ErrorKind::QuotaExceeded, false),
        (Fault::unreachable(), ErrorKind::Unavailable, true),
        (Fault::lost_answer(), ErrorKind::Unavailable, true),
    ] {
        let (backend, store) = with_expired_bob().await;
        let (caller, current, answer) = begun_exchange(&store, MINUTE).await;
        let mut callers = vec![caller];
        callers.extend((0..3).map(|_| spawn_refresh(&store, of("bob"), MINUTE, unwanted)));
        everything_waits().await;
        let fault = backend.inject(fault.on(Operation::PutSecretValue));
        answer.send(Ok(refreshed(&current))).expect("it waits");
        for caller in callers {
            let error = ended(caller).await.expect_err("not saved");
            assert_eq!(error.store_error().map(|error| error.kind()), Some(kind));
            assert_eq!(error.is_retryable(), retryable);
            assert_eq!(error.token().map(|token| refresh_token_of(token)), Some("rotated"));
            assert!(!format!("{error} {error:?}").contains("rotated"));
            // Each of them may bring it home.
            backend.remove_fault(fault);
            let stored = store.save_token(error.token().expect("the new token")).await.expect("saved");
            assert_eq!(refresh_token_of(&stored), "rotated");
        }
        assert_eq!(refresh_token_of(&*found(&store, "bob").await), "rotated");
        assert!(!found(&store, "bob").await.expires_within(MINUTE));
    }
}

/// The token of the error is the one that remembers the write, not just what the exchange gave.
#[tokio::test(start_paused = true)]
async fn a_save_that_had_landed_all_the_same_never_replaces_what_came_after_it() {
    let (backend, one) = with_expired_bob().await;
    let fault = backend.inject(Fault::lost_answer().on(Operation::PutSecretValue));
    let error = one.refresh_with(&of("bob"), MINUTE, Server::default().exchange(HOUR)).await;
    let error = error.expect_err("no answer");
    backend.remove_fault(fault);
    let two = store_on(&backend).await;
    assert_eq!(refresh_token_of(&*found(&two, "bob").await), "refresh-1", "it had landed");
    two.save_token(&refresh("bob", "later")).await.expect("saved");
    one.save_token(error.token().expect("the new token")).await.expect("saved");
    assert_eq!(refresh_token_of(&*found(&two, "bob").await), "later");
}

/// Replicas that lag behind show that it never was there.
#[tokio::test(start_paused = true)]
async fn a_record_that_was_read_for_the_exchange_is_not_taken_for_deleted() {
    let (backend, store) = with_expired_bob().await;
    let (caller, current, answer) = begun_exchange(&store, MINUTE).await;
    backend.stale_reads(usize::MAX);
    answer.send(Ok(refreshed(&current))).expect("it waits");
    assert_eq!(access_token_of(&some(ended(caller).await)), "newer");
    backend.stale_reads(0);
    assert_eq!(refresh_token_of(&*found(&store, "bob").await), "rotated");
}

/// The same, after a save of another process: the slot that is taken proves that the record is there.
#[tokio::test(start_paused = true)]
async fn a_record_whose_slot_is_taken_is_not_taken_for_deleted() {
    for (backend, store) in [cached_with_expired_bob().await, with_expired_bob().await] {
        let (caller, current, answer) = begun_exchange(&store, MINUTE).await;
        store_on(&backend).await.save_token(&extra("bob", "x", "1")).await.expect("saved");
        // No time has passed, so it shows no record.
        backend.set_read_lag(Duration::from_millis(100));
        answer.send(Ok(refreshed(&current))).expect("it waits");
        let bob = some(ended(caller).await);
        assert_eq!((access_token_of(&bob), bob.extra("x")), ("newer", Some("1")));
    }
}

/// Bob's token has been exchanged, and may not be saved; from now on it may.
async fn exchanged_and_not_saved(
    backend: &EmbeddedSecretsManager,
    store: &SecretsManagerTokenStore,
) -> Server {
    let server = Server::default();
    let fault = backend.inject(Fault::access_denied().on(Operation::PutSecretValue));
    drop(store.refresh_with(&of("bob"), MINUTE, server.exchange(HOUR)).await.expect_err("not saved"));
    backend.remove_fault(fault);
    server
}

/// The old refresh token is spent: to exchange it again could end the login.
#[tokio::test(start_paused = true)]
async fn what_could_not_be_saved_is_saved_by_the_next_refresh_before_anything_is_exchanged() {
    for fault in [Fault::access_denied(), Fault::unreachable()] {
        let (backend, store) = with_expired_bob().await;
        let server = Server::default();
        let fault = backend.inject(fault.on(Operation::PutSecretValue));
        // Nobody looks at the error.
        drop(store.refresh_with(&of("bob"), MINUTE, server.exchange(HOUR)).await.expect_err("not saved"));
        drop(store.refresh_with(&of("bob"), MINUTE, unwanted).await.expect_err("not saved either"));
        backend.remove_fault(fault);
        let bob = some(store.refresh_with(&of("bob"), MINUTE, unwanted).await);
        assert_eq!((access_token_of(&bob), server.exchanges()), ("access-1", 1));
        assert_eq!(refresh_token_of(&*found(&store, "bob").await), "refresh-1");
        // It is saved once, and if it does not last, the next exchange is made with it.
        let bob = some(store.refresh_with(&of("bob"), 2 * HOUR, server.exchange(3 * HOUR)).await);
        assert_eq!(access_token_of(&bob), "access-2");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_saved_by_the_next_refresh_and_does_not_last_is_exchanged() {
    let (backend, store) = with_expired_bob().await;
    let server = exchanged_and_not_saved(&backend, &store).await;
    let bob = some(store.refresh_with(&of("bob"), 2 * HOUR, server.exchange(3 * HOUR)).await);
    assert_eq!((access_token_of(&bob), server.exchanges()), ("access-2", 2));
}

/// Which a replica that lags behind does not show yet.
#[tokio::test(start_paused = true)]
async fn what_is_exchanged_is_what_was_saved_by_this_very_refresh() {
    let backend = EmbeddedSecretsManager::new();
    // Memory would know better.
    let store = cached(backend.client()).max_capacity(0).build().await.expect("a store");
    store.save_token(&expired("bob")).await.expect("saved");
    drop(exchanged_and_not_saved(&backend, &store).await);
    tokio::time::sleep(MINUTE).await;
    backend.set_read_lag(MINUTE / 2);
    let (caller, current, answer) = begun_exchange(&store, 2 * HOUR).await;
    assert_eq!(refresh_token_of(&current), "refresh-1");
    backend.set_read_lag(Duration::ZERO);
    answer.send(Ok(refreshed(&current))).expect("it waits");
    assert_eq!(access_token_of(&some(ended(caller).await)), "newer");
}

#[tokio::test(start_paused = true)]
async fn what_is_exchanged_is_what_was_saved_over_what_this_refresh_has_saved() {
    let (backend, store) = with_expired_bob().await;
    drop(exchanged_and_not_saved(&backend, &store).await);
    let tagging = backend.gate(Gate::after(Operation::TagResource));
    let (exchange, exchanging) = held();
    let caller = spawn_refresh(&store, of("bob"), 2 * HOUR, exchange);
    tagging.arrived(1).await;
    let changed = built(of("bob").to_builder().extra("later", "1"));
    store_on(&backend).await.save_token(&changed).await.expect("saved");
    tagging.open();
    let (current, answer) = exchanging.begun().await;
    assert_eq!((refresh_token_of(&current), current.extra("later")), ("refresh-1", Some("1")));
    answer.send(Ok(refreshed(&current))).expect("it waits");
    assert_eq!(access_token_of(&some(ended(caller).await)), "newer");
}

/// A deletion that is answered late says nothing of the login that has come after it.
#[tokio::test(start_paused = true)]
async fn what_could_not_be_saved_is_kept_for_a_new_login_beside_a_deletion() {
    let (backend, store) = with_expired_bob().await;
    let deletions = backend.gate(Gate::after(Operation::DeleteSecret));
    let deleter = store.clone();
    let deletion = tokio::spawn(async move { deleter.delete_token(&id_of("bob")).await });
    deletions.arrived(1).await;
    store_on(&backend).await.save_token(&expired("bob")).await.expect("a new login");
    let fault = backend.inject(Fault::access_denied().on(Operation::PutSecretValue));
    let server = Server::default();
    drop(store.refresh_with(&of("bob"), MINUTE, server.exchange(HOUR)).await.expect_err("not saved"));
    backend.remove_fault(fault);
    deletions.open();
    deletion.await.expect("no panic").expect("deleted");
    some(store.refresh_with(&of("bob"), MINUTE, unwanted).await);
    assert_eq!(server.exchanges(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_saved_does_not_replace_what_somebody_has_saved_since() {
    let (backend, store) = with_expired_bob().await;
    exchanged_and_not_saved(&backend, &store).await;
    store_on(&backend).await.save_token(&refresh("bob", "a new login")).await.expect("saved");
    let keeps =
        |current: Arc<OAuthToken>| ready(current.to_builder().access_token("newer").expires_in(HOUR).build());
    let bob = some(store.refresh_with(&of("bob"), MINUTE, keeps).await);
    assert_eq!((access_token_of(&bob), refresh_token_of(&bob)), ("newer", "a new login"));
}

/// The application goes on with tokens that are good while the store refuses them.
#[tokio::test(start_paused = true)]
async fn what_cannot_be_saved_for_longer_than_it_lasts_is_exchanged() {
    // After the latter the first write may land at any time.
    for fault in [Fault::access_denied(), Fault::unreachable(), Fault::lost_answer()] {
        is_exchanged_in_its_turn(fault).await;
    }
}

async fn is_exchanged_in_its_turn(fault: Fault) {
    let (backend, store) = with_expired_bob().await;
    let server = Server::default();
    let fault = backend.inject(fault.on(Operation::PutSecretValue));
    drop(store.refresh_with(&of("bob"), MINUTE, server.exchange(HOUR)).await.expect_err("not saved"));
    let (refresh, current, answer) = begun_exchange(&store, 2 * HOUR).await;
    assert_eq!(refresh_token_of(&current), "refresh-1", "the first one is spent");
    answer.send(Ok(refreshed(&current))).expect("it waits");
    let error = ended(refresh).await.expect_err("not saved either");
    assert_eq!(access_token_of(error.token().expect("the new token")), "newer");
    backend.remove_fault(fault);
    let bob = some(store.refresh_with(&of("bob"), MINUTE, unwanted).await);
    assert_eq!((access_token_of(&bob), refresh_token_of(&bob)), ("newer", "rotated"));
}

/// The user has logged out between the read and the save.
#[tokio::test(start_paused = true)]
async fn what_could_not_be_saved_comes_with_the_error_after_a_logout() {
    let (backend, store) = with_expired_bob().await;
    exchanged_and_not_saved(&backend, &store).await;
    let puts = backend.gate(Gate::before(Operation::PutSecretValue));
    let refresh = spawn_refresh(&store, of("bob"), MINUTE, unwanted);
    soon(puts.arrived(1)).await;
    store_on(&backend).await.delete_token(&id_of("bob")).await.expect("deleted");
    puts.open();
    let error = ended(refresh).await.expect_err("logged out");
    assert_eq!(error.store_error().map(StoreError::kind), Some(ErrorKind::Deleted));
    assert_eq!(access_token_of(error.token().expect("to be revoked")), "access-1");
}

/// They have found what this process has written itself.
#[tokio::test(start_paused = true)]
async fn after_a_failed_exchange_of_what_was_written_here_nobody_makes_another_one() {
    let (backend, store) = cached_with_expired_bob().await;
    let reads = backend.gate(Gate::before(Operation::GetSecretValue));
    let refused = |_| ready(Err::<OAuthToken, _>(Refused("invalid_grant")));
    let callers: Vec<_> = (0..5).map(|_| spawn_refresh(&store, of("bob"), MINUTE, refused)).collect();
    everything_waits().await;
    reads.open();
    for caller in callers {
        ended(caller).await.expect_err("refused");
    }
    assert_eq!(store.stats().exchanges, 1);
}

/// The find is answered from memory.
#[tokio::test(start_paused = true)]
async fn what_could_not_be_saved_is_in_the_error_of_an_outage() {
    let (backend, store) = cached_with_expired_bob().await;
    exchanged_and_not_saved(&backend, &store).await;
    backend.inject(Fault::unreachable().on(Operation::GetSecretValue));
    let error = store.refresh_with(&of("bob"), MINUTE, unwanted).await.expect_err("an outage");
    assert_eq!(access_token_of(error.token().expect("the new token")), "access-1");
    let error = store.refresh_with(&of("bob"), 2 * HOUR, unwanted).await.expect_err("an outage");
    assert!(error.token().is_none(), "it does not last");
}

/// The new login comes between the read and the save.
#[tokio::test(start_paused = true)]
async fn what_could_not_be_saved_does_not_race_with_a_new_login() {
    let (backend, store) = with_expired_bob().await;
    let other = cached_store_on(&backend).await;
    found(&other, "bob").await;
    exchanged_and_not_saved(&backend, &store).await;
    let puts = backend.gate(Gate::before(Operation::PutSecretValue));
    let login =
        built(token().user_name("bob").refresh_token("a new login").access_token("b").expires_in(HOUR));
    let login = spawn_save(&other, &login);
    soon(puts.arrived(1)).await;
    let refresh = spawn_refresh(&store, of("bob"), MINUTE, unwanted);
    soon(puts.arrived(2)).await;
    assert!(puts.release_one());
    soon(login).await.expect("no panic").expect("saved");
    puts.open();
    assert_eq!(access_token_of(&some(ended(refresh).await)), "b");
    assert_eq!(refresh_token_of(&*found(&store, "bob").await), "a new login");
}

/// It may have been deleted, or a replica lags behind.
#[tokio::test(start_paused = true)]
async fn what_could_not_be_saved_is_kept_although_the_record_was_not_there() {
    let (backend, store) = cached_with_expired_bob().await;
    exchanged_and_not_saved(&backend, &store).await;
    backend.stale_reads(1);
    assert!(store.refresh_with(&of("bob"), MINUTE, unwanted).await.expect("read").is_none());
    store.invalidate_all();
    let bob = some(store.refresh_with(&of("bob"), MINUTE, unwanted).await);
    assert_eq!(access_token_of(&bob), "access-1");
}

/// What cannot be stored is the application's to keep.
#[tokio::test(start_paused = true)]
async fn a_token_that_is_too_large_comes_with_the_error() {
    let (_, store) = with_expired_bob().await;
    let exchange = |current: Arc<OAuthToken>| {
        ready(current.to_builder().access_token("newer").extra("x", "x".repeat(70_000)).build())
    };
    let error = store.refresh_with(&of("bob"), MINUTE, exchange).await.expect_err("too large");
    assert_eq!(error.store_error().map(|error| error.kind()), Some(ErrorKind::TooLarge));
    assert_eq!(error.token().map(|token| access_token_of(token)), Some("newer"));
}

/// In the save runs what an application has put into its client.
#[tokio::test(start_paused = true)]
async fn a_panic_in_the_save_does_not_take_the_token_with_it() {
    let (backend, store) = with_expired_bob().await;
    let panicking = store_with_edited_requests(&backend, |operation, _| {
        assert_ne!(operation, "PutSecretValue");
    })
    .await;
    let error = panicking.refresh_with(&of("bob"), MINUTE, Server::default().exchange(HOUR)).await;
    let error = error.expect_err("a panic");
    assert_eq!(error.store_error().map(|error| error.kind()), Some(ErrorKind::Unexpected));
    store.save_token(error.token().expect("the new token")).await.expect("saved");
    assert_eq!(refresh_token_of(&*found(&store, "bob").await), "refresh-1");
}

#[tokio::test(start_paused = true)]
async fn after_a_failed_exchange_all_who_waited_have_its_error_and_the_next_call_makes_a_new_one() {
    let (backend, store) = with_expired_bob().await;
    let stored = found(&store, "bob").await;
    let (caller, _, answer) = begun_exchange(&store, MINUTE).await;
    let mut callers = vec![caller];
    callers.extend((0..3).map(|_| spawn_refresh(&store, of("bob"), MINUTE, unwanted)));
    everything_waits().await;
    answer.send(Err(Refused("temporarily_unavailable"))).expect("it waits");
    for caller in callers {
        let error = ended(caller).await.expect_err("refused");
        let cause = error.exchange_error().and_then(|error| error.downcast_ref());
        assert_eq!(cause, Some(&Refused("temporarily_unavailable")));
    }
    assert_eq!(found(&store, "bob").await, stored, "nothing is changed");
    assert_eq!(backend.requests().count(Operation::PutSecretValue), 0);
    let fresh = some(store.refresh_with(&of("bob"), MINUTE, Server::default().exchange(HOUR)).await);
    assert_eq!(access_token_of(&fresh), "access-1");
}

#[tokio::test(start_paused = true)]
async fn a_find_or_re_read_that_fails_exchanges_nothing() {
    for reads_before in [0, 1] {
        let (backend, store) = with_expired_bob().await;
        let fault = Fault::access_denied().on(Operation::GetSecretValue).skip(reads_before);
        let fault = backend.inject(fault);
        let error = store.refresh_with(&of("bob"), MINUTE, unwanted).await.expect_err("denied");
        assert_eq!(error.store_error().map(|error| error.kind()), Some(ErrorKind::AccessDenied));
        assert!(error.token().is_none() && error.exchange_error().is_none());
        assert!(error.store_error().and_then(|error| error.service_error()).is_some());
        backend.remove_fault(fault);
        some(store.refresh_with(&of("bob"), MINUTE, Server::default().exchange(HOUR)).await);
    }
}

#[tokio::test(start_paused = true)]
async fn an_exchange_may_fail_with_anything() {
    let (_, store) = with_expired_bob().await;
    let text = |_| ready(Err::<OAuthToken, _>("no"));
    let error = store.refresh_with(&of("bob"), MINUTE, text).await.expect_err("no");
    assert_eq!(error.exchange_error().map(ToString::to_string).as_deref(), Some("no"));
    let response =
        |_| ready(OAuthToken::from_token_response(r#"{"error": "invalid_grant"}"#).map(|_| expired("bob")));
    let error = store.refresh_with(&of("bob"), MINUTE, response).await.expect_err("no");
    let cause = error.exchange_error().and_then(|error| error.downcast_ref());
    let cause: &oauth_token_store::TokenResponseError = cause.expect("the response's error");
    assert_eq!(cause.oauth_error(), Some("invalid_grant"));
    let fine = |_| ready(Ok::<_, Infallible>(refreshed(&of("bob"))));
    some(store.refresh_with(&of("bob"), MINUTE, fine).await);
}
