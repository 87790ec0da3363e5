//! Staging labels.

use crate::behaviour::Source::{Api, Guide, Measured, Recorded, Undocumented};
use crate::behaviour::behaviours;
use crate::service::*;

behaviours! { labels:
    a_put_moves_current_and_previous: Recorded("test_deprecated_secret_version_stage");
    a_put_with_other_labels_leaves_current_alone: Recorded("test_put_secret_value_with_version_stages");
    a_put_with_current_among_its_labels_moves_previous_too: Recorded("test_update_secret_version_stages_current_pending_cycle_custom_stages_2");
    a_put_takes_a_private_label_from_its_holder: Recorded("test_non_versioning_version_stages_replacement");
    a_put_takes_only_the_labels_that_it_names: Recorded("test_non_versioning_version_stages_no_replacement");
    labels_are_answered_in_alphabetical_order: Recorded("test_non_versioning_version_stages_replacement");
    a_private_label_on_the_old_current_version_survives_a_put: Recorded("test_update_secret_version_stages_current_pending_cycle_custom_stages_2");
    pending_stays_when_current_moves_to_it: Recorded("test_update_secret_version_stages_current_pending");
    a_plain_put_leaves_pending_where_it_is: Recorded("test_update_secret_version_stages_current_pending");
    a_new_pending_takes_the_label_from_the_current_version: Recorded("test_update_secret_version_stages_current_pending_cycle");
    the_first_version_is_current_whatever_its_labels: Api("PutSecretValue", "description, the first version");
    moving_current_moves_previous_to_the_former_current: Recorded("test_update_secret_version_stages_return_type");
    moving_current_back_swaps_current_and_previous: Guide("roll-back-secret", "AWS CLI");
    moving_a_label_answers_with_arn_and_name: Recorded("test_update_secret_version_stages_return_type");
    moving_current_without_naming_its_holder_is_refused: Api("UpdateSecretVersionStage", "RemoveFromVersionId");
    moving_a_private_label_without_naming_its_holder_is_refused: Api("UpdateSecretVersionStage", "RemoveFromVersionId");
    moving_current_from_another_version_than_its_holder_is_refused: Api("UpdateSecretVersionStage", "RemoveFromVersionId");
    taking_a_label_off_a_version_without_it_is_refused: Api("UpdateSecretVersionStage", "RemoveFromVersionId");
    attaching_current_where_it_is_changes_nothing: Undocumented("no label moves");
    a_new_label_is_attached_to_any_version: Api("UpdateSecretVersionStage", "MoveToVersionId");
    a_private_label_can_be_taken_off: Recorded("test_update_secret_version_stages_current_pending_cycle_custom_stages_3");
    current_cannot_be_taken_off: Measured("AWSCURRENT can only be moved");
    a_label_needs_a_version_that_exists: Undocumented("InvalidParameterException by the reference's Errors");
    a_move_needs_a_version_to_take_from_or_to_give_to: Undocumented("InvalidParameterException by the reference's Errors");
    labelling_a_missing_secret_is_not_found: Api("UpdateSecretVersionStage", "Errors");
    a_secret_has_at_most_twenty_labels: Guide("reference_limits", "Staging labels attached to all versions");
    a_put_that_would_make_the_twenty_first_label_is_refused: Guide("reference_limits", "Staging labels attached to all versions");
}

async fn a_put_moves_current_and_previous(aws: Service) {
    aws.create("a", "v1").await;
    aws.put("a", 2, "v2").await;
    aws.put("a", 3, "v3").await;
    assert_eq!(aws.labels("a", 1).await, [""; 0]);
    assert_eq!(aws.labels("a", 2).await, ["AWSPREVIOUS"]);
    assert_eq!(aws.labels("a", 3).await, ["AWSCURRENT"]);
}

async fn a_put_with_other_labels_leaves_current_alone(aws: Service) {
    aws.create("a", "v1").await;
    aws.put_with("a", 2, &["MINE"]).await.expect("a version with a label");
    assert_eq!(aws.labels("a", 1).await, ["AWSCURRENT"]);
    assert_eq!(aws.labels("a", 2).await, ["MINE"]);
    assert_eq!(aws.value("a").await, "v1");
}

async fn a_put_with_current_among_its_labels_moves_previous_too(aws: Service) {
    aws.create("a", "v1").await;
    aws.put_with("a", 2, &["AWSCURRENT", "MINE"]).await.expect("two labels");
    assert_eq!(aws.labels("a", 1).await, ["AWSPREVIOUS"]);
    assert_eq!(aws.labels("a", 2).await, ["AWSCURRENT", "MINE"]);
}

async fn a_put_takes_a_private_label_from_its_holder(aws: Service) {
    aws.create("a", "v1").await;
    aws.put_with("a", 2, &["one", "two"]).await.expect("two labels");
    aws.put_with("a", 3, &["one", "two", "three"]).await.expect("three labels");
    assert_eq!(aws.labels("a", 2).await, [""; 0]);
    assert_eq!(aws.labels("a", 3).await, ["one", "three", "two"]);
}

