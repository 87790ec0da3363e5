//! What a ClientRequestToken does.

use aws_sdk_secretsmanager::primitives::Blob;

use crate::*;

#[tokio::test]
async fn create_with_the_same_token_and_content_succeeds_and_changes_nothing() {
    let (backend, client) = setup();
    let create = || client.create_secret().name("a").secret_string("v").client_request_token(token(1)).send();
    let first = create().await.unwrap();
    let second = create().await.unwrap();
    assert_eq!(first.arn, second.arn);
    assert_eq!(second.version_id(), Some(token(1).as_str()));
    assert_eq!(backend.secret_count(), 1);
}

#[tokio::test]
async fn create_with_the_same_token_succeeds_after_later_puts() {
    let (_, client) = setup();
    let arn = create(&client, "a", "v1").await;
    put(&client, "a", 2, "v2").await;
    assert_eq!(create(&client, "a", "v1").await, arn);
    assert_eq!(value_or_code(&client, "a").await, "v2");
}

#[tokio::test]
async fn create_on_an_existing_name_is_refused() {
    let (_, client) = setup();
    create(&client, "a", "v").await;
    let create = |n, value: &str| {
        client.create_secret().name("a").secret_string(value).client_request_token(token(n)).send()
    };
    assert_eq!(code(create(1, "other").await), EXISTS);
    assert_eq!(code(create(2, "v").await), EXISTS);
    let without_value = client.create_secret().name("a").client_request_token(token(1)).send();
    assert_eq!(code(without_value.await), EXISTS);
    assert_eq!(value_or_code(&client, "a").await, "v");
}

#[tokio::test]
async fn put_with_the_same_token_and_content_succeeds_and_changes_nothing() {
    let (_, client) = setup();
    create(&client, "a", "v1").await;
    put(&client, "a", 2, "v2").await;
    let before = client.describe_secret().secret_id("a").send().await.unwrap();
    put(&client, "a", 2, "v2").await;
    let after = client.describe_secret().secret_id("a").send().await.unwrap();
    assert_eq!(before.version_ids_to_stages, after.version_ids_to_stages);
    assert_eq!(before.last_changed_date, after.last_changed_date);
}

#[tokio::test]
async fn put_with_the_same_token_and_other_content_is_refused() {
    let (_, client) = setup();
    create(&client, "a", "v1").await;
    let put = client.put_secret_value().secret_id("a").client_request_token(token(1));
    assert_eq!(code(put.clone().secret_string("v2").send().await), EXISTS);
    // The same bytes as a binary are another content.
    assert_eq!(code(put.secret_binary(Blob::new("v1")).send().await), EXISTS);
    assert_eq!(value_or_code(&client, "a").await, "v1");
}

#[tokio::test]
async fn put_again_with_an_older_token_and_its_content_moves_no_label() {
    let (_, client) = setup();
    create(&client, "a", "v1").await;
    put(&client, "a", 2, "v2").await;
    put(&client, "a", 3, "v3").await;
    let again = client
        .put_secret_value()
        .secret_id("a")
        .secret_string("v1")
        .client_request_token(token(1))
        .send()
        .await
        .unwrap();
    assert_eq!(again.version_id(), Some(token(1).as_str()));
    assert_eq!(again.version_stages, None);
    assert_eq!(value_or_code(&client, "a").await, "v3");
    assert_eq!(labels(&client, "a", 2).await, ["AWSPREVIOUS"]);
}

#[tokio::test]
async fn put_again_with_the_previous_token_answers_with_its_label() {
    let (_, client) = setup();
    create(&client, "a", "v1").await;
    put(&client, "a", 2, "v2").await;
    let again = client
        .put_secret_value()
        .secret_id("a")
        .secret_string("v1")
        .client_request_token(token(1))
        .send()
        .await
        .unwrap();
    assert_eq!(again.version_stages(), ["AWSPREVIOUS"]);
    assert_eq!(value_or_code(&client, "a").await, "v2");
}

#[tokio::test]
async fn update_with_the_same_token_and_content_succeeds_with_that_version() {
    let (_, client) = setup();
    create(&client, "a", "v1").await;
    put(&client, "a", 2, "v2").await;
    let update = |value: &str| {
        client.update_secret().secret_id("a").secret_string(value).client_request_token(token(1)).send()
    };
    assert_eq!(update("v1").await.unwrap().version_id(), Some(token(1).as_str()));
    assert_eq!(value_or_code(&client, "a").await, "v2");
    assert_eq!(code(update("v3").await), EXISTS);
}

#[tokio::test]
async fn of_many_writers_with_one_token_one_wins() {
    let (_, client) = setup();
    create(&client, "a", "v").await;
    let writers = (0..12).map(|n| {
        client
            .put_secret_value()
            .secret_id("a")
            .secret_string(format!("writer {n}"))
            .client_request_token(token(2))
            .send()
    });
    let results = futures_util::future::join_all(writers).await;
    let (won, lost): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    for result in lost {
        assert_eq!(code(result), EXISTS);
    }
}
