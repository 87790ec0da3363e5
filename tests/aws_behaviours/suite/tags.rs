//! Tags.

use aws_sdk_secretsmanager::types::Tag;

use crate::behaviour::Source::{Api, Guide, Recorded};
use crate::behaviour::behaviours;
use crate::service::*;

behaviours! { tags:
    tags_given_at_creation_are_described: Api("CreateSecret", "Tags");
    tags_given_at_creation_are_listed: Api("SecretListEntry", "Tags");
    tag_keys_are_case_sensitive: Api("CreateSecret", "Tags");
    a_tag_may_have_an_empty_value: Api("Tag", "Value, Length Constraints");
    tagging_adds_tags: Recorded("test_secret_tags");
    tagging_overwrites_the_value_of_a_key: Api("TagResource", "description");
    untagging_removes_tags: Recorded("test_secret_tags");
    untagging_several_keys_removes_all_of_them: Recorded("test_secret_tags");
    untagging_what_is_not_there_succeeds: Api("UntagResource", "description, idempotent");
    a_secret_that_lost_its_last_tag_has_an_empty_list: Recorded("test_secret_tags");
    tags_are_of_the_secret_and_not_of_a_version: Api("TagResource", "description");
    tagging_a_missing_secret_is_not_found: Api("TagResource", "Errors");
    untagging_a_missing_secret_is_not_found: Api("UntagResource", "Errors");
    a_secret_is_created_with_at_most_fifty_tags: Guide("managing-secrets_tagging", "Tag basics, tag quotas");
    a_secret_has_at_most_fifty_tags: Guide("managing-secrets_tagging", "Tag basics, tag quotas");
    a_fifty_first_tag_may_replace_another: Guide("managing-secrets_tagging", "Tag basics, tag quotas");
    a_tag_key_has_1_to_128_characters: Api("Tag", "Key, Length Constraints");
    a_tag_value_has_at_most_256_characters: Api("Tag", "Value, Length Constraints");
    a_reserved_tag_key_is_refused: Guide("managing-secrets_tagging", "Tag basics, the prefix aws:");
    a_tag_key_given_twice_is_refused: Guide("managing-secrets_tagging", "Tag basics, each key is unique");
    a_tag_has_letters_digits_spaces_and_some_punctuation: Guide("managing-secrets_tagging", "Tag basics, allowed characters");
    other_punctuation_in_a_tag_is_refused: Guide("managing-secrets_tagging", "Tag basics, allowed characters");
}

pub(super) fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build()
}

async fn tag_resource(aws: &Service, tags: Vec<Tag>) -> Result<(), String> {
    outcome(aws.client().tag_resource().secret_id(aws.id("a")).set_tags(Some(tags)).send().await)
}

async fn untag(aws: &Service, keys: &[&str]) {
    let keys = keys.iter().map(|&key| key.to_owned()).collect();
    let untag = aws.client().untag_resource().secret_id(aws.id("a"));
    answer(untag.set_tag_keys(Some(keys)).send().await);
}

/// A secret with these tags, the first word of each its key.
async fn with_tags(aws: &Service, tags: &[(&str, &str)]) {
    let tags = tags.iter().map(|(key, value)| tag(key, value)).collect();
    answer(aws.creation_of_nothing("a").set_tags(Some(tags)).send().await);
}

/// The tags of a secret, sorted by their keys.
async fn has_tags(aws: &Service, tags: &[(&str, &str)]) {
    let tags: Vec<_> = tags.iter().map(|(key, value)| tag(key, value)).collect();
    aws.until(tags, || async {
        let mut tags = aws.describe("a").await.tags.unwrap_or_default();
        tags.sort_by(|a, b| a.key().cmp(&b.key()));
        tags
    })
    .await;
}

async fn tags_given_at_creation_are_described(aws: Service) {
    with_tags(&aws, &[("k", "1"), ("l", "2")]).await;
    has_tags(&aws, &[("k", "1"), ("l", "2")]).await;
}

async fn tags_given_at_creation_are_listed(aws: Service) {
    with_tags(&aws, &[("k", "1")]).await;
    aws.all_listed(1).await;
    let list = answer(aws.listing().send().await);
    assert_eq!(list.secret_list()[0].tags(), [tag("k", "1")]);
}

async fn tag_keys_are_case_sensitive(aws: Service) {
    with_tags(&aws, &[("k", "small"), ("K", "big")]).await;
    has_tags(&aws, &[("K", "big"), ("k", "small")]).await;
}

async fn a_tag_may_have_an_empty_value(aws: Service) {
    with_tags(&aws, &[("k", "")]).await;
    has_tags(&aws, &[("k", "")]).await;
}

async fn tagging_adds_tags(aws: Service) {
    with_tags(&aws, &[("k", "1")]).await;
    assert_eq!(tag_resource(&aws, vec![tag("l", "2"), tag("m", "3")]).await, Ok(()));
    has_tags(&aws, &[("k", "1"), ("l", "2"), ("m", "3")]).await;
}

async fn tagging_overwrites_the_value_of_a_key(aws: Service) {
    with_tags(&aws, &[("k", "1"), ("l", "2")]).await;
    assert_eq!(tag_resource(&aws, vec![tag("k", "new")]).await, Ok(()));
    has_tags(&aws, &[("k", "new"), ("l", "2")]).await;
}