async fn a_put_takes_only_the_labels_that_it_names(aws: Service) {
    aws.create("a", "v1").await;
    aws.put_with("a", 2, &["one", "two", "three"]).await.expect("three labels");
    aws.put_with("a", 3, &["one", "two", "four"]).await.expect("three labels");
    assert_eq!(aws.labels("a", 2).await, ["three"]);
    assert_eq!(aws.labels("a", 3).await, ["four", "one", "two"]);
}

async fn labels_are_answered_in_alphabetical_order(aws: Service) {
    aws.create("a", "v1").await;
    let put = aws.putting("a", 2, "v2").version_stages("one").version_stages("two").version_stages("three");
    assert_eq!(answer(put.send().await).version_stages(), ["one", "three", "two"]);
}

async fn a_private_label_on_the_old_current_version_survives_a_put(aws: Service) {
    aws.create("a", "v1").await;
    aws.move_label("a", "MINE", None, Some(1)).await.expect("a new label");
    aws.put("a", 2, "v2").await;
    assert_eq!(aws.labels("a", 1).await, ["AWSPREVIOUS", "MINE"]);
    aws.put("a", 3, "v3").await;
    assert_eq!(aws.labels("a", 1).await, ["MINE"]);
}

async fn pending_stays_when_current_moves_to_it(aws: Service) {
    aws.create("a", "v1").await;
    aws.put_with("a", 2, &["AWSPENDING"]).await.expect("a pending version");
    aws.move_label("a", "AWSCURRENT", Some(1), Some(2)).await.expect("moved");
    assert_eq!(aws.labels("a", 1).await, ["AWSPREVIOUS"]);
    assert_eq!(aws.labels("a", 2).await, ["AWSCURRENT", "AWSPENDING"]);
}

async fn a_plain_put_leaves_pending_where_it_is(aws: Service) {
    aws.create("a", "v1").await;
    aws.put_with("a", 2, &["AWSPENDING"]).await.expect("a pending version");
    aws.move_label("a", "AWSCURRENT", Some(1), Some(2)).await.expect("moved");
    aws.put("a", 3, "v3").await;
    assert_eq!(aws.labels("a", 1).await, [""; 0]);
    assert_eq!(aws.labels("a", 2).await, ["AWSPENDING", "AWSPREVIOUS"]);
    assert_eq!(aws.labels("a", 3).await, ["AWSCURRENT"]);
}

async fn a_new_pending_takes_the_label_from_the_current_version(aws: Service) {
    aws.create("a", "v1").await;
    aws.put_with("a", 2, &["AWSPENDING"]).await.expect("a pending version");
    aws.move_label("a", "AWSCURRENT", Some(1), Some(2)).await.expect("moved");
    aws.put_with("a", 3, &["AWSPENDING"]).await.expect("another pending version");
    assert_eq!(aws.labels("a", 2).await, ["AWSCURRENT"]);
    assert_eq!(aws.labels("a", 3).await, ["AWSPENDING"]);
}

async fn the_first_version_is_current_whatever_its_labels(aws: Service) {
    aws.create_empty("a").await;
    aws.put_with("a", 1, &["MINE"]).await.expect("the first version");
    assert_eq!(aws.labels("a", 1).await, ["AWSCURRENT", "MINE"]);
}

async fn moving_current_moves_previous_to_the_former_current(aws: Service) {
    aws.create("a", "v1").await;
    aws.put("a", 2, "v2").await;
    aws.put_with("a", 3, &["MINE"]).await.expect("a version with a label");
    aws.move_label("a", "AWSCURRENT", Some(2), Some(3)).await.expect("moved");
    assert_eq!(aws.labels("a", 1).await, [""; 0]);
    assert_eq!(aws.labels("a", 2).await, ["AWSPREVIOUS"]);
    assert_eq!(aws.labels("a", 3).await, ["AWSCURRENT", "MINE"]);
}

async fn moving_current_back_swaps_current_and_previous(aws: Service) {
    aws.create("a", "v1").await;
    aws.put("a", 2, "v2").await;
    aws.move_label("a", "AWSCURRENT", Some(2), Some(1)).await.expect("moved");
    assert_eq!(aws.value("a").await, "v1");
    assert_eq!(aws.labels("a", 1).await, ["AWSCURRENT"]);
    assert_eq!(aws.labels("a", 2).await, ["AWSPREVIOUS"]);
}

async fn moving_a_label_answers_with_arn_and_name(aws: Service) {
    let arn = aws.create("a", "v1").await;
    let moved = answer(aws.labelling("a", "MINE").move_to_version_id(token(1)).send().await);
    assert_eq!(moved.arn(), Some(arn.as_str()));
    assert_eq!(moved.name(), Some(aws.id("a").as_str()));
}

async fn moving_current_without_naming_its_holder_is_refused(aws: Service) {
    aws.create("a", "v1").await;
    aws.put("a", 2, "v2").await;
    let moved = aws.move_label("a", "AWSCURRENT", None, Some(1)).await;
    assert_eq!(moved, Err(INVALID_PARAMETER.to_owned()));
    assert_eq!(aws.value("a").await, "v2");
}

