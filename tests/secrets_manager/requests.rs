//! What each operation costs in requests.

use oauth_token_store::secrecy::SecretString;
use oauth_token_store::{SecretsManagerTokenStore, TokenStore};

use crate::support::{PREFIX, cost, found, id, id_of, login, new, token};

#[tokio::test]
async fn a_find_by_user_or_assigned_id_is_one_get_hit_or_miss() {
    let (backend, store) = new().await;
    let bob = id_of("bob");
    assert_eq!(cost!(backend, store.find_by_user("bob")), (None, "1 GetSecretValue".into()));
    assert_eq!(cost!(backend, store.find_token_by_id(&bob)), (None, "1 GetSecretValue".into()));
    let saved = store.save_token(&login("bob")).await.expect("saved");
    assert_eq!(cost!(backend, store.find_by_user("bob")), (Some(saved.clone()), "1 GetSecretValue".into()));
    assert_eq!(cost!(backend, store.find_token_by_id(&bob)), (Some(saved), "1 GetSecretValue".into()));
}

#[tokio::test]
async fn a_find_by_own_id_is_one_get_without_a_user_and_a_search_with_one() {
    let (backend, store) = new().await;
    let machine = token().id("machine").access_token("a").build().expect("valid");
    let machine = store.save_token(&machine).await.expect("saved");
    let (hit, cost) = cost!(backend, store.find_token_by_id(&id("machine")));
    assert_eq!((hit, cost.as_str()), (Some(machine), "1 GetSecretValue"));

    let person = token().id("person").user_name("bob").access_token("a").build().expect("valid");
    let person = store.save_token(&person).await.expect("saved");
    let (hit, cost) = cost!(backend, store.find_token_by_id(&id("person")));
    assert_eq!((hit, cost.as_str()), (Some(person.clone()), "2 GetSecretValue, 1 ListSecrets"));

    let assigned = person.assigned_id().expect("stored").clone();
    let (hit, cost) = cost!(backend, store.find_token_by_id(&assigned));
    assert_eq!((hit, cost.as_str()), (Some(person), "1 GetSecretValue"));
}

#[tokio::test]
async fn a_find_by_a_token_is_one_get_if_it_names_the_record_and_a_search_otherwise() {
    let (backend, store) = new().await;
    let one = "1 GetSecretValue";
    let search = "2 GetSecretValue, 1 ListSecrets";
    let secret = |text: &str| SecretString::from(text);

    let by_refresh = token().client_id("c").refresh_token("r1").build().expect("valid");
    store.save_token(&by_refresh).await.expect("saved");
    assert_eq!(cost!(backend, store.find_by_refresh_token("c", &secret("r1"))).1, one);
    let by_grant = token().client_id("c").grant_token("g1").build().expect("valid");
    store.save_token(&by_grant).await.expect("saved");
    assert_eq!(cost!(backend, store.find_by_grant_token("c", &secret("g1"))).1, one);
    let by_access = token().access_token("a1").build().expect("valid");
    store.save_token(&by_access).await.expect("saved");
    assert_eq!(cost!(backend, store.find_by_access_token(&secret("a1"))).1, one);

    let all =
        token().user_name("bob").client_id("c").refresh_token("r2").grant_token("g2").access_token("a2");
    let all = store.save_token(&all.build().expect("valid")).await.expect("saved");
    for (hit, cost) in [
        cost!(backend, store.find_by_refresh_token("c", &secret("r2"))),
        cost!(backend, store.find_by_grant_token("c", &secret("g2"))),
        cost!(backend, store.find_by_access_token(&secret("a2"))),
    ] {
        assert_eq!((hit, cost.as_str()), (Some(all.clone()), search));
    }
}

#[tokio::test]
async fn a_save_with_nothing_known_is_a_get_and_a_write() {
    let (backend, store) = new().await;
    assert_eq!(cost!(backend, store.save_token(&login("bob"))).1, "1 GetSecretValue, 1 CreateSecret");
    let scope = token().user_name("bob").scope("all").build().expect("valid");
    assert_eq!(cost!(backend, store.save_token(&scope)).1, "1 GetSecretValue, 1 PutSecretValue");
    let by_id = token().id(id_of("bob")).scope("some").build().expect("valid");
    assert_eq!(cost!(backend, store.save_token(&by_id)).1, "1 GetSecretValue, 1 PutSecretValue");
}

#[tokio::test]
async fn a_save_writes_tags_only_for_changed_fingerprints() {
    let (backend, store) = new().await;
    store.save_token(&login("bob")).await.expect("saved");
    let refreshed = token().user_name("bob").access_token("a2").build().expect("valid");
    let (_, with_index) = cost!(backend, store.save_token(&refreshed));
    assert_eq!(with_index, "1 GetSecretValue, 1 PutSecretValue, 1 TagResource");

    let builder = SecretsManagerTokenStore::builder().prefix(PREFIX).client(backend.client());
    let store = builder.index_access_tokens(false).build().await.expect("a store");
    let refreshed = token().user_name("bob").access_token("a3").build().expect("valid");
    assert_eq!(cost!(backend, store.save_token(&refreshed)).1, "1 GetSecretValue, 1 PutSecretValue");
}

