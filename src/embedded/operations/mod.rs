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
    if let Some(tags) = &secret.tags {
        let tags = tags.iter().map(|tag| json!({ "Key": tag.key, "Value": tag.value })).collect();
        answer.insert("Tags".to_owned(), Value::Array(tags));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "00000000-0000-4000-8000-000000000001";

    /// Requests of all operations over a few secrets, each with one member replaced by something odd.
    #[test]
    fn no_request_panics() {
        let usual = json!({
            "SecretId": "a", "Name": "a", "SecretString": "v", "ClientRequestToken": TOKEN,
            "Description": "d", "Tags": [{ "Key": "k", "Value": "v" }], "TagKeys": ["k"],
            "VersionStages": ["AWSCURRENT"], "VersionStage": "L", "MoveToVersionId": TOKEN,
            "Filters": [{ "Key": "all", "Values": ["a"] }], "MaxResults": 1,
        });
        let members = [
            "SecretId",
            "Name",
            "SecretString",
            "SecretBinary",
            "ClientRequestToken",
            "Description",
            "Tags",
            "TagKeys",
            "VersionStages",
            "VersionStage",
            "VersionId",
            "MoveToVersionId",
            "RemoveFromVersionId",
            "Filters",
            "MaxResults",
            "NextToken",
            "SecretIdList",
            "SortBy",
            "SortOrder",
            "RecoveryWindowInDays",
            "ForceDeleteWithoutRecovery",
            "IncludeDeprecated",
        ];
        let arn = super::super::arn::without_suffix("");
        let odd = [
            Value::Null,
            json!(true),
            json!(-1),
            json!(0),
            json!(i64::MIN),
            json!(u64::MAX),
            json!(1e300),
            json!(""),
            json!("é-éééééé"),
            json!("\0"),
            json!("x".repeat(70_000)),
            json!(arn),
            json!(format!("{arn}é-ééé")),
            json!([]),
            json!([[]]),
            json!([{}]),
            json!([""]),
            json!(["!"]),
            json!([{ "Key": "all", "Values": ["", "!", " "] }]),
            json!([{ "Key": "description", "Values": ["É"] }]),
            json!({}),
        ];
        let mut state = State::default();
        let (mut answers, mut errors) = (0, 0);
        for (round, value) in odd.iter().enumerate() {
            for member in members {
                for operation in Operation::ALL {
                    let mut request = usual.clone();
                    request[member] = value.clone();
                    let request = Request::object(&request, "request").unwrap();
                    let mut context = Context {
                        state: &mut state,
                        now: Timestamp::from_secs(round as u64),
                        entry_fault: &|_| None,
                    };
                    match execute(operation, &request, &mut context) {
                        Ok(_) => answers += 1,
                        Err(error) => {
                            assert_eq!(error.status, 400);
                            errors += 1;
                        }
                    }
                }
            }
        }
        assert!(answers > 500 && errors > 500, "{answers} answers, {errors} errors");
    }
}
