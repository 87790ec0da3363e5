//! Several writers, interleaved on purpose.

use std::time::Duration;

use futures_util::future::join_all;
use oauth_token_store::embedded::{Fault, Gate, Operation};
use oauth_token_store::secrecy::ExposeSecret;
use oauth_token_store::{ErrorKind, SecretsManagerTokenStore, TokenStore};
use uuid::Uuid;

use crate::support::{
    PREFIX, cached_store_on, current_version, extra, found, id_of, login, name_of, new, new_cached, refresh,
    refresh_token_of, spawn_save, store_on, token, whole_token_behind_a_rotation,
};

#[tokio::test]
async fn two_that_change_different_fields_of_one_token_leave_both_changes() {
    let (backend, one) = new().await;
    let two = store_on(&backend).await;
    one.save_token(&login("bob")).await.expect("saved");
    let before = backend.requests();

    let gate = backend.gate(Gate::before(Operation::PutSecretValue));
    let saves = [spawn_save(&one, &extra("bob", "x", "1")), spawn_save(&two, &extra("bob", "y", "2"))];
    gate.arrived(2).await;
    gate.open();
    for save in saves {
        save.await.expect("no panic").expect("saved");
    }

    let bob = found(&one, "bob").await;
    assert_eq!((bob.extra("x"), bob.extra("y")), (Some("1"), Some("2")));
    // One of the two was refused, read once more and wrote again.
    let cost = backend.requests().since(&before);
    assert_eq!(cost.count(Operation::PutSecretValue), 3);
    assert_eq!(cost.count(Operation::GetSecretValue), 2 + 1 + 1);
}

#[tokio::test]
async fn twelve_writers_on_one_base_have_one_winner_a_round_and_none_is_lost() {
    let (backend, store) = new().await;
    store.save_token(&login("bob")).await.expect("saved");
    let gate = backend.gate(Gate::before(Operation::PutSecretValue));
    let mut saves = Vec::new();
    for n in 0..12 {
        saves.push(spawn_save(&store_on(&backend).await, &extra("bob", &format!("x{n}"), "1")));
    }
    gate.arrived(12).await;
    gate.open();
    for save in join_all(saves).await {
        save.expect("no panic").expect("saved");
    }
    assert_eq!(found(&store, "bob").await.extras().count(), 12);
}

/// It has learnt that what it knew is not the newest.
#[tokio::test]
async fn a_save_that_lost_the_race_and_failed_leaves_nothing_older_in_memory() {
    let (backend, other) = new().await;
    other.save_token(&login("bob")).await.expect("saved");
    let store = cached_store_on(&backend).await;
    found(&store, "bob").await;
    other.save_token(&refresh("bob", "newer")).await.expect("saved");
    let fault = backend.inject(Fault::access_denied().on(Operation::GetSecretValue));
    store.save_token(&extra("bob", "x", "1")).await.expect_err("it cannot read what was first");
    backend.remove_fault(fault);
    assert_eq!(refresh_token_of(&*found(&store, "bob").await), "newer");
}

/// That it was the first one is known when its answer comes, late.
#[tokio::test(start_paused = true)]
async fn a_save_that_lost_the_race_leaves_no_doubt_of_the_one_that_won_it() {
    let (backend, store) = new_cached().await;
    store.save_token(&login("bob")).await.expect("saved");
    backend.inject(Fault::lost_answer().on(Operation::PutSecretValue).times(1));
    backend.inject(Fault::access_denied().on(Operation::GetSecretValue));
    let gate = backend.gate(Gate::before(Operation::PutSecretValue));
    let [first, second] = ["x", "y"].map(|name| spawn_save(&store, &extra("bob", name, "1")));
    gate.arrived(2).await;
    gate.open();
    second.await.expect("no panic").expect_err("it cannot read what was first");
    first.await.expect("no panic").expect("saved");
    let before = backend.requests();
    assert_eq!(found(&store, "bob").await.extra("x"), Some("1"));
    assert_eq!(backend.requests().since(&before).count(Operation::GetSecretValue), 0);
}

