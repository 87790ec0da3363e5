//! The storage layout that other programs read.

use std::collections::BTreeMap;

use oauth_token_store::{SecretsManagerTokenStore, TokenStore};
use serde_json::{Value, json};

use crate::support::{found, new, token};

#[tokio::test]
async fn a_token_is_a_flat_json_secret_with_fingerprints_in_its_name_and_tags() {
    let (backend, _) = new().await;
    let builder = SecretsManagerTokenStore::builder().prefix("prod/crm").client(backend.client());
    let store = builder.tag("team", "crm").kms_key_id("alias/tokens").build().await.expect("a store");
    let full = token()
        .id("php_abc_us_prd_1")
        .user_name("bob@example.com")
        .client_id("1000.ABC")
        .client_secret("s")
        .refresh_token("1000.refresh")
        .access_token("1000.access")
        .grant_token("1000.grant")
        .expiry_time(std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_millis(1_700_000_000_123))
        .extra("instance_url", "https://example.com")
        .build()
        .expect("valid");
    store.save_token(&full).await.expect("saved");

    let name = "prod/crm/u_52rqhupjinfczuwzz6qnyv2s6a";
    let client = backend.client();
    let secret = client.get_secret_value().secret_id(name).send().await.expect("by its name");
    let mut value: Value = serde_json::from_str(secret.secret_string().expect("a string")).expect("JSON");
    let save = value.as_object_mut().and_then(|members| members.remove("save")).expect("a save key");
    assert!(save.as_str().is_some_and(|save| save.len() == 32));
    assert_eq!(
        value,
        json!({
            "schema": "1",
            "id": "php_abc_us_prd_1",
            "user_name": "bob@example.com",
            "client_id": "1000.ABC",
            "client_secret": "s",
            "refresh_token": "1000.refresh",
            "access_token": "1000.access",
            "grant_token": "1000.grant",
            "expiry_time": "1700000000123",
            "instance_url": "https://example.com",
        })
    );

    let described = client.describe_secret().secret_id(name).send().await.expect("described");
    let tags: BTreeMap<_, _> = described.tags().iter().filter_map(|tag| tag.key().zip(tag.value())).collect();
    assert_eq!(
        tags,
        BTreeMap::from([
            ("oauth-token-store:kind", "token"),
            ("oauth-token-store:schema", "1"),
            ("oauth-token-store:user", "52rqhupjinfczuwzz6qnyv2s6a"),
            ("oauth-token-store:id", "acdhhxz4wmt7hkiibb4rikj5fm"),
            ("oauth-token-store:refresh", "igqluxon3kkgw3mtfrl4lmc2v4"),
            ("oauth-token-store:grant", "k7cw4wqxskful256cysotn4cpu"),
            ("oauth-token-store:access", "s34zovescm5kbfnfam5gjkmvve"),
            ("team", "crm"),
        ])
    );
    assert_eq!(described.description(), Some("OAuth token"));
    assert_eq!(described.kms_key_id(), Some("alias/tokens"));
}

#[tokio::test]
async fn a_record_is_named_by_what_it_was_looked_up_by() {
    let (backend, store) = new().await;
    let cases = [
        (token().id("7").user_name("bob").access_token("a"), "u_"),
        (token().id("8").access_token("a").client_id("c"), "i_"),
        (token().client_id("c").grant_token("g").refresh_token("r"), "g_"),
        (token().client_id("c").refresh_token("r2"), "r_"),
        (token().access_token("a3"), "a_"),
    ];
    for (token, letter) in cases {
        let saved = store.save_token(&token.build().expect("valid")).await.expect("saved");
        let assigned = saved.assigned_id().expect("stored");
        assert!(assigned.as_str().starts_with(letter), "{assigned:?} for {letter}");
        assert!(backend.secret_names().contains(&format!("app/tokens/{}", assigned.as_str())));
    }
}

#[tokio::test]
async fn a_refresh_brings_the_tags_up_to_date() {
    let (backend, store) = new().await;
    let token =
        token().user_name("bob@example.com").client_id("1000.ABC").refresh_token("old").access_token("a");
    store.save_token(&token.build().expect("valid")).await.expect("saved");
    let rotated = found(&store, "bob@example.com").await.to_builder().refresh_token("1000.refresh");
    store.save_token(&rotated.build().expect("valid")).await.expect("saved");
    let name = "app/tokens/u_52rqhupjinfczuwzz6qnyv2s6a";
    let described = backend.client().describe_secret().secret_id(name).send().await.expect("described");
    let refresh = described.tags().iter().find(|tag| tag.key() == Some("oauth-token-store:refresh"));
    assert_eq!(refresh.and_then(|tag| tag.value()), Some("igqluxon3kkgw3mtfrl4lmc2v4"));
}

#[tokio::test]
async fn what_another_program_added_to_the_value_survives_a_save() {
    let (backend, store) = new().await;
    let client = backend.client();
    let value = r#"{"schema":"1","user_name":"bob","access_token":"a","note":"theirs","nested":{"n":1.50}}"#;
    let name = crate::support::name_of("bob");
    client.create_secret().name(&name).secret_string(value).send().await.expect("created");
    assert_eq!(found(&store, "bob").await.extra("note"), Some("theirs"));
    store.save_token(&token().user_name("bob").scope("all").build().expect("valid")).await.expect("saved");
    let secret = client.get_secret_value().secret_id(&name).send().await.expect("read");
    let value = secret.secret_string().expect("a string");
    assert!(value.contains(r#""note":"theirs""#) && value.contains(r#""nested":{"n":1.50}"#), "{value}");
    assert!(store.find_by_user("bob").await.expect("fine").is_some());
}
