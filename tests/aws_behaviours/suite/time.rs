//! What takes days on AWS: shown on the embedded backend, whose clock is tokio's, and paused here.

use std::time::Duration;

use aws_sdk_secretsmanager::types::{SortByType, SortOrderType};

use crate::behaviour::Source::{Api, Guide, Undocumented};
use crate::behaviour::behaviours;
use crate::service::*;

behaviours! { time:
    a_secret_is_gone_when_its_recovery_window_ends: Api("DeleteSecret", "description, the end of the recovery window"), on PausedClock;
    a_name_is_free_when_its_recovery_window_ends: Api("DeleteSecret", "description, the end of the recovery window"), on PausedClock;
    a_restored_secret_stays: Api("RestoreSecret", "description"), on PausedClock;
    a_secret_scheduled_again_goes_at_the_new_date: Api("DeleteSecret", "RecoveryWindowInDays"), on PausedClock;
    dates_have_the_time_of_the_change: Api("DescribeSecret", "Response Elements, LastChangedDate"), on PausedClock;
    the_last_access_is_given_to_the_day: Api("DescribeSecret", "Response Elements, LastAccessedDate"), on PausedClock;
    no_version_younger_than_a_day_is_pruned: Guide("reference_limits", "Versions per secret"), on PausedClock;
    versions_over_a_hundred_are_pruned_when_they_are_a_day_old: Guide("reference_limits", "Versions per secret"), on PausedClock;
    a_labelled_version_is_never_pruned: Api("UpdateSecretVersionStage", "description, deprecated"), on PausedClock;
    versions_are_listed_from_the_oldest: Undocumented("the order of their creation"), on PausedClock;
    listings_are_sorted_by_the_last_change: Api("ListSecrets", "SortBy"), on PausedClock;
    listings_are_sorted_by_the_last_access: Api("ListSecrets", "SortBy"), on PausedClock;
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const SECOND: Duration = Duration::from_secs(1);

async fn pass(time: Duration) {
    tokio::time::advance(time).await;
}

async fn schedule_in(aws: &Service, days: i64) {
    answer(aws.deletion("a").recovery_window_in_days(days).send().await);
}

async fn a_secret_is_gone_when_its_recovery_window_ends(aws: Service) {
    aws.create("a", "v").await;
    schedule_in(&aws, 7).await;
    pass(7 * DAY - SECOND).await;
    assert_eq!(aws.value("a").await, INVALID_REQUEST);
    pass(SECOND).await;
    assert_eq!(aws.value("a").await, NOT_FOUND);
}

async fn a_name_is_free_when_its_recovery_window_ends(aws: Service) {
    aws.create("a", "v").await;
    aws.schedule("a").await;
    pass(30 * DAY).await;
    aws.create("a", "new").await;
    assert_eq!(aws.value("a").await, "new");
}

async fn restore(aws: &Service) {
    answer(aws.client().restore_secret().secret_id(aws.id("a")).send().await);
}

async fn a_restored_secret_stays(aws: Service) {
    aws.create("a", "v").await;
    aws.schedule("a").await;
    restore(&aws).await;
    pass(40 * DAY).await;
    assert_eq!(aws.value("a").await, "v");
}

async fn a_secret_scheduled_again_goes_at_the_new_date(aws: Service) {
    aws.create("a", "v").await;
    schedule_in(&aws, 7).await;
    restore(&aws).await;
    schedule_in(&aws, 10).await;
    pass(8 * DAY).await;
    assert_eq!(aws.value("a").await, INVALID_REQUEST);
    pass(2 * DAY).await;
    assert_eq!(aws.value("a").await, NOT_FOUND);
}

async fn dates_have_the_time_of_the_change(aws: Service) {
    aws.create("a", "v1").await;
    pass(3600 * SECOND).await;
    aws.put("a", 2, "v2").await;
    let described = aws.describe("a").await;
    let changed = described.last_changed_date.expect("a date");
    assert_eq!(changed.secs() - described.created_date.expect("a date").secs(), 3600);
    let version = aws.get("a").await.created_date.expect("a date");
    assert_eq!(version.to_millis().ok(), changed.to_millis().ok());
}

async fn the_last_access_is_given_to_the_day(aws: Service) {
    aws.create("a", "v1").await;
    pass(DAY).await;
    aws.get("a").await;
    let described = aws.describe("a").await;
    let accessed = described.last_accessed_date.expect("a date").secs();
    assert_eq!(accessed, (described.created_date.expect("a date").secs() + 86_400) / 86_400 * 86_400);
}

async fn with_versions(aws: &Service, count: u32) {
    aws.create("a", "v").await;
    for n in 2..=count {
        aws.put("a", n, "v").await;
    }
}

async fn no_version_younger_than_a_day_is_pruned(aws: Service) {
    with_versions(&aws, 150).await;
    pass(DAY - SECOND).await;
    aws.put("a", 151, "v").await;
    assert_eq!(aws.version_ids("a", true).await.len(), 151);
}

async fn versions_over_a_hundred_are_pruned_when_they_are_a_day_old(aws: Service) {
    with_versions(&aws, 150).await;
    pass(DAY).await;
    aws.put("a", 151, "v").await;
    assert_eq!(aws.version_ids("a", true).await.len(), 100);
    let pruned = aws.reading("a").version_id(token(1)).send().await;
    assert_eq!(code(pruned), NOT_FOUND);
}

async fn a_labelled_version_is_never_pruned(aws: Service) {
    aws.create("a", "v").await;
    aws.move_label("a", "MINE", None, Some(1)).await.expect("a new label");
    for n in 2..=120 {
        aws.put("a", n, "v").await;
    }
    pass(DAY).await;
    aws.put("a", 121, "v").await;
    assert_eq!(aws.labels("a", 1).await, ["MINE"]);
    let unlabelled = aws.reading("a").version_id(token(2)).send().await;
    assert_eq!(code(unlabelled), NOT_FOUND);
}

async fn versions_are_listed_from_the_oldest(aws: Service) {
    aws.create("a", "v1").await;
    for n in [5, 3, 4, 2] {
        pass(SECOND).await;
        aws.put("a", n, "v").await;
    }
    let list = aws.client().list_secret_version_ids().secret_id(aws.id("a")).include_deprecated(true);
    let versions = answer(list.send().await).versions.unwrap_or_default();
    let ids: Vec<_> = versions.into_iter().map(|version| version.version_id.expect("an id")).collect();
    assert_eq!(ids, [1, 5, 3, 4, 2].map(token));
}

/// Three secrets: `b`, `c`, `a`, each a day younger; then `c` was changed and `b` read.
async fn three_secrets(aws: &Service) {
    for name in ["b", "c", "a"] {
        pass(DAY).await;
        aws.create(name, "v").await;
    }
    pass(DAY).await;
    aws.put("c", 2, "v").await;
    aws.get("b").await;
}

async fn listings_are_sorted_by_the_last_change(aws: Service) {
    three_secrets(&aws).await;
    let list = aws.listing().sort_by(SortByType::LastChangedDate).sort_order(SortOrderType::Asc);
    assert_eq!(aws.names(list.max_results(1)).await, ["b", "a", "c"]);
}

async fn listings_are_sorted_by_the_last_access(aws: Service) {
    three_secrets(&aws).await;
    let list = aws.listing().sort_by(SortByType::LastAccessedDate).sort_order(SortOrderType::Desc);
    assert_eq!(aws.names(list.max_results(1)).await[0], "b");
}
