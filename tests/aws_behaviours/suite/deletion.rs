//! DeleteSecret and RestoreSecret.

use crate::behaviour::Source::{Api, Guide, Recorded, Undocumented};
use crate::behaviour::behaviours;
use crate::service::*;
use crate::suite::tags::tag;

behaviours! { deletion:
    a_deletion_answers_with_arn_name_and_date: Recorded("test_secret_restore");
    the_default_recovery_window_is_thirty_days: Api("DeleteSecret", "RecoveryWindowInDays");
    the_window_that_is_asked_for_is_the_one_described: Api("DeleteSecret", "RecoveryWindowInDays");
    a_recovery_window_has_seven_to_thirty_days: Api("DeleteSecret", "RecoveryWindowInDays");
    a_window_and_force_exclude_each_other: Api("DeleteSecret", "ForceDeleteWithoutRecovery");
    a_window_and_no_force_is_a_window: Api("DeleteSecret", "ForceDeleteWithoutRecovery");
    a_scheduled_secret_cannot_be_read: Api("DeleteSecret", "description, you cannot retrieve the secret value");
    no_version_of_a_scheduled_secret_can_be_read: Api("DeleteSecret", "description, you cannot retrieve the secret value");
    a_scheduled_secret_cannot_be_put_to: Api("PutSecretValue", "Errors, InvalidRequestException");
    not_even_a_repetition_is_put_to_a_scheduled_secret: Api("PutSecretValue", "Errors, InvalidRequestException");
    a_scheduled_secret_cannot_be_updated: Api("UpdateSecret", "Errors, InvalidRequestException");
    no_label_of_a_scheduled_secret_can_be_moved: Api("UpdateSecretVersionStage", "Errors, InvalidRequestException");
    a_scheduled_secret_cannot_be_tagged: Recorded("test_tag_untag_resource_on_deleted_secret");
    a_scheduled_secret_cannot_be_untagged: Recorded("test_tag_untag_resource_on_deleted_secret");
    a_scheduled_secret_cannot_be_scheduled_again: Api("DeleteSecret", "Errors, InvalidRequestException");
    a_scheduled_name_cannot_be_created: Recorded("test_exp_raised_on_creation_of_secret_scheduled_for_deletion");
    not_even_a_repetition_creates_a_scheduled_name: Recorded("test_exp_raised_on_creation_of_secret_scheduled_for_deletion");
    the_refusal_of_a_scheduled_name_says_so: Recorded("test_exp_raised_on_creation_of_secret_scheduled_for_deletion");
    a_scheduled_secret_can_still_be_described: Recorded("test_force_delete_deleted_secret");
    the_versions_of_a_scheduled_secret_can_still_be_listed: Undocumented("ListSecretVersionIds has no InvalidRequestException");
    a_restored_secret_is_as_it_was: Recorded("test_secret_restore");
    a_restored_secret_has_no_date_of_deletion: Api("RestoreSecret", "description");
    a_restored_secret_can_be_written: Api("RestoreSecret", "description");
    restoring_a_secret_that_is_not_scheduled_changes_nothing: Undocumented("nothing to cancel");
    restoring_a_missing_secret_is_not_found: Api("RestoreSecret", "Errors");
    deleting_a_missing_secret_is_not_found: Api("DeleteSecret", "Errors");
    forcing_a_missing_secret_succeeds: Recorded("test_delete_non_existent_secret_returns_as_if_secret_exists");
    forcing_an_empty_secret_deletes_it: Api("DeleteSecret", "ForceDeleteWithoutRecovery");
    a_forced_deletion_takes_the_secret: Api("DeleteSecret", "ForceDeleteWithoutRecovery");
    a_forced_deletion_frees_the_name: Recorded("test_can_recreate_delete_secret");
    forcing_a_scheduled_secret_deletes_it: Recorded("test_force_delete_deleted_secret");
    a_recreated_name_has_another_arn: Recorded("test_can_recreate_delete_secret");
    the_arn_of_a_deleted_secret_does_not_find_the_recreated_one: Guide("troubleshoot", "Can't find a secret from a partial ARN");
    a_recreated_name_has_no_old_versions: Api("DeleteSecret", "description, and all of its versions");
    forcing_the_arn_of_a_recreated_name_leaves_the_new_secret: Undocumented("a full ARN names one secret");
    a_deletion_by_the_full_arn_is_one_by_the_name: Api("DeleteSecret", "SecretId");
}

