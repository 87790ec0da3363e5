//! What is done where nothing goes wrong.

use std::time::Duration;

use oauth_token_store::embedded::{EmbeddedSecretsManager, Gate, Operation};
use oauth_token_store::{ErrorKind, MemoryTokenStore, SecretsManagerTokenStore, TokenStore};

use crate::canaries::{ACCESS, EVERYTHING, assert_shows_nothing};
use crate::reported::Metrics;
use crate::script;
use crate::stage::{built, client, id_of_user, login, own_id, store_on, user};
use crate::watch::Watch;

#[tokio::test(start_paused = true)]
async fn every_operation_shows_nothing() {
    let mut watch = Watch::begin();
    let backend = EmbeddedSecretsManager::new();
    script::of_this_store(&mut watch, &store_on(&backend).await).await;
    // Nothing else goes wrong here.
    watch.assert_kinds(&[ErrorKind::Conflict]);

    // The search is not blind: the values did go out, where they may, and all of these have logged.
    let values = watch.take_values();
    for operation in ["CreateSecret", "PutSecretValue"] {
        let written: Vec<_> = values.iter().filter(|(sent, _)| sent == operation).collect();
        assert!(!written.is_empty(), "no {operation}");
        assert!(
            written.iter().all(|(_, value)| EVERYTHING.find(value).is_some()),
            "no secret in a {operation}"
        );
    }
    let metrics = Metrics::take();
    assert_shows_nothing("a metric", &metrics);
    for part in
        ["oauth_token_store_requests_total", "DeleteSecret", "oauth_token_store_hits_total", "from memory"]
    {
        assert!(metrics.contains(part), "nothing of {part} is reported: {metrics}");
    }
    let log = watch.look();
    for part in [
        " aws_smithy_runtime::client::orchestrator:",
        " aws_sigv4::http_request::sign:",
        " oauth_token_store::secrets_manager::service:",
        " oauth_token_store::cache::reads:",
        " oauth_token_store::refresh::flight:",
        "received response from service",
        "operation=\"save_token\"",
        "operation=\"delete_tokens\"",
        "operation=\"refresh_with\"",
    ] {
        assert!(log.contains(part), "nothing of {part} is logged");
    }
    // Also what goes on in a task of its own says which call it belongs to.
    for (request, operation) in [("PutSecretValue", "save_token"), ("DeleteSecret", "delete_token")] {
        let belongs = |line: &&str| {
            line.contains(&format!("operation=\"{request}\""))
                && line.contains(&format!("operation=\"{operation}\""))
        };
        assert!(log.lines().any(|line| belongs(&line)), "no {request} says that it is part of {operation}");
    }
}

#[tokio::test]
async fn the_store_in_memory_shows_nothing() {
    let mut watch = Watch::begin();
    let store = MemoryTokenStore::new();
    script::of_any_store(&mut watch, &store).await;
    watch.debug("the store in memory", &store);
    watch.outcome("delete_token", store.delete_token(&own_id()).await);
    watch.outcome("delete_tokens", store.delete_tokens().await);
    watch.look();
}

/// A raw client of the embedded backend, as tests of applications have it.
#[tokio::test]
async fn the_embedded_backend_shows_no_value() {
    let watch = Watch::begin();
    let client = client(&EmbeddedSecretsManager::new());
    client.create_secret().name("a").secret_string(ACCESS).send().await.unwrap();
    client.put_secret_value().secret_id("a").secret_string(format!("{ACCESS}1")).send().await.unwrap();
    let found = client.get_secret_value().secret_id("a").send().await.unwrap();
    assert!(found.secret_string().is_some_and(|value| value.starts_with(ACCESS)));
    watch.debug("an answer", &found);
    let found = client.batch_get_secret_value().secret_id_list("a").send().await.unwrap();
    watch.debug("an answer", &found);
    let log = watch.look();
    assert!(log.contains("received response from service"), "{log}");
}

/// Whoever gives up waiting: what goes on without him shows nothing either.
#[tokio::test(start_paused = true)]
async fn what_goes_on_without_its_caller_shows_nothing() {
    let mut watch = Watch::begin();
    for operation in [
        Operation::GetSecretValue,
        Operation::CreateSecret,
        Operation::PutSecretValue,
        Operation::TagResource,
        Operation::DeleteSecret,
        Operation::ListSecrets,
        Operation::BatchGetSecretValue,
    ] {
        for held_before in [true, false] {
            let backend = EmbeddedSecretsManager::new();
            if operation != Operation::CreateSecret {
                watch.outcome("save_token", store_on(&backend).await.save_token(&built(login())).await);
            }
            let store = store_on(&backend).await;
            let gate = if held_before { Gate::before(operation) } else { Gate::after(operation) };
            let gate = backend.gate(gate);
            let call = tokio::spawn(call(store.clone(), operation));
            gate.arrived(1).await;
            call.abort();
            assert!(call.await.unwrap_err().is_cancelled());
            gate.open();
            tokio::time::sleep(Duration::from_secs(60)).await;
            watch.outcome("find_token", store.find_token(&user()).await);
            watch.look();
        }
    }
}

/// What comes to a request for this operation.
async fn call(store: SecretsManagerTokenStore, operation: Operation) {
    match operation {
        Operation::GetSecretValue => drop(store.find_token(&user()).await),
        Operation::DeleteSecret => drop(store.delete_token(&id_of_user()).await),
        Operation::ListSecrets => drop(store.find_token_by_id(&own_id()).await),
        Operation::BatchGetSecretValue => drop(store.get_tokens().await),
        _ => drop(store.save_token(&built(login().access_token(format!("{ACCESS}1")))).await),
    }
}
