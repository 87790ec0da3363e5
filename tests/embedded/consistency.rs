//! Lagging listings and stale reads.

use std::time::Duration;

use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType as Key, Tag};

use crate::*;

const LAG: Duration = Duration::from_secs(300);
const SECOND: Duration = Duration::from_secs(1);

async fn batch_names(client: &Client) -> Vec<String> {
    let filter = Filter::builder().key(Key::Name).values("a").build();
    let batch = client.batch_get_secret_value().filters(filter).send().await.unwrap();
    let values = batch.secret_values.unwrap().into_iter();
    values.map(|value| value.name.unwrap()).collect()
}

async fn version(client: &Client, id: &str) -> Option<String> {
    let found = client.get_secret_value().secret_id(id).send().await.ok()?;
    found.version_id
}

#[tokio::test(start_paused = true)]
async fn a_lagging_list_misses_a_new_secret_that_describe_finds() {
    let (backend, client) = setup();
    backend.set_list_lag(LAG);
    create(&client, "a", "v").await;
    client.describe_secret().secret_id("a").send().await.unwrap();
    assert!(listed(&client).await.is_empty());
    assert!(batch_names(&client).await.is_empty());
    tokio::time::advance(LAG - SECOND).await;
    assert!(listed(&client).await.is_empty());
    tokio::time::advance(SECOND).await;
    assert_eq!(listed(&client).await, ["a"]);
    assert_eq!(batch_names(&client).await, ["a"]);
}

