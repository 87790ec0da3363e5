//! Other processes that refresh the same token, or delete it.

use std::error::Error;
use std::sync::Arc;

use oauth_token_store::embedded::{EmbeddedSecretsManager, Fault, Gate, GateHandle, Operation};
use oauth_token_store::{
    ErrorKind, OAuthToken, OAuthTokenBuilder, RefreshError, SecretsManagerTokenStore, TokenStore,
};
use tokio::task::JoinHandle;

use crate::support::{found, id_of, refresh, refresh_token_of, spawn_save, store_on, token};

use super::{
    HOUR, MINUTE, Refreshed, Refused, Server, access_token_of, begun_exchange, built, ended, expired, held,
    of, refreshed, some, soon, spawn_refresh, unwanted, with_expired_bob,
};

/// A caller that has found bob's token expired; its refresh stands before the re-read.
async fn at_the_re_read<Fut, E>(
    backend: &EmbeddedSecretsManager,
    store: &SecretsManagerTokenStore,
    exchange: impl FnOnce(Arc<OAuthToken>) -> Fut + Send + 'static,
) -> (GateHandle, JoinHandle<Refreshed>)
where
    Fut: Future<Output = Result<OAuthToken, E>> + Send + 'static,
    E: Into<Box<dyn Error + Send + Sync>> + 'static,
{
    let gate = backend.gate(Gate::before(Operation::GetSecretValue));
    let caller = spawn_refresh(store, of("bob"), MINUTE, exchange);
    gate.arrived(1).await;
    assert!(gate.release_one());
    soon(gate.arrived(1)).await;
    (gate, caller)
}

#[tokio::test(start_paused = true)]
async fn what_another_process_has_refreshed_is_not_exchanged_again() {
    let (backend, one) = with_expired_bob().await;
    let two = store_on(&backend).await;
    // The other process's save has read already, so that only its write is left.
    let writes = backend.gate(Gate::before(Operation::PutSecretValue));
    let elsewhere = spawn_save(&two, &refreshed(&of("bob")));
    writes.arrived(1).await;
    let before = backend.requests();
    let (reads, caller) = at_the_re_read(&backend, &one, unwanted).await;
    writes.open();
    let stored = ended(elsewhere).await.expect("saved");
    reads.open();
    assert_eq!(some(ended(caller).await), stored);
    // The tags are those of the other process.
    assert_eq!(backend.requests().since(&before).to_string(), "2 GetSecretValue, 1 TagResource");
}

#[tokio::test(start_paused = true)]
async fn what_another_process_has_rotated_without_refreshing_is_what_is_exchanged() {
    let (backend, one) = with_expired_bob().await;
    let two = store_on(&backend).await;
    let writes = backend.gate(Gate::before(Operation::PutSecretValue));
    let rotation = spawn_save(&two, &refresh("bob", "second"));
    writes.arrived(1).await;
    let (exchange, exchanging) = held();
    let (reads, caller) = at_the_re_read(&backend, &one, exchange).await;
    writes.open();
    ended(rotation).await.expect("saved");
    reads.open();
    let (current, answer) = exchanging.begun().await;
    assert_eq!(refresh_token_of(&current), "second");
    answer.send(Ok(refreshed(&current))).expect("it waits");
    assert_eq!(access_token_of(&some(ended(caller).await)), "newer");
}

#[tokio::test(start_paused = true)]
async fn what_another_process_has_deleted_is_gone() {
    let (backend, one) = with_expired_bob().await;
    let two = store_on(&backend).await;
    let (reads, caller) = at_the_re_read(&backend, &one, unwanted).await;
    two.delete_token(&id_of("bob")).await.expect("deleted");
    reads.open();
    assert_eq!(ended(caller).await.expect("fine"), None);
    assert_eq!(backend.secret_count(), 0);
}

/// Bob's token was deleted by another process while it was exchanged: the two processes' stores, the token that was exchanged,
/// and the error.
async fn deleted_during_the_exchange()
-> (EmbeddedSecretsManager, [SecretsManagerTokenStore; 2], Arc<OAuthToken>, RefreshError) {
    let (backend, one) = with_expired_bob().await;
    let two = store_on(&backend).await;
    let (caller, current, answer) = begun_exchange(&one, MINUTE).await;
    two.delete_token(&id_of("bob")).await.expect("deleted");
    answer.send(Ok(refreshed(&current))).expect("it waits");
    let error = ended(caller).await.expect_err("deleted");
    (backend, [one, two], current, error)
}

