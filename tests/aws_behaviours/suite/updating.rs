//! UpdateSecret.

use std::time::Duration;

use aws_sdk_secretsmanager::primitives::Blob;

use crate::behaviour::Source::{Api, Recorded};
use crate::behaviour::behaviours;
use crate::service::*;

behaviours! { updating:
    an_update_changes_value_and_description: Recorded("test_update_secret_description");
    an_update_moves_current_and_previous: Recorded("test_update_secret_version_stages_current_previous");
    an_update_answers_with_the_version_and_without_labels: Recorded("test_create_and_update_secret");
    an_update_of_the_description_makes_no_version: Recorded("test_update_secret_description");
    an_update_of_the_value_keeps_the_description: Recorded("test_update_secret_description");
    an_update_of_nothing_succeeds: Recorded("test_update_secret_description");
    an_update_to_the_same_value_is_a_change: Recorded("test_last_updated_date");
    an_update_by_the_full_arn_is_one_by_the_name: Recorded("test_create_and_update_secret");
    an_update_of_an_empty_secret_makes_its_first_version: Api("UpdateSecret", "description");
    an_update_of_a_missing_secret_is_not_found: Api("UpdateSecret", "Errors");
    an_update_to_text_and_binary_is_refused: Api("UpdateSecret", "SecretString");
    an_update_can_set_another_kms_key: Api("UpdateSecret", "KmsKeyId"), on NotOnAws;
    an_update_of_a_secret_id_that_can_be_no_name_is_refused: Recorded("test_invalid_secret_name");
}

async fn an_update_changes_value_and_description(aws: Service) {
    aws.create("a", "v1").await;
    answer(aws.updating("a", 2).secret_string("v2").description("second").send().await);
    assert_eq!(aws.value("a").await, "v2");
    assert_eq!(aws.describe("a").await.description(), Some("second"));
}

async fn an_update_moves_current_and_previous(aws: Service) {
    aws.create("a", "v1").await;
    answer(aws.updating("a", 2).secret_string("v2").send().await);
    assert_eq!(aws.labels("a", 1).await, ["AWSPREVIOUS"]);
    assert_eq!(aws.labels("a", 2).await, ["AWSCURRENT"]);
}

async fn an_update_answers_with_the_version_and_without_labels(aws: Service) {
    let arn = aws.create("a", "v1").await;
    let updated = answer(aws.updating("a", 2).secret_string("v2").send().await);
    assert_eq!(updated.arn(), Some(arn.as_str()));
    assert_eq!(updated.name(), Some(aws.id("a").as_str()));
    assert_eq!(updated.version_id(), Some(token(2).as_str()));
}

async fn an_update_of_the_description_makes_no_version(aws: Service) {
    aws.create("a", "v1").await;
    let updated = answer(aws.updating("a", 2).description("d").send().await);
    assert_eq!(updated.version_id(), None);
    assert_eq!(aws.version_ids("a", true).await, [token(1)]);
    assert_eq!(aws.value("a").await, "v1");
}

async fn an_update_of_the_value_keeps_the_description(aws: Service) {
    answer(aws.creation("a", "v1").description("d").send().await);
    answer(aws.updating("a", 2).secret_string("v2").send().await);
    assert_eq!(aws.describe("a").await.description(), Some("d"));
}

async fn an_update_of_nothing_succeeds(aws: Service) {
    aws.create("a", "v1").await;
    let updated = answer(aws.client().update_secret().secret_id(aws.id("a")).send().await);
    assert_eq!(updated.version_id(), None);
    assert_eq!(aws.version_ids("a", true).await, [token(1)]);
}

async fn an_update_to_the_same_value_is_a_change(aws: Service) {
    aws.create("a", "v").await;
    let before = aws.describe("a").await.last_changed_date;
    // The date has milliseconds.
    tokio::time::sleep(Duration::from_millis(5)).await;
    answer(aws.updating("a", 2).secret_string("v").send().await);
    assert!(aws.describe("a").await.last_changed_date > before);
    assert_eq!(aws.get("a").await.version_id(), Some(token(2).as_str()));
}

async fn an_update_by_the_full_arn_is_one_by_the_name(aws: Service) {
    let arn = aws.create("a", "v1").await;
    answer(aws.updating(&arn, 2).secret_string("v2").send().await);
    assert_eq!(aws.value("a").await, "v2");
}

async fn an_update_of_an_empty_secret_makes_its_first_version(aws: Service) {
    aws.create_empty("a").await;
    answer(aws.updating("a", 1).secret_string("v1").send().await);
    assert_eq!(aws.labels("a", 1).await, ["AWSCURRENT"]);
}

async fn an_update_of_a_missing_secret_is_not_found(aws: Service) {
    let update = aws.updating("a", 1).secret_string("v").send().await;
    assert_eq!(code(update), NOT_FOUND);
}

async fn an_update_to_text_and_binary_is_refused(aws: Service) {
    aws.create("a", "v").await;
    let both = aws.updating("a", 2).secret_string("w").secret_binary(Blob::new("w")).send().await;
    assert_eq!(code(both), INVALID_PARAMETER);
    assert_eq!(aws.value("a").await, "v");
}

async fn an_update_can_set_another_kms_key(aws: Service) {
    aws.create("a", "v1").await;
    answer(aws.client().update_secret().secret_id(aws.id("a")).kms_key_id("alias/k").send().await);
    assert_eq!(aws.describe("a").await.kms_key_id(), Some("alias/k"));
}

async fn an_update_of_a_secret_id_that_can_be_no_name_is_refused(aws: Service) {
    let update = aws.updating("Inv Name", 1).description("d").send().await;
    assert_eq!(code(update), VALIDATION);
}