#[tokio::test(start_paused = true)]
async fn a_lagging_list_still_has_a_deleted_secret() {
    let (backend, client) = setup();
    backend.set_list_lag(LAG);
    create(&client, "a", "v").await;
    tokio::time::advance(LAG).await;
    force_delete(&client, "a").await;
    assert_eq!(listed(&client).await, ["a"]);
    let filter = Filter::builder().key(Key::Name).values("a").build();
    let batch = client.batch_get_secret_value().filters(filter).send().await.unwrap();
    assert_eq!(batch.errors()[0].error_code(), Some(NOT_FOUND), "its value is gone");
    tokio::time::advance(LAG).await;
    assert!(listed(&client).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_lagging_list_has_the_old_arn_of_a_recreated_name() {
    let (backend, client) = setup();
    backend.set_list_lag(LAG);
    let old = create(&client, "a", "v1").await;
    tokio::time::advance(LAG).await;
    force_delete(&client, "a").await;
    tokio::time::advance(SECOND).await;
    let new = create(&client, "a", "v2").await;
    let arns = || async {
        let list = client.list_secrets().send().await.unwrap().secret_list.unwrap();
        list.into_iter().map(|secret| secret.arn.unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(arns().await, [old]);
    tokio::time::advance(LAG).await;
    assert_eq!(arns().await, [new]);
}

#[tokio::test(start_paused = true)]
async fn a_lagging_list_filters_by_the_tags_as_they_were() {
    let (backend, client) = setup();
    backend.set_list_lag(LAG);
    create(&client, "a", "v").await;
    tokio::time::advance(LAG).await;
    let tag = Tag::builder().key("k").value("v").build();
    client.tag_resource().secret_id("a").tags(tag).send().await.unwrap();
    let tagged = || async {
        let filter = Filter::builder().key(Key::TagKey).values("k").build();
        let list = client.list_secrets().filters(filter).send().await.unwrap();
        list.secret_list().len()
    };
    assert_eq!(tagged().await, 0);
    tokio::time::advance(LAG).await;
    assert_eq!(tagged().await, 1);
}

#[tokio::test(start_paused = true)]
async fn lagging_reads_see_the_whole_older_state() {
    let (backend, client) = setup();
    backend.set_read_lag(LAG);
    create(&client, "a", "v1").await;
    assert_eq!(value_or_code(&client, "a").await, NOT_FOUND);
    assert_eq!(code(client.describe_secret().secret_id("a").send().await), NOT_FOUND);
    tokio::time::advance(LAG).await;
    put(&client, "a", 2, "v2").await;
    assert_eq!(value_or_code(&client, "a").await, "v1");
    assert_eq!(labels(&client, "a", 1).await, ["AWSCURRENT"]);
    let new = client.get_secret_value().secret_id("a").version_id(token(2)).send().await;
    assert_eq!(code(new), NOT_FOUND);
    let batch = client.batch_get_secret_value().secret_id_list("a").send().await.unwrap();
    assert_eq!(batch.secret_values()[0].secret_string(), Some("v1"));
    tokio::time::advance(LAG).await;
    assert_eq!(value_or_code(&client, "a").await, "v2");
}

#[tokio::test(start_paused = true)]
async fn writes_never_lag() {
    let (backend, client) = setup();
    backend.set_read_lag(LAG);
    create(&client, "a", "v1").await;
    put(&client, "a", 2, "v2").await;
    let create_again = client.create_secret().name("a").secret_string("w").send().await;
    assert_eq!(code(create_again), EXISTS);
}

#[tokio::test(start_paused = true)]
async fn a_lag_over_many_changes_finds_the_right_one() {
    let (backend, client) = setup();
    backend.set_read_lag(10 * SECOND);
    create(&client, "a", "v1").await;
    for n in 2..=100 {
        tokio::time::advance(SECOND).await;
        put(&client, "a", n, "v").await;
        let expected = (n > 10).then(|| token(n - 10));
        assert_eq!(version(&client, "a").await, expected);
    }
}

#[tokio::test]
async fn a_stale_read_misses_a_new_secret() {
    let (backend, client) = setup();
    create(&client, "a", "v").await;
    backend.stale_reads(1);
    assert_eq!(value_or_code(&client, "a").await, NOT_FOUND);
    assert_eq!(value_or_code(&client, "a").await, "v");
}

#[tokio::test]
async fn stale_reads_see_value_and_labels_before_the_last_change() {
    let (backend, client) = setup();
    create(&client, "a", "v1").await;
    put(&client, "a", 2, "v2").await;
    put(&client, "a", 3, "v3").await;
    backend.stale_reads(3);
    assert_eq!(value_or_code(&client, "a").await, "v2");
    assert_eq!(labels(&client, "a", 2).await, ["AWSCURRENT"]);
    let described = client.describe_secret().secret_id("a").send().await.unwrap();
    let versions = described.version_ids_to_stages.unwrap();
    assert_eq!(versions[&token(1)], ["AWSPREVIOUS"]);
    assert_eq!(versions.get(&token(3)), None);
    assert_eq!(value_or_code(&client, "a").await, "v3");
}

#[tokio::test]
async fn a_stale_read_still_has_a_deleted_secret() {
    let (backend, client) = setup();
    let old = create(&client, "a", "v").await;
    force_delete(&client, "a").await;
    backend.stale_reads(2);
    assert_eq!(value_or_code(&client, "a").await, "v");
    assert_eq!(value_or_code(&client, &old).await, "v");
    assert_eq!(value_or_code(&client, "a").await, NOT_FOUND);
}

#[tokio::test]
async fn a_stale_read_after_a_recreation_finds_nothing() {
    let (backend, client) = setup();
    create(&client, "a", "v1").await;
    force_delete(&client, "a").await;
    create(&client, "a", "v2").await;
    backend.stale_reads(1);
    assert_eq!(value_or_code(&client, "a").await, NOT_FOUND);
}

#[tokio::test]
async fn a_stale_batch_is_one_read() {
    let (backend, client) = setup();
    for name in ["a", "b"] {
        create(&client, name, "v1").await;
        put(&client, name, 2, "v2").await;
    }
    backend.stale_reads(1);
    let batch = || client.batch_get_secret_value().secret_id_list("a").secret_id_list("b").send();
    let stale = batch().await.unwrap();
    assert!(stale.secret_values().iter().all(|value| value.secret_string() == Some("v1")));
    assert_eq!(stale.secret_values().len(), 2);
    let fresh = batch().await.unwrap();
    assert!(fresh.secret_values().iter().all(|value| value.secret_string() == Some("v2")));
}

#[tokio::test]
async fn listings_are_no_stale_reads() {
    let (backend, client) = setup();
    create(&client, "a", "v").await;
    backend.stale_reads(1);
    assert_eq!(listed(&client).await, ["a"]);
    assert_eq!(value_or_code(&client, "a").await, NOT_FOUND);
}

#[tokio::test]
async fn deleted_names_are_forgotten_in_the_end() {
    let (backend, client) = setup();
    create(&client, "first", "v").await;
    force_delete(&client, "first").await;
    for n in 0..1_100 {
        client.create_secret().name(format!("{n}")).send().await.unwrap();
        force_delete(&client, &format!("{n}")).await;
    }
    backend.stale_reads(1);
    assert_eq!(value_or_code(&client, "first").await, NOT_FOUND);
    create(&client, "first", "again").await;
    assert_eq!(listed(&client).await, ["first"]);
}

#[tokio::test(start_paused = true)]
async fn a_lag_set_late_shows_the_oldest_state_that_was_kept() {
    let (backend, client) = setup();
    create(&client, "a", "v1").await;
    for n in 2..=4 {
        tokio::time::advance(SECOND).await;
        put(&client, "a", n, &format!("v{n}")).await;
    }
    backend.set_read_lag(LAG);
    assert_eq!(value_or_code(&client, "a").await, "v3");
}
