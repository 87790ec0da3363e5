//! What every part of the store works with.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep};
use tracing::Instrument;

use crate::cache::{Cache, Demand};
use crate::contract::{ErrorKind, Locator, LocatorKind, OAuthToken, StoreError};
use crate::record::Record;

use super::pace::Pace;
use super::prefix::Prefix;
use super::recent_writes::RecentWrites;
use super::service::{Description, Service};
use super::service_error::ServiceError;

/// The service, the layout under one prefix, and what this process knows of what is there.
pub(super) struct Storage {
    pub(super) service: Service,
    pub(super) prefix: Prefix,
    pub(super) settings: Settings,
    pub(super) recent_writes: RecentWrites,
    pub(super) paces: Paces,
    pub(super) cache: Arc<Cache>,
}

/// What the builder decides.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) tags: BTreeMap<String, String>,
    pub(super) kms_key_id: Option<String>,
    pub(super) index_access_tokens: bool,
    pub(super) tag_search: bool,
    pub(super) write_deadline: Duration,
}

/// Half of each quota of [AWS's quotas page], for bulk work.
///
/// [AWS's quotas page]: https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html
pub(super) struct Paces {
    pub(super) list: Pace,
    pub(super) batch_get: Pace,
    pub(super) delete: Pace,
}

impl Default for Paces {
    fn default() -> Self {
        Self { list: Pace::per_second(50), batch_get: Pace::per_second(50), delete: Pace::per_second(25) }
    }
}

impl Storage {
    /// The record of this locator: as it is known, or read for all who want it now.
    pub(super) fn read_cached(
        self: &Arc<Self>,
        locator: Locator,
        demand: Demand,
    ) -> impl Future<Output = Result<Option<Record>, StoreError>> + Send {
        let storage = Arc::clone(self);
        let load = move || {
            let storage = Arc::clone(&storage);
            async move { storage.read(&locator).await }
        };
        self.cache.read(locator, demand, load)
    }

    /// Reads the record of this locator: one request, hit or miss.
    pub(super) async fn read(&self, locator: &Locator) -> Result<Option<Record>, StoreError> {
        let name = self.prefix.secret_name(locator);
        self.read_secret(&name, &name).await
    }

    /// Reads a secret by its name or ARN. One that is gone or scheduled for deletion is no hit.
    pub(super) async fn read_secret(
        &self,
        secret_id: &str,
        name: &str,
    ) -> Result<Option<Record>, StoreError> {
        let mut backoff = Backoff::new();
        let mut deadline = None;
        loop {
            let refusal = match self.service.get(secret_id).await {
                Ok(answer) => {
                    self.cache.note_service_time(answer.version.created);
                    // A version's content never changes.
                    let locator = self.prefix.locator_in(&answer.name);
                    return match locator.and_then(|locator| self.cache.of_version(&locator, &answer.version))
                    {
                        Some(record) => Ok(Some(record)),
                        None => answer.into_record(&self.prefix).transpose(),
                    };
                }
                Err(error) if error.is_not_found() => return Ok(None),
                Err(error) if error.is_invalid_request() => error,
                Err(error) => return Err(error.into_store_error(Some(name))),
            };
            match self.describe(secret_id, name).await? {
                // Being deleted or restored, or one of the two answers is stale.
                Some(secret) if !secret.is_scheduled_for_deletion => {}
                _ => return Ok(None),
            }
            // From the first contradiction on, however long that took: it is read again at least once.
            let deadline = *deadline.get_or_insert_with(|| Instant::now() + UNSETTLED_READS);
            if !backoff.wait_before(deadline).await {
                return Err(unsettled(refusal, name));
            }
        }
    }

    /// Whether a secret is there, and whether it is scheduled for deletion: AWS's message text is no ground for that.
    pub(super) async fn describe(
        &self,
        secret_id: &str,
        name: &str,
    ) -> Result<Option<Description>, StoreError> {
        match self.service.describe(secret_id).await {
            Ok(description) => Ok(Some(description)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error.into_store_error(Some(name))),
        }
    }

    /// Until when a write or deletion that begins now goes on trying.
    pub(super) fn write_deadline(&self) -> Instant {
        Instant::now() + self.settings.write_deadline
    }

    /// Whether a lookup that no name answers goes by tag.
    pub(super) fn searches_by(&self, kind: LocatorKind) -> bool {
        self.settings.tag_search && (kind != LocatorKind::Access || self.settings.index_access_tokens)
    }
}

/// The locator of a record's token; every record has one.
pub(super) fn locator_of(token: &OAuthToken) -> Option<Locator> {
    Locator::parse(token.assigned_id()?.as_str())
}

/// How long a read waits for a secret that is refused although it is not scheduled for deletion.
const UNSETTLED_READS: Duration = Duration::from_secs(1);

/// A request was refused as one on a secret scheduled for deletion is, but the secret is not, as far as can be seen.
pub(super) fn unsettled(refusal: ServiceError, name: &str) -> StoreError {
    let message =
        "the secret is being deleted, restored or created, or refuses the request: try again in some seconds";
    StoreError::new(ErrorKind::Unavailable, message).with_source(refusal).with_secret_name(name)
}

/// Runs a write in a task of its own: dropping the caller's future only stops the waiting.
pub(super) async fn carry_to_end<T: Send + 'static>(
    write: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    let message = "the runtime was shut down during the write, which may have landed or not";
    outcome_of(tokio::spawn(write.in_current_span()).await, message)
}

/// Runs reads in a task of their own, which ends with this future. They go on while nobody polls it, as when an item of a
/// stream is worked on: they may hold the client's one place to fetch credentials, or time out with their answer there.
pub(super) async fn read_in_a_task<T: Send + 'static>(
    read: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    let mut task = JoinSet::new();
    task.spawn(read.in_current_span());
    let message = "the runtime was shut down while tokens were read";
    match task.join_next().await {
        Some(ended) => outcome_of(ended, message),
        None => Err(StoreError::new(ErrorKind::Unavailable, message)),
    }
}

/// What a task has come to; its panic is passed on.
fn outcome_of<T>(
    ended: Result<Result<T, StoreError>, JoinError>,
    cancelled: &'static str,
) -> Result<T, StoreError> {
    match ended {
        Ok(outcome) => outcome,
        Err(failed) if failed.is_panic() => std::panic::resume_unwind(failed.into_panic()),
        Err(_) => Err(StoreError::new(ErrorKind::Unavailable, cancelled)),
    }
}

/// Waits longer each time, with full jitter, so that writers who collided once don't meet again.
pub(super) struct Backoff {
    ceiling: Duration,
}

impl Backoff {
    const LONGEST: Duration = Duration::from_millis(640);

    pub(super) fn new() -> Self {
        Self { ceiling: Duration::from_millis(10) }
    }

    /// Waits, unless that would end after `deadline`: then it returns `false` at once.
    pub(super) async fn wait_before(&mut self, deadline: Instant) -> bool {
        let ceiling = u64::try_from(self.ceiling.as_millis()).unwrap_or(u64::MAX);
        let pause = Duration::from_millis(fastrand::u64(ceiling / 2..=ceiling));
        if Instant::now() + pause > deadline {
            return false;
        }
        sleep(pause).await;
        self.ceiling = (self.ceiling * 2).min(Self::LONGEST);
        true
    }
}
