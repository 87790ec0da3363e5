//! Logging out, and names that are being deleted.

use std::time::Duration;

use oauth_token_store::embedded::{Fault, Gate, Operation};
use oauth_token_store::{ErrorKind, SecretsManagerTokenStore, TokenStore, TokenStoreExt};

use crate::support::{
    PREFIX, found, id, id_of, login, name_of, new, refresh_token_of, spawn_save, store_on, token,
};

#[tokio::test]
async fn a_deleted_secret_cannot_be_restored() {
    let (backend, store) = new().await;
    store.save_token(&login("bob")).await.expect("saved");
    store.delete_token(&id_of("bob")).await.expect("deleted");
    let restore = backend.client().restore_secret().secret_id(name_of("bob")).send().await;
    assert!(restore.expect_err("gone").into_service_error().is_resource_not_found_exception());
}

#[tokio::test]
async fn a_delete_by_own_id_deletes_every_record_that_holds_it() {
    let (backend, store) = new().await;
    // Without tag search the store cannot see that the id is taken, as it could not within the lag of ListSecrets.
    let builder = SecretsManagerTokenStore::builder().prefix(PREFIX).client(backend.client());
    let blind = builder.tag_search(false).build().await.expect("a store");
    for user in ["bob", "eve"] {
        let token = token().id("7").user_name(user).access_token(user).build().expect("valid");
        blind.save_token(&token).await.expect("saved");
    }
    let machine = token().id("7").access_token("m").build().expect("valid");
    blind.save_token(&machine).await.expect("saved");
    store.save_token(&login("mallory")).await.expect("saved");
    assert_eq!(backend.secret_count(), 4);
    store.delete_token(&id("7")).await.expect("deleted");
    assert_eq!(backend.secret_names(), [name_of("mallory")]);
}

#[tokio::test(start_paused = true)]
async fn a_save_right_after_a_delete_waits_until_the_name_is_free() {
    let (backend, store) = new().await;
    backend.set_deletion_linger(Duration::from_secs(5));
    store.save_token(&login("bob")).await.expect("saved");
    store.delete_token(&id_of("bob")).await.expect("deleted");
    assert!(store.find_by_user("bob").await.expect("no hit").is_none());
    let start = tokio::time::Instant::now();
    let again = token().user_name("bob").refresh_token("again").build().expect("valid");
    store.save_token(&again).await.expect("saved");
    assert!(start.elapsed() >= Duration::from_secs(4), "{:?}", start.elapsed());
    assert_eq!(refresh_token_of(&*found(&store, "bob").await), "again");
}

