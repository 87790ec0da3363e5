//! Staging labels and versions.

use std::time::Duration;

use crate::*;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn put_with_stages(client: &Client, n: u32, stages: &[&str]) -> Result<(), String> {
    client
        .put_secret_value()
        .secret_id("a")
        .secret_string(format!("v{n}"))
        .client_request_token(token(n))
        .set_version_stages(Some(stages.iter().map(|&stage| stage.into()).collect()))
        .send()
        .await
        .map(drop)
        .map_err(|error| error.code().unwrap().to_owned())
}

async fn move_label(client: &Client, label: &str, from: Option<u32>, to: Option<u32>) -> Result<(), String> {
    client
        .update_secret_version_stage()
        .secret_id("a")
        .version_stage(label)
        .set_remove_from_version_id(from.map(token))
        .set_move_to_version_id(to.map(token))
        .send()
        .await
        .map(drop)
        .map_err(|error| error.code().unwrap().to_owned())
}

#[tokio::test]
async fn a_put_moves_current_and_previous() {
    let (_, client) = setup();
    create(&client, "a", "v1").await;
    put(&client, "a", 2, "v2").await;
    put(&client, "a", 3, "v3").await;
    assert!(labels(&client, "a", 1).await.is_empty());
    assert_eq!(labels(&client, "a", 2).await, ["AWSPREVIOUS"]);
    assert_eq!(labels(&client, "a", 3).await, ["AWSCURRENT"]);
}

#[tokio::test]
async fn a_put_with_other_stages_leaves_current_alone() {
    let (_, client) = setup();
    create(&client, "a", "v1").await;
    put_with_stages(&client, 2, &["MINE"]).await.unwrap();
    assert_eq!(labels(&client, "a", 1).await, ["AWSCURRENT"]);
    assert_eq!(labels(&client, "a", 2).await, ["MINE"]);
}

#[tokio::test]
async fn a_put_with_current_among_its_stages_moves_previous_too() {
    let (_, client) = setup();
    create(&client, "a", "v1").await;
    put_with_stages(&client, 2, &["AWSCURRENT", "MINE"]).await.unwrap();
    assert_eq!(labels(&client, "a", 1).await, ["AWSPREVIOUS"]);
    assert_eq!(labels(&client, "a", 2).await, ["AWSCURRENT", "MINE"]);
}

#[tokio::test]
async fn a_put_takes_a_private_label_from_its_holder() {
    let (_, client) = setup();
    create(&client, "a", "v1").await;
    put_with_stages(&client, 2, &["MINE"]).await.unwrap();
    put_with_stages(&client, 3, &["MINE"]).await.unwrap();
    assert!(labels(&client, "a", 2).await.is_empty());
    assert_eq!(labels(&client, "a", 3).await, ["MINE"]);
}

#[tokio::test]
async fn a_private_label_on_the_old_current_version_survives_a_put() {
    let (_, client) = setup();
    create(&client, "a", "v1").await;
    move_label(&client, "MINE", None, Some(1)).await.unwrap();
    put(&client, "a", 2, "v2").await;
    assert_eq!(labels(&client, "a", 1).await, ["AWSPREVIOUS", "MINE"]);
    put(&client, "a", 3, "v3").await;
    assert_eq!(labels(&client, "a", 1).await, ["MINE"]);
}

#[tokio::test]
async fn the_first_version_is_current_whatever_its_stages() {
    let (_, client) = setup();
    client.create_secret().name("a").send().await.unwrap();
    put_with_stages(&client, 1, &["MINE"]).await.unwrap();
    assert_eq!(labels(&client, "a", 1).await, ["AWSCURRENT", "MINE"]);
}

#[tokio::test]
async fn moving_current_back_moves_previous_to_the_former_current() {
    let (_, client) = setup();
    create(&client, "a", "v1").await;
    put(&client, "a", 2, "v2").await;
    move_label(&client, "AWSCURRENT", Some(2), Some(1)).await.unwrap();
    assert_eq!(value_or_code(&client, "a").await, "v1");
    assert_eq!(labels(&client, "a", 1).await, ["AWSCURRENT"]);
    assert_eq!(labels(&client, "a", 2).await, ["AWSPREVIOUS"]);
}

