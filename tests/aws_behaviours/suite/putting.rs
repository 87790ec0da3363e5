//! PutSecretValue.

use aws_sdk_secretsmanager::primitives::Blob;

use crate::behaviour::Source::{Api, Measured, Recorded, Undocumented};
use crate::behaviour::behaviours;
use crate::service::*;

behaviours! { putting:
    a_put_replaces_the_value: Recorded("test_create_and_update_secret");
    a_put_keeps_the_version_before_as_the_previous_one: Api("PutSecretValue", "description");
    a_put_answers_with_arn_name_version_and_label: Recorded("test_create_and_update_secret");
    the_first_put_of_an_empty_secret_is_current: Recorded("test_create_secret_version_from_empty_secret");
    a_put_may_turn_text_into_binary: Recorded("test_put_secret_value");
    a_put_by_the_full_arn_is_a_put_by_the_name: Api("PutSecretValue", "SecretId");
    a_put_by_the_arn_of_a_deleted_and_recreated_name_is_not_found: Undocumented("a full ARN names one secret");
    a_put_to_a_missing_secret_is_not_found: Api("PutSecretValue", "SecretId and Errors");
    a_put_changes_the_date_of_the_last_change: Recorded("test_last_updated_date");
    a_put_is_no_access: Recorded("test_create_secret_version_from_empty_secret");
    a_put_without_a_value_is_an_invalid_request: Measured("the message that Terraform's users get");
    a_put_of_text_and_binary_is_refused: Api("PutSecretValue", "SecretString");
    a_put_to_a_secret_id_that_can_be_no_name_is_refused: Recorded("test_invalid_secret_name");
    a_put_of_the_same_value_is_a_new_version: Api("PutSecretValue", "ClientRequestToken");
}

async fn a_put_replaces_the_value(aws: Service) {
    aws.create("a", "v1").await;
    aws.put("a", 2, "v2").await;
    let found = aws.get("a").await;
    assert_eq!(found.secret_string(), Some("v2"));
    assert_eq!(found.version_id(), Some(token(2).as_str()));
}

async fn a_put_keeps_the_version_before_as_the_previous_one(aws: Service) {
    aws.create("a", "v1").await;
    aws.put("a", 2, "v2").await;
    let previous = answer(aws.reading("a").version_stage("AWSPREVIOUS").send().await);
    assert_eq!(previous.secret_string(), Some("v1"));
}

async fn a_put_answers_with_arn_name_version_and_label(aws: Service) {
    let arn = aws.create("a", "v1").await;
    let put = answer(aws.putting("a", 2, "v2").send().await);
    assert_eq!(put.arn(), Some(arn.as_str()));
    assert_eq!(put.name(), Some(aws.id("a").as_str()));
    assert_eq!(put.version_id(), Some(token(2).as_str()));
    assert_eq!(put.version_stages(), ["AWSCURRENT"]);
}

async fn the_first_put_of_an_empty_secret_is_current(aws: Service) {
    aws.create_empty("a").await;
    let put = answer(aws.putting("a", 1, "v1").send().await);
    assert_eq!(put.version_stages(), ["AWSCURRENT"]);
    assert_eq!(aws.value("a").await, "v1");
}

async fn a_put_may_turn_text_into_binary(aws: Service) {
    aws.create("a", "v1").await;
    let put = aws.client().put_secret_value().secret_id(aws.id("a")).secret_binary(Blob::new([7, 200]));
    answer(put.send().await);
    let found = aws.get("a").await;
    assert_eq!(found.secret_binary().expect("a binary").as_ref(), [7, 200]);
    assert_eq!(found.secret_string(), None);
}

async fn a_put_by_the_full_arn_is_a_put_by_the_name(aws: Service) {
    let arn = aws.create("a", "v1").await;
    aws.put(&arn, 2, "v2").await;
    assert_eq!(aws.value("a").await, "v2");
}

async fn a_put_by_the_arn_of_a_deleted_and_recreated_name_is_not_found(aws: Service) {
    let old = aws.create("a", "v1").await;
    aws.force_delete("a").await;
    let new = aws.create_again("a", "v2").await;
    assert_ne!(old, new);
    assert_eq!(code(aws.putting(&old, 3, "v3").send().await), NOT_FOUND);
    assert_eq!(aws.value("a").await, "v2");
}

async fn a_put_to_a_missing_secret_is_not_found(aws: Service) {
    assert_eq!(code(aws.putting("a", 1, "v").send().await), NOT_FOUND);
    assert_eq!(aws.value("a").await, NOT_FOUND, "a put creates nothing");
}

async fn a_put_changes_the_date_of_the_last_change(aws: Service) {
    aws.create("a", "v1").await;
    let before = aws.describe("a").await;
    // The date has milliseconds.
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    aws.put("a", 2, "v2").await;
    let after = aws.describe("a").await;
    assert!(after.last_changed_date() > before.last_changed_date());
    assert_eq!(after.created_date(), before.created_date());
}

async fn a_put_is_no_access(aws: Service) {
    aws.create("a", "v1").await;
    aws.put("a", 2, "v2").await;
    assert_eq!(aws.describe("a").await.last_accessed_date(), None);
}

async fn a_put_without_a_value_is_an_invalid_request(aws: Service) {
    aws.create("a", "v").await;
    let put = aws.client().put_secret_value().secret_id(aws.id("a")).send();
    assert_eq!(code(put.await), INVALID_REQUEST);
}

async fn a_put_of_text_and_binary_is_refused(aws: Service) {
    aws.create("a", "v").await;
    let both = aws.putting("a", 2, "v2").secret_binary(Blob::new("v2")).send().await;
    assert_eq!(code(both), INVALID_PARAMETER);
    assert_eq!(aws.value("a").await, "v");
}

async fn a_put_to_a_secret_id_that_can_be_no_name_is_refused(aws: Service) {
    assert_eq!(code(aws.putting("Inv Name", 1, "v").send().await), VALIDATION);
}

async fn a_put_of_the_same_value_is_a_new_version(aws: Service) {
    aws.create("a", "v").await;
    aws.put("a", 2, "v").await;
    assert_eq!(aws.get("a").await.version_id(), Some(token(2).as_str()));
    assert_eq!(aws.version_ids("a", true).await, [token(1), token(2)]);
}
