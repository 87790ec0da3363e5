//! What an exchange gave, could not be saved and does not last is exchanged in its turn: it is not what is stored.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use oauth_token_store::embedded::{EmbeddedSecretsManager, Fault, Gate, Operation};
use oauth_token_store::secrecy::SecretString;
use oauth_token_store::{OAuthToken, SecretsManagerTokenStore, TokenStore};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::support::{extra, found, refresh, refresh_token_of, spawn_save, store_on, token};

use super::{
    HOUR, MINUTE, Refreshed, Refused, Server, access_token_of, begun_exchange, built,
    cached_with_expired_bob, ended, of, some, soon, spawn_refresh, unwanted, with_expired_bob,
};

/// Each way to have a save fail, with the cache on and off.
fn ways() -> impl Iterator<Item = (bool, Fault)> {
    [true, false]
        .into_iter()
        .flat_map(|is_cached| [Fault::limit_exceeded(), Fault::unreachable()].map(|fault| (is_cached, fault)))
}

/// What an exchange may return for the token that it was given, with a new access token and no new refresh token.
const SHAPES: [fn(&OAuthToken) -> OAuthToken; 3] = [
    |current| built(current.to_builder().access_token("newer").expires_in(3 * HOUR)),
    |_| built(token().access_token("newer").expires_in(3 * HOUR)),
    OAuthToken::clone,
];

struct Scene {
    backend: EmbeddedSecretsManager,
    store: SecretsManagerTokenStore,
    refresh: JoinHandle<Refreshed>,
    current: Arc<OAuthToken>,
    answer: oneshot::Sender<Result<OAuthToken, Refused>>,
}

/// Bob's first exchange could not be saved, and what it gave is being exchanged; from now on saves succeed.
async fn in_its_turn(is_cached: bool, fault: Fault) -> Scene {
    let (backend, store) = if is_cached { cached_with_expired_bob().await } else { with_expired_bob().await };
    let fault = backend.inject(fault.on(Operation::PutSecretValue));
    let first = store.refresh_with(&of("bob"), MINUTE, Server::default().exchange(HOUR)).await;
    drop(first.expect_err("not saved"));
    let (refresh, current, answer) = begun_exchange(&store, 2 * HOUR).await;
    assert_eq!(refresh_token_of(&current), "refresh-1");
    backend.remove_fault(fault);
    Scene { backend, store, refresh, current, answer }
}

/// The exchange of it gives no new refresh token, so it is that of the first one that must be stored.
#[tokio::test(start_paused = true)]
async fn its_refresh_token_outlives_another_processs_save() {
    for (is_cached, fault) in ways() {
        for shape in SHAPES {
            let scene = in_its_turn(is_cached, fault.clone()).await;
            let other = store_on(&scene.backend).await;
            other.save_token(&extra("bob", "x", "1")).await.expect("saved");
            scene.answer.send(Ok(shape(&scene.current))).expect("it waits");
            some(ended(scene.refresh).await);
            let bob = found(&other, "bob").await;
            assert_eq!((refresh_token_of(&bob), bob.extra("x")), ("refresh-1", Some("1")));
        }
    }
}

/// Even if replicas that lag behind show the save that there is no record.
#[tokio::test(start_paused = true)]
async fn its_refresh_token_is_found_by() {
    for ((is_cached, fault), stale_reads) in
        ways().flat_map(|way| [0, usize::MAX].map(|reads| (way.clone(), reads)))
    {
        for shape in SHAPES {
            let scene = in_its_turn(is_cached, fault.clone()).await;
            scene.backend.stale_reads(stale_reads);
            scene.answer.send(Ok(shape(&scene.current))).expect("it waits");
            some(ended(scene.refresh).await);
            scene.backend.stale_reads(0);
            let other = store_on(&scene.backend).await;
            let refresh_token = SecretString::from("refresh-1");
            let bob = other.find_by_refresh_token("client", &refresh_token).await.expect("read");
            assert_eq!(bob.expect("its tag is set").user_name(), Some("bob"));
        }
    }
}

