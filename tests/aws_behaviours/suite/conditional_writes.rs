//! What a ClientRequestToken does: the compare-and-swap of the store rests on these.

use aws_sdk_secretsmanager::primitives::Blob;

use crate::behaviour::Source::{Api, Measured, Undocumented};
use crate::behaviour::behaviours;
use crate::service::*;

behaviours! { conditional_writes:
    a_token_becomes_the_version_id: Api("PutSecretValue", "ClientRequestToken");
    one_token_serves_two_secrets: Api("PutSecretValue", "ClientRequestToken, unique within the secret");
    create_again_with_the_same_token_and_content_succeeds: Api("CreateSecret", "ClientRequestToken");
    create_again_with_the_same_token_succeeds_after_later_puts: Api("CreateSecret", "ClientRequestToken");
    create_again_with_the_same_token_and_other_content_is_refused: Api("CreateSecret", "ClientRequestToken");
    create_again_with_another_token_and_the_same_content_is_refused: Api("CreateSecret", "Errors, ResourceExistsException");
    create_again_with_the_same_token_and_no_content_is_refused: Api("CreateSecret", "Errors, ResourceExistsException");
    put_again_with_the_same_token_and_content_succeeds: Api("PutSecretValue", "description, idempotent");
    put_again_with_the_same_token_and_content_changes_nothing: Api("PutSecretValue", "description, idempotent");
    put_with_the_same_token_and_other_content_is_refused: Api("PutSecretValue", "description, idempotent");
    put_with_the_same_token_and_the_same_bytes_as_a_binary_is_refused: Undocumented("text and binary are two contents");
    put_with_the_token_of_the_create_and_its_content_succeeds: Api("PutSecretValue", "ClientRequestToken");
    put_again_with_an_older_token_moves_no_label: Api("PutSecretValue", "description, does nothing");
    put_again_with_an_older_token_is_answered_without_labels: Undocumented("the version that the token names has none");
    put_again_with_an_older_token_and_other_content_is_refused: Api("PutSecretValue", "ClientRequestToken");
    put_again_with_the_previous_token_is_answered_with_its_label: Undocumented("the labels of the version named");
    put_again_with_other_labels_moves_none: Api("PutSecretValue", "description, does nothing");
    a_token_stays_taken_after_its_version_lost_its_labels: Api("PutSecretValue", "ClientRequestToken");
    a_new_secret_of_a_deleted_name_knows_no_old_token: Undocumented("versions are deleted with their secret");
    update_again_with_the_same_token_and_content_succeeds_with_that_version:
        Measured("idempotent; the reference says at UpdateSecret that it is an error");
    update_again_with_the_same_token_and_content_changes_nothing: Measured("idempotent");
    update_with_the_same_token_and_other_content_is_refused: Api("UpdateSecret", "description, an error");
}

async fn a_token_becomes_the_version_id(aws: Service) {
    aws.create("a", "v1").await;
    let put = answer(aws.putting("a", 7, "v2").send().await);
    assert_eq!(put.version_id(), Some(token(7).as_str()));
    assert_eq!(aws.get("a").await.version_id(), Some(token(7).as_str()));
}

async fn one_token_serves_two_secrets(aws: Service) {
    aws.create("a", "of a").await;
    aws.create("b", "of b").await;
    aws.put("a", 2, "second of a").await;
    aws.put("b", 2, "second of b").await;
    assert_eq!(aws.value("a").await, "second of a");
    assert_eq!(aws.value("b").await, "second of b");
}

async fn create_again_with_the_same_token_and_content_succeeds(aws: Service) {
    let first = answer(aws.creation("a", "v").send().await);
    let second = answer(aws.creation("a", "v").send().await);
    assert_eq!(first.arn, second.arn);
    assert_eq!(second.version_id(), Some(token(1).as_str()));
    assert_eq!(aws.version_ids("a", true).await, [token(1)]);
}

async fn create_again_with_the_same_token_succeeds_after_later_puts(aws: Service) {
    let arn = aws.create("a", "v1").await;
    aws.put("a", 2, "v2").await;
    assert_eq!(aws.create("a", "v1").await, arn);
    assert_eq!(aws.value("a").await, "v2");
}

async fn create_again_with_the_same_token_and_other_content_is_refused(aws: Service) {
    aws.create("a", "v").await;
    assert_eq!(code(aws.creation("a", "other").send().await), EXISTS);
    assert_eq!(aws.value("a").await, "v");
}

async fn create_again_with_another_token_and_the_same_content_is_refused(aws: Service) {
    aws.create("a", "v").await;
    let again = aws.creation("a", "v").client_request_token(token(2)).send().await;
    assert_eq!(code(again), EXISTS);
}

async fn create_again_with_the_same_token_and_no_content_is_refused(aws: Service) {
    aws.create("a", "v").await;
    let again = aws.creation_of_nothing("a").client_request_token(token(1)).send().await;
    assert_eq!(code(again), EXISTS);
}

async fn put_again_with_the_same_token_and_content_succeeds(aws: Service) {
    aws.create("a", "v1").await;
    aws.put("a", 2, "v2").await;
    let again = answer(aws.putting("a", 2, "v2").send().await);
    assert_eq!(again.version_id(), Some(token(2).as_str()));
    assert_eq!(again.version_stages(), ["AWSCURRENT"]);
}