#[tokio::test(start_paused = true)]
async fn a_name_that_stays_taken_is_unavailable_after_the_write_deadline() {
    let (backend, store) = new().await;
    backend.set_deletion_linger(Duration::from_secs(60));
    store.save_token(&login("bob")).await.expect("saved");
    store.delete_token(&id_of("bob")).await.expect("deleted");
    let start = tokio::time::Instant::now();
    let error = store.save_token(&login("bob")).await.expect_err("still taken");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.is_retryable());
    assert!(start.elapsed() <= Duration::from_secs(10), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_token_scheduled_for_deletion_by_somebody_else_is_no_hit_and_is_not_restored() {
    let (backend, store) = new().await;
    store.save_token(&login("bob")).await.expect("saved");
    let known = found(&store, "bob").await;
    let client = backend.client();
    let before = client.describe_secret().secret_id(name_of("bob")).send().await.expect("there").arn;
    client
        .delete_secret()
        .secret_id(name_of("bob"))
        .recovery_window_in_days(7)
        .send()
        .await
        .expect("scheduled");

    assert!(store.find_by_user("bob").await.expect("no hit").is_none());
    assert!(store.find_token_by_id(&id_of("bob")).await.expect("no hit").is_none());
    assert!(store.get_tokens().await.expect("listed").is_empty());

    // A process that still holds the old token brings nothing of it back.
    let unchanged = store.save_token(&known).await.expect_err("it was deleted");
    assert_eq!(unchanged.kind(), ErrorKind::Deleted);
    let again = token().user_name("bob").refresh_token("again").build().expect("valid");
    store.save_token(&again).await.expect("saved");
    let bob = found(&store, "bob").await;
    assert_eq!(refresh_token_of(&bob), "again");
    assert!(bob.client_secret().is_none());
    let after = client.describe_secret().secret_id(name_of("bob")).send().await.expect("there").arn;
    assert_ne!(before, after);
    assert_eq!(backend.requests().count(Operation::RestoreSecret), 0);
}

#[tokio::test]
async fn a_token_scheduled_for_deletion_while_it_is_saved_stays_deleted_unless_it_is_a_new_login() {
    let (backend, store) = new().await;
    let client = backend.client();
    let schedule = || client.delete_secret().secret_id(name_of("bob")).recovery_window_in_days(7).send();
    store.save_token(&login("bob")).await.expect("saved");

    let changed = found(&store, "bob").await.to_builder().access_token("newer").build().expect("valid");
    let gate = backend.gate(Gate::before(Operation::PutSecretValue));
    let save = spawn_save(&store, &changed);
    gate.arrived(1).await;
    schedule().await.expect("scheduled");
    gate.open();
    assert_eq!(save.await.expect("no panic").expect_err("deleted").kind(), ErrorKind::Deleted);
    client.restore_secret().secret_id(name_of("bob")).send().await.expect("restored");

    let gate = backend.gate(Gate::before(Operation::PutSecretValue));
    let new_login = token().user_name("bob").refresh_token("new login").build().expect("valid");
    let save = spawn_save(&store, &new_login);
    gate.arrived(1).await;
    schedule().await.expect("scheduled");
    gate.open();
    let stored = save.await.expect("no panic").expect("saved");
    assert!(stored.client_secret().is_none());
    assert_eq!(found(&store, "bob").await, stored);
}

#[tokio::test]
async fn deleting_all_spares_what_the_library_did_not_create() {
    let (backend, store) = new().await;
    let locator = id_of("bob");
    let foreign = [
        format!("{PREFIX}/config"),
        format!("{PREFIX}/deeper/{}", locator.as_str()),
        format!("{PREFIX}-2/{}", locator.as_str()),
        format!("{PREFIX}{}", locator.as_str()),
        PREFIX.to_owned(),
    ];
    for name in &foreign {
        backend.client().create_secret().name(name).secret_string("{}").send().await.expect("created");
    }
    for user in ["bob", "eve", "mallory"] {
        store.save_token(&login(user)).await.expect("saved");
    }
    store_on(&backend).await.delete_tokens().await.expect("deleted");
    let mut left = backend.secret_names();
    left.sort();
    let mut expected = foreign.to_vec();
    expected.sort();
    assert_eq!(left, expected);
}

#[tokio::test(start_paused = true)]
async fn deleting_all_reaches_own_recent_writes_that_the_list_does_not_show_yet() {
    let (backend, store) = new().await;
    backend.set_list_lag(Duration::from_secs(300));
    store.save_token(&login("bob")).await.expect("saved");
    assert_eq!(store.get_tokens().await.expect("listed").len(), 1);
    store.delete_tokens().await.expect("deleted");
    assert_eq!(backend.secret_count(), 0);
}

#[tokio::test(start_paused = true)]
async fn deleting_all_goes_on_after_an_error_and_returns_it() {
    let (backend, store) = new().await;
    for user in ["bob", "eve", "mallory"] {
        store.save_token(&login(user)).await.expect("saved");
    }
    backend.inject(Fault::access_denied().on(Operation::DeleteSecret).on_secret(id_of("eve").as_str()));
    let error = store.delete_tokens().await.expect_err("one is denied");
    assert_eq!(error.kind(), ErrorKind::AccessDenied);
    assert_eq!(error.secret_name(), Some(name_of("eve").as_str()));
    assert_eq!(backend.secret_names(), [name_of("eve")]);
}
