//! CreateSecret, PutSecretValue and UpdateSecret.

use serde_json::{Map, Value, json};

use super::super::arn;
use super::super::error::{Result, ServiceError};
use super::super::request::Request;
use super::super::secret::{CURRENT, Secret};
use super::super::timeline::View;
use super::super::validation;
use super::super::version::SecretValue;
use super::{Context, answer, insert_some};

pub(super) fn create_secret(request: &Request, context: &mut Context<'_>) -> Result<Value> {
    let name = validation::name(request)?;
    let description = validation::description(request)?;
    let kms_key_id = validation::kms_key_id(request)?;
    let tags = validation::tags(request)?;
    let version = value_and_token(request)?;

    if let Some(existing) = context.state.named(name, View::Now) {
        return create_again(existing, version);
    }
    let serial = context.state.next_serial();
    let mut secret = Secret::new(serial, name, arn::generate(name), context.now);
    secret.description = description.map(str::to_owned);
    secret.kms_key_id = kms_key_id.map(str::to_owned);
    secret.tags = tags.filter(|tags| !tags.is_empty());
    let version_id = version.as_ref().map(|(_, token)| *token);
    if let Some((value, token)) = version {
        secret.add_version(token, value, &[CURRENT], context.now)?;
    }
    let answer = with_version_id(&secret, version_id);
    context.state.put(context.now, secret);
    Ok(answer)
}

/// A Create on a name that is taken: only a repetition of the Create that took it succeeds.
fn create_again(existing: &Secret, version: Option<(SecretValue, &str)>) -> Result<Value> {
    if existing.deletion.is_some() {
        return Err(ServiceError::invalid_request(
            "You can't create this secret because a secret with this name is already scheduled for deletion.",
        ));
    }
    match version {
        Some((value, token)) if existing.version(token).is_some_and(|written| written.value == value) => {
            Ok(with_version_id(existing, Some(token)))
        }
        _ => Err(ServiceError::exists(format!(
            "The operation failed because the secret {} already exists.",
            existing.name
        ))),
    }
}

pub(super) fn put_secret_value(request: &Request, context: &mut Context<'_>) -> Result<Value> {
    let id = validation::secret_id(request)?;
    let token = validation::request_token(request)?;
    let stages = validation::stages(request)?;
    let value = validation::value(request)?.ok_or_else(|| {
        ServiceError::invalid_request("You must provide either SecretString or SecretBinary.")
    })?;

    let secret = context.state.find_usable(id, View::Now)?;
    if already_written(secret, token, &value)? {
        return Ok(put_answer(secret, token));
    }
    let mut secret = Secret::clone(secret);
    let stages = stages.unwrap_or_else(|| vec![CURRENT]);
    secret.add_version(token, value, &stages, context.now)?;
    let answer = put_answer(&secret, token);
    context.state.put(context.now, secret);
    Ok(answer)
}

fn put_answer(secret: &Secret, version_id: &str) -> Value {
    let mut answer = answer(secret);
    answer.insert("VersionId".to_owned(), json!(version_id));
    let labels = Some(secret.labels_of(version_id)).filter(|labels| !labels.is_empty());
    insert_some(&mut answer, "VersionStages", labels);
    Value::Object(answer)
}

pub(super) fn update_secret(request: &Request, context: &mut Context<'_>) -> Result<Value> {
    let id = validation::secret_id(request)?;
    let description = validation::description(request)?;
    let kms_key_id = validation::kms_key_id(request)?;
    let version = value_and_token(request)?;

    let secret = context.state.find_usable(id, View::Now)?;
    if let Some((value, token)) = &version
        && already_written(secret, token, value)?
    {
        return Ok(with_version_id(secret, Some(token)));
    }
    let mut secret = Secret::clone(secret);
    if let Some(description) = description {
        secret.description = Some(description.to_owned());
    }
    if let Some(key) = kms_key_id {
        secret.kms_key_id = Some(key.to_owned());
    }
    let version_id = version.as_ref().map(|(_, token)| *token);
    if let Some((value, token)) = version {
        secret.add_version(token, value, &[CURRENT], context.now)?;
    }
    secret.changed = context.now;
    let answer = with_version_id(&secret, version_id);
    context.state.put(context.now, secret);
    Ok(answer)
}

/// The version that a Create or an Update brings, if any; without one the token means nothing.
fn value_and_token(request: &Request) -> Result<Option<(SecretValue, &str)>> {
    validation::value(request)?.map(|value| Ok((value, validation::request_token(request)?))).transpose()
}

/// Whether a version has this token and this content; with other content the token is refused.
fn already_written(secret: &Secret, token: &str, value: &SecretValue) -> Result<bool> {
    match secret.version(token) {
        None => Ok(false),
        Some(version) if version.value == *value => Ok(true),
        Some(_) => Err(ServiceError::exists(format!(
            "You can't use ClientRequestToken {token} because that value is already in use for a version of secret {}.",
            secret.arn
        ))),
    }
}

fn with_version_id(secret: &Secret, version_id: Option<&str>) -> Value {
    let mut answer: Map<_, _> = answer(secret);
    insert_some(&mut answer, "VersionId", version_id);
    Value::Object(answer)
}