async fn a_deletion_answers_with_arn_name_and_date(aws: Service) {
    let arn = aws.create("a", "v").await;
    let deleted = answer(aws.deletion("a").send().await);
    assert_eq!(deleted.arn(), Some(arn.as_str()));
    assert_eq!(deleted.name(), Some(aws.id("a").as_str()));
    assert!(deleted.deletion_date().is_some());
}

/// How many days after its creation a secret is to be deleted, rounded.
async fn days_to_deletion(aws: &Service) -> i64 {
    let described = aws.describe("a").await;
    let seconds =
        described.deleted_date.expect("a date").secs() - described.created_date.expect("a date").secs();
    (seconds + 43_200) / 86_400
}

async fn the_default_recovery_window_is_thirty_days(aws: Service) {
    aws.create("a", "v").await;
    let deleted = answer(aws.deletion("a").send().await);
    assert_eq!(days_to_deletion(&aws).await, 30);
    let described = aws.describe("a").await.deleted_date.expect("a date");
    assert_eq!(described.secs(), deleted.deletion_date.expect("a date").secs());
}

async fn the_window_that_is_asked_for_is_the_one_described(aws: Service) {
    aws.create("a", "v").await;
    answer(aws.deletion("a").recovery_window_in_days(7).send().await);
    assert_eq!(days_to_deletion(&aws).await, 7);
}

async fn a_recovery_window_has_seven_to_thirty_days(aws: Service) {
    aws.create("a", "v").await;
    for days in [-1, 0, 6, 31] {
        let refused = aws.deletion("a").recovery_window_in_days(days).send().await;
        assert_eq!(code(refused), INVALID_PARAMETER, "{days}");
    }
    assert_eq!(aws.value("a").await, "v");
    answer(aws.deletion("a").recovery_window_in_days(30).send().await);
}

async fn a_window_and_force_exclude_each_other(aws: Service) {
    aws.create("a", "v").await;
    let both = aws.deletion("a").recovery_window_in_days(7).force_delete_without_recovery(true);
    assert_eq!(code(both.send().await), INVALID_PARAMETER);
    assert_eq!(aws.value("a").await, "v");
}

async fn a_window_and_no_force_is_a_window(aws: Service) {
    aws.create("a", "v").await;
    let window = aws.deletion("a").recovery_window_in_days(7).force_delete_without_recovery(false);
    answer(window.send().await);
    assert_eq!(days_to_deletion(&aws).await, 7);
}

async fn a_scheduled_secret_cannot_be_read(aws: Service) {
    aws.create("a", "v").await;
    aws.schedule("a").await;
    assert_eq!(aws.value("a").await, INVALID_REQUEST);
}

async fn no_version_of_a_scheduled_secret_can_be_read(aws: Service) {
    aws.create("a", "v1").await;
    aws.put("a", 2, "v2").await;
    aws.schedule("a").await;
    let by_id = aws.reading("a").version_id(token(1)).send().await;
    assert_eq!(code(by_id), INVALID_REQUEST);
    let by_label = aws.reading("a").version_stage("AWSPREVIOUS").send().await;
    assert_eq!(code(by_label), INVALID_REQUEST);
}

async fn a_scheduled_secret_cannot_be_put_to(aws: Service) {
    aws.create("a", "v").await;
    aws.schedule("a").await;
    assert_eq!(code(aws.putting("a", 2, "v2").send().await), INVALID_REQUEST);
}

async fn not_even_a_repetition_is_put_to_a_scheduled_secret(aws: Service) {
    aws.create("a", "v").await;
    aws.schedule("a").await;
    assert_eq!(code(aws.putting("a", 1, "v").send().await), INVALID_REQUEST);
}

