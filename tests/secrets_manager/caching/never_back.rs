//! What has been seen once does not go back: an older load is retried once and then answered from what is known, for a
//! minute.

use std::sync::Arc;
use std::time::Duration;

use oauth_token_store::embedded::{EmbeddedSecretsManager, Fault, Gate, Operation};
use oauth_token_store::secrecy::ExposeSecret;
use oauth_token_store::{OAuthToken, SecretsManagerTokenStore, TokenStore};

use super::scene::{Hands, SECOND, done, roll_back, timed, timed_with};
use crate::support::{
    cost, current_version, extra, found, id, id_of, login, name_of, refresh_token_of, spawn_save, store_on,
    token,
};

/// A store that has saved two versions of bob's token, the clocks that it goes by, and the id of the first one.
async fn two_versions(
    time_to_live: Duration,
) -> (EmbeddedSecretsManager, Hands, SecretsManagerTokenStore, String) {
    let backend = EmbeddedSecretsManager::new();
    let (hands, store) = timed_with(&backend, |builder| builder.time_to_live(time_to_live)).await;
    store.save_token(&login("bob")).await.expect("saved");
    let first = current_version(&backend, &name_of("bob")).await;
    store.save_token(&extra("bob", "x", "2")).await.expect("saved");
    (backend, hands, store, first)
}

/// So that a read may be made to lag behind later on.
fn keep_the_past(backend: &EmbeddedSecretsManager) {
    backend.set_list_lag(Duration::from_secs(300));
}

const TEN_SECONDS: Duration = Duration::from_secs(10);

#[tokio::test(start_paused = true)]
async fn an_older_version_is_retried_once() {
    let (backend, hands, store, _) = two_versions(TEN_SECONDS).await;
    hands.pass(TEN_SECONDS).await;
    backend.stale_reads(1);
    let (bob, cost) = cost!(backend, store.find_by_user("bob"));
    assert_eq!((bob.expect("there").extra("x"), cost.as_str()), (Some("2"), "2 GetSecretValue"));
    assert_eq!(store.stats().backward_reads, 1);
}

/// A write whose answer was lost is sent again when its token is saved again: what was seen since is not older than that.
#[tokio::test(start_paused = true)]
async fn what_was_seen_before_a_save_is_resumed_does_not_go_back() {
    let backend = EmbeddedSecretsManager::new();
    let (hands, store) = timed_with(&backend, |builder| builder.write_deadline(Duration::ZERO)).await;
    store.save_token(&login("bob")).await.expect("saved");
    let fault = backend.inject(Fault::lost_answer().on(Operation::PutSecretValue));
    let error = store.save_token(&extra("bob", "x", "2")).await.expect_err("no answer");
    backend.remove_fault(fault);
    hands.pass(SECOND).await;
    store_on(&backend).await.save_token(&extra("bob", "x", "3")).await.expect("saved");
    assert_eq!(found(&store, "bob").await.extra("x"), Some("3"));
    store.save_token(error.token().expect("the token to save again")).await.expect("it had landed");
    backend.stale_reads(1);
    assert_eq!(found(&store, "bob").await.extra("x"), Some("3"));
    assert_eq!(store.stats().backward_reads, 1);
}

#[tokio::test(start_paused = true)]
async fn an_older_version_is_answered_from_what_is_known_for_a_second_at_a_time() {
    let (backend, hands, store, _) = two_versions(TEN_SECONDS).await;
    hands.pass(TEN_SECONDS).await;
    backend.stale_reads(usize::MAX);
    let (bob, cost) = cost!(backend, store.find_by_user("bob"));
    assert_eq!((bob.expect("there").extra("x"), cost.as_str()), (Some("2"), "2 GetSecretValue"));
    assert_eq!(store.stats().backward_reads, 2);
    hands.pass(Duration::from_millis(999)).await;
    assert_eq!(cost!(backend, store.find_by_user("bob")).1, "no requests");
    hands.pass(Duration::from_millis(1)).await;
    assert_eq!(cost!(backend, store.find_by_user("bob")).1, "2 GetSecretValue");
}

