//! One load for all who want the same token, in a task of its own; and what dropped writers leave.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use aws_credential_types::provider::future;
use futures_util::future::join_all;
use futures_util::poll;
use oauth_token_store::aws_sdk_secretsmanager::Client;
use oauth_token_store::aws_sdk_secretsmanager::config::{Credentials, ProvideCredentials};
use oauth_token_store::embedded::{EmbeddedSecretsManager, Fault, Gate, Operation};
use oauth_token_store::secrecy::SecretString;
use oauth_token_store::{ErrorKind, TokenStore};
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;

use super::scene::{Hands, SECOND, done, timed};
use crate::support::{
    cached, cached_store_on, client_with_edited_requests, cost, extra, found, id_of, login, new_cached,
    refresh, store_on, token,
};

#[tokio::test(start_paused = true)]
async fn a_dropped_reader_harms_nobody_who_waits() {
    for first_is_dropped in [true, false] {
        let (backend, store) = new_cached().await;
        store_on(&backend).await.save_token(&login("bob")).await.expect("saved");
        let before = backend.requests();
        let gate = backend.gate(Gate::before(Operation::GetSecretValue));
        let reader = |store: &oauth_token_store::SecretsManagerTokenStore| {
            let store = store.clone();
            tokio::spawn(async move { store.find_by_user("bob").await })
        };
        let mut readers = [reader(&store), reader(&store)];
        gate.arrived(1).await;
        if !first_is_dropped {
            readers.reverse();
        }
        let [dropped, stays] = readers;
        dropped.abort();
        assert!(dropped.await.expect_err("dropped").is_cancelled());
        gate.open();
        assert!(done(stays).await.is_some());
        assert_eq!(backend.requests().since(&before).to_string(), "1 GetSecretValue");
    }
}

/// What another process has saved since is found by a search, and memory does not hold it.
#[tokio::test(start_paused = true)]
async fn finds_of_what_memory_does_not_hold_yet_share_two_loads_at_most() {
    let (backend, store) = new_cached().await;
    store.save_token(&login("bob")).await.expect("saved");
    let other = store_on(&backend).await;
    other.save_token(&refresh("bob", "second")).await.expect("saved");
    backend.inject(Fault::latency(Duration::from_millis(20)));
    let before = backend.requests();
    let second = SecretString::from("second");
    let finds = (0..100).map(|_| store.find_by_refresh_token("client", &second));
    for found in join_all(finds).await {
        assert!(found.expect("found").is_some());
    }
    // Of the name that the token would have, and of the record twice.
    let cost = backend.requests().since(&before).to_string();
    assert!(
        ["2 GetSecretValue, 1 ListSecrets", "3 GetSecretValue, 1 ListSecrets"].contains(&&*cost),
        "{cost}"
    );
}

/// Within the lag of its list the service shows a record for a token that it has rotated away from.
#[tokio::test(start_paused = true)]
async fn a_record_that_a_search_has_led_to_in_vain_is_read_once_for_that_search() {
    let (backend, store) = new_cached().await;
    let other = store_on(&backend).await;
    other.save_token(&login("bob")).await.expect("saved");
    backend.inject(Fault::access_denied().on(Operation::TagResource));
    other.save_token(&refresh("bob", "second")).await.expect("saved, but for its tags");
    found(&store, "bob").await;
    backend.inject(Fault::latency(Duration::from_millis(20)));
    let first = SecretString::from("refresh-bob");
    for expected in ["2 GetSecretValue, 1 ListSecrets", "no requests", "no requests"] {
        assert_eq!(cost!(backend, store.find_by_refresh_token("client", &first)), (None, expected.into()));
    }
}

/// Credentials that take some steps to get, as those of a container or an instance do.
#[derive(Debug)]
struct SlowCredentials;

impl ProvideCredentials for SlowCredentials {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            for _ in 0..3 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Ok(Credentials::new("embedded", "embedded", None, None, "embedded"))
        })
    }
}

