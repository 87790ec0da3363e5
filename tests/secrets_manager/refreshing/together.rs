//! Many who want one token: who waits for whom, and what becomes of them when something else happens to the one they
//! wait for.

use std::convert::Infallible;
use std::future::{Ready, pending};
use std::pin::pin;
use std::sync::Arc;

use oauth_token_store::embedded::{EmbeddedSecretsManager, Gate, GateHandle, Operation};
use oauth_token_store::{OAuthToken, RefreshError, SecretsManagerTokenStore, TokenStore};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::support::{
    cached_store_on, found, id, id_of, login, new, new_cached, refresh_token_of, store_on, token,
};

use super::{
    HOUR, MINUTE, Refreshed, Refused, Server, access_token_of, begun_exchange, built,
    cached_with_expired_bob, ended, everything_waits, expired, held, of, refreshed, some, soon,
    spawn_refresh, unwanted, with_expired_bob,
};

const TASKS: usize = 10_000;

#[tokio::test(start_paused = true)]
async fn ten_thousand_tasks_at_expiry_make_one_exchange() {
    let (backend, store) = cached_with_expired_bob().await;
    let server = Server::default();
    let before = backend.requests();
    let reads = backend.gate(Gate::before(Operation::GetSecretValue));
    let callers: Vec<_> =
        (0..TASKS).map(|_| spawn_refresh(&store, of("bob"), MINUTE, server.exchange(HOUR))).collect();
    // All have found it expired before the refresh begins with its re-read, which stays at the gate.
    everything_waits().await;
    assert_eq!((reads.held(), server.exchanges()), (1, 0));
    reads.open();
    for caller in callers {
        assert_eq!(access_token_of(&some(ended(caller).await)), "access-1");
    }
    assert_eq!(server.exchanges(), 1);
    // The re-read, and a save based on that.
    let expected = "1 GetSecretValue, 1 PutSecretValue, 1 TagResource";
    assert_eq!(backend.requests().since(&before).to_string(), expected);
}

/// Whatever the threads do: who comes too late to join reads again, and sees what was saved.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_thousand_tasks_on_several_threads_make_one_exchange() {
    let (backend, store) = with_expired_bob().await;
    let server = Server::default();
    let callers: Vec<_> =
        (0..TASKS).map(|_| spawn_refresh(&store, of("bob"), MINUTE, server.exchange(HOUR))).collect();
    for caller in callers {
        assert_eq!(access_token_of(&some(ended(caller).await)), "access-1");
    }
    assert_eq!(server.exchanges(), 1);
    assert_eq!(backend.requests().count(Operation::PutSecretValue), 1);
}

/// It has found the token expired, but looks for a refresh to join only when that has ended. It asks the service again only
/// if nothing is kept in memory.
#[tokio::test(start_paused = true)]
async fn who_comes_too_late_to_join_finds_what_was_saved() {
    for ((backend, store), reads) in [(with_expired_bob().await, 1), (cached_with_expired_bob().await, 0)] {
        store.invalidate_all();
        comes_too_late(&backend, &store, reads).await;
    }
}

async fn comes_too_late(backend: &EmbeddedSecretsManager, store: &SecretsManagerTokenStore, reads: u64) {
    let bob = of("bob");
    let mut late = pin!(store.refresh_with(&bob, MINUTE, unwanted));
    let answers = backend.gate(Gate::after(Operation::GetSecretValue));
    tokio::select! {
        _ = &mut late => panic!("its answer is held"),
        () = answers.arrived(1) => answers.open(),
    }
    // Nobody polls the late one now.
    let early = some(store.refresh_with(&bob, MINUTE, Server::default().exchange(HOUR)).await);
    assert_eq!(access_token_of(&early), "access-1");
    let before = backend.requests();
    assert_eq!(some(late.await), early);
    assert_eq!(backend.requests().since(&before).total(), reads);
}

#[tokio::test(start_paused = true)]
async fn who_asks_by_user_and_who_asks_by_id_share_an_exchange() {
    let (_, store) = new().await;
    let bob = built(expired("bob").to_builder().id("own"));
    store.save_token(&bob).await.expect("saved");
    let by = |partial| spawn_refresh(&store, built(partial), MINUTE, unwanted);

    let (by_user, current, answer) = begun_exchange(&store, MINUTE).await;
    let mut callers = vec![
        by_user,
        by(token().id(id_of("bob"))),
        by(token().id(id("own"))),
        by(token().client_id("client").refresh_token("refresh-bob")),
        by(token().access_token("access-bob")),
    ];
    everything_waits().await;
    assert!(callers.iter().all(|caller| !caller.is_finished()));
    answer.send(Ok(refreshed(&current))).expect("it waits");
    for caller in callers.drain(..) {
        assert_eq!(access_token_of(&some(ended(caller).await)), "newer");
    }
}

