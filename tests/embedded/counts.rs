//! Request counts.

use oauth_token_store::embedded::{Fault, Operation};

use crate::*;

#[tokio::test]
async fn requests_are_counted_by_operation() {
    let (backend, client) = setup();
    create(&client, "a", "v").await;
    get(&client, "a").await;
    get(&client, "a").await;
    let counts = backend.requests();
    assert_eq!(counts.total(), 3);
    assert_eq!(counts.count(Operation::GetSecretValue), 2);
    assert_eq!(counts.count(Operation::CreateSecret), 1);
    assert_eq!(counts.count(Operation::PutSecretValue), 0);
    let nonzero: Vec<_> = counts.iter().collect();
    assert_eq!(nonzero, [(Operation::GetSecretValue, 2), (Operation::CreateSecret, 1)]);
}

#[tokio::test]
async fn every_operation_is_counted_under_its_name() {
    let (backend, client) = setup();
    create(&client, "a", "v").await;
    get(&client, "a").await;
    client.batch_get_secret_value().secret_id_list("a").send().await.unwrap();
    client.list_secrets().send().await.unwrap();
    client.describe_secret().secret_id("a").send().await.unwrap();
    client.list_secret_version_ids().secret_id("a").send().await.unwrap();
    put(&client, "a", 2, "v").await;
    client.update_secret().secret_id("a").send().await.unwrap();
    let label = client.update_secret_version_stage().secret_id("a").version_stage("L");
    label.move_to_version_id(token(1)).send().await.unwrap();
    client.tag_resource().secret_id("a").set_tags(Some(vec![])).send().await.unwrap();
    client.untag_resource().secret_id("a").tag_keys("k").send().await.unwrap();
    schedule_deletion(&client, "a").await;
    client.restore_secret().secret_id("a").send().await.unwrap();
    assert_eq!(
        backend.requests().to_string(),
        "1 GetSecretValue, 1 BatchGetSecretValue, 1 ListSecrets, 1 DescribeSecret, \
         1 ListSecretVersionIds, 1 CreateSecret, 1 PutSecretValue, 1 UpdateSecret, \
         1 UpdateSecretVersionStage, 1 TagResource, 1 UntagResource, 1 DeleteSecret, 1 RestoreSecret"
    );
}

#[tokio::test]
async fn counts_are_subtracted() {
    let (backend, client) = setup();
    create(&client, "a", "v").await;
    let before = backend.requests();
    get(&client, "a").await;
    let since = backend.requests().since(&before);
    assert_eq!(since.to_string(), "1 GetSecretValue");
    assert_eq!(backend.requests() - before, since);
    assert_ne!(since, before);
    assert_eq!(before.since(&backend.requests()).to_string(), "no requests");
}

#[tokio::test]
async fn what_is_refused_is_counted_too() {
    let (backend, client) = setup();
    assert_eq!(value_or_code(&client, "missing").await, NOT_FOUND);
    assert_eq!(backend.requests().to_string(), "1 GetSecretValue");
}

#[tokio::test]
async fn an_unknown_operation_counts_in_the_total() {
    let (backend, client) = setup();
    client.get_random_password().send().await.unwrap_err();
    assert_eq!(backend.requests().total(), 1);
    assert_eq!(backend.requests().to_string(), "1 unknown operation");
}

#[tokio::test(start_paused = true)]
async fn every_attempt_of_the_sdk_is_counted() {
    let (backend, client) = setup();
    backend.inject(Fault::server_error());
    client.list_secrets().send().await.unwrap_err();
    assert_eq!(backend.requests().to_string(), "3 ListSecrets");
}

#[tokio::test(start_paused = true)]
async fn every_client_has_a_retry_budget_of_its_own() {
    let (backend, _) = setup();
    backend.inject(Fault::server_error());
    // A budget for all of them would be spent before the last.
    for _ in 0..100 {
        backend.client().list_secrets().send().await.unwrap_err();
    }
    assert_eq!(backend.requests().to_string(), "300 ListSecrets");
}
