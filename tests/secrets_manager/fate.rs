//! An error says truly what became of a save, and keeps its token where that is not known.

use crate::support::*;
use oauth_token_store::embedded::{Fault, Gate, Operation};
use oauth_token_store::{ErrorKind, TokenStore};
use std::time::Duration;

/// A Create without an answer, then «exists», then a failing look whether it is ours.
#[tokio::test(start_paused = true)]
async fn an_error_while_asking_whose_create_it_was_keeps_the_token() {
    let (backend, one) = new().await;
    let two = store_on(&backend).await;
    let fault = backend.inject(Fault::unreachable().on(Operation::CreateSecret));
    let save = spawn_save(&one, &login("bob"));
    tokio::time::sleep(Duration::from_secs(4)).await;
    backend.remove_fault(fault);
    two.save_token(&refresh("bob", "theirs")).await.unwrap();
    backend.inject(Fault::server_error().on(Operation::GetSecretValue));
    let error = save.await.unwrap().expect_err("its fate is not known");
    assert!(error.token().is_some(), "{error:?}");
}

/// The same when the token inside of the error is saved again.
#[tokio::test(start_paused = true)]
async fn an_error_on_resuming_keeps_the_token() {
    let (backend, one) = new().await;
    let two = store_on(&backend).await;
    let fault = backend.inject(Fault::unreachable().on(Operation::CreateSecret));
    let error = one.save_token(&login("bob")).await.expect_err("no answer");
    backend.remove_fault(fault);
    two.save_token(&refresh("bob", "theirs")).await.unwrap();
    backend.inject(Fault::server_error().on(Operation::GetSecretValue));
    let error = one.save_token(error.token().unwrap()).await.expect_err("its fate is not known");
    assert!(error.token().is_some(), "{error:?}");
}

/// A retry of the SDK's own would hide that the answer before it was lost, so writes are retried by the store alone.
#[tokio::test(start_paused = true)]
async fn a_refusal_of_the_sdks_own_retry_of_a_lost_write_keeps_the_token() {
    for (fault, _kind) in [
        (Fault::access_denied(), ErrorKind::AccessDenied),
        (Fault::encryption_failure(), ErrorKind::Kms),
        (Fault::limit_exceeded(), ErrorKind::QuotaExceeded),
        (Fault::throttling(), ErrorKind::Throttled),
    ] {
        for operation in [Operation::PutSecretValue, Operation::CreateSecret] {
            let (backend, store) = new().await;
            if operation == Operation::PutSecretValue {
                store.save_token(&login("bob")).await.unwrap();
            }
            backend.inject(Fault::lost_answer().on(operation).times(1));
            backend.inject(fault.clone().on(operation));
            let error = store.save_token(&refresh("bob", "second")).await.expect_err("refused");
            backend.clear_faults();
            // It has landed.
            assert_eq!(refresh_token_of(&*found(&store, "bob").await), "second");
            assert!(
                error.token().is_some(),
                "{operation} landed, and {:?} has no token: {error:?}",
                error.kind()
            );
        }
    }
}

/// So a save repeated after it overwrites nothing.
#[tokio::test(start_paused = true)]
async fn a_save_repeated_after_such_a_refusal_does_not_replace_a_newer_refresh_token() {
    let (backend, one) = new().await;
    let two = store_on(&backend).await;
    one.save_token(&login("bob")).await.unwrap();
    let refreshed = found(&one, "bob").await.to_builder().refresh_token("second").build().unwrap();
    backend.inject(Fault::lost_answer().on(Operation::PutSecretValue).times(1));
    backend.inject(Fault::throttling().on(Operation::PutSecretValue));
    let error = one.save_token(&refreshed).await.expect_err("throttled");
    backend.clear_faults();
    assert!(error.is_retryable());
    // Another process goes on from what has landed.
    assert_eq!(refresh_token_of(&*found(&two, "bob").await), "second");
    two.save_token(&refresh("bob", "third")).await.unwrap();
    one.save_token(error.token().map_or(&refreshed, |token| &**token)).await.unwrap();
    assert_eq!(refresh_token_of(&*found(&two, "bob").await), "third");
}

#[tokio::test(start_paused = true)]
async fn a_throttled_deletion_is_tried_again_like_a_throttled_save() {
    let (backend, store) = new().await;
    store.save_token(&login("bob")).await.unwrap();
    backend.inject(Fault::throttling().on(Operation::DeleteSecret).times(4));
    store.delete_token(&id_of("bob")).await.expect("a save would have been tried again");
}