#[tokio::test]
async fn two_that_save_the_same_new_user_leave_one_record_with_both_their_fields() {
    let (backend, one) = new().await;
    let two = store_on(&backend).await;
    let gate = backend.gate(Gate::before(Operation::CreateSecret));
    let with = |name: &str| login("bob").to_builder().extra(name, "1").build().expect("valid");
    let saves = [spawn_save(&one, &with("x")), spawn_save(&two, &with("y"))];
    gate.arrived(2).await;
    gate.open();
    for save in saves {
        save.await.expect("no panic").expect("saved");
    }
    assert_eq!(backend.secret_names(), [name_of("bob")]);
    let bob = found(&one, "bob").await;
    assert_eq!((bob.extra("x"), bob.extra("y")), (Some("1"), Some("1")));
}

#[tokio::test]
async fn a_create_that_is_told_exists_and_cannot_read_the_winner_yet_tries_again() {
    let (backend, one) = new().await;
    let two = store_on(&backend).await;
    let gate = backend.gate(Gate::before(Operation::CreateSecret));
    let with = |name: &str| login("bob").to_builder().extra(name, "1").build().expect("valid");
    let first = spawn_save(&one, &with("x"));
    gate.arrived(1).await;
    let second = spawn_save(&two, &with("y"));
    gate.arrived(2).await;
    assert!(gate.release_one());
    first.await.expect("no panic").expect("saved");
    // For a while, the second one sees that there is nothing.
    backend.stale_reads(2);
    gate.open();
    let stored = second.await.expect("no panic").expect("saved");
    assert_eq!((stored.extra("x"), stored.extra("y")), (Some("1"), Some("1")));
    assert_eq!(found(&one, "bob").await, stored);
}

#[tokio::test]
async fn a_write_takes_the_slot_after_its_base() {
    let (backend, store) = new().await;
    store.save_token(&login("bob")).await.expect("saved");
    let base = current_version(&backend, &name_of("bob")).await;
    store.save_token(&extra("bob", "x", "1")).await.expect("saved");
    let namespace = Uuid::parse_str("d9ae17dd-6386-5eab-aa9a-1bb1bd39ea6e").expect("valid");
    let slot = Uuid::new_v5(&namespace, base.as_bytes()).to_string();
    assert_eq!(current_version(&backend, &name_of("bob")).await, slot);
}

/// A whole token, not built from a found one, with the refresh token that is stored when its save starts.
#[tokio::test]
async fn an_old_refresh_token_in_a_whole_token_does_not_replace_one_that_won_the_race() {
    let (backend, one) = new().await;
    let two = store_on(&backend).await;
    one.save_token(&login("bob")).await.expect("saved");
    let (gate, save) = whole_token_behind_a_rotation(&backend, &one, &two).await;
    gate.open();
    let stored = save.await.expect("no panic").expect("saved");
    assert_eq!(refresh_token_of(&stored), "rotated");
    assert_eq!(stored.access_token().map(|token| token.expose_secret()), Some("newer"));
    assert_eq!(found(&two, "bob").await, stored);
}

/// The same, where the save has found nothing and runs into the record when it is to make one.
#[tokio::test(start_paused = true)]
async fn an_old_refresh_token_of_a_record_that_a_create_ran_into_does_not_replace_one_that_won_the_race() {
    let (backend, one) = new().await;
    let two = cached_store_on(&backend).await;
    assert!(two.find_by_user("bob").await.expect("read").is_none());
    let reads = backend.gate(Gate::after(Operation::GetSecretValue));
    let whole = token().user_name("bob").refresh_token("refresh-bob").access_token("newer");
    let save = spawn_save(&one, &whole.build().expect("valid"));
    reads.arrived(1).await;
    two.save_token(&login("bob")).await.expect("saved");
    let puts = backend.gate(Gate::before(Operation::PutSecretValue));
    let rotation = spawn_save(&two, &refresh("bob", "rotated"));
    puts.arrived(1).await;
    reads.open();
    puts.arrived(2).await;
    assert!(puts.release_one());
    rotation.await.expect("no panic").expect("saved");
    puts.open();
    let stored = save.await.expect("no panic").expect("saved");
    assert_eq!(refresh_token_of(&stored), "rotated");
    assert_eq!(stored.access_token().map(|token| token.expose_secret()), Some("newer"));
}

