//! The operations: each takes a request and the account, and gives an answer or an error. No I/O.

mod deletion;
mod label;
mod list;
mod read;
mod tag;
mod write;

use serde_json::{Map, Value, json};

use super::clock::{Timestamp, epoch_seconds};
use super::error::{Result, ServiceError};
use super::operation::Operation;
use super::request::Request;
use super::secret::Secret;
use super::state::State;

/// What an operation works on.
pub(super) struct Context<'a> {
    pub(super) state: &'a mut State,
    pub(super) now: Timestamp,
    /// The error that a fault gives for one secret, by its name, within a batch.
    pub(super) entry_fault: &'a dyn Fn(&str) -> Option<ServiceError>,
}

/// Carries out an operation.
pub(super) fn execute(operation: Operation, request: &Request, context: &mut Context<'_>) -> Result<Value> {
    context.state.sweep(context.now);
    match operation {
        Operation::GetSecretValue => read::get_secret_value(request, context),
        Operation::BatchGetSecretValue => read::batch_get_secret_value(request, context),
        Operation::DescribeSecret => read::describe_secret(request, context),
        Operation::ListSecrets => list::list_secrets(request, context),
        Operation::ListSecretVersionIds => list::list_secret_version_ids(request, context),
        Operation::CreateSecret => write::create_secret(request, context),
        Operation::PutSecretValue => write::put_secret_value(request, context),
        Operation::UpdateSecret => write::update_secret(request, context),
        Operation::UpdateSecretVersionStage => label::update_secret_version_stage(request, context),
        Operation::TagResource => tag::tag_resource(request, context),
        Operation::UntagResource => tag::untag_resource(request, context),
        Operation::DeleteSecret => deletion::delete_secret(request, context),
        Operation::RestoreSecret => deletion::restore_secret(request, context),
    }
}

/// An answer that starts with what most answers have: the ARN and the name.
fn answer(secret: &Secret) -> Map<String, Value> {
    let mut answer = Map::new();
    answer.insert("ARN".to_owned(), json!(secret.arn));
    answer.insert("Name".to_owned(), json!(secret.name));
    answer
}

/// Adds a member that is left out if it has no value.
fn insert_some(answer: &mut Map<String, Value>, member: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        answer.insert(member.to_owned(), value.into());
    }
}

/// Adds the members that DescribeSecret and ListSecrets share.
fn insert_metadata(answer: &mut Map<String, Value>, secret: &Secret, accessed: Option<Timestamp>) {
    insert_some(answer, "Description", secret.description.as_deref());
    insert_some(answer, "KmsKeyId", secret.kms_key_id.as_deref());
    insert_some(answer, "LastAccessedDate", accessed.map(epoch_seconds));
    answer.insert("CreatedDate".to_owned(), json!(epoch_seconds(secret.created)));
    answer.insert("LastChangedDate".to_owned(), json!(epoch_seconds(secret.changed)));
    if !secret.tags.is_empty() {
        let tags = secret.tags.iter().map(|tag| json!({ "Key": tag.key, "Value": tag.value })).collect();
        answer.insert("Tags".to_owned(), Value::Array(tags));
    }
}
