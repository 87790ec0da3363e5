//! One refresh of one record: read it again, exchange, save.

use std::error::Error;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::contract::{ErrorKind, OAuthToken, StoreError};
use crate::record::Version;

use super::RefreshError;
use super::counters::Counters;
use super::decision::{Reason, is_fresh, was_refreshed};
use super::exchanged::to_save;
use super::outcome::Outcome;
use super::records::{Records, Stored};
use super::unsaved::{Kept, Unsaved};

/// The caller's closure, of whatever type it was.
pub(super) type Exchange = Box<
    dyn FnOnce(Arc<OAuthToken>) -> BoxFuture<'static, Result<OAuthToken, Arc<dyn Error + Send + Sync>>>
        + Send,
>;

pub(super) fn erased<F, Fut, E>(exchange: F) -> Exchange
where
    F: FnOnce(Arc<OAuthToken>) -> Fut + Send + 'static,
    Fut: Future<Output = Result<OAuthToken, E>> + Send + 'static,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    Box::new(|current| {
        let exchange = exchange(current);
        Box::pin(async move { exchange.await.map_err(|error| Arc::from(error.into())) })
    })
}

/// A refresh under way, in a task of its own.
pub(super) struct Refresh<R> {
    pub(super) records: R,
    pub(super) counters: Arc<Counters>,
    pub(super) unsaved: Arc<Unsaved>,
    /// As it was found.
    pub(super) found: Stored,
    /// Why that is not good enough.
    pub(super) reason: Reason,
    pub(super) leeway: Duration,
}

/// Why there is no token.
struct Failure {
    error: RefreshError,
    /// The version that was to be exchanged, if it came to that.
    of: Option<Arc<Version>>,
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self { error: error.into(), of: None }
    }
}

impl Failure {
    fn of(current: &Stored) -> impl FnOnce(RefreshError) -> Self {
        let of = Some(Arc::clone(&current.record.version));
        |error| Self { error, of }
    }
}

impl<R: Records> Refresh<R> {
    pub(super) async fn run(self, exchange: Exchange) -> Outcome {
        let refreshed = self.refresh(exchange).await;
        let outcome = refreshed.unwrap_or_else(|Failure { error, of }| Outcome::Failed { error, of });
        self.report(&outcome);
        outcome
    }

    async fn refresh(&self, exchange: Exchange) -> Result<Outcome, Failure> {
        // The refresh before this one may have ended between the find and this one's beginning.
        if let Some(token) = self.records.known(&self.found.locator).filter(|token| self.is_fresh(token)) {
            return Ok(Outcome::FoundFresh(token));
        }
        // What was found may be older than what another process has stored since.
        let re_read = self.records.re_read(&self.found.locator).await;
        let Some(mut read) = re_read.map_err(|error| self.not_read(error))? else {
            return Ok(Outcome::Gone);
        };
        if self.is_fresh(&read.record.token) {
            return Ok(Outcome::FoundFresh(read.record.token));
        }
        let mut current = read.clone();
        if let Some(kept) = self.unsaved.take(&read) {
            match self.save_over(&read, &kept).await {
                Ok(Some(saved)) if self.is_fresh(&saved.record.token) => {
                    return Ok(Outcome::Exchanged(saved));
                }
                Ok(saved) => {
                    let is_overtaken = saved.is_none();
                    read = match self.records.re_read(&read.locator).await? {
                        // A replica that lags behind shows what was there before.
                        Some(now) => saved.filter(|saved| now.is_older_than(saved)).unwrap_or(now),
                        None => return Ok(Outcome::Gone),
                    };
                    if is_overtaken && kept.is_for(&read) {
                        // What was exchanged is spent.
                        let (exchanged, name) = (OAuthToken::clone(&kept.token), &read.record.name);
                        self.unsaved.put_back(kept);
                        let error = RefreshError::not_saved(ErrorKind::Contended.into(), exchanged, name);
                        return Err(Failure::of(&read)(error));
                    }
                    current = read.clone();
                }
                // Not to be saved, now or ever, and over by now: what follows it is of use all the same.
                Err(error) if Self::is_kept_after(&error) && !self.is_fresh(&kept.token) => {
                    // With what is left of the write, which may have landed.
                    current = current.with_token(error.token().cloned().unwrap_or(kept.token));
                }
                Err(error) => return Err(Failure::of(&read)(error)),
            }
            if self.is_fresh(&current.record.token) {
                return Ok(Outcome::FoundFresh(current.record.token));
            }
        }
        let attempt = self.counters.begin();
        match exchange(Arc::clone(&current.record.token)).await {
            Ok(given) => {
                attempt.succeeded();
                let saved = self.save(&read, &current, given).await;
                saved.map(Outcome::Exchanged).map_err(Failure::of(&current))
            }
            Err(error) => {
                drop(attempt);
                match self.refreshed_elsewhere(&current).await {
                    Some(token) => Ok(Outcome::ExchangedElsewhere(token)),
                    None => {
                        let error = RefreshError::not_exchanged(error, &current.record.name);
                        Err(Failure::of(&current)(error))
                    }
                }
            }
        }
    }

