//! A secret's value, which other programs may write: any text at all.
//!
//! It is a token or [`ErrorKind::Corrupt`], as a plain JSON parser says too; what is read shows nowhere; and what is read
//! and written is read again as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oauth_token_store::fuzzing::{read_secret, value_of};
use oauth_token_store::{ErrorKind, StoreError};
use oauth_token_store_fuzz::{NAME, PREFIX, assert_shows_nothing, assert_valid, texts};
use serde_json::Value;

const TEXTS: [&str; 10] = [
    "user_name",
    "client_id",
    "client_secret",
    "refresh_token",
    "access_token",
    "grant_token",
    "redirect_url",
    "api_domain",
    "scope",
    "token_type",
];

fuzz_target!(|value: &str| {
    let token = read_secret(PREFIX, NAME, value).map(|token| token.expect("the name is one of ours"));
    let parsed = serde_json::from_str::<Value>(value).ok();
    if let Some(parsed) = &parsed {
        assert_eq!(token.is_ok(), is_token(parsed), "a JSON parser says otherwise");
    }
    match token {
        Err(error) => assert_quotes_nothing(&error),
        Ok(token) => {
            assert_shows_nothing(&token);
            assert_valid(&token);
            // Of two members of one name the last one counts.
            for (name, text) in texts(&token) {
                if let Some(parsed) = &parsed {
                    assert_eq!(parsed[name].as_str(), Some(text), "{name}");
                }
            }
            let written = value_of(&token);
            let again = read_secret(PREFIX, NAME, &written).expect("it was written here").expect("ours");
            assert!(again == token, "it does not survive being written");
            assert_ne!(written, value_of(&token), "two saves with the same content");
        }
    }
});

/// Whether schema 1 says that this is a token.
fn is_token(value: &Value) -> bool {
    let Some(members) = value.as_object() else { return false };
    let no_nul = |text: &str| !text.contains('\0');
    members.get("schema").and_then(Value::as_str) == Some("1")
        && members.iter().all(|(name, value)| match (name.as_str(), value.as_str()) {
            ("save", text) => text.is_some(),
            ("expiry_time", text) => text.is_some_and(|text| text.is_empty() || text.parse::<i64>().is_ok()),
            ("schema", _) => true,
            ("id", text) => text.is_some_and(no_nul),
            (name, text) if TEXTS.contains(&name) => text.is_some_and(no_nul),
            (name, text) => no_nul(name) && text.is_none_or(no_nul),
        })
}

fn assert_quotes_nothing(error: &StoreError) {
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    let text = error.to_string();
    let advice = format!(": repair it, or delete the token by its id (secret {NAME})");
    let text = text.strip_suffix(&advice).expect("what to do, and with which secret");
    let known = |name: &str| {
        TEXTS.contains(&name) || ["schema", "save", "id", "expiry_time", "a provider extra"].contains(&name)
    };
    let malformed =
        text.strip_prefix('`').and_then(|text| text.strip_suffix("` in the secret's value is malformed"));
    let fixed =
        ["the secret's value is not a JSON object of strings", "the secret's value is not of schema 1"];
    assert!(malformed.is_some_and(known) || fixed.contains(&text), "{text}");
}
