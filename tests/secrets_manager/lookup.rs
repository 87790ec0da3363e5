//! Finding by what no name says.

use std::time::Duration;

use oauth_token_store::embedded::Operation;
use oauth_token_store::secrecy::SecretString;
use oauth_token_store::{ErrorKind, SecretsManagerTokenStore, TokenStore, TokenStoreExt};

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
    assert!(store.find_by_access_token(&secret("access-bob")).await.expect("fine").is_none());
    assert!(store.find_by_access_token(&secret("alone")).await.expect("fine").is_some());
    assert!(store.find_by_refresh_token("client", &secret("refresh-bob")).await.expect("fine").is_some());
}

#[tokio::test(start_paused = true)]
async fn within_the_lag_a_search_misses_and_later_it_finds() {
    let (backend, store) = new().await;
    backend.set_list_lag(Duration::from_secs(300));
    let person = token().id("7").user_name("bob").access_token("a").build().expect("valid");
    let saved = store.save_token(&person).await.expect("saved");
    assert!(store.find_token_by_id(&id("7")).await.expect("fine").is_none());
    // The store-assigned id is exact at once.
    let assigned = saved.assigned_id().expect("stored");
    assert!(store.find_token_by_id(assigned).await.expect("fine").is_some());
    tokio::time::sleep(Duration::from_secs(301)).await;
    assert!(store.find_token_by_id(&id("7")).await.expect("fine").is_some());
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