async fn moving_a_private_label_without_naming_its_holder_is_refused(aws: Service) {
    aws.create("a", "v1").await;
    aws.put_with("a", 2, &["MINE"]).await.expect("a version with a label");
    let moved = aws.move_label("a", "MINE", None, Some(1)).await;
    assert_eq!(moved, Err(INVALID_PARAMETER.to_owned()));
    assert_eq!(aws.labels("a", 2).await, ["MINE"]);
}

async fn moving_current_from_another_version_than_its_holder_is_refused(aws: Service) {
    aws.create("a", "v1").await;
    aws.put("a", 2, "v2").await;
    let stale = aws.move_label("a", "AWSCURRENT", Some(1), Some(1)).await;
    assert_eq!(stale, Err(INVALID_PARAMETER.to_owned()));
    assert_eq!(aws.labels("a", 2).await, ["AWSCURRENT"]);
}

async fn taking_a_label_off_a_version_without_it_is_refused(aws: Service) {
    aws.create("a", "v1").await;
    aws.put("a", 2, "v2").await;
    let unattached = aws.move_label("a", "MINE", Some(1), Some(2)).await;
    assert_eq!(unattached, Err(INVALID_PARAMETER.to_owned()));
    assert_eq!(aws.labels("a", 2).await, ["AWSCURRENT"]);
}

async fn attaching_current_where_it_is_changes_nothing(aws: Service) {
    aws.create("a", "v1").await;
    aws.put("a", 2, "v2").await;
    aws.move_label("a", "AWSCURRENT", None, Some(2)).await.expect("nothing to move");
    assert_eq!(aws.labels("a", 1).await, ["AWSPREVIOUS"]);
    assert_eq!(aws.labels("a", 2).await, ["AWSCURRENT"]);
}

async fn a_new_label_is_attached_to_any_version(aws: Service) {
    aws.create("a", "v1").await;
    aws.put("a", 2, "v2").await;
    aws.move_label("a", "OLD", None, Some(1)).await.expect("a new label");
    aws.move_label("a", "NEW", None, Some(2)).await.expect("a new label");
    assert_eq!(aws.labels("a", 1).await, ["AWSPREVIOUS", "OLD"]);
    assert_eq!(aws.labels("a", 2).await, ["AWSCURRENT", "NEW"]);
}

async fn a_private_label_can_be_taken_off(aws: Service) {
    aws.create("a", "v1").await;
    aws.move_label("a", "MINE", None, Some(1)).await.expect("a new label");
    aws.move_label("a", "MINE", Some(1), None).await.expect("taken off");
    assert_eq!(aws.labels("a", 1).await, ["AWSCURRENT"]);
}

async fn current_cannot_be_taken_off(aws: Service) {
    aws.create("a", "v1").await;
    let current = aws.move_label("a", "AWSCURRENT", Some(1), None).await;
    assert_eq!(current, Err(INVALID_PARAMETER.to_owned()));
    assert_eq!(aws.labels("a", 1).await, ["AWSCURRENT"]);
}

async fn a_label_needs_a_version_that_exists(aws: Service) {
    aws.create("a", "v1").await;
    let unknown = aws.move_label("a", "MINE", None, Some(9)).await;
    assert_eq!(unknown, Err(INVALID_PARAMETER.to_owned()));
}

async fn a_move_needs_a_version_to_take_from_or_to_give_to(aws: Service) {
    aws.create("a", "v1").await;
    let neither = aws.move_label("a", "MINE", None, None).await;
    assert_eq!(neither, Err(INVALID_PARAMETER.to_owned()));
}

async fn labelling_a_missing_secret_is_not_found(aws: Service) {
    let label = aws.move_label("a", "MINE", None, Some(1)).await;
    assert_eq!(label, Err(NOT_FOUND.to_owned()));
}

/// A secret with twenty labels on its only version.
async fn with_twenty_labels(aws: &Service) {
    aws.create_empty("a").await;
    let labels: Vec<_> = (1..=19).map(|n| format!("L{n}")).collect();
    let labels: Vec<_> = labels.iter().map(String::as_str).collect();
    aws.put_with("a", 1, &labels).await.expect("nineteen labels and AWSCURRENT");
    assert_eq!(aws.labels("a", 1).await.len(), 20);
}

async fn a_secret_has_at_most_twenty_labels(aws: Service) {
    with_twenty_labels(&aws).await;
    let one_more = aws.move_label("a", "L20", None, Some(1)).await;
    assert_eq!(one_more, Err(LIMIT_EXCEEDED.to_owned()));
}

async fn a_put_that_would_make_the_twenty_first_label_is_refused(aws: Service) {
    with_twenty_labels(&aws).await;
    // AWSPREVIOUS would be one more.
    assert_eq!(code(aws.putting("a", 2, "v2").send().await), LIMIT_EXCEEDED);
    assert_eq!(aws.value("a").await, "v1");
}
