//! Logging out, and names that are being deleted.

use std::time::Duration;

use oauth_token_store::embedded::{EmbeddedSecretsManager, Fault, Gate, Operation};
use oauth_token_store::secrecy::SecretString;
use oauth_token_store::{ErrorKind, SecretsManagerTokenStore, TokenStore};

use crate::support::{
    PREFIX, extra, found, id, id_of, login, name_of, new, new_cached, refresh_token_of, spawn_save, store_on,
    store_with_edited_requests, token,
};

/// Schedules a secret for deletion, as somebody does in the console.
async fn schedule_deletion(backend: &EmbeddedSecretsManager, name: &str) {
    let delete = backend.client().delete_secret().secret_id(name).recovery_window_in_days(7);
    delete.send().await.expect("scheduled");
}

#[tokio::test]
async fn a_deleted_secret_cannot_be_restored() {
    let (backend, store) = new().await;
    store.save_token(&login("bob")).await.expect("saved");
    store.delete_token(&id_of("bob")).await.expect("deleted");
    let restore = backend.client().restore_secret().secret_id(name_of("bob")).send().await;
    assert!(restore.expect_err("gone").into_service_error().is_resource_not_found_exception());
}

#[tokio::test]
async fn a_deletion_is_not_decided_from_memory() {
    let (backend, store) = new_cached().await;
    assert!(store.find_by_user("bob").await.expect("fine").is_none());
    // As far as this store knows there is none.
    store_on(&backend).await.save_token(&login("bob")).await.expect("saved");
    store.delete_token(&id_of("bob")).await.expect("deleted");
    assert_eq!(backend.secret_count(), 0);
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

#[tokio::test]
async fn a_delete_by_own_id_deletes_only_what_holds_it() {
    let (backend, store) = new().await;
    let person = token().id("7").user_name("bob").access_token("a").build().expect("valid");
    store.save_token(&person).await.expect("saved");
    // The tag says that it holds the id, and the value doesn't.
    let client = backend.client();
    let value = client.get_secret_value().secret_id(name_of("bob")).send().await.expect("read").secret_string;
    let other = value.expect("a string").replace(r#""id":"7","#, "");
    client.put_secret_value().secret_id(name_of("bob")).secret_string(other).send().await.expect("put");
    store.delete_token(&id("7")).await.expect("nothing to delete");
    assert_eq!(backend.secret_names(), [name_of("bob")]);
}

#[tokio::test]
async fn a_delete_by_own_id_spares_a_record_made_anew_meanwhile() {
    let (backend, store) = new().await;
    let person = token().id("7").user_name("bob").access_token("a").build().expect("valid");
    store.save_token(&person).await.expect("saved");
    let read = backend.gate(Gate::after(Operation::GetSecretValue));
    let delete = tokio::spawn({
        let store = store.clone();
        async move { store.delete_token(&id("7")).await }
    });
    read.arrived(1).await;
    // Meanwhile he logs out and in again.
    let client = backend.client();
    let (name, bob) = (name_of("bob"), r#"{"schema":"1","user_name":"bob","access_token":"new"}"#);
    let delete_bob = client.delete_secret().secret_id(&name).force_delete_without_recovery(true);
    delete_bob.send().await.expect("deleted");
    client.create_secret().name(&name).secret_string(bob).send().await.expect("created");
    read.open();
    delete.await.expect("no panic").expect("deleted");
    assert_eq!(backend.secret_names(), [name]);
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
    // The save asked for the deletion once more, since it cannot know who scheduled it, and no oftener.
    assert_eq!(backend.requests().count(Operation::DeleteSecret), 2);
    let creates = backend.requests().count(Operation::CreateSecret);
    assert!(creates <= 30, "{creates} requests: its pauses must grow");
}

/// It is refused during the deletion, and the next login is there before the refusal is.
#[tokio::test(start_paused = true)]
async fn a_find_that_is_refused_late_reads_again() {
    let (backend, store) = new().await;
    backend.set_deletion_linger(Duration::from_secs(1));
    store.save_token(&login("bob")).await.expect("saved");
    store.delete_token(&id_of("bob")).await.expect("deleted");
    let reads = backend.gate(Gate::after(Operation::GetSecretValue));
    let find = tokio::spawn({
        let store = store.clone();
        async move { store.find_by_user("bob").await }
    });
    reads.arrived(1).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let bob = r#"{"schema":"1","user_name":"bob","access_token":"new"}"#;
    let create = backend.client().create_secret().name(name_of("bob")).secret_string(bob).send();
    create.await.expect("created");
    reads.open();
    assert!(find.await.expect("no panic").expect("found").is_some());
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
    schedule_deletion(&backend, &name_of("bob")).await;

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
async fn a_write_over_somebody_elses_new_record_counts_as_a_recent_write() {
    let (backend, one) = new().await;
    backend.set_list_lag(Duration::from_secs(300));
    let two = store_on(&backend).await;
    two.save_token(&login("bob")).await.expect("saved");
    assert!(one.get_tokens().await.expect("listed").is_empty());
    one.save_token(&extra("bob", "x", "1")).await.expect("saved");
    assert_eq!(one.get_tokens().await.expect("listed").len(), 1);

    // And so does one whose answer came only when its token was saved again.
    let lost = backend.inject(Fault::lost_answer().on(Operation::CreateSecret));
    let error = one.save_token(&login("eve")).await.expect_err("no answer");
    backend.remove_fault(lost);
    one.save_token(error.token().expect("the token")).await.expect("it had landed");
    assert_eq!(one.get_tokens().await.expect("listed").len(), 2);
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

#[tokio::test]
async fn a_token_scheduled_for_deletion_and_then_gone_while_it_is_saved_is_made_anew() {
    let (backend, store) = new().await;
    store.save_token(&login("bob")).await.expect("saved");
    let new_login = token().user_name("bob").refresh_token("new login").build().expect("valid");
    let gate = backend.gate(Gate::before(Operation::PutSecretValue).on(Operation::DescribeSecret));
    let save = spawn_save(&store, &new_login);
    gate.arrived(1).await;
    schedule_deletion(&backend, &name_of("bob")).await;
    assert!(gate.release_one());
    gate.arrived(1).await;
    store_on(&backend).await.delete_token(&id_of("bob")).await.expect("deleted");
    gate.open();
    let stored = save.await.expect("no panic").expect("saved");
    assert_eq!(refresh_token_of(&stored), "new login");
    assert!(stored.client_secret().is_none());
    assert_eq!(found(&store, "bob").await, stored);
}

#[tokio::test(start_paused = true)]
async fn a_name_that_becomes_free_while_it_is_looked_at_is_taken() {
    let (backend, store) = new().await;
    backend.set_deletion_linger(Duration::from_secs(1));
    store.save_token(&login("bob")).await.expect("saved");
    store.delete_token(&id_of("bob")).await.expect("deleted");
    let creating = backend.gate(Gate::before(Operation::CreateSecret));
    let save = spawn_save(&store, &login("bob"));
    creating.arrived(1).await;
    let looking = backend.gate(Gate::before(Operation::DescribeSecret));
    creating.open();
    looking.arrived(1).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    looking.open();
    save.await.expect("no panic").expect("saved");
    assert_eq!(refresh_token_of(&*found(&store, "bob").await), "refresh-bob");
}

#[tokio::test]
async fn making_way_for_a_new_record_spares_what_was_created_meanwhile() {
    let (backend, one) = new().await;
    let two = store_on(&backend).await;
    one.save_token(&login("bob")).await.expect("saved");
    schedule_deletion(&backend, &name_of("bob")).await;
    let looked = backend.gate(Gate::after(Operation::DescribeSecret));
    let late = token().user_name("bob").access_token("late").build().expect("valid");
    // Its first look is the lookup's, its second that of the refused Create.
    let save = spawn_save(&one, &late);
    looked.arrived(1).await;
    assert!(looked.release_one());
    looked.arrived(1).await;
    two.delete_token(&id_of("bob")).await.expect("deleted");
    two.save_token(&token().user_name("bob").refresh_token("new login").build().expect("valid"))
        .await
        .expect("saved");
    looked.open();
    save.await.expect("no panic").expect("saved");
    let bob = found(&two, "bob").await;
    assert_eq!(refresh_token_of(&bob), "new login");
    assert!(bob.access_token().is_some());
}

#[tokio::test]
async fn the_tags_of_a_deleted_record_are_not_given_to_its_successor() {
    let (backend, one) = new().await;
    let two = store_on(&backend).await;
    one.save_token(&login("bob")).await.expect("saved");
    let gate = backend.gate(Gate::before(Operation::TagResource));
    let rotated = login("bob").to_builder().refresh_token("rotated").build().expect("valid");
    let save = spawn_save(&one, &rotated);
    gate.arrived(1).await;
    two.delete_token(&id_of("bob")).await.expect("deleted");
    two.save_token(&login("bob")).await.expect("saved");
    gate.open();
    save.await.expect("no panic").expect("saved");
    let refresh_token = SecretString::from("refresh-bob");
    assert!(two.find_by_refresh_token("client", &refresh_token).await.expect("fine").is_some());
}

#[tokio::test]
async fn a_record_scheduled_for_deletion_while_a_create_looks_whose_it_is_is_replaced() {
    let (backend, one) = new().await;
    let two = store_on(&backend).await;
    let creating = backend.gate(Gate::before(Operation::CreateSecret));
    let first = spawn_save(&two, &login("bob"));
    creating.arrived(1).await;
    let late = token().user_name("bob").access_token("late").build().expect("valid");
    let late = spawn_save(&one, &late);
    creating.arrived(2).await;
    assert!(creating.release_one());
    first.await.expect("no panic").expect("saved");
    let looking = backend.gate(Gate::before(Operation::GetSecretValue));
    creating.open();
    looking.arrived(1).await;
    schedule_deletion(&backend, &name_of("bob")).await;
    looking.open();
    let stored = late.await.expect("no panic").expect("saved");
    assert_eq!(refresh_token_of(&stored), "none");
    assert_eq!(found(&one, "bob").await, stored);
}

/// «Invalid request» has more reasons than a scheduled deletion: it is tried again for a while, and nothing is deleted.
#[tokio::test(start_paused = true)]
async fn a_read_that_is_invalid_for_another_reason_is_an_error() {
    let (backend, store) = new().await;
    store.save_token(&login("bob")).await.expect("saved");
    let version = crate::support::current_version(&backend, &name_of("bob")).await;
    let odd = store_with_edited_requests(&backend, move |operation, request| {
        if operation == "GetSecretValue" {
            request["VersionId"] = version.as_str().into();
            request["VersionStage"] = "AWSPREVIOUS".into();
        }
    })
    .await;
    let find = odd.find_by_user("bob").await.expect_err("no miss");
    let save = odd.save_token(&extra("bob", "x", "1")).await.expect_err("no miss");
    for error in [find, save] {
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!(error.secret_name(), Some(name_of("bob").as_str()));
    }
    assert_eq!(found(&store, "bob").await.extra("x"), None);
}

#[tokio::test(start_paused = true)]
async fn a_put_that_is_invalid_for_another_reason_is_an_error() {
    let (backend, store) = new().await;
    for user in ["bob", "eve"] {
        store.save_token(&login(user)).await.expect("saved");
    }
    schedule_deletion(&backend, &name_of("eve")).await;
    let odd = store_with_edited_requests(&backend, |operation, request| {
        if operation == "PutSecretValue" {
            request["SecretId"] = name_of("eve").into();
        }
    })
    .await;
    let error = odd.save_token(&extra("bob", "x", "1")).await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(error.secret_name(), Some(name_of("bob").as_str()));
    let whole = login("bob").to_builder().extra("x", "1").build().expect("valid");
    assert_eq!(odd.save_token(&whole).await.expect_err("refused").kind(), ErrorKind::Unavailable);
    assert_eq!(found(&store, "bob").await.extra("x"), None);
}

#[tokio::test(start_paused = true)]
async fn a_create_that_is_invalid_for_another_reason_is_an_error_and_deletes_nothing() {
    let (backend, store) = new().await;
    store.save_token(&login("eve")).await.expect("saved");
    schedule_deletion(&backend, &name_of("eve")).await;
    let odd = store_with_edited_requests(&backend, |operation, request| {
        if operation == "CreateSecret" {
            request["Name"] = name_of("eve").into();
        }
    })
    .await;
    let reading = backend.gate(Gate::after(Operation::GetSecretValue));
    let save = spawn_save(&odd, &login("bob").to_builder().extra("x", "1").build().expect("valid"));
    reading.arrived(1).await;
    let theirs = r#"{"schema":"1","user_name":"bob","access_token":"a"}"#;
    let client = backend.client();
    client.create_secret().name(name_of("bob")).secret_string(theirs).send().await.expect("created");
    reading.open();
    let error = save.await.expect("no panic").expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(found(&store, "bob").await.extra("x"), None);
}

#[tokio::test(start_paused = true)]
async fn deleting_all_lists_to_the_end_before_it_deletes() {
    let (backend, store) = new().await;
    for n in 0..101 {
        store.save_token(&login(&format!("user-{n}"))).await.expect("saved");
    }
    let gate = backend.gate(Gate::before(Operation::DeleteSecret));
    let store = store_on(&backend).await;
    let delete = tokio::spawn(async move { store.delete_tokens().await });
    gate.arrived(1).await;
    assert_eq!(backend.requests().count(Operation::ListSecrets), 2);
    gate.open();
    delete.await.expect("no panic").expect("deleted");
    assert_eq!(backend.secret_count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_deletion_of_all_is_carried_to_its_end() {
    let (backend, store) = new().await;
    for user in ["bob", "eve", "mallory"] {
        store.save_token(&login(user)).await.expect("saved");
    }
    let gate = backend.gate(Gate::before(Operation::DeleteSecret));
    let delete = tokio::spawn(async move { store.delete_tokens().await });
    gate.arrived(1).await;
    delete.abort();
    assert!(delete.await.is_err_and(|error| error.is_cancelled()));
    gate.open();
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(backend.secret_count(), 0);
}

/// AWS says nothing of a missing secret that is deleted without recovery; other implementations may.
#[tokio::test]
async fn a_deletion_that_is_told_not_found_is_done() {
    let (backend, _) = new().await;
    let store = store_with_edited_requests(&backend, |operation, request| {
        if operation == "DeleteSecret" {
            *request = serde_json::json!({ "SecretId": request["SecretId"], "RecoveryWindowInDays": 7 });
        }
    })
    .await;
    store.delete_token(&id_of("bob")).await.expect("a missing one is not an error");
}