    /// The record cannot be read again. What an exchange of it gave and could not be saved is of use all the same.
    fn not_read(&self, error: StoreError) -> Failure {
        let kept = self.unsaved.of(&self.found).filter(|kept| error.is_retryable() && self.is_fresh(kept));
        let Some(kept) = kept else { return error.into() };
        let error = RefreshError::not_saved(error, OAuthToken::clone(&kept), &self.found.record.name);
        Failure::of(&self.found)(error)
    }

    /// Saves what an exchange of `current` gave to the record that was read. Whatever happens to the save, the token is not
    /// lost with it.
    async fn save(&self, read: &Stored, current: &Stored, given: OAuthToken) -> Result<Stored, RefreshError> {
        let current = &current.record.token;
        let save = |token: OAuthToken| async move { self.records.save(&token, read).await };
        self.save_by(read, current, current, given, save).await
    }

    /// Saves what an earlier exchange gave over the version that was read; `None` if somebody has written since, for then that
    /// may be the newer one.
    async fn save_over(&self, read: &Stored, kept: &Kept) -> Result<Option<Stored>, RefreshError> {
        let save = |token: OAuthToken| async move { self.records.save_over(&token, read).await };
        self.save_by(read, &kept.spent, &read.record.token, OAuthToken::clone(&kept.token), save).await
    }

    async fn save_by<T, S: Future<Output = Result<T, StoreError>>>(
        &self,
        read: &Stored,
        spent: &Arc<OAuthToken>,
        current: &OAuthToken,
        given: OAuthToken,
        save: impl FnOnce(OAuthToken) -> S,
    ) -> Result<T, RefreshError> {
        let name = &read.record.name;
        let token = match to_save(current, &given) {
            Ok(token) => token,
            Err(error) => {
                let error = error.with_secret_name(&**name);
                return Err(RefreshError::not_saved(error, given, name));
            }
        };
        // A client that the application brought runs its code in here.
        let saved = match AssertUnwindSafe(save(token.clone())).catch_unwind().await {
            Ok(saved) => saved,
            Err(_) => {
                let message = "the save panicked, so it may have landed or not";
                Err(StoreError::new(ErrorKind::Unexpected, message).with_secret_name(&**name))
            }
        };
        if saved.is_ok() {
            self.unsaved.forget(read);
        }
        saved.map_err(|error| {
            let error = RefreshError::not_saved(error, token, name);
            if let Some(token) = error.token().filter(|_| Self::is_kept_after(&error)) {
                self.unsaved.keep(read, spent, token);
            }
            error
        })
    }

    /// Whether what could not be saved may yet be.
    fn is_kept_after(error: &RefreshError) -> bool {
        let is_final = |error: &StoreError| matches!(error.kind(), ErrorKind::Deleted | ErrorKind::Conflict);
        !error.store_error().is_some_and(is_final)
    }

    /// What another process has stored, if its exchange is the reason why ours failed.
    async fn refreshed_elsewhere(&self, current: &Stored) -> Option<Arc<OAuthToken>> {
        // If it cannot be read, the error of the exchange says more than that of the read.
        let now = self.records.re_read(&current.locator).await.ok().flatten()?;
        was_refreshed(current, &now, self.records.now(), self.leeway).then_some(now.record.token)
    }

    fn is_fresh(&self, token: &OAuthToken) -> bool {
        is_fresh(token, self.records.now(), self.leeway)
    }

    fn report(&self, outcome: &Outcome) {
        let (secret, reason) = (&*self.found.record.name, self.reason.as_str());
        match outcome {
            Outcome::Gone | Outcome::FoundFresh(_) => {
                tracing::debug!(secret, reason, outcome = outcome.as_str(), "no refresh needed");
            }
            Outcome::Exchanged(_) | Outcome::ExchangedElsewhere(_) => {
                tracing::info!(secret, reason, outcome = outcome.as_str(), "refreshed");
            }
            Outcome::Failed { error, .. } => {
                let store_error = error.store_error().map(tracing::field::display);
                tracing::info!(secret, reason, outcome = outcome.as_str(), store_error, "{error}");
            }
        }
    }
}
