//! Finding by what no name says.

use std::time::Duration;

use oauth_token_store::embedded::Operation;
use oauth_token_store::secrecy::SecretString;
use oauth_token_store::{ErrorKind, SecretsManagerTokenStore, TokenStore};

use crate::support::{PREFIX, id, login, name_of, new, store_on, token};

#[tokio::test]
async fn a_search_hit_counts_only_if_its_value_holds_what_was_asked_for() {
    let (backend, store) = new().await;
    store.save_token(&login("bob")).await.expect("saved");
    // The tag still says the old token: tags are not written atomically with the value.
    let client = backend.client();
    let value = client.get_secret_value().secret_id(name_of("bob")).send().await.expect("read").secret_string;
    let rotated = value.expect("a string").replace("refresh-bob", "rotated");
    client.put_secret_value().secret_id(name_of("bob")).secret_string(rotated).send().await.expect("put");
    let old = SecretString::from("refresh-bob");
    assert!(store.find_by_refresh_token("client", &old).await.expect("fine").is_none());
}

#[tokio::test]
async fn a_name_counts_only_if_its_value_holds_what_was_asked_for() {
    let (backend, store) = new().await;
    let client = backend.client();
    let stranger = r#"{"schema":"1","user_name":"eve","access_token":"a"}"#;
    client.create_secret().name(name_of("bob")).secret_string(stranger).send().await.expect("created");
    assert!(store.find_by_user("bob").await.expect("fine").is_none());
    let error = store.save_token(&login("bob")).await.expect_err("the name is taken");
    assert_eq!(error.kind(), ErrorKind::Conflict);
    let left = client.get_secret_value().secret_id(name_of("bob")).send().await.expect("read");
    assert_eq!(left.secret_string(), Some(stranger));
}

#[tokio::test]
async fn without_tag_search_nothing_is_listed() {
    let (backend, store) = new().await;
    let person = token().id("7").user_name("bob").client_id("c").refresh_token("r").build().expect("valid");
    store.save_token(&person).await.expect("saved");
    let builder = SecretsManagerTokenStore::builder().prefix(PREFIX).client(backend.client());
    let blind = builder.tag_search(false).build().await.expect("a store");
    let before = backend.requests();
    assert!(blind.find_token_by_id(&id("7")).await.expect("fine").is_none());
    assert!(blind.find_by_refresh_token("c", &SecretString::from("r")).await.expect("fine").is_none());
    blind.delete_token(&id("7")).await.expect("fine");
    assert!(blind.find_by_user("bob").await.expect("fine").is_some());
    assert_eq!(backend.requests().since(&before).count(Operation::ListSecrets), 0);
}

#[tokio::test]
async fn without_an_index_access_tokens_are_found_only_by_name() {
    let (backend, _) = new().await;
    let builder = SecretsManagerTokenStore::builder().prefix(PREFIX).client(backend.client());
    let store = builder.index_access_tokens(false).build().await.expect("a store");
    store.save_token(&login("bob")).await.expect("saved");
    store.save_token(&token().access_token("alone").build().expect("valid")).await.expect("saved");
    let secret = |text: &str| SecretString::from(text);
    let before = backend.requests();
    assert!(store.find_by_access_token(&secret("access-bob")).await.expect("fine").is_none());
    assert_eq!(backend.requests().since(&before).to_string(), "1 GetSecretValue");
    assert!(store.find_by_access_token(&secret("alone")).await.expect("fine").is_some());
    assert!(store.find_by_refresh_token("client", &secret("refresh-bob")).await.expect("fine").is_some());
}

#[tokio::test(start_paused = true)]
async fn within_the_lag_a_search_misses_and_later_it_finds() {
    let (backend, store) = new().await;
    backend.set_list_lag(Duration::from_secs(300));
    let person = token().id("7").user_name("bob").access_token("a").build().expect("valid");
    let saved = store.save_token(&person).await.expect("saved");
    let other = store_on(&backend).await;
    assert!(other.find_token_by_id(&id("7")).await.expect("fine").is_none());
    // What a store has written itself it finds, and the store-assigned id is exact at once.
    assert!(store.find_token_by_id(&id("7")).await.expect("fine").is_some());
    let assigned = saved.assigned_id().expect("stored");
    assert!(other.find_token_by_id(assigned).await.expect("fine").is_some());
    tokio::time::sleep(Duration::from_secs(301)).await;
    assert!(other.find_token_by_id(&id("7")).await.expect("fine").is_some());
}

#[tokio::test]
async fn two_prefixes_are_two_namespaces() {
    let (backend, store) = new().await;
    store.save_token(&login("bob")).await.expect("saved");
    let builder = SecretsManagerTokenStore::builder().prefix("app/tokens/other").client(backend.client());
    let other = builder.build().await.expect("a store");
    assert!(other.find_by_user("bob").await.expect("fine").is_none());
    other.save_token(&login("bob")).await.expect("saved");
    assert_eq!(store.get_tokens().await.expect("listed").len(), 1);
    store_on(&backend).await.delete_tokens().await.expect("deleted");
    assert!(other.find_by_user("bob").await.expect("fine").is_some());
}

