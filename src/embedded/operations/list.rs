//! ListSecrets and ListSecretVersionIds.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::super::clock::epoch_seconds;
use super::super::error::{Result, ServiceError};
use super::super::filters::Filters;
use super::super::operation::Operation;
use super::super::page::{Page, Position};
use super::super::request::Request;
use super::super::secret::Secret;
use super::super::state::State;
use super::super::validation;
use super::{Context, answer, insert_metadata, insert_some};

const RESULTS: std::ops::RangeInclusive<i64> = 1..=100;

/// What ListSecrets sorts by.
#[derive(Clone, Copy)]
enum SortBy {
    CreatedDate,
    LastAccessedDate,
    LastChangedDate,
    Name,
}

impl SortBy {
    fn parse(request: &Request) -> Result<Self> {
        Ok(match request.string("SortBy")? {
            None | Some("created-date") => Self::CreatedDate,
            Some("last-accessed-date") => Self::LastAccessedDate,
            Some("last-changed-date") => Self::LastChangedDate,
            Some("name") => Self::Name,
            Some(_) => {
                return Err(ServiceError::validation(
                    "sortBy",
                    "satisfy enum value set: [created-date, last-accessed-date, last-changed-date, name]",
                ));
            }
        })
    }

    /// The key of a secret, as text that sorts like it.
    fn position(self, secret: &Secret, state: &State) -> Position {
        let date = |at: std::time::Duration| format!("{:032}", at.as_nanos());
        let key = match self {
            // The serial alone is that order.
            Self::CreatedDate => String::new(),
            Self::LastAccessedDate => date(state.last_accessed(&secret.name).unwrap_or_default()),
            Self::LastChangedDate => date(secret.changed),
            Self::Name => secret.name.clone(),
        };
        (key, secret.serial)
    }
}

/// Whether ListSecrets goes backwards; AWS doesn't say which order is the default.
fn descending(request: &Request) -> Result<bool> {
    match request.string("SortOrder")? {
        None | Some("asc") => Ok(false),
        Some("desc") => Ok(true),
        Some(_) => Err(ServiceError::validation("sortOrder", "satisfy enum value set: [asc, desc]")),
    }
}

pub(super) fn list_secrets(request: &Request, context: &mut Context<'_>) -> Result<Value> {
    let filters = Filters::parse(request)?;
    let include_deleted = request.boolean("IncludePlannedDeletion")?.unwrap_or_default();
    let sort_by = SortBy::parse(request)?;
    let descending = descending(request)?;
    let page = Page::parse(request, Operation::ListSecrets, &RESULTS)?;
    let state = &*context.state;
    if page.is_empty(state.settings.empty_pages) {
        return Ok(json!({ "SecretList": [], "NextToken": page.token_after_empty() }));
    }

    let view = state.list_view(context.now);
    let wanted =
        |secret: &&Arc<Secret>| (include_deleted || secret.deletion.is_none()) && filters.matches(secret);
    let mut matches: Vec<(Position, &Arc<Secret>)>;
    if matches!(sort_by, SortBy::CreatedDate) && !descending {
        // The common order needs no sorting, and no look at what comes after the page.
        let after = page.after.as_ref().map(|(_, serial)| *serial);
        matches = state
            .created_after(after, view)
            .filter(wanted)
            .take(page.limit + 1)
            .map(|secret| (sort_by.position(secret, state), secret))
            .collect();
    } else {
        matches = state
            .created_after(None, view)
            .filter(wanted)
            .map(|secret| (sort_by.position(secret, state), secret))
            .filter(|(position, _)| {
                page.after
                    .as_ref()
                    .is_none_or(|after| if descending { position < after } else { position > after })
            })
            .collect();
        matches.sort_unstable_by(|(a, _), (b, _)| if descending { b.cmp(a) } else { a.cmp(b) });
    }

    let more = matches.len() > page.limit;
    matches.truncate(page.limit);
    let entries: Vec<_> = matches.iter().map(|(_, secret)| list_entry(secret, state)).collect();
    let mut answer = Map::new();
    answer.insert("SecretList".to_owned(), Value::Array(entries));
    let last = matches.last().filter(|_| more);
    insert_some(&mut answer, "NextToken", last.map(|(position, _)| page.token_after(position)));
    Ok(Value::Object(answer))
}

fn list_entry(secret: &Secret, state: &State) -> Value {
    let mut entry = answer(secret);
    insert_metadata(&mut entry, secret, state.last_accessed(&secret.name));
    // Here the API reference says "the deletion of the secret occurred", unlike DescribeSecret's.
    let deletion = secret.deletion;
    insert_some(&mut entry, "DeletedDate", deletion.map(|deletion| epoch_seconds(deletion.requested)));
    let labels = secret.labels_by_version();
    if !labels.is_empty() {
        entry.insert("SecretVersionsToStages".to_owned(), json!(labels));
    }
    Value::Object(entry)
}

pub(super) fn list_secret_version_ids(request: &Request, context: &mut Context<'_>) -> Result<Value> {
    let id = validation::secret_id(request)?;
    let include_deprecated = request.boolean("IncludeDeprecated")?.unwrap_or_default();
    let page = Page::parse(request, Operation::ListSecretVersionIds, &RESULTS)?;
    let view = context.state.read_view(context.now);
    let secret = context.state.find(id, view)?;
    let mut answer = answer(secret);
    if page.is_empty(context.state.settings.empty_pages) {
        answer.insert("Versions".to_owned(), json!([]));
        answer.insert("NextToken".to_owned(), json!(page.token_after_empty()));
        return Ok(Value::Object(answer));
    }

    let after = page.after.as_ref();
    // By date and id: neither moves when older versions are pruned between two pages.
    let mut versions: Vec<_> = secret
        .versions()
        .iter()
        .map(|version| {
            let created = u64::try_from(version.created.as_nanos()).unwrap_or(u64::MAX);
            ((format!("{created:020}{}", version.id), 0), version)
        })
        .filter(|(position, _)| after.is_none_or(|after| position > after))
        .map(|(position, version)| (position, version, secret.labels_of(&version.id)))
        .filter(|(_, _, labels)| include_deprecated || !labels.is_empty())
        .collect();
    versions.sort_unstable_by(|(a, ..), (b, ..)| a.cmp(b));
    let more = versions.len() > page.limit;
    versions.truncate(page.limit);

    let next = versions.last().filter(|_| more);
    let next = next.map(|(position, ..)| page.token_after(position));
    let entries = versions
        .into_iter()
        .map(|(_, version, labels)| {
            let mut entry = Map::new();
            entry.insert("VersionId".to_owned(), json!(version.id));
            let labels = Some(labels).filter(|labels| !labels.is_empty());
            insert_some(&mut entry, "VersionStages", labels);
            let accessed = context.state.version_accessed(&secret.name, &version.id);
            insert_some(&mut entry, "LastAccessedDate", accessed.map(epoch_seconds));
            entry.insert("CreatedDate".to_owned(), json!(epoch_seconds(version.created)));
            let key = secret.kms_key_id.as_deref().unwrap_or("DefaultEncryptionKey");
            entry.insert("KmsKeyIds".to_owned(), json!([key]));
            Value::Object(entry)
        })
        .collect();
    answer.insert("Versions".to_owned(), Value::Array(entries));
    insert_some(&mut answer, "NextToken", next);
    Ok(Value::Object(answer))
}
