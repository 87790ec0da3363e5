//! BatchGetSecretValue.

use aws_sdk_secretsmanager::operation::batch_get_secret_value::BatchGetSecretValueOutput;
use aws_sdk_secretsmanager::operation::batch_get_secret_value::builders::BatchGetSecretValueFluentBuilder;
use aws_sdk_secretsmanager::types::FilterNameStringType as Key;

use crate::behaviour::Source::{Api, Measured, Undocumented};
use crate::behaviour::behaviours;
use crate::service::*;

behaviours! { batch:
    a_batch_by_ids_reads_names_and_arns: Api("BatchGetSecretValue", "SecretIdList");
    an_entry_of_a_batch_is_what_a_read_gives: Api("SecretValueEntry", "Contents");
    a_batch_by_ids_is_in_the_order_of_the_ids: Undocumented("the order of the request");
    what_is_missing_is_among_the_errors_of_a_batch: Api("BatchGetSecretValue", "Response Elements, Errors");
    what_is_scheduled_is_among_the_errors_of_a_batch: Api("BatchGetSecretValue", "Response Elements, Errors");
    what_has_no_value_is_among_the_errors_of_a_batch: Api("BatchGetSecretValue", "Response Elements, Errors");
    a_batch_of_twenty_ids_is_read: Api("BatchGetSecretValue", "SecretIdList, Array Members"), on NotOnAws;
    a_batch_of_more_than_twenty_ids_is_refused: Api("BatchGetSecretValue", "SecretIdList, Array Members");
    a_batch_of_nothing_is_refused: Api("BatchGetSecretValue", "SecretIdList, you must include one");
    a_batch_by_ids_and_filters_is_refused: Api("BatchGetSecretValue", "SecretIdList, but not both");
    a_batch_by_ids_has_no_page_size: Api("BatchGetSecretValue", "MaxResults, you must also use Filters");
    a_batch_by_filters_reads_what_they_find: Api("BatchGetSecretValue", "Filters");
    a_batch_by_filters_comes_in_pages_of_twenty: Api("BatchGetSecretValue", "MaxResults, Valid Range"), on NotOnAws;
    a_page_of_a_batch_has_1_to_20_secrets: Api("BatchGetSecretValue", "MaxResults, Valid Range");
    a_page_of_a_batch_has_as_many_secrets_as_asked_for: Api("BatchGetSecretValue", "MaxResults");
    a_batch_refuses_a_token_that_was_not_given: Api("BatchGetSecretValue", "Errors, InvalidNextTokenException");
    a_scheduled_match_of_a_filter_is_among_the_errors: Measured("scheduled matches stand in Errors");
    a_batch_is_an_access: Api("BatchGetSecretValue", "description, GetSecretValue for each secret");
}

fn by_ids(aws: &Service, names: &[&str]) -> BatchGetSecretValueFluentBuilder {
    let ids = names.iter().map(|name| aws.id(name)).collect();
    aws.client().batch_get_secret_value().set_secret_id_list(Some(ids))
}

fn by_filter(aws: &Service, prefix: &str) -> BatchGetSecretValueFluentBuilder {
    aws.client().batch_get_secret_value().filters(filter(Key::Name, &[&aws.id(prefix)]))
}

/// Names and values, in the batch's order.
fn values(aws: &Service, batch: &BatchGetSecretValueOutput) -> Vec<(String, String)> {
    let values = batch.secret_values().iter();
    values
        .map(|value| {
            let name = value.name().expect("a name");
            pair(name.strip_prefix(aws.prefix()).unwrap_or(name), value.secret_string().expect("a string"))
        })
        .collect()
}

