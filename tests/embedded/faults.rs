//! Injected faults. The clock is paused where the SDK would wait before it tries again.

use std::time::Duration;

use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType as Key};
use oauth_token_store::embedded::{Fault, Operation};
use tokio::time::{Instant, timeout};

use crate::*;

const HOUR: Duration = Duration::from_secs(3600);

/// A backend with the secret `a`.
async fn setup_secret() -> (EmbeddedSecretsManager, Client) {
    let (backend, client) = setup();
    create(&client, "a", "v1").await;
    (backend, client)
}

async fn put_code(client: &Client) -> String {
    let put = client.put_secret_value().secret_id("a").secret_string("v2").send().await;
    code(put)
}

#[tokio::test(start_paused = true)]
async fn throttling_is_a_400_that_the_sdk_retries() {
    let (backend, client) = setup_secret().await;
    backend.inject(Fault::throttling().on(Operation::GetSecretValue));
    let before = backend.requests();
    let error = client.get_secret_value().secret_id("a").send().await.unwrap_err();
    assert_eq!(error.code(), Some("ThrottlingException"));
    assert_eq!(error.raw_response().unwrap().status().as_u16(), 400);
    assert_eq!(backend.requests().since(&before).to_string(), "3 GetSecretValue");
}

#[tokio::test(start_paused = true)]
async fn a_server_error_is_a_500_and_changes_nothing() {
    let (backend, client) = setup_secret().await;
    backend.inject(Fault::server_error());
    let put = client.put_secret_value().secret_id("a").secret_string("v2").send().await;
    let error = put.unwrap_err();
    assert_eq!(error.raw_response().unwrap().status().as_u16(), 500);
    assert_eq!(error.code(), Some("InternalServiceError"));
    backend.clear_faults();
    assert_eq!(value_or_code(&client, "a").await, "v1");
}

#[tokio::test(start_paused = true)]
async fn a_passing_server_error_is_survived() {
    let (backend, client) = setup_secret().await;
    backend.inject(Fault::server_error().times(2));
    assert_eq!(value_or_code(&client, "a").await, "v1");
}

