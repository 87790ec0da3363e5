//! What is refused before it gets anywhere: the caller's own input, and token responses.

use std::error::Error;

use oauth_token_store::{ErrorKind, OAuthToken, OAuthTokenBuilder, SecretsManagerTokenStore, TokenId};
use serde_json::json;

use crate::canaries::*;
use crate::stage::{login, user};
use crate::watch::Watch;

#[test]
fn what_the_builder_refuses_is_not_shown() {
    let mut watch = Watch::begin();
    type Set = fn(OAuthTokenBuilder, &str) -> OAuthTokenBuilder;
    let fields: [(&str, Set); 13] = [
        (USER, |token, text| token.user_name(text)),
        (OWN_ID, |token, text| token.id(text)),
        (CLIENT_ID, |token, text| token.client_id(text)),
        (CLIENT_SECRET, |token, text| token.client_secret(text)),
        (REFRESH, |token, text| token.refresh_token(text)),
        (ACCESS, |token, text| token.access_token(text)),
        (GRANT, |token, text| token.grant_token(text)),
        (REDIRECT_URL, |token, text| token.redirect_url(text)),
        (API_DOMAIN, |token, text| token.api_domain(text)),
        (SCOPE, |token, text| token.scope(text)),
        (TOKEN_TYPE, |token, text| token.token_type(text)),
        (EXTRA, |token, text| token.extra(EXTRA_NAME, text)),
        (EXTRA_NAME, |token, text| token.extra(text, EXTRA)),
    ];
    for (value, set) in fields {
        let builder = set(login(), &format!("{value}\0{value}"));
        watch.debug("a builder", &builder);
        assert!(watch.outcome("a NUL", builder.build()).is_none(), "{value:?} was taken");
    }
    assert!(watch.outcome("a reserved name", login().extra("schema", EXTRA).build()).is_none());
    assert!(watch.outcome("an empty name", login().extra("", EXTRA).build()).is_none());
    assert!(watch.outcome("a NUL", TokenId::new(format!("{OWN_ID}\0"))).is_none());
    assert!(watch.outcome("a NUL", TokenId::of_user(&format!("{USER}\0"))).is_none());
    assert!(watch.outcome("a NUL", format!("{OWN_ID}\0").parse::<TokenId>()).is_none());
    watch.assert_kinds(&[ErrorKind::Invalid]);
    watch.look();
}

#[tokio::test]
async fn what_a_store_cannot_be_built_with_is_not_shown() {
    let mut watch = Watch::begin();
    let builder = SecretsManagerTokenStore::builder;
    // A prefix and tags are no secret, but whoever mixes them up with one is to read the error, not the secret.
    for prefix in [CLIENT_SECRET.to_owned(), format!("{REFRESH}/"), CLIENT_ID.repeat(20)] {
        assert!(watch.outcome("a prefix", builder().prefix(prefix).build().await).is_none());
    }
    for (key, value) in [(EXTRA_NAME, "x"), ("x", CLIENT_SECRET), (&*USER.repeat(9), USER), ("aws:x", USER)] {
        assert!(watch.outcome("a tag", builder().tag(key, value).build().await).is_none());
    }
    watch.assert_kinds(&[ErrorKind::Invalid]);
    watch.look();
}

#[test]
fn a_token_response_that_is_refused_is_not_quoted() {
    let watch = Watch::begin();
    for body in [
        ACCESS.to_owned(),
        json!(ACCESS).to_string(),
        json!([{"access_token": ACCESS}]).to_string(),
        format!("{{\"access_token\":\"{OWN_ID}"),
        format!("<html>{ACCESS}</html>"),
        json!({"refresh_token": REFRESH, EXTRA_NAME: EXTRA}).to_string(),
        json!({"access_token": [ACCESS], "expires_in": ACCESS}).to_string(),
        json!({"error": ACCESS, "access_token": ACCESS}).to_string(),
        json!({"error": {"error": ACCESS}}).to_string(),
        json!({"error": "invalid_grant", "error_description": USER, "error_uri": REDIRECT_URL}).to_string(),
        json!({"error": USER, "user_name": USER}).to_string(),
    ] {
        for error in [
            OAuthToken::from_token_response(&body).expect_err("it holds no token"),
            user().to_builder().token_response(&body).expect_err("it holds no token"),
        ] {
            watch.error("a token response", &error);
            assert!(error.source().is_none());
            assert!(
                error.oauth_error().is_none_or(|code| code == "invalid_grant"),
                "an unusual code is shown"
            );
        }
    }
    watch.look();
}
