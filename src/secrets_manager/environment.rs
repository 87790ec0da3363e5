//! Settings from environment variables.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::time::Duration;

use crate::contract::{ErrorKind, StoreError};

use super::builder::SecretsManagerTokenStoreBuilder;
use super::prefix::Prefix;
use super::tags;

const PREFIX: &str = "OAUTH_TOKEN_STORE_PREFIX";
const KMS_KEY_ID: &str = "OAUTH_TOKEN_STORE_KMS_KEY_ID";
const TAGS: &str = "OAUTH_TOKEN_STORE_TAGS";
const TAG_SEARCH: &str = "OAUTH_TOKEN_STORE_TAG_SEARCH";
const INDEX_ACCESS_TOKENS: &str = "OAUTH_TOKEN_STORE_INDEX_ACCESS_TOKENS";
const WRITE_DEADLINE_SECONDS: &str = "OAUTH_TOKEN_STORE_WRITE_DEADLINE_SECONDS";
const TIME_TO_LIVE_SECONDS: &str = "OAUTH_TOKEN_STORE_TIME_TO_LIVE_SECONDS";
const MISS_TIME_TO_LIVE_SECONDS: &str = "OAUTH_TOKEN_STORE_MISS_TIME_TO_LIVE_SECONDS";
const MAX_STALE_SECONDS: &str = "OAUTH_TOKEN_STORE_MAX_STALE_SECONDS";
const MAX_CAPACITY: &str = "OAUTH_TOKEN_STORE_MAX_CAPACITY";

/// Applies what is set; the environment is an argument, so that tests need not change that of the process.
pub(super) fn read(
    mut builder: SecretsManagerTokenStoreBuilder,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<SecretsManagerTokenStoreBuilder, StoreError> {
    let text = |name: &'static str| -> Result<Option<String>, StoreError> {
        let value =
            variable(name).map(|value| value.into_string().map_err(|_| wrong(name, "is not valid Unicode")));
        value.transpose()
    };
    if let Some(prefix) = text(PREFIX)? {
        Prefix::parse(&prefix).map_err(|error| wrong(PREFIX, "is not usable").with_source(error))?;
        builder = builder.prefix(prefix);
    }
    if let Some(key_id) = text(KMS_KEY_ID)? {
        if key_id.is_empty() {
            return Err(wrong(KMS_KEY_ID, "is empty: unset it for the default key"));
        }
        builder = builder.kms_key_id(key_id);
    }
    let untaken = |error| wrong(TAGS, "holds tags that AWS does not take").with_source(error);
    let mut own_tags = BTreeMap::new();
    for pair in text(TAGS)?.iter().flat_map(|tags| tags.split(',')).filter(|pair| !pair.trim().is_empty()) {
        let Some((key, value)) = pair.split_once('=') else {
            return Err(wrong(TAGS, "must be `key=value` pairs separated by commas"));
        };
        let (key, value) = (key.trim().to_owned(), value.trim().to_owned());
        // Each alone, too: of two of one key the last one counts.
        tags::validate_own(&[(key.clone(), value.clone())].into()).map_err(untaken)?;
        own_tags.insert(key, value);
    }
    tags::validate_own(&own_tags).map_err(untaken)?;
    builder = own_tags.into_iter().fold(builder, |builder, (key, value)| builder.tag(key, value));
    if let Some(enabled) = flag(TAG_SEARCH, text(TAG_SEARCH)?)? {
        builder = builder.tag_search(enabled);
    }
    if let Some(enabled) = flag(INDEX_ACCESS_TOKENS, text(INDEX_ACCESS_TOKENS)?)? {
        builder = builder.index_access_tokens(enabled);
    }
    if let Some(deadline) = seconds(WRITE_DEADLINE_SECONDS, text(WRITE_DEADLINE_SECONDS)?)? {
        builder = builder.write_deadline(deadline);
    }
    if let Some(time) = seconds(TIME_TO_LIVE_SECONDS, text(TIME_TO_LIVE_SECONDS)?)? {
        builder = builder.time_to_live(time);
    }
    if let Some(time) = seconds(MISS_TIME_TO_LIVE_SECONDS, text(MISS_TIME_TO_LIVE_SECONDS)?)? {
        builder = builder.miss_time_to_live(time);
    }
    if let Some(time) = seconds(MAX_STALE_SECONDS, text(MAX_STALE_SECONDS)?)? {
        builder = builder.max_stale(time);
    }
    if let Some(tokens) = text(MAX_CAPACITY)? {
        let tokens = tokens.parse().map_err(|_| wrong(MAX_CAPACITY, "must be a whole number of tokens"))?;
        builder = builder.max_capacity(tokens);
    }
    Ok(builder)
}