/// One that was throttled has not happened; one without an answer may have.
#[tokio::test(start_paused = true)]
async fn a_deletion_that_is_given_up_tells_whether_it_may_have_happened() {
    let faults =
        [(Fault::throttling(), ErrorKind::Throttled), (Fault::lost_answer(), ErrorKind::Unavailable)];
    for (fault, kind) in faults {
        let (backend, store) = new().await;
        store.save_token(&login("bob")).await.unwrap();
        backend.inject(fault.on(Operation::DeleteSecret));
        let error = store.delete_token(&id_of("bob")).await.expect_err("no deletion is answered");
        assert_eq!(error.kind(), kind, "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_deletion_that_is_throttled_after_a_lost_answer_may_have_happened() {
    let (backend, store) = new().await;
    store.save_token(&login("bob")).await.unwrap();
    backend.inject(Fault::lost_answer().on(Operation::DeleteSecret).times(1));
    backend.inject(Fault::throttling().on(Operation::DeleteSecret));
    let error = store.delete_token(&id_of("bob")).await.expect_err("throttled to the end");
    assert_eq!((error.kind(), backend.secret_count()), (ErrorKind::Unavailable, 0), "{error}");
    assert!(error.to_string().contains("may have happened"), "{error}");
}

/// A force-deletion on the way of a save whose answer is lost is repeated, like every write.
#[tokio::test(start_paused = true)]
async fn a_lost_answer_to_the_deletion_of_a_scheduled_secret_does_not_fail_the_save() {
    let (backend, store) = new().await;
    store.save_token(&login("bob")).await.unwrap();
    backend
        .client()
        .delete_secret()
        .secret_id(name_of("bob"))
        .recovery_window_in_days(7)
        .send()
        .await
        .unwrap();
    backend.inject(Fault::lost_answer().on(Operation::DeleteSecret).times(3));
    store.save_token(&refresh("bob", "second")).await.expect("saved");
}

/// Delete, then at once save, on a service whose reads are a moment behind: gone by one answer and there by the next.
#[tokio::test(start_paused = true)]
async fn a_save_after_a_delete_with_stale_reads_lands_or_is_retryable() {
    for stale in 1..6 {
        let (backend, store) = new().await;
        backend.set_deletion_linger(Duration::from_secs(3));
        store.save_token(&login("bob")).await.unwrap();
        store.delete_token(&id_of("bob")).await.unwrap();
        backend.stale_reads(stale);
        match store.save_token(&refresh("bob", "again")).await {
            Ok(_) => {}
            Err(error) => assert!(error.is_retryable(), "{stale}: {error:?}"),
        }
    }
}

/// A deadline beyond the end of the clock.
#[tokio::test(start_paused = true)]
async fn an_endless_write_deadline_does_not_panic() {
    let (backend, _) = new().await;
    let store = oauth_token_store::SecretsManagerTokenStore::builder()
        .prefix(PREFIX)
        .client(backend.client())
        .write_deadline(Duration::MAX)
        .build()
        .await
        .unwrap();
    store.delete_token(&id_of("bob")).await.expect("deleted");
    store.save_token(&login("bob")).await.expect("saved");
}

/// A secret without a value under our name (Terraform's `aws_secretsmanager_secret` alone).
#[tokio::test(start_paused = true)]
async fn a_name_held_by_a_secret_without_a_value_is_told_as_such() {
    let (backend, store) = new().await;
    backend.client().create_secret().name(name_of("bob")).send().await.unwrap();
    let _before = backend.requests();
    let _start = tokio::time::Instant::now();
    let outcome = store.save_token(&login("bob")).await;
    if let Err(error) = outcome {
        assert!(!error.is_retryable(), "{error:?}");
    }
}

/// The token is stored, and the tags are only for searches.
#[tokio::test(start_paused = true)]
async fn a_landed_save_is_not_held_up_by_its_tags() {
    let (backend, store) = new().await;
    store.save_token(&login("bob")).await.unwrap();
    backend.inject(Fault::hang().on(Operation::TagResource));
    let start = tokio::time::Instant::now();
    store.save_token(&refresh("bob", "second")).await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
}

/// The deadline counts from the first write: one lost race after a slow read is not «other writers kept winning».
#[tokio::test(start_paused = true)]
async fn one_lost_race_after_a_slow_read_is_not_contended() {
    let (backend, one) = new().await;
    let two = store_on(&backend).await;
    one.save_token(&login("bob")).await.unwrap();
    // Each read takes 8 s: within the deadline of a call.
    backend.inject(Fault::latency(Duration::from_secs(8)).on(Operation::GetSecretValue).times(1));
    backend.inject(Fault::latency(Duration::from_secs(3)).on(Operation::PutSecretValue).times(1));
    let save = spawn_save(&one, &extra("bob", "x", "1"));
    tokio::time::sleep(Duration::from_millis(8500)).await;
    two.save_token(&extra("bob", "y", "1")).await.unwrap();
    let outcome = save.await.unwrap();
    assert!(outcome.is_ok(), "{outcome:?}");
}

/// The write's task goes down with its runtime.
#[test]
fn the_runtime_going_down_keeps_the_token() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (backend, store) = runtime.block_on(new());
    let gate = backend.gate(Gate::after(Operation::CreateSecret));
    let handle = runtime.handle().clone();
    let save = std::thread::spawn(move || {
        let _guard = handle.enter();
        block_on(async { store.save_token(&login("bob")).await.map(drop) })
    });
    while gate.held() == 0 {
        std::thread::yield_now();
    }
    runtime.shutdown_background();
    let error = save.join().unwrap().expect_err("shut down");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.token().is_some(), "it has landed, and the caller has nothing to save again: {error:?}");
}

fn block_on<F: std::future::Future>(future: F) -> F::Output {
    use std::task::{Context, Poll, Wake, Waker};
    struct T(std::thread::Thread);
    impl Wake for T {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(std::sync::Arc::new(T(std::thread::current())));
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(out) => return out,
            Poll::Pending => std::thread::park(),
        }
    }
}