async fn a_scheduled_secret_cannot_be_updated(aws: Service) {
    aws.create("a", "v").await;
    aws.schedule("a").await;
    assert_eq!(code(aws.updating("a", 2).description("d").send().await), INVALID_REQUEST);
    assert_eq!(code(aws.updating("a", 2).secret_string("v2").send().await), INVALID_REQUEST);
}

async fn no_label_of_a_scheduled_secret_can_be_moved(aws: Service) {
    aws.create("a", "v").await;
    aws.schedule("a").await;
    let label = aws.move_label("a", "MINE", None, Some(1)).await;
    assert_eq!(label, Err(INVALID_REQUEST.to_owned()));
}

async fn a_scheduled_secret_cannot_be_tagged(aws: Service) {
    aws.create("a", "v").await;
    aws.schedule("a").await;
    let tagged = aws.client().tag_resource().secret_id(aws.id("a")).tags(tag("k", "v")).send().await;
    assert_eq!(code(tagged), INVALID_REQUEST);
}

async fn a_scheduled_secret_cannot_be_untagged(aws: Service) {
    answer(aws.creation("a", "v").tags(tag("k", "v")).send().await);
    aws.schedule("a").await;
    let untagged = aws.client().untag_resource().secret_id(aws.id("a")).tag_keys("k").send().await;
    assert_eq!(code(untagged), INVALID_REQUEST);
}

async fn a_scheduled_secret_cannot_be_scheduled_again(aws: Service) {
    aws.create("a", "v").await;
    aws.schedule("a").await;
    assert_eq!(code(aws.deletion("a").send().await), INVALID_REQUEST);
}

async fn a_scheduled_name_cannot_be_created(aws: Service) {
    aws.create("a", "v").await;
    aws.schedule("a").await;
    let create = aws.creation_of_nothing("a").secret_string("w").send().await;
    assert_eq!(code(create), INVALID_REQUEST);
}

async fn not_even_a_repetition_creates_a_scheduled_name(aws: Service) {
    aws.create("a", "v").await;
    aws.schedule("a").await;
    assert_eq!(code(aws.creation("a", "v").send().await), INVALID_REQUEST);
}

async fn the_refusal_of_a_scheduled_name_says_so(aws: Service) {
    aws.create("a", "v").await;
    aws.schedule("a").await;
    assert_eq!(
        message(aws.creation_of_nothing("a").secret_string("w").send().await),
        "You can't create this secret because a secret with this name is already scheduled for deletion."
    );
}

async fn a_scheduled_secret_can_still_be_described(aws: Service) {
    let arn = aws.create("a", "v").await;
    aws.schedule("a").await;
    let described = aws.describe(&arn).await;
    assert!(described.deleted_date().is_some());
    assert_eq!(described.version_ids_to_stages().expect("versions")[&token(1)], ["AWSCURRENT"]);
}

async fn the_versions_of_a_scheduled_secret_can_still_be_listed(aws: Service) {
    aws.create("a", "v").await;
    aws.schedule("a").await;
    assert_eq!(aws.version_ids("a", false).await, [token(1)]);
}

async fn a_restored_secret_is_as_it_was(aws: Service) {
    let arn = aws.create("a", "v1").await;
    aws.put("a", 2, "v2").await;
    aws.schedule("a").await;
    let restored = answer(aws.client().restore_secret().secret_id(aws.id("a")).send().await);
    assert_eq!(restored.arn(), Some(arn.as_str()));
    assert_eq!(restored.name(), Some(aws.id("a").as_str()));
    assert_eq!(aws.value(&arn).await, "v2");
    assert_eq!(aws.labels("a", 1).await, ["AWSPREVIOUS"]);
}

async fn a_restored_secret_has_no_date_of_deletion(aws: Service) {
    aws.create("a", "v").await;
    aws.schedule("a").await;
    answer(aws.client().restore_secret().secret_id(aws.id("a")).send().await);
    assert_eq!(aws.describe("a").await.deleted_date(), None);
}

