//! The variables that set a store up: the first line says which, the rest is its value.
//!
//! A value is taken or refused, and an error names the variable and never quotes the value.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oauth_token_store::ErrorKind;
use oauth_token_store::fuzzing::from_environment;

const TAGS: &str = "OAUTH_TOKEN_STORE_TAGS";
const VARIABLES: [&str; 10] = [
    TAGS,
    "OAUTH_TOKEN_STORE_PREFIX",
    "OAUTH_TOKEN_STORE_KMS_KEY_ID",
    "OAUTH_TOKEN_STORE_TAG_SEARCH",
    "OAUTH_TOKEN_STORE_INDEX_ACCESS_TOKENS",
    "OAUTH_TOKEN_STORE_WRITE_DEADLINE_SECONDS",
    "OAUTH_TOKEN_STORE_TIME_TO_LIVE_SECONDS",
    "OAUTH_TOKEN_STORE_MISS_TIME_TO_LIVE_SECONDS",
    "OAUTH_TOKEN_STORE_MAX_STALE_SECONDS",
    "OAUTH_TOKEN_STORE_MAX_CAPACITY",
];
const REASONS: [&str; 7] = [
    "is not usable",
    "is empty: unset it for the default key",
    "must be `key=value` pairs separated by commas",
    "holds tags that AWS does not take",
    "must be a whole number of tokens",
    "must be whole seconds",
    "must be `true` or `false`",
];

fuzz_target!(|text: &str| {
    let (number, value) = text.split_once('\n').unwrap_or(("0", text));
    let variable = VARIABLES[number.parse().unwrap_or(0) % VARIABLES.len()];
    match from_environment(variable, value) {
        Ok(builder) => {
            let shown = format!("{builder:?}");
            let pairs = value.split(',').filter(|pair| !pair.trim().is_empty()).filter(|_| variable == TAGS);
            for (key, value) in pairs.map(|pair| pair.split_once('=').expect("a pair")) {
                // What CloudTrail logs anyway. Of two tags of one key the last one counts.
                assert!(shown.contains(&format!("{:?}: ", key.trim())), "{} is lost: {shown}", key.trim());
                assert!(value.trim().chars().count() <= 256 && !value.contains('\0'));
            }
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Configuration);
            let text = error.to_string();
            let reason =
                text.strip_prefix("the environment variable ").and_then(|text| text.strip_prefix(variable));
            let reason = reason.and_then(|reason| reason.strip_prefix(' ')).expect("the variable's name");
            assert!(REASONS.contains(&reason), "{text}");
        }
    }
});