/// However little time there is: that a record is gone is another end than that others were first.
#[tokio::test(start_paused = true)]
async fn a_save_of_a_deleted_token_ends_as_that_without_any_time_for_it() {
    let (backend, one) = new().await;
    one.save_token(&login("bob")).await.expect("saved");
    let found = found(&one, "bob").await;
    store_on(&backend).await.delete_token(&id_of("bob")).await.expect("deleted");
    let builder = || SecretsManagerTokenStore::builder().prefix(PREFIX).client(backend.client());
    let hasty = builder().write_deadline(Duration::ZERO).build().await.expect("a store");
    let changed = found.to_builder().access_token("newer").build().expect("valid");
    assert_eq!(hasty.save_token(&changed).await.expect_err("gone").kind(), ErrorKind::Deleted);

    // The same where it is in memory, so that the write finds it out.
    hasty.save_token(&login("bob")).await.expect("saved");
    let found = hasty.find_by_user("bob").await.expect("found").expect("there");
    store_on(&backend).await.delete_token(&id_of("bob")).await.expect("deleted");
    let changed = found.to_builder().access_token("newer").build().expect("valid");
    assert_eq!(hasty.save_token(&changed).await.expect_err("gone").kind(), ErrorKind::Deleted);
}

#[tokio::test]
async fn a_save_based_on_a_deleted_token_does_not_bring_it_back() {
    let (backend, one) = new().await;
    let two = store_on(&backend).await;
    one.save_token(&login("bob")).await.expect("saved");
    // What a refresh gives that was under way while the user logged out.
    let refreshed = found(&one, "bob").await.to_builder().access_token("newer").refresh_token("rotated");
    let refreshed = refreshed.build().expect("valid");
    let gate = backend.gate(Gate::before(Operation::PutSecretValue));
    let save = spawn_save(&one, &refreshed);
    gate.arrived(1).await;
    two.delete_token(&id_of("bob")).await.expect("deleted");
    gate.open();
    for outcome in [save.await.expect("no panic"), one.save_token(&refreshed).await] {
        let error = outcome.expect_err("the user has logged out");
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Deleted, false));
    }
    assert_eq!(backend.secret_count(), 0);
    // Who insists says so.
    one.save_token(&refreshed.detached()).await.expect("saved");
    assert_eq!(refresh_token_of(&*found(&two, "bob").await), "rotated");
}

/// A read may be staler than the one that found the token: a missing record is looked for more than once.
#[tokio::test]
async fn a_found_token_is_not_taken_for_deleted_by_one_stale_read() {
    let (backend, one) = new().await;
    let two = store_on(&backend).await;
    let saved = one.save_token(&login("bob")).await.expect("saved");
    backend.stale_reads(1);
    let changed = saved.to_builder().scope("all").build().expect("valid");
    two.save_token(&changed).await.expect("saved");
    assert_eq!(found(&one, "bob").await.scope(), Some("all"));
}

#[tokio::test]
async fn a_save_based_on_a_deleted_token_gives_a_new_login_only_what_it_changed() {
    let (backend, one) = new().await;
    let two = store_on(&backend).await;
    one.save_token(&login("bob")).await.expect("saved");
    let changed = found(&one, "bob").await.to_builder().scope("all").build().expect("valid");
    let gate = backend.gate(Gate::before(Operation::PutSecretValue));
    let save = spawn_save(&one, &changed);
    gate.arrived(1).await;
    two.delete_token(&id_of("bob")).await.expect("deleted");
    let new_login = token().user_name("bob").refresh_token("new login").build().expect("valid");
    two.save_token(&new_login).await.expect("saved");
    gate.open();
    save.await.expect("no panic").expect("saved");
    let bob = found(&two, "bob").await;
    assert_eq!((refresh_token_of(&bob), bob.scope()), ("new login", Some("all")));
    assert!(bob.client_secret().is_none());
}

