//! How a store is set up.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_secretsmanager::Client;

use crate::cache::{Cache, CacheSettings, Clock, SystemClock};
use crate::contract::{ErrorKind, StoreError};
use crate::meter::Meter;

use super::environment;
use super::prefix::{DEFAULT_PREFIX, Prefix};
use super::recent_writes::RecentWrites;
use super::service::Service;
use super::storage::{Paces, Settings, Storage};
use super::store::SecretsManagerTokenStore;
use super::tags;

/// Sets up a [`SecretsManagerTokenStore`].
///
/// ```no_run
/// # async fn example() -> Result<(), oauth_token_store::StoreError> {
/// use oauth_token_store::SecretsManagerTokenStore;
///
/// let store = SecretsManagerTokenStore::builder()
///     .prefix("prod/crm/tokens")
///     .tag("team", "billing")
///     .build()
///     .await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use = "nothing is set up until `build`"]
pub struct SecretsManagerTokenStoreBuilder {
    prefix: String,
    client: Option<Client>,
    settings: Settings,
    cache: CacheSettings,
    clock: Option<Arc<dyn Clock>>,
    meter: Meter,
}

impl Default for SecretsManagerTokenStoreBuilder {
    fn default() -> Self {
        Self {
            prefix: DEFAULT_PREFIX.to_owned(),
            client: None,
            settings: Settings {
                tags: BTreeMap::new(),
                kms_key_id: None,
                index_access_tokens: true,
                tag_search: true,
                write_deadline: Duration::from_secs(10),
            },
            cache: CacheSettings::default(),
            clock: None,
            meter: Meter::default(),
        }
    }
}