#[tokio::test]
async fn a_save_of_what_is_already_stored_writes_nothing() {
    let (backend, store) = new().await;
    let saved = store.save_token(&login("bob")).await.expect("saved");
    for same in [&*saved, &login("bob"), &token().user_name("bob").build().expect("valid")] {
        let (stored, cost) = cost!(backend, store.save_token(same));
        assert_eq!((stored, cost.as_str()), (saved.clone(), "1 GetSecretValue"));
    }
}

#[tokio::test]
async fn a_found_token_with_an_own_id_and_a_user_is_saved_without_a_search() {
    let (backend, store) = new().await;
    let person = token().id("person").user_name("bob").access_token("a").build().expect("valid");
    store.save_token(&person).await.expect("saved");
    let changed = found(&store, "bob").await.to_builder().scope("all").build().expect("valid");
    assert_eq!(cost!(backend, store.save_token(&changed)).1, "1 GetSecretValue, 1 PutSecretValue");
}

#[tokio::test]
async fn a_delete_by_assigned_id_is_one_delete_there_or_not() {
    let (backend, store) = new().await;
    store.save_token(&login("bob")).await.expect("saved");
    assert_eq!(cost!(backend, store.delete_token(&id_of("bob"))).1, "1 DeleteSecret");
    assert_eq!(backend.secret_count(), 0);
    assert_eq!(cost!(backend, store.delete_token(&id_of("bob"))).1, "1 DeleteSecret");
}

#[tokio::test]
async fn refusals_that_need_no_look_make_no_request() {
    let (backend, store) = new().await;
    let nobody = token().access_token("a").client_id("c").build().expect("valid");
    store.save_token(&nobody).await.expect_err("no lookup key");
    let huge = token().user_name("bob").access_token("x".repeat(65_536)).build().expect("valid");
    store.save_token(&huge).await.expect_err("too large");
    assert_eq!(store.find_token(&nobody).await.expect("fine"), None);
    assert_eq!(backend.requests().to_string(), "no requests");
}

#[tokio::test(start_paused = true)]
async fn all_tokens_are_listed_by_hundreds_and_read_by_twenties() {
    let (backend, store) = new().await;
    for n in 0..245 {
        store.save_token(&login(&format!("user-{n}"))).await.expect("saved");
    }
    // A store that remembers no write of its own, so that all comes from the listing.
    let store = crate::support::store_on(&backend).await;
    let (tokens, cost) = cost!(backend, store.get_tokens());
    assert_eq!(tokens.len(), 245);
    assert_eq!(cost, "13 BatchGetSecretValue, 3 ListSecrets");
}

#[tokio::test]
async fn what_nothing_holds_costs_a_get_and_a_search() {
    let (backend, store) = new().await;
    let miss = "1 GetSecretValue, 1 ListSecrets";
    assert_eq!(cost!(backend, store.find_token_by_id(&id("own"))), (None, miss.into()));
    let refresh_token = SecretString::from("r");
    assert_eq!(cost!(backend, store.find_by_refresh_token("c", &refresh_token)), (None, miss.into()));
}

#[tokio::test]
async fn a_first_save_by_own_id_and_user_searches_for_the_id() {
    let (backend, store) = new().await;
    let person = token().id("7").user_name("bob").access_token("a").build().expect("valid");
    assert_eq!(
        cost!(backend, store.save_token(&person)).1,
        "2 GetSecretValue, 1 ListSecrets, 1 CreateSecret"
    );
}

#[tokio::test]
async fn a_copy_of_a_token_reads_the_name_once() {
    let (backend, store) = new().await;
    let other = SecretsManagerTokenStore::builder().prefix("other").client(backend.client());
    let other = other.build().await.expect("a store");
    let saved = store.save_token(&login("bob")).await.expect("saved");
    assert_eq!(cost!(backend, other.save_token(&saved.detached())).1, "1 GetSecretValue, 1 CreateSecret");
}

#[tokio::test]
async fn a_delete_by_own_id_searches_for_records_with_a_user() {
    let (backend, store) = new().await;
    assert_eq!(cost!(backend, store.delete_token(&id("7"))).1, "1 ListSecrets, 1 DeleteSecret");
    let person = token().id("7").user_name("bob").access_token("a").build().expect("valid");
    store.save_token(&person).await.expect("saved");
    assert_eq!(
        cost!(backend, store.delete_token(&id("7"))).1,
        "1 GetSecretValue, 1 ListSecrets, 2 DeleteSecret"
    );
}

#[tokio::test(start_paused = true)]
async fn deleting_all_costs_a_delete_each() {
    let (backend, store) = new().await;
    for n in 0..130 {
        store.save_token(&login(&format!("user-{n}"))).await.expect("saved");
    }
    assert_eq!(cost!(backend, store.delete_tokens()).1, "2 ListSecrets, 130 DeleteSecret");
}

#[tokio::test(start_paused = true)]
async fn what_this_process_wrote_and_deleted_is_not_read_any_more() {
    let (backend, store) = new().await;
    store.save_token(&login("bob")).await.expect("saved");
    store.delete_token(&id_of("bob")).await.expect("deleted");
    let (tokens, cost) = cost!(backend, store.get_tokens());
    assert_eq!((tokens.len(), cost.as_str()), (0, "1 ListSecrets"));
}
