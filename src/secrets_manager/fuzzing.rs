//! What reads text that others wrote, for the programs in `fuzz`: thin wrappers that decide nothing. Not a part of the
//! library: they are compiled for fuzzing only.

use std::ffi::OsString;
use std::time::{Duration, SystemTime};

use secrecy::zeroize::Zeroizing;

use crate::contract::{Locator, OAuthToken, StoreError};
use crate::record::{Version, slot_after};

use super::answer::Answer;
use super::builder::SecretsManagerTokenStoreBuilder;
use super::prefix::Prefix;
use super::{environment, service_error, value};

/// The token that a secret of this name and value is; `None` if the name is not one of ours.
///
/// # Errors
/// As every find, and if the prefix is none.
pub fn read_secret(prefix: &str, name: &str, value: &str) -> Result<Option<OAuthToken>, StoreError> {
    let prefix = Prefix::parse(prefix)?;
    let version = Version { arn: "arn".into(), id: "version".into(), created: None };
    let answer = Answer { name: name.into(), version, value: Some(Zeroizing::new(value.into())) };
    let record = answer.into_record(&prefix).transpose()?;
    Ok(record.map(|record| OAuthToken::clone(&record.token)))
}

/// The value that a token is written as.
#[must_use]
pub fn value_of(token: &OAuthToken) -> String {
    value::encode(token).to_string()
}

/// The locator in a secret's name.
///
/// # Errors
/// If the prefix is none.
pub fn locator_in(prefix: &str, name: &str) -> Result<Option<String>, StoreError> {
    let locator = Prefix::parse(prefix)?.locator_in(name);
    Ok(locator.as_ref().map(Locator::as_str).map(str::to_owned))
}

/// A builder set up by one environment variable.
///
/// # Errors
/// As [`SecretsManagerTokenStoreBuilder::from_env`].
pub fn from_environment(variable: &str, text: &str) -> Result<SecretsManagerTokenStoreBuilder, StoreError> {
    let builder = SecretsManagerTokenStoreBuilder::default();
    environment::read(builder, |name| (name == variable).then(|| OsString::from(text)))
}

/// What is passed on of AWS's error code.
#[must_use]
pub fn error_code(text: &str) -> Option<String> {
    service_error::plain(text)
}

/// What is passed on of AWS's message that access is denied.
#[must_use]
pub fn missing_permission(operation: &str, message: &str) -> Option<String> {
    service_error::missing_permission(operation, message)
}

/// The slot after a version.
#[must_use]
pub fn next_slot(version_id: &str) -> String {
    slot_after(version_id)
}

/// An ARN, a version id and a date as the service gives them; whether the first is older than the second.
#[must_use]
pub fn is_older(one: (&str, &str, f64), two: (&str, &str, f64)) -> bool {
    let version = |(arn, id, date): (&str, &str, f64)| {
        let distance = Duration::try_from_secs_f64(date.abs()).ok();
        let created = distance.and_then(|distance| match date < 0.0 {
            true => SystemTime::UNIX_EPOCH.checked_sub(distance),
            false => SystemTime::UNIX_EPOCH.checked_add(distance),
        });
        Version { arn: arn.into(), id: id.into(), created }
    };
    version(one).is_older_than(&version(two))
}