fn errors(batch: &BatchGetSecretValueOutput) -> Vec<(&str, &str)> {
    let errors = batch.errors().iter();
    errors.map(|error| (error.secret_id().expect("an id"), error.error_code().expect("a code"))).collect()
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

async fn a_batch_by_ids_reads_names_and_arns(aws: Service) {
    aws.create("a", "1").await;
    let arn = aws.create("b", "2").await;
    let batch = answer(by_ids(&aws, &["a", &arn]).send().await);
    let mut values = values(&aws, &batch);
    values.sort();
    assert_eq!(values, [pair("a", "1"), pair("b", "2")]);
    assert_eq!(errors(&batch), []);
}

async fn an_entry_of_a_batch_is_what_a_read_gives(aws: Service) {
    aws.create("a", "v1").await;
    aws.put("a", 2, "v2").await;
    let read = aws.get("a").await;
    let batch = answer(by_ids(&aws, &["a"]).send().await);
    let entry = &batch.secret_values()[0];
    assert_eq!(entry.arn, read.arn);
    assert_eq!(entry.name, read.name);
    assert_eq!(entry.version_id, read.version_id);
    assert_eq!(entry.secret_string, read.secret_string);
    assert_eq!(entry.version_stages, read.version_stages);
    assert_eq!(entry.created_date, read.created_date);
}

async fn a_batch_by_ids_is_in_the_order_of_the_ids(aws: Service) {
    aws.create("a", "1").await;
    aws.create("b", "2").await;
    let batch = answer(by_ids(&aws, &["b", "a"]).send().await);
    assert_eq!(values(&aws, &batch), [pair("b", "2"), pair("a", "1")]);
}

async fn what_is_missing_is_among_the_errors_of_a_batch(aws: Service) {
    aws.create("a", "1").await;
    let batch = answer(by_ids(&aws, &["missing", "a"]).send().await);
    assert_eq!(values(&aws, &batch), [pair("a", "1")]);
    assert_eq!(errors(&batch), [(aws.id("missing").as_str(), NOT_FOUND)]);
}

async fn what_is_scheduled_is_among_the_errors_of_a_batch(aws: Service) {
    aws.create("a", "1").await;
    aws.create("scheduled", "2").await;
    aws.schedule("scheduled").await;
    let batch = answer(by_ids(&aws, &["a", "scheduled"]).send().await);
    assert_eq!(values(&aws, &batch), [pair("a", "1")]);
    assert_eq!(errors(&batch), [(aws.id("scheduled").as_str(), INVALID_REQUEST)]);
}

async fn what_has_no_value_is_among_the_errors_of_a_batch(aws: Service) {
    aws.create("a", "1").await;
    aws.create_empty("empty").await;
    let batch = answer(by_ids(&aws, &["a", "empty"]).send().await);
    assert_eq!(values(&aws, &batch), [pair("a", "1")]);
    assert_eq!(errors(&batch), [(aws.id("empty").as_str(), NOT_FOUND)]);
}

async fn a_batch_of_twenty_ids_is_read(aws: Service) {
    let names: Vec<_> = (0..20).map(|n| format!("n{n}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    for name in &names {
        aws.create(name, "v").await;
    }
    assert_eq!(answer(by_ids(&aws, &names).send().await).secret_values().len(), 20);
}

async fn a_batch_of_more_than_twenty_ids_is_refused(aws: Service) {
    assert_eq!(code(by_ids(&aws, &["a"; 21]).send().await), VALIDATION);
}

async fn a_batch_of_nothing_is_refused(aws: Service) {
    assert_eq!(code(aws.client().batch_get_secret_value().send().await), INVALID_PARAMETER);
}

async fn a_batch_by_ids_and_filters_is_refused(aws: Service) {
    let both = by_ids(&aws, &["a"]).filters(filter(Key::Name, &["a"])).send().await;
    assert_eq!(code(both), INVALID_PARAMETER);
}

async fn a_batch_by_ids_has_no_page_size(aws: Service) {
    aws.create("a", "v").await;
    assert_eq!(code(by_ids(&aws, &["a"]).max_results(5).send().await), INVALID_PARAMETER);
}

async fn a_batch_by_filters_reads_what_they_find(aws: Service) {
    for (name, value) in [("p/1", "1"), ("p/2", "2"), ("q/1", "3")] {
        aws.create(name, value).await;
    }
    aws.until(vec![pair("p/1", "1"), pair("p/2", "2")], || async {
        let mut found = values(&aws, &answer(by_filter(&aws, "p/").send().await));
        found.sort();
        found
    })
    .await;
}

async fn a_batch_by_filters_comes_in_pages_of_twenty(aws: Service) {
    for n in 0..45 {
        aws.create(&format!("p/{n:02}"), "v").await;
    }
    let mut pages = by_filter(&aws, "p/").into_paginator().send();
    let (mut sizes, mut found) = (Vec::new(), Vec::new());
    while let Some(page) = pages.next().await {
        let page = answer(page);
        sizes.push(page.secret_values().len());
        found.extend(values(&aws, &page));
    }
    assert_eq!(sizes, [20, 20, 5]);
    found.sort();
    assert_eq!(found, (0..45).map(|n| pair(&format!("p/{n:02}"), "v")).collect::<Vec<_>>());
}

async fn a_page_of_a_batch_has_1_to_20_secrets(aws: Service) {
    assert_eq!(code(by_filter(&aws, "a").max_results(0).send().await), VALIDATION);
    assert_eq!(code(by_filter(&aws, "a").max_results(21).send().await), VALIDATION);
    answer(by_filter(&aws, "a").max_results(20).send().await);
}

async fn a_page_of_a_batch_has_as_many_secrets_as_asked_for(aws: Service) {
    aws.create("a1", "v").await;
    aws.create("a2", "v").await;
    aws.all_listed(2).await;
    let page = answer(by_filter(&aws, "a").max_results(1).send().await);
    assert_eq!(page.secret_values().len(), 1);
    assert!(page.next_token().is_some());
}

async fn a_batch_refuses_a_token_that_was_not_given(aws: Service) {
    assert_eq!(code(by_filter(&aws, "a").next_token("x").send().await), INVALID_TOKEN);
}

async fn a_scheduled_match_of_a_filter_is_among_the_errors(aws: Service) {
    aws.create("a1", "v").await;
    let arn = aws.create("a2", "v").await;
    aws.schedule("a2").await;
    aws.all_listed(1).await;
    let batch = answer(by_filter(&aws, "a").send().await);
    assert_eq!(values(&aws, &batch), [pair("a1", "v")]);
    assert_eq!(errors(&batch), [(arn.as_str(), INVALID_REQUEST)]);
}

async fn a_batch_is_an_access(aws: Service) {
    aws.create("a", "v").await;
    answer(by_ids(&aws, &["a"]).send().await);
    assert!(aws.describe("a").await.last_accessed_date().is_some());
}