/// The refresh still writes its tags, and what it has saved is not the newest any more.
#[tokio::test(start_paused = true)]
async fn who_joins_after_a_later_save_of_this_process_is_given_that() {
    let (backend, store) = with_expired_bob().await;
    let tags = backend.gate(Gate::before(Operation::TagResource));
    let refresh = spawn_refresh(&store, of("bob"), MINUTE, Server::default().exchange(HOUR));
    soon(tags.arrived(1)).await;
    let exchanged = found(&store, "bob").await;
    let later = store.save_token(&built(exchanged.to_builder().extra("x", "1"))).await.expect("saved");
    let joined = spawn_refresh(&store, of("bob"), 2 * HOUR, unwanted);
    everything_waits().await;
    assert!(!refresh.is_finished() && !joined.is_finished());
    tags.open();
    // Who has made the exchange began before.
    assert_eq!(some(ended(refresh).await), exchanged);
    assert_eq!(some(ended(joined).await), later);
}

#[tokio::test(start_paused = true)]
async fn who_joins_one_that_finds_it_refreshed_elsewhere_reads_nothing() {
    let (backend, store) = with_expired_bob().await;
    let other = cached_store_on(&backend).await;
    let known = found(&other, "bob").await;
    let before = backend.requests();
    let finds = backend.gate(Gate::after(Operation::GetSecretValue));
    let callers = [(); 2].map(|()| spawn_refresh(&store, of("bob"), MINUTE, unwanted));
    soon(finds.arrived(1)).await;
    other.save_token(&refreshed(&known)).await.expect("saved");
    finds.open();
    for caller in callers {
        assert_eq!(access_token_of(&some(ended(caller).await)), "newer");
    }
    // One find for both, and one re-read.
    assert_eq!(backend.requests().since(&before).count(Operation::GetSecretValue), 2);
}

/// What has come since was not exchanged: a new login without an access token.
#[tokio::test(start_paused = true)]
async fn who_joins_after_a_new_login_has_that_one_exchanged() {
    let (backend, store) = with_expired_bob().await;
    let tags = backend.gate(Gate::before(Operation::TagResource));
    let refresh = spawn_refresh(&store, of("bob"), MINUTE, Server::default().exchange(HOUR));
    soon(tags.arrived(1)).await;
    store.delete_token(&id_of("bob")).await.expect("deleted");
    let login = token().user_name("bob").client_id("client").refresh_token("of the new login");
    store.save_token(&built(login)).await.expect("saved");
    let (exchange, exchanging) = held();
    let joined = spawn_refresh(&store, of("bob"), MINUTE, exchange);
    everything_waits().await;
    tags.open();
    some(ended(refresh).await);
    let (current, answer) = exchanging.begun().await;
    assert_eq!(refresh_token_of(&current), "of the new login");
    answer.send(Ok(refreshed(&current))).expect("it waits");
    assert_eq!(access_token_of(&some(ended(joined).await)), "newer");
}

/// The end of the login before tells nothing of the new one.
#[tokio::test(start_paused = true)]
async fn who_joins_with_a_new_login_does_not_get_the_error_of_the_one_before() {
    let (_, store) = with_expired_bob().await;
    let (refresh, _, answer) = begun_exchange(&store, MINUTE).await;
    let login = token().user_name("bob").refresh_token("of the new login").access_token("").build();
    store.delete_token(&id_of("bob")).await.expect("deleted");
    store.save_token(&login.expect("valid")).await.expect("saved");
    let joined = spawn_refresh(&store, of("bob"), MINUTE, Server::default().exchange(HOUR));
    everything_waits().await;
    answer.send(Err(Refused("invalid_grant"))).expect("it waits");
    ended(refresh).await.expect_err("refused");
    assert_eq!(access_token_of(&some(ended(joined).await)), "access-1");
}

/// A deletion may have come before or after what this process has saved since: the service is asked.
#[tokio::test(start_paused = true)]
async fn who_joins_beside_a_deletion_of_unclear_order_reads_again() {
    let (backend, store) = new_cached().await;
    let deletions = backend.gate(Gate::after(Operation::DeleteSecret));
    let deleter = store.clone();
    let deletion = tokio::spawn(async move { deleter.delete_token(&id_of("bob")).await });
    soon(deletions.arrived(1)).await;
    store.save_token(&expired("bob")).await.expect("saved");
    let tags = backend.gate(Gate::before(Operation::TagResource));
    let refresh = spawn_refresh(&store, of("bob"), MINUTE, Server::default().exchange(HOUR));
    soon(tags.arrived(1)).await;
    let joined = spawn_refresh(&store, of("bob"), 2 * HOUR, prolonged);
    everything_waits().await;
    let exchanged = found(&store, "bob").await;
    store.save_token(&built(exchanged.to_builder().extra("x", "1"))).await.expect("saved");
    deletions.open();
    soon(deletion).await.expect("no panic").expect("nothing to delete");
    tags.open();
    some(ended(refresh).await);
    assert_eq!(some(ended(joined).await).extra("x"), Some("1"));
}