async fn a_restored_secret_can_be_written(aws: Service) {
    aws.create("a", "v1").await;
    aws.schedule("a").await;
    answer(aws.client().restore_secret().secret_id(aws.id("a")).send().await);
    aws.put("a", 2, "v2").await;
    assert_eq!(aws.value("a").await, "v2");
}

async fn restoring_a_secret_that_is_not_scheduled_changes_nothing(aws: Service) {
    aws.create("a", "v").await;
    answer(aws.client().restore_secret().secret_id(aws.id("a")).send().await);
    assert_eq!(aws.value("a").await, "v");
}

async fn restoring_a_missing_secret_is_not_found(aws: Service) {
    let restored = aws.client().restore_secret().secret_id(aws.id("a")).send().await;
    assert_eq!(code(restored), NOT_FOUND);
}

async fn deleting_a_missing_secret_is_not_found(aws: Service) {
    assert_eq!(code(aws.deletion("a").send().await), NOT_FOUND);
}

async fn forcing_a_missing_secret_succeeds(aws: Service) {
    let forced = answer(aws.deletion("a").force_delete_without_recovery(true).send().await);
    assert_eq!(forced.name(), Some(aws.id("a").as_str()));
    assert!(forced.arn().is_some());
    assert!(forced.deletion_date().is_some());
}

async fn forcing_an_empty_secret_deletes_it(aws: Service) {
    aws.create_empty("a").await;
    aws.force_delete("a").await;
    assert_eq!(aws.value("a").await, NOT_FOUND);
}

async fn a_forced_deletion_takes_the_secret(aws: Service) {
    let arn = aws.create("a", "v").await;
    let forced = answer(aws.deletion("a").force_delete_without_recovery(true).send().await);
    assert_eq!(forced.arn(), Some(arn.as_str()));
    aws.until(NOT_FOUND.to_owned(), || aws.value("a")).await;
}

async fn a_forced_deletion_frees_the_name(aws: Service) {
    aws.create("a", "old").await;
    aws.force_delete("a").await;
    aws.create_again("a", "new").await;
    assert_eq!(aws.value("a").await, "new");
}

async fn forcing_a_scheduled_secret_deletes_it(aws: Service) {
    aws.create("a", "old").await;
    aws.schedule("a").await;
    aws.force_delete("a").await;
    aws.create_again("a", "new").await;
    assert_eq!(aws.value("a").await, "new");
}

async fn a_recreated_name_has_another_arn(aws: Service) {
    let old = aws.create("a", "v1").await;
    aws.force_delete("a").await;
    let new = aws.create_again("a", "v2").await;
    assert_ne!(old, new);
    assert_eq!(old[..old.len() - 6], new[..new.len() - 6]);
}

async fn the_arn_of_a_deleted_secret_does_not_find_the_recreated_one(aws: Service) {
    let old = aws.create("a", "v1").await;
    aws.force_delete("a").await;
    aws.create_again("a", "v2").await;
    assert_eq!(aws.value(&old).await, NOT_FOUND);
}

async fn a_recreated_name_has_no_old_versions(aws: Service) {
    aws.create("a", "v1").await;
    aws.put("a", 2, "v2").await;
    aws.force_delete("a").await;
    aws.create_again("a", "new").await;
    assert_eq!(aws.version_ids("a", true).await, [token(1)]);
}

async fn forcing_the_arn_of_a_recreated_name_leaves_the_new_secret(aws: Service) {
    let old = aws.create("a", "v1").await;
    aws.force_delete("a").await;
    aws.create_again("a", "v2").await;
    answer(aws.deletion(&old).force_delete_without_recovery(true).send().await);
    assert_eq!(aws.value("a").await, "v2");
}

async fn a_deletion_by_the_full_arn_is_one_by_the_name(aws: Service) {
    let arn = aws.create("a", "v").await;
    aws.schedule(&arn).await;
    assert_eq!(aws.value("a").await, INVALID_REQUEST);
}
