//! What each operation costs in requests.

use std::time::Duration;

use oauth_token_store::embedded::{Gate, Operation};
use oauth_token_store::secrecy::SecretString;
use oauth_token_store::{OAuthToken, TokenStore};

use crate::support::{cached_store_on, cost, id, id_of, login, new_cached, store_on, token};

#[tokio::test]
async fn a_cached_find_makes_no_request_whatever_it_goes_by() {
    let (backend, _) = new_cached().await;
    let person = token().id("7").user_name("bob").client_id("c");
    let person = person.refresh_token("r").grant_token("g").access_token("a").build().expect("valid");
    store_on(&backend).await.save_token(&person).await.expect("saved");
    let store = cached_store_on(&backend).await;
    let (refresh, grant, access) =
        (SecretString::from("r"), SecretString::from("g"), SecretString::from("a"));
    let partial = token().user_name("bob").client_id("c").build().expect("valid");
    for round in 0..2 {
        let before = backend.requests();
        for found in [
            store.find_by_user("bob").await,
            store.find_token(&partial).await,
            store.find_token_by_id(&id_of("bob")).await,
            store.find_token_by_id(&id("7")).await,
            store.find_by_refresh_token("c", &refresh).await,
            store.find_by_grant_token("c", &grant).await,
            store.find_by_access_token(&access).await,
        ] {
            assert!(found.expect("found").is_some_and(|found| found.user_name() == Some("bob")));
        }
        let cost = backend.requests().since(&before).to_string();
        // The record once; for each other key the name that it would have, and a search.
        let expected = ["5 GetSecretValue, 4 ListSecrets", "no requests"][round];
        assert_eq!(cost, expected);
    }
}

#[tokio::test]
async fn a_cached_miss_makes_no_request() {
    let (backend, store) = new_cached().await;
    let nobody = token().id("7").user_name("bob").build().expect("valid");
    assert_eq!(cost!(backend, store.find_token(&nobody)).1, "2 GetSecretValue, 1 ListSecrets");
    assert_eq!(cost!(backend, store.find_token(&nobody)), (None, "no requests".into()));
}

#[tokio::test]
async fn a_save_over_a_cached_record_is_one_put() {
    let (backend, store) = new_cached().await;
    store.save_token(&login("bob")).await.expect("saved");
    let scope = token().user_name("bob").scope("all").build().expect("valid");
    assert_eq!(cost!(backend, store.save_token(&scope)).1, "1 PutSecretValue");
    let refreshed = token().user_name("bob").access_token("a2").build().expect("valid");
    assert_eq!(cost!(backend, store.save_token(&refreshed)).1, "1 PutSecretValue, 1 TagResource");
    let by_id = token().id(id_of("bob")).scope("some").build().expect("valid");
    assert_eq!(cost!(backend, store.save_token(&by_id)).1, "1 PutSecretValue");
}

#[tokio::test]
async fn a_save_of_a_found_token_with_an_own_id_and_a_user_is_one_put() {
    let (backend, store) = new_cached().await;
    let person = token().id("7").user_name("bob").access_token("a").build().expect("valid");
    let person = store.save_token(&person).await.expect("saved");
    let changed = person.to_builder().scope("all").build().expect("valid");
    assert_eq!(cost!(backend, store.save_token(&changed)).1, "1 PutSecretValue");
}

#[tokio::test]
async fn a_save_after_a_find_that_missed_is_one_create() {
    let (backend, store) = new_cached().await;
    store.find_by_user("bob").await.expect("fine");
    assert_eq!(cost!(backend, store.save_token(&login("bob"))).1, "1 CreateSecret");
    let person = token().id("7").user_name("eve").access_token("a").build().expect("valid");
    store.find_token(&person).await.expect("fine");
    assert_eq!(cost!(backend, store.save_token(&person)).1, "1 CreateSecret");
}

/// What this process wrote is listed although ListSecrets may not show it yet; not what it has deleted since.
#[tokio::test(start_paused = true)]
async fn what_was_deleted_by_own_id_costs_nothing_any_more() {
    let (backend, store) = new_cached().await;
    let person = token().id("7").user_name("bob").access_token("a").build().expect("valid");
    store.save_token(&person).await.expect("saved");
    store.delete_token(&id("7")).await.expect("deleted");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(cost!(backend, store.get_tokens()).1, "1 ListSecrets");
    assert_eq!(cost!(backend, store.find_token_by_id(&id("7"))).1, "1 GetSecretValue, 1 ListSecrets");
    assert_eq!(cost!(backend, store.find_by_user("bob")).1, "1 GetSecretValue");
    assert_eq!(cost!(backend, store.save_token(&person)).1, "1 CreateSecret");
}