#[tokio::test]
async fn moving_a_label_without_naming_its_holder_is_refused() {
    let (_, client) = setup();
    create(&client, "a", "v1").await;
    put(&client, "a", 2, "v2").await;
    for label in ["AWSCURRENT", "MINE"] {
        if label == "MINE" {
            move_label(&client, label, None, Some(2)).await.unwrap();
        }
        let result = move_label(&client, label, None, Some(1)).await;
        assert_eq!(result.unwrap_err(), INVALID_PARAMETER);
    }
    assert_eq!(labels(&client, "a", 2).await, ["AWSCURRENT", "MINE"]);
}

#[tokio::test]
async fn moving_a_label_from_another_version_than_its_holder_is_refused() {
    let (_, client) = setup();
    create(&client, "a", "v1").await;
    put(&client, "a", 2, "v2").await;
    let stale = move_label(&client, "AWSCURRENT", Some(1), Some(1)).await;
    assert_eq!(stale.unwrap_err(), INVALID_PARAMETER);
    let unattached = move_label(&client, "MINE", Some(1), Some(2)).await;
    assert_eq!(unattached.unwrap_err(), INVALID_PARAMETER);
    assert_eq!(labels(&client, "a", 2).await, ["AWSCURRENT"]);
}

#[tokio::test]
async fn attaching_a_label_where_it_is_changes_nothing() {
    let (_, client) = setup();
    create(&client, "a", "v1").await;
    put(&client, "a", 2, "v2").await;
    move_label(&client, "AWSCURRENT", None, Some(2)).await.unwrap();
    assert_eq!(labels(&client, "a", 1).await, ["AWSPREVIOUS"]);
    assert_eq!(labels(&client, "a", 2).await, ["AWSCURRENT"]);
}

#[tokio::test]
async fn a_private_label_can_be_removed_but_current_cannot() {
    let (_, client) = setup();
    create(&client, "a", "v1").await;
    move_label(&client, "MINE", None, Some(1)).await.unwrap();
    move_label(&client, "MINE", Some(1), None).await.unwrap();
    let current = move_label(&client, "AWSCURRENT", Some(1), None).await;
    assert_eq!(current.unwrap_err(), INVALID_PARAMETER);
    assert_eq!(labels(&client, "a", 1).await, ["AWSCURRENT"]);
}

#[tokio::test]
async fn a_label_needs_a_version_that_exists() {
    let (_, client) = setup();
    create(&client, "a", "v1").await;
    let unknown = move_label(&client, "MINE", None, Some(9)).await;
    assert_eq!(unknown.unwrap_err(), INVALID_PARAMETER);
    let neither = move_label(&client, "MINE", None, None).await;
    assert_eq!(neither.unwrap_err(), INVALID_PARAMETER);
}

#[tokio::test]
async fn a_secret_has_at_most_twenty_labels() {
    let (_, client) = setup();
    create(&client, "a", "v1").await;
    for n in 1..=19 {
        move_label(&client, &format!("L{n}"), None, Some(1)).await.unwrap();
    }
    let one_more = move_label(&client, "L20", None, Some(1)).await;
    assert_eq!(one_more.unwrap_err(), LIMIT_EXCEEDED);
    // AWSPREVIOUS would be the twenty-first.
    let put = client.put_secret_value().secret_id("a").secret_string("v2").send().await;
    assert_eq!(code(put), LIMIT_EXCEEDED);
    assert_eq!(value_or_code(&client, "a").await, "v1");
    assert_eq!(labels(&client, "a", 1).await.len(), 20);
}

