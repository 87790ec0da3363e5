//! Creating, putting, reading and updating values.

use aws_sdk_secretsmanager::primitives::Blob;

use crate::*;

#[tokio::test]
async fn a_created_value_is_read_back_with_its_version() {
    let (_, client) = setup();
    let created = client
        .create_secret()
        .name("app/a")
        .secret_string("v1")
        .client_request_token(token(1))
        .send()
        .await
        .unwrap();
    let found = get(&client, "app/a").await;
    assert_eq!(found.secret_string(), Some("v1"));
    assert_eq!(found.name(), Some("app/a"));
    assert_eq!(found.arn(), created.arn());
    assert_eq!(found.version_id(), Some(token(1).as_str()));
    assert_eq!(found.version_stages(), ["AWSCURRENT"]);
    assert!(found.created_date().is_some());
}

#[tokio::test]
async fn the_sdk_fills_in_a_version_id() {
    let (_, client) = setup();
    let created = client.create_secret().name("a").secret_string("v").send().await.unwrap();
    assert_eq!(get(&client, "a").await.version_id, created.version_id);
    assert_eq!(created.version_id.unwrap().len(), 36);
}

#[tokio::test]
async fn a_binary_value_stays_binary() {
    let (_, client) = setup();
    client.create_secret().name("a").secret_binary(Blob::new([0, 159, 255])).send().await.unwrap();
    let found = get(&client, "a").await;
    assert_eq!(found.secret_binary().unwrap().as_ref(), [0, 159, 255]);
    assert_eq!(found.secret_string(), None);
}

#[tokio::test]
async fn a_missing_secret_is_not_found() {
    let (_, client) = setup();
    let result = client.get_secret_value().secret_id("a").send().await;
    assert!(
        result
            .as_ref()
            .is_err_and(|error| { error.as_service_error().unwrap().is_resource_not_found_exception() })
    );
    assert_eq!(message(result), "Secrets Manager can't find the specified secret.");
}

#[tokio::test]
async fn a_secret_created_without_a_value_has_no_version() {
    let (_, client) = setup();
    let created = client.create_secret().name("a").send().await.unwrap();
    assert_eq!(created.version_id(), None);
    let result = client.get_secret_value().secret_id("a").send().await;
    assert_eq!(
        message(result),
        "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT"
    );
    assert_eq!(value_or_code(&client, "a").await, NOT_FOUND);
}

#[tokio::test]
async fn a_put_replaces_the_value_and_keeps_the_version_before() {
    let (_, client) = setup();
    create(&client, "a", "v1").await;
    let put = client
        .put_secret_value()
        .secret_id("a")
        .secret_string("v2")
        .client_request_token(token(2))
        .send()
        .await
        .unwrap();
    assert_eq!(put.version_id(), Some(token(2).as_str()));
    assert_eq!(put.version_stages(), ["AWSCURRENT"]);
    assert_eq!(get(&client, "a").await.secret_string(), Some("v2"));
    let previous = client.get_secret_value().secret_id("a").version_stage("AWSPREVIOUS");
    assert_eq!(previous.send().await.unwrap().secret_string(), Some("v1"));
}

#[tokio::test]
async fn a_version_is_read_by_its_id_alone() {
    let (_, client) = setup();
    create(&client, "a", "v1").await;
    for n in 2..=4 {
        put(&client, "a", n, "later").await;
    }
    let found = client.get_secret_value().secret_id("a").version_id(token(1));
    let found = found.send().await.unwrap();
    assert_eq!(found.secret_string(), Some("v1"));
    assert_eq!(found.version_stages, None, "an outdated version has no labels");
}

