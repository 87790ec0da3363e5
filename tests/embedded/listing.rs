//! ListSecrets: filters, paging, sorting.

use std::time::Duration;

use aws_sdk_secretsmanager::operation::list_secrets::builders::ListSecretsFluentBuilder;
use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType as Key, SortByType, SortOrderType, Tag};

use crate::*;

fn filter(key: Key, values: &[&str]) -> Filter {
    let values = values.iter().map(|&value| value.to_owned()).collect();
    Filter::builder().key(key).set_values(Some(values)).build()
}

/// The names that a listing gives, over all pages, in its order.
async fn names(list: ListSecretsFluentBuilder) -> Vec<String> {
    let mut pages = list.into_paginator().send();
    let mut names = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.unwrap().secret_list.unwrap();
        names.extend(page.into_iter().map(|secret| secret.name.unwrap()));
    }
    names
}

async fn filtered(client: &Client, filters: &[Filter]) -> Vec<String> {
    names(client.list_secrets().set_filters(Some(filters.to_vec()))).await
}

#[tokio::test]
async fn secrets_are_listed_in_the_order_of_their_creation() {
    let (_, client) = setup();
    for name in ["b", "c", "a"] {
        create(&client, name, "v").await;
    }
    put(&client, "b", 2, "v").await;
    assert_eq!(listed(&client).await, ["b", "c", "a"]);
}

#[tokio::test]
async fn an_entry_shows_everything_but_the_value() {
    let (_, client) = setup();
    let arn = create(&client, "a", "v").await;
    let list = client.list_secrets().send().await.unwrap();
    let [entry] = list.secret_list() else {
        panic!("one secret, not {list:?}");
    };
    assert_eq!(entry.arn(), Some(arn.as_str()));
    assert!(entry.created_date().is_some());
    assert!(entry.last_changed_date().is_some());
    assert_eq!(entry.deleted_date(), None);
    assert_eq!(entry.secret_versions_to_stages().unwrap()[&token(1)], ["AWSCURRENT"]);
}

#[tokio::test]
async fn a_page_has_a_hundred_secrets_and_a_token_for_the_rest() {
    let (_, client) = setup();
    for n in 0..101 {
        client.create_secret().name(format!("n{n:03}")).send().await.unwrap();
    }
    let first = client.list_secrets().send().await.unwrap();
    assert_eq!(first.secret_list().len(), 100);
    let second = client.list_secrets().set_next_token(first.next_token).send().await.unwrap();
    assert_eq!(second.secret_list()[0].name(), Some("n100"));
    assert_eq!(second.next_token, None);
}

#[tokio::test]
async fn a_full_last_page_has_no_token() {
    let (_, client) = setup();
    create(&client, "a", "v").await;
    create(&client, "b", "v").await;
    let page = client.list_secrets().max_results(2).send().await.unwrap();
    assert_eq!(page.secret_list().len(), 2);
    assert_eq!(page.next_token, None);
}

#[tokio::test]
async fn a_page_size_is_1_to_100() {
    let (_, client) = setup();
    for size in [-1, 0, 101] {
        assert_eq!(code(client.list_secrets().max_results(size).send().await), VALIDATION);
    }
    create(&client, "a", "v").await;
    create(&client, "b", "v").await;
    let page = client.list_secrets().max_results(1).send().await.unwrap();
    assert_eq!(page.secret_list().len(), 1);
    client.list_secrets().max_results(100).send().await.unwrap();
}

#[tokio::test]
async fn paging_survives_deletions_and_creations_in_between() {
    let (_, client) = setup();
    for name in ["a", "b", "c", "d"] {
        create(&client, name, "v").await;
    }
    let first = client.list_secrets().max_results(2).send().await.unwrap();
    force_delete(&client, "b").await;
    create(&client, "e", "v").await;
    let rest = client.list_secrets().max_results(100).set_next_token(first.next_token);
    assert_eq!(names(rest).await, ["c", "d", "e"]);
}

#[tokio::test]
async fn a_token_that_was_not_given_is_refused() {
    let (_, client) = setup();
    for name in ["a", "b", "c"] {
        create(&client, name, "v").await;
    }
    let page = client.list_secrets().max_results(1).send().await.unwrap();
    let given = page.next_token.unwrap();
    for forged in ["x", "é", &given[1..], &given.replace('A', "B")] {
        let result = client.list_secrets().next_token(forged).send().await;
        assert_eq!(code(result), INVALID_TOKEN, "{forged}");
    }
}