/// An exchange that keeps what it is given, for longer.
fn prolonged(current: Arc<OAuthToken>) -> Ready<Result<OAuthToken, Infallible>> {
    std::future::ready(Ok(built(current.to_builder().access_token("longer").expires_in(3 * HOUR))))
}

#[tokio::test(start_paused = true)]
async fn two_users_do_not_wait_for_each_other() {
    let (_, store) = with_expired_bob().await;
    store.save_token(&expired("eve")).await.expect("saved");
    let (bob, current, answer) = begun_exchange(&store, MINUTE).await;
    let (partial, server) = (of("eve"), Server::default());
    let eve = some(soon(store.refresh_with(&partial, MINUTE, server.exchange(HOUR))).await);
    assert_eq!((eve.user_name(), access_token_of(&eve)), (Some("eve"), "access-1"));
    assert!(!bob.is_finished());
    answer.send(Ok(refreshed(&current))).expect("it waits");
    assert_eq!(access_token_of(&some(ended(bob).await)), "newer");
}

#[tokio::test(start_paused = true)]
async fn who_finds_it_fresh_does_not_wait_for_who_does_not() {
    let (_, store) = new().await;
    store.save_token(&built(login("bob").to_builder().expires_in(HOUR))).await.expect("saved");
    let (early_riser, current, answer) = begun_exchange(&store, 2 * HOUR).await;
    let bob = of("bob");
    let fresh = some(soon(store.refresh_with(&bob, MINUTE, unwanted)).await);
    assert_eq!(access_token_of(&fresh), "access-bob");
    answer.send(Ok(refreshed(&current))).expect("it waits");
    some(ended(early_riser).await);
}