fn seconds(name: &'static str, value: Option<String>) -> Result<Option<Duration>, StoreError> {
    let parse = |value: String| value.parse::<u32>().map_err(|_| wrong(name, "must be whole seconds"));
    Ok(value.map(parse).transpose()?.map(|seconds| Duration::from_secs(seconds.into())))
}

fn flag(name: &'static str, value: Option<String>) -> Result<Option<bool>, StoreError> {
    match value.as_deref() {
        None => Ok(None),
        Some("true" | "1") => Ok(Some(true)),
        Some("false" | "0") => Ok(Some(false)),
        Some(_) => Err(wrong(name, "must be `true` or `false`")),
    }
}

fn wrong(name: &str, why: &str) -> StoreError {
    StoreError::new(ErrorKind::Configuration, format!("the environment variable {name} {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SecretsManagerTokenStore;

    fn with(name: &str, value: &str) -> Result<String, StoreError> {
        let builder =
            read(SecretsManagerTokenStore::builder(), |asked| (asked == name).then(|| value.into()));
        builder.map(|builder| format!("{builder:?}"))
    }

    #[test]
    fn each_variable_sets_its_setting() {
        for (name, value, shown) in [
            (PREFIX, "prod/crm", "prefix: \"prod/crm\""),
            (KMS_KEY_ID, "alias/tokens", "kms_key_id: Some(\"alias/tokens\")"),
            (TAGS, "team=crm, stage=prod,", "tags: {\"stage\": \"prod\", \"team\": \"crm\"}"),
            (TAG_SEARCH, "false", "tag_search: false"),
            (INDEX_ACCESS_TOKENS, "0", "index_access_tokens: false"),
            (WRITE_DEADLINE_SECONDS, "3", "write_deadline: 3s"),
            (TIME_TO_LIVE_SECONDS, "0", " time_to_live: 0ns"),
            (MISS_TIME_TO_LIVE_SECONDS, "7", "miss_time_to_live: 7s"),
            (MAX_STALE_SECONDS, "9", "max_stale: 9s"),
            (MAX_CAPACITY, "11", "max_capacity: 11"),
        ] {
            let before = format!("{:?}", SecretsManagerTokenStore::builder());
            assert!(!before.contains(shown), "{name} has no effect");
            let builder = with(name, value).expect(name);
            assert!(builder.contains(shown), "{name}: {builder}");
        }
    }

    #[test]
    fn a_flag_is_a_word_or_a_digit() {
        for name in [TAG_SEARCH, INDEX_ACCESS_TOKENS] {
            for (value, enabled) in [("true", true), ("1", true), ("false", false), ("0", false)] {
                let shown = match name {
                    TAG_SEARCH => format!("tag_search: {enabled}"),
                    _ => format!("index_access_tokens: {enabled}"),
                };
                let builder = with(name, value).expect(value);
                assert!(builder.contains(&shown), "{name}={value}: {builder}");
            }
        }
    }

    #[test]
    fn a_wrong_value_names_its_variable() {
        let too_many_tags: String = (0..44).map(|n| format!("tag{n}=x,")).collect();
        for (name, value) in [
            (PREFIX, "a//b"),
            (PREFIX, ""),
            (KMS_KEY_ID, ""),
            (TAGS, "team"),
            (TAGS, "aws:x=y"),
            (TAGS, &too_many_tags),
            (TAGS, "team=a\0b,team=crm"),
            (TAG_SEARCH, "yes"),
            (INDEX_ACCESS_TOKENS, ""),
            (WRITE_DEADLINE_SECONDS, "1.5"),
            (WRITE_DEADLINE_SECONDS, "-1"),
            (TIME_TO_LIVE_SECONDS, "five"),
            (MISS_TIME_TO_LIVE_SECONDS, ""),
            (MAX_STALE_SECONDS, "-1"),
            (MAX_CAPACITY, "1e3"),
        ] {
            let error = with(name, value).expect_err(name);
            assert_eq!(error.kind(), ErrorKind::Configuration, "{name}");
            assert!(error.to_string().contains(name), "{error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_value_that_is_no_text_is_not_taken_for_an_absent_one() {
        use std::os::unix::ffi::OsStringExt;
        for name in [
            PREFIX,
            KMS_KEY_ID,
            TAGS,
            TAG_SEARCH,
            INDEX_ACCESS_TOKENS,
            WRITE_DEADLINE_SECONDS,
            TIME_TO_LIVE_SECONDS,
            MISS_TIME_TO_LIVE_SECONDS,
            MAX_STALE_SECONDS,
            MAX_CAPACITY,
        ] {
            let variable = |asked: &str| (asked == name).then(|| OsString::from_vec(vec![0xff]));
            let error = read(SecretsManagerTokenStore::builder(), variable).expect_err(name);
            assert_eq!(error.kind(), ErrorKind::Configuration, "{name}");
            assert!(error.to_string().contains(name), "{error}");
        }
    }
}