#[tokio::test]
async fn a_save_by_a_token_that_the_record_rotates_away_from_meanwhile_is_a_conflict() {
    let (backend, one) = new().await;
    let two = store_on(&backend).await;
    let named_by_refresh = || token().client_id("c").refresh_token("r1");
    let stored = one.save_token(&named_by_refresh().build().expect("valid")).await.expect("saved");
    let gate = backend.gate(Gate::before(Operation::PutSecretValue));
    let rotated = stored.to_builder().refresh_token("r2").build().expect("valid");
    let rotation = spawn_save(&two, &rotated);
    gate.arrived(1).await;
    let late = spawn_save(&one, &named_by_refresh().scope("all").build().expect("valid"));
    gate.arrived(2).await;
    assert!(gate.release_one());
    rotation.await.expect("no panic").expect("saved");
    gate.open();
    let error = late.await.expect("no panic").expect_err("the token was rotated away");
    assert_eq!(error.kind(), ErrorKind::Conflict);
    let by_id = one.find_token_by_id(stored.id().expect("an id")).await.expect("fine").expect("there");
    assert_eq!((refresh_token_of(&by_id), by_id.scope()), ("r2", None));
    assert_eq!(backend.secret_count(), 1);
}

#[tokio::test]
async fn a_version_moved_back_by_hand_is_written_over_from_the_first_free_slot() {
    let (backend, store) = new().await;
    store.save_token(&login("bob")).await.expect("saved");
    let name = name_of("bob");
    let first = current_version(&backend, &name).await;
    for n in 0..3 {
        store.save_token(&extra("bob", "x", &n.to_string())).await.expect("saved");
    }
    let last = current_version(&backend, &name).await;
    let roll_back =
        backend.client().update_secret_version_stage().secret_id(&name).version_stage("AWSCURRENT");
    roll_back.move_to_version_id(&first).remove_from_version_id(&last).send().await.expect("rolled back");

    // Who may not look whether there is one is told so.
    let denied = backend.inject(Fault::access_denied().on(Operation::ListSecretVersionIds));
    let error = store.save_token(&extra("bob", "y", "1")).await.expect_err("denied");
    let missing = error.service_error().and_then(|error| error.missing_permission());
    assert_eq!(missing, Some("secretsmanager:ListSecretVersionIds"), "{error}");
    backend.remove_fault(denied);

    store.save_token(&extra("bob", "y", "1")).await.expect("saved");
    let bob = found(&store, "bob").await;
    assert_eq!((bob.extra("x"), bob.extra("y")), (None, Some("1")));
}

#[tokio::test]
async fn a_roll_back_whose_successors_lost_their_labels_is_still_seen() {
    let (backend, store) = new().await;
    // Its versions come on a second page.
    backend.set_empty_pages(true);
    store.save_token(&login("bob")).await.expect("saved");
    let name = name_of("bob");
    let base = current_version(&backend, &name).await;
    store.save_token(&extra("bob", "x", "1")).await.expect("saved");
    // An edit in the console gives a random version; then somebody goes back to the base.
    let client = backend.client();
    let value = client.get_secret_value().secret_id(&name).send().await.expect("read").secret_string;
    let edited =
        client.put_secret_value().secret_id(&name).set_secret_string(value).send().await.expect("put");
    let roll_back = client.update_secret_version_stage().secret_id(&name).version_stage("AWSCURRENT");
    let roll_back = roll_back.move_to_version_id(&base).set_remove_from_version_id(edited.version_id);
    roll_back.send().await.expect("rolled back");

    store.save_token(&extra("bob", "y", "1")).await.expect("saved");
    assert_eq!(found(&store, "bob").await.extra("y"), Some("1"));
}