#[tokio::test(start_paused = true)]
async fn a_caller_dropped_during_the_exchange_harms_nobody() {
    for others in [0, 3] {
        let (_, store) = with_expired_bob().await;
        let (first, current, answer) = begun_exchange(&store, MINUTE).await;
        let others: Vec<_> =
            (0..others).map(|_| spawn_refresh(&store, of("bob"), MINUTE, unwanted)).collect();
        everything_waits().await;
        first.abort();
        assert!(first.await.expect_err("dropped").is_cancelled());
        answer.send(Ok(refreshed(&current))).expect("the exchange goes on");
        for other in others {
            assert_eq!(access_token_of(&some(ended(other).await)), "newer");
        }
        everything_waits().await;
        assert_eq!(refresh_token_of(&*found(&store, "bob").await), "rotated");
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_dropped_at_any_request_harms_nobody() {
    // The find comes before; of the two reads the latter is the save's, which a dropped save does not outlive by itself.
    let reads = [1, 2].map(|already| (Operation::GetSecretValue, already));
    let writes = [Operation::PutSecretValue, Operation::TagResource].map(|operation| (operation, 0));
    for (operation, already) in reads.into_iter().chain(writes) {
        for others in [0, 3] {
            let (backend, store) = with_expired_bob().await;
            let gate = backend.gate(Gate::before(operation));
            let first = spawn_refresh(&store, of("bob"), MINUTE, Server::default().exchange(HOUR));
            for _ in 0..already {
                soon(gate.arrived(1)).await;
                assert!(gate.release_one());
                everything_waits().await;
            }
            soon(gate.arrived(1)).await;
            let others: Vec<_> =
                (0..others).map(|_| spawn_refresh(&store, of("bob"), MINUTE, unwanted)).collect();
            everything_waits().await;
            first.abort();
            assert!(first.await.expect_err("dropped").is_cancelled());
            gate.open();
            for other in others {
                assert_eq!(access_token_of(&some(ended(other).await)), "access-1");
            }
            everything_waits().await;
            assert_eq!(refresh_token_of(&*found(&store, "bob").await), "refresh-1");
        }
    }
}

/// Two callers have found it expired, and the first one's refresh stands before its re-read.
async fn two_at_a_re_read(
    backend: &EmbeddedSecretsManager,
    first: impl FnOnce() -> JoinHandle<Refreshed>,
    second: impl FnOnce() -> JoinHandle<Refreshed>,
) -> (GateHandle, [JoinHandle<Refreshed>; 2]) {
    let gate = backend.gate(Gate::before(Operation::GetSecretValue));
    let first = first();
    gate.arrived(1).await;
    // The find is answered from memory, so it joins.
    let second = second();
    everything_waits().await;
    assert_eq!(gate.held(), 1);
    (gate, [first, second])
}

#[tokio::test(start_paused = true)]
async fn a_longer_leeway_than_the_re_read_token_has_left_makes_an_exchange_of_its_own() {
    let (backend, one) = cached_with_expired_bob().await;
    let two = store_on(&backend).await;
    let server = Server::default();
    // The other process's save has read already, so that only its write is left.
    let writes = backend.gate(Gate::before(Operation::PutSecretValue));
    let elsewhere = tokio::spawn(async move {
        let token = token().user_name("bob").access_token("elsewhere").expires_in(10 * MINUTE);
        two.save_token(&built(token)).await
    });
    writes.arrived(1).await;
    let (reads, [short, long]) = two_at_a_re_read(
        &backend,
        || spawn_refresh(&one, of("bob"), MINUTE, unwanted),
        || spawn_refresh(&one, of("bob"), HOUR, server.exchange(2 * HOUR)),
    )
    .await;
    writes.open();
    ended(elsewhere).await.expect("saved");
    assert!(!short.is_finished() && !long.is_finished());
    reads.open();
    assert_eq!(access_token_of(&some(ended(short).await)), "elsewhere");
    assert_eq!(access_token_of(&some(ended(long).await)), "access-1");
    assert_eq!(server.exchanges(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_an_exchange_gave_is_taken_even_for_a_longer_leeway() {
    let (_, store) = with_expired_bob().await;
    let (short, current, answer) = begun_exchange(&store, MINUTE).await;
    let long = spawn_refresh(&store, of("bob"), 10 * HOUR, unwanted);
    everything_waits().await;
    answer.send(Ok(refreshed(&current))).expect("it waits");
    for caller in [short, long] {
        assert_eq!(access_token_of(&some(ended(caller).await)), "newer");
    }
}

fn panics_at_once(_: Arc<OAuthToken>) -> Ready<Result<OAuthToken, Infallible>> {
    panic!("canary")
}

fn abandoned(error: RefreshError) {
    assert!(error.to_string().contains("panicked"), "{error}");
    assert!(!error.is_retryable() && error.token().is_none() && error.store_error().is_none());
    assert!(!format!("{error:?}").contains("canary"));
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_exchange_is_its_callers_error_and_the_others_go_on() {
    let (_, store) = with_expired_bob().await;
    let server = Server::default();
    let (first, _, answer) = begun_exchange(&store, MINUTE).await;
    let others: Vec<_> =
        (0..3).map(|_| spawn_refresh(&store, of("bob"), MINUTE, server.exchange(HOUR))).collect();
    everything_waits().await;
    drop(answer); // and so it panics
    abandoned(ended(first).await.expect_err("abandoned"));
    for other in others {
        assert_eq!(access_token_of(&some(ended(other).await)), "access-1");
    }
    assert_eq!(server.exchanges(), 1);
}

#[tokio::test(start_paused = true)]
async fn if_every_exchange_panics_everybody_gets_an_error_and_nobody_hangs() {
    let (backend, store) = cached_with_expired_bob().await;
    let before = backend.requests();
    let gate = backend.gate(Gate::before(Operation::GetSecretValue));
    let callers: Vec<_> = (0..5).map(|_| spawn_refresh(&store, of("bob"), MINUTE, panics_at_once)).collect();
    everything_waits().await;
    gate.open();
    for caller in callers {
        abandoned(ended(caller).await.expect_err("abandoned"));
    }
    // One exchange each, after a re-read, and nothing else.
    assert_eq!(backend.requests().since(&before).to_string(), "5 GetSecretValue");
    some(store.refresh_with(&of("bob"), MINUTE, Server::default().exchange(HOUR)).await);
}

#[test]
fn who_waits_for_an_exchange_whose_runtime_is_shut_down_makes_one_of_its_own() {
    let theirs = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let ours = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    ours.block_on(async {
        let (_, store) = with_expired_bob().await;
        let (begin, begun) = oneshot::channel();
        let first = {
            let store = store.clone();
            theirs.spawn(async move {
                let exchange = |_| {
                    begin.send(()).expect("the test waits for it");
                    pending::<Result<OAuthToken, Infallible>>()
                };
                store.refresh_with(&of("bob"), MINUTE, exchange).await
            })
        };
        begun.await.expect("it begins");
        let second = spawn_refresh(&store, of("bob"), MINUTE, Server::default().exchange(HOUR));
        everything_waits().await;
        assert!(!second.is_finished());
        // Until all of its tasks are gone; meanwhile our clock stands still.
        let shut_down = std::thread::spawn(move || theirs.shutdown_timeout(MINUTE));
        shut_down.join().expect("no panic");
        assert_eq!(access_token_of(&some(ended(second).await)), "access-1");
        assert!(soon(first).await.expect_err("shut down").is_cancelled());
    });
}
