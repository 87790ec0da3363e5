//! What a token endpoint answers to a refresh.
//!
//! An error in it is an error, whatever else is there; without an access token nothing is taken; what it leaves out stays,
//! but for the expiry of the old access token; nothing of it shows; and what is taken can be stored and read again.
#![no_main]

use std::time::{Duration, SystemTime};

use libfuzzer_sys::fuzz_target;
use oauth_token_store::fuzzing::{read_secret, value_of};
use oauth_token_store::secrecy::ExposeSecret;
use oauth_token_store::{ErrorKind, OAuthToken};
use oauth_token_store_fuzz::{NAME, PREFIX, assert_shows_nothing, assert_valid, texts};
use serde_json::Value;

fuzz_target!(|body: &str| {
    let received_at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let base =
        OAuthToken::builder().user_name("u").client_id("c").refresh_token("r").access_token("a").scope("s");
    let base = base.extra("e", "x").expiry_time(SystemTime::UNIX_EPOCH).build().expect("valid");
    let response = base.to_builder().token_response_at(body, received_at);
    let parsed = serde_json::from_str::<Value>(body.strip_prefix('\u{feff}').unwrap_or(body)).ok();
    let text = |name: &str| {
        parsed.as_ref().and_then(|parsed| parsed.get(name)?.as_str()).filter(|text| !text.is_empty())
    };

    let Ok(builder) = response else {
        let error = response.expect_err("no token");
        let shown = error.to_string();
        match error.oauth_error() {
            Some(code) => {
                assert!(
                    code.len() <= 64 && code.bytes().all(|b| b == b'_' || b.is_ascii_lowercase()),
                    "{code}"
                );
                assert_eq!(shown, format!("the token endpoint refused the request: {code}"));
            }
            None => assert!(
                [
                    "the token endpoint refused the request with an unusual error code",
                    "the token endpoint's response is not a JSON object",
                    "the token endpoint's response holds no access token",
                ]
                .contains(&&*shown),
                "{shown}"
            ),
        }
        let is_refused = has_error(parsed.as_ref()) || text("access_token").is_none();
        assert!(parsed.is_none() || is_refused, "a good response is refused: {shown}");
        return;
    };
    assert!(!has_error(parsed.as_ref()), "an error is taken for a token");
    let token = match builder.build() {
        Ok(token) => token,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Invalid);
            let field = error.to_string();
            let field = field.strip_suffix(" holds a NUL character: leave it out").expect("what is wrong");
            let known =
                ["refresh_token", "access_token", "api_domain", "scope", "token_type", "a provider extra"];
            assert!(known.contains(&field), "{field}");
            return;
        }
    };
    assert_valid(&token);
    assert_shows_nothing(&token);
    assert_eq!((token.user_name(), token.client_id()), (Some("u"), Some("c")), "taken from the response");
    let access_token = token.access_token().expect("a token").expose_secret();
    let refresh_token = token.refresh_token().expect("it stays").expose_secret();
    if parsed.is_some() {
        assert_eq!(Some(access_token), text("access_token"));
        assert_eq!(refresh_token, text("refresh_token").unwrap_or("r"));
        assert_eq!(token.token_type(), text("token_type"));
        assert_eq!(token.api_domain(), text("api_domain"));
    }
    // The old one never stays, and the new one is not in the past.
    if let Some(expiry) = token.expiry_time() {
        let is_told = |name| parsed.as_ref().is_none_or(|parsed| parsed.get(name).is_some());
        assert!(expiry >= received_at && (is_told("expires_in") || is_told("expires_in_sec")), "{expiry:?}");
    }
    let stored = read_secret(PREFIX, NAME, &value_of(&token)).expect("it was written here").expect("ours");
    assert_eq!((texts(&stored), stored.expiry_time()), (texts(&token), token.expiry_time()));
});

fn has_error(response: Option<&Value>) -> bool {
    match response.and_then(|response| response.get("error")) {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(Value::String(code)) => !code.is_empty(),
        Some(_) => true,
    }
}
