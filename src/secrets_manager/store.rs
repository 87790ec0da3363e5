//! The public store.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_core::stream::BoxStream;
use futures_util::StreamExt;
use futures_util::future::{BoxFuture, Either, Ready, ready};
use secrecy::{ExposeSecret, SecretString};
use tracing::{Instrument, Span, debug_span};

use crate::cache::{Demand, StoreStats};
use crate::contract::{LookupKey, LookupPlan, OAuthToken, StoreError, TokenId, TokenStore};
use crate::refresh::{RefreshError, Refreshes};

use super::builder::SecretsManagerTokenStoreBuilder;
use super::lookup::Purpose;
use super::storage::Storage;
use super::{compare_and_swap, delete, listing};

/// OAuth tokens as JSON secrets in AWS Secrets Manager, one each, written by compare-and-swap.
///
/// Finds are answered from memory for [`time_to_live`](SecretsManagerTokenStoreBuilder::time_to_live). What this process
/// saves or deletes, it sees at once: no find that begins after that shows what was there before, whatever reads were
/// under way, and for a minute no older version from a replica that lags behind comes back; one that shows no record at all
/// is believed. Many that want the same token share one request, and many that want it refreshed share
/// [one exchange](Self::refresh_with).
///
/// Many processes may work on the same tokens. Of two saves that collide, the second is merged over the first, so
/// what only one of them changed is never lost; where both changed the same field, the later save's value stays. A token
/// that was found before it was deleted is refused ([`ErrorKind::Deleted`](crate::ErrorKind::Deleted)). Cloning is
/// cheap and shares everything; make one store per process.
///
/// All methods need a Tokio runtime. A save that is dropped before its first write stops; after that, and a deletion from
/// its first poll on, it is carried to its end in a task of its own.
///
/// | operation | requests |
/// |---|---|
/// | any find of what is in memory | none |
/// | find by user or store-assigned id, hit or miss | 1 GetSecretValue |
/// | find by own id: record without / with a user | 1 GetSecretValue / 2 GetSecretValue + 1 ListSecrets |
/// | find by grant, refresh or access token: record named by it / otherwise | 1 GetSecretValue / 2 GetSecretValue + 1 ListSecrets |
/// | save over a record that is in memory | 1 PutSecretValue; 1 TagResource if a fingerprint changed |
/// | save after a find that missed | 1 CreateSecret |
/// | save by user or store-assigned id with nothing known | 1 GetSecretValue, then 1 PutSecretValue or CreateSecret; 1 TagResource if a fingerprint changed |
/// | save of what is already stored | 1 GetSecretValue |
/// | delete by store-assigned id | 1 DeleteSecret |
/// | delete by own id | 1 DeleteSecret + 1 ListSecrets, and 1 GetSecretValue + 1 DeleteSecret for each further record |
/// | all of n tokens | at most n/20 BatchGetSecretValue + n/100 ListSecrets + 2, at half of the quotas |
/// | delete all of n tokens | n DeleteSecret + n/100 ListSecrets + 1, at half of the quotas |
///
/// Each save that collides with another costs 1 GetSecretValue and 1 PutSecretValue more, and 1 GetSecretValue on top where it
/// was to make the record. A name that is being deleted, or
/// that somebody has scheduled for deletion, costs 1 DescribeSecret with each read. Of all tokens, each costs a find more
/// that a batch shows although this process has deleted it, or in an older version than one it has seen and does not hold, or
/// not although it has saved it in the last ten minutes.
///
/// # Errors
///
/// Beside what each operation names, by their [`ErrorKind`](crate::ErrorKind):
///
/// | whatever makes a request | |
/// |---|---|
/// | `Throttled`, `TimedOut`, `Unavailable` | passing; a find of what is in memory is answered all the same for [`max_stale`](SecretsManagerTokenStoreBuilder::max_stale) |
/// | `AccessDenied`, `Kms`, `Configuration` | a permission, the key or the credentials: for somebody to mend |
/// | `Corrupt` | the secret holds no token that this version reads |
/// | `Unexpected` | an answer that this version does not know |
/// | **a save, too** | |
/// | `Contended` | passing: other writers won for all of the [`write_deadline`](SecretsManagerTokenStoreBuilder::write_deadline) |
/// | `TooLarge`, `QuotaExceeded` | the token, the Region or the day's writes of this token are full |
///
/// # Panics
///
/// Outside of a Tokio runtime. What an SDK client of your own panics with in a save or deletion is passed on.
///
/// # Permissions
///
/// `examples/iam` in the repository has policies for a reader, a writer and an operator, each limited to a prefix. A refusal
/// is [`ErrorKind::AccessDenied`](crate::ErrorKind::AccessDenied) and says
/// [which action is missing](crate::ServiceError::missing_permission).
///
/// `secretsmanager:ListSecrets` cannot be limited: it shows the names and tags of every secret in the account. These never
/// need it:
///
/// - finds and [`reload`](Self::reload) by user or store-assigned id;
/// - saves of a token with a user and without an id of the application's own, and [`refresh_with`](Self::refresh_with) by user
///   of such a record;
/// - deletion by store-assigned id: [`TokenId::of_user`] is one.
///
/// With [`tag_search(false)`](SecretsManagerTokenStoreBuilder::tag_search) nothing needs it but
/// [`get_tokens`](TokenStore::get_tokens), [`tokens`](Self::tokens) and [`delete_tokens`](TokenStore::delete_tokens).
///
/// # Limits
///
/// - Secrets Manager is eventually consistent: a find shortly after another process's save may return the version before
///   it. A save based on such a read is refused and merged anew. That reads never go back is known of what this process
///   has seen in the last minute, as long as fewer than
///   [`max_capacity`](SecretsManagerTokenStoreBuilder::max_capacity) other tokens are used meanwhile; a predecessor, of
///   another process's making, of a record that this process has made may still be shown by a replica that lags behind.
/// - Lookups by an own id on a record with a user, and by tokens that did not name the record, go by `ListSecrets`,
///   which [lags by up to five minutes]. Within that time a find by them may miss, a save by them can make a second
///   record, and a delete by such an id can find nothing. Prefer the store-assigned id: [`OAuthToken::assigned_id`].
///   The tags are written after the value: of two saves that follow each other closely, the older one's may stay.
/// - [`get_tokens`](TokenStore::get_tokens) and [`delete_tokens`](TokenStore::delete_tokens) cover what ListSecrets
///   shows and what this store wrote in the last ten minutes: other processes' tokens younger than five minutes may be
///   missed.
/// - A roll-back or edit of a secret by hand can be undone by a save that was already under way, or is based on the version
///   before it that a process still has in memory, and saves made on top of such an edit with it. [`reload`](Self::reload)
///   shows it at once; a roll-back is else hidden for a minute from those who saw the version after it.
/// - Somebody who restores a secret from scheduled deletion while a save replaces it loses it.
/// - A whole token that was not built from a found one, saved by a process that knows nothing of a rotation, overwrites
///   the newer refresh token. Find, change, save instead. What a found token changed is also merged into the record of a
///   new login, if its user has logged in anew since.
/// - A save whose caller has given it up, or whose error's token is saved again, may land after a logout that came in
///   between. A deletion whose answer was lost is repeated by name, so a login that comes before it ends is deleted too.
/// - A crash between an exchange at the OAuth server and its save loses what the server handed out. Nothing is locked between
///   processes: two that refresh one token in the same moment both make an exchange.
/// - Secrets Manager takes about 100 writes to one secret in 24 hours, one in 14 minutes, and [advises] no more than one in
///   ten minutes for long: of about 100 versions none younger than 24 hours is dropped, and then saves fail with
///   [`ErrorKind::QuotaExceeded`](crate::ErrorKind::QuotaExceeded).
///
/// ```
/// # #[cfg(feature = "embedded")]
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use oauth_token_store::{OAuthToken, SecretsManagerTokenStore, TokenStore, TokenStoreExt};
/// # use oauth_token_store::embedded::EmbeddedSecretsManager;
/// # let client = EmbeddedSecretsManager::new().client();
///
/// let store = SecretsManagerTokenStore::builder().prefix("crm/tokens").client(client).build().await?;
/// store.save_token(&OAuthToken::builder().user_name("bob").refresh_token("r").build()?).await?;
/// let token = store.find_by_user("bob").await?.expect("just saved");
/// # Ok::<(), oauth_token_store::StoreError>(()) }).unwrap();
/// ```
///
/// [lags by up to five minutes]: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecrets.html
/// [advises]: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html
#[derive(Clone)]
pub struct SecretsManagerTokenStore {
    storage: Arc<Storage>,
    refreshes: Refreshes,
}

