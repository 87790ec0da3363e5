//! What the service refuses before it looks at any secret.
//!
//! The numbers are those of the API reference and of "AWS Secrets Manager quotas" in the user guide; for tags
//! also "Tag naming limits and requirements" in the AWS General Reference.

use std::collections::HashSet;
use std::ops::RangeInclusive;

use super::error::{Result, ServiceError};
use super::request::{Request, camel_case, missing};
use super::secret::Tag;
use super::version::SecretValue;

const NAME_LENGTH: RangeInclusive<usize> = 1..=512;
const SECRET_ID_LENGTH: RangeInclusive<usize> = 1..=2_048;
const TOKEN_LENGTH: RangeInclusive<usize> = 32..=64;
const VALUE_BYTES: RangeInclusive<usize> = 1..=65_536;
const DESCRIPTION_LENGTH: RangeInclusive<usize> = 0..=2_048;
const KEY_ID_LENGTH: RangeInclusive<usize> = 0..=2_048;
const STAGE_LENGTH: RangeInclusive<usize> = 1..=256;
const STAGES: RangeInclusive<usize> = 1..=20;
const TAG_KEY_LENGTH: RangeInclusive<usize> = 1..=128;
const TAG_VALUE_LENGTH: RangeInclusive<usize> = 0..=256;
const RECOVERY_WINDOW_DAYS: RangeInclusive<i64> = 7..=30;
const DEFAULT_RECOVERY_WINDOW_DAYS: i64 = 30;

/// The most tags of one secret.
pub(super) const MAX_TAGS: usize = 50;

/// Checks a length in characters against the API model's bounds.
pub(super) fn length(member: &str, value: &str, bounds: &RangeInclusive<usize>) -> Result<()> {
    size(member, value.chars().count(), bounds)
}

/// Checks a number of characters, bytes or elements against the API model's bounds.
pub(super) fn size(member: &str, size: usize, bounds: &RangeInclusive<usize>) -> Result<()> {
    let constraint = if size < *bounds.start() {
        format!("have length greater than or equal to {}", bounds.start())
    } else if size > *bounds.end() {
        format!("have length less than or equal to {}", bounds.end())
    } else {
        return Ok(());
    };
    Err(ServiceError::validation(&camel_case(member), &constraint))
}

/// Checks a number against the API model's bounds.
pub(super) fn range(member: &str, value: i64, bounds: &RangeInclusive<i64>) -> Result<()> {
    let constraint = if value < *bounds.start() {
        format!("have value greater than or equal to {}", bounds.start())
    } else if value > *bounds.end() {
        format!("have value less than or equal to {}", bounds.end())
    } else {
        return Ok(());
    };
    Err(ServiceError::validation(&camel_case(member), &constraint))
}

/// The name of a secret to be created.
pub(super) fn name(request: &Request) -> Result<&str> {
    let name = request.required_string("Name")?;
    length("Name", name, &NAME_LENGTH)?;
    name_characters(name)?;
    Ok(name)
}

fn name_characters(name: &str) -> Result<()> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "/_+=.@-".contains(c);
    if name.chars().all(allowed) {
        Ok(())
    } else {
        Err(ServiceError::new(
            "ValidationException",
            "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
        ))
    }
}

/// The name or ARN of the secret that a request is about.
pub(super) fn secret_id(request: &Request) -> Result<&str> {
    let id = request.required_string("SecretId")?;
    length("SecretId", id, &SECRET_ID_LENGTH)?;
    if !id.starts_with("arn:") {
        name_characters(id)?;
    }
    Ok(id)
}

/// A version id, which has the length of a request token.
pub(super) fn version_id<'a>(request: &'a Request, member: &str) -> Result<Option<&'a str>> {
    let id = request.string(member)?;
    if let Some(id) = id {
        length(member, id, &TOKEN_LENGTH)?;
    }
    Ok(id)
}

/// The staging label of a request.
pub(super) fn stage(request: &Request) -> Result<Option<&str>> {
    let stage = request.string("VersionStage")?;
    if let Some(stage) = stage {
        length("VersionStage", stage, &STAGE_LENGTH)?;
    }
    Ok(stage)
}

/// The staging labels that a Put asks for.
pub(super) fn stages(request: &Request) -> Result<Option<Vec<&str>>> {
    let stages = request.strings("VersionStages")?;
    if let Some(stages) = &stages {
        size("VersionStages", stages.len(), &STAGES)?;
        for stage in stages {
            length("VersionStages", stage, &STAGE_LENGTH)?;
        }
    }
    Ok(stages)
}

/// The token that makes a write idempotent, which becomes the version's id. SDKs fill it in.
pub(super) fn request_token(request: &Request) -> Result<&str> {
    let token = request.string("ClientRequestToken")?.ok_or_else(|| {
        ServiceError::invalid_request(
            "You must provide a ClientRequestToken value. We recommend a UUID-type value.",
        )
    })?;
    if TOKEN_LENGTH.contains(&token.chars().count()) {
        Ok(token)
    } else {
        Err(ServiceError::invalid_parameter("ClientRequestToken must be 32-64 characters long."))
    }
}

