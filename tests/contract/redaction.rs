//! What is never shown: every value here is a canary of its own.

use std::error::Error;
use std::fmt::Debug;

use oauth_token_store::{
    LookupPlan, MemoryTokenStore, OAuthToken, OAuthTokenBuilder, StoreError, TokenId, TokenStore,
};

use crate::{TEXT_FIELDS, built, found, token};

const OWN_ID: &str = "canary of id";

fn full() -> OAuthTokenBuilder {
    let base = token().id(OWN_ID).extra("canary of extra's name", "canary of extra");
    TEXT_FIELDS.iter().fold(base, |builder, (name, set, _)| set(builder, &format!("canary of {name}")))
}

#[track_caller]
fn shows_nothing(shown: &str) {
    assert!(!shown.contains("canary"), "{shown}");
    assert!(!shown.is_empty());
}

#[track_caller]
fn debug_shows_nothing(value: &dyn Debug) {
    shows_nothing(&format!("{value:?}"));
    shows_nothing(&format!("{value:#?}"));
}

#[test]
fn a_token_shows_which_fields_are_set_and_nothing_else() {
    let token = found(full());
    debug_shows_nothing(&token);
    let shown = format!("{token:?}");
    for (name, ..) in TEXT_FIELDS {
        assert!(shown.contains(&format!("{name}: [REDACTED]")), "{shown}");
    }
    let empty = format!("{:?}", built(crate::token()));
    assert!(!empty.contains("REDACTED"), "{empty}");
}

#[test]
fn a_store_assigned_id_is_shown_and_an_own_one_is_not() {
    debug_shows_nothing(&TokenId::new(OWN_ID).unwrap());
    let record = built(token().user_name("canary").access_token("canary")).new_record().unwrap();
    debug_shows_nothing(&record);
    let id = record.id().unwrap();
    assert!(format!("{id:?} {record:?}").matches(id.as_str()).count() == 2);
}

#[test]
fn builders_and_changes_show_nothing() {
    debug_shows_nothing(&full());
    debug_shows_nothing(&found(full()).to_builder().scope("another canary"));
    debug_shows_nothing(&built(found(full()).to_builder().scope("another canary")));
    let response = r#"{"access_token": "canary", "x": "canary", "n": ["canary"]}"#;
    debug_shows_nothing(&OAuthToken::from_token_response(response).unwrap());
}

#[test]
fn plans_and_keys_show_fingerprints() {
    for token in [
        full(),
        full().user_name(""),
        full().user_name("").client_id("").client_secret(""),
        full().user_name("").id(""),
    ] {
        let token = built(token);
        let plan = LookupPlan::of(&token);
        debug_shows_nothing(&plan);
        assert!(plan.keys().count() > 0);
        for key in plan.keys() {
            debug_shows_nothing(&key);
        }
    }
}

#[test]
fn what_the_builder_refuses_is_not_shown() {
    for (_, set, _) in TEXT_FIELDS {
        let error = set(token(), "canary\0").build().unwrap_err();
        shows_nothing(&error.to_string());
        debug_shows_nothing(&error);
    }
    for builder in [token().id("canary\0"), token().extra("canary\0", "a"), token().extra("schema", "canary")]
    {
        debug_shows_nothing(&builder.build().unwrap_err());
    }
    debug_shows_nothing(&TokenId::new("canary\0").unwrap_err());
    debug_shows_nothing(&TokenId::of_user("canary\0").unwrap_err());
}

#[test]
fn a_refused_response_is_not_shown() {
    for body in [
        "canary",
        r#"{"canary": "canary"}"#,
        r#"{"error": "Canary of mine: canary"}"#,
        r#"{"error": {"canary": "canary"}}"#,
        r#"{"error": "invalid_grant", "error_description": "canary", "access_token": "canary"}"#,
    ] {
        let error = OAuthToken::from_token_response(body).unwrap_err();
        shows_nothing(&error.to_string());
        debug_shows_nothing(&error);
        assert!(error.source().is_none());
    }
}

#[tokio::test]
async fn what_a_store_refuses_is_not_shown() {
    let store = MemoryTokenStore::new();
    let save = async |token: OAuthTokenBuilder| store.save_token(&built(token)).await;
    let canary = |user: &str| token().user_name(format!("canary {user}")).client_id("canary");
    let saved = save(canary("bob").refresh_token("canary").id("canary id")).await.unwrap();
    let unowned = save(token().client_id("canary").refresh_token("canary r")).await.unwrap();
    let errors: [StoreError; 6] = [
        save(canary("bob").client_id("canary 2")).await.unwrap_err(),
        save(canary("alice").id("canary id")).await.unwrap_err(),
        save(canary("alice").id(unowned.id().unwrap())).await.unwrap_err(),
        save(canary("alice")).await.unwrap_err(),
        save(token().refresh_token("canary")).await.unwrap_err(),
        store.find_token(&built(canary("bob").client_id("canary 2"))).await.unwrap_err(),
    ];
    for error in &errors {
        shows_nothing(&error.to_string());
        debug_shows_nothing(error);
    }
    debug_shows_nothing(&store);
    debug_shows_nothing(&saved);
}
