//! Deleting and restoring.

use std::time::Duration;

use crate::*;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn delete(client: &Client, days: Option<i64>, forced: Option<bool>) -> Result<(), String> {
    client
        .delete_secret()
        .secret_id("a")
        .set_recovery_window_in_days(days)
        .set_force_delete_without_recovery(forced)
        .send()
        .await
        .map(drop)
        .map_err(|error| error.code().unwrap().to_owned())
}

#[tokio::test(start_paused = true)]
async fn the_default_recovery_window_is_thirty_days() {
    let (_, client) = setup();
    let arn = create(&client, "a", "v").await;
    let deleted = client.delete_secret().secret_id("a").send().await.unwrap();
    assert_eq!(deleted.name(), Some("a"));
    assert_eq!(deleted.arn(), Some(arn.as_str()));
    let described = client.describe_secret().secret_id("a").send().await.unwrap();
    assert_eq!(described.deleted_date, deleted.deletion_date);
    let window = deleted.deletion_date.unwrap().secs() - described.created_date.unwrap().secs();
    assert_eq!(window, 30 * 86_400);
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_gone_when_its_recovery_window_ends() {
    let (backend, client) = setup();
    create(&client, "a", "v").await;
    delete(&client, Some(7), None).await.unwrap();
    tokio::time::advance(7 * DAY - Duration::from_secs(1)).await;
    assert_eq!(value_or_code(&client, "a").await, INVALID_REQUEST);
    assert_eq!(backend.secret_count(), 1);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(backend.secret_count(), 0);
    assert_eq!(value_or_code(&client, "a").await, NOT_FOUND);
    create(&client, "a", "new").await;
    assert_eq!(value_or_code(&client, "a").await, "new");
}

#[tokio::test]
async fn a_recovery_window_has_seven_to_thirty_days() {
    let (_, client) = setup();
    create(&client, "a", "v").await;
    for days in [-1, 0, 6, 31] {
        assert_eq!(delete(&client, Some(days), None).await.unwrap_err(), INVALID_PARAMETER);
    }
    assert_eq!(value_or_code(&client, "a").await, "v");
    for days in [7, 30] {
        delete(&client, Some(days), None).await.unwrap();
        client.restore_secret().secret_id("a").send().await.unwrap();
    }
}

#[tokio::test]
async fn a_window_and_force_exclude_each_other() {
    let (_, client) = setup();
    create(&client, "a", "v").await;
    let both = delete(&client, Some(7), Some(true)).await;
    assert_eq!(both.unwrap_err(), INVALID_PARAMETER);
    assert_eq!(value_or_code(&client, "a").await, "v");
    delete(&client, Some(7), Some(false)).await.unwrap();
}

#[tokio::test]
async fn a_scheduled_secret_refuses_reads_and_writes() {
    let (_, client) = setup();
    create(&client, "a", "v").await;
    schedule_deletion(&client, "a").await;
    let get = client.get_secret_value().secret_id("a").send().await;
    assert_eq!(
        message(get),
        "You can't perform this operation on the secret because it was marked for deletion."
    );
    assert_eq!(value_or_code(&client, "a").await, INVALID_REQUEST);
    let put =
        client.put_secret_value().secret_id("a").secret_string("v").client_request_token(token(1)).send();
    assert_eq!(code(put.await), INVALID_REQUEST, "even a repetition");
    let update = client.update_secret().secret_id("a").description("d").send();
    assert_eq!(code(update.await), INVALID_REQUEST);
    let label = client
        .update_secret_version_stage()
        .secret_id("a")
        .version_stage("L")
        .move_to_version_id(token(1))
        .send();
    assert_eq!(code(label.await), INVALID_REQUEST);
    let tag = aws_sdk_secretsmanager::types::Tag::builder().key("k").value("v").build();
    let tag = client.tag_resource().secret_id("a").tags(tag).send();
    assert_eq!(code(tag.await), INVALID_REQUEST);
    let untag = client.untag_resource().secret_id("a").tag_keys("k").send();
    assert_eq!(code(untag.await), INVALID_REQUEST);
    assert_eq!(delete(&client, None, None).await.unwrap_err(), INVALID_REQUEST);
}

#[tokio::test]
async fn a_scheduled_name_cannot_be_created() {
    let (_, client) = setup();
    create(&client, "a", "v").await;
    schedule_deletion(&client, "a").await;
    let create = || client.create_secret().name("a").secret_string("v").client_request_token(token(1)).send();
    assert_eq!(code(create().await), INVALID_REQUEST);
    assert_eq!(
        message(create().await),
        "You can't create this secret because a secret with this name is already scheduled for deletion."
    );
}

#[tokio::test]
async fn a_scheduled_secret_can_still_be_described() {
    let (_, client) = setup();
    create(&client, "a", "v").await;
    schedule_deletion(&client, "a").await;
    let described = client.describe_secret().secret_id("a").send().await.unwrap();
    assert!(described.deleted_date().is_some());
    let versions = client.list_secret_version_ids().secret_id("a").send().await.unwrap();
    assert_eq!(versions.versions().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_restored_secret_is_as_it_was_and_stays() {
    let (_, client) = setup();
    let arn = create(&client, "a", "v").await;
    schedule_deletion(&client, "a").await;
    let restored = client.restore_secret().secret_id("a").send().await.unwrap();
    assert_eq!(restored.arn(), Some(arn.as_str()));
    tokio::time::advance(40 * DAY).await;
    assert_eq!(value_or_code(&client, &arn).await, "v");
    let described = client.describe_secret().secret_id("a").send().await.unwrap();
    assert_eq!(described.deleted_date(), None);
}

#[tokio::test(start_paused = true)]
async fn a_secret_scheduled_again_goes_at_the_new_date() {
    let (backend, client) = setup();
    create(&client, "a", "v").await;
    delete(&client, Some(7), None).await.unwrap();
    client.restore_secret().secret_id("a").send().await.unwrap();
    delete(&client, Some(10), None).await.unwrap();
    tokio::time::advance(8 * DAY).await;
    assert_eq!(backend.secret_count(), 1);
    tokio::time::advance(2 * DAY).await;
    assert_eq!(backend.secret_count(), 0);
}

#[tokio::test]
async fn restoring_a_secret_that_is_not_scheduled_changes_nothing() {
    let (_, client) = setup();
    create(&client, "a", "v").await;
    client.restore_secret().secret_id("a").send().await.unwrap();
    assert_eq!(value_or_code(&client, "a").await, "v");
}

#[tokio::test]
async fn a_forced_deletion_frees_the_name_at_once() {
    let (backend, client) = setup();
    create(&client, "a", "v").await;
    force_delete(&client, "a").await;
    assert_eq!(value_or_code(&client, "a").await, NOT_FOUND);
    assert_eq!(backend.secret_count(), 0);
    create(&client, "a", "new").await;
    assert_eq!(value_or_code(&client, "a").await, "new");
}

#[tokio::test]
async fn forcing_a_missing_secret_succeeds_and_deleting_it_otherwise_does_not() {
    let (_, client) = setup();
    let forced =
        client.delete_secret().secret_id("a").force_delete_without_recovery(true).send().await.unwrap();
    assert_eq!(forced.name(), Some("a"));
    assert!(forced.deletion_date().is_some());
    assert_eq!(delete(&client, None, None).await.unwrap_err(), NOT_FOUND);
}

#[tokio::test]
async fn forcing_a_scheduled_secret_deletes_it() {
    let (backend, client) = setup();
    create(&client, "a", "v").await;
    schedule_deletion(&client, "a").await;
    force_delete(&client, "a").await;
    assert_eq!(backend.secret_count(), 0);
    create(&client, "a", "new").await;
}

#[tokio::test]
async fn forcing_the_arn_of_a_recreated_name_leaves_the_new_secret() {
    let (_, client) = setup();
    let old = create(&client, "a", "v1").await;
    force_delete(&client, "a").await;
    create(&client, "a", "v2").await;
    force_delete(&client, &old).await;
    assert_eq!(value_or_code(&client, "a").await, "v2");
}

#[tokio::test(start_paused = true)]
async fn a_lingering_deletion_keeps_the_name_for_a_while() {
    let (backend, client) = setup();
    backend.set_deletion_linger(Duration::from_secs(5));
    create(&client, "a", "v").await;
    force_delete(&client, "a").await;
    assert_eq!(value_or_code(&client, "a").await, INVALID_REQUEST);
    let create_again = client.create_secret().name("a").secret_string("w").send().await;
    assert_eq!(
        message(create_again),
        "You can't create this secret because a secret with this name is already scheduled for deletion."
    );
    let put = client.put_secret_value().secret_id("a").secret_string("w").send().await;
    assert_eq!(code(put), INVALID_REQUEST);
    let described = client.describe_secret().secret_id("a").send().await.unwrap();
    assert!(described.deleted_date().is_some());
    tokio::time::advance(Duration::from_secs(5)).await;
    assert_eq!(value_or_code(&client, "a").await, NOT_FOUND);
    create(&client, "a", "w").await;
}

#[tokio::test(start_paused = true)]
async fn a_lingering_deletion_can_be_forced_again_but_not_restored() {
    let (backend, client) = setup();
    backend.set_deletion_linger(Duration::from_secs(5));
    create(&client, "a", "v").await;
    schedule_deletion(&client, "a").await;
    force_delete(&client, "a").await;
    assert_eq!(code(client.restore_secret().secret_id("a").send().await), INVALID_REQUEST);
    tokio::time::advance(Duration::from_secs(3)).await;
    force_delete(&client, "a").await;
    tokio::time::advance(Duration::from_secs(2)).await;
    assert_eq!(backend.secret_count(), 0, "the second deletion doesn't start anew");
}