/// As one is that waits behind the other branch of a `select!`, or in a stream whose last item is being worked on.
#[tokio::test(start_paused = true)]
async fn a_reader_that_is_not_polled_harms_nobody() {
    let backend = EmbeddedSecretsManager::new();
    for user in ["bob", "eve"] {
        store_on(&backend).await.save_token(&login(user)).await.expect("saved");
    }
    let config = backend.client().config().to_builder().credentials_provider(SlowCredentials).build();
    let store = cached(Client::from_conf(config)).build().await.expect("a store");
    let before = backend.requests();
    let mut first = pin!(store.find_by_user("bob"));
    assert!(poll!(first.as_mut()).is_pending());
    let start = Instant::now();
    // The SDK fetches credentials once for all requests, in the one that came first.
    assert!(store.find_by_user("eve").await.expect("found").is_some());
    assert!(store.find_by_user("bob").await.expect("found").is_some());
    assert!(start.elapsed() < SECOND, "{:?}", start.elapsed());
    // Longer than a request may take.
    tokio::time::sleep(10 * SECOND).await;
    assert!(first.await.expect("found").is_some());
    assert_eq!(backend.requests().since(&before).to_string(), "2 GetSecretValue");
}

/// What a reader that is not polled has asked for is out of date when somebody else comes.
#[tokio::test(start_paused = true)]
async fn nobody_joins_a_read_that_was_answered_long_ago() {
    let (backend, store) = new_cached().await;
    let other = store_on(&backend).await;
    other.save_token(&login("bob")).await.expect("saved");
    other.save_token(&extra("bob", "x", "1")).await.expect("saved");
    let gate = backend.gate(Gate::after(Operation::GetSecretValue));
    let mut first = pin!(store.find_by_user("bob"));
    assert!(poll!(first.as_mut()).is_pending());
    gate.arrived(1).await;
    gate.open();
    tokio::time::sleep(SECOND).await;
    other.save_token(&extra("bob", "x", "2")).await.expect("saved");
    tokio::time::sleep(1200 * SECOND).await;
    assert_eq!(found(&store, "bob").await.extra("x"), Some("2"));
    first.await.expect("found");
}

#[tokio::test(start_paused = true)]
async fn a_load_goes_on_when_all_readers_are_dropped() {
    let (backend, store) = new_cached().await;
    store_on(&backend).await.save_token(&login("bob")).await.expect("saved");
    let gate = backend.gate(Gate::before(Operation::GetSecretValue));
    let finder = store.clone();
    let find = tokio::spawn(async move { finder.find_by_user("bob").await });
    gate.arrived(1).await;
    find.abort();
    gate.open();
    tokio::time::sleep(SECOND).await;
    assert_eq!(cost!(backend, store.find_by_user("bob")).1, "no requests");
}

