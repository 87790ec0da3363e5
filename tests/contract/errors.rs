//! Errors.

use std::error::Error;
use std::sync::Arc;

use oauth_token_store::{ErrorKind, OAuthToken, StoreError};

const KINDS: [ErrorKind; 16] = [
    ErrorKind::NoLookupKey,
    ErrorKind::NothingToStore,
    ErrorKind::Invalid,
    ErrorKind::Conflict,
    ErrorKind::Deleted,
    ErrorKind::Contended,
    ErrorKind::TooLarge,
    ErrorKind::Corrupt,
    ErrorKind::AccessDenied,
    ErrorKind::Throttled,
    ErrorKind::TimedOut,
    ErrorKind::Unavailable,
    ErrorKind::QuotaExceeded,
    ErrorKind::Kms,
    ErrorKind::Configuration,
    ErrorKind::Unexpected,
];

#[test]
fn what_may_pass_is_retryable_and_nothing_else_is() {
    let retryable: Vec<ErrorKind> = KINDS.into_iter().filter(|kind| kind.is_retryable()).collect();
    let expected = [ErrorKind::Contended, ErrorKind::Throttled, ErrorKind::TimedOut, ErrorKind::Unavailable];
    assert_eq!(retryable, expected);
    for kind in KINDS {
        assert_eq!(StoreError::from(kind).is_retryable(), kind.is_retryable());
    }
}

#[test]
fn every_kind_has_a_text_of_its_own() {
    let mut texts: Vec<String> = KINDS.map(|kind| StoreError::from(kind).to_string()).into();
    assert!(texts.iter().all(|text| text.len() > 15));
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), KINDS.len());
}

/// Metrics and structured logs go by these names.
#[test]
fn every_kind_has_the_name_of_its_variant_in_snake_case() {
    for kind in KINDS {
        let variant = format!("{kind:?}");
        let mut words = Vec::from([String::new()]);
        for letter in variant.chars() {
            if letter.is_uppercase() {
                words.push(String::new());
            }
            words.last_mut().unwrap().push(letter.to_ascii_lowercase());
        }
        let name = words[1..].join("_");
        assert_eq!((kind.as_str(), kind.to_string()), (name.as_str(), name.clone()));
    }
}

/// The caller has to be told what to do, not only what went wrong.
#[test]
fn a_missing_key_says_what_to_give() {
    let text = StoreError::from(ErrorKind::NoLookupKey).to_string();
    assert!(text.contains("an id") && text.contains("user"), "{text}");
}

#[test]
fn an_error_has_its_kind_its_message_and_its_source() {
    let error = StoreError::new(ErrorKind::Corrupt, "repair it");
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert_eq!(error.to_string(), "repair it");
    assert!(error.source().is_none());
    assert_eq!(error.secret_name(), None);
    assert!(error.token().is_none());

    let error = error.with_source(std::fmt::Error);
    assert!(error.source().unwrap().is::<std::fmt::Error>());
    assert_eq!(error.to_string(), "repair it", "the source is not repeated");
    assert!(format!("{error:?}").contains("Corrupt"));

    let error = error.with_secret_name("app/x");
    assert_eq!(
        (error.to_string().as_str(), error.secret_name()),
        ("repair it (secret app/x)", Some("app/x"))
    );
}

#[test]
fn a_clone_tells_the_same() {
    let token = Arc::new(OAuthToken::builder().access_token("a").build().unwrap());
    let error = StoreError::new(ErrorKind::Unavailable, "try again")
        .with_source(std::fmt::Error)
        .with_secret_name("app/x")
        .with_token(Arc::clone(&token));
    let clone = error.clone();
    assert_eq!(format!("{clone} {clone:?}"), format!("{error} {error:?}"));
    assert!(clone.source().unwrap().is::<std::fmt::Error>());
    assert!(Arc::ptr_eq(clone.token().unwrap(), &token));
    // What is changed in one of them is not in the other.
    assert_eq!(clone.with_secret_name("app/y").secret_name(), Some("app/y"));
    assert_eq!(error.secret_name(), Some("app/x"));
}
