//! What the embedded Secrets Manager has of its own: faults, gates, counts, lags, and that it keeps secrets to itself.
//!
//! What it does as AWS does stands in `tests/aws_behaviours`, and runs on other sides too.
#![allow(clippy::unwrap_used, reason = "a helper that panics fails its test")]

mod consistency;
mod counts;
mod deletion;
mod empty_pages;
mod faults;
mod gates;
mod handles;
mod quotas;
mod secrecy;

use std::fmt::Debug;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueOutput;
use oauth_token_store::embedded::EmbeddedSecretsManager;

const NOT_FOUND: &str = "ResourceNotFoundException";
const EXISTS: &str = "ResourceExistsException";
const INVALID_REQUEST: &str = "InvalidRequestException";
const LIMIT_EXCEEDED: &str = "LimitExceededException";

/// A backend and a client of it.
fn setup() -> (EmbeddedSecretsManager, Client) {
    let backend = EmbeddedSecretsManager::new();
    let client = backend.client();
    (backend, client)
}

/// The code of the error that a call must have come to.
fn code<T: Debug, E: ProvideErrorMetadata + Debug, R: Debug>(result: Result<T, SdkError<E, R>>) -> String {
    let error = result.expect_err("the call should fail");
    error.code().unwrap_or_else(|| panic!("no error code: {error:?}")).to_owned()
}

/// The message of the error that a call must have come to.
fn message<T: Debug, E: ProvideErrorMetadata + Debug, R: Debug>(result: Result<T, SdkError<E, R>>) -> String {
    let error = result.expect_err("the call should fail");
    error.message().unwrap_or_else(|| panic!("no message: {error:?}")).to_owned()
}

/// A version id of the right length that ends with `n`.
fn token(n: u32) -> String {
    format!("00000000-0000-4000-8000-{n:012}")
}

/// Creates a secret whose first version is `token(1)`; returns its ARN.
async fn create(client: &Client, name: &str, value: &str) -> String {
    client
        .create_secret()
        .name(name)
        .secret_string(value)
        .client_request_token(token(1))
        .send()
        .await
        .unwrap()
        .arn
        .unwrap()
}

/// Puts a version with the id `token(n)`.
async fn put(client: &Client, id: &str, n: u32, value: &str) {
    client
        .put_secret_value()
        .secret_id(id)
        .secret_string(value)
        .client_request_token(token(n))
        .send()
        .await
        .unwrap();
}

async fn get(client: &Client, id: &str) -> GetSecretValueOutput {
    client.get_secret_value().secret_id(id).send().await.unwrap()
}

/// The current value, or the error code.
async fn value_or_code(client: &Client, id: &str) -> String {
    match client.get_secret_value().secret_id(id).send().await {
        Ok(found) => found.secret_string.unwrap(),
        Err(error) => error.code().unwrap_or("no code").to_owned(),
    }
}

/// The labels of the version `token(n)`, as a reader by its id sees them.
async fn labels(client: &Client, id: &str, n: u32) -> Vec<String> {
    client
        .get_secret_value()
        .secret_id(id)
        .version_id(token(n))
        .send()
        .await
        .unwrap()
        .version_stages
        .unwrap_or_default()
}

async fn schedule_deletion(client: &Client, id: &str) {
    client.delete_secret().secret_id(id).send().await.unwrap();
}

async fn force_delete(client: &Client, id: &str) {
    client.delete_secret().secret_id(id).force_delete_without_recovery(true).send().await.unwrap();
}

/// The names that ListSecrets gives in one page.
async fn listed(client: &Client) -> Vec<String> {
    client
        .list_secrets()
        .send()
        .await
        .unwrap()
        .secret_list
        .unwrap()
        .into_iter()
        .map(|secret| secret.name.unwrap())
        .collect()
}
