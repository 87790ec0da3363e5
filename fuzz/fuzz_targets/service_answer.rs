//! AWS's error codes and messages, which name people: a line each, the operation last.
//!
//! A code is passed on if it is a plain word, and of a message no more than actions of Secrets Manager's or KMS's.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oauth_token_store::fuzzing::{error_code, missing_permission};

fuzz_target!(|text: &str| {
    let mut lines = text.splitn(2, '\n');
    let (code, message) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let is_plain = (1..=64).contains(&code.chars().count())
        && code.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    assert_eq!(error_code(code).as_deref(), is_plain.then_some(code));

    for operation in ["GetSecretValue", "PutSecretValue"] {
        let permission = missing_permission(operation, message).expect("there is always one to grant");
        for permission in permission.split(" or ") {
            let (service, action) = permission.split_once(':').expect("an action");
            assert!(matches!(service, "secretsmanager" | "kms"), "{permission}");
            assert!(!action.is_empty() && action.bytes().all(|b| b.is_ascii_alphabetic()), "{permission}");
        }
    }
});