#[tokio::test(start_paused = true)]
async fn a_token_deleted_during_the_exchange_stays_deleted_and_comes_with_the_error() {
    let (backend, [one, two], _, error) = deleted_during_the_exchange().await;
    assert_eq!(error.store_error().map(|error| error.kind()), Some(ErrorKind::Deleted));
    assert!(!error.is_retryable() && error.to_string().contains("revoke"), "{error}");
    let token = error.token().expect("the new token");
    assert_eq!(refresh_token_of(token), "rotated");
    assert_eq!(backend.secret_count(), 0);
    // Not even by saving it, unless the application insists.
    assert_eq!(one.save_token(token).await.expect_err("deleted").kind(), ErrorKind::Deleted);
    one.save_token(&token.detached()).await.expect("saved");
    assert_eq!(refresh_token_of(&*found(&two, "bob").await), "rotated");
}

/// Its token is the one to be revoked, even if what is stored by then is the one that was exchanged for it.
#[tokio::test(start_paused = true)]
async fn what_was_deleted_during_the_exchange_is_not_saved_by_the_next_refresh() {
    let (_, [one, two], current, _) = deleted_during_the_exchange().await;
    assert!(two.save_token(&expired("bob")).await.expect("saved") == current);
    let server = Server::default();
    let fresh = some(one.refresh_with(&of("bob"), MINUTE, server.exchange(HOUR)).await);
    assert_eq!((access_token_of(&fresh), server.exchanges()), ("access-1", 1));
}

/// One process's exchange is refused after `meanwhile` was saved by another.
async fn refused_after(meanwhile: Option<OAuthTokenBuilder>) -> (EmbeddedSecretsManager, Refreshed) {
    let (backend, one) = with_expired_bob().await;
    let two = store_on(&backend).await;
    let (caller, _, answer) = begun_exchange(&one, MINUTE).await;
    if let Some(token) = meanwhile {
        two.save_token(&built(token.user_name("bob"))).await.expect("saved");
    }
    let before = backend.requests();
    answer.send(Err(Refused("invalid_grant"))).expect("it waits");
    let refreshed = ended(caller).await;
    assert_eq!(backend.requests().since(&before).to_string(), "1 GetSecretValue");
    (backend, refreshed)
}

fn refused(refreshed: Refreshed) {
    let error = refreshed.expect_err("refused");
    let cause = error.exchange_error().and_then(|error| error.downcast_ref());
    assert_eq!(cause, Some(&Refused("invalid_grant")));
    assert!(error.source().is_some_and(|source| source.is::<Refused>()));
    assert!(error.store_error().is_none() && error.token().is_none() && !error.is_retryable());
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("invalid_grant") && !shown.contains("bob"), "{shown}");
}

#[tokio::test(start_paused = true)]
async fn a_refused_exchange_is_no_failure_if_another_process_has_made_its_own() {
    let (_, elsewhere) = refused_after(Some(token().access_token("elsewhere").expires_in(HOUR))).await;
    assert_eq!(access_token_of(&some(elsewhere)), "elsewhere");
}

#[tokio::test(start_paused = true)]
async fn a_refused_exchange_is_an_error_if_nobody_else_has_made_one() {
    let (backend, refreshed) = refused_after(None).await;
    refused(refreshed);
    let kept = found(&store_on(&backend).await, "bob").await;
    assert_eq!(*kept, expired("bob").into_found(None).to_builder().id(id_of("bob")).build().expect("valid"));
}

#[tokio::test(start_paused = true)]
async fn what_another_process_has_stored_counts_only_if_it_is_a_fresh_token() {
    for meanwhile in [
        // Nothing that has to do with it.
        token().extra("x", "1"),
        // Refreshed, but so long ago that it has expired since.
        token().access_token("elsewhere").expires_in(MINUTE / 2),
        // The same access token with a later expiry time: an edit.
        token().access_token("access-bob").expires_in(HOUR),
    ] {
        refused(refused_after(Some(meanwhile)).await.1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_exchange_of_a_token_deleted_since_is_an_error() {
    let (backend, one) = with_expired_bob().await;
    let (caller, _, answer) = begun_exchange(&one, MINUTE).await;
    store_on(&backend).await.delete_token(&id_of("bob")).await.expect("deleted");
    answer.send(Err(Refused("invalid_grant"))).expect("it waits");
    refused(ended(caller).await);
}

#[tokio::test(start_paused = true)]
async fn the_exchanges_error_is_the_answer_if_the_read_after_it_fails() {
    let (backend, store) = with_expired_bob().await;
    let (caller, _, answer) = begun_exchange(&store, MINUTE).await;
    for fault in [Fault::access_denied(), Fault::unreachable()] {
        backend.inject(fault.on(Operation::GetSecretValue));
    }
    answer.send(Err(Refused("invalid_grant"))).expect("it waits");
    refused(ended(caller).await);
}