/// What a find gives.
type FoundToken = Result<Option<Arc<OAuthToken>>, StoreError>;

impl SecretsManagerTokenStore {
    /// A builder with the defaults.
    pub fn builder() -> SecretsManagerTokenStoreBuilder {
        SecretsManagerTokenStoreBuilder::default()
    }

    /// A store set up by environment variables alone: those of
    /// [`SecretsManagerTokenStoreBuilder::from_env`] and AWS's own.
    ///
    /// Loads the AWS configuration: some milliseconds, and no request to Secrets Manager. Where no region is set, it may ask the
    /// instance metadata service for one.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) naming the variable whose value is wrong, or
    /// saying that no region is set. Missing credentials show at the first request.
    pub async fn from_env() -> Result<Self, StoreError> {
        SecretsManagerTokenStoreBuilder::from_env()?.build().await
    }

    pub(super) fn new(storage: Storage) -> Self {
        Self { storage: Arc::new(storage), refreshes: Refreshes::new() }
    }

    /// Every token under the prefix, as it is read, in no order.
    ///
    /// A token that cannot be read is an error of its own, and the rest follows. When the list itself fails, the stream ends:
    /// only one without an error has shown all.
    ///
    /// Costs what [`get_tokens`](TokenStore::get_tokens) costs, as far as the stream is read. It leaves nothing in memory: a
    /// find after it still reads.
    ///
    /// ```
    /// # #[cfg(feature = "embedded")]
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # use oauth_token_store::{SecretsManagerTokenStore, embedded::EmbeddedSecretsManager};
    /// # let client = EmbeddedSecretsManager::new().client();
    /// # let store = SecretsManagerTokenStore::builder().client(client).build().await?;
    /// use futures_util::StreamExt;
    ///
    /// let mut tokens = store.tokens();
    /// while let Some(token) = tokens.next().await {
    ///     match token {
    ///         Ok(token) => println!("{:?}", token.id()),
    ///         Err(error) => eprintln!("{error}"),
    ///     }
    /// }
    /// # Ok::<(), oauth_token_store::StoreError>(()) }).unwrap();
    /// ```
    pub fn tokens(&self) -> BoxStream<'static, Result<Arc<OAuthToken>, StoreError>> {
        listing::tokens(Arc::clone(&self.storage))
    }

    /// The token that a partly filled one stands for, fresh for `leeway`: refreshed if it has to be.
    ///
    /// A token is fresh if it has an access token that does not [expire within](OAuthToken::expires_within) `leeway`. If
    /// it is not, `exchange` is given the token as it is stored now, asks the OAuth server for a new one, and returns
    /// what is to be saved:
    ///
    /// - best `current.to_builder().token_response(&body)?.build()?`: only what has changed is saved;
    /// - or the bare response, `OAuthToken::from_token_response(&body)?.build()?`, which is laid over the stored token in the
    ///   same way. One that names another user, id or OAuth client than the record is refused.
    ///
    /// There is one exchange at a time for each record in this process, however the record is looked up; everybody
    /// else who finds that token not fresh waits for it and gets what it gives. Before it, the record is read again:
    /// if another process has refreshed it, nothing is exchanged. If the exchange fails, it is read once more: if
    /// another process has stored a new token by now, that is the answer. (So where the OAuth server spends refresh
    /// tokens, a process that comes second gets an error only if the first one's save has not ended yet, or a replica that
    /// lags behind does not show it.)
    ///
    /// Exchange and save run in a task of their own and go on if the caller is dropped. In Lambda, don't answer before
    /// this has returned. If the save fails, [`RefreshError::token`] has the new token: save it. The next call in this process
    /// that finds the record not fresh does so, too, before it exchanges anything, unless somebody has deleted the record
    /// or stored other tokens in it since; what still cannot be saved and is not fresh either is exchanged in its turn. With the process
    /// it is lost. An exchange without an end holds up everybody who wants the token, so limit its time; one that refreshes
    /// its own record waits for itself.
    ///
    /// Returns what is then stored, or `None` if there is no such token. What another caller's exchange gave is
    /// returned even if it is not fresh for this `leeway`: the OAuth server gives no longer life. What this process has
    /// saved since then, such as a new login, is returned instead, exchanged first if need be. Nothing is ever deleted
    /// here. A token without an access token is exchanged like an expired one; one without an expiry time is always
    /// fresh.
    ///
    /// Takes what a find takes if the token is fresh; 1 GetSecretValue more if another process has refreshed it; for
    /// each exchange 1 GetSecretValue and 1 PutSecretValue more (2 GetSecretValue where memory is no base for a save, as with
    /// the cache off), and 1 TagResource if a fingerprint has changed; if the
    /// exchange fails, 2 GetSecretValue more and no write. Those who wait for another's exchange pay for their find only.
    ///
    /// # Errors
    /// [`RefreshError`]: if the token cannot be read, as [`find_token`](TokenStore::find_token); what `exchange`
    /// returned; if what it gave cannot be saved, as [`save_token`](TokenStore::save_token), with the token inside;
    /// [`ErrorKind::Conflict`](crate::ErrorKind::Conflict), with the token inside, if that is not the record's; and an error if
    /// this call's own `exchange` panicked. Everybody who waited for an exchange gets its error, and the next call makes
    /// a new one.
    ///
    /// ```
    /// # #[cfg(feature = "embedded")]
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # use oauth_token_store::{SecretsManagerTokenStore, TokenStore, embedded::EmbeddedSecretsManager};
    /// # let client = EmbeddedSecretsManager::new().client();
    /// # let store = SecretsManagerTokenStore::builder().client(client).build().await?;
    /// # store.save_token(&OAuthToken::builder().user_name("bob").refresh_token("r").build()?).await?;
    /// # async fn ask_the_oauth_server(_: Option<&SecretString>) -> std::io::Result<String> {
    /// #     Ok(r#"{"access_token": "fresh", "expires_in": 3600}"#.to_owned())
    /// # }
    /// use std::time::Duration;
    ///
    /// use oauth_token_store::OAuthToken;
    /// use oauth_token_store::secrecy::{ExposeSecret, SecretString};
    ///
    /// type BoxError = Box<dyn std::error::Error + Send + Sync>;
    ///
    /// let bob = OAuthToken::builder().user_name("bob").build()?;
    /// let refreshed = store.refresh_with(&bob, Duration::from_secs(60), |current| async move {
    ///     let body = ask_the_oauth_server(current.refresh_token()).await?;
    ///     Ok::<_, BoxError>(current.to_builder().token_response(&body)?.build()?)
    /// });
    /// let token = refreshed.await?.ok_or("bob has to log in")?;
    /// assert_eq!(token.access_token().map(|token| token.expose_secret()), Some("fresh"));
    /// # Ok::<(), BoxError>(()) }).unwrap();
    /// ```
    pub async fn refresh_with<F, Fut, E>(
        &self,
        partial: &OAuthToken,
        leeway: Duration,
        exchange: F,
    ) -> Result<Option<Arc<OAuthToken>>, RefreshError>
    where
        F: FnOnce(Arc<OAuthToken>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<OAuthToken, E>> + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        // Boxed: a deep future in a public function is a deep future in all that call it.
        let refresh = Box::pin(self.refreshes.refresh(&self.storage, partial, leeway, exchange));
        refresh.instrument(self.span("refresh_with")).await
    }

    fn span(&self, operation: &'static str) -> Span {
        debug_span!("oauth_token_store", operation, prefix = self.storage.prefix.as_str())
    }

    /// [`TokenStore::find_token`], without the memory that a trait's future takes: what is in memory is found without
    /// any. Costs no request then, and else [what its key costs](Self).
    ///
    /// # Errors
    /// As [`TokenStore::find_token`].
    pub async fn find_token(&self, partial: &OAuthToken) -> Result<Option<Arc<OAuthToken>>, StoreError> {
        match self.known(partial) {
            Some(token) => Ok(Some(token)),
            None => self.look_up("find_token", LookupPlan::of(partial)).await,
        }
    }

    /// [`TokenStore::find_token_by_id`], without the memory that a trait's future takes.
    ///
    /// What is not in memory costs 1 GetSecretValue; by an own id of a record with a user 1 more, and 1 ListSecrets.
    ///
    /// # Errors
    /// As [`TokenStore::find_token_by_id`].
    pub async fn find_token_by_id(&self, id: &TokenId) -> Result<Option<Arc<OAuthToken>>, StoreError> {
        self.find_by(LookupKey::Id(id), "find_token_by_id").await
    }

    /// [`TokenStoreExt::find_by_user`](crate::TokenStoreExt::find_by_user), without the memory that a trait's future takes.
    ///
    /// What is not in memory costs 1 GetSecretValue.
    ///
    /// # Errors
    /// As [`TokenStore::find_token`].
    pub async fn find_by_user(&self, user_name: &str) -> Result<Option<Arc<OAuthToken>>, StoreError> {
        self.find_by(LookupKey::User(user_name), "find_token").await
    }

    /// [`TokenStoreExt::find_by_refresh_token`](crate::TokenStoreExt::find_by_refresh_token), without the memory that a
    /// trait's future takes.
    ///
    /// What is not in memory costs 1 GetSecretValue; where another key names the record, 1 more and 1 ListSecrets.
    ///
    /// # Errors
    /// As [`TokenStore::find_token`].
    pub async fn find_by_refresh_token(
        &self,
        client_id: &str,
        refresh_token: &SecretString,
    ) -> Result<Option<Arc<OAuthToken>>, StoreError> {
        self.find_by(LookupKey::refresh(client_id, refresh_token.expose_secret()), "find_token").await
    }

    /// [`TokenStoreExt::find_by_grant_token`](crate::TokenStoreExt::find_by_grant_token), without the memory that a
    /// trait's future takes.
    ///
    /// What is not in memory costs 1 GetSecretValue; where another key names the record, 1 more and 1 ListSecrets.
    ///
    /// # Errors
    /// As [`TokenStore::find_token`].
    pub async fn find_by_grant_token(
        &self,
        client_id: &str,
        grant_token: &SecretString,
    ) -> Result<Option<Arc<OAuthToken>>, StoreError> {
        self.find_by(LookupKey::grant(client_id, grant_token.expose_secret()), "find_token").await
    }

    /// [`TokenStoreExt::find_by_access_token`](crate::TokenStoreExt::find_by_access_token), without the memory that a
    /// trait's future takes.
    ///
    /// What is not in memory costs 1 GetSecretValue; where another key names the record, 1 more and 1 ListSecrets.
    ///
    /// # Errors
    /// As [`TokenStore::find_token`].
    pub async fn find_by_access_token(
        &self,
        access_token: &SecretString,
    ) -> Result<Option<Arc<OAuthToken>>, StoreError> {
        let access_token = access_token.expose_secret();
        self.find_by(LookupKey::Access(access_token), "find_token").await
    }

    /// Reads a token again, past the cache: for an access token that the API has just answered with a 401.
    ///
    /// What comes back is believed, even if it is older than what this process has seen: somebody may have moved the
    /// secret back by hand. 1 GetSecretValue by store-assigned id, or by an own id that a find has led to before; for any
    /// other, what a find costs. Many that reload one token at once share at most two GetSecretValue; by an own id that no find
    /// has led to, each lists for itself.
    ///
    /// # Errors
    /// What the service answers. A token past its time to live is not served instead.
    ///
    /// ```
    /// # #[cfg(feature = "embedded")]
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # use oauth_token_store::{SecretsManagerTokenStore, OAuthToken, TokenId, TokenStore, embedded::EmbeddedSecretsManager};
    /// # let backend = EmbeddedSecretsManager::new();
    /// let store = SecretsManagerTokenStore::builder().client(backend.client()).build().await?;
    /// let other_process = SecretsManagerTokenStore::builder().client(backend.client()).build().await?;
    /// let token = store.save_token(&OAuthToken::builder().user_name("bob").access_token("a").build()?).await?;
    ///
    /// let refreshed = token.to_builder().access_token("a-2").build()?;
    /// other_process.save_token(&refreshed).await?;
    /// assert!(store.find_by_user("bob").await?.unwrap() == token); // within its time to live
    /// assert!(*store.reload(&TokenId::of_user("bob")?).await?.unwrap() == refreshed);
    /// # Ok::<(), oauth_token_store::StoreError>(()) }).unwrap();
    /// ```
    pub async fn reload(&self, id: &TokenId) -> Result<Option<Arc<OAuthToken>>, StoreError> {
        let record = Box::pin(self.storage.reload(id)).instrument(self.span("reload")).await?;
        Ok(record.map(|record| record.token))
    }

    /// Forgets what is known of every record of this id; the next find reads it anew, and believes what it reads. No
    /// request.
    pub fn invalidate(&self, id: &TokenId) {
        self.storage.cache.invalidate(id);
    }

    /// Forgets all that is known of records; what this store has written lately still counts in lists and searches. No
    /// request.
    pub fn invalidate_all(&self) {
        self.storage.cache.invalidate_all();
    }

    /// What happened in this store so far. No request.
    pub fn stats(&self) -> StoreStats {
        let counters = self.refreshes.counters();
        StoreStats {
            exchanges: counters.exchanges(),
            exchange_failures: counters.failed_exchanges(),
            ..self.storage.cache.stats()
        }
    }

    /// Publishes what is counted here through the [`metrics`](https://docs.rs/metrics/0.24) facade, version 0.24, for the
    /// recorder that the application has installed. Call it before each scrape, or every few seconds. No request.
    ///
    /// Finds that memory answers are counted without the facade, so they cost what they cost without this feature. Calls
    /// of Secrets Manager report themselves as they end; this describes them, too.
    ///
    /// | metric | type | labels | what it counts |
    /// |---|---|---|---|
    /// | `oauth_token_store_requests_total` | counter | `operation`, `outcome` | calls of Secrets Manager that have ended, the SDK's own retries included |
    /// | `oauth_token_store_request_duration_seconds` | histogram | `operation` | how long they took |
    /// | `oauth_token_store_hits_total` | counter | | [`StoreStats::hits`] |
    /// | `oauth_token_store_misses_total` | counter | | [`StoreStats::misses`] |
    /// | `oauth_token_store_loads_total` | counter | | [`StoreStats::loads`] |
    /// | `oauth_token_store_load_failures_total` | counter | | [`StoreStats::load_failures`] |
    /// | `oauth_token_store_stale_reads_total` | counter | | [`StoreStats::stale_reads`] |
    /// | `oauth_token_store_backward_reads_total` | counter | | [`StoreStats::backward_reads`] |
    /// | `oauth_token_store_evictions_total` | counter | | [`StoreStats::evictions`] |
    /// | `oauth_token_store_exchanges_total` | counter | | [`StoreStats::exchanges`] |
    /// | `oauth_token_store_exchange_failures_total` | counter | | [`StoreStats::exchange_failures`] |
    /// | `oauth_token_store_cached_tokens` | gauge | | tokens in memory; for a while, those that this store has deleted count, too |
    ///
    /// `operation` is AWS's name, such as `GetSecretValue`. `outcome` is `ok`, `not_found` (also for what is looked up and
    /// is not there), `already_exists`, or an [`ErrorKind`](crate::ErrorKind) as [`as_str`](crate::ErrorKind::as_str) writes
    /// it. No name, label or description shows a token, a user, an id, a secret's name or the prefix. Where a process has
    /// several stores, [`metrics_name`](SecretsManagerTokenStoreBuilder::metrics_name) tells them apart by a label `store`.
    #[cfg(feature = "metrics")]
    pub fn record_metrics(&self) {
        self.storage.service.meter.counted(&self.stats(), self.storage.cache.count());
    }

    /// The token that is meant, if it is in memory.
    fn known(&self, partial: &OAuthToken) -> Option<Arc<OAuthToken>> {
        let plan = LookupPlan::of(partial);
        let key = plan.keys().next()?;
        let token = self.storage.cache.get(&key)?;
        // What is not clearly a hit, the whole lookup decides.
        plan.find_hit(key, [&*token]).ok()??;
        Some(token)
    }

    /// A find by one key alone. Not async, for what it is called with would be kept, and moved, in the future.
    fn find_by<'a>(
        &'a self,
        key: LookupKey<'a>,
        operation: &'static str,
    ) -> Either<Ready<FoundToken>, BoxFuture<'a, FoundToken>> {
        if let Some(token) = self.storage.cache.get(&key) {
            return Either::Left(ready(Ok(Some(token))));
        }
        match LookupPlan::by(key) {
            Ok(plan) => Either::Right(self.look_up(operation, plan)),
            Err(error) => Either::Left(ready(Err(error))),
        }
    }

    /// Apart and boxed, so that the way to what is in memory stays short.
    fn look_up<'a>(&'a self, operation: &'static str, plan: LookupPlan<'a>) -> BoxFuture<'a, FoundToken> {
        let look_up = async move {
            let record = self.storage.look_up(&plan, Purpose::Find(Demand::Cached)).await?;
            Ok(record.map(|record| record.token))
        };
        Box::pin(look_up.instrument(self.span(operation)))
    }
}