/// The value of a request, if it has one.
pub(super) fn value(request: &Request) -> Result<Option<SecretValue>> {
    let text = request.string("SecretString")?;
    let binary = request.blob("SecretBinary")?;
    match (text, binary) {
        (Some(_), Some(_)) => Err(ServiceError::invalid_parameter(
            "You can't specify both a binary secret value and a string secret value in the same secret.",
        )),
        (Some(text), None) => {
            size("SecretString", text.len(), &VALUE_BYTES)?;
            Ok(Some(SecretValue::Text(text.to_owned())))
        }
        (None, Some(binary)) => {
            size("SecretBinary", binary.len(), &VALUE_BYTES)?;
            Ok(Some(SecretValue::Binary(binary)))
        }
        (None, None) => Ok(None),
    }
}

/// A description.
pub(super) fn description(request: &Request) -> Result<Option<&str>> {
    let description = request.string("Description")?;
    if let Some(description) = description {
        length("Description", description, &DESCRIPTION_LENGTH)?;
    }
    Ok(description)
}

/// The id of a KMS key, which is only kept and shown again.
pub(super) fn kms_key_id(request: &Request) -> Result<Option<&str>> {
    let key = request.string("KmsKeyId")?;
    if let Some(key) = key {
        length("KmsKeyId", key, &KEY_ID_LENGTH)?;
    }
    Ok(key)
}

/// The tags of a request, if it has a list of them.
pub(super) fn tags(request: &Request) -> Result<Option<Vec<Tag>>> {
    let mut keys = HashSet::new();
    let mut tags = Vec::new();
    let Some(entries) = request.list("Tags")? else {
        return Ok(None);
    };
    for entry in entries {
        let entry = Request::object(entry, "Tags")?;
        let tag = Tag {
            key: entry.string("Key")?.ok_or_else(|| missing("Tags"))?.to_owned(),
            value: entry.string("Value")?.unwrap_or_default().to_owned(),
        };
        tag_key(&tag.key)?;
        length("Tags", &tag.value, &TAG_VALUE_LENGTH)?;
        tag_characters(&tag.value)?;
        if !keys.insert(tag.key.clone()) {
            return Err(ServiceError::invalid_parameter(
                "Duplicate tag keys found. Tag keys must be unique.",
            ));
        }
        tags.push(tag);
    }
    tag_count(tags.len())?;
    Ok(Some(tags))
}

/// The keys that an UntagResource names.
pub(super) fn tag_keys(request: &Request) -> Result<Vec<&str>> {
    let keys = request.strings("TagKeys")?.ok_or_else(|| missing("TagKeys"))?;
    keys.iter().try_for_each(|key| tag_key(key))?;
    Ok(keys)
}

/// Checks how many tags a secret would have.
pub(super) fn tag_count(count: usize) -> Result<()> {
    if count <= MAX_TAGS {
        Ok(())
    } else {
        Err(ServiceError::invalid_parameter(format!(
            "You can't attach more than {MAX_TAGS} tags to a secret."
        )))
    }
}

fn tag_key(key: &str) -> Result<()> {
    length("Tags", key, &TAG_KEY_LENGTH)?;
    if key.to_ascii_lowercase().starts_with("aws:") {
        return Err(ServiceError::invalid_parameter(
            "aws: prefixed tag key names are not allowed for external use.",
        ));
    }
    tag_characters(key)
}

fn tag_characters(text: &str) -> Result<()> {
    let allowed = |c: char| c.is_alphanumeric() || c.is_whitespace() || "_.:/=+-@".contains(c);
    if text.chars().all(allowed) {
        Ok(())
    } else {
        Err(ServiceError::invalid_parameter(
            "A tag can contain letters, spaces, numbers and the characters _ . : / = + - @",
        ))
    }
}

/// How a secret is to be deleted.
#[derive(Clone, Copy)]
pub(super) enum DeletionMode {
    /// At once.
    Forced,
    /// After so many days.
    Scheduled(u32),
}

/// The deletion that a DeleteSecret asks for.
pub(super) fn deletion_mode(request: &Request) -> Result<DeletionMode> {
    let forced = request.boolean("ForceDeleteWithoutRecovery")?.unwrap_or_default();
    let window = request.integer("RecoveryWindowInDays")?;
    if forced && window.is_some() {
        return Err(ServiceError::invalid_parameter(
            "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.",
        ));
    }
    if forced {
        return Ok(DeletionMode::Forced);
    }
    let days = window.unwrap_or(DEFAULT_RECOVERY_WINDOW_DAYS);
    u32::try_from(days)
        .ok()
        .filter(|_| RECOVERY_WINDOW_DAYS.contains(&days))
        .map(DeletionMode::Scheduled)
        .ok_or_else(|| {
            ServiceError::invalid_parameter(
                "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).",
            )
        })
}