impl SecretsManagerTokenStoreBuilder {
    /// A builder set up by environment variables; what is not set keeps its default.
    ///
    /// | variable | setting |
    /// |---|---|
    /// | `OAUTH_TOKEN_STORE_PREFIX` | [`prefix`](Self::prefix) |
    /// | `OAUTH_TOKEN_STORE_KMS_KEY_ID` | [`kms_key_id`](Self::kms_key_id) |
    /// | `OAUTH_TOKEN_STORE_TAGS` | [`tag`](Self::tag), as `key=value` separated by commas |
    /// | `OAUTH_TOKEN_STORE_TAG_SEARCH` | [`tag_search`](Self::tag_search), `true` or `false` |
    /// | `OAUTH_TOKEN_STORE_INDEX_ACCESS_TOKENS` | [`index_access_tokens`](Self::index_access_tokens), `true` or `false` |
    /// | `OAUTH_TOKEN_STORE_WRITE_DEADLINE_SECONDS` | [`write_deadline`](Self::write_deadline), whole seconds |
    /// | `OAUTH_TOKEN_STORE_TIME_TO_LIVE_SECONDS` | [`time_to_live`](Self::time_to_live), whole seconds |
    /// | `OAUTH_TOKEN_STORE_MISS_TIME_TO_LIVE_SECONDS` | [`miss_time_to_live`](Self::miss_time_to_live), whole seconds |
    /// | `OAUTH_TOKEN_STORE_MAX_STALE_SECONDS` | [`max_stale`](Self::max_stale), whole seconds |
    /// | `OAUTH_TOKEN_STORE_MAX_CAPACITY` | [`max_capacity`](Self::max_capacity), a number of tokens |
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] naming the variable whose value is wrong.
    pub fn from_env() -> Result<Self, StoreError> {
        environment::read(Self::default(), |variable| std::env::var_os(variable))
    }

    /// What the names of all secrets begin with: the namespace of one OAuth client. Default: `oauth-tokens`.
    ///
    /// Letters, digits and `/ _ + = . @ -`, no empty segment, at most 256 characters.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// The SDK client to use. Default: one from AWS's own environment that connects within 1 s, waits 3 s for an answer
    /// and 8 s for a call with its retries.
    ///
    /// A client that you bring keeps its timeouts, and its retries for everything but CreateSecret, PutSecretValue and
    /// DeleteSecret, which the store repeats itself; the store gives each call 9 s. Make it with the re-exported
    /// [`aws_sdk_secretsmanager`]: that crate's default features would add a second, older TLS stack.
    pub fn client(mut self, client: Client) -> Self {
        self.client = Some(client);
        self
    }

    /// The KMS key that new secrets are encrypted with: key id, ARN or alias. Default: `aws/secretsmanager`.
    pub fn kms_key_id(mut self, key_id: impl Into<String>) -> Self {
        self.settings.kms_key_id = Some(key_id.into());
        self
    }

    /// A tag for each new secret, for cost allocation or access control; at most 43.
    ///
    /// CloudTrail logs tags, so nothing secret and no user may stand in them.
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.tags.insert(key.into(), value.into());
        self
    }

    /// Whether lookups that no secret's name answers go by ListSecrets. Default: true.
    ///
    /// With false, no operation but listing and deleting all tokens needs `secretsmanager:ListSecrets`. Then an own id
    /// of a record with a user, and tokens that did not name their record, are not found.
    pub fn tag_search(mut self, enabled: bool) -> Self {
        self.settings.tag_search = enabled;
        self
    }

    /// Whether a fingerprint of the access token is kept in a tag. Default: true.
    ///
    /// With false, a save after a refresh needs no TagResource, unless the refresh token changed too; a record is then
    /// found by its access token only if that named it.
    pub fn index_access_tokens(mut self, enabled: bool) -> Self {
        self.settings.index_access_tokens = enabled;
        self
    }

    /// How long what was read is answered from memory, at most. Default: 300 s; at most a day; zero turns the cache off,
    /// the one of misses included.
    ///
    /// What another process has changed shows after that time at the latest, this process's own changes at once. Each
    /// token gets up to a tenth less, so that those read together are not read again together. A token that expires
    /// before is read again then. With the cache off, finds of one token at the same moment still share one request.
    pub fn time_to_live(mut self, time_to_live: Duration) -> Self {
        self.cache.time_to_live = time_to_live.min(LONGEST_IN_MEMORY);
        self
    }

    /// How long the answer that there is no token is kept. Default: 1 s; never longer than
    /// [`time_to_live`](Self::time_to_live).
    ///
    /// A save that follows such a find within that time needs no look before it writes.
    pub fn miss_time_to_live(mut self, time_to_live: Duration) -> Self {
        self.cache.miss_time_to_live = time_to_live;
        self
    }

    /// How long beyond its time to live a token is still served while Secrets Manager fails in a passing way: timeouts,
    /// throttling, 5xx. Default: 600 s; at most a day; zero turns it off.
    ///
    /// Such finds are counted ([`StoreStats::stale_reads`](crate::StoreStats::stale_reads)). A refusal ends it, and so does
    /// [`invalidate`](SecretsManagerTokenStore::invalidate).
    pub fn max_stale(mut self, max_stale: Duration) -> Self {
        self.cache.max_stale = max_stale.min(LONGEST_IN_MEMORY);
        self
    }

    /// How many tokens are kept in memory; least recently used ones go first. Default: 10,000, of about 2 KB
    /// each where the token's JSON has 800 bytes; it may have 64 KB.
    ///
    /// Zero turns the cache off, and with it what keeps a replica that lags behind from showing what was there before this
    /// process's own saves. To turn off the cache alone, set [`time_to_live`](Self::time_to_live) to zero.
    pub fn max_capacity(mut self, tokens: u64) -> Self {
        self.cache.max_capacity = tokens;
        self
    }

    /// The clocks to go by, for tests that let time pass. Default: the system's.
    ///
    /// The cache goes by it, and whether a token has to be refreshed; deadlines and pauses of requests go by tokio's clock
    /// all the same.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// What this store is called in metrics: the value of the label `store` of each. Default: no such label.
    ///
    /// For processes with several stores, whose counts would otherwise be one another's. Nothing secret and no user may
    /// stand in it.
    #[cfg(feature = "metrics")]
    pub fn metrics_name(mut self, name: impl AsRef<str>) -> Self {
        self.meter = Meter::named(name.as_ref());
        self
    }

    /// How long a save or deletion goes on trying, from its first write, while it gets no answer, loses races to other
    /// writers, or finds the name still taken by a secret that is being deleted. Default: 10 s; at most an hour.
    ///
    /// What has been sent by then is brought to an end: that call takes up to 9 seconds (8 by the store's own client), and so
    /// does each of the reads that may have to follow it, one as a rule; search tags, up to 3. In Lambda give the function
    /// more time than that.
    pub fn write_deadline(mut self, deadline: Duration) -> Self {
        self.settings.write_deadline = deadline.min(LONGEST_WRITE_DEADLINE);
        self
    }

    /// The store. Makes no request to Secrets Manager; where no region is configured, the AWS configuration may ask
    /// the instance metadata service for one.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for a prefix or tag that AWS would not take; [`ErrorKind::Configuration`] if the store is
    /// to make its own client and no region is set.
    pub async fn build(self) -> Result<SecretsManagerTokenStore, StoreError> {
        let prefix = Prefix::parse(&self.prefix)?;
        tags::validate_own(&self.settings.tags)?;
        let client = match self.client {
            Some(client) => client,
            None => client_from_env().await?,
        };
        Ok(SecretsManagerTokenStore::new(Storage {
            service: Service::new(client, self.meter.clone()),
            prefix,
            settings: self.settings,
            recent_writes: RecentWrites::default(),
            paces: Paces::default(),
            cache: Cache::new(self.cache, self.clock.unwrap_or_else(|| Arc::new(SystemClock::new()))),
        }))
    }
}

impl fmt::Debug for SecretsManagerTokenStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretsManagerTokenStoreBuilder")
            .field("prefix", &self.prefix)
            .field("settings", &self.settings)
            .field("cache", &self.cache)
            .finish_non_exhaustive()
    }
}

const LONGEST_IN_MEMORY: Duration = Duration::from_secs(24 * 3600);
const LONGEST_WRITE_DEADLINE: Duration = Duration::from_secs(3600);

/// The SDK's defaults wait long: no attempt or operation timeout, and a second before the first retry.
async fn client_from_env() -> Result<Client, StoreError> {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_secs(3))
        .operation_timeout(Duration::from_secs(8))
        .build();
    let retries = RetryConfig::standard().with_initial_backoff(Duration::from_millis(100));
    let config = aws_config::defaults(aws_config::BehaviorVersion::v2026_01_12())
        .timeout_config(timeouts)
        .retry_config(retries)
        .load()
        .await;
    if config.region().is_none() {
        return Err(StoreError::new(
            ErrorKind::Configuration,
            "no AWS region is set: set AWS_REGION, or a region in the profile",
        ));
    }
    Ok(Client::new(&config))
}
