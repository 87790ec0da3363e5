//! Tags.

use aws_sdk_secretsmanager::types::Tag;

use crate::*;

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build()
}

async fn tag_resource(client: &Client, tags: Vec<Tag>) -> Result<(), String> {
    client
        .tag_resource()
        .secret_id("a")
        .set_tags(Some(tags))
        .send()
        .await
        .map(drop)
        .map_err(|error| error.code().unwrap().to_owned())
}

async fn tags(client: &Client) -> Vec<Tag> {
    let described = client.describe_secret().secret_id("a").send().await.unwrap();
    described.tags.unwrap_or_default()
}

#[tokio::test]
async fn tags_given_at_creation_are_described_and_listed() {
    let (_, client) = setup();
    let create = client.create_secret().name("a").tags(tag("k", "v")).tags(tag("K", ""));
    create.send().await.unwrap();
    assert_eq!(tags(&client).await, [tag("k", "v"), tag("K", "")]);
    let list = client.list_secrets().send().await.unwrap();
    assert_eq!(list.secret_list()[0].tags(), [tag("k", "v"), tag("K", "")]);
}

#[tokio::test]
async fn tagging_adds_and_overwrites() {
    let (_, client) = setup();
    client.create_secret().name("a").tags(tag("k", "1")).send().await.unwrap();
    tag_resource(&client, vec![tag("k", "2"), tag("l", "3")]).await.unwrap();
    assert_eq!(tags(&client).await, [tag("k", "2"), tag("l", "3")]);
}

#[tokio::test]
async fn untagging_removes_and_ignores_what_is_not_there() {
    let (_, client) = setup();
    let create = client.create_secret().name("a").tags(tag("k", "1")).tags(tag("l", "2"));
    create.send().await.unwrap();
    let untag = client.untag_resource().secret_id("a").tag_keys("k").tag_keys("other");
    untag.send().await.unwrap();
    assert_eq!(tags(&client).await, [tag("l", "2")]);
    client.untag_resource().secret_id("a").tag_keys("k").send().await.unwrap();
}

#[tokio::test]
async fn tagging_a_missing_secret_is_not_found() {
    let (_, client) = setup();
    assert_eq!(tag_resource(&client, vec![tag("k", "v")]).await.unwrap_err(), NOT_FOUND);
    let untag = client.untag_resource().secret_id("a").tag_keys("k").send().await;
    assert_eq!(code(untag), NOT_FOUND);
}

#[tokio::test]
async fn a_secret_has_at_most_fifty_tags() {
    let (_, client) = setup();
    let many = |range: std::ops::Range<u32>| range.map(|n| tag(&format!("k{n}"), "v")).collect();
    let too_many = client.create_secret().name("a").set_tags(Some(many(0..51))).send().await;
    assert_eq!(code(too_many), INVALID_PARAMETER);
    client.create_secret().name("a").set_tags(Some(many(0..50))).send().await.unwrap();
    let one_more = tag_resource(&client, vec![tag("other", "v")]).await;
    assert_eq!(one_more.unwrap_err(), INVALID_PARAMETER);
    tag_resource(&client, vec![tag("k49", "new")]).await.unwrap();
    assert_eq!(tags(&client).await.len(), 50);
}

#[tokio::test]
async fn tag_keys_and_values_have_a_longest_length() {
    let (_, client) = setup();
    client.create_secret().name("a").send().await.unwrap();
    for refused in [tag(&"k".repeat(129), ""), tag("", "v"), tag("k", &"v".repeat(257))] {
        assert_eq!(tag_resource(&client, vec![refused]).await.unwrap_err(), VALIDATION);
    }
    let longest = tag(&"k".repeat(128), &"v".repeat(256));
    tag_resource(&client, vec![longest.clone()]).await.unwrap();
    assert_eq!(tags(&client).await, [longest]);
}

#[tokio::test]
async fn reserved_duplicate_and_oddly_spelled_keys_are_refused() {
    let (_, client) = setup();
    client.create_secret().name("a").send().await.unwrap();
    for refused in [
        vec![tag("aws:owner", "v")],
        vec![tag("AWS:owner", "v")],
        vec![tag("k", "1"), tag("k", "2")],
        vec![tag("k#", "v")],
        vec![tag("k", "a,b")],
    ] {
        let result = tag_resource(&client, refused.clone()).await;
        assert_eq!(result.unwrap_err(), INVALID_PARAMETER, "{refused:?}");
    }
    tag_resource(&client, vec![tag("app:ä key+-=._/@", "José 1")]).await.unwrap();
}
