//! The tags that a search goes by, and recent writes that a list does not show yet.

use crate::support::*;
use oauth_token_store::embedded::{EmbeddedSecretsManager, Fault, Gate, Operation};
use oauth_token_store::secrecy::SecretString;
use oauth_token_store::{OAuthToken, SecretsManagerTokenStore, TokenStore};
use std::sync::Arc;
use std::time::Duration;

fn rotated(to: &str) -> OAuthToken {
    refresh("bob", to)
}

/// Bob's rotation to "second" landed, its answer was lost, and the error's token has been saved again.
async fn with_a_resumed_put() -> (EmbeddedSecretsManager, SecretsManagerTokenStore) {
    let (backend, store) = new().await;
    store.save_token(&login("bob")).await.unwrap();
    let unfinished = rotation_without_an_answer(&backend, &store, Fault::lost_answer()).await;
    store.save_token(&unfinished).await.expect("landed");
    (backend, store)
}

/// Bob's rotation to "second" has landed; the token of the error that its lost answers have led to.
async fn rotation_without_an_answer(
    backend: &EmbeddedSecretsManager,
    store: &SecretsManagerTokenStore,
    lost: Fault,
) -> Arc<OAuthToken> {
    backend.inject(lost.on(Operation::PutSecretValue));
    let error = store.save_token(&rotated("second")).await.expect_err("no answer");
    backend.clear_faults();
    Arc::clone(error.token().expect("the token to save again"))
}

/// A put finished by saving the error's token has its tags brought up to date.
#[tokio::test(start_paused = true)]
async fn a_resumed_put_brings_the_tags_up_to_date() {
    let (_, store) = with_a_resumed_put().await;
    let hit = store.find_by_refresh_token("client", &SecretString::from("second")).await.unwrap();
    assert!(hit.is_some(), "not found by its refresh token, and never will be");
}

/// So the next save by that refresh token finds its record, and makes no second one.
#[tokio::test(start_paused = true)]
async fn a_resumed_put_leads_to_no_second_record() {
    let (backend, store) = with_a_resumed_put().await;
    let by_token = token().client_id("client").refresh_token("second").scope("all").build().unwrap();
    store.save_token(&by_token).await.unwrap();
    assert_eq!(backend.secret_count(), 1);
}

/// Whether a process that has written nothing finds bob.
async fn is_found_by(backend: &EmbeddedSecretsManager, refresh_token: &str) -> bool {
    let store = store_on(backend).await;
    let found = store.find_by_refresh_token("client", &SecretString::from(refresh_token)).await;
    found.unwrap().is_some()
}

/// The read that tells what is there now takes its time, or shows what was there before.
#[tokio::test(start_paused = true)]
async fn a_resumed_put_sets_its_tags_however_slow_or_stale_the_read_before_that() {
    for is_stale in [false, true] {
        let (backend, store) = new().await;
        store.save_token(&login("bob")).await.unwrap();
        let unfinished = rotation_without_an_answer(&backend, &store, Fault::lost_answer()).await;
        backend.stale_reads(usize::from(is_stale));
        let reads = backend.gate(Gate::before(Operation::GetSecretValue));
        let save = spawn_save(&store, &unfinished);
        reads.arrived(1).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        reads.open();
        save.await.unwrap().expect("landed");
        assert!(is_found_by(&backend, "second").await, "stale: {is_stale}");
    }
}

/// Another process has changed something else since, and set no tag that it has not changed.
#[tokio::test(start_paused = true)]
async fn a_resumed_put_that_was_written_over_brings_the_tags_up_to_date() {
    let (backend, store) = new().await;
    store.save_token(&login("bob")).await.unwrap();
    let unfinished = rotation_without_an_answer(&backend, &store, Fault::lost_answer()).await;
    store_on(&backend).await.save_token(&extra("bob", "x", "1")).await.unwrap();
    store.save_token(&unfinished).await.expect("landed");
    assert!(is_found_by(&backend, "second").await);
}

