//! A lost answer tells nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use oauth_token_store::embedded::{EmbeddedSecretsManager, Fault, Gate, Operation};
use oauth_token_store::secrecy::ExposeSecret;
use oauth_token_store::{ErrorKind, SecretsManagerTokenStore, StoreError, TokenStore};

use crate::support::{
    PREFIX, cached_store_on, extra, found, id_of, login, name_of, new, refresh, refresh_token_of, spawn_save,
    store_on, store_told_that_its_creates_exist, store_with_edited_requests, token,
    whole_token_behind_a_rotation,
};

/// How often the SDK tries by itself, which the store sees as one call.
const TRIES_OF_THE_SDK: usize = 3;

/// More than that.
const BEYOND_THE_SDK: usize = TRIES_OF_THE_SDK + 1;

async fn versions(backend: &EmbeddedSecretsManager, user: &str) -> usize {
    let request =
        backend.client().list_secret_version_ids().secret_id(name_of(user)).include_deprecated(true);
    request.send().await.expect("listed").versions().len()
}

#[tokio::test(start_paused = true)]
async fn a_put_whose_answers_were_lost_is_sent_again_and_lands_once() {
    let (backend, store) = new().await;
    store.save_token(&login("bob")).await.expect("saved");
    backend.inject(Fault::lost_answer().on(Operation::PutSecretValue).times(BEYOND_THE_SDK));
    let stored = store.save_token(&extra("bob", "x", "1")).await.expect("saved");
    assert_eq!(stored.extra("x"), Some("1"));
    assert_eq!(versions(&backend, "bob").await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_create_whose_answers_were_lost_is_sent_again_and_makes_one_record() {
    let (backend, store) = new().await;
    backend.inject(Fault::lost_answer().on(Operation::CreateSecret).times(BEYOND_THE_SDK));
    let stored = store.save_token(&login("bob")).await.expect("saved");
    assert_eq!(found(&store, "bob").await, stored);
    assert_eq!(versions(&backend, "bob").await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_landed_put_whose_answer_is_lost_for_good_never_replaces_a_newer_refresh_token() {
    let (backend, one) = new().await;
    let two = store_on(&backend).await;
    one.save_token(&login("bob")).await.expect("saved");
    let fault = backend.inject(Fault::lost_answer().on(Operation::PutSecretValue));
    let error = one.save_token(&refresh("bob", "second")).await.expect_err("no answer");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.is_retryable());
    backend.remove_fault(fault);

    // It had landed. Another process goes on from there.
    assert_eq!(refresh_token_of(&*found(&two, "bob").await), "second");
    two.save_token(&refresh("bob", "third")).await.expect("saved");

    let token = error.token().expect("the token to save again");
    let before = backend.requests();
    let stored = one.save_token(token).await.expect("it had landed");
    assert_eq!(refresh_token_of(&stored), "second");
    // It looks which tags are wanted by now, for who has written since has set those alone that it has changed.
    let expected = "1 GetSecretValue, 1 PutSecretValue, 1 TagResource";
    assert_eq!(backend.requests().since(&before).to_string(), expected);
    assert_eq!(refresh_token_of(&*found(&two, "bob").await), "third");
}

#[tokio::test(start_paused = true)]
async fn a_put_that_never_arrived_is_sent_when_its_token_is_saved_again() {
    let (backend, store) = new().await;
    store.save_token(&login("bob")).await.expect("saved");
    let fault = backend.inject(Fault::unreachable().on(Operation::PutSecretValue));
    let error = store.save_token(&refresh("bob", "second")).await.expect_err("unreachable");
    backend.remove_fault(fault);
    let stored = store.save_token(error.token().expect("the token")).await.expect("saved");
    assert_eq!(refresh_token_of(&stored), "second");
    assert_eq!(found(&store, "bob").await, stored);
}

#[tokio::test(start_paused = true)]
async fn a_put_that_never_arrived_gives_way_to_who_came_first() {
    let (backend, one) = new().await;
    let two = store_on(&backend).await;
    one.save_token(&login("bob")).await.expect("saved");
    let fault = backend.inject(Fault::unreachable().on(Operation::PutSecretValue));
    let whole = login("bob").to_builder().access_token("newer").build().expect("valid");
    let error = one.save_token(&whole).await.expect_err("unreachable");
    backend.remove_fault(fault);
    two.save_token(&refresh("bob", "rotated")).await.expect("saved");

    // The refresh token in it is the one that its save started from, so it is not this save's to give.
    one.save_token(error.token().expect("the token")).await.expect("saved");
    let bob = found(&two, "bob").await;
    assert_eq!(refresh_token_of(&bob), "rotated");
    assert_eq!(bob.access_token().map(|token| token.expose_secret()), Some("newer"));
}

#[tokio::test(start_paused = true)]
async fn an_unanswered_create_is_finished_by_saving_its_token_again() {
    let (backend, one) = new().await;
    let two = store_on(&backend).await;
    let fault = backend.inject(Fault::lost_answer().on(Operation::CreateSecret));
    let error = one.save_token(&login("bob")).await.expect_err("no answer");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    backend.remove_fault(fault);
    two.save_token(&refresh("bob", "second")).await.expect("saved");
    one.save_token(error.token().expect("the token")).await.expect("it had landed");
    assert_eq!(refresh_token_of(&*found(&two, "bob").await), "second");
    assert_eq!(versions(&backend, "bob").await, 2);
}

#[tokio::test(start_paused = true)]
async fn an_unanswered_create_of_a_token_deleted_since_does_not_find_itself_in_the_new_login() {
    let (backend, one) = new().await;
    let two = store_on(&backend).await;
    let fault = backend.inject(Fault::lost_answer().on(Operation::CreateSecret));
    let error = one.save_token(&login("bob")).await.expect_err("no answer");
    backend.remove_fault(fault);
    two.delete_token(&id_of("bob")).await.expect("deleted");
    let new_login =
        token().user_name("bob").refresh_token("new login").extra("x", "1").build().expect("valid");
    two.save_token(&new_login).await.expect("saved");
    one.save_token(error.token().expect("the token")).await.expect("merged");
    assert_eq!(found(&two, "bob").await.extra("x"), Some("1"));
}

#[tokio::test(start_paused = true)]
async fn a_write_that_hangs_ends_in_bounded_time() {
    let (backend, store) = new().await;
    store.save_token(&login("bob")).await.expect("saved");
    backend.inject(Fault::lost_answer_hang().on(Operation::PutSecretValue));
    let start = tokio::time::Instant::now();
    let error = store.save_token(&extra("bob", "x", "1")).await.expect_err("no answer");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.token().is_some());
    assert!(start.elapsed().as_secs() <= 20, "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_deletion_whose_answers_were_lost_is_sent_again() {
    let (backend, store) = new().await;
    store.save_token(&login("bob")).await.expect("saved");
    backend.inject(Fault::lost_answer().on(Operation::DeleteSecret).times(BEYOND_THE_SDK));
    store.delete_token(&id_of("bob")).await.expect("deleted");
    assert!(store.find_by_user("bob").await.expect("fine").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_deletion_without_an_answer_says_so() {
    let (backend, store) = new().await;
    backend.inject(Fault::unreachable().on(Operation::DeleteSecret));
    let error = store.delete_token(&id_of("bob")).await.expect_err("unreachable");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.is_retryable());
}

#[tokio::test]
async fn a_dropped_delete_is_carried_to_its_end() {
    let (backend, store) = new().await;
    store.save_token(&login("bob")).await.expect("saved");
    let gate = backend.gate(Gate::before(Operation::DeleteSecret));
    let delete = tokio::spawn({
        let store = store.clone();
        async move { store.delete_token(&id_of("bob")).await }
    });
    gate.arrived(1).await;
    delete.abort();
    assert!(delete.await.is_err_and(|error| error.is_cancelled()));
    gate.open();
    while store.find_by_user("bob").await.expect("fine").is_some() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_denial_after_a_lost_answer_keeps_the_token() {
    let (backend, store) = new().await;
    store.save_token(&login("bob")).await.expect("saved");
    backend.inject(Fault::lost_answer().on(Operation::PutSecretValue).times(TRIES_OF_THE_SDK));
    backend.inject(Fault::access_denied().on(Operation::PutSecretValue));
    let error = store.save_token(&refresh("bob", "second")).await.expect_err("denied");
    assert_eq!(error.kind(), ErrorKind::AccessDenied);
    it_had_landed(&backend, &store, &error).await;
}

#[tokio::test(start_paused = true)]
async fn throttling_after_a_lost_answer_keeps_the_token_and_says_that_the_write_may_have_landed() {
    let (backend, store) = new().await;
    store.save_token(&login("bob")).await.expect("saved");
    backend.inject(Fault::lost_answer().on(Operation::PutSecretValue).times(TRIES_OF_THE_SDK));
    backend.inject(Fault::throttling().on(Operation::PutSecretValue));
    let error = store.save_token(&refresh("bob", "second")).await.expect_err("throttled");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    it_had_landed(&backend, &store, &error).await;
}

/// The write of `error` had landed, so saving its token again leaves alone what somebody else has stored since.
async fn it_had_landed(
    backend: &EmbeddedSecretsManager,
    store: &SecretsManagerTokenStore,
    error: &StoreError,
) {
    backend.clear_faults();
    let other = store_on(backend).await;
    assert_eq!(refresh_token_of(&*found(&other, "bob").await), "second");
    other.save_token(&refresh("bob", "third")).await.expect("saved");
    let stored = store.save_token(error.token().expect("the token")).await.expect("it had landed");
    assert_eq!(refresh_token_of(&stored), "second");
    assert_eq!(refresh_token_of(&*found(&other, "bob").await), "third");
}

#[tokio::test(start_paused = true)]
async fn a_save_that_fails_after_a_lost_race_remembers_what_it_started_from() {
    let (backend, one) = new().await;
    let two = store_on(&backend).await;
    one.save_token(&login("bob")).await.expect("saved");
    let (gate, save) = whole_token_behind_a_rotation(&backend, &one, &two).await;
    let fault = backend.inject(Fault::unreachable().on(Operation::GetSecretValue));
    gate.open();
    let error = save.await.expect("no panic").expect_err("it cannot read who won");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    backend.remove_fault(fault);
    let stored = one.save_token(error.token().expect("the token")).await.expect("saved");
    assert_eq!(refresh_token_of(&stored), "rotated");
}

#[tokio::test(start_paused = true)]
async fn a_landed_write_that_was_merged_over_a_rotation_does_not_put_the_old_refresh_token_back_afterwards() {
    let (backend, one) = new().await;
    let two = store_on(&backend).await;
    one.save_token(&login("bob")).await.expect("saved");
    let (gate, save) = whole_token_behind_a_rotation(&backend, &one, &two).await;
    // Its Put over the rotation lands, and is not answered.
    let fault = backend.inject(Fault::lost_answer().on(Operation::PutSecretValue).skip(1));
    gate.open();
    let error = save.await.expect("no panic").expect_err("no answer");
    backend.remove_fault(fault);
    let token = error.token().expect("the token");
    let added = token.to_builder().extra("x", "1").build().expect("valid");
    for token in [token, &added] {
        one.save_token(token).await.expect("saved");
        let bob = found(&two, "bob").await;
        assert_eq!(refresh_token_of(&bob), "rotated");
        assert_eq!(bob.access_token().map(|token| token.expose_secret()), Some("newer"));
    }
    assert_eq!(found(&two, "bob").await.extra("x"), Some("1"));
}

#[tokio::test(start_paused = true)]
async fn a_create_that_cannot_tell_whose_the_secret_is_remembers_its_request() {
    let (backend, one) = new().await;
    let two = store_on(&backend).await;
    let gate = backend.gate(Gate::before(Operation::CreateSecret));
    let first = spawn_save(&two, &refresh("bob", "second"));
    gate.arrived(1).await;
    let late = spawn_save(&one, &login("bob"));
    gate.arrived(2).await;
    assert!(gate.release_one());
    first.await.expect("no panic").expect("saved");
    let fault = backend.inject(Fault::unreachable().on(Operation::GetSecretValue));
    gate.open();
    let error = late.await.expect("no panic").expect_err("it cannot read whose it is");
    backend.remove_fault(fault);
    let before = backend.requests();
    one.save_token(error.token().expect("the token")).await.expect("saved");
    assert_eq!(backend.requests().since(&before).count(Operation::CreateSecret), 1);
    assert_eq!(backend.secret_count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_throttled_write_is_sent_again() {
    let (backend, store) = new().await;
    for operation in [Operation::CreateSecret, Operation::PutSecretValue] {
        backend.inject(Fault::throttling().on(operation).times(BEYOND_THE_SDK));
    }
    store.save_token(&login("bob")).await.expect("saved");
    store.save_token(&refresh("bob", "second")).await.expect("saved");
    assert_eq!(refresh_token_of(&*found(&store, "bob").await), "second");
}

#[tokio::test(start_paused = true)]
async fn a_create_whose_repetition_is_told_exists_recognises_itself_under_a_newer_version() {
    let (backend, two) = new().await;
    let one = store_told_that_its_creates_exist(&backend).await;
    let gate = backend.gate(Gate::before(Operation::CreateSecret));
    backend.inject(Fault::lost_answer().on(Operation::CreateSecret).times(1));
    let create = spawn_save(&one, &login("bob"));
    gate.arrived(1).await;
    assert!(gate.release_one());
    // It has landed, and is about to be sent again.
    gate.arrived(1).await;
    two.save_token(&refresh("bob", "rotated")).await.expect("saved");
    gate.open();
    create.await.expect("no panic").expect("it had landed");
    assert_eq!(refresh_token_of(&*found(&two, "bob").await), "rotated");
    assert_eq!(versions(&backend, "bob").await, 2);
}

/// A replica that lags behind does not know its version, and the next one shows what has been written over it.
#[tokio::test(start_paused = true)]
async fn a_create_whose_repetition_is_told_exists_recognises_itself_by_what_was_written_over_it() {
    for is_saved_again in [false, true] {
        let backend = EmbeddedSecretsManager::new();
        // So that the past is kept.
        backend.set_list_lag(Duration::from_secs(60));
        let two = cached_store_on(&backend).await;
        let one = store_told_that_its_creates_exist(&backend).await;
        let gate = backend.gate(Gate::before(Operation::CreateSecret));
        backend.inject(Fault::lost_answer().on(Operation::CreateSecret).times(1));
        let mut create = spawn_save(&one, &login("bob"));
        gate.arrived(1).await;
        assert!(gate.release_one());
        gate.arrived(1).await;
        two.save_token(&refresh("bob", "rotated")).await.expect("saved");
        if is_saved_again {
            let denied = backend.inject(Fault::access_denied().on(Operation::CreateSecret));
            assert!(gate.release_one());
            let error = create.await.expect("no panic").expect_err("denied");
            backend.remove_fault(denied);
            create = spawn_save(&one, error.token().expect("it may have landed"));
            gate.arrived(1).await;
        }
        let reads = backend.gate(Gate::before(Operation::GetSecretValue));
        gate.open();
        reads.arrived(1).await;
        backend.set_read_lag(Duration::from_secs(60));
        assert!(reads.release_one());
        reads.arrived(1).await;
        backend.set_read_lag(Duration::ZERO);
        reads.open();
        create.await.expect("no panic").expect("it had landed");
        assert_eq!(refresh_token_of(&*found(&two, "bob").await), "rotated");
        assert_eq!(versions(&backend, "bob").await, 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_create_that_had_to_wait_for_its_name_recognises_itself_too() {
    let (backend, two) = new().await;
    backend.set_deletion_linger(Duration::from_secs(1));
    two.save_token(&login("bob")).await.expect("saved");
    two.delete_token(&id_of("bob")).await.expect("deleted");
    let creates = Arc::new(AtomicUsize::new(0));
    let one = store_with_edited_requests(&backend, {
        let creates = Arc::clone(&creates);
        move |operation, request| {
            // The third one repeats the second, and is told «exists», as LocalStack does.
            if operation == "CreateSecret" && creates.fetch_add(1, Ordering::Relaxed) == 2 {
                request["ClientRequestToken"] = "a-token-of-at-least-32-characters-00".into();
            }
        }
    })
    .await;
    // The first one is refused and answered; the answer of the second, which lands, is lost.
    backend.inject(Fault::lost_answer().on(Operation::CreateSecret).skip(1).times(1));
    let gate = backend.gate(Gate::before(Operation::CreateSecret));
    let create = spawn_save(&one, &login("bob"));
    gate.arrived(1).await;
    assert!(gate.release_one());
    gate.arrived(1).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(gate.release_one());
    gate.arrived(1).await;
    two.save_token(&refresh("bob", "rotated")).await.expect("saved");
    gate.open();
    create.await.expect("no panic").expect("it had landed");
    assert_eq!(creates.load(Ordering::Relaxed), 3);
    assert_eq!(refresh_token_of(&*found(&two, "bob").await), "rotated");
}

#[tokio::test(start_paused = true)]
async fn an_unanswered_create_that_is_told_exists_later_recognises_itself() {
    let (backend, two) = new().await;
    let one = store_told_that_its_creates_exist(&backend).await;
    // No try is answered, nor can it be seen afterwards whose the secret is.
    let lost = backend.inject(Fault::lost_answer().on(Operation::CreateSecret));
    let error = one.save_token(&login("bob")).await.expect_err("no answer");
    backend.remove_fault(lost);
    two.save_token(&refresh("bob", "rotated")).await.expect("saved");
    let unreachable = backend.inject(Fault::unreachable().on(Operation::GetSecretValue));
    let error = one.save_token(error.token().expect("the token")).await.expect_err("it cannot tell");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    backend.remove_fault(unreachable);
    let stored = one.save_token(error.token().expect("the token")).await.expect("it had landed");
    assert_eq!(refresh_token_of(&stored), "refresh-bob");
    assert_eq!(refresh_token_of(&*found(&two, "bob").await), "rotated");
}

#[tokio::test(start_paused = true)]
async fn a_save_that_lost_its_slot_and_cannot_read_remembers_what_it_started_from() {
    let (backend, one) = new().await;
    let two = store_on(&backend).await;
    one.save_token(&login("bob")).await.expect("saved");
    let unreachable = backend.inject(Fault::unreachable().on(Operation::PutSecretValue));
    let whole = login("bob").to_builder().access_token("newer").build().expect("valid");
    let error = one.save_token(&whole).await.expect_err("unreachable");
    backend.remove_fault(unreachable);
    two.save_token(&refresh("bob", "rotated")).await.expect("saved");

    let unreachable = backend.inject(Fault::unreachable().on(Operation::GetSecretValue));
    let error = one.save_token(error.token().expect("the token")).await.expect_err("it cannot read who won");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    backend.remove_fault(unreachable);
    let stored = one.save_token(error.token().expect("the token")).await.expect("saved");
    assert_eq!(refresh_token_of(&stored), "rotated");
    assert_eq!(stored.access_token().map(|token| token.expose_secret()), Some("newer"));
}

#[tokio::test(start_paused = true)]
async fn an_unanswered_put_to_a_token_deleted_since_makes_a_new_record() {
    let (backend, store) = new().await;
    store.save_token(&login("bob")).await.expect("saved");
    let unreachable = backend.inject(Fault::unreachable().on(Operation::PutSecretValue));
    let error = store.save_token(&refresh("bob", "second")).await.expect_err("unreachable");
    backend.remove_fault(unreachable);
    store_on(&backend).await.delete_token(&id_of("bob")).await.expect("deleted");
    store.save_token(error.token().expect("the token")).await.expect("saved");
    let bob = found(&store, "bob").await;
    assert_eq!(refresh_token_of(&bob), "second");
    assert!(bob.client_secret().is_none());
}

#[tokio::test(start_paused = true)]
async fn an_unanswered_write_is_not_sent_again_by_a_store_of_another_prefix() {
    let (backend, store) = new().await;
    store.save_token(&login("bob")).await.expect("saved");
    let unreachable = backend.inject(Fault::unreachable().on(Operation::PutSecretValue));
    let error = store.save_token(&refresh("bob", "second")).await.expect_err("unreachable");
    backend.remove_fault(unreachable);
    let builder = SecretsManagerTokenStore::builder().prefix(format!("{PREFIX}/other"));
    let other = builder.client(backend.client()).build().await.expect("a store");
    other.save_token(error.token().expect("the token")).await.expect("saved");
    assert_eq!(refresh_token_of(&*found(&other, "bob").await), "second");
    assert_eq!(refresh_token_of(&*found(&store, "bob").await), "refresh-bob");
}

#[tokio::test(start_paused = true)]
async fn a_save_and_a_deletion_without_an_answer_go_on_for_as_long_as_was_set() {
    let (backend, store) = new().await;
    store.save_token(&login("bob")).await.expect("saved");
    backend.inject(Fault::unreachable().on(Operation::PutSecretValue).on(Operation::DeleteSecret));
    for seconds in [0, 30] {
        let deadline = Duration::from_secs(seconds);
        let builder = SecretsManagerTokenStore::builder().prefix(PREFIX).client(backend.client());
        let store = builder.write_deadline(deadline).build().await.expect("a store");
        // The last pause would have ended after the deadline, and the last try may.
        let bounds = deadline.saturating_sub(Duration::from_secs(1))..=deadline + Duration::from_secs(9);
        let start = tokio::time::Instant::now();
        store.save_token(&extra("bob", "x", "1")).await.expect_err("unreachable");
        assert!(bounds.contains(&start.elapsed()), "a save within {seconds} s: {:?}", start.elapsed());
        let start = tokio::time::Instant::now();
        store.delete_token(&id_of("bob")).await.expect_err("unreachable");
        assert!(bounds.contains(&start.elapsed()), "a deletion within {seconds} s: {:?}", start.elapsed());
    }
}

/// Somebody schedules the secret for deletion after the answer was lost, and takes that back. That no write is taken meanwhile
/// does not tell what became of the one before.
#[tokio::test(start_paused = true)]
async fn a_refusal_for_a_deletion_that_is_taken_back_is_no_answer_to_a_put_before_it() {
    let (backend, one) = new().await;
    let two = store_on(&backend).await;
    for (user, is_saved_again) in [("bob", false), ("eve", true)] {
        one.save_token(&login(user)).await.expect("saved");
        let lost = backend.inject(Fault::lost_answer().on(Operation::PutSecretValue));
        let puts = backend.requests().count(Operation::PutSecretValue);
        let save = spawn_save(&one, &refresh(user, "second"));
        while backend.requests().count(Operation::PutSecretValue) == puts {
            tokio::task::yield_now().await;
        }
        let unfinished = if is_saved_again { Err(save.await.expect("no panic")) } else { Ok(save) };
        backend.remove_fault(lost);
        two.save_token(&refresh(user, "third")).await.expect("saved");
        let client = backend.client();
        let schedule = client.delete_secret().secret_id(name_of(user)).recovery_window_in_days(7);
        schedule.send().await.expect("scheduled");
        let describes = backend.gate(Gate::before(Operation::DescribeSecret));
        let save = unfinished.unwrap_or_else(|answered| {
            let error = answered.expect_err("no answer");
            spawn_save(&one, error.token().expect("the token to save again"))
        });
        describes.arrived(1).await;
        client.restore_secret().secret_id(name_of(user)).send().await.expect("restored");
        describes.open();
        save.await.expect("no panic").expect("saved");
        assert_eq!(refresh_token_of(&*found(&two, user).await), "third");
    }
}

/// The same; the Put is then refused for good, or the write was a Create.
#[tokio::test(start_paused = true)]
async fn what_is_refused_after_such_a_deletion_is_still_told_from_what_came_after_it() {
    let (backend, one) = new().await;
    let (two, client) = (store_on(&backend).await, backend.client());
    let schedule = || client.delete_secret().secret_id(name_of("bob")).recovery_window_in_days(7).send();
    let restore = || client.restore_secret().secret_id(name_of("bob")).send();
    let lost = backend.inject(Fault::lost_answer().on(Operation::CreateSecret));
    let error = one.save_token(&login("bob")).await.expect_err("no answer");
    backend.remove_fault(lost);
    two.save_token(&refresh("bob", "newer")).await.expect("saved");
    schedule().await.expect("scheduled");
    let reads = backend.gate(Gate::before(Operation::GetSecretValue));
    let save = spawn_save(&one, error.token().expect("the token to save again"));
    reads.arrived(1).await;
    restore().await.expect("restored");
    reads.open();
    save.await.expect("no panic").expect("saved");
    assert_eq!(refresh_token_of(&*found(&two, "bob").await), "newer");

    let lost = backend.inject(Fault::lost_answer().on(Operation::PutSecretValue));
    let puts = backend.requests().count(Operation::PutSecretValue);
    let save = spawn_save(&one, &refresh("bob", "second"));
    while backend.requests().count(Operation::PutSecretValue) == puts {
        tokio::task::yield_now().await;
    }
    backend.remove_fault(lost);
    two.save_token(&refresh("bob", "third")).await.expect("saved");
    schedule().await.expect("scheduled");
    let describes = backend.gate(Gate::before(Operation::DescribeSecret));
    describes.arrived(1).await;
    restore().await.expect("restored");
    let denied = backend.inject(Fault::access_denied().on(Operation::PutSecretValue));
    describes.open();
    let error = save.await.expect("no panic").expect_err("denied");
    backend.remove_fault(denied);
    one.save_token(error.token().expect("the token to save again")).await.expect("saved");
    assert_eq!(refresh_token_of(&*found(&two, "bob").await), "third");
}
