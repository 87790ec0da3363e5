//! Deletion: always without recovery, never decided from anything remembered.

use std::sync::Arc;
use std::time::SystemTime;

use futures_util::{StreamExt, stream};
use tokio::time::Instant;

use crate::cache::Change;
use crate::contract::{ErrorKind, Locator, LocatorKind, LookupKey, StoreError, TokenId};

use super::listing::locators;
use super::lookup::Purpose;
use super::pace::Patience;
use super::storage::{Backoff, Storage, carry_to_end};

/// How many deletions of all tokens are under way at once; their pace is another matter.
const DELETIONS_AT_ONCE: usize = 8;

/// Deletes the token of this id: one request for a store-assigned id, else one more and a search.
pub(super) async fn delete(storage: &Arc<Storage>, id: &TokenId) -> Result<(), StoreError> {
    let (storage, id) = (Arc::clone(storage), id.clone());
    carry_to_end(async move {
        let key = LookupKey::Id(&id);
        let locator = key.locator();
        let deadline = storage.write_deadline();
        storage.delete_by_name(&locator, deadline, Throttled::AskedAgain).await?;
        if id.is_store_assigned() || !storage.searches_by(LocatorKind::OwnId) {
            return Ok(());
        }
        // One record that cannot be read keeps no other from being deleted.
        let mut outcome = Ok(());
        for record in storage.search(Purpose::Write, key).await? {
            let deleted = match record {
                // By ARN: what has been created anew since it was read is not meant.
                Ok(record) if key.is_held_by(&record.token) => {
                    let secret =
                        Doomed::Secret { arn: &record.version.arn, there_at: record.version.created };
                    storage.delete_secret(secret, &record.name, deadline, Throttled::AskedAgain).await
                }
                Ok(_) => Ok(()),
                Err(error) => Err(error),
            };
            outcome = outcome.and(deleted);
        }
        outcome
    })
    .await
}

/// Deletes every record under the prefix; goes on after an error and returns the first one.
pub(super) async fn delete_all(storage: &Arc<Storage>) -> Result<(), StoreError> {
    let storage = Arc::clone(storage);
    carry_to_end(async move {
        // Listed to the end first: deleting while paging could move secrets past the page.
        let listed: Vec<_> = locators(Arc::clone(&storage)).collect().await;
        let patience = Patience::default();
        let deletions = stream::iter(listed).map(|locator| {
            let (storage, patience) = (&storage, &patience);
            async move {
                let locator = locator?;
                let request = || storage.delete_by_name(&locator, storage.write_deadline(), Throttled::Told);
                let deletion = storage.paces.delete.run(request);
                patience.unless_exhausted(deletion).await
            }
        });
        let outcomes: Vec<Result<(), StoreError>> =
            deletions.buffer_unordered(DELETIONS_AT_ONCE).collect().await;
        outcomes.into_iter().collect()
    })
    .await
}

/// What becomes of a deletion that is throttled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Throttled {
    AskedAgain,
    /// Whoever asks for many decides when to ask again.
    Told,
}

/// What is to be deleted of what has a name.
#[derive(Clone, Copy)]
pub(super) enum Doomed<'a> {
    Whatever,
    /// The secret of this ARN alone, which was there at this time by the service's clock, if that is known.
    Secret {
        arn: &'a str,
        there_at: Option<SystemTime>,
    },
}

impl Storage {
    async fn delete_by_name(
        &self,
        locator: &Locator,
        deadline: Instant,
        throttled: Throttled,
    ) -> Result<(), StoreError> {
        let name = self.prefix.secret_name(locator);
        self.delete_secret(Doomed::Whatever, &name, deadline, throttled).await
    }

    /// Deletes whatever has this name, or one secret that has it. A lost answer is followed by the same request:
    /// until there is one, the deletion has not ended, and a login saved meanwhile under the same name may come before it.
    pub(super) async fn delete_secret(
        &self,
        doomed: Doomed<'_>,
        name: &str,
        deadline: Instant,
        throttled: Throttled,
    ) -> Result<(), StoreError> {
        let began = self.recent_writes.now();
        let locator = self.prefix.locator_in(name);
        let change = locator.map(|locator| Change::begin(&self.cache, locator));
        let mut backoff = Backoff::new();
        let mut may_have_happened = false;
        let (arn, there_at) = match doomed {
            Doomed::Whatever => (None, None),
            Doomed::Secret { arn, there_at } => (Some(arn), there_at),
        };
        let deleted_at = loop {
            let error = match self.service.delete(arn.unwrap_or(name)).await {
                Ok(deleted_at) => break deleted_at,
                Err(error) => error,
            };
            may_have_happened |= error.is_unanswered();
            let is_told = throttled == Throttled::Told && error.kind() == ErrorKind::Throttled;
            if is_told || !error.is_passing() {
                return Err(error.into_store_error(Some(name)));
            }
            if !backoff.wait_before(deadline).await {
                if !may_have_happened {
                    return Err(error.into_store_error(Some(name)));
                }
                let message = "the deletion was not answered, so it may have happened or not: delete again";
                return Err(StoreError::new(ErrorKind::Unavailable, message)
                    .with_source(error)
                    .with_secret_name(name));
            }
            if throttled == Throttled::Told {
                // In bulk work each request takes its turn.
                self.paces.delete.turn().await;
            }
        };
        if let Some(change) = change {
            self.recent_writes.forget(&change.locator(), arn, began);
            // Of one secret the date of its deletion tells nothing of others that have had the name by then.
            change.deleted(arn, if arn.is_some() { there_at } else { deleted_at });
        }
        Ok(())
    }
}
