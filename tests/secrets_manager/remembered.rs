//! What a save that failed remembers, and what it therefore does not overwrite.

use crate::support::*;
use oauth_token_store::embedded::{Fault, Gate, Operation};
use oauth_token_store::{ErrorKind, TokenStore};
use std::time::Duration;

/// A save that started from nothing, lost its Create to somebody else, and whose Put got no answer.
#[tokio::test(start_paused = true)]
async fn an_unanswered_put_of_a_save_that_began_with_a_create_is_sent_again() {
    let (backend, one) = new().await;
    let two = store_on(&backend).await;
    let gate = backend.gate(Gate::before(Operation::CreateSecret));
    let save = spawn_save(&one, &refresh("bob", "r1"));
    gate.arrived(1).await;
    let first = spawn_save(&two, &refresh("bob", "r0"));
    gate.arrived(2).await;
    // The one that came second goes first, because the other one's request is answered 500 once.
    backend.inject(Fault::server_error().on(Operation::CreateSecret).times(1));
    backend.inject(Fault::lost_answer().on(Operation::PutSecretValue));
    gate.open();
    first.await.unwrap().expect("created");
    let error = save.await.unwrap().expect_err("the Put got no answer");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    backend.clear_faults();
    // It had landed. Another process goes on from there.
    assert_eq!(refresh_token_of(&*found(&two, "bob").await), "r1");
    two.save_token(&refresh("bob", "r2")).await.unwrap();

    let before = backend.requests();
    let _ = one.save_token(error.token().expect("the token")).await;
    assert_eq!(
        refresh_token_of(&*found(&two, "bob").await),
        "r2",
        "an old refresh token replaced a newer one"
    );
    assert_eq!(backend.requests().since(&before).count(Operation::PutSecretValue), 1);
}

/// A whole token holds the refresh token that its save started from: saved again, too, that is not its to give.
#[tokio::test(start_paused = true)]
async fn saving_again_after_contended_does_not_put_the_old_refresh_token_back() {
    let (backend, one) = new().await;
    let two = store_on(&backend).await;
    one.save_token(&login("bob")).await.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    let whole = login("bob").to_builder().access_token("newer").build().unwrap();
    backend.set_read_lag(Duration::from_secs(30));
    two.save_token(&refresh("bob", "rotated")).await.unwrap();
    let error = one.save_token(&whole).await.expect_err("contended");
    assert_eq!(error.kind(), ErrorKind::Contended);
    tokio::time::sleep(Duration::from_secs(60)).await;
    backend.set_read_lag(Duration::ZERO);
    let again = error.token().map_or(&whole, |token| &**token);
    one.save_token(again).await.unwrap();
    assert_eq!(refresh_token_of(&*found(&two, "bob").await), "rotated");
}

/// The same after a retryable error of the re-read.
#[tokio::test(start_paused = true)]
async fn saving_again_after_a_failed_re_read_does_not_put_the_old_refresh_token_back() {
    let (backend, one) = new().await;
    let two = store_on(&backend).await;
    one.save_token(&login("bob")).await.unwrap();
    let whole = login("bob").to_builder().access_token("newer").build().unwrap();
    let gate = backend.gate(Gate::before(Operation::PutSecretValue));
    let save = spawn_save(&one, &whole);
    gate.arrived(1).await;
    // The first Put is answered 500 by the gateway, so the rotation goes first.
    let rotation = spawn_save(&two, &refresh("bob", "rotated"));
    gate.arrived(2).await;
    backend.inject(Fault::server_error().on(Operation::PutSecretValue).times(1));
    backend.inject(Fault::server_error().on(Operation::GetSecretValue));
    gate.open();
    rotation.await.unwrap().unwrap();
    let error = save.await.unwrap().expect_err("the re-read fails");
    assert!(error.is_retryable(), "{error:?}");
    backend.clear_faults();
    let again = error.token().map_or(&whole, |token| &**token);
    one.save_token(again).await.unwrap();
    assert_eq!(refresh_token_of(&*found(&two, "bob").await), "rotated");
}