/// The trace that the answer to «is the base still current?» must not be taken from a read that may be stale.
#[tokio::test]
async fn a_stale_read_after_a_lost_race_is_not_taken_for_a_roll_back() {
    let (backend, one) = new().await;
    let two = store_on(&backend).await;
    one.save_token(&login("bob")).await.expect("saved");
    for stale in 1..=4 {
        let (x, y) = (format!("x{stale}"), format!("y{stale}"));
        let gate = backend.gate(Gate::before(Operation::PutSecretValue));
        let loser = spawn_save(&one, &extra("bob", &x, "1"));
        gate.arrived(1).await;
        let winner = spawn_save(&two, &extra("bob", &y, "1"));
        gate.arrived(2).await;
        gate.release_one();
        loser.await.expect("no panic").expect("saved");
        // Now the other one is refused, and for a while sees the state before.
        backend.stale_reads(stale);
        gate.open();
        winner.await.expect("no panic").expect("saved");
        let bob = loop {
            let bob = found(&one, "bob").await;
            if bob.extra(&y).is_some() {
                break bob;
            }
        };
        assert_eq!(bob.extra(&x), Some("1"), "lost after {stale} stale reads");
    }
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_never_sees_the_newer_version_gives_up_as_contended() {
    for was_found in [false, true] {
        let (backend, one) = new().await;
        let two = store_on(&backend).await;
        let bob = one.save_token(&login("bob")).await.expect("saved");
        let changed = if was_found { bob.to_builder() } else { token().user_name("bob") };
        let changed = changed.extra("y", "1").build().expect("valid");
        tokio::time::sleep(Duration::from_secs(60)).await;
        two.save_token(&extra("bob", "x", "1")).await.expect("saved");
        backend.set_read_lag(Duration::from_secs(30));
        let save = tokio::time::timeout(Duration::from_secs(20), one.save_token(&changed));
        let error = save.await.expect("it gives up").expect_err("contended");
        assert_eq!(error.kind(), ErrorKind::Contended);
        assert!(error.is_retryable());
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(found(&one, "bob").await.extra("x"), Some("1"));
    }
}

#[tokio::test]
async fn a_save_whose_write_was_sent_is_carried_to_its_end_without_its_caller() {
    let (backend, store) = new().await;
    store.save_token(&login("bob")).await.expect("saved");
    let gate = backend.gate(Gate::before(Operation::PutSecretValue));
    let save = spawn_save(&store, &extra("bob", "x", "1"));
    gate.arrived(1).await;
    save.abort();
    assert!(save.await.is_err_and(|error| error.is_cancelled()));
    gate.open();
    while found(&store, "bob").await.extra("x").is_none() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_save_dropped_before_its_first_write_writes_nothing() {
    let (backend, store) = new().await;
    let gate = backend.gate(Gate::before(Operation::GetSecretValue));
    let save = spawn_save(&store, &login("bob"));
    gate.arrived(1).await;
    save.abort();
    assert!(save.await.is_err_and(|error| error.is_cancelled()));
    gate.open();
    assert!(store.find_by_user("bob").await.expect("fine").is_none());
    assert_eq!(backend.requests().count(Operation::CreateSecret), 0);
}

/// Only what equals an earlier version of the same record counts as not given.
#[tokio::test]
async fn what_one_record_held_is_given_to_the_next_one_that_the_token_stands_for() {
    let (backend, one) = new().await;
    let two = store_on(&backend).await;
    let by_grant = token().client_id("c").grant_token("g").access_token("a");
    let by_grant = one.save_token(&by_grant.build().expect("valid")).await.expect("saved");
    let by_refresh = token().client_id("c").refresh_token("r").access_token("other");
    one.save_token(&by_refresh.build().expect("valid")).await.expect("saved");
    let gate = backend.gate(Gate::before(Operation::PutSecretValue));
    let both = token().client_id("c").grant_token("g").refresh_token("r").access_token("a");
    let save = spawn_save(&one, &both.build().expect("valid"));
    gate.arrived(1).await;
    two.delete_token(by_grant.id().expect("an id")).await.expect("deleted");
    gate.open();
    let stored = save.await.expect("no panic").expect("saved");
    assert_eq!(stored.access_token().map(|token| token.expose_secret()), Some("a"));
    assert_eq!(backend.secret_count(), 1);
}

#[tokio::test]
async fn a_record_without_a_user_that_takes_the_name_meanwhile_is_a_conflict() {
    let (backend, store) = new().await;
    let gate = backend.gate(Gate::after(Operation::GetSecretValue));
    let save = spawn_save(&store, &login("bob").to_builder().id(id_of("bob")).build().expect("valid"));
    // The id and the user are one name, and it is free.
    gate.arrived(1).await;
    assert!(gate.release_one());
    let client = backend.client();
    let stranger = r#"{"schema":"1","access_token":"a"}"#;
    client.create_secret().name(name_of("bob")).secret_string(stranger).send().await.expect("created");
    gate.open();
    let error = save.await.expect("no panic").expect_err("the name is taken");
    assert_eq!(error.kind(), ErrorKind::Conflict);
    // It is no use to save it again as it stands.
    assert!(error.token().is_none());
    let left = client.get_secret_value().secret_id(name_of("bob")).send().await.expect("read");
    assert_eq!(left.secret_string(), Some(stranger));
}

#[tokio::test]
async fn a_secret_deleted_while_a_roll_back_is_looked_for_is_made_anew() {
    let (backend, store) = new().await;
    store.save_token(&login("bob")).await.expect("saved");
    let name = name_of("bob");
    let first = current_version(&backend, &name).await;
    store.save_token(&extra("bob", "x", "1")).await.expect("saved");
    let last = current_version(&backend, &name).await;
    let client = backend.client();
    let roll_back = client.update_secret_version_stage().secret_id(&name).version_stage("AWSCURRENT");
    let roll_back = roll_back.move_to_version_id(&first).remove_from_version_id(&last);
    roll_back.send().await.expect("rolled back");

    let gate = backend.gate(Gate::before(Operation::ListSecretVersionIds));
    let save = spawn_save(&store, &refresh("bob", "second"));
    gate.arrived(1).await;
    store.delete_token(&id_of("bob")).await.expect("deleted");
    gate.open();
    save.await.expect("no panic").expect("saved");
    let bob = found(&store, "bob").await;
    assert_eq!(refresh_token_of(&bob), "second");
    assert!(bob.client_secret().is_none());
}

/// It takes a permission of its own to list versions, and one more read tells a stale one for less.
#[tokio::test]
async fn one_stale_read_after_a_lost_race_costs_one_more_read() {
    let (backend, one) = new().await;
    let two = store_on(&backend).await;
    one.save_token(&login("bob")).await.expect("saved");
    let gate = backend.gate(Gate::before(Operation::PutSecretValue));
    let first = spawn_save(&one, &extra("bob", "x", "1"));
    gate.arrived(1).await;
    let second = spawn_save(&two, &extra("bob", "y", "1"));
    gate.arrived(2).await;
    assert!(gate.release_one());
    first.await.expect("no panic").expect("saved");
    backend.stale_reads(1);
    let before = backend.requests();
    gate.open();
    second.await.expect("no panic").expect("saved");
    assert_eq!(backend.requests().since(&before).to_string(), "2 GetSecretValue, 1 PutSecretValue");
}

#[tokio::test]
async fn a_record_deleted_after_a_lost_race_gives_way_to_the_next_one_that_the_token_stands_for() {
    let (backend, one) = new().await;
    let two = store_on(&backend).await;
    let by_grant = token().client_id("c").grant_token("g").build().expect("valid");
    let by_grant = one.save_token(&by_grant).await.expect("saved");
    let by_refresh = token().client_id("c").refresh_token("r").build().expect("valid");
    one.save_token(&by_refresh).await.expect("saved");
    let gate = backend.gate(Gate::before(Operation::PutSecretValue));
    let winner = spawn_save(&two, &by_grant.to_builder().scope("all").build().expect("valid"));
    gate.arrived(1).await;
    let both = token().client_id("c").grant_token("g").refresh_token("r").build().expect("valid");
    let save = spawn_save(&one, &both);
    gate.arrived(2).await;
    assert!(gate.release_one());
    winner.await.expect("no panic").expect("saved");
    let reading = backend.gate(Gate::before(Operation::GetSecretValue));
    gate.open();
    reading.arrived(1).await;
    two.delete_token(by_grant.id().expect("an id")).await.expect("deleted");
    reading.open();
    let stored = save.await.expect("no panic").expect("saved");
    assert!(stored.assigned_id().is_some_and(|id| id.as_str().starts_with("r_")), "{stored:?}");
    assert_eq!(backend.secret_count(), 1);
}

/// What is stored is for the service to say, and a replica that lags behind does not know it.
#[tokio::test(start_paused = true)]
async fn a_save_of_what_this_process_has_stored_returns_nothing_older() {
    let (backend, store) = new_cached().await;
    store.save_token(&login("bob")).await.expect("saved");
    store.save_token(&extra("bob", "x", "1")).await.expect("saved");
    backend.stale_reads(1);
    let saved = store.save_token(&extra("bob", "x", "1")).await.expect("saved");
    assert_eq!(saved.extra("x"), Some("1"));
}
