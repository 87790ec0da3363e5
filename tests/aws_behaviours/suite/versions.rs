//! ListSecretVersionIds, and how long versions stay.

use crate::behaviour::Source::{Api, Guide, Recorded, Undocumented};
use crate::behaviour::behaviours;
use crate::service::*;

behaviours! { versions:
    a_listed_version_has_its_id_its_labels_and_a_date: Recorded("test_deprecated_secret_version_stage");
    the_versions_of_a_secret_are_listed_with_its_arn_and_name: Recorded("test_deprecated_secret_version_stage");
    a_listed_version_names_the_default_key: Recorded("test_deprecated_secret_version_stage");
    a_listed_version_has_the_day_of_its_last_access: Recorded("test_update_secret_version_stages_current_pending_cycle_custom_stages_2");
    an_unlabelled_version_is_listed_only_as_deprecated: Recorded("test_deprecated_secret_version_stage");
    a_deprecated_version_is_listed_without_labels: Recorded("test_deprecated_secret_version_stage");
    a_secret_without_a_value_has_no_versions: Undocumented("an empty list");
    versions_of_a_missing_secret_are_not_found: Recorded("test_secret_not_found");
    versions_come_in_pages: Api("ListSecretVersionIds", "MaxResults and NextToken");
    a_page_of_versions_has_1_to_100: Api("ListSecretVersionIds", "MaxResults, Valid Range");
    versions_refuse_a_token_that_was_not_given: Api("ListSecretVersionIds", "Errors, InvalidNextTokenException");
    a_version_outlives_a_hundred_later_ones_on_its_first_day: Guide("reference_limits", "Versions per secret"), on NotOnAws;
}

async fn a_listed_version_has_its_id_its_labels_and_a_date(aws: Service) {
    aws.create("a", "v1").await;
    let list = answer(aws.client().list_secret_version_ids().secret_id(aws.id("a")).send().await);
    let [version] = list.versions() else {
        panic!("one version, not {list:?}");
    };
    assert_eq!(version.version_id(), Some(token(1).as_str()));
    assert_eq!(version.version_stages(), ["AWSCURRENT"]);
    assert!(version.created_date().is_some());
}

async fn the_versions_of_a_secret_are_listed_with_its_arn_and_name(aws: Service) {
    let arn = aws.create("a", "v1").await;
    let list = answer(aws.client().list_secret_version_ids().secret_id(aws.id("a")).send().await);
    assert_eq!(list.arn(), Some(arn.as_str()));
    assert_eq!(list.name(), Some(aws.id("a").as_str()));
    assert_eq!(list.next_token(), None);
}

async fn a_listed_version_names_the_default_key(aws: Service) {
    aws.create("a", "v1").await;
    let list = answer(aws.client().list_secret_version_ids().secret_id(aws.id("a")).send().await);
    assert_eq!(list.versions()[0].kms_key_ids(), ["DefaultEncryptionKey"]);
}

async fn a_listed_version_has_the_day_of_its_last_access(aws: Service) {
    aws.create("a", "v1").await;
    aws.get("a").await;
    aws.put("a", 2, "v2").await;
    let list = answer(aws.client().list_secret_version_ids().secret_id(aws.id("a")).send().await);
    let read = |n| {
        let version = list.versions().iter().find(|version| version.version_id() == Some(&token(n)));
        version.expect("a version").last_accessed_date().is_some()
    };
    assert_eq!((read(1), read(2)), (true, false), "of the version that was read, and of the new one");
}

async fn an_unlabelled_version_is_listed_only_as_deprecated(aws: Service) {
    aws.create("a", "v1").await;
    aws.put("a", 2, "v2").await;
    aws.put("a", 3, "v3").await;
    assert_eq!(aws.version_ids("a", false).await, [token(2), token(3)]);
    assert_eq!(aws.version_ids("a", true).await, [token(1), token(2), token(3)]);
}

async fn a_deprecated_version_is_listed_without_labels(aws: Service) {
    aws.create("a", "v1").await;
    aws.put("a", 2, "v2").await;
    aws.put("a", 3, "v3").await;
    let list = aws.client().list_secret_version_ids().secret_id(aws.id("a")).include_deprecated(true);
    let list = answer(list.send().await);
    let deprecated = list.versions().iter().find(|version| version.version_id() == Some(&token(1)));
    assert_eq!(deprecated.expect("the first version").version_stages, None);
}

async fn a_secret_without_a_value_has_no_versions(aws: Service) {
    aws.create_empty("a").await;
    assert_eq!(aws.version_ids("a", true).await, [""; 0]);
}

async fn versions_of_a_missing_secret_are_not_found(aws: Service) {
    let versions = aws.client().list_secret_version_ids().secret_id(aws.id("a")).send().await;
    assert_eq!(code(versions), NOT_FOUND);
}

async fn versions_come_in_pages(aws: Service) {
    aws.create("a", "v1").await;
    for n in 2..=5 {
        aws.put("a", n, "v").await;
    }
    let list = aws.client().list_secret_version_ids().secret_id(aws.id("a")).include_deprecated(true);
    let mut pages = list.max_results(2).into_paginator().send();
    let (mut sizes, mut ids) = (Vec::new(), Vec::new());
    while let Some(page) = pages.next().await {
        let versions = answer(page).versions.unwrap_or_default();
        sizes.push(versions.len());
        ids.extend(versions.into_iter().map(|version| version.version_id.expect("an id")));
    }
    assert_eq!(sizes, [2, 2, 1]);
    ids.sort();
    assert_eq!(ids, (1..=5).map(token).collect::<Vec<_>>());
}

async fn a_page_of_versions_has_1_to_100(aws: Service) {
    aws.create("a", "v1").await;
    let list = |size| aws.client().list_secret_version_ids().secret_id(aws.id("a")).max_results(size).send();
    assert_eq!(code(list(0).await), VALIDATION);
    assert_eq!(code(list(101).await), VALIDATION);
    answer(list(100).await);
}

async fn versions_refuse_a_token_that_was_not_given(aws: Service) {
    aws.create("a", "v1").await;
    let list = aws.client().list_secret_version_ids().secret_id(aws.id("a")).next_token("x").send().await;
    assert_eq!(code(list), INVALID_TOKEN);
}

async fn a_version_outlives_a_hundred_later_ones_on_its_first_day(aws: Service) {
    aws.create("a", "v1").await;
    for n in 2..=110 {
        aws.put("a", n, "v").await;
    }
    let first = answer(aws.reading("a").version_id(token(1)).send().await);
    assert_eq!(first.secret_string(), Some("v1"));
    assert_eq!(aws.version_ids("a", true).await.len(), 110);
}