#[tokio::test(start_paused = true)]
async fn what_an_older_version_was_answered_from_outlives_an_outage_too() {
    let (backend, hands, store, _) = two_versions(TEN_SECONDS).await;
    hands.pass(TEN_SECONDS).await;
    backend.stale_reads(2);
    found(&store, "bob").await;
    hands.pass(Duration::from_secs(1)).await;
    backend.inject(Fault::server_error().on(Operation::GetSecretValue));
    assert_eq!(found(&store, "bob").await.extra("x"), Some("2"));
    assert_eq!(store.stats().stale_reads, 1);
}

#[tokio::test(start_paused = true)]
async fn an_older_version_is_believed_after_a_minute_by_either_clock() {
    for (by, pass) in
        [("monotonic", Hands::pass_monotonic as fn(&Hands, Duration)), ("wall", Hands::pass_wall)]
    {
        let (backend, hands, store, _) = two_versions(TEN_SECONDS).await;
        backend.stale_reads(usize::MAX);
        pass(&hands, Duration::from_millis(59_999));
        assert_eq!(found(&store, "bob").await.extra("x"), Some("2"), "{by}");
        pass(&hands, SECOND);
        assert_eq!(found(&store, "bob").await.extra("x"), None, "{by}");
    }
}

/// A function that is frozen while its save is under way: what was sent long ago has been answered just now.
#[tokio::test(start_paused = true)]
async fn the_minute_begins_when_a_write_is_answered() {
    let (backend, hands, store, _) = two_versions(TEN_SECONDS).await;
    let gate = backend.gate(Gate::after(Operation::PutSecretValue));
    let save = spawn_save(&store, &extra("bob", "x", "3"));
    gate.arrived(1).await;
    hands.pass_wall(Duration::from_secs(400));
    gate.open();
    done(save).await;
    backend.stale_reads(usize::MAX);
    assert_eq!(found(&store, "bob").await.extra("x"), Some("3"));
}

/// Each time that the newer version is seen, the minute begins anew.
#[tokio::test(start_paused = true)]
async fn the_minute_begins_when_the_newer_version_was_seen_last() {
    let (backend, hands, store, _) = two_versions(TEN_SECONDS).await;
    for _ in 0..3 {
        hands.pass(Duration::from_secs(40)).await;
        assert_eq!(found(&store, "bob").await.extra("x"), Some("2"));
    }
    hands.pass(Duration::from_secs(59)).await;
    backend.stale_reads(usize::MAX);
    assert_eq!(found(&store, "bob").await.extra("x"), Some("2"));
    // An older version that was kept off is no sight of the newer one.
    hands.pass(SECOND).await;
    assert_eq!(found(&store, "bob").await.extra("x"), None);
}

#[tokio::test(start_paused = true)]
async fn what_was_seen_is_remembered_with_the_cache_off_too() {
    let (backend, _, store, _) = two_versions(Duration::ZERO).await;
    for _ in 0..2 {
        backend.stale_reads(2);
        let (bob, cost) = cost!(backend, store.find_by_user("bob"));
        assert_eq!((bob.expect("there").extra("x"), cost.as_str()), (Some("2"), "2 GetSecretValue"));
    }
}

#[tokio::test(start_paused = true)]
async fn with_no_capacity_nothing_is_remembered() {
    let backend = EmbeddedSecretsManager::new();
    let (_, store) = timed_with(&backend, |builder| builder.max_capacity(0)).await;
    store.save_token(&login("bob")).await.expect("saved");
    store.save_token(&extra("bob", "x", "2")).await.expect("saved");
    backend.stale_reads(1);
    assert_eq!(cost!(backend, store.find_by_user("bob")).1, "1 GetSecretValue");
    assert_eq!(cost!(backend, store.find_by_user("bob")).1, "1 GetSecretValue");
}

#[tokio::test(start_paused = true)]
async fn a_miss_is_believed_at_once() {
    let (backend, hands, store, _) = two_versions(TEN_SECONDS).await;
    store_on(&backend).await.delete_token(&id_of("bob")).await.expect("deleted");
    hands.pass(TEN_SECONDS).await;
    assert_eq!(cost!(backend, store.find_by_user("bob")), (None, "1 GetSecretValue".to_owned()));
}