/// And after a throttled Put.
#[tokio::test(start_paused = true)]
async fn saving_again_after_a_throttled_put_does_not_put_the_old_refresh_token_back() {
    let (backend, one) = new().await;
    let two = store_on(&backend).await;
    one.save_token(&login("bob")).await.unwrap();
    let whole = login("bob").to_builder().access_token("newer").build().unwrap();
    backend.inject(Fault::throttling().on(Operation::PutSecretValue));
    let error = one.save_token(&whole).await.expect_err("throttled");
    assert_eq!(error.kind(), ErrorKind::Throttled);
    backend.clear_faults();
    two.save_token(&refresh("bob", "rotated")).await.unwrap();
    let again = error.token().map_or(&whole, |token| &**token);
    one.save_token(again).await.unwrap();
    assert_eq!(refresh_token_of(&*found(&two, "bob").await), "rotated");
}

/// The write of unknown fate is sent again and refused: its fate is as unknown as before.
#[tokio::test(start_paused = true)]
async fn an_unanswered_put_that_is_refused_when_it_is_sent_again_is_still_remembered() {
    for (refusal, kind) in
        [(Fault::throttling(), ErrorKind::Throttled), (Fault::access_denied(), ErrorKind::AccessDenied)]
    {
        let (backend, one) = new().await;
        let two = store_on(&backend).await;
        one.save_token(&login("bob")).await.unwrap();
        backend.inject(Fault::lost_answer().on(Operation::PutSecretValue));
        let error = one.save_token(&refresh("bob", "second")).await.expect_err("no answer");
        backend.clear_faults();
        backend.inject(refusal.on(Operation::PutSecretValue));
        let error = one.save_token(error.token().expect("the token")).await.expect_err("refused");
        assert_eq!(error.kind(), kind);
        backend.clear_faults();
        // It had landed the first time. Another process goes on from there.
        assert_eq!(refresh_token_of(&*found(&two, "bob").await), "second");
        two.save_token(&refresh("bob", "third")).await.unwrap();
        one.save_token(error.token().expect("the token, still")).await.expect("it had landed");
        assert_eq!(refresh_token_of(&*found(&two, "bob").await), "third");
    }
}

/// The token inside the error, with one more change.
#[tokio::test(start_paused = true)]
async fn the_token_inside_an_error_can_be_changed_without_losing_its_memory() {
    let (backend, one) = new().await;
    let two = store_on(&backend).await;
    one.save_token(&login("bob")).await.unwrap();
    backend.inject(Fault::lost_answer().on(Operation::PutSecretValue));
    let error = one.save_token(&refresh("bob", "second")).await.expect_err("no answer");
    backend.clear_faults();
    two.save_token(&refresh("bob", "third")).await.unwrap();
    let changed = error.token().unwrap().to_builder().scope("all").build().unwrap();
    one.save_token(&changed).await.unwrap();
    let bob = found(&two, "bob").await;
    assert_eq!((refresh_token_of(&bob), bob.scope()), ("third", Some("all")));
}

/// The retry of a Create that had landed is refused because its record is being deleted by now.
#[tokio::test(start_paused = true)]
async fn a_create_that_landed_and_was_deleted_while_it_was_retried_is_not_created_again() {
    let (backend, one) = new().await;
    let two = store_on(&backend).await;
    backend.set_deletion_linger(Duration::from_secs(3));
    backend.inject(Fault::lost_answer().on(Operation::CreateSecret).times(1));
    let save = spawn_save(&one, &login("bob"));
    while backend.secret_count() == 0 {
        tokio::task::yield_now().await;
    }
    assert!(two.find_by_user("bob").await.unwrap().is_some());
    two.delete_token(&id_of("bob")).await.expect("logged out");
    save.await.unwrap().expect("it had landed");
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(two.find_by_user("bob").await.unwrap().is_none(), "brought back");
    assert_eq!(backend.secret_count(), 0);
}
