//! An in-process AWS Secrets Manager for development and tests.
//!
//! [`EmbeddedSecretsManager`] answers the real [`aws_sdk_secretsmanager::Client`] through the SDK's HTTP
//! connector: requests are serialized, signed, retried and parsed as usual, but no socket is opened. It enforces
//! what AWS documents or was measured to do, also where other emulators are lenient: sizes, names, tags and tokens,
//! idempotency, staging labels, filters and paging, deletion windows.
//!
//! ```
//! use oauth_token_store::embedded::EmbeddedSecretsManager;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), aws_sdk_secretsmanager::Error> {
//! let backend = EmbeddedSecretsManager::new();
//! let client = backend.client();
//! client.create_secret().name("app/token").secret_string("s3cret").send().await?;
//! let found = client.get_secret_value().secret_id("app/token").send().await?;
//! assert_eq!(found.secret_string(), Some("s3cret"));
//! assert_eq!(backend.requests().to_string(), "1 GetSecretValue, 1 CreateSecret");
//! # Ok(())
//! # }
//! ```
//!
//! # Bad days
//!
//! - [`inject`](EmbeddedSecretsManager::inject) a [`Fault`]: latency, throttling, errors, lost answers.
//! - Put up a [`gate`](EmbeddedSecretsManager::gate) to force an interleaving of requests.
//! - [Enforce quotas](EmbeddedSecretsManager::enforce_quotas): what goes beyond AWS's rates is throttled.
//! - Make it [lag](EmbeddedSecretsManager::set_list_lag): "all Secrets Manager operations are eventually
//!   consistent", as the API reference says.
//!
//! # Time
//!
//! Dates, lags, latencies and recovery windows follow tokio's clock. In a test with a paused clock
//! (`#[tokio::test(start_paused = true)]`) a recovery window of 30 days passes at once. Make the backend inside of
//! the runtime whose clock it is to follow.
//!
//! # What it doesn't do
//!
//! Rotation, replication, resource policies, random passwords, IAM and KMS; one account (123456789012) in one Region
//! (us-east-1). Where AWS documents nothing it is a guess: the ascending default order of listings, that `all` filters
//! match the beginnings of words, and most message texts.

mod arn;
mod backend;
mod body;
mod clock;
mod connector;
mod counts;
mod error;
mod fault;
mod filters;
mod gate;
mod operation;
mod operations;
mod page;
mod quotas;
mod request;
mod scope;
mod secret;
mod state;
mod timeline;
mod tokio_clock;
mod validation;
mod version;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::retry::RetryPartition;
use aws_sdk_secretsmanager::config::{BehaviorVersion, Config, Credentials, Region, SharedHttpClient};
use uuid::Uuid;

use backend::Backend;
use connector::Connector;

pub use counts::RequestCounts;
pub use fault::{Fault, FaultId};
pub use gate::{Gate, GateHandle};
pub use operation::Operation;
pub use quotas::Quotas;
pub use tokio_clock::TokioClock;

/// An AWS Secrets Manager inside of this process: see the [module documentation](self).
///
/// Clones are handles to the same backend. Everything is kept in memory and gone with the last handle and client.
#[derive(Clone)]
pub struct EmbeddedSecretsManager {
    backend: Arc<Backend>,
}

impl EmbeddedSecretsManager {
    /// An empty backend.
    #[must_use]
    pub fn new() -> Self {
        Self { backend: Arc::new(Backend::new()) }
    }

    /// A new client of this backend, with dummy credentials and otherwise the SDK's defaults: three attempts, no
    /// operation timeout, tokio's sleep.
    ///
    /// Each has a retry budget of its own. The SDK otherwise shares one over all clients of the process, and once
    /// it is spent on calls that failed, the next ones make only one attempt.
    #[must_use]
    pub fn client(&self) -> Client {
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(Credentials::new("embedded", "embedded", None, None, "embedded"))
            // The SDK keeps the budgets by name for as long as the process lives: some bytes a client.
            .retry_partition(RetryPartition::new(Uuid::new_v4().to_string()))
            .http_client(self.http_client())
            .build();
        Client::from_conf(config)
    }