#[tokio::test]
async fn a_token_of_another_request_is_refused() {
    let (_, client) = setup();
    for name in ["a", "b", "c"] {
        create(&client, name, "v").await;
    }
    let page = client.list_secrets().max_results(1).send().await.unwrap();
    let list = client.list_secrets().set_next_token(page.next_token.clone());
    let other_filter = list.filters(filter(Key::Name, &["a"])).send().await;
    assert_eq!(code(other_filter), INVALID_TOKEN);
    let other_operation =
        client.list_secret_version_ids().secret_id("a").set_next_token(page.next_token).send().await;
    assert_eq!(code(other_operation), INVALID_TOKEN);
}

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
    assert_eq!(names(client.list_secrets().max_results(2)).await, ["a", "b", "c"]);
    backend.set_empty_pages(false);
    assert_eq!(client.list_secrets().send().await.unwrap().secret_list().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn listings_can_be_sorted() {
    let (_, client) = setup();
    for name in ["b", "c", "a"] {
        tokio::time::advance(Duration::from_secs(86_400)).await;
        create(&client, name, "v").await;
    }
    tokio::time::advance(Duration::from_secs(86_400)).await;
    put(&client, "c", 2, "v").await;
    get(&client, "b").await;
    let sorted = |by: Option<SortByType>, order: Option<SortOrderType>| {
        // Pages of one, so that the tokens are tried too.
        let list = client.list_secrets().max_results(1);
        names(list.set_sort_by(by).set_sort_order(order))
    };
    let desc = || Some(SortOrderType::Desc);
    assert_eq!(sorted(None, Some(SortOrderType::Asc)).await, ["b", "c", "a"]);
    assert_eq!(sorted(None, desc()).await, ["a", "c", "b"]);
    assert_eq!(sorted(Some(SortByType::Name), None).await, ["a", "b", "c"]);
    assert_eq!(sorted(Some(SortByType::Name), desc()).await, ["c", "b", "a"]);
    assert_eq!(sorted(Some(SortByType::LastChangedDate), None).await, ["b", "a", "c"]);
    assert_eq!(sorted(Some(SortByType::LastAccessedDate), desc()).await[0], "b");
}

#[tokio::test]
async fn an_unknown_order_is_refused() {
    let (_, client) = setup();
    let by = client.list_secrets().sort_by("size".into()).send().await;
    assert_eq!(code(by), VALIDATION);
    let order = client.list_secrets().sort_order("up".into()).send().await;
    assert_eq!(code(order), VALIDATION);
}

#[tokio::test]
async fn a_name_filter_is_a_case_sensitive_prefix() {
    let (_, client) = setup();
    for name in ["user-1", "user-10", "User-1", "my/user-1"] {
        create(&client, name, "v").await;
    }
    let found = filtered(&client, &[filter(Key::Name, &["user-1"])]).await;
    assert_eq!(found, ["user-1", "user-10"]);
}

/// Two secrets with tags: `one` (env=prod, team=blue) and `two` (env=test, prod=yes).
async fn setup_tagged() -> Client {
    let (_, client) = setup();
    for (name, tags) in
        [("one", [("env", "prod"), ("team", "blue")]), ("two", [("env", "test"), ("prod", "yes")])]
    {
        let tags = tags.map(|(key, value)| Tag::builder().key(key).value(value).build());
        let create = client.create_secret().name(name).set_tags(Some(tags.into()));
        create.send().await.unwrap();
    }
    client
}

#[tokio::test]
async fn tag_filters_are_case_sensitive_prefixes() {
    let client = setup_tagged().await;
    assert_eq!(filtered(&client, &[filter(Key::TagKey, &["te"])]).await, ["one"]);
    assert_eq!(filtered(&client, &[filter(Key::TagValue, &["te"])]).await, ["two"]);
    assert!(filtered(&client, &[filter(Key::TagKey, &["Env"])]).await.is_empty());
}

#[tokio::test]
async fn tag_key_and_tag_value_are_independent_of_each_other() {
    let client = setup_tagged().await;
    // No tag of `two` is team=yes, nor of `one`.
    let filters = [filter(Key::TagKey, &["env"]), filter(Key::TagValue, &["yes"])];
    assert_eq!(filtered(&client, &filters).await, ["two"]);
}

#[tokio::test]
async fn filters_are_anded_and_values_ored() {
    let client = setup_tagged().await;
    let values = [filter(Key::TagValue, &["blue", "yes"])];
    assert_eq!(filtered(&client, &values).await, ["one", "two"]);
    let filters = [filter(Key::TagValue, &["blue", "yes"]), filter(Key::Name, &["one"])];
    assert_eq!(filtered(&client, &filters).await, ["one"]);
}

#[tokio::test]
async fn an_exclamation_mark_negates() {
    let client = setup_tagged().await;
    assert_eq!(filtered(&client, &[filter(Key::Name, &["!one"])]).await, ["two"]);
    assert_eq!(filtered(&client, &[filter(Key::TagKey, &["!prod"])]).await, ["one"]);
    assert!(filtered(&client, &[filter(Key::Name, &["!one", "!two"])]).await.is_empty());
}

#[tokio::test]
async fn a_description_filter_is_a_prefix_of_any_word_in_any_case() {
    let (_, client) = setup();
    for (name, description) in [("a", "Blue Team's key"), ("b", "for the steam engine")] {
        client.create_secret().name(name).description(description).send().await.unwrap();
    }
    assert_eq!(filtered(&client, &[filter(Key::Description, &["team"])]).await, ["a"]);
    assert_eq!(filtered(&client, &[filter(Key::Description, &["THE ST"])]).await, ["b"]);
    assert_eq!(filtered(&client, &[filter(Key::Description, &["key blue"])]).await, ["a"]);
}

#[tokio::test]
async fn the_filter_all_searches_words_of_every_attribute() {
    let client = setup_tagged().await;
    assert_eq!(filtered(&client, &[filter(Key::All, &["PROD"])]).await, ["one", "two"]);
    assert_eq!(filtered(&client, &[filter(Key::All, &["blue_yes"])]).await, ["one", "two"]);
    assert_eq!(filtered(&client, &[filter(Key::All, &["tw"])]).await, ["two"]);
}

#[tokio::test]
async fn nothing_has_a_primary_region_or_an_owning_service() {
    let client = setup_tagged().await;
    for key in [Key::PrimaryRegion, Key::OwningService] {
        assert!(filtered(&client, &[filter(key.clone(), &["a"])]).await.is_empty());
        assert_eq!(filtered(&client, &[filter(key, &["!a"])]).await, ["one", "two"]);
    }
}

#[tokio::test]
async fn filters_and_their_values_are_limited() {
    let (_, client) = setup();
    let name = || filter(Key::Name, &["a"]);
    let list = |filters: Vec<Filter>| client.list_secrets().set_filters(Some(filters)).send();
    list(vec![name(); 10]).await.unwrap();
    list(vec![filter(Key::Name, &["a"; 10])]).await.unwrap();
    for refused in [
        vec![name(); 11],
        vec![filter(Key::Name, &["a"; 11])],
        vec![filter(Key::Name, &[])],
        vec![filter(Key::Name, &["a*"])],
        vec![filter(Key::Name, &[&"a".repeat(513)])],
        vec![filter("colour".into(), &["a"])],
        vec![Filter::builder().key(Key::Name).build()],
        vec![Filter::builder().values("a").build()],
    ] {
        assert_eq!(code(list(refused.clone()).await), VALIDATION, "{refused:?}");
    }
}

#[tokio::test]
async fn scheduled_secrets_are_listed_only_when_asked_for() {
    let (_, client) = setup();
    create(&client, "a", "v").await;
    create(&client, "b", "v").await;
    schedule_deletion(&client, "a").await;
    assert_eq!(listed(&client).await, ["b"]);
    let all = client.list_secrets().include_planned_deletion(true).send().await.unwrap();
    let [a, b] = all.secret_list() else {
        panic!("two secrets, not {all:?}");
    };
    assert!(a.deleted_date().is_some());
    assert_eq!(b.deleted_date(), None);
}

#[tokio::test]
async fn two_thousand_secrets_are_listed_to_the_last() {
    let (_, client) = setup();
    for n in 0..2_000 {
        client.create_secret().name(format!("p/{n}")).send().await.unwrap();
    }
    let found = filtered(&client, &[filter(Key::Name, &["p/"])]).await;
    assert_eq!(found.len(), 2_000);
}
