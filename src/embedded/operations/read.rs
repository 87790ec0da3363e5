//! GetSecretValue, BatchGetSecretValue and DescribeSecret.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::super::clock::epoch_seconds;
use super::super::error::{Result, ServiceError};
use super::super::filters::Filters;
use super::super::operation::Operation;
use super::super::page::Page;
use super::super::request::Request;
use super::super::secret::{CURRENT, Secret};
use super::super::timeline::View;
use super::super::validation;
use super::super::version::Version;
use super::{Context, answer, insert_metadata, insert_some};

const BATCH: std::ops::RangeInclusive<usize> = 1..=20;
const BATCH_RESULTS: std::ops::RangeInclusive<i64> = 1..=20;

pub(super) fn get_secret_value(request: &Request, context: &mut Context<'_>) -> Result<Value> {
    let id = validation::secret_id(request)?;
    let version_id = validation::version_id(request, "VersionId")?;
    let stage = validation::stage(request)?;
    let view = context.state.read_view(context.now);
    let secret = context.state.find_usable(id, view)?.clone();
    let version = choose_version(&secret, version_id, stage)?;
    context.state.touch(&secret.name, &version.id, context.now);
    Ok(Value::Object(value_entry(&secret, version)))
}

/// The version that a Get asks for; AWSCURRENT if it doesn't say.
fn choose_version<'a>(
    secret: &'a Secret,
    version_id: Option<&str>,
    stage: Option<&str>,
) -> Result<&'a Arc<Version>> {
    let Some(version_id) = version_id else {
        let stage = stage.unwrap_or(CURRENT);
        return secret
            .labelled(stage)
            .ok_or_else(|| ServiceError::no_value(format_args!("staging label: {stage}")));
    };
    let version = secret
        .version(version_id)
        .ok_or_else(|| ServiceError::no_value(format_args!("VersionId: {version_id}")))?;
    match stage {
        Some(stage) if secret.holder(stage) != Some(version_id) => Err(ServiceError::invalid_request(
            "You provided a VersionStage that is not associated to the provided VersionId.",
        )),
        _ => Ok(version),
    }
}

/// A value as GetSecretValue answers it and as BatchGetSecretValue lists it.
fn value_entry(secret: &Secret, version: &Version) -> Map<String, Value> {
    let mut entry = answer(secret);
    entry.insert("VersionId".to_owned(), json!(version.id));
    version.value.write_to(&mut entry);
    let labels = Some(secret.labels_of(&version.id)).filter(|labels| !labels.is_empty());
    insert_some(&mut entry, "VersionStages", labels);
    entry.insert("CreatedDate".to_owned(), json!(epoch_seconds(version.created)));
    entry
}

pub(super) fn batch_get_secret_value(request: &Request, context: &mut Context<'_>) -> Result<Value> {
    let ids = request.strings("SecretIdList")?;
    let filters = Filters::parse(request)?;
    match ids {
        Some(ids) if filters.is_empty() => batch_by_id(request, &ids, context),
        None if !filters.is_empty() => batch_by_filter(request, &filters, context),
        _ => Err(ServiceError::invalid_parameter(
            "Either 'SecretIdList' or 'Filters' must be provided, but not both.",
        )),
    }
}

fn batch_by_id(request: &Request, ids: &[&str], context: &mut Context<'_>) -> Result<Value> {
    validation::size("SecretIdList", ids.len(), &BATCH)?;
    for id in ids {
        validation::length("SecretIdList", id, &(1..=2_048))?;
    }
    if request.integer("MaxResults")?.is_some() {
        return Err(ServiceError::invalid_parameter(
            "'Filters' not specified. 'Filters' must also be specified when 'MaxResults' is provided.",
        ));
    }
    if request.string("NextToken")?.is_some() {
        return Err(ServiceError::invalid_next_token());
    }
    let view = context.state.read_view(context.now);
    let mut batch = Batch::default();
    for id in ids {
        batch.add(id, view, context);
    }
    Ok(batch.answer(None))
}

fn batch_by_filter(request: &Request, filters: &Filters, context: &mut Context<'_>) -> Result<Value> {
    let page = Page::parse(request, Operation::BatchGetSecretValue, &BATCH_RESULTS)?;
    let mut batch = Batch::default();
    if page.is_empty(context.state.settings.empty_pages) {
        return Ok(batch.answer(Some(page.token_after_empty())));
    }
    let after = page.after.as_ref().map(|(_, serial)| *serial);
    // Secrets scheduled for deletion match too, and stand among the errors.
    let mut matches: Vec<_> = context
        .state
        .created_after(after, context.state.list_view(context.now))
        .filter(|secret| filters.matches(secret))
        .take(page.limit + 1)
        .map(|secret| (secret.serial, secret.arn.clone()))
        .collect();
    let more = matches.len() > page.limit;
    matches.truncate(page.limit);
    let view = context.state.value_view(context.now);
    for (_, arn) in &matches {
        batch.add(arn, view, context);
    }
    let last = matches.last().filter(|_| more);
    Ok(batch.answer(last.map(|(serial, _)| page.token_after(&(String::new(), *serial)))))
}

/// What a batch has come to so far: a secret that fails stands among the errors and harms no other.
#[derive(Default)]
struct Batch {
    values: Vec<Value>,
    errors: Vec<Value>,
}

impl Batch {
    fn add(&mut self, id: &str, view: View, context: &mut Context<'_>) {
        match Self::read(id, view, context) {
            Ok(entry) => self.values.push(Value::Object(entry)),
            Err(error) => self.errors.push(json!({
                "SecretId": id,
                "ErrorCode": error.code,
                "Message": error.message,
            })),
        }
    }

    fn read(id: &str, view: View, context: &mut Context<'_>) -> Result<Map<String, Value>> {
        if let Some(error) = (context.entry_fault)(id) {
            return Err(error);
        }
        let secret = context.state.find_usable(id, view)?.clone();
        let version = choose_version(&secret, None, None)?;
        context.state.touch(&secret.name, &version.id, context.now);
        Ok(value_entry(&secret, version))
    }

    fn answer(self, next_token: Option<String>) -> Value {
        let mut answer = Map::new();
        answer.insert("SecretValues".to_owned(), Value::Array(self.values));
        answer.insert("Errors".to_owned(), Value::Array(self.errors));
        insert_some(&mut answer, "NextToken", next_token);
        Value::Object(answer)
    }
}

pub(super) fn describe_secret(request: &Request, context: &mut Context<'_>) -> Result<Value> {
    let id = validation::secret_id(request)?;
    let view = context.state.read_view(context.now);
    let secret = context.state.find(id, view)?;
    let mut answer = answer(secret);
    insert_metadata(&mut answer, secret, context.state.last_accessed(&secret.name));
    let deletion = secret.deletion;
    insert_some(&mut answer, "DeletedDate", deletion.map(|deletion| epoch_seconds(deletion.due)));
    let labels = secret.labels_by_version();
    if !labels.is_empty() {
        answer.insert("VersionIdsToStages".to_owned(), json!(labels));
    }
    Ok(Value::Object(answer))
}
