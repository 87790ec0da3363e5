//! CreateSecret.

use aws_sdk_secretsmanager::primitives::Blob;

use crate::behaviour::Source::{Api, Recorded, Undocumented};
use crate::behaviour::behaviours;
use crate::service::*;

behaviours! { creating:
    a_created_value_is_read_back_with_its_version: Recorded("test_create_and_update_secret");
    the_sdk_fills_in_a_version_id: Api("CreateSecret", "ClientRequestToken");
    a_secret_can_be_created_without_a_value: Recorded("test_create_secret_version_from_empty_secret");
    a_binary_value_stays_binary: Recorded("test_put_secret_value");
    a_description_is_described: Recorded("test_create_and_update_secret");
    an_arn_ends_with_a_hyphen_and_six_characters: Api("CreateSecret", "Name");
    an_arn_names_service_region_account_and_secret: Api("CreateSecret", "Response Elements, ARN");
    a_name_may_look_like_the_end_of_an_arn: Api("CreateSecret", "Name");
    a_name_may_hold_all_allowed_punctuation: Recorded("test_create_and_update_secret[Valid/_+=.@-Name]");
    names_that_differ_in_case_are_two_secrets: Undocumented("names are compared as they are");
    one_name_can_be_the_beginning_of_another: Undocumented("names are no folders");
    a_kms_key_is_described: Api("DescribeSecret", "Response Elements, KmsKeyId"), on NotOnAws;
    a_taken_name_is_refused: Recorded("test_secret_exists_snapshots");
    the_refusal_of_a_taken_name_says_it: Recorded("test_secret_exists_snapshots");
    a_taken_name_keeps_its_value_description_and_tags: Recorded("test_secret_exists");
}

async fn a_created_value_is_read_back_with_its_version(aws: Service) {
    let created = answer(aws.creation("app/a", "v1").send().await);
    assert_eq!(created.name(), Some(aws.id("app/a").as_str()));
    assert_eq!(created.version_id(), Some(token(1).as_str()));
    let found = aws.get("app/a").await;
    assert_eq!(found.secret_string(), Some("v1"));
    assert_eq!(found.name(), created.name());
    assert_eq!(found.arn(), created.arn());
    assert_eq!(found.version_id(), created.version_id());
    assert_eq!(found.version_stages(), ["AWSCURRENT"]);
    assert!(found.created_date().is_some());
}

async fn the_sdk_fills_in_a_version_id(aws: Service) {
    let created = answer(aws.creation_of_nothing("a").secret_string("v").send().await);
    assert_eq!(aws.get("a").await.version_id, created.version_id);
    assert_eq!(created.version_id.expect("a version").len(), 36);
}

async fn a_secret_can_be_created_without_a_value(aws: Service) {
    let created = answer(aws.creation_of_nothing("a").send().await);
    assert_eq!(created.version_id(), None);
    assert_eq!(created.name(), Some(aws.id("a").as_str()));
}

async fn a_binary_value_stays_binary(aws: Service) {
    answer(aws.creation_of_nothing("a").secret_binary(Blob::new([0, 159, 255])).send().await);
    let found = aws.get("a").await;
    assert_eq!(found.secret_binary().expect("a binary").as_ref(), [0, 159, 255]);
    assert_eq!(found.secret_string(), None);
}

async fn a_description_is_described(aws: Service) {
    answer(aws.creation("a", "v").description("Née à l'été").send().await);
    assert_eq!(aws.describe("a").await.description(), Some("Née à l'été"));
}

async fn an_arn_ends_with_a_hyphen_and_six_characters(aws: Service) {
    let arn = aws.create("app/a", "v1").await;
    let (_, suffix) = arn.rsplit_once(&format!("{}-", aws.id("app/a"))).expect("the name and a hyphen");
    assert_eq!(suffix.len(), 6);
    assert!(suffix.chars().all(|c| c.is_ascii_alphanumeric()), "{suffix}");
}

async fn an_arn_names_service_region_account_and_secret(aws: Service) {
    let arn = aws.create("a", "v1").await;
    let [_, _, service, _, account, kind, name] = arn.splitn(7, ':').collect::<Vec<_>>()[..] else {
        panic!("not seven parts: {arn}");
    };
    assert_eq!((service, kind), ("secretsmanager", "secret"));
    assert!(account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit()), "{account}");
    assert!(name.starts_with(&aws.id("a")), "{name}");
}

async fn a_name_may_look_like_the_end_of_an_arn(aws: Service) {
    aws.create("a", "short").await;
    aws.create("a-b1C2d3", "long").await;
    assert_eq!(aws.value("a").await, "short");
    assert_eq!(aws.value("a-b1C2d3").await, "long");
}

async fn a_name_may_hold_all_allowed_punctuation(aws: Service) {
    aws.create("Az09/_+=.@-", "v").await;
    assert_eq!(aws.value("Az09/_+=.@-").await, "v");
}

async fn names_that_differ_in_case_are_two_secrets(aws: Service) {
    aws.create("a", "small").await;
    aws.create("A", "big").await;
    assert_eq!(aws.value("a").await, "small");
    assert_eq!(aws.value("A").await, "big");
}

async fn one_name_can_be_the_beginning_of_another(aws: Service) {
    aws.create("a", "short").await;
    aws.create("a/b", "deep").await;
    aws.create("a/", "slash").await;
    assert_eq!(aws.value("a").await, "short");
    assert_eq!(aws.value("a/b").await, "deep");
    assert_eq!(aws.value("a/").await, "slash");
}

async fn a_kms_key_is_described(aws: Service) {
    answer(aws.creation("a", "v").kms_key_id("alias/k").send().await);
    assert_eq!(aws.describe("a").await.kms_key_id(), Some("alias/k"));
}

async fn a_taken_name_is_refused(aws: Service) {
    aws.create("a", "v").await;
    let again = aws.creation_of_nothing("a").secret_string("v").send().await;
    assert_eq!(code(again), EXISTS);
}

async fn the_refusal_of_a_taken_name_says_it(aws: Service) {
    aws.create("a", "v").await;
    let again = aws.creation_of_nothing("a").secret_string("v").send().await;
    let name = aws.id("a");
    assert_eq!(message(again), format!("The operation failed because the secret {name} already exists."));
}

async fn a_taken_name_keeps_its_value_description_and_tags(aws: Service) {
    aws.create("a", "v").await;
    let again = aws.creation_of_nothing("a").secret_string("other").description("d").send().await;
    assert_eq!(code(again), EXISTS);
    assert_eq!(aws.value("a").await, "v");
    assert_eq!(aws.describe("a").await.description(), None);
}