#[tokio::test]
async fn a_put_has_at_most_twenty_stages_and_not_none() {
    let (_, client) = setup();
    client.create_secret().name("a").send().await.unwrap();
    let stages: Vec<_> = (1..=21).map(|n| format!("L{n}")).collect();
    let stages: Vec<_> = stages.iter().map(String::as_str).collect();
    assert_eq!(put_with_stages(&client, 1, &stages).await.unwrap_err(), VALIDATION);
    assert_eq!(put_with_stages(&client, 1, &[]).await.unwrap_err(), VALIDATION);
    assert_eq!(put_with_stages(&client, 1, &[""]).await.unwrap_err(), VALIDATION);
    put_with_stages(&client, 1, &stages[..19]).await.unwrap();
    assert_eq!(labels(&client, "a", 1).await.len(), 20);
}

#[tokio::test]
async fn an_unlabelled_version_is_listed_only_as_deprecated() {
    let (_, client) = setup();
    create(&client, "a", "v1").await;
    put(&client, "a", 2, "v2").await;
    put(&client, "a", 3, "v3").await;
    let ids = |include| {
        let list = client.list_secret_version_ids().secret_id("a").include_deprecated(include);
        async move {
            let versions = list.send().await.unwrap().versions.unwrap();
            let mut ids: Vec<_> = versions.into_iter().map(|v| v.version_id.unwrap()).collect();
            ids.sort();
            ids
        }
    };
    assert_eq!(ids(false).await, [token(2), token(3)]);
    assert_eq!(ids(true).await, [token(1), token(2), token(3)]);
    let described = client.describe_secret().secret_id("a").send().await.unwrap();
    assert!(!described.version_ids_to_stages().unwrap().contains_key(&token(1)));
}

#[tokio::test(start_paused = true)]
async fn versions_are_listed_in_pages_from_the_oldest() {
    let (_, client) = setup();
    create(&client, "a", "v1").await;
    for n in 2..=5 {
        tokio::time::advance(Duration::from_secs(1)).await;
        put(&client, "a", n, "v").await;
    }
    let mut pages = client
        .list_secret_version_ids()
        .secret_id("a")
        .include_deprecated(true)
        .max_results(2)
        .into_paginator()
        .send();
    let mut seen = Vec::new();
    while let Some(page) = pages.next().await {
        let versions = page.unwrap().versions.unwrap();
        seen.push(versions.into_iter().map(|v| v.version_id.unwrap()).collect::<Vec<_>>());
    }
    let expected = [vec![token(1), token(2)], vec![token(3), token(4)], vec![token(5)]];
    assert_eq!(seen, expected);
}

/// The versions of `a`, deprecated ones included.
async fn version_count(client: &Client) -> usize {
    let mut pages =
        client.list_secret_version_ids().secret_id("a").include_deprecated(true).into_paginator().send();
    let mut count = 0;
    while let Some(page) = pages.next().await {
        count += page.unwrap().versions().len();
    }
    count
}

#[tokio::test(start_paused = true)]
async fn no_version_younger_than_a_day_is_pruned() {
    let (_, client) = setup();
    create(&client, "a", "v").await;
    for n in 2..=150 {
        put(&client, "a", n, "v").await;
    }
    tokio::time::advance(DAY - Duration::from_secs(1)).await;
    put(&client, "a", 151, "v").await;
    assert_eq!(version_count(&client).await, 151);
}

#[tokio::test(start_paused = true)]
async fn versions_over_a_hundred_are_pruned_when_they_are_a_day_old() {
    let (_, client) = setup();
    create(&client, "a", "v").await;
    move_label(&client, "MINE", None, Some(1)).await.unwrap();
    for n in 2..=150 {
        put(&client, "a", n, "v").await;
    }
    tokio::time::advance(DAY).await;
    put(&client, "a", 151, "v").await;
    assert_eq!(version_count(&client).await, 100);
    assert_eq!(labels(&client, "a", 1).await, ["MINE"], "a labelled version stays");
    let pruned = client.get_secret_value().secret_id("a").version_id(token(2)).send();
    assert_eq!(code(pruned.await), NOT_FOUND);
}
