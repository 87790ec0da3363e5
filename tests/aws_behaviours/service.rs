//! A Secrets Manager, whosever it is, and a part of its names that belongs to one behaviour.

use std::fmt::Debug;
use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_secretsmanager::operation::create_secret::builders::CreateSecretFluentBuilder;
use aws_sdk_secretsmanager::operation::delete_secret::builders::DeleteSecretFluentBuilder;
use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretOutput;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueOutput;
use aws_sdk_secretsmanager::operation::get_secret_value::builders::GetSecretValueFluentBuilder;
use aws_sdk_secretsmanager::operation::list_secrets::builders::ListSecretsFluentBuilder;
use aws_sdk_secretsmanager::operation::put_secret_value::builders::PutSecretValueFluentBuilder;
use aws_sdk_secretsmanager::operation::update_secret::builders::UpdateSecretFluentBuilder;
use aws_sdk_secretsmanager::operation::update_secret_version_stage::builders::UpdateSecretVersionStageFluentBuilder;
use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType as Key};
use tokio::time::Instant;

pub(crate) const NOT_FOUND: &str = "ResourceNotFoundException";
pub(crate) const EXISTS: &str = "ResourceExistsException";
pub(crate) const INVALID_REQUEST: &str = "InvalidRequestException";
pub(crate) const INVALID_PARAMETER: &str = "InvalidParameterException";
pub(crate) const VALIDATION: &str = "ValidationException";
pub(crate) const LIMIT_EXCEEDED: &str = "LimitExceededException";
pub(crate) const INVALID_TOKEN: &str = "InvalidNextTokenException";

/// How long to look again for what a service shows late, and how long to rest between bursts of writes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    pub(crate) look_again: Duration,
    pub(crate) rest: Duration,
}

impl Patience {
    /// For a service that shows everything at once.
    pub(crate) const NONE: Self = Self { look_again: Duration::ZERO, rest: Duration::ZERO };
}

/// A client, and the prefix under which a behaviour makes all its secrets. Names are relative to it, ARNs are not.
#[derive(Clone)]
pub(crate) struct Service {
    client: Client,
    prefix: String,
    patience: Patience,
}