#[tokio::test]
async fn a_search_goes_on_after_an_empty_page() {
    let (backend, store) = new().await;
    backend.set_empty_pages(true);
    let person = token().id("7").user_name("bob").access_token("a").build().expect("valid");
    store.save_token(&person).await.expect("saved");
    assert!(store.find_token_by_id(&id("7")).await.expect("fine").is_some());
}

/// They exist only where a search missed one of them, or where users share a token.
#[tokio::test]
async fn of_several_records_that_hold_a_token_the_first_by_name_is_found() {
    let (_, store) = new().await;
    let mut ids = Vec::new();
    for user in ["bob", "eve", "mallory", "trent"] {
        let token = token().user_name(user).client_id("c").refresh_token("r").build().expect("valid");
        ids.push(store.save_token(&token).await.expect("saved").assigned_id().cloned());
    }
    let found = store.find_by_refresh_token("c", &SecretString::from("r")).await.expect("fine");
    let first = ids.iter().min().expect("some");
    assert_eq!(found.expect("there").assigned_id(), first.as_ref());
    let scope = token().client_id("c").refresh_token("r").scope("all").build().expect("valid");
    assert_eq!(store.save_token(&scope).await.expect("saved").assigned_id(), first.as_ref());
}

#[tokio::test]
async fn a_record_that_was_named_by_a_token_and_holds_another_one_does_not_hide_who_holds_it() {
    let (_, store) = new().await;
    let named = token().client_id("c").refresh_token("r").build().expect("valid");
    let named = store.save_token(&named).await.expect("saved");
    let rotated = named.to_builder().refresh_token("r-2").build().expect("valid");
    store.save_token(&rotated).await.expect("saved");
    let bob = token().user_name("bob").client_id("c").refresh_token("r").build().expect("valid");
    let bob = store.save_token(&bob).await.expect("saved");
    let found = store.find_by_refresh_token("c", &SecretString::from("r")).await.expect("fine");
    assert_eq!(found, Some(bob));
}

#[tokio::test]
async fn the_record_that_an_id_names_counts_beside_those_that_a_search_finds() {
    let (backend, store) = new().await;
    let builder = SecretsManagerTokenStore::builder().prefix(PREFIX).client(backend.client());
    let blind = builder.tag_search(false).build().await.expect("a store");
    let bob = token().id("7").user_name("bob").client_id("d").access_token("b").build().expect("valid");
    blind.save_token(&bob).await.expect("saved");
    let machine = token().id("7").client_id("c").access_token("m").build().expect("valid");
    blind.save_token(&machine).await.expect("saved");
    // By the id alone it is the machine, which is of another client than this one.
    let partial = token().id("7").client_id("d").scope("all").build().expect("valid");
    let find = store.find_token(&partial).await.expect_err("of another client");
    let save = store.save_token(&partial).await.expect_err("of another client");
    assert_eq!((find.kind(), save.kind()), (ErrorKind::Conflict, ErrorKind::Conflict));
}

#[tokio::test]
async fn a_found_token_whose_record_is_now_of_another_client_is_a_conflict() {
    let (backend, store) = new().await;
    let bob = token().id("7").user_name("bob").client_id("c").access_token("a").build().expect("valid");
    let bob = store.save_token(&bob).await.expect("saved");
    let other = store_on(&backend).await;
    other.delete_token(bob.assigned_id().expect("stored")).await.expect("deleted");
    let new_login = token().user_name("bob").client_id("d").refresh_token("r").build().expect("valid");
    other.save_token(&new_login).await.expect("saved");
    let late = bob.to_builder().access_token("late").build().expect("valid");
    assert_eq!(store.save_token(&late).await.expect_err("of another client").kind(), ErrorKind::Conflict);
}

/// AWS matches keys and values each for itself, and both by their beginnings.
#[tokio::test]
async fn a_tag_counts_only_as_a_key_together_with_its_value() {
    let (backend, store) = new().await;
    let partial = token().client_id("client").refresh_token("r").build().expect("valid");
    let named = store.save_token(&partial).await.expect("saved").assigned_id().cloned().expect("stored");
    store.delete_token(&named).await.expect("deleted");
    let builder = SecretsManagerTokenStore::builder().prefix(PREFIX).client(backend.client());
    let tagging = builder.tag("copy", &named.as_str()[2..]).build().await.expect("a store");
    tagging.save_token(&login("bob")).await.expect("saved");
    let before = backend.requests();
    assert!(store.find_token(&partial).await.expect("fine").is_none());
    assert_eq!(backend.requests().since(&before).to_string(), "1 GetSecretValue, 1 ListSecrets");
}
