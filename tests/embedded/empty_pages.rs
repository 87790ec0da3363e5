//! Empty pages with a token, which the API allows at any time.

use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType as Key};

use crate::*;

#[tokio::test]
async fn empty_pages_with_tokens_can_be_had() {
    let (backend, client) = setup();
    backend.set_empty_pages(true);
    for name in ["a", "b", "c"] {
        create(&client, name, "v").await;
    }
    let first = client.list_secrets().max_results(2).send().await.unwrap();
    assert_eq!(first.secret_list(), []);
    assert!(first.next_token.is_some());
    let mut pages = client.list_secrets().max_results(2).into_paginator().send();
    let mut sizes = Vec::new();
    while let Some(page) = pages.next().await {
        sizes.push(page.unwrap().secret_list().len());
    }
    assert_eq!(sizes, [0, 2, 0, 1]);
    backend.set_empty_pages(false);
    assert_eq!(client.list_secrets().send().await.unwrap().secret_list().len(), 3);
}

#[tokio::test]
async fn a_batch_by_filters_can_have_empty_pages() {
    let (backend, client) = setup();
    backend.set_empty_pages(true);
    create(&client, "a", "v").await;
    let batch = client.batch_get_secret_value().filters(Filter::builder().key(Key::Name).values("a").build());
    let first = batch.clone().send().await.unwrap();
    assert!(first.secret_values().is_empty());
    let second = batch.set_next_token(first.next_token).send().await.unwrap();
    assert_eq!(second.secret_values()[0].secret_string(), Some("v"));
    assert_eq!(second.next_token, None);
}