impl Service {
    pub(crate) fn new(client: Client, prefix: impl Into<String>, patience: Patience) -> Self {
        Self { client, prefix: prefix.into(), patience }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The SecretId of a name; an ARN is one already.
    pub(crate) fn id(&self, name: &str) -> String {
        if name.starts_with("arn:") { name.to_owned() } else { format!("{}{name}", self.prefix) }
    }

    /// A name with so many characters in all.
    pub(crate) fn id_of_length(&self, length: usize) -> String {
        self.prefix.clone() + &"n".repeat(length - self.prefix.len())
    }

    /// A Create whose version is `token(1)`.
    pub(crate) fn creation(&self, name: &str, value: &str) -> CreateSecretFluentBuilder {
        self.creation_of_nothing(name).secret_string(value).client_request_token(token(1))
    }

    /// A Create without a value.
    pub(crate) fn creation_of_nothing(&self, name: &str) -> CreateSecretFluentBuilder {
        self.client.create_secret().name(self.id(name))
    }

    /// Creates a secret whose first version is `token(1)`; returns its ARN.
    pub(crate) async fn create(&self, name: &str, value: &str) -> String {
        answer(self.creation(name, value).send().await).arn.expect("an ARN")
    }

    /// Creates a secret without a version; returns its ARN.
    pub(crate) async fn create_empty(&self, name: &str) -> String {
        answer(self.creation_of_nothing(name).send().await).arn.expect("an ARN")
    }

    /// A Put of a version with the id `token(n)`.
    pub(crate) fn putting(&self, name: &str, n: u32, value: &str) -> PutSecretValueFluentBuilder {
        let put = self.client.put_secret_value().secret_id(self.id(name)).client_request_token(token(n));
        put.secret_string(value)
    }

    pub(crate) async fn put(&self, name: &str, n: u32, value: &str) {
        answer(self.putting(name, n, value).send().await);
    }

    /// Puts `token(n)` with these labels; the error is its code.
    pub(crate) async fn put_with(&self, name: &str, n: u32, labels: &[&str]) -> Result<(), String> {
        let labels = labels.iter().map(|&label| label.to_owned()).collect();
        let put = self.putting(name, n, &format!("v{n}")).set_version_stages(Some(labels));
        outcome(put.send().await)
    }

    /// An Update whose version, if it gets a value, is `token(n)`.
    pub(crate) fn updating(&self, name: &str, n: u32) -> UpdateSecretFluentBuilder {
        self.client.update_secret().secret_id(self.id(name)).client_request_token(token(n))
    }

    pub(crate) fn labelling(&self, name: &str, label: &str) -> UpdateSecretVersionStageFluentBuilder {
        self.client.update_secret_version_stage().secret_id(self.id(name)).version_stage(label)
    }

    /// Moves a label between versions `token(from)` and `token(to)`; the error is its code.
    pub(crate) async fn move_label(
        &self,
        name: &str,
        label: &str,
        from: Option<u32>,
        to: Option<u32>,
    ) -> Result<(), String> {
        let labelling = self.labelling(name, label);
        let labelling = labelling.set_remove_from_version_id(from.map(token));
        outcome(labelling.set_move_to_version_id(to.map(token)).send().await)
    }

    pub(crate) fn reading(&self, name: &str) -> GetSecretValueFluentBuilder {
        self.client.get_secret_value().secret_id(self.id(name))
    }

    pub(crate) async fn get(&self, name: &str) -> GetSecretValueOutput {
        answer(self.reading(name).send().await)
    }

    /// The current value, or the error code.
    pub(crate) async fn value(&self, name: &str) -> String {
        match self.reading(name).send().await {
            Ok(found) => found.secret_string.expect("a string"),
            Err(error) => error.code().unwrap_or("no code").to_owned(),
        }
    }

    /// The labels of the version `token(n)`, sorted, as a reader by its id sees them.
    pub(crate) async fn labels(&self, name: &str, n: u32) -> Vec<String> {
        let mut labels =
            answer(self.reading(name).version_id(token(n)).send().await).version_stages.unwrap_or_default();
        labels.sort();
        labels
    }

    pub(crate) async fn describe(&self, name: &str) -> DescribeSecretOutput {
        answer(self.client.describe_secret().secret_id(self.id(name)).send().await)
    }

    /// The ids of a secret's versions, sorted.
    pub(crate) async fn version_ids(&self, name: &str, deprecated: bool) -> Vec<String> {
        let list = self.client.list_secret_version_ids().secret_id(self.id(name));
        let mut pages = list.include_deprecated(deprecated).into_paginator().send();
        let mut ids = Vec::new();
        while let Some(page) = pages.next().await {
            let versions = answer(page).versions.unwrap_or_default();
            ids.extend(versions.into_iter().map(|version| version.version_id.expect("an id")));
        }
        ids.sort();
        ids
    }

    pub(crate) fn deletion(&self, name: &str) -> DeleteSecretFluentBuilder {
        self.client.delete_secret().secret_id(self.id(name))
    }

    /// Schedules the deletion for the default window's end.
    pub(crate) async fn schedule(&self, name: &str) {
        answer(self.deletion(name).send().await);
    }

    /// Deletes without recovery, and waits until the secret is gone.
    pub(crate) async fn force_delete(&self, name: &str) {
        answer(self.deletion(name).force_delete_without_recovery(true).send().await);
        self.until(true, || async {
            let gone = self.client.describe_secret().secret_id(self.id(name)).send().await;
            gone.is_err_and(|error| error.code() == Some(NOT_FOUND))
        })
        .await;
    }

    /// Creates again a name that was deleted, when the service lets go of it.
    pub(crate) async fn create_again(&self, name: &str, value: &str) -> String {
        let asked = Instant::now();
        loop {
            match self.creation(name, value).send().await {
                Err(error) if error.code() == Some(INVALID_REQUEST) && self.looks_on_since(asked) => {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                created => return answer(created).arn.expect("an ARN"),
            }
        }
    }

    /// A listing of this behaviour's secrets only.
    pub(crate) fn listing(&self) -> ListSecretsFluentBuilder {
        self.client.list_secrets().filters(filter(Key::Name, &[&self.prefix]))
    }

    /// The names that a listing gives over all pages, in its order.
    pub(crate) async fn names(&self, list: ListSecretsFluentBuilder) -> Vec<String> {
        let mut pages = list.into_paginator().send();
        let mut names = Vec::new();
        while let Some(page) = pages.next().await {
            for secret in answer(page).secret_list.unwrap_or_default() {
                let name = secret.name.expect("a name");
                names.push(name.strip_prefix(&self.prefix).unwrap_or(&name).to_owned());
            }
        }
        names
    }

    /// What these filters find, sorted. `None` for their values that are names' prefixes: see [`Service::id`].
    pub(crate) async fn found(&self, filters: &[Filter]) -> Vec<String> {
        let list = filters.iter().fold(self.listing(), |list, filter| list.filters(filter.clone()));
        let mut names = self.names(list).await;
        names.sort();
        names
    }

    /// These filters find these names, in whatever order.
    pub(crate) async fn finds(&self, filters: &[Filter], names: &[&str]) {
        let expected: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        self.until(expected, || self.found(filters)).await;
    }

    /// All secrets of this behaviour are listed: what lists them can be looked at.
    pub(crate) async fn all_listed(&self, count: usize) {
        self.until(count, || async { self.found(&[]).await.len() }).await;
    }

    /// Looks until it sees what is expected, or the patience is at its end.
    pub(crate) async fn until<T, F>(&self, expected: T, look: impl Fn() -> F)
    where
        T: PartialEq + Debug,
        F: Future<Output = T>,
    {
        let asked = Instant::now();
        loop {
            let seen = look().await;
            if seen == expected {
                return;
            }
            if !self.looks_on_since(asked) {
                assert_eq!(seen, expected, "seen, and expected");
            }
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
    }

    /// Between bursts of writes.
    pub(crate) async fn rest(&self) {
        if !self.patience.rest.is_zero() {
            tokio::time::sleep(self.patience.rest).await;
        }
    }

    fn looks_on_since(&self, asked: Instant) -> bool {
        asked.elapsed() < self.patience.look_again
    }
}

/// A version id of the right length that ends with `n`.
pub(crate) fn token(n: u32) -> String {
    format!("00000000-0000-4000-8000-{n:012}")
}

pub(crate) fn filter(key: Key, values: &[&str]) -> Filter {
    let values = values.iter().map(|&value| value.to_owned()).collect();
    Filter::builder().key(key).set_values(Some(values)).build()
}

/// What a call must have been answered with.
pub(crate) fn answer<T, E: ProvideErrorMetadata + Debug, R: Debug>(result: Result<T, SdkError<E, R>>) -> T {
    result.unwrap_or_else(|error| match (error.code(), error.message()) {
        (Some(code), message) => panic!("refused with {code}: {}", message.unwrap_or("no message")),
        (None, _) => panic!("failed: {error:?}"),
    })
}

/// Success, or the error's code.
pub(crate) fn outcome<T, E: ProvideErrorMetadata + Debug, R: Debug>(
    result: Result<T, SdkError<E, R>>,
) -> Result<(), String> {
    match result {
        Ok(_) => Ok(()),
        Err(error) => Err(error.code().map_or_else(|| panic!("no error code: {error:?}"), str::to_owned)),
    }
}

/// The code of the error that a call must have come to.
pub(crate) fn code<T, E: ProvideErrorMetadata + Debug, R: Debug>(
    result: Result<T, SdkError<E, R>>,
) -> String {
    outcome(result).err().unwrap_or_else(|| panic!("accepted, and should be refused"))
}

/// The message of the error that a call must have come to.
pub(crate) fn message<T, E: ProvideErrorMetadata + Debug, R: Debug>(
    result: Result<T, SdkError<E, R>>,
) -> String {
    match result {
        Ok(_) => panic!("accepted, and should be refused"),
        Err(error) => error.message().map_or_else(|| panic!("no message: {error:?}"), str::to_owned),
    }
}