    /// The connection to this backend, for an SDK configuration of one's own. It needs some credentials and some
    /// Region; those of the answers are always the same. Unlike [`client`](Self::client)s, clients made this way share
    /// the SDK's retry budget of their Region, unless the configuration has a retry partition of its own.
    #[must_use]
    pub fn http_client(&self) -> SharedHttpClient {
        SharedHttpClient::new(Connector(Arc::clone(&self.backend)))
    }

    /// How many requests have arrived so far.
    #[must_use]
    pub fn requests(&self) -> RequestCounts {
        self.backend.counters.snapshot()
    }

    /// Lets something go wrong from now on. Several faults are looked at in the order of their injection:
    /// latencies add up, the first other one that matches decides.
    pub fn inject(&self, fault: Fault) -> FaultId {
        self.backend.faults.inject(fault)
    }

    /// Removes a fault; `false` if it was used up or removed before.
    pub fn remove_fault(&self, id: FaultId) -> bool {
        self.backend.faults.remove(id)
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        self.backend.faults.clear();
    }

    /// Puts up a gate that holds matching requests from now on, until the handle lets them go or is dropped.
    pub fn gate(&self, gate: Gate) -> GateHandle {
        self.backend.gates.add(gate)
    }

    /// Throttles what goes beyond these quotas from now on; none are enforced by default. Requests are taken in the order in
    /// which they would be carried out, after gates and latencies, on tokio's clock.
    pub fn enforce_quotas(&self, quotas: Quotas) {
        self.backend.state().quotas = quotas;
    }

    /// How many of the [`requests`](Self::requests) went beyond the quotas in force.
    #[must_use]
    pub fn throttled(&self) -> RequestCounts {
        self.backend.throttled.snapshot()
    }

    /// Lets ListSecrets and the filters of BatchGetSecretValue see the secrets and their tags as they were so long
    /// ago. AWS: "ListSecrets might not reflect changes from the last five minutes". Zero by default.
    ///
    /// Set it before the changes that it is to hide: only as much of the past is kept as the lags need.
    pub fn set_list_lag(&self, lag: Duration) {
        self.backend.state().settings.list_lag = lag;
    }

    /// Lets reads of single secrets see them as they were so long ago, their existence, labels and tags included:
    /// GetSecretValue, BatchGetSecretValue, DescribeSecret and ListSecretVersionIds. Zero by default.
    ///
    /// Set it before the changes that it is to hide: only as much of the past is kept as the lags need.
    pub fn set_read_lag(&self, lag: Duration) {
        self.backend.state().settings.read_lag = lag;
    }

    /// Answers the next `reads` reads from the state that each secret was in before its last change: one
    /// consistent older state of the whole secret, which for a new secret is that there is none.
    ///
    /// Any write is a change, one of tags too. GetSecretValue, DescribeSecret, ListSecretVersionIds and
    /// BatchGetSecretValue by ids count, all together; a batch is one read. Replaces what is left of an earlier call.
    pub fn stale_reads(&self, reads: usize) {
        self.backend.state().settings.stale_reads = reads;
    }

    /// How long a secret that was deleted without recovery still counts as scheduled for deletion: its name can't
    /// be created again and its value can't be read. On AWS these are some seconds. Zero by default.
    pub fn set_deletion_linger(&self, linger: Duration) {
        self.backend.state().settings.deletion_linger = linger;
    }

    /// Whether listings put an empty page with a NextToken before each page, which the API allows at any time. Off
    /// by default.
    pub fn set_empty_pages(&self, empty_pages: bool) {
        self.backend.state().settings.empty_pages = empty_pages;
    }

    /// The names of all secrets, those scheduled for deletion included, in alphabetical order.
    #[must_use]
    pub fn secret_names(&self) -> Vec<String> {
        self.backend.state().names()
    }

    /// How many secrets there are, those scheduled for deletion included.
    #[must_use]
    pub fn secret_count(&self) -> usize {
        self.backend.state().len()
    }
}

impl Default for EmbeddedSecretsManager {
    fn default() -> Self {
        Self::new()
    }
}

/// Numbers only, nothing of what is stored.
impl fmt::Debug for EmbeddedSecretsManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedSecretsManager")
            .field("secrets", &self.secret_count())
            .field("requests", &self.requests().total())
            .finish_non_exhaustive()
    }
}