/// Bob has logged out and in again while his rotation was to be saved.
#[tokio::test(start_paused = true)]
async fn a_resumed_put_to_a_new_secret_tags_that_one() {
    let (backend, store) = new_cached().await;
    let other = store_on(&backend).await;
    store.save_token(&login("bob")).await.unwrap();
    other.delete_token(&id_of("bob")).await.unwrap();
    other.save_token(&login("bob")).await.unwrap();
    // The first one goes to the secret that is gone.
    let unfinished = rotation_without_an_answer(&backend, &store, Fault::lost_answer().skip(1)).await;
    store.save_token(&unfinished).await.expect("landed");
    assert!(is_found_by(&backend, "second").await);
}

/// The answer comes when another process has rotated it once more.
#[tokio::test(start_paused = true)]
async fn a_put_that_was_sent_again_does_not_turn_back_newer_tags() {
    let (backend, store) = new().await;
    let other = store_on(&backend).await;
    store.save_token(&login("bob")).await.unwrap();
    backend.inject(Fault::lost_answer().on(Operation::PutSecretValue).times(1));
    let save = spawn_save(&store, &rotated("second"));
    while backend.requests().count(Operation::PutSecretValue) == 0 {
        tokio::task::yield_now().await;
    }
    // It pauses before it is sent again, and no time goes by before this has ended.
    other.save_token(&rotated("third")).await.unwrap();
    save.await.unwrap().unwrap();
    assert_eq!(backend.requests().count(Operation::PutSecretValue), 3);
    assert!(is_found_by(&backend, "third").await);
}

/// A throttled TagResource is tried again.
#[tokio::test(start_paused = true)]
async fn a_failed_tag_write_is_made_good_by_a_later_save() {
    let (backend, store) = new().await;
    store.save_token(&login("bob")).await.unwrap();
    backend.inject(Fault::throttling().on(Operation::TagResource).times(3));
    store.save_token(&rotated("second")).await.unwrap();
    store.save_token(&token().user_name("bob").access_token("a2").build().unwrap()).await.unwrap();
    let hit = store.find_by_refresh_token("client", &SecretString::from("second")).await.unwrap();
    assert!(hit.is_some(), "the tag of the refresh token stays wrong until the next rotation");
}

/// A candidate of the search that cannot be read.
#[tokio::test]
async fn a_corrupt_record_does_not_keep_a_delete_by_own_id_from_the_others() {
    let (backend, _) = new().await;
    let blind = oauth_token_store::SecretsManagerTokenStore::builder()
        .prefix(PREFIX)
        .client(backend.client())
        .tag_search(false)
        .build()
        .await
        .unwrap();
    for user in ["bob", "eve"] {
        blind.save_token(&token().id("7").user_name(user).access_token(user).build().unwrap()).await.unwrap();
    }
    backend
        .client()
        .put_secret_value()
        .secret_id(name_of("bob"))
        .secret_string("edited by hand")
        .send()
        .await
        .unwrap();
    let store = store_on(&backend).await;
    let _outcome = store.delete_token(&id("7")).await;
    assert_eq!(backend.secret_names(), [name_of("bob")], "eve's is to be deleted all the same");
}

/// delete_tokens after a save of unknown fate.
#[tokio::test(start_paused = true)]
async fn deleting_all_reaches_an_unanswered_create() {
    let (backend, store) = new().await;
    backend.set_list_lag(Duration::from_secs(300));
    backend.inject(Fault::lost_answer().on(Operation::CreateSecret));
    store.save_token(&login("bob")).await.expect_err("no answer");
    backend.clear_faults();
    store.delete_tokens().await.unwrap();
    assert_eq!(backend.secret_count(), 0, "a credential that this process wrote survives");
}

/// A save that lands while the answer of an earlier delete is on its way.
#[tokio::test(start_paused = true)]
async fn a_late_answer_to_a_delete_does_not_forget_a_newer_write() {
    let (backend, store) = new().await;
    backend.set_list_lag(Duration::from_secs(300));
    store.save_token(&login("bob")).await.unwrap();
    let gate = backend.gate(Gate::after(Operation::DeleteSecret));
    let delete = tokio::spawn({
        let store = store.clone();
        async move { store.delete_token(&id_of("bob")).await }
    });
    gate.arrived(1).await;
    store.save_token(&refresh("bob", "new login")).await.unwrap();
    gate.open();
    delete.await.unwrap().unwrap();
    assert_eq!(store.get_tokens().await.unwrap().len(), 1);
}
