//! ListSecrets without filters of its own: a prefix of names keeps behaviours apart.

use aws_sdk_secretsmanager::types::{SortByType, SortOrderType};

use crate::behaviour::Source::{Api, Undocumented};
use crate::behaviour::behaviours;
use crate::service::*;

behaviours! { listing:
    an_entry_shows_everything_but_the_value: Api("ListSecrets", "Response Elements, SecretListEntry");
    an_entry_leaves_out_what_has_no_value: Api("SecretListEntry", "Contents");
    an_entry_shows_description_and_versions: Api("SecretListEntry", "Contents");
    an_entry_of_a_version_without_labels_does_not_show_it: Api("SecretListEntry", "SecretVersionsToStages");
    secrets_are_listed_in_the_order_of_their_creation: Undocumented("by CreatedDate, and the default order is not said");
    a_change_does_not_move_a_secret_in_the_list: Api("ListSecrets", "SortBy, CreatedDate");
    listings_go_forward_and_backward: Api("ListSecrets", "SortOrder");
    listings_are_sorted_by_name: Api("ListSecrets", "SortBy");
    an_unknown_sort_key_is_refused: Api("ListSecrets", "SortBy, Valid Values");
    an_unknown_order_is_refused: Api("ListSecrets", "SortOrder, Valid Values");
    a_scheduled_secret_is_not_listed: Api("ListSecrets", "IncludePlannedDeletion");
    a_scheduled_secret_is_listed_if_asked_for: Api("ListSecrets", "IncludePlannedDeletion");
    a_listed_scheduled_secret_has_the_date_of_its_deletion: Api("SecretListEntry", "DeletedDate");
    a_deleted_secret_is_not_listed: Api("ListSecrets", "description");
    a_restored_secret_is_listed_again: Api("RestoreSecret", "description");
    nothing_is_listed_where_nothing_is: Undocumented("an empty list");
}

async fn an_entry_shows_everything_but_the_value(aws: Service) {
    let arn = aws.create("a", "v").await;
    aws.all_listed(1).await;
    let list = answer(aws.listing().send().await);
    let [entry] = list.secret_list() else {
        panic!("one secret, not {list:?}");
    };
    assert_eq!(entry.arn(), Some(arn.as_str()));
    assert_eq!(entry.name(), Some(aws.id("a").as_str()));
    assert!(entry.created_date().is_some());
    assert!(entry.last_changed_date().is_some());
}

async fn an_entry_leaves_out_what_has_no_value(aws: Service) {
    aws.create_empty("a").await;
    aws.all_listed(1).await;
    let list = answer(aws.listing().send().await);
    let entry = &list.secret_list()[0];
    assert_eq!(entry.description(), None);
    assert_eq!(entry.kms_key_id(), None);
    assert_eq!(entry.deleted_date(), None);
    assert_eq!(entry.last_accessed_date(), None);
    assert_eq!(entry.secret_versions_to_stages, None);
    assert_eq!(entry.tags, None);
}

async fn an_entry_shows_description_and_versions(aws: Service) {
    answer(aws.creation("a", "v").description("d").send().await);
    aws.all_listed(1).await;
    let list = answer(aws.listing().send().await);
    let entry = &list.secret_list()[0];
    assert_eq!(entry.description(), Some("d"));
    assert_eq!(entry.secret_versions_to_stages().expect("versions")[&token(1)], ["AWSCURRENT"]);
}

async fn an_entry_of_a_version_without_labels_does_not_show_it(aws: Service) {
    aws.create("a", "v1").await;
    aws.put("a", 2, "v2").await;
    aws.put("a", 3, "v3").await;
    let versions = || async {
        let list = answer(aws.listing().send().await);
        let entry = list.secret_list().first()?;
        let mut versions: Vec<_> = entry.secret_versions_to_stages()?.keys().cloned().collect();
        versions.sort();
        Some(versions)
    };
    aws.until(Some(vec![token(2), token(3)]), versions).await;
}

async fn three_secrets(aws: &Service) {
    for name in ["b", "c", "a"] {
        aws.create(name, "v").await;
        aws.rest().await;
    }
    aws.all_listed(3).await;
}

async fn secrets_are_listed_in_the_order_of_their_creation(aws: Service) {
    three_secrets(&aws).await;
    assert_eq!(aws.names(aws.listing()).await, ["b", "c", "a"]);
}

async fn a_change_does_not_move_a_secret_in_the_list(aws: Service) {
    three_secrets(&aws).await;
    aws.put("b", 2, "v").await;
    assert_eq!(aws.names(aws.listing().sort_order(SortOrderType::Asc)).await, ["b", "c", "a"]);
}

async fn listings_go_forward_and_backward(aws: Service) {
    three_secrets(&aws).await;
    assert_eq!(aws.names(aws.listing().sort_order(SortOrderType::Asc)).await, ["b", "c", "a"]);
    assert_eq!(aws.names(aws.listing().sort_order(SortOrderType::Desc)).await, ["a", "c", "b"]);
}

async fn listings_are_sorted_by_name(aws: Service) {
    three_secrets(&aws).await;
    // Pages of one, so that the tokens are tried too.
    let by_name = || aws.listing().sort_by(SortByType::Name).max_results(1);
    assert_eq!(aws.names(by_name().sort_order(SortOrderType::Asc)).await, ["a", "b", "c"]);
    assert_eq!(aws.names(by_name().sort_order(SortOrderType::Desc)).await, ["c", "b", "a"]);
}

async fn an_unknown_sort_key_is_refused(aws: Service) {
    assert_eq!(code(aws.listing().sort_by("size".into()).send().await), VALIDATION);
}

async fn an_unknown_order_is_refused(aws: Service) {
    assert_eq!(code(aws.listing().sort_order("up".into()).send().await), VALIDATION);
}

async fn a_scheduled_secret_is_not_listed(aws: Service) {
    aws.create("a", "v").await;
    aws.create("b", "v").await;
    aws.schedule("a").await;
    aws.finds(&[], &["b"]).await;
}

async fn a_scheduled_secret_is_listed_if_asked_for(aws: Service) {
    aws.create("a", "v").await;
    aws.create("b", "v").await;
    aws.schedule("a").await;
    aws.until(vec!["a".to_owned(), "b".to_owned()], || async {
        let mut names = aws.names(aws.listing().include_planned_deletion(true)).await;
        names.sort();
        names
    })
    .await;
}

async fn a_listed_scheduled_secret_has_the_date_of_its_deletion(aws: Service) {
    aws.create("a", "v").await;
    aws.schedule("a").await;
    aws.until(vec![true], || async {
        let list = answer(aws.listing().include_planned_deletion(true).send().await);
        list.secret_list().iter().map(|entry| entry.deleted_date().is_some()).collect()
    })
    .await;
}

async fn a_deleted_secret_is_not_listed(aws: Service) {
    aws.create("a", "v").await;
    aws.create("b", "v").await;
    aws.force_delete("a").await;
    aws.finds(&[], &["b"]).await;
}

async fn a_restored_secret_is_listed_again(aws: Service) {
    aws.create("a", "v").await;
    aws.schedule("a").await;
    answer(aws.client().restore_secret().secret_id(aws.id("a")).send().await);
    aws.finds(&[], &["a"]).await;
}

async fn nothing_is_listed_where_nothing_is(aws: Service) {
    let list = answer(aws.listing().send().await);
    assert_eq!(list.secret_list(), []);
    assert_eq!(list.next_token(), None);
}
