//! TagResource and UntagResource.

use serde_json::{Value, json};

use super::super::error::Result;
use super::super::request::{Request, missing};
use super::super::secret::Secret;
use super::super::timeline::View;
use super::super::validation;
use super::Context;

pub(super) fn tag_resource(request: &Request, context: &mut Context<'_>) -> Result<Value> {
    let id = validation::secret_id(request)?;
    let new = validation::tags(request)?.ok_or_else(|| missing("Tags"))?;
    let mut secret = Secret::clone(context.state.find_usable(id, View::Now)?);
    let tags = secret.tags.get_or_insert_default();
    for tag in new {
        match tags.iter_mut().find(|old| old.key == tag.key) {
            Some(old) => old.value = tag.value,
            None => tags.push(tag),
        }
    }
    validation::tag_count(tags.len())?;
    secret.changed = context.now;
    context.state.put(context.now, secret);
    Ok(json!({}))
}

pub(super) fn untag_resource(request: &Request, context: &mut Context<'_>) -> Result<Value> {
    let id = validation::secret_id(request)?;
    let keys = validation::tag_keys(request)?;
    let secret = context.state.find_usable(id, View::Now)?;
    let wanted = |key: &str| !keys.contains(&key);
    // Without any of the keys nothing changes, not even LastChangedDate.
    if secret.tags().iter().all(|tag| wanted(&tag.key)) {
        return Ok(json!({}));
    }
    let mut secret = Secret::clone(secret);
    secret.tags.get_or_insert_default().retain(|tag| wanted(&tag.key));
    secret.changed = context.now;
    context.state.put(context.now, secret);
    Ok(json!({}))
}