/// What was seen before the miss still outvotes what is older.
#[tokio::test(start_paused = true)]
async fn after_a_miss_nothing_older_than_what_was_seen_before_comes_back() {
    let backend = EmbeddedSecretsManager::new();
    let lag = Duration::from_secs(30);
    keep_the_past(&backend);
    let (hands, store) = timed_with(&backend, |builder| builder.time_to_live(SECOND)).await;
    let other = store_on(&backend).await;
    other.save_token(&login("bob")).await.expect("saved");
    hands.pass(Duration::from_secs(40)).await;
    other.save_token(&extra("bob", "x", "2")).await.expect("saved");
    assert_eq!(found(&store, "bob").await.extra("x"), Some("2"));
    other.delete_token(&id_of("bob")).await.expect("deleted");
    hands.pass(SECOND).await;
    assert_eq!(store.find_by_user("bob").await.expect("a miss"), None);
    hands.pass(SECOND).await;
    backend.set_read_lag(lag);
    assert_eq!(store.find_by_user("bob").await.expect("the first version"), None);
}

/// The reload is believed whatever it shows; that it shows nothing is no reason to forget what was deleted.
#[tokio::test(start_paused = true)]
async fn a_reload_that_finds_nothing_forgets_no_deletion() {
    let (backend, hands, store, _) = two_versions(TEN_SECONDS).await;
    hands.pass(Duration::from_millis(1500)).await;
    store.delete_token(&id_of("bob")).await.expect("deleted");
    assert_eq!(store.reload(&id_of("bob")).await.expect("a miss"), None);
    hands.pass(SECOND).await;
    backend.stale_reads(2);
    assert_eq!(store.find_by_user("bob").await.expect("a miss"), None);
}

/// What was known of the name was another secret, which somebody else had replaced.
#[tokio::test(start_paused = true)]
async fn what_an_own_id_has_led_a_deletion_to_does_not_come_back() {
    let backend = EmbeddedSecretsManager::new();
    let (hands, store) = timed(&backend).await;
    store.save_token(&login("bob")).await.expect("saved");
    hands.pass(SECOND).await;
    let other = store_on(&backend).await;
    other.delete_token(&id_of("bob")).await.expect("deleted");
    let bob = token().id("7").user_name("bob").access_token("a").build().expect("valid");
    other.save_token(&bob).await.expect("saved");
    hands.pass(Duration::from_millis(1500)).await;
    store.delete_token(&id("7")).await.expect("deleted");
    hands.pass(SECOND).await;
    backend.stale_reads(2);
    assert_eq!(store.find_by_user("bob").await.expect("a miss"), None);
}

