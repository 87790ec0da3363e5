//! Quotas: what goes beyond them is throttled, and time fills them up again.

use std::time::Duration;

use aws_sdk_secretsmanager::config::retry::RetryConfig;
use futures_util::future::join_all;
use oauth_token_store::embedded::{Fault, Gate, Operation, Quotas};
use tokio::time::{Instant, advance};

use crate::*;

const THROTTLED: &str = "ThrottlingException";
const SECOND: Duration = Duration::from_secs(1);

/// A backend with the secret `a`, and a client that tries everything once.
async fn setup_secret() -> (EmbeddedSecretsManager, Client) {
    let (backend, client) = setup();
    create(&client, "a", "v").await;
    let once = client.config().to_builder().retry_config(RetryConfig::disabled());
    (backend, Client::from_conf(once.build()))
}

/// How many of so many reads at once are answered.
async fn answered(client: &Client, reads: usize) -> usize {
    let answers = join_all((0..reads).map(|_| value_or_code(client, "a"))).await;
    assert!(answers.iter().all(|answer| ["v", THROTTLED].contains(&answer.as_str())), "{answers:?}");
    answers.iter().filter(|answer| *answer == "v").count()
}

#[tokio::test(start_paused = true)]
async fn without_quotas_nothing_is_throttled() {
    let (backend, client) = setup_secret().await;
    assert_eq!(answered(&client, 500).await, 500);
    assert_eq!(backend.throttled().to_string(), "no requests");
}

#[tokio::test(start_paused = true)]
async fn a_full_bucket_answers_a_second_s_worth_at_once_and_is_filled_evenly() {
    let (backend, client) = setup_secret().await;
    backend.enforce_quotas(Quotas::none().limit(&[Operation::GetSecretValue], 50));
    assert_eq!(answered(&client, 60).await, 50);
    advance(Duration::from_millis(19)).await;
    assert_eq!(answered(&client, 5).await, 0);
    advance(Duration::from_millis(1)).await;
    assert_eq!(answered(&client, 5).await, 1);
    advance(Duration::from_millis(500)).await;
    assert_eq!(answered(&client, 60).await, 25);
    // No more is saved up than a second's worth.
    advance(100 * SECOND).await;
    assert_eq!(answered(&client, 60).await, 50);
}

#[tokio::test(start_paused = true)]
async fn a_throttled_request_is_a_400_that_changes_nothing_and_is_counted() {
    let (backend, client) = setup_secret().await;
    backend.enforce_quotas(Quotas::none().limit(&[Operation::PutSecretValue], 0));
    let before = backend.requests();
    let put = client.put_secret_value().secret_id("a").secret_string("v2").send().await;
    let error = put.unwrap_err();
    assert_eq!(error.code(), Some(THROTTLED));
    assert_eq!(error.raw_response().unwrap().status().as_u16(), 400);
    assert_eq!(value_or_code(&client, "a").await, "v");
    assert_eq!(backend.requests().since(&before).to_string(), "1 GetSecretValue, 1 PutSecretValue");
    assert_eq!(backend.throttled().to_string(), "1 PutSecretValue");
}

#[tokio::test(start_paused = true)]
async fn the_sdk_tries_again_until_there_is_room() {
    let (backend, client) = setup_secret().await;
    backend.enforce_quotas(Quotas::none().limit(&[Operation::GetSecretValue], 1));
    assert_eq!(answered(&client, 1).await, 1);
    let start = Instant::now();
    // Its waits are random: ten attempts take more than a second for sure.
    let often = client.config().to_builder().retry_config(RetryConfig::standard().with_max_attempts(10));
    assert_eq!(answered(&Client::from_conf(often.build()), 1).await, 1);
    assert!(start.elapsed() >= SECOND, "{:?}", start.elapsed());
    assert!(backend.throttled().count(Operation::GetSecretValue) > 0);
}

