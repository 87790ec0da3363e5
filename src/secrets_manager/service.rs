//! The edge: one function a request. No decision is made here.

use std::future::Future;
use std::time::{Duration, SystemTime};

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::http::HttpResponse;
use aws_sdk_secretsmanager::config::retry::RetryConfig;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_secretsmanager::primitives::DateTime;
use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType, Tag};
use secrecy::zeroize::Zeroizing;
use tokio::time::{Instant, timeout_at};

use crate::meter::Meter;
use crate::record::Version;

use super::answer::Answer;
use super::service_error::ServiceError;

/// How long one call may take, its own retries included; the store's own client gives up by itself before that.
const CALL_DEADLINE: Duration = Duration::from_secs(9);

/// Secrets Manager as the store uses it.
#[derive(Clone)]
pub(super) struct Service {
    client: Client,
    pub(super) meter: Meter,
}

/// A page of ListSecrets: names and ARNs.
pub(super) struct Page {
    pub(super) secrets: Vec<Listed>,
    pub(super) next: Option<String>,
}

/// A secret as ListSecrets shows it.
pub(super) struct Listed {
    pub(super) name: String,
    pub(super) tags: Vec<(String, String)>,
}

/// One secret's part of a batch.
pub(super) enum BatchItem {
    Value(Answer),
    Failed { secret_id: String, error: ServiceError },
}

/// A secret that exists but may be scheduled for deletion.
pub(super) struct Description {
    pub(super) arn: String,
    pub(super) is_scheduled_for_deletion: bool,
    /// The versions that have a label.
    pub(super) version_ids: Vec<String>,
}

/// A version, labelled or not.
pub(super) struct ListedVersion {
    pub(super) id: String,
    pub(super) is_current: bool,
}

/// What to create.
pub(super) struct NewSecret {
    pub(super) name: String,
    pub(super) request_token: String,
    pub(super) value: Zeroizing<String>,
    pub(super) tags: Vec<Tag>,
    pub(super) kms_key_id: Option<String>,
}

/// The version to write; its request token says what it is based on.
pub(super) struct NewVersion {
    pub(super) arn: String,
    pub(super) request_token: String,
    pub(super) value: Zeroizing<String>,
}

impl Service {
    pub(super) fn new(client: Client, meter: Meter) -> Self {
        Self { client, meter }
    }

    /// Reads the current version of a secret.
    pub(super) async fn get(&self, secret_id: &str) -> Result<Answer, ServiceError> {
        self.get_value(secret_id, None).await
    }

    /// Reads one version of a secret, whatever its labels.
    pub(super) async fn get_version(
        &self,
        secret_id: &str,
        version_id: &str,
    ) -> Result<Answer, ServiceError> {
        self.get_value(secret_id, Some(version_id.to_owned())).await
    }

    async fn get_value(&self, secret_id: &str, version: Option<String>) -> Result<Answer, ServiceError> {
        const OPERATION: &str = "GetSecretValue";
        let request = self.client.get_secret_value().secret_id(secret_id).set_version_id(version);
        let answer = self.call(OPERATION, request.send()).await?;
        let (Some(arn), Some(name), Some(id)) = (answer.arn, answer.name, answer.version_id) else {
            return Err(ServiceError::incomplete_answer(OPERATION));
        };
        let version = Version { arn, id, created: instant(answer.created_date) };
        Ok(Answer { name, version, value: answer.secret_string.map(Zeroizing::new) })
    }

    /// Reads up to 20 secrets by name.
    pub(super) async fn get_batch(&self, names: &[String]) -> Result<Vec<BatchItem>, ServiceError> {
        const OPERATION: &str = "BatchGetSecretValue";
        let mut items = Vec::with_capacity(names.len());
        let mut next = None;
        loop {
            let request = self
                .client
                .batch_get_secret_value()
                .set_secret_id_list(Some(names.to_vec()))
                .set_next_token(next);
            let answer = self.call(OPERATION, request.send()).await?;
            for value in answer.secret_values.unwrap_or_default() {
                let (Some(arn), Some(name), Some(id)) = (value.arn, value.name, value.version_id) else {
                    return Err(ServiceError::incomplete_answer(OPERATION));
                };
                let version = Version { arn, id, created: instant(value.created_date) };
                let value = value.secret_string.map(Zeroizing::new);
                items.push(BatchItem::Value(Answer { name, version, value }));
            }
            for failed in answer.errors.unwrap_or_default() {
                let code = failed.error_code.unwrap_or_default();
                let error = ServiceError::in_batch(OPERATION, &code, &failed.message.unwrap_or_default());
                items.push(BatchItem::Failed { secret_id: failed.secret_id.unwrap_or_default(), error });
            }
            next = answer.next_token;
            if next.is_none() {
                return Ok(items);
            }
        }
    }

    /// Lists a page of the secrets whose names begin so and, if given, that have this tag.
    pub(super) async fn list(
        &self,
        name_prefix: &str,
        tag: Option<(&str, &str)>,
        next: Option<String>,
    ) -> Result<Page, ServiceError> {
        let filter = |key, value: &str| Filter::builder().key(key).values(value).build();
        let mut request = self
            .client
            .list_secrets()
            .max_results(100)
            .set_next_token(next)
            .filters(filter(FilterNameStringType::Name, name_prefix));
        if let Some((key, value)) = tag {
            request = request
                .filters(filter(FilterNameStringType::TagKey, key))
                .filters(filter(FilterNameStringType::TagValue, value));
        }
        let answer = self.call("ListSecrets", request.send()).await?;
        let secrets = answer.secret_list.unwrap_or_default().into_iter().filter_map(|entry| {
            let tags = entry.tags.unwrap_or_default().into_iter();
            let tags = tags.filter_map(|tag| tag.key.zip(tag.value)).collect();
            Some(Listed { name: entry.name?, tags })
        });
        Ok(Page { secrets: secrets.collect(), next: answer.next_token })
    }