#[tokio::test(start_paused = true)]
async fn a_failed_load_fails_all_who_wait_and_is_not_cached() {
    for fault in [Fault::access_denied(), Fault::server_error()] {
        let (backend, store) = new_cached().await;
        store_on(&backend).await.save_token(&login("bob")).await.expect("saved");
        let fault = backend.inject(fault.on(Operation::GetSecretValue));
        let outcomes = join_all((0..100).map(|_| store.find_by_user("bob"))).await;
        assert!(outcomes.iter().all(Result::is_err));
        assert_eq!(store.stats().loads, 1);
        backend.remove_fault(fault);
        assert_eq!(cost!(backend, store.find_by_user("bob")).1, "1 GetSecretValue");
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_search_fails_all_who_wait_and_is_not_cached() {
    let (backend, store) = new_cached().await;
    store_on(&backend).await.save_token(&login("bob")).await.expect("saved");
    let fault = backend.inject(Fault::access_denied().on(Operation::ListSecrets));
    let access = "access-bob".into();
    let before = backend.requests();
    let outcomes = join_all((0..100).map(|_| store.find_by_access_token(&access))).await;
    assert!(outcomes.iter().all(Result::is_err));
    assert_eq!(backend.requests().since(&before).to_string(), "1 GetSecretValue, 1 ListSecrets");
    backend.remove_fault(fault);
    assert!(store.find_by_access_token(&access).await.expect("found").is_some());
}

#[tokio::test(start_paused = true)]
async fn searches_for_one_key_share_a_list() {
    for is_there in [true, false] {
        let (backend, store) = new_cached().await;
        if is_there {
            store_on(&backend).await.save_token(&login("bob")).await.expect("saved");
        }
        let access = "access-bob".into();
        let before = backend.requests();
        for outcome in join_all((0..1000).map(|_| store.find_by_access_token(&access))).await {
            assert_eq!(outcome.expect("it works").is_some(), is_there);
        }
        let expected = ["1 GetSecretValue, 1 ListSecrets", "2 GetSecretValue, 1 ListSecrets"];
        assert_eq!(backend.requests().since(&before).to_string(), expected[usize::from(is_there)]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_thousand_reloads_at_once_share_at_most_two_loads() {
    let (backend, store) = new_cached().await;
    store.save_token(&login("bob")).await.expect("saved");
    let before = backend.requests();
    let gate = backend.gate(Gate::after(Operation::GetSecretValue));
    let reload = || {
        let store = store.clone();
        tokio::spawn(async move { store.reload(&id_of("bob")).await })
    };
    let mut reloads = vec![reload()];
    gate.arrived(1).await;
    // The one that is under way may show what was there before they asked.
    reloads.extend((0..1000).map(|_| reload()));
    tokio::time::sleep(Duration::from_millis(1)).await;
    gate.open();
    for reload in reloads {
        assert!(done(reload).await.is_some());
    }
    assert_eq!(backend.requests().since(&before).to_string(), "2 GetSecretValue");
}

#[tokio::test(start_paused = true)]
async fn a_reload_does_not_take_the_answer_of_a_load_that_began_before_it() {
    let (backend, store) = new_cached().await;
    let other = store_on(&backend).await;
    other.save_token(&login("bob")).await.expect("saved");
    let puts = backend.gate(Gate::before(Operation::PutSecretValue));
    let save = crate::support::spawn_save(&other, &extra("bob", "x", "2"));
    puts.arrived(1).await;
    let reads = backend.gate(Gate::after(Operation::GetSecretValue));
    let finder = store.clone();
    let find = tokio::spawn(async move { finder.find_by_user("bob").await });
    reads.arrived(1).await;
    puts.open();
    done(save).await;
    let reloader = store.clone();
    let reload = tokio::spawn(async move { reloader.reload(&id_of("bob")).await });
    tokio::time::sleep(Duration::from_millis(1)).await;
    reads.open();
    assert_eq!(done(reload).await.expect("there").extra("x"), Some("2"));
    done(find).await;
    assert_eq!(found(&store, "bob").await.extra("x"), Some("2"));
}

/// The task of the load panics, as one may that runs the application's code: a credentials provider's, say.
#[tokio::test(start_paused = true)]
async fn a_load_that_panics_fails_and_the_next_one_works() {
    let backend = EmbeddedSecretsManager::new();
    store_on(&backend).await.save_token(&login("bob")).await.expect("saved");
    let panics = Arc::new(AtomicBool::new(true));
    let is_to_panic = Arc::clone(&panics);
    let client = client_with_edited_requests(&backend, move |_, _| {
        assert!(!is_to_panic.swap(false, Ordering::Relaxed), "on purpose");
    });
    let store = cached(client).build().await.expect("a store");
    let (first, second) = tokio::join!(store.find_by_user("bob"), store.find_by_user("bob"));
    assert_eq!(first.expect_err("panicked").kind(), ErrorKind::Unavailable);
    assert!(second.expect("its own load").is_some());
    assert_eq!(cost!(backend, store.find_by_user("bob")).1, "no requests");
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

#[test]
fn a_load_whose_runtime_is_shut_down_is_begun_anew_by_those_who_wait_in_another() {
    let (one, two) = (runtime(), runtime());
    let (backend, store) = two.block_on(async {
        let (backend, store) = new_cached().await;
        store_on(&backend).await.save_token(&login("bob")).await.expect("saved");
        (backend, store)
    });
    let gate = backend.gate(Gate::before(Operation::GetSecretValue));
    let finder = store.clone();
    one.spawn(async move { finder.find_by_user("bob").await });
    one.block_on(gate.arrived(1));
    let found = two.block_on(async {
        let finder = store.clone();
        let find = tokio::spawn(async move { finder.find_by_user("bob").await });
        tokio::task::yield_now().await;
        one.shutdown_background();
        gate.open();
        done(find).await
    });
    assert!(found.is_some());
}

/// What is spawned after the runtime's end is dropped on the spot.
#[test]
fn a_search_in_a_runtime_that_is_shut_down_fails() {
    let (gone, alive) = (runtime(), runtime());
    let handle = gone.handle().clone();
    let (_backend, store) = alive.block_on(async {
        let (backend, store) = new_cached().await;
        let access = "a".into();
        assert_eq!(store.find_by_access_token(&access).await.expect("a miss"), None);
        // Which forgets the search, and not that there is no record of that name.
        let bob = token().user_name("bob").access_token("a").build().expect("valid");
        store.save_token(&bob).await.expect("saved");
        (backend, store)
    });
    gone.shutdown_background();
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let _entered = handle.enter();
        let access = "a".into();
        let mut find = pin!(store.find_by_access_token(&access));
        let outcome = find.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        let kind = match outcome {
            Poll::Ready(Err(error)) => Some(error.kind()),
            _ => None,
        };
        sender.send(kind).expect("the test waits");
    });
    // Only a thread that has locked itself out takes that long.
    let kind = receiver.recv_timeout(Duration::from_secs(60)).expect("no deadlock");
    assert_eq!(kind, Some(ErrorKind::Unavailable));
}

#[tokio::test(start_paused = true)]
async fn a_save_dropped_before_its_write_leaves_what_is_known() {
    let (backend, store) = new_cached().await;
    store_on(&backend).await.save_token(&login("bob")).await.expect("saved");
    let gate = backend.gate(Gate::before(Operation::GetSecretValue));
    let save = crate::support::spawn_save(&store, &extra("bob", "x", "1"));
    gate.arrived(1).await;
    save.abort();
    gate.open();
    tokio::time::sleep(SECOND).await;
    assert_eq!(found(&store, "bob").await.extra("x"), None);
}

#[tokio::test(start_paused = true)]
async fn a_save_dropped_during_its_write_lands_and_is_found() {
    for point in [Gate::before as fn(Operation) -> Gate, Gate::after] {
        for is_new in [true, false] {
            let (backend, store) = new_cached().await;
            if !is_new {
                store.save_token(&login("bob")).await.expect("saved");
            }
            let writes = point(Operation::PutSecretValue).on(Operation::CreateSecret);
            let gate = backend.gate(writes);
            let save = crate::support::spawn_save(
                &store,
                &login("bob").to_builder().scope("2").build().expect("valid"),
            );
            gate.arrived(1).await;
            save.abort();
            gate.open();
            tokio::time::sleep(SECOND).await;
            let (bob, cost) = cost!(backend, store.find_by_user("bob"));
            let bob = bob.expect("there");
            assert_eq!((bob.scope(), cost.as_str()), (Some("2"), "no requests"), "new: {is_new}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_deletion_dropped_under_way_is_carried_out_and_nothing_is_found() {
    for point in [Gate::before as fn(Operation) -> Gate, Gate::after] {
        let (backend, store) = new_cached().await;
        store.save_token(&login("bob")).await.expect("saved");
        let gate = backend.gate(point(Operation::DeleteSecret));
        let deleter = store.clone();
        let deletion = tokio::spawn(async move { deleter.delete_token(&id_of("bob")).await });
        gate.arrived(1).await;
        deletion.abort();
        gate.open();
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert_eq!(cost!(backend, store.find_by_user("bob")), (None, "no requests".to_owned()));
    }
}

/// Its task is gone, and nobody knows whether the write has landed.
#[test]
fn a_save_whose_runtime_is_shut_down_leaves_what_it_knew_in_doubt() {
    let (one, two) = (runtime(), runtime());
    let (backend, store) = two.block_on(async {
        let (backend, store) = new_cached().await;
        store.save_token(&login("bob")).await.expect("saved");
        (backend, store)
    });
    let gate = backend.gate(Gate::after(Operation::PutSecretValue));
    let saver = store.clone();
    one.spawn(async move { saver.save_token(&extra("bob", "x", "1")).await });
    one.block_on(gate.arrived(1));
    one.shutdown_background();
    gate.open();
    assert_eq!(two.block_on(found(&store, "bob")).extra("x"), Some("1"));
}

/// Finds that wait for a load which a save makes worthless look again, and need no request.
#[tokio::test(start_paused = true)]
async fn readers_of_a_load_that_a_save_superseded_see_the_save() {
    let (backend, store) = new_cached().await;
    let other = store_on(&backend).await;
    other.save_token(&login("bob")).await.expect("saved");
    let puts = backend.gate(Gate::before(Operation::PutSecretValue));
    let save = crate::support::spawn_save(&store, &extra("bob", "x", "1"));
    puts.arrived(1).await;
    let reads = backend.gate(Gate::after(Operation::GetSecretValue));
    let finds: Vec<_> = (0..10)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.find_by_user("bob").await })
        })
        .collect();
    reads.arrived(1).await;
    puts.open();
    done(save).await;
    let before = backend.requests();
    reads.open();
    for find in finds {
        assert_eq!(done(find).await.expect("there").extra("x"), Some("1"));
    }
    assert_eq!(backend.requests().since(&before).to_string(), "no requests");
}

/// A load that fails after a save has landed fails nobody.
#[tokio::test(start_paused = true)]
async fn a_superseded_load_that_fails_fails_nobody() {
    let (backend, store) = new_cached().await;
    store_on(&backend).await.save_token(&login("bob")).await.expect("saved");
    let puts = backend.gate(Gate::before(Operation::PutSecretValue));
    let save = crate::support::spawn_save(&store, &extra("bob", "x", "1"));
    puts.arrived(1).await;
    let reads = backend.gate(Gate::before(Operation::GetSecretValue));
    let finder = store.clone();
    let find = tokio::spawn(async move { finder.find_by_user("bob").await });
    reads.arrived(1).await;
    puts.open();
    done(save).await;
    backend.inject(Fault::access_denied().on(Operation::GetSecretValue));
    reads.open();
    assert_eq!(done(find).await.expect("there").extra("x"), Some("1"));
}

/// What is read with the cache off is shared by those who want it at the same moment, and by nobody later.
#[tokio::test(start_paused = true)]
async fn with_the_cache_off_finds_at_one_moment_share_a_load() {
    let backend = EmbeddedSecretsManager::new();
    let store = store_on(&backend).await;
    store.save_token(&login("bob")).await.expect("saved");
    let before = backend.requests();
    for outcome in join_all((0..100).map(|_| store.find_by_user("bob"))).await {
        assert!(outcome.expect("found").is_some());
    }
    assert_eq!(backend.requests().since(&before).to_string(), "1 GetSecretValue");
    assert_eq!(cost!(backend, store.find_by_user("bob")).1, "1 GetSecretValue");
}

/// A failure is remembered for finds of a token in memory only.
#[tokio::test(start_paused = true)]
async fn an_expired_token_is_loaded_once_for_all() {
    let backend = EmbeddedSecretsManager::new();
    let (hands, store) = timed(&backend).await;
    let expired = login("bob").to_builder().expiry_time(hands.in_future(SECOND)).build().expect("valid");
    store.save_token(&expired).await.expect("saved");
    Hands::pass_wall(&hands, SECOND);
    let before = backend.requests();
    for outcome in join_all((0..100).map(|_| store.find_by_user("bob"))).await {
        assert!(outcome.expect("found").is_some());
    }
    assert_eq!(backend.requests().since(&before).to_string(), "1 GetSecretValue");
    let _ = cached_store_on(&backend).await;
}