/// An absent field keeps the stored one.
#[tokio::test(start_paused = true)]
async fn what_it_does_not_hold_stays_stored() {
    let (backend, store) = with_expired_bob().await;
    let earlier = found(&store, "bob").await;
    let other = store_on(&backend).await;
    other.save_token(&extra("bob", "y", "1")).await.expect("saved");
    let fault = backend.inject(Fault::limit_exceeded().on(Operation::PutSecretValue));
    let first = earlier.to_builder().access_token("a1").client_secret("").expires_in(HOUR);
    let first = store.refresh_with(&of("bob"), MINUTE, |_| ready(first.build())).await;
    drop(first.expect_err("not saved"));
    let (refresh, current, answer) = begun_exchange(&store, 2 * HOUR).await;
    backend.remove_fault(fault);
    answer.send(Ok(SHAPES[0](&current))).expect("it waits");
    some(ended(refresh).await);
    let bob = found(&other, "bob").await;
    assert_eq!((bob.extra("y"), bob.client_secret().is_some()), (Some("1"), true));
}

#[tokio::test(start_paused = true)]
async fn its_expiry_is_not_that_of_the_access_token_after_it() {
    let scene = in_its_turn(false, Fault::limit_exceeded()).await;
    scene.answer.send(Ok(built(scene.current.to_builder().access_token("newer")))).expect("it waits");
    let bob = some(ended(scene.refresh).await);
    assert_eq!((access_token_of(&bob), bob.expiry_time()), ("newer", None));
    assert_eq!(found(&scene.store, "bob").await, bob);
}

/// The first write lands when what came after it is to be saved; a replica does not show that yet.
#[tokio::test(start_paused = true)]
async fn what_followed_it_is_saved_although_a_replica_lags_behind_its_own_save() {
    for is_cached in [true, false] {
        let scene = in_its_turn(is_cached, Fault::unreachable()).await;
        let fault = scene.backend.inject(Fault::unreachable().on(Operation::PutSecretValue));
        let second = scene.current.to_builder().access_token("newer").refresh_token("rotated");
        scene.answer.send(Ok(built(second.expires_in(3 * HOUR)))).expect("it waits");
        ended(scene.refresh).await.expect_err("not saved either");
        scene.backend.remove_fault(fault);
        // So that there is a time before the write.
        tokio::time::sleep(MINUTE).await;
        let puts = scene.backend.gate(Gate::after(Operation::PutSecretValue));
        let third = spawn_refresh(&scene.store, of("bob"), 2 * HOUR, unwanted);
        soon(puts.arrived(1)).await;
        scene.backend.set_read_lag(Duration::from_millis(100));
        puts.open();
        assert_eq!(access_token_of(&some(ended(third).await)), "newer");
        scene.backend.set_read_lag(Duration::ZERO);
        assert_eq!(refresh_token_of(&*found(&store_on(&scene.backend).await, "bob").await), "rotated");
    }
}

/// Its write has landed without an answer, before its exchange or during that, and another process has saved since.
#[tokio::test(start_paused = true)]
async fn what_came_after_its_own_write_is_not_replaced_by_what_followed_it() {
    let first_and_shape = [(Fault::unreachable(), SHAPES[1]), (Fault::limit_exceeded(), SHAPES[0])];
    for ((first, shape), is_saved_since) in
        first_and_shape.into_iter().flat_map(|case| [true, false].map(|since| (case.clone(), since)))
    {
        let (backend, store) = with_expired_bob().await;
        let fault = backend.inject(first.on(Operation::PutSecretValue));
        let exchanged = store.refresh_with(&of("bob"), MINUTE, Server::default().exchange(HOUR)).await;
        drop(exchanged.expect_err("not saved"));
        backend.remove_fault(fault);
        let fault = backend.inject(Fault::lost_answer().on(Operation::PutSecretValue));
        let (caller, current, answer) = begun_exchange(&store, 2 * HOUR).await;
        backend.remove_fault(fault);
        let other = store_on(&backend).await;
        assert_eq!(refresh_token_of(&*found(&other, "bob").await), "refresh-1", "it has landed");
        let newest = if is_saved_since { "third" } else { "refresh-1" };
        if is_saved_since {
            other.save_token(&refresh("bob", newest)).await.expect("saved");
        }
        answer.send(Ok(shape(&current))).expect("it waits");
        some(ended(caller).await);
        assert_eq!(refresh_token_of(&*found(&other, "bob").await), newest);
        let newest = SecretString::from(newest);
        let bob = other.find_by_refresh_token("client", &newest).await.expect("read");
        assert_eq!(bob.expect("its tag is set").user_name(), Some("bob"));
    }
}