async fn put_again_with_the_same_token_and_content_changes_nothing(aws: Service) {
    aws.create("a", "v1").await;
    aws.put("a", 2, "v2").await;
    let before = aws.describe("a").await;
    aws.put("a", 2, "v2").await;
    let after = aws.describe("a").await;
    assert_eq!(after.version_ids_to_stages, before.version_ids_to_stages);
    assert_eq!(after.last_changed_date, before.last_changed_date);
}

async fn put_with_the_same_token_and_other_content_is_refused(aws: Service) {
    aws.create("a", "v1").await;
    assert_eq!(code(aws.putting("a", 1, "v2").send().await), EXISTS);
    assert_eq!(aws.value("a").await, "v1");
}

async fn put_with_the_same_token_and_the_same_bytes_as_a_binary_is_refused(aws: Service) {
    aws.create("a", "v1").await;
    let put = aws.client().put_secret_value().secret_id(aws.id("a")).client_request_token(token(1));
    assert_eq!(code(put.secret_binary(Blob::new("v1")).send().await), EXISTS);
    assert_eq!(aws.value("a").await, "v1");
}

async fn put_with_the_token_of_the_create_and_its_content_succeeds(aws: Service) {
    aws.create("a", "v1").await;
    aws.put("a", 1, "v1").await;
    assert_eq!(aws.version_ids("a", true).await, [token(1)]);
}

async fn put_again_with_an_older_token_moves_no_label(aws: Service) {
    aws.create("a", "v1").await;
    aws.put("a", 2, "v2").await;
    aws.put("a", 3, "v3").await;
    let again = answer(aws.putting("a", 1, "v1").send().await);
    assert_eq!(again.version_id(), Some(token(1).as_str()));
    assert_eq!(aws.value("a").await, "v3");
    assert_eq!(aws.labels("a", 1).await, [""; 0]);
    assert_eq!(aws.labels("a", 2).await, ["AWSPREVIOUS"]);
}

async fn put_again_with_an_older_token_is_answered_without_labels(aws: Service) {
    aws.create("a", "v1").await;
    aws.put("a", 2, "v2").await;
    aws.put("a", 3, "v3").await;
    let again = answer(aws.putting("a", 1, "v1").send().await);
    assert_eq!(again.version_stages(), [""; 0]);
}

async fn put_again_with_an_older_token_and_other_content_is_refused(aws: Service) {
    aws.create("a", "v1").await;
    aws.put("a", 2, "v2").await;
    aws.put("a", 3, "v3").await;
    assert_eq!(code(aws.putting("a", 1, "other").send().await), EXISTS);
    assert_eq!(aws.value("a").await, "v3");
}

async fn put_again_with_the_previous_token_is_answered_with_its_label(aws: Service) {
    aws.create("a", "v1").await;
    aws.put("a", 2, "v2").await;
    let again = answer(aws.putting("a", 1, "v1").send().await);
    assert_eq!(again.version_stages(), ["AWSPREVIOUS"]);
    assert_eq!(aws.value("a").await, "v2");
}

async fn put_again_with_other_labels_moves_none(aws: Service) {
    aws.create("a", "v1").await;
    aws.put("a", 2, "v2").await;
    let again = aws.putting("a", 1, "v1").version_stages("MINE").version_stages("AWSCURRENT");
    answer(again.send().await);
    assert_eq!(aws.value("a").await, "v2");
    assert_eq!(aws.labels("a", 1).await, ["AWSPREVIOUS"]);
}

async fn a_token_stays_taken_after_its_version_lost_its_labels(aws: Service) {
    aws.create("a", "v1").await;
    aws.put_with("a", 2, &["MINE"]).await.expect("a version of its own label");
    aws.move_label("a", "MINE", Some(2), None).await.expect("the label taken off");
    assert_eq!(code(aws.putting("a", 2, "other").send().await), EXISTS);
}

async fn a_new_secret_of_a_deleted_name_knows_no_old_token(aws: Service) {
    aws.create("a", "v1").await;
    aws.put("a", 2, "old").await;
    aws.force_delete("a").await;
    aws.create_again("a", "new").await;
    aws.put("a", 2, "other").await;
    assert_eq!(aws.value("a").await, "other");
}

async fn update_again_with_the_same_token_and_content_succeeds_with_that_version(aws: Service) {
    aws.create("a", "v1").await;
    let update = || aws.updating("a", 2).secret_string("v2").send();
    answer(update().await);
    assert_eq!(answer(update().await).version_id(), Some(token(2).as_str()));
}

async fn update_again_with_the_same_token_and_content_changes_nothing(aws: Service) {
    aws.create("a", "v1").await;
    aws.put("a", 2, "v2").await;
    answer(aws.updating("a", 1).secret_string("v1").send().await);
    assert_eq!(aws.value("a").await, "v2");
    assert_eq!(aws.version_ids("a", true).await, [token(1), token(2)]);
}

async fn update_with_the_same_token_and_other_content_is_refused(aws: Service) {
    aws.create("a", "v1").await;
    assert_eq!(code(aws.updating("a", 1).secret_string("v2").send().await), EXISTS);
    assert_eq!(aws.value("a").await, "v1");
}