#[tokio::test]
async fn an_unknown_version_id_or_label_is_not_found() {
    let (_, client) = setup();
    create(&client, "a", "v1").await;
    let by_id = client.get_secret_value().secret_id("a").version_id(token(9)).send();
    assert_eq!(code(by_id.await), NOT_FOUND);
    let by_label = client.get_secret_value().secret_id("a").version_stage("MINE").send();
    assert_eq!(
        message(by_label.await),
        "Secrets Manager can't find the specified secret value for staging label: MINE"
    );
}

#[tokio::test]
async fn a_version_id_that_does_not_carry_the_given_label_is_an_invalid_request() {
    let (_, client) = setup();
    create(&client, "a", "v1").await;
    put(&client, "a", 2, "v2").await;
    let get = |stage: &str| {
        client.get_secret_value().secret_id("a").version_id(token(1)).version_stage(stage).send()
    };
    assert_eq!(code(get("AWSCURRENT").await), INVALID_REQUEST);
    assert_eq!(get("AWSPREVIOUS").await.unwrap().secret_string(), Some("v1"));
}

#[tokio::test]
async fn an_update_changes_value_and_description() {
    let (_, client) = setup();
    create(&client, "a", "v1").await;
    let updated = client
        .update_secret()
        .secret_id("a")
        .secret_string("v2")
        .description("second")
        .client_request_token(token(2))
        .send()
        .await
        .unwrap();
    assert_eq!(updated.version_id(), Some(token(2).as_str()));
    assert_eq!(get(&client, "a").await.secret_string(), Some("v2"));
    assert_eq!(labels(&client, "a", 1).await, ["AWSPREVIOUS"]);
    let described = client.describe_secret().secret_id("a").send().await.unwrap();
    assert_eq!(described.description(), Some("second"));
}

#[tokio::test]
async fn an_update_without_a_value_makes_no_version() {
    let (_, client) = setup();
    create(&client, "a", "v1").await;
    let updated =
        client.update_secret().secret_id("a").description("d").kms_key_id("alias/k").send().await.unwrap();
    assert_eq!(updated.version_id(), None);
    let described = client.describe_secret().secret_id("a").send().await.unwrap();
    assert_eq!(described.description(), Some("d"));
    assert_eq!(described.kms_key_id(), Some("alias/k"));
    assert_eq!(described.version_ids_to_stages().unwrap().len(), 1);
}

#[tokio::test]
async fn writes_to_a_missing_secret_are_not_found() {
    let (_, client) = setup();
    let put = client.put_secret_value().secret_id("a").secret_string("v").send().await;
    assert_eq!(code(put), NOT_FOUND);
    let update = client.update_secret().secret_id("a").secret_string("v").send().await;
    assert_eq!(code(update), NOT_FOUND);
    let label = client
        .update_secret_version_stage()
        .secret_id("a")
        .version_stage("L")
        .move_to_version_id(token(1))
        .send()
        .await;
    assert_eq!(code(label), NOT_FOUND);
    let versions = client.list_secret_version_ids().secret_id("a").send().await;
    assert_eq!(code(versions), NOT_FOUND);
    assert_eq!(code(client.describe_secret().secret_id("a").send().await), NOT_FOUND);
    assert_eq!(code(client.restore_secret().secret_id("a").send().await), NOT_FOUND);
}

#[tokio::test]
async fn describe_shows_everything_but_the_value() {
    let (_, client) = setup();
    let arn = create(&client, "a", "v1").await;
    put(&client, "a", 2, "v2").await;
    get(&client, "a").await;
    let described = client.describe_secret().secret_id("a").send().await.unwrap();
    assert_eq!(described.arn(), Some(arn.as_str()));
    assert_eq!(described.name(), Some("a"));
    let versions = described.version_ids_to_stages().unwrap();
    assert_eq!(versions[&token(1)], ["AWSPREVIOUS"]);
    assert_eq!(versions[&token(2)], ["AWSCURRENT"]);
    assert!(described.created_date() <= described.last_changed_date());
    assert!(described.last_accessed_date().is_some());
    assert_eq!(described.deleted_date(), None);
}