#[tokio::test(start_paused = true)]
async fn a_bare_http_status_has_no_code() {
    let (backend, client) = setup_secret().await;
    for (status, seen) in [(503, 503), (404, 404), (42, 500)] {
        backend.inject(Fault::http_status(status));
        let error = backend.client().get_secret_value().secret_id("a").send().await.unwrap_err();
        assert_eq!(error.raw_response().unwrap().status().as_u16(), seen);
        assert_eq!(error.code(), None);
        backend.clear_faults();
    }
    assert_eq!(value_or_code(&client, "a").await, "v1");
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_an_io_error_of_a_request_that_was_carried_out() {
    let (backend, client) = setup_secret().await;
    backend.inject(Fault::lost_answer().on(Operation::PutSecretValue));
    let put = client.put_secret_value().secret_id("a").secret_string("v2").send().await;
    let Err(SdkError::DispatchFailure(failure)) = put else {
        panic!("a dispatch failure, not {put:?}");
    };
    assert!(failure.is_io());
    assert_eq!(value_or_code(&client, "a").await, "v2");
}

#[tokio::test(start_paused = true)]
async fn the_sdk_repeats_a_put_whose_answer_was_lost_with_the_same_token() {
    let (backend, client) = setup_secret().await;
    backend.inject(Fault::lost_answer().on(Operation::PutSecretValue).times(1));
    put(&client, "a", 2, "v2").await;
    assert_eq!(backend.requests().count(Operation::PutSecretValue), 2);
    let described = client.describe_secret().secret_id("a").send().await.unwrap();
    assert_eq!(described.version_ids_to_stages().unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_unreachable_service_carries_nothing_out() {
    let (backend, client) = setup_secret().await;
    backend.inject(Fault::unreachable().on(Operation::PutSecretValue));
    let put = client.put_secret_value().secret_id("a").secret_string("v2").send().await;
    let Err(SdkError::DispatchFailure(failure)) = put else {
        panic!("a dispatch failure, not {put:?}");
    };
    assert!(failure.is_io());
    assert_eq!(value_or_code(&client, "a").await, "v1");
}

#[tokio::test(start_paused = true)]
async fn a_hanging_request_is_never_answered_nor_carried_out() {
    let (backend, client) = setup_secret().await;
    backend.inject(Fault::hang().on(Operation::PutSecretValue));
    let put = client.put_secret_value().secret_id("a").secret_string("v2").send();
    assert!(timeout(HOUR, put).await.is_err());
    assert_eq!(backend.requests().count(Operation::PutSecretValue), 1);
    assert_eq!(value_or_code(&client, "a").await, "v1");
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_can_hang_after_the_request_was_carried_out() {
    let (backend, client) = setup_secret().await;
    backend.inject(Fault::lost_answer_hang().on(Operation::PutSecretValue));
    let put = client.put_secret_value().secret_id("a").secret_string("v2").send();
    assert!(timeout(HOUR, put).await.is_err());
    assert_eq!(value_or_code(&client, "a").await, "v2");
}

#[tokio::test(start_paused = true)]
async fn an_attempt_timeout_of_the_sdk_strikes_a_hanging_request() {
    let (backend, _) = setup_secret().await;
    backend.inject(Fault::hang().times(1));
    let config = backend.client().config().to_builder();
    let timeouts = aws_sdk_secretsmanager::config::timeout::TimeoutConfig::builder()
        .operation_attempt_timeout(Duration::from_secs(3))
        .build();
    let client = Client::from_conf(config.timeout_config(timeouts).build());
    assert_eq!(value_or_code(&client, "a").await, "v1");
    assert_eq!(backend.requests().count(Operation::GetSecretValue), 2);
}

#[tokio::test(start_paused = true)]
async fn latency_passes_on_the_paused_clock() {
    let (backend, client) = setup_secret().await;
    backend.inject(Fault::latency(HOUR));
    backend.inject(Fault::latency(HOUR));
    let before = Instant::now();
    assert_eq!(value_or_code(&client, "a").await, "v1");
    let waited = before.elapsed();
    assert!(waited >= 2 * HOUR && waited < 2 * HOUR + Duration::from_secs(1), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn latency_delays_another_fault() {
    let (backend, client) = setup_secret().await;
    backend.inject(Fault::latency(HOUR));
    backend.inject(Fault::access_denied());
    let before = Instant::now();
    assert_eq!(value_or_code(&client, "a").await, "AccessDeniedException");
    assert!(before.elapsed() >= HOUR);
}

#[tokio::test]
async fn access_denied_names_session_action_and_resource() {
    let (backend, client) = setup_secret().await;
    backend.inject(Fault::access_denied().on(Operation::PutSecretValue));
    let put = client.put_secret_value().secret_id("a").secret_string("v2").send().await;
    assert_eq!(
        message(put),
        "User: arn:aws:sts::123456789012:assumed-role/app/jane@example.com is not authorized to \
         perform: secretsmanager:PutSecretValue on resource: a because no identity-based policy \
         allows the secretsmanager:PutSecretValue action"
    );
    assert_eq!(put_code(&client).await, "AccessDeniedException");
    assert_eq!(value_or_code(&client, "a").await, "v1");
}

#[tokio::test]
async fn access_denied_to_a_list_names_every_resource() {
    let (backend, client) = setup();
    backend.inject(Fault::access_denied());
    let message = message(client.list_secrets().send().await);
    assert!(message.contains(" on resource: * because "), "{message}");
}

#[tokio::test(start_paused = true)]
async fn kms_and_quota_errors_have_the_codes_of_aws() {
    let (backend, client) = setup_secret().await;
    for (fault, expected) in [
        (Fault::kms_access_denied(), "AccessDeniedException"),
        (Fault::encryption_failure(), "EncryptionFailure"),
        (Fault::decryption_failure(), "DecryptionFailure"),
        (Fault::limit_exceeded(), LIMIT_EXCEEDED),
    ] {
        let id = backend.inject(fault);
        assert_eq!(put_code(&client).await, expected);
        assert!(backend.remove_fault(id));
    }
    assert_eq!(value_or_code(&client, "a").await, "v1");
}

#[tokio::test]
async fn a_kms_denial_says_so() {
    let (backend, client) = setup_secret().await;
    backend.inject(Fault::kms_access_denied());
    let result = client.get_secret_value().secret_id("a").send().await;
    assert_eq!(message(result), "Access to KMS is not allowed");
}

#[tokio::test]
async fn a_malformed_answer_is_a_200_that_does_not_parse_and_shows_the_secret() {
    let (backend, client) = setup();
    create(&client, "a", "s3cret").await;
    backend.inject(Fault::malformed_answer().on(Operation::GetSecretValue));
    let error = client.get_secret_value().secret_id("a").send().await.unwrap_err();
    assert_eq!(error.raw_response().unwrap().status().as_u16(), 200);
    assert!(format!("{error:?}").contains("s3cret"), "what a careless caller would log");
}

#[tokio::test]
async fn a_malformed_answer_to_a_write_comes_after_it_was_carried_out() {
    let (backend, client) = setup_secret().await;
    backend.inject(Fault::malformed_answer().on(Operation::PutSecretValue));
    let put = client.put_secret_value().secret_id("a").secret_string("v2").send().await;
    put.unwrap_err();
    assert_eq!(value_or_code(&client, "a").await, "v2");
}

#[tokio::test]
async fn a_fault_strikes_only_its_operations() {
    let (backend, client) = setup_secret().await;
    let fault = Fault::access_denied();
    backend.inject(fault.on(Operation::PutSecretValue).on(Operation::ListSecrets));
    assert_eq!(put_code(&client).await, "AccessDeniedException");
    client.list_secrets().send().await.unwrap_err();
    assert_eq!(value_or_code(&client, "a").await, "v1");
}

#[tokio::test]
async fn a_fault_strikes_only_its_secrets() {
    let (backend, client) = setup();
    let arn = create(&client, "app/one", "1").await;
    create(&client, "app/two", "2").await;
    backend.inject(Fault::access_denied().on_secret("/one"));
    assert_eq!(value_or_code(&client, "app/one").await, "AccessDeniedException");
    assert_eq!(value_or_code(&client, &arn).await, "AccessDeniedException");
    assert_eq!(value_or_code(&client, "app/two").await, "2");
    let create = client.create_secret().name("app/one").secret_string("v").send().await;
    assert_eq!(code(create), "AccessDeniedException");
    client.list_secrets().send().await.expect("names no secret");
    let batch = client.batch_get_secret_value().secret_id_list("app/two");
    batch.clone().send().await.unwrap();
    let batch = batch.secret_id_list("app/one").send().await;
    assert_eq!(code(batch), "AccessDeniedException");
}

#[tokio::test]
async fn a_fault_can_let_requests_pass_first_and_strike_a_number_of_times() {
    let (backend, client) = setup_secret().await;
    backend.inject(Fault::access_denied().on(Operation::GetSecretValue).skip(1).times(2));
    let mut seen = Vec::new();
    for _ in 0..5 {
        client.list_secrets().send().await.expect("other operations don't count");
        seen.push(value_or_code(&client, "a").await);
    }
    let denied = "AccessDeniedException";
    assert_eq!(seen, ["v1", denied, denied, "v1", "v1"]);
}

#[tokio::test]
async fn a_fault_of_no_times_never_strikes() {
    let (backend, client) = setup_secret().await;
    backend.inject(Fault::access_denied().times(0));
    assert_eq!(value_or_code(&client, "a").await, "v1");
}

#[tokio::test]
async fn the_fault_that_was_injected_first_decides_and_the_other_keeps_its_turn() {
    let (backend, client) = setup_secret().await;
    backend.inject(Fault::access_denied().times(1));
    backend.inject(Fault::decryption_failure().times(1));
    assert_eq!(value_or_code(&client, "a").await, "AccessDeniedException");
    assert_eq!(value_or_code(&client, "a").await, "DecryptionFailure");
    assert_eq!(value_or_code(&client, "a").await, "v1");
}

#[tokio::test]
async fn faults_are_removed_one_by_one_or_all_at_once() {
    let (backend, client) = setup_secret().await;
    let first = backend.inject(Fault::access_denied());
    backend.inject(Fault::decryption_failure());
    assert!(backend.remove_fault(first));
    assert!(!backend.remove_fault(first));
    assert_eq!(value_or_code(&client, "a").await, "DecryptionFailure");
    backend.clear_faults();
    assert_eq!(value_or_code(&client, "a").await, "v1");
}

#[tokio::test]
async fn a_fault_per_secret_strikes_single_secrets_of_a_batch() {
    let (backend, client) = setup();
    for name in ["p/1", "p/2", "p/3"] {
        create(&client, name, "v").await;
    }
    backend.inject(Fault::decryption_failure().on_secret("p/2").per_secret());
    let ids = ["p/1", "p/2", "p/3"].map(str::to_owned);
    let by_ids = client.batch_get_secret_value().set_secret_id_list(Some(ids.into()));
    let filter = Filter::builder().key(Key::Name).values("p/").build();
    let by_filter = client.batch_get_secret_value().filters(filter);
    for batch in [by_ids, by_filter] {
        let batch = batch.send().await.unwrap();
        assert_eq!(batch.secret_values().len(), 2);
        assert_eq!(batch.errors()[0].error_code(), Some("DecryptionFailure"));
    }
    assert_eq!(value_or_code(&client, "p/2").await, "DecryptionFailure");
}

#[tokio::test(start_paused = true)]
async fn the_longest_durations_do_no_harm() {
    let (backend, client) = setup_secret().await;
    backend.set_deletion_linger(Duration::MAX);
    backend.set_list_lag(Duration::MAX);
    backend.set_read_lag(Duration::MAX);
    force_delete(&client, "a").await;
    assert_eq!(value_or_code(&client, "a").await, NOT_FOUND, "as before its creation");
    backend.set_read_lag(Duration::ZERO);
    assert_eq!(value_or_code(&client, "a").await, INVALID_REQUEST);
    for _ in 0..2 {
        backend.inject(Fault::latency(Duration::MAX));
    }
    assert!(timeout(HOUR, client.list_secrets().send()).await.is_err());
}

#[tokio::test]
async fn a_fault_on_a_secret_leaves_batches_by_filters_alone() {
    let (backend, client) = setup_secret().await;
    backend.inject(Fault::access_denied().on_secret("a"));
    let filter = Filter::builder().key(Key::Name).values("a").build();
    let batch = client.batch_get_secret_value().filters(filter).send().await.unwrap();
    assert_eq!(batch.secret_values().len(), 1);
    assert_eq!(batch.errors(), []);
}