#[tokio::test]
async fn a_save_with_nothing_known_is_a_get_and_a_write() {
    let (backend, store) = new_cached().await;
    assert_eq!(cost!(backend, store.save_token(&login("bob"))).1, "1 GetSecretValue, 1 CreateSecret");
    let scope = token().user_name("bob").scope("all").build().expect("valid");
    let other = cached_store_on(&backend).await;
    assert_eq!(cost!(backend, other.save_token(&scope)).1, "1 GetSecretValue, 1 PutSecretValue");
}

#[tokio::test]
async fn a_save_of_what_is_already_stored_is_one_get_and_no_write() {
    let (backend, store) = new_cached().await;
    let saved = store.save_token(&login("bob")).await.expect("saved");
    let partial: OAuthToken = token().user_name("bob").build().expect("valid");
    for same in [&*saved, &login("bob"), &partial] {
        let (stored, cost) = cost!(backend, store.save_token(same));
        assert_eq!((stored, cost.as_str()), (saved.clone(), "1 GetSecretValue"));
    }
}

#[tokio::test]
async fn a_delete_by_assigned_id_is_one_delete() {
    let (backend, store) = new_cached().await;
    store.save_token(&login("bob")).await.expect("saved");
    assert_eq!(cost!(backend, store.delete_token(&id_of("bob"))).1, "1 DeleteSecret");
    assert_eq!(cost!(backend, store.delete_token(&id_of("bob"))).1, "1 DeleteSecret");
    assert_eq!(cost!(backend, store.find_by_user("bob")), (None, "no requests".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_thousand_tasks_that_want_one_cold_token_make_one_request() {
    let (backend, _) = new_cached().await;
    store_on(&backend).await.save_token(&login("bob")).await.expect("saved");
    let store = cached_store_on(&backend).await;
    let before = backend.requests();
    let gate = backend.gate(Gate::before(Operation::GetSecretValue));
    let finds: Vec<_> = (0..10_000)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                // By user and by id: it is one record.
                if n % 2 == 0 {
                    store.find_by_user("bob").await
                } else {
                    store.find_token_by_id(&id_of("bob")).await
                }
            })
        })
        .collect();
    gate.arrived(1).await;
    gate.open();
    for find in finds {
        assert!(find.await.expect("no panic").expect("found").is_some());
    }
    assert_eq!(backend.requests().since(&before).to_string(), "1 GetSecretValue");
}

#[tokio::test]
async fn a_reload_by_an_own_id_that_has_led_to_the_record_is_one_get() {
    let (backend, store) = new_cached().await;
    let person = token().id("7").user_name("bob").access_token("a").build().expect("valid");
    store.save_token(&person).await.expect("saved");
    store.find_token_by_id(&id("7")).await.expect("found");
    assert_eq!(cost!(backend, store.reload(&id("7"))).1, "1 GetSecretValue");
}

#[tokio::test]
async fn each_reload_by_an_own_id_that_has_led_to_the_record_is_one_get() {
    let (backend, store) = new_cached().await;
    let person = token().id("7").user_name("bob").access_token("a").build().expect("valid");
    store.save_token(&person).await.expect("saved");
    store.find_token_by_id(&id("7")).await.expect("found");
    store.reload(&id_of("bob")).await.expect("loaded");
    assert_eq!(cost!(backend, store.reload(&id("7"))).1, "1 GetSecretValue");
}

#[tokio::test]
async fn what_a_search_has_led_to_is_found_without_one_after_a_save() {
    let (backend, store) = new_cached().await;
    let person = token().id("7").user_name("bob").access_token("a").build().expect("valid");
    store.save_token(&person).await.expect("saved");
    store.find_token_by_id(&id("7")).await.expect("found");
    store.save_token(&token().user_name("bob").scope("all").build().expect("valid")).await.expect("saved");
    let (found, cost) = cost!(backend, store.find_token_by_id(&id("7")));
    assert_eq!((found.expect("there").scope(), cost.as_str()), (Some("all"), "no requests"));
}
