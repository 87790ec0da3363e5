//! BatchGetSecretValue.

use aws_sdk_secretsmanager::operation::batch_get_secret_value::BatchGetSecretValueOutput;
use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType as Key};

use crate::*;

fn by_name(prefix: &str) -> Filter {
    Filter::builder().key(Key::Name).values(prefix).build()
}

fn values(batch: &BatchGetSecretValueOutput) -> Vec<(&str, &str)> {
    let values = batch.secret_values().iter();
    values.map(|value| (value.name().unwrap(), value.secret_string().unwrap())).collect()
}

fn errors(batch: &BatchGetSecretValueOutput) -> Vec<(&str, &str)> {
    let errors = batch.errors().iter();
    errors.map(|error| (error.secret_id().unwrap(), error.error_code().unwrap())).collect()
}

#[tokio::test]
async fn a_batch_by_ids_reads_names_and_arns() {
    let (_, client) = setup();
    create(&client, "a", "1").await;
    let arn = create(&client, "b", "2").await;
    let batch = client.batch_get_secret_value().secret_id_list("a").secret_id_list(arn);
    let batch = batch.send().await.unwrap();
    assert_eq!(values(&batch), [("a", "1"), ("b", "2")]);
    assert_eq!(batch.secret_values()[0].version_id(), Some(token(1).as_str()));
    assert_eq!(batch.secret_values()[0].version_stages(), ["AWSCURRENT"]);
}

#[tokio::test]
async fn what_fails_alone_is_among_the_errors() {
    let (_, client) = setup();
    create(&client, "a", "1").await;
    create(&client, "scheduled", "2").await;
    schedule_deletion(&client, "scheduled").await;
    client.create_secret().name("empty").send().await.unwrap();
    let ids = ["a", "scheduled", "empty", "missing"].map(str::to_owned);
    let batch = client.batch_get_secret_value().set_secret_id_list(Some(ids.into()));
    let batch = batch.send().await.unwrap();
    assert_eq!(values(&batch), [("a", "1")]);
    assert_eq!(
        errors(&batch),
        [("scheduled", INVALID_REQUEST), ("empty", NOT_FOUND), ("missing", NOT_FOUND)]
    );
}

#[tokio::test]
async fn a_batch_has_1_to_20_ids() {
    let (_, client) = setup();
    create(&client, "a", "1").await;
    let batch = |size| {
        let ids = vec!["a".to_owned(); size];
        client.batch_get_secret_value().set_secret_id_list(Some(ids)).send()
    };
    assert_eq!(batch(20).await.unwrap().secret_values().len(), 20);
    assert_eq!(code(batch(21).await), VALIDATION);
    assert_eq!(code(batch(0).await), VALIDATION);
}

#[tokio::test]
async fn a_batch_takes_ids_or_filters_and_not_both() {
    let (_, client) = setup();
    let batch = client.batch_get_secret_value();
    assert_eq!(code(batch.clone().send().await), INVALID_PARAMETER);
    let both = batch.clone().secret_id_list("a").filters(by_name("a")).send().await;
    assert_eq!(code(both), INVALID_PARAMETER);
    let sized = batch.secret_id_list("a").max_results(5).send().await;
    assert_eq!(code(sized), INVALID_PARAMETER);
}

#[tokio::test]
async fn a_batch_by_filters_comes_in_pages_of_twenty() {
    let (_, client) = setup();
    for n in 0..45 {
        create(&client, &format!("p/{n:02}"), "v").await;
        create(&client, &format!("q/{n:02}"), "v").await;
    }
    let mut pages = client.batch_get_secret_value().filters(by_name("p/")).into_paginator().send();
    let (mut sizes, mut names) = (Vec::new(), Vec::new());
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        sizes.push(page.secret_values().len());
        names.extend(values(&page).into_iter().map(|(name, _)| name.to_owned()));
    }
    assert_eq!(sizes, [20, 20, 5]);
    let expected: Vec<_> = (0..45).map(|n| format!("p/{n:02}")).collect();
    assert_eq!(names, expected);
}

#[tokio::test]
async fn a_batch_page_size_is_1_to_20() {
    let (_, client) = setup();
    let batch = |size| client.batch_get_secret_value().filters(by_name("a")).max_results(size).send();
    assert_eq!(code(batch(0).await), VALIDATION);
    assert_eq!(code(batch(21).await), VALIDATION);
    create(&client, "a1", "v").await;
    create(&client, "a2", "v").await;
    let page = batch(1).await.unwrap();
    assert_eq!(page.secret_values().len(), 1);
    assert!(page.next_token.is_some());
}

#[tokio::test]
async fn a_batch_refuses_a_token_that_was_not_given() {
    let (_, client) = setup();
    let batch = client.batch_get_secret_value().next_token("x");
    assert_eq!(code(batch.clone().filters(by_name("a")).send().await), INVALID_TOKEN);
    assert_eq!(code(batch.secret_id_list("a").send().await), INVALID_TOKEN);
}

#[tokio::test]
async fn a_scheduled_match_of_a_filter_is_among_the_errors() {
    let (_, client) = setup();
    create(&client, "a1", "v").await;
    let arn = create(&client, "a2", "v").await;
    schedule_deletion(&client, "a2").await;
    let batch = client.batch_get_secret_value().filters(by_name("a")).send().await.unwrap();
    assert_eq!(values(&batch), [("a1", "v")]);
    assert_eq!(errors(&batch), [(arn.as_str(), INVALID_REQUEST)]);
}

#[tokio::test]
async fn a_batch_by_filters_can_have_empty_pages() {
    let (backend, client) = setup();
    backend.set_empty_pages(true);
    create(&client, "a", "v").await;
    let batch = client.batch_get_secret_value().filters(by_name("a"));
    let first = batch.clone().send().await.unwrap();
    assert!(first.secret_values().is_empty());
    let second = batch.set_next_token(first.next_token).send().await.unwrap();
    assert_eq!(values(&second), [("a", "v")]);
    assert_eq!(second.next_token, None);
}