#[tokio::test]
async fn an_arn_ends_with_a_hyphen_and_six_characters() {
    let (_, client) = setup();
    let arn = create(&client, "app/a", "v1").await;
    let suffix = arn.strip_prefix("arn:aws:secretsmanager:us-east-1:123456789012:secret:app/a-").unwrap();
    assert_eq!(suffix.len(), 6);
    assert!(suffix.chars().all(|c| c.is_ascii_alphanumeric()));
}

#[tokio::test]
async fn a_secret_is_found_by_name_by_arn_and_by_arn_without_suffix() {
    let (_, client) = setup();
    let arn = create(&client, "app/a", "v1").await;
    for id in ["app/a", &arn, &arn[..arn.len() - 7]] {
        assert_eq!(value_or_code(&client, id).await, "v1", "{id}");
    }
}

#[tokio::test]
async fn the_arn_of_another_account_or_service_is_not_found() {
    let (_, client) = setup();
    let arn = create(&client, "app/a", "v1").await;
    for id in [arn.replace("123456789012", "999999999999"), "arn:aws:s3:::app/a".into()] {
        assert_eq!(value_or_code(&client, &id).await, NOT_FOUND, "{id}");
    }
}

#[tokio::test]
async fn a_recreated_name_has_another_arn_and_the_old_one_finds_nothing() {
    let (_, client) = setup();
    let old = create(&client, "a", "v1").await;
    force_delete(&client, "a").await;
    let new = create(&client, "a", "v2").await;
    assert_ne!(old, new);
    assert_eq!(value_or_code(&client, &old).await, NOT_FOUND);
    assert_eq!(value_or_code(&client, &new).await, "v2");
    let put = client.put_secret_value().secret_id(&old).secret_string("v3").send().await;
    assert_eq!(code(put), NOT_FOUND);
    assert_eq!(value_or_code(&client, "a").await, "v2");
}

#[tokio::test]
async fn clones_and_clients_share_one_backend() {
    let (backend, client) = setup();
    create(&client, "b", "v").await;
    let other = backend.clone();
    create(&other.client(), "a", "v").await;
    assert_eq!(backend.secret_names(), ["a", "b"]);
    assert_eq!(other.secret_count(), 2);
    assert_eq!(EmbeddedSecretsManager::default().secret_count(), 0);
}

#[tokio::test(start_paused = true)]
async fn dates_follow_the_paused_clock() {
    let (_, client) = setup();
    create(&client, "a", "v1").await;
    tokio::time::advance(std::time::Duration::from_secs(3600)).await;
    put(&client, "a", 2, "v2").await;
    let described = client.describe_secret().secret_id("a").send().await.unwrap();
    let (created, changed) = (described.created_date.unwrap(), described.last_changed_date.unwrap());
    assert_eq!(changed.secs() - created.secs(), 3600);
    let version = get(&client, "a").await.created_date.unwrap();
    assert_eq!(version.to_millis().unwrap(), changed.to_millis().unwrap());
}

#[tokio::test(start_paused = true)]
async fn the_last_access_is_given_to_the_day() {
    let (_, client) = setup();
    create(&client, "a", "v1").await;
    let describe = || client.describe_secret().secret_id("a").send();
    assert_eq!(describe().await.unwrap().last_accessed_date, None);
    tokio::time::advance(std::time::Duration::from_secs(86_400)).await;
    get(&client, "a").await;
    let described = describe().await.unwrap();
    let accessed = described.last_accessed_date.unwrap().secs();
    assert_eq!(accessed % 86_400, 0);
    assert_eq!(accessed, (described.created_date.unwrap().secs() + 86_400) / 86_400 * 86_400);
}

#[tokio::test]
async fn an_operation_that_is_not_implemented_is_unknown() {
    let (_, client) = setup();
    let result = client.get_random_password().send().await;
    assert_eq!(code(result), "UnknownOperationException");
}