#[tokio::test(start_paused = true)]
async fn operations_of_a_group_share_its_bucket_and_others_have_their_own() {
    let (backend, client) = setup_secret().await;
    let group = [Operation::PutSecretValue, Operation::UpdateSecret];
    backend.enforce_quotas(Quotas::none().limit(&group, 1).limit(&[Operation::GetSecretValue], 2));
    put(&client, "a", 2, "v").await;
    assert_eq!(code(client.update_secret().secret_id("a").send().await), THROTTLED);
    assert_eq!(answered(&client, 3).await, 2);
    // Not limited at all.
    client.describe_secret().secret_id("a").send().await.unwrap();
    backend.enforce_quotas(Quotas::none());
    client.update_secret().secret_id("a").send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_request_counts_when_it_would_be_carried_out() {
    let (backend, client) = setup_secret().await;
    backend.enforce_quotas(Quotas::none().limit(&[Operation::GetSecretValue], 1));
    // What never arrives, or is answered by a fault, takes nothing out.
    let fault = backend.inject(Fault::unreachable().on(Operation::GetSecretValue));
    assert_eq!(value_or_code(&client, "a").await, "no code");
    assert!(backend.remove_fault(fault));
    let gate = backend.gate(Gate::before(Operation::GetSecretValue));
    let reader = client.clone();
    let held = tokio::spawn(async move { value_or_code(&reader, "a").await });
    gate.arrived(1).await;
    gate.open();
    assert_eq!(held.await.unwrap(), "v");
    assert_eq!(value_or_code(&client, "a").await, THROTTLED);
    // A latency of a second is time enough for the next one.
    backend.inject(Fault::latency(SECOND));
    assert_eq!(value_or_code(&client, "a").await, "v");
}

#[test]
fn what_aws_allows() {
    let quotas = Quotas::aws();
    let per_second = |operation| quotas.per_second(operation);
    for (operation, expected) in [
        (Operation::GetSecretValue, 10_000),
        (Operation::DescribeSecret, 40_000),
        (Operation::BatchGetSecretValue, 100),
        (Operation::ListSecrets, 100),
        (Operation::ListSecretVersionIds, 50),
        (Operation::CreateSecret, 50),
        (Operation::PutSecretValue, 50),
        (Operation::UpdateSecret, 50),
        (Operation::UpdateSecretVersionStage, 50),
        (Operation::TagResource, 50),
        (Operation::UntagResource, 50),
        (Operation::DeleteSecret, 50),
        (Operation::RestoreSecret, 50),
    ] {
        assert_eq!(per_second(operation), Some(expected), "{operation}");
    }
    assert_eq!(Quotas::none().per_second(Operation::GetSecretValue), None);
}

#[test]
fn a_later_limit_replaces_an_earlier_one_for_its_operations_only() {
    let quotas = Quotas::aws().limit(&[Operation::PutSecretValue], 7);
    assert_eq!(quotas.per_second(Operation::PutSecretValue), Some(7));
    assert_eq!(quotas.per_second(Operation::UpdateSecret), Some(50));
    let mut apart = quotas.limit(&[Operation::UpdateSecret], 1);
    let at = SECOND;
    assert!(apart.admits(Operation::UpdateSecret, at) && !apart.admits(Operation::UpdateSecret, at));
    assert!(
        apart.admits(Operation::PutSecretValue, at) && apart.admits(Operation::UpdateSecretVersionStage, at)
    );
}

/// Whatever the rate, and however often more is asked for.
#[test]
fn over_a_long_time_the_rate_is_kept() {
    for rate in [1, 3, 7, 50, 10_000] {
        let mut quotas = Quotas::none().limit(&[Operation::GetSecretValue], rate);
        let mut admitted = |from: u32, seconds: u32| {
            let tries = 0..4 * rate * seconds;
            let at = |n| SECOND * from + SECOND * n / (4 * rate);
            tries.filter(|n| quotas.admits(Operation::GetSecretValue, at(*n))).count()
        };
        // The bucket is full at first.
        admitted(0, 1);
        let count = admitted(1, 20);
        assert!(count.abs_diff(20 * rate as usize) <= 1, "{count} in 20 seconds at a rate of {rate}");
    }
}