#[tokio::test(start_paused = true)]
async fn after_a_deletion_no_version_from_before_it_comes_back() {
    // Whether it was known, what was deleted, does not matter.
    for is_known in [true, false] {
        let backend = EmbeddedSecretsManager::new();
        let (hands, store) = timed(&backend).await;
        store_on(&backend).await.save_token(&login("bob")).await.expect("saved");
        if is_known {
            found(&store, "bob").await;
        }
        hands.pass(Duration::from_millis(1500)).await;
        store.delete_token(&id_of("bob")).await.expect("deleted");
        hands.pass(SECOND).await;
        backend.stale_reads(2);
        let (bob, cost) = cost!(backend, store.find_by_user("bob"));
        assert_eq!((bob, cost.as_str()), (None, "2 GetSecretValue"), "known: {is_known}");
        // A miss of the service's changes nothing about that, but that the minute begins anew.
        hands.pass(SECOND).await;
        assert_eq!(store.find_by_user("bob").await.expect("a miss"), None);
        hands.pass(SECOND).await;
        backend.stale_reads(2);
        assert_eq!(store.find_by_user("bob").await.expect("a miss"), None, "known: {is_known}");
        hands.pass(Duration::from_secs(58)).await;
        backend.stale_reads(usize::MAX);
        hands.pass(SECOND).await;
        assert!(store.find_by_user("bob").await.expect("found").is_some(), "known: {is_known}");
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_deletion_another_process_s_login_is_found() {
    let backend = EmbeddedSecretsManager::new();
    let (hands, store) = timed(&backend).await;
    store.save_token(&login("bob")).await.expect("saved");
    hands.pass(SECOND).await;
    store.delete_token(&id_of("bob")).await.expect("deleted");
    hands.pass(SECOND).await;
    store_on(&backend).await.save_token(&login("bob")).await.expect("saved");
    assert_eq!(cost!(backend, store.find_by_user("bob")).1, "1 GetSecretValue");
    assert!(store.find_by_user("bob").await.expect("found").is_some());
}

/// The secret that had the name before, though its versions don't lead to the new one's.
#[tokio::test(start_paused = true)]
async fn the_predecessor_of_a_record_that_was_created_anew_does_not_come_back() {
    for (knows_predecessor, saves) in [(true, false), (false, false), (false, true)] {
        let backend = EmbeddedSecretsManager::new();
        let lag = Duration::from_secs(5);
        keep_the_past(&backend);
        let (hands, store) = timed_with(&backend, |builder| builder.time_to_live(SECOND)).await;
        let other = store_on(&backend).await;
        other.save_token(&login("bob")).await.expect("saved");
        hands.pass(TEN_SECONDS).await;
        if knows_predecessor {
            found(&store, "bob").await;
        }
        other.delete_token(&id_of("bob")).await.expect("deleted");
        other.save_token(&login("bob").to_builder().scope("2").build().expect("valid")).await.expect("saved");
        hands.pass(SECOND).await;
        assert_eq!(found(&store, "bob").await.scope(), Some("2"));
        if saves {
            store.save_token(&extra("bob", "x", "1")).await.expect("saved");
        }
        hands.pass(SECOND).await;
        backend.set_read_lag(lag);
        let (bob, cost) = cost!(backend, store.find_by_user("bob"));
        assert_eq!(bob.expect("there").scope(), Some("2"), "knows it: {knows_predecessor}, saves: {saves}");
        assert_eq!(cost, "2 GetSecretValue");
    }
}

/// This process makes a login anew after its own logout: no date of the new secret is known.
#[tokio::test(start_paused = true)]
async fn the_predecessor_of_what_this_process_created_does_not_come_back() {
    for hears_dates in [true, false] {
        let backend = EmbeddedSecretsManager::new();
        let lag = Duration::from_secs(5);
        let (hands, store) = timed_with(&backend, |builder| builder.time_to_live(SECOND)).await;
        let other = store_on(&backend).await;
        other.save_token(&login("bob")).await.expect("saved");
        if hears_dates {
            found(&store, "bob").await;
        }
        backend.set_read_lag(lag);
        hands.pass(TEN_SECONDS).await;
        // Which puts its date at the name.
        store.delete_token(&id_of("bob")).await.expect("deleted");
        store.save_token(&login("bob").to_builder().scope("2").build().expect("valid")).await.expect("saved");
        hands.pass(SECOND).await;
        assert_eq!(found(&store, "bob").await.scope(), Some("2"), "hears dates: {hears_dates}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_roll_back_by_hand_is_hidden_for_a_minute() {
    let (backend, hands, store, first) = two_versions(TEN_SECONDS).await;
    roll_back(&backend, &name_of("bob"), &first).await;
    hands.pass(Duration::from_secs(59)).await;
    assert_eq!(found(&store, "bob").await.extra("x"), Some("2"));
    hands.pass(SECOND).await;
    assert_eq!(found(&store, "bob").await.extra("x"), None);
}

#[tokio::test(start_paused = true)]
async fn a_roll_back_by_hand_is_seen_at_once_by_reload_and_after_invalidate() {
    for by in ["reload", "invalidate", "invalidate all"] {
        let (backend, _, store, first) = two_versions(TEN_SECONDS).await;
        roll_back(&backend, &name_of("bob"), &first).await;
        match by {
            "reload" => {
                let bob = store.reload(&id_of("bob")).await.expect("loaded").expect("there");
                assert_eq!(bob.extra("x"), None);
            }
            "invalidate" => store.invalidate(&id_of("bob")),
            _ => store.invalidate_all(),
        }
        assert_eq!(found(&store, "bob").await.extra("x"), None, "{by}");
    }
}

/// A reload that joins a load of somebody else's believes it all the same.
#[tokio::test(start_paused = true)]
async fn reloads_that_share_a_load_all_see_a_roll_back() {
    let (backend, _, store, first) = two_versions(TEN_SECONDS).await;
    roll_back(&backend, &name_of("bob"), &first).await;
    let gate = backend.gate(Gate::after(Operation::GetSecretValue));
    let reloads: Vec<_> = (0..3)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.reload(&id_of("bob")).await })
        })
        .collect();
    gate.arrived(1).await;
    gate.open();
    for reload in reloads {
        assert_eq!(done(reload).await.expect("there").extra("x"), None);
    }
}

