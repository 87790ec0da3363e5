//! What is served while the service fails.

use std::pin::pin;
use std::time::Duration;

use futures_util::poll;
use oauth_token_store::embedded::{EmbeddedSecretsManager, Fault, Gate, Operation};
use oauth_token_store::{ErrorKind, SecretsManagerTokenStore, TokenStore};
use tokio::time::Instant;

use super::scene::{Hands, SECOND, done, lookups, timed, timed_with};
use crate::support::{
    cached, client_told_that_its_creates_exist, cost, extra, found, id_of, login, refresh_token_of,
    spawn_save, store_on,
};

const TIME_TO_LIVE: Duration = Duration::from_secs(300);
const MAX_STALE: Duration = Duration::from_secs(600);

fn passing() -> [(&'static str, Fault); 6] {
    let faults = [
        ("throttling", Fault::throttling()),
        ("server error", Fault::server_error()),
        ("503", Fault::http_status(503)),
        ("unreachable", Fault::unreachable()),
        ("hang", Fault::hang()),
        ("lost answer", Fault::lost_answer()),
    ];
    faults.map(|(name, fault)| (name, fault.on(Operation::GetSecretValue)))
}

/// A store that knows bob's token, which is past its time to live.
async fn stale() -> (EmbeddedSecretsManager, Hands, SecretsManagerTokenStore) {
    let backend = EmbeddedSecretsManager::new();
    let (hands, store) = timed(&backend).await;
    store.save_token(&login("bob")).await.expect("saved");
    hands.pass(TIME_TO_LIVE).await;
    (backend, hands, store)
}

/// How long a find of bob's takes, and whether it finds him.
async fn timed_find(store: &SecretsManagerTokenStore) -> (Duration, Result<bool, ErrorKind>) {
    let start = Instant::now();
    let found = store.find_by_user("bob").await;
    (start.elapsed(), found.map(|found| found.is_some()).map_err(|error| error.kind()))
}

#[tokio::test(start_paused = true)]
async fn a_stale_token_is_served_when_the_service_fails_in_a_passing_way() {
    for (name, fault) in passing() {
        let (backend, hands, store) = stale().await;
        backend.inject(fault);
        found(&store, "bob").await;
        assert_eq!(store.stats().stale_reads, 1, "{name}");
        hands.pass_monotonic(MAX_STALE - Duration::from_millis(1));
        found(&store, "bob").await;
        assert_eq!(store.stats().stale_reads, 2, "{name}");
        hands.pass_monotonic(Duration::from_millis(1));
        assert!(store.find_by_user("bob").await.expect_err("too old").is_retryable(), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stale_token_is_served_by_whatever_key() {
    for lookup in lookups().into_iter().filter(|lookup| !lookup.by_search) {
        let backend = EmbeddedSecretsManager::new();
        let (hands, store) = timed(&backend).await;
        let saved = store.save_token(&lookup.first).await.expect("saved");
        hands.pass(TIME_TO_LIVE).await;
        backend.inject(Fault::server_error());
        let found = store.find_token(&lookup.partial).await.expect("served");
        assert_eq!(found, Some(saved), "{}", lookup.name);
    }
}

#[tokio::test(start_paused = true)]
async fn the_longest_use_is_measured_by_either_clock() {
    for pass in [Hands::pass_monotonic as fn(&Hands, Duration), Hands::pass_wall] {
        let (backend, hands, store) = stale().await;
        backend.inject(Fault::server_error().on(Operation::GetSecretValue));
        pass(&hands, MAX_STALE);
        store.find_by_user("bob").await.expect_err("too old");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stale_token_is_not_served_where_that_is_turned_off() {
    let backend = EmbeddedSecretsManager::new();
    let (hands, store) = timed_with(&backend, |builder| builder.max_stale(Duration::ZERO)).await;
    store.save_token(&login("bob")).await.expect("saved");
    hands.pass(TIME_TO_LIVE).await;
    backend.inject(Fault::server_error().on(Operation::GetSecretValue));
    store.find_by_user("bob").await.expect_err("not served");
    let (_, store) = timed_with(&backend, |builder| builder.time_to_live(Duration::ZERO)).await;
    backend.clear_faults();
    found(&store, "bob").await;
    backend.inject(Fault::server_error().on(Operation::GetSecretValue));
    store.find_by_user("bob").await.expect_err("not served");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_shown_and_ends_the_serving() {
    for (name, fault) in [
        ("access denied", Fault::access_denied()),
        ("key denied", Fault::kms_access_denied()),
        ("decryption", Fault::decryption_failure()),
    ] {
        let (backend, _, store) = stale().await;
        let refusal = backend.inject(fault.on(Operation::GetSecretValue));
        let error = store.find_by_user("bob").await.expect_err("refused");
        assert!(!error.is_retryable(), "{name}");
        backend.remove_fault(refusal);
        backend.inject(Fault::server_error().on(Operation::GetSecretValue));
        store.find_by_user("bob").await.expect_err("not served after a refusal");
        assert_eq!(store.stats().stale_reads, 0, "{name}");
        backend.clear_faults();
        found(&store, "bob").await;
    }
}

/// A refusal in the middle of an outage.
#[tokio::test(start_paused = true)]
async fn a_refusal_behind_the_backs_of_readers_ends_the_serving() {
    let (backend, hands, store) = stale().await;
    let down = backend.inject(Fault::server_error().on(Operation::GetSecretValue));
    found(&store, "bob").await;
    hands.pass(SECOND).await;
    backend.remove_fault(down);
    backend.inject(Fault::access_denied().on(Operation::GetSecretValue));
    found(&store, "bob").await;
    tokio::time::sleep(SECOND).await;
    let error = store.find_by_user("bob").await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::AccessDenied);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_served_after_an_invalidation() {
    for all in [true, false] {
        let (backend, _, store) = stale().await;
        backend.inject(Fault::server_error().on(Operation::GetSecretValue));
        found(&store, "bob").await;
        if all {
            store.invalidate_all();
        } else {
            store.invalidate(&id_of("bob"));
        }
        store.find_by_user("bob").await.expect_err("forgotten");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_served_that_this_process_has_deleted() {
    let (backend, hands, store) = stale().await;
    store.delete_token(&id_of("bob")).await.expect("deleted");
    hands.pass(SECOND).await;
    backend.inject(Fault::server_error().on(Operation::GetSecretValue));
    store.find_by_user("bob").await.expect_err("a miss is not served");
}

/// The answer to a save comes after a deletion, which the process has been asked to forget.
#[tokio::test(start_paused = true)]
async fn nothing_is_served_that_was_deleted_before_its_save_was_answered() {
    let (backend, _, store) = stale().await;
    let puts = backend.gate(Gate::after(Operation::PutSecretValue));
    let save = spawn_save(&store, &extra("bob", "number", "2"));
    puts.arrived(1).await;
    store.delete_token(&id_of("bob")).await.expect("deleted");
    store.invalidate(&id_of("bob"));
    puts.open();
    done(save).await;
    backend.inject(Fault::server_error().on(Operation::GetSecretValue));
    store.find_by_user("bob").await.expect_err("what the save has written may be gone, and is");
}

#[tokio::test(start_paused = true)]
async fn a_reload_is_never_served_from_memory() {
    let (backend, _, store) = stale().await;
    backend.inject(Fault::server_error().on(Operation::GetSecretValue));
    found(&store, "bob").await;
    store.reload(&id_of("bob")).await.expect_err("not served");
}

/// What was known before it may still be served to finds.
#[tokio::test(start_paused = true)]
async fn a_reload_that_fails_takes_nothing_away() {
    let backend = EmbeddedSecretsManager::new();
    let (_, store) = timed(&backend).await;
    store.save_token(&login("bob")).await.expect("saved");
    backend.inject(Fault::server_error().on(Operation::GetSecretValue));
    store.reload(&id_of("bob")).await.expect_err("the service is down");
    found(&store, "bob").await;
}

#[tokio::test(start_paused = true)]
async fn an_expired_token_is_returned_while_the_service_is_down() {
    let backend = EmbeddedSecretsManager::new();
    let (hands, store) = timed(&backend).await;
    let expired = login("bob").to_builder().expiry_time(hands.in_future(SECOND)).build().expect("valid");
    store.save_token(&expired).await.expect("saved");
    hands.pass(SECOND).await;
    backend.inject(Fault::server_error().on(Operation::GetSecretValue));
    found(&store, "bob").await;
    assert_eq!(store.stats().stale_reads, 1);
}

#[tokio::test(start_paused = true)]
async fn after_the_first_failure_readers_do_not_wait_and_the_service_is_tried_once_a_second() {
    let (backend, hands, store) = stale().await;
    backend.inject(Fault::hang().on(Operation::GetSecretValue));
    let (waited, found) = timed_find(&store).await;
    assert_eq!((waited, found), (Duration::from_secs(9), Ok(true)));
    let before = store.stats();
    for _ in 0..9 {
        hands.pass(Duration::from_millis(100)).await;
        assert_eq!(timed_find(&store).await, (Duration::ZERO, Ok(true)));
    }
    assert_eq!(store.stats().loads, before.loads);
    for _ in 0..10 {
        hands.pass(Duration::from_millis(100)).await;
        assert_eq!(timed_find(&store).await, (Duration::ZERO, Ok(true)));
    }
    assert_eq!(store.stats().loads, before.loads + 1);
    assert_eq!(store.stats().stale_reads, before.stale_reads + 19);
}

/// The try behind the readers' backs hangs longer than the first failure counts.
#[tokio::test(start_paused = true)]
async fn readers_do_not_wait_for_a_try_that_hangs() {
    let (backend, hands, store) = stale().await;
    backend.inject(Fault::hang().on(Operation::GetSecretValue));
    assert_eq!(timed_find(&store).await.0, Duration::from_secs(9));
    hands.pass(Duration::from_secs(9)).await;
    assert_eq!(timed_find(&store).await, (Duration::ZERO, Ok(true)));
    for _ in 0..20 {
        hands.pass(SECOND).await;
        assert_eq!(timed_find(&store).await, (Duration::ZERO, Ok(true)));
    }
}

/// A failure counts for ten seconds: after that a reader waits for the service again.
#[tokio::test(start_paused = true)]
async fn ten_seconds_after_the_last_failure_a_reader_waits_again() {
    for pass in [Hands::pass_monotonic as fn(&Hands, Duration), Hands::pass_wall] {
        let (backend, hands, store) = stale().await;
        let down = backend.inject(Fault::server_error().on(Operation::GetSecretValue));
        found(&store, "bob").await;
        backend.remove_fault(down);
        store_on(&backend).await.save_token(&extra("bob", "x", "2")).await.expect("saved");
        // For a function that was frozen meanwhile that is long ago, too.
        pass(&hands, Duration::from_secs(10));
        assert_eq!(found(&store, "bob").await.extra("x"), Some("2"));
    }
}

#[tokio::test(start_paused = true)]
async fn the_service_is_tried_again_after_a_second_by_either_clock() {
    for pass in [Hands::pass_monotonic as fn(&Hands, Duration), Hands::pass_wall] {
        let (backend, hands, store) = stale().await;
        let down = backend.inject(Fault::server_error().on(Operation::GetSecretValue));
        found(&store, "bob").await;
        backend.remove_fault(down);
        let before = store.stats().loads;
        pass(&hands, Duration::from_millis(999));
        found(&store, "bob").await;
        tokio::task::yield_now().await;
        assert_eq!(store.stats().loads, before);
        pass(&hands, Duration::from_millis(1));
        found(&store, "bob").await;
        tokio::task::yield_now().await;
        assert_eq!(store.stats().loads, before + 1);
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_of_an_outage_is_noticed_behind_the_backs_of_readers() {
    let (backend, hands, store) = stale().await;
    let down = backend.inject(Fault::server_error().on(Operation::GetSecretValue));
    found(&store, "bob").await;
    backend.remove_fault(down);
    store_on(&backend).await.save_token(&extra("bob", "x", "2")).await.expect("saved");
    hands.pass(SECOND).await;
    assert_eq!(found(&store, "bob").await.extra("x"), None);
    tokio::time::sleep(Duration::from_millis(1)).await;
    let (bob, cost) = cost!(backend, store.find_by_user("bob"));
    assert_eq!((bob.expect("there").extra("x"), cost.as_str()), (Some("2"), "no requests"));
}

#[tokio::test(start_paused = true)]
async fn a_save_in_an_outage_of_reads_is_found() {
    let (backend, _, store) = stale().await;
    let down = backend.inject(Fault::server_error().on(Operation::GetSecretValue));
    found(&store, "bob").await;
    backend.remove_fault(down);
    store.save_token(&extra("bob", "x", "2")).await.expect("saved");
    backend.inject(Fault::server_error().on(Operation::GetSecretValue));
    let (bob, cost) = cost!(backend, store.find_by_user("bob"));
    assert_eq!((bob.expect("there").extra("x"), cost.as_str()), (Some("2"), "no requests"));
}

/// The answer to its Create is lost, and the repetition is told «exists»: it knows its own version by the id.
#[tokio::test(start_paused = true)]
async fn what_a_login_has_replaced_is_not_served_though_its_answer_was_lost() {
    let backend = EmbeddedSecretsManager::new();
    let store = cached(client_told_that_its_creates_exist(&backend)).build().await.expect("a store");
    let other = store_on(&backend).await;
    other.save_token(&login("bob")).await.expect("saved");
    found(&store, "bob").await;
    other.delete_token(&id_of("bob")).await.expect("deleted");
    backend.inject(Fault::lost_answer().on(Operation::CreateSecret).times(1));
    let new = login("bob").to_builder().refresh_token("new").build().expect("valid").detached();
    store.save_token(&new).await.expect("saved");
    backend.inject(Fault::server_error().on(Operation::GetSecretValue));
    let shown = store.find_by_user("bob").await.ok().flatten();
    assert!(shown.is_none_or(|shown| refresh_token_of(&shown) == "new"));
}

/// A wait that was for a load which fails is a failure for those who reload, and not for those who find.
#[tokio::test(start_paused = true)]
async fn load_failures_are_counted() {
    let (backend, _, store) = stale().await;
    backend.inject(Fault::server_error().on(Operation::GetSecretValue));
    let before = store.stats();
    found(&store, "bob").await;
    let after = store.stats();
    assert_eq!((after.loads, after.load_failures), (before.loads + 1, before.load_failures + 1));
}

/// The try that is to end an outage was begun by somebody who wants to reload, and is not polled any more.
#[tokio::test(start_paused = true)]
async fn a_reader_that_is_not_polled_does_not_prolong_an_outage() {
    let (backend, _hands, store) = stale().await;
    let outage = backend.inject(Fault::server_error());
    found(&store, "bob").await;
    backend.remove_fault(outage);
    store_on(&backend).await.save_token(&extra("bob", "x", "2")).await.expect("saved");
    let bob = id_of("bob");
    let mut reload = pin!(store.reload(&bob));
    assert!(poll!(reload.as_mut()).is_pending());
    assert_eq!(found(&store, "bob").await.extra("x"), None, "what is known, while it is read");
    tokio::time::sleep(SECOND).await;
    assert_eq!(found(&store, "bob").await.extra("x"), Some("2"));
}