/// It was stored with a field more than it holds, and is recognised all the same.
#[tokio::test(start_paused = true)]
async fn what_followed_it_is_saved_before_it_is_exchanged_again() {
    let (backend, store) = with_expired_bob().await;
    let fault = backend.inject(Fault::unreachable().on(Operation::PutSecretValue));
    let first = |current: Arc<OAuthToken>| {
        let first = current.to_builder().access_token("a1").refresh_token("refresh-1");
        ready(first.client_secret("").expires_in(HOUR).build())
    };
    drop(store.refresh_with(&of("bob"), MINUTE, first).await.expect_err("not saved"));
    let (caller, current, answer) = begun_exchange(&store, 2 * HOUR).await;
    backend.remove_fault(fault);
    // Its own write passes, and what followed it is refused.
    let fault = backend.inject(Fault::limit_exceeded().on(Operation::PutSecretValue).skip(1));
    let second = current.to_builder().access_token("newer").refresh_token("rotated");
    answer.send(Ok(built(second.expires_in(3 * HOUR)))).expect("it waits");
    ended(caller).await.expect_err("not saved either");
    backend.remove_fault(fault);
    let bob = some(store.refresh_with(&of("bob"), 2 * HOUR, unwanted).await);
    assert_eq!(refresh_token_of(&bob), "rotated");
}

/// Somebody has changed something else since, so what was exchanged is spent all the same.
#[tokio::test(start_paused = true)]
async fn what_could_not_be_saved_is_saved_over_another_processs_change_of_something_else() {
    for is_late in [false, true] {
        let (backend, store) = with_expired_bob().await;
        let fault = backend.inject(Fault::access_denied().on(Operation::PutSecretValue));
        let exchanged = store.refresh_with(&of("bob"), MINUTE, Server::default().exchange(HOUR)).await;
        drop(exchanged.expect_err("not saved"));
        backend.remove_fault(fault);
        let other = store_on(&backend).await;
        let puts = backend.gate(Gate::before(Operation::PutSecretValue));
        let change = spawn_save(&other, &extra("bob", "x", "1"));
        soon(puts.arrived(1)).await;
        if is_late {
            // It comes between the read of the refresh and its save.
            let refresh = spawn_refresh(&store, of("bob"), MINUTE, unwanted);
            soon(puts.arrived(2)).await;
            assert!(puts.release_one());
            ended(change).await.expect("saved");
            puts.open();
            let error = ended(refresh).await.expect_err("overtaken");
            assert!(error.is_retryable());
            assert_eq!(error.token().map(|token| access_token_of(token)), Some("access-1"));
        } else {
            puts.open();
            ended(change).await.expect("saved");
        }
        let bob = some(store.refresh_with(&of("bob"), MINUTE, unwanted).await);
        assert_eq!((access_token_of(&bob), bob.extra("x")), ("access-1", Some("1")));
    }
}

/// Its own write lands at last, and what followed it is refused once more: that is what is stored, and spent.
#[tokio::test(start_paused = true)]
async fn what_followed_it_is_saved_after_its_own_write_has_landed() {
    for shape in [SHAPES[0], SHAPES[1]] {
        let scene = in_its_turn(true, Fault::unreachable()).await;
        let fault = scene.backend.inject(Fault::unreachable().on(Operation::PutSecretValue));
        let second = shape(&scene.current).to_builder().refresh_token("rotated").expires_in(3 * HOUR);
        scene.answer.send(Ok(built(second))).expect("it waits");
        ended(scene.refresh).await.expect_err("not saved either");
        scene.backend.remove_fault(fault);
        let fault = scene.backend.inject(Fault::limit_exceeded().on(Operation::PutSecretValue).skip(1));
        let third = scene.store.refresh_with(&of("bob"), 2 * HOUR, unwanted).await;
        drop(third.expect_err("its own write has landed, and what followed it has not"));
        let other = store_on(&scene.backend).await;
        assert_eq!(refresh_token_of(&*found(&other, "bob").await), "refresh-1");
        scene.backend.remove_fault(fault);
        some(scene.store.refresh_with(&of("bob"), 2 * HOUR, unwanted).await);
        assert_eq!(refresh_token_of(&*found(&other, "bob").await), "rotated");
    }
}