/// A save that was based on what was kept off is not filtered: it sees the roll-back and goes on top of it.
#[tokio::test(start_paused = true)]
async fn a_save_is_based_on_what_the_service_shows() {
    let (backend, hands, store, first) = two_versions(TEN_SECONDS).await;
    roll_back(&backend, &name_of("bob"), &first).await;
    hands.pass(TEN_SECONDS).await;
    let saved = store.save_token(&extra("bob", "y", "3")).await.expect("saved");
    assert_eq!((saved.extra("x"), saved.extra("y")), (None, Some("3")));
    assert_eq!(found(&store, "bob").await, saved);
}

/// The same after a find, which still shows what is known.
#[tokio::test(start_paused = true)]
async fn what_is_known_beyond_its_time_to_live_is_no_base_of_a_save() {
    let (backend, hands, store, first) = two_versions(TEN_SECONDS).await;
    roll_back(&backend, &name_of("bob"), &first).await;
    hands.pass(Duration::from_secs(50)).await;
    assert_eq!(found(&store, "bob").await.extra("x"), Some("2"));
    let saved = store.save_token(&extra("bob", "y", "3")).await.expect("saved");
    assert_eq!((saved.extra("x"), saved.extra("y")), (None, Some("3")));
}

/// A refresh is told what is known, and is not saved over that.
#[tokio::test(start_paused = true)]
async fn what_is_known_beyond_its_time_to_live_is_no_base_of_the_save_of_a_refresh() {
    let (backend, hands, store, _) = two_versions(TEN_SECONDS).await;
    let bob = token().user_name("bob").build().expect("valid");
    let expiring = bob.to_builder().access_token("old").expires_in(SECOND).build().expect("valid");
    store.save_token(&expiring).await.expect("saved");
    let first = current_version(&backend, &name_of("bob")).await;
    store.save_token(&extra("bob", "x", "3")).await.expect("saved");
    roll_back(&backend, &name_of("bob"), &first).await;
    hands.pass(Duration::from_secs(50)).await;
    let exchange = |current: Arc<OAuthToken>| {
        assert_eq!(current.extra("x"), Some("3"));
        std::future::ready(current.to_builder().access_token("newer").expires_in(SECOND).build())
    };
    store.refresh_with(&bob, Duration::MAX, exchange).await.expect("refreshed");
    let bob = found(&store_on(&backend).await, "bob").await;
    assert_eq!(
        (bob.access_token().map(|token| token.expose_secret()), bob.extra("x")),
        (Some("newer"), Some("2"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_list_shows_nothing_older_than_what_was_seen() {
    let (backend, hands, store, _) = two_versions(TEN_SECONDS).await;
    backend.stale_reads(1);
    let bob = &store.get_tokens().await.expect("listed")[0];
    assert_eq!(bob.extra("x"), Some("2"));
    hands.pass(Duration::from_secs(60)).await;
    backend.stale_reads(1);
    let bob = &store.get_tokens().await.expect("listed")[0];
    assert_eq!(bob.extra("x"), None);
}

#[tokio::test(start_paused = true)]
async fn a_list_shows_nothing_that_was_deleted() {
    let (backend, hands, store, _) = two_versions(TEN_SECONDS).await;
    backend.set_list_lag(Duration::from_secs(300));
    hands.pass(Duration::from_millis(1500)).await;
    store.delete_token(&id_of("bob")).await.expect("deleted");
    backend.stale_reads(1);
    assert!(store.get_tokens().await.expect("listed").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_list_shows_what_is_newer_and_leaves_memory_as_it_was() {
    let (backend, _, store, _) = two_versions(Duration::from_secs(300)).await;
    store_on(&backend).await.save_token(&extra("bob", "x", "3")).await.expect("saved");
    assert_eq!(store.get_tokens().await.expect("listed")[0].extra("x"), Some("3"));
    let (bob, cost) = cost!(backend, store.find_by_user("bob"));
    assert_eq!((bob.expect("there").extra("x"), cost.as_str()), (Some("2"), "no requests"));
}

/// An edit by hand has a version id of its own: neither is older than the other.
#[tokio::test(start_paused = true)]
async fn an_edit_by_hand_is_seen_after_the_time_to_live() {
    let (backend, hands, store, _) = two_versions(TEN_SECONDS).await;
    let client = backend.client();
    let value = client.get_secret_value().secret_id(name_of("bob")).send().await.expect("read").secret_string;
    let edited = value.expect("text").replace("refresh-bob", "by-hand");
    client.put_secret_value().secret_id(name_of("bob")).secret_string(edited).send().await.expect("put");
    hands.pass(TEN_SECONDS).await;
    let (bob, cost) = cost!(backend, store.find_by_user("bob"));
    assert_eq!(
        (refresh_token_of(&bob.expect("there")).to_owned(), cost.as_str()),
        ("by-hand".to_owned(), "1 GetSecretValue")
    );
}

/// A save that finds in a stale read that there is nothing to write leaves what is known.
#[tokio::test(start_paused = true)]
async fn a_save_that_reads_something_older_leaves_what_is_known() {
    let (backend, _, store, _) = two_versions(TEN_SECONDS).await;
    backend.stale_reads(1);
    store
        .save_token(&token().user_name("bob").refresh_token("refresh-bob").build().expect("valid"))
        .await
        .expect("as is");
    let (bob, cost) = cost!(backend, store.find_by_user("bob"));
    assert_eq!((bob.expect("there").extra("x"), cost.as_str()), (Some("2"), "no requests"));
}

/// A save that finds in a newer read that there is nothing to write leaves that one known.
#[tokio::test(start_paused = true)]
async fn a_save_that_reads_something_newer_leaves_that_known() {
    let (backend, _, store, _) = two_versions(TEN_SECONDS).await;
    store_on(&backend).await.save_token(&extra("bob", "x", "3")).await.expect("saved");
    store
        .save_token(&token().user_name("bob").refresh_token("refresh-bob").build().expect("valid"))
        .await
        .expect("as is");
    let (bob, cost) = cost!(backend, store.find_by_user("bob"));
    assert_eq!((bob.expect("there").extra("x"), cost.as_str()), (Some("3"), "no requests"));
}

/// A save that finds an edit by hand, of which it cannot be told what it is to what is known.
#[tokio::test(start_paused = true)]
async fn a_save_that_reads_something_unrelated_leaves_the_next_find_to_read() {
    let (backend, _, store, _) = two_versions(TEN_SECONDS).await;
    let client = backend.client();
    let value = client.get_secret_value().secret_id(name_of("bob")).send().await.expect("read").secret_string;
    let edited = value.expect("text").replace("refresh-bob", "by-hand");
    client.put_secret_value().secret_id(name_of("bob")).secret_string(edited).send().await.expect("put");
    // Which both of them hold.
    store.save_token(&extra("bob", "x", "2")).await.expect("as it is");
    let bob = found(&store, "bob").await;
    assert_eq!(refresh_token_of(&bob), "by-hand");
}

/// Its predecessor was known, and the new one's date cannot be told from it.
#[tokio::test(start_paused = true)]
async fn what_a_login_has_replaced_does_not_come_back() {
    let backend = EmbeddedSecretsManager::new();
    keep_the_past(&backend);
    let (hands, store) = timed_with(&backend, |builder| builder.time_to_live(SECOND)).await;
    let other = store_on(&backend).await;
    other.save_token(&login("bob")).await.expect("saved");
    found(&store, "bob").await;
    hands.pass(TEN_SECONDS).await;
    other.delete_token(&id_of("bob")).await.expect("deleted");
    store.save_token(&login("bob").to_builder().scope("2").build().expect("valid")).await.expect("saved");
    store.save_token(&extra("bob", "x", "1")).await.expect("saved");
    hands.pass(SECOND).await;
    backend.set_read_lag(Duration::from_secs(5));
    assert_eq!(found(&store, "bob").await.scope(), Some("2"));
}

/// Its first write was refused, because another process had deleted the record.
#[tokio::test(start_paused = true)]
async fn a_new_login_over_a_record_that_others_have_deleted_is_known_at_once() {
    let backend = EmbeddedSecretsManager::new();
    let (_hands, store) = timed(&backend).await;
    store.save_token(&login("bob")).await.expect("saved");
    store_on(&backend).await.delete_token(&id_of("bob")).await.expect("deleted");
    store.save_token(&login("bob").to_builder().scope("new").build().expect("valid")).await.expect("saved");
    backend.stale_reads(1);
    let (bob, cost) = cost!(backend, store.find_by_user("bob"));
    assert_eq!((bob.expect("it is there").scope(), cost.as_str()), (Some("new"), "no requests"));
}
