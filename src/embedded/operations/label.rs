//! UpdateSecretVersionStage.

use serde_json::Value;

use super::super::error::{Result, ServiceError};
use super::super::request::{Request, missing};
use super::super::secret::{CURRENT, Secret};
use super::super::timeline::View;
use super::super::validation;
use super::{Context, answer};

pub(super) fn update_secret_version_stage(request: &Request, context: &mut Context<'_>) -> Result<Value> {
    let id = validation::secret_id(request)?;
    let stage = validation::stage(request)?.ok_or_else(|| missing("VersionStage"))?;
    let from = validation::version_id(request, "RemoveFromVersionId")?;
    let to = validation::version_id(request, "MoveToVersionId")?;
    if from.is_none() && to.is_none() {
        return Err(ServiceError::invalid_parameter(
            "You must provide RemoveFromVersionId, MoveToVersionId or both.",
        ));
    }

    let secret = context.state.find_usable(id, View::Now)?;
    check(secret, stage, from, to)?;
    let mut secret = Secret::clone(secret);
    match to {
        Some(to) => secret.move_label(stage, to),
        None => secret.remove_label(stage),
    }
    secret.check_label_count()?;
    secret.changed = context.now;
    let answer = answer(&secret);
    context.state.put(context.now, secret);
    Ok(Value::Object(answer))
}

/// Whether the versions exist, and `from` is who carries the label now.
fn check(secret: &Secret, stage: &str, from: Option<&str>, to: Option<&str>) -> Result<()> {
    for version_id in from.into_iter().chain(to) {
        if secret.version(version_id).is_none() {
            return Err(ServiceError::invalid_parameter(format!("Not a valid version: {version_id}")));
        }
    }
    let holder = secret.holder(stage);
    match (from, holder) {
        (Some(from), holder) if holder != Some(from) => {
            return Err(ServiceError::invalid_parameter(format!(
                "Version stage {stage} not found in version {from}"
            )));
        }
        (None, Some(holder)) if to != Some(holder) => {
            return Err(ServiceError::invalid_parameter(format!(
                "The parameter RemoveFromVersionId can't be empty. Staging label {stage} is currently attached to version {holder}, so you must explicitly reference that version in RemoveFromVersionId."
            )));
        }
        _ => {}
    }
    if to.is_none() && stage == CURRENT {
        return Err(ServiceError::invalid_parameter(
            "You can only move staging label AWSCURRENT to a different secret version. It can’t be completely removed.",
        ));
    }
    Ok(())
}
