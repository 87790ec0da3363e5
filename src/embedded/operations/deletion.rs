//! DeleteSecret and RestoreSecret.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::arn::{self, SecretId};
use super::super::clock::epoch_seconds;
use super::super::error::{Result, ServiceError};
use super::super::request::Request;
use super::super::secret::{Deletion, Secret};
use super::super::timeline::View;
use super::super::validation::{self, DeletionMode};
use super::{Context, answer};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) fn delete_secret(request: &Request, context: &mut Context<'_>) -> Result<Value> {
    let id = validation::secret_id(request)?;
    let mode = validation::deletion_mode(request)?;
    match (context.state.find(id, View::Now), mode) {
        (Ok(secret), DeletionMode::Forced) => {
            let secret = Secret::clone(secret);
            Ok(delete_now(secret, context))
        }
        (Ok(secret), DeletionMode::Scheduled(_)) if secret.deletion.is_some() => {
            Err(ServiceError::marked_for_deletion())
        }
        (Ok(secret), DeletionMode::Scheduled(days)) => {
            let mut secret = Secret::clone(secret);
            let due = context.now + DAY * days;
            secret.deletion = Some(Deletion { requested: context.now, due, forced: false });
            let answer = with_date(&secret, due);
            context.state.put(context.now, secret);
            Ok(answer)
        }
        (Err(_), DeletionMode::Forced) => Ok(missing_secret(id, context)),
        (Err(error), DeletionMode::Scheduled(_)) => Err(error),
    }
}

/// Deletes without recovery, with the delay of AWS's background process if one is set.
fn delete_now(mut secret: Secret, context: &mut Context<'_>) -> Value {
    let answer = with_date(&secret, context.now);
    let linger = context.state.settings.deletion_linger;
    if linger.is_zero() {
        context.state.remove(context.now, &secret.name);
    } else if secret.deletion.is_none_or(|deletion| !deletion.forced) {
        secret.deletion =
            Some(Deletion { requested: context.now, due: context.now.saturating_add(linger), forced: true });
        context.state.put(context.now, secret);
    }
    answer
}

/// The answer to a forced deletion of what isn't there, which is no error.
fn missing_secret(id: &str, context: &Context<'_>) -> Value {
    let (arn, name) = match SecretId::parse(id) {
        SecretId::Name(name) => (arn::without_suffix(name), name),
        SecretId::Arn { arn, name } => (arn.to_owned(), SecretId::name_before_suffix(name).unwrap_or(name)),
        SecretId::Foreign => (id.to_owned(), id),
    };
    json!({ "ARN": arn, "Name": name, "DeletionDate": epoch_seconds(context.now) })
}

fn with_date(secret: &Secret, date: Duration) -> Value {
    let mut answer = answer(secret);
    answer.insert("DeletionDate".to_owned(), json!(epoch_seconds(date)));
    Value::Object(answer)
}

/// Restoring a secret that isn't scheduled for deletion changes nothing.
pub(super) fn restore_secret(request: &Request, context: &mut Context<'_>) -> Result<Value> {
    let id = validation::secret_id(request)?;
    let secret = context.state.find(id, View::Now)?;
    let answer = answer(secret);
    match secret.deletion {
        Some(deletion) if deletion.forced => return Err(ServiceError::marked_for_deletion()),
        Some(_) => {
            let mut secret = Secret::clone(secret);
            secret.deletion = None;
            secret.changed = context.now;
            context.state.put(context.now, secret);
        }
        None => {}
    }
    Ok(Value::Object(answer))
}