#[async_trait]
impl TokenStore for SecretsManagerTokenStore {
    async fn find_token(&self, partial: &OAuthToken) -> Result<Option<Arc<OAuthToken>>, StoreError> {
        Self::find_token(self, partial).await
    }

    async fn save_token(&self, token: &OAuthToken) -> Result<Arc<OAuthToken>, StoreError> {
        let saved = compare_and_swap::save(&self.storage, token).instrument(self.span("save_token")).await;
        saved.map(|record| record.token)
    }

    async fn delete_token(&self, id: &TokenId) -> Result<(), StoreError> {
        delete::delete(&self.storage, id).instrument(self.span("delete_token")).await
    }

    async fn get_tokens(&self) -> Result<Vec<Arc<OAuthToken>>, StoreError> {
        let items: Vec<_> = self.tokens().collect().instrument(self.span("get_tokens")).await;
        items.into_iter().collect()
    }

    async fn delete_tokens(&self) -> Result<(), StoreError> {
        delete::delete_all(&self.storage).instrument(self.span("delete_tokens")).await
    }

    async fn find_token_by_id(&self, id: &TokenId) -> Result<Option<Arc<OAuthToken>>, StoreError> {
        Self::find_token_by_id(self, id).await
    }
}

impl fmt::Debug for SecretsManagerTokenStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretsManagerTokenStore")
            .field("prefix", &self.storage.prefix.as_str())
            .field("settings", &self.storage.settings)
            .field("cache", self.storage.cache.settings())
            .finish_non_exhaustive()
    }
}