    /// Whether a secret exists, and whether it is scheduled for deletion.
    pub(super) async fn describe(&self, secret_id: &str) -> Result<Description, ServiceError> {
        const OPERATION: &str = "DescribeSecret";
        let answer = self.call(OPERATION, self.client.describe_secret().secret_id(secret_id).send()).await?;
        let arn = answer.arn.ok_or_else(|| ServiceError::incomplete_answer(OPERATION))?;
        let versions = answer.version_ids_to_stages.unwrap_or_default();
        Ok(Description {
            arn,
            is_scheduled_for_deletion: answer.deleted_date.is_some(),
            version_ids: versions.into_keys().collect(),
        })
    }

    /// All versions that one state of the secret knows, unlabelled ones included.
    pub(super) async fn versions(&self, arn: &str) -> Result<Vec<ListedVersion>, ServiceError> {
        let mut versions = Vec::new();
        let mut next = None;
        loop {
            let request = self.client.list_secret_version_ids().secret_id(arn).include_deprecated(true);
            let answer = self
                .call("ListSecretVersionIds", request.max_results(100).set_next_token(next).send())
                .await?;
            versions.extend(answer.versions.unwrap_or_default().into_iter().filter_map(|version| {
                let is_current = version.version_stages().iter().any(|stage| stage == "AWSCURRENT");
                Some(ListedVersion { id: version.version_id?, is_current })
            }));
            next = answer.next_token;
            if next.is_none() {
                return Ok(versions);
            }
        }
    }

    /// Sends a Create once: see [`put`](Self::put). Returns the ARN of the new secret.
    pub(super) async fn create(&self, secret: &NewSecret) -> Result<String, ServiceError> {
        const OPERATION: &str = "CreateSecret";
        let request = self
            .client
            .create_secret()
            .name(&secret.name)
            .client_request_token(&secret.request_token)
            .secret_string(secret.value.as_str())
            .description("OAuth token")
            .set_kms_key_id(secret.kms_key_id.clone())
            .set_tags(Some(secret.tags.clone()))
            .customize()
            .config_override(once());
        let answer = self.call(OPERATION, request.send()).await?;
        answer.arn.ok_or_else(|| ServiceError::incomplete_answer(OPERATION))
    }

    /// Sends a Put once: behind the answer to a retry of the SDK's own, it could not be told whether the try before it
    /// had landed.
    pub(super) async fn put(&self, version: &NewVersion) -> Result<(), ServiceError> {
        let request = self
            .client
            .put_secret_value()
            .secret_id(&version.arn)
            .client_request_token(&version.request_token)
            .secret_string(version.value.as_str())
            .customize()
            .config_override(once());
        self.call("PutSecretValue", request.send()).await.map(drop)
    }

    pub(super) async fn tag(&self, arn: &str, tags: Vec<Tag>) -> Result<(), ServiceError> {
        let request = self.client.tag_resource().secret_id(arn).set_tags(Some(tags));
        self.call("TagResource", request.send()).await.map(drop)
    }

    /// Sends a deletion without recovery once, as a [`put`](Self::put), and returns when that was, if it is told. A missing
    /// secret counts as deleted.
    pub(super) async fn delete(&self, secret_id: &str) -> Result<Option<SystemTime>, ServiceError> {
        let request = self
            .client
            .delete_secret()
            .secret_id(secret_id)
            .force_delete_without_recovery(true)
            .customize()
            .config_override(once());
        match self.call("DeleteSecret", request.send()).await {
            Err(error) if error.is_not_found() => Ok(None),
            outcome => outcome.map(|answer| instant(answer.deletion_date)),
        }
    }

    /// Runs a request under the store's deadline, reads its error, and leaves a trace and a count of it without anything
    /// secret.
    fn call<T, E>(
        &self,
        operation: &'static str,
        request: impl Future<Output = Result<T, SdkError<E, HttpResponse>>> + Send,
    ) -> impl Future<Output = Result<T, ServiceError>> + Send
    where
        T: Send,
        E: ProvideErrorMetadata + std::error::Error + Send + 'static,
    {
        // Boxed before anything is built around it: the SDK's futures are large, and would be moved with each of those.
        let request = Box::pin(request);
        async move {
            let start = Instant::now();
            let outcome = match timeout_at(start + CALL_DEADLINE, request).await {
                Ok(Ok(answer)) => Ok(answer),
                Ok(Err(error)) => Err(ServiceError::from_sdk(operation, &error)),
                Err(_) => Err(ServiceError::timed_out(operation)),
            };
            let elapsed = start.elapsed();
            self.meter.request(operation, outcome.as_ref().map_or_else(outcome_of, |_| "ok"), elapsed);
            let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
            match &outcome {
                Ok(_) => tracing::debug!(operation, elapsed_ms, "answered"),
                Err(error) => tracing::debug!(operation, elapsed_ms, %error, "failed"),
            }
            outcome
        }
    }
}

fn instant(date: Option<DateTime>) -> Option<SystemTime> {
    date.and_then(|date| SystemTime::try_from(date).ok())
}

fn once() -> aws_sdk_secretsmanager::config::Builder {
    aws_sdk_secretsmanager::Config::builder().retry_config(RetryConfig::disabled())
}

/// What became of a request, in a word that is one of few.
fn outcome_of(error: &ServiceError) -> &'static str {
    if error.is_not_found() {
        "not_found"
    } else if error.is_already_there() {
        "already_exists"
    } else {
        error.kind().as_str()
    }
}
