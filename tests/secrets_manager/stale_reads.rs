//! Reads that are behind.

use crate::support::*;
use oauth_token_store::TokenStore;
use oauth_token_store::embedded::{Fault, Gate, Operation};
use std::time::Duration;

/// The re-read after a lost race is older than the base: «already stored» must not be decided from it.
#[tokio::test(start_paused = true)]
async fn a_re_read_older_than_the_base_is_not_what_is_already_stored() {
    let (backend, one) = new().await;
    let two = store_on(&backend).await;
    let scope = |s: &str| token().user_name("bob").refresh_token("r").scope(s).build().unwrap();
    let lag = Duration::from_secs(50);
    backend.set_read_lag(lag);
    one.save_token(&scope("a")).await.unwrap();
    tokio::time::sleep(Duration::from_secs(100)).await;
    one.save_token(&scope("b")).await.unwrap();
    tokio::time::sleep(Duration::from_secs(20)).await;
    // Both read «b», from an up-to-date replica.
    backend.set_read_lag(Duration::ZERO);
    let gate = backend.gate(Gate::before(Operation::PutSecretValue));
    let save = spawn_save(&one, &scope("a"));
    gate.arrived(1).await;
    let other = spawn_save(&two, &extra("bob", "x", "1"));
    gate.arrived(2).await;
    // The other one goes first; the re-read after it is answered from a replica that still has the first «a».
    backend.set_read_lag(lag);
    backend.inject(Fault::server_error().on(Operation::PutSecretValue).times(1));
    gate.open();
    other.await.unwrap().unwrap();
    let outcome = save.await.unwrap();
    backend.set_read_lag(Duration::ZERO);
    let stored = found(&two, "bob").await;
    if outcome.is_ok() {
        assert_eq!(stored.scope(), Some("a"), "acknowledged, and not stored");
    }
}