async fn untagging_removes_tags(aws: Service) {
    with_tags(&aws, &[("k", "1"), ("l", "2")]).await;
    untag(&aws, &["k"]).await;
    has_tags(&aws, &[("l", "2")]).await;
}

async fn untagging_several_keys_removes_all_of_them(aws: Service) {
    with_tags(&aws, &[("k", "1"), ("l", "2"), ("m", "3")]).await;
    untag(&aws, &["k", "m"]).await;
    has_tags(&aws, &[("l", "2")]).await;
}

async fn untagging_what_is_not_there_succeeds(aws: Service) {
    with_tags(&aws, &[("k", "1")]).await;
    untag(&aws, &["other"]).await;
    has_tags(&aws, &[("k", "1")]).await;
}

async fn a_secret_that_lost_its_last_tag_has_an_empty_list(aws: Service) {
    with_tags(&aws, &[("k", "1")]).await;
    untag(&aws, &["k"]).await;
    aws.until(Some(vec![]), || async { aws.describe("a").await.tags }).await;
}

async fn tags_are_of_the_secret_and_not_of_a_version(aws: Service) {
    answer(aws.creation("a", "v1").tags(tag("k", "1")).send().await);
    aws.put("a", 2, "v2").await;
    has_tags(&aws, &[("k", "1")]).await;
    assert_eq!(tag_resource(&aws, vec![tag("l", "2")]).await, Ok(()));
    assert_eq!(aws.version_ids("a", true).await, [token(1), token(2)]);
}

async fn tagging_a_missing_secret_is_not_found(aws: Service) {
    assert_eq!(tag_resource(&aws, vec![tag("k", "v")]).await, Err(NOT_FOUND.to_owned()));
}

async fn untagging_a_missing_secret_is_not_found(aws: Service) {
    let untag = aws.client().untag_resource().secret_id(aws.id("a")).tag_keys("k").send().await;
    assert_eq!(code(untag), NOT_FOUND);
}

fn many(range: std::ops::Range<u32>) -> Vec<Tag> {
    range.map(|n| tag(&format!("k{n}"), "v")).collect()
}

async fn a_secret_is_created_with_at_most_fifty_tags(aws: Service) {
    let too_many = aws.creation_of_nothing("a").set_tags(Some(many(0..51))).send().await;
    assert_eq!(code(too_many), INVALID_PARAMETER);
    answer(aws.creation_of_nothing("a").set_tags(Some(many(0..50))).send().await);
}

async fn a_secret_has_at_most_fifty_tags(aws: Service) {
    answer(aws.creation_of_nothing("a").set_tags(Some(many(0..50))).send().await);
    assert_eq!(tag_resource(&aws, many(50..51)).await, Err(INVALID_PARAMETER.to_owned()));
}

async fn a_fifty_first_tag_may_replace_another(aws: Service) {
    answer(aws.creation_of_nothing("a").set_tags(Some(many(0..50))).send().await);
    assert_eq!(tag_resource(&aws, vec![tag("k49", "new")]).await, Ok(()));
    aws.until(50, || async { aws.describe("a").await.tags().len() }).await;
}

async fn a_tag_key_has_1_to_128_characters(aws: Service) {
    aws.create_empty("a").await;
    assert_eq!(tag_resource(&aws, vec![tag("", "v")]).await, Err(VALIDATION.to_owned()));
    assert_eq!(tag_resource(&aws, vec![tag(&"k".repeat(129), "v")]).await, Err(VALIDATION.to_owned()));
    let longest = "k".repeat(128);
    assert_eq!(tag_resource(&aws, vec![tag(&longest, "v")]).await, Ok(()));
    has_tags(&aws, &[(&longest, "v")]).await;
}

async fn a_tag_value_has_at_most_256_characters(aws: Service) {
    aws.create_empty("a").await;
    assert_eq!(tag_resource(&aws, vec![tag("k", &"v".repeat(257))]).await, Err(VALIDATION.to_owned()));
    let longest = "v".repeat(256);
    assert_eq!(tag_resource(&aws, vec![tag("k", &longest)]).await, Ok(()));
    has_tags(&aws, &[("k", &longest)]).await;
}

async fn a_reserved_tag_key_is_refused(aws: Service) {
    aws.create_empty("a").await;
    for key in ["aws:owner", "AWS:owner"] {
        assert_eq!(tag_resource(&aws, vec![tag(key, "v")]).await, Err(INVALID_PARAMETER.to_owned()), "{key}");
    }
}

async fn a_tag_key_given_twice_is_refused(aws: Service) {
    aws.create_empty("a").await;
    let twice = tag_resource(&aws, vec![tag("k", "1"), tag("k", "2")]).await;
    assert_eq!(twice, Err(INVALID_PARAMETER.to_owned()));
}

async fn a_tag_has_letters_digits_spaces_and_some_punctuation(aws: Service) {
    aws.create_empty("a").await;
    assert_eq!(tag_resource(&aws, vec![tag("app:ä key+-=._/@", "José 1")]).await, Ok(()));
    has_tags(&aws, &[("app:ä key+-=._/@", "José 1")]).await;
}

async fn other_punctuation_in_a_tag_is_refused(aws: Service) {
    aws.create_empty("a").await;
    for refused in [tag("k#", "v"), tag("k", "a,b")] {
        let result = tag_resource(&aws, vec![refused.clone()]).await;
        assert_eq!(result, Err(INVALID_PARAMETER.to_owned()), "{refused:?}");
    }
}
