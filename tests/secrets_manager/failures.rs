//! What the caller is told when AWS says no, and that nothing secret is told with it.

use std::error::Error;

use oauth_token_store::embedded::{EmbeddedSecretsManager, Fault, Operation};
use oauth_token_store::{ErrorKind, OAuthToken, ServiceError, StoreError, TokenStore};

use crate::support::{PREFIX, extra, found, id_of, login, name_of, new, token};

/// Everything that an error shows, down its chain of sources.
fn shown(error: &StoreError) -> String {
    let mut text = format!("{error}\n{error:?}");
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(&format!("\n{error}\n{error:?}"));
        source = error.source();
    }
    text
}

fn service_error(error: &StoreError) -> &ServiceError {
    error.source().and_then(|source| source.downcast_ref()).expect("a service error")
}

#[tokio::test(start_paused = true)]
async fn each_fault_of_a_read_has_its_kind() {
    for (fault, kind, retryable) in [
        (Fault::throttling(), ErrorKind::Throttled, true),
        (Fault::server_error(), ErrorKind::Unavailable, true),
        (Fault::http_status(503), ErrorKind::Unavailable, true),
        (Fault::http_status(429), ErrorKind::Throttled, true),
        (Fault::http_status(400), ErrorKind::Unexpected, false),
        (Fault::unreachable(), ErrorKind::Unavailable, true),
        (Fault::lost_answer(), ErrorKind::Unavailable, true),
        (Fault::malformed_answer(), ErrorKind::Unavailable, true),
        (Fault::hang(), ErrorKind::TimedOut, true),
        (Fault::access_denied(), ErrorKind::AccessDenied, false),
        (Fault::kms_access_denied(), ErrorKind::AccessDenied, false),
        (Fault::decryption_failure(), ErrorKind::Kms, false),
    ] {
        let (backend, store) = new().await;
        store.save_token(&login("bob")).await.expect("saved");
        let text = format!("{fault:?}");
        backend.inject(fault.on(Operation::GetSecretValue));
        let error = store.find_by_user("bob").await.expect_err(&text);
        assert_eq!((error.kind(), error.is_retryable()), (kind, retryable), "{text}");
        assert_eq!(error.secret_name(), Some(name_of("bob").as_str()), "{text}");
        assert_eq!(service_error(&error).operation(), "GetSecretValue", "{text}");
        let lacks = service_error(&error).missing_permission().is_some();
        assert_eq!(lacks, kind == ErrorKind::AccessDenied, "{text}");
        for secret in ["refresh-bob", "access-bob", "hush", "jane", "bob\""] {
            assert!(!shown(&error).contains(secret), "{text} shows {secret}: {}", shown(&error));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_refusal_of_a_write_has_its_kind_and_changes_nothing() {
    for (fault, kind) in [
        (Fault::throttling(), ErrorKind::Throttled),
        (Fault::access_denied(), ErrorKind::AccessDenied),
        (Fault::kms_access_denied(), ErrorKind::AccessDenied),
        (Fault::encryption_failure(), ErrorKind::Kms),
        (Fault::limit_exceeded(), ErrorKind::QuotaExceeded),
    ] {
        let text = format!("{fault:?}");
        for operation in [Operation::CreateSecret, Operation::PutSecretValue] {
            let (backend, store) = new().await;
            store.save_token(&login("bob")).await.expect("saved");
            let before = found(&store, "bob").await;
            backend.inject(fault.clone().on(operation));
            let token = match operation {
                Operation::CreateSecret => login("eve"),
                _ => extra("bob", "x", "1"),
            };
            let error = store.save_token(&token).await.expect_err(&text);
            assert_eq!(error.kind(), kind, "{text} at {operation:?}");
            assert!(!shown(&error).contains("jane"), "{}", shown(&error));
            backend.clear_faults();
            assert_eq!(found(&store, "bob").await, before);
            assert_eq!(backend.secret_count(), 1);
            store.save_token(&token).await.expect("works again");
        }
    }
}

#[tokio::test]
async fn a_missing_permission_is_named() {
    let (backend, store) = new().await;
    store.save_token(&login("bob")).await.expect("saved");
    let missing = |error: StoreError| service_error(&error).missing_permission().map(str::to_owned);

    backend.inject(Fault::access_denied().on(Operation::GetSecretValue));
    let error = store.find_by_user("bob").await.expect_err("denied");
    assert!(shown(&error).contains("missing permission secretsmanager:GetSecretValue"), "{}", shown(&error));
    assert_eq!(service_error(&error).code(), Some("AccessDeniedException"));
    assert_eq!(service_error(&error).http_status(), Some(400));
    let request_id = service_error(&error).request_id().expect("a request id");
    assert!(shown(&error).contains(&format!("HTTP 400, request id {request_id}")), "{}", shown(&error));
    assert_eq!(missing(error).as_deref(), Some("secretsmanager:GetSecretValue"));
    backend.clear_faults();

    backend.inject(Fault::access_denied().on(Operation::BatchGetSecretValue));
    let error = store.get_tokens().await.expect_err("denied");
    assert_eq!(missing(error).as_deref(), Some("secretsmanager:BatchGetSecretValue"));
    backend.clear_faults();

    backend.inject(Fault::kms_access_denied().on(Operation::GetSecretValue));
    let error = store.find_by_user("bob").await.expect_err("denied");
    assert_eq!(missing(error).as_deref(), Some("kms:Decrypt"));
}

#[tokio::test]
async fn tags_that_cannot_be_written_do_not_fail_a_save_that_has_landed() {
    let (backend, store) = new().await;
    store.save_token(&login("bob")).await.expect("saved");
    backend.inject(Fault::access_denied().on(Operation::TagResource));
    let refreshed = token().user_name("bob").access_token("newer").build().expect("valid");
    let stored = store.save_token(&refreshed).await.expect("saved");
    assert_eq!(found(&store, "bob").await, stored);
}

#[tokio::test]
async fn an_oversized_token_is_refused_and_nothing_is_lost() {
    let (backend, store) = new().await;
    store
        .save_token(&extra("bob", "x", "1").to_builder().refresh_token("r").build().expect("valid"))
        .await
        .expect("saved");
    let half = "x".repeat(40_000);
    store.save_token(&extra("bob", "half", &half)).await.expect("fits");
    let error = store.save_token(&extra("bob", "other half", &half)).await.expect_err("does not fit");
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert!(!error.is_retryable());
    assert_eq!(error.secret_name(), Some(name_of("bob").as_str()));
    let bob = found(&store, "bob").await;
    assert_eq!((bob.extra("x"), bob.extra("half").map(str::len)), (Some("1"), Some(40_000)));
    assert_eq!(backend.requests().count(Operation::PutSecretValue), 1);
}

#[tokio::test]
async fn a_token_of_exactly_the_limit_fits_and_one_byte_more_does_not() {
    let (_, store) = new().await;
    let of = |n: usize| token().user_name("bob").access_token("x".repeat(n)).build().expect("valid");
    // What stands around the access token in the JSON.
    let around = r#"{"schema":"1","user_name":"bob","access_token":"","save":""}"#.len() + 32;
    store.save_token(&of(65_536 - around)).await.expect("fits");
    let error = store.save_token(&of(65_536 - around + 1)).await.expect_err("one byte too many");
    assert_eq!(error.kind(), ErrorKind::TooLarge);
}

async fn with_value(value: &str) -> (EmbeddedSecretsManager, StoreError, StoreError) {
    let (backend, store) = new().await;
    backend.client().create_secret().name(name_of("bob")).secret_string(value).send().await.expect("created");
    let find = store.find_by_user("bob").await.expect_err("corrupt");
    let save = store.save_token(&login("bob")).await.expect_err("corrupt");
    (backend, find, save)
}

#[tokio::test]
async fn a_corrupt_secret_is_named_and_never_overwritten() {
    for value in
        ["hunter2", r#"{"schema":"9","access_token":"hunter2"}"#, r#"{"schema":"1","access_token":42}"#]
    {
        let (backend, find, save) = with_value(value).await;
        for error in [find, save] {
            assert_eq!(error.kind(), ErrorKind::Corrupt);
            assert_eq!(error.secret_name(), Some(name_of("bob").as_str()));
            assert!(!shown(&error).contains("hunter2") && !shown(&error).contains("42"), "{}", shown(&error));
        }
        let left = backend.client().get_secret_value().secret_id(name_of("bob")).send().await.expect("read");
        assert_eq!(left.secret_string(), Some(value));
    }
}

#[tokio::test]
async fn a_corrupt_secret_can_be_deleted_by_its_id() {
    let (backend, _, _) = with_value("hunter2").await;
    crate::support::store_on(&backend).await.delete_token(&id_of("bob")).await.expect("deleted");
    assert_eq!(backend.secret_count(), 0);
}

#[tokio::test]
async fn a_binary_secret_is_corrupt() {
    let (backend, store) = new().await;
    let blob = oauth_token_store::aws_sdk_secretsmanager::primitives::Blob::new(*b"hunter2");
    backend.client().create_secret().name(name_of("bob")).secret_binary(blob).send().await.expect("created");
    let error = store.find_by_user("bob").await.expect_err("corrupt");
    assert_eq!(error.kind(), ErrorKind::Corrupt);
}

#[tokio::test]
async fn a_foreign_secret_under_the_prefix_is_never_touched() {
    let (backend, store) = new().await;
    let name = format!("{PREFIX}/config");
    backend.client().create_secret().name(&name).secret_string("theirs").send().await.expect("created");
    store.save_token(&login("bob")).await.expect("saved");
    assert_eq!(store.get_tokens().await.expect("listed").len(), 1);
    store.delete_tokens().await.expect("deleted");
    assert_eq!(backend.secret_names(), [name]);
}

#[tokio::test]
async fn debug_shows_neither_clients_nor_tokens() {
    let (_, store) = new().await;
    let saved: std::sync::Arc<OAuthToken> = store.save_token(&login("bob")).await.expect("saved");
    let text = format!("{store:?} {saved:?}");
    for secret in ["bob", "hush", "AKID", "\"client\""] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}
