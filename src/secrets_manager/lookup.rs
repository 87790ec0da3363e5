//! From a partial token to the record it means: by name where a name answers, else by tag.

use std::sync::Arc;

use futures_util::future::Either;
use futures_util::{StreamExt, stream};

use crate::cache::Demand;
use crate::contract::{Locator, LocatorKind, LookupKey, LookupPlan, OAuthToken, StoreError, TokenId};
use crate::record::Record;

use super::storage::{Storage, locator_of};
use super::tags;

/// How many candidates of a search are read at once.
const READS_AT_ONCE: usize = 4;

/// What a hit is wanted for.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    Find(Demand),
    /// What is to be changed is read from the service, and what counts as a hit is stricter.
    Write,
}

impl Purpose {
    fn hit(
        self,
        plan: &LookupPlan<'_>,
        key: LookupKey<'_>,
        records: &[Record],
    ) -> Result<Option<Record>, StoreError> {
        let hit = match self {
            Self::Find(_) => plan.find_hit(key, records)?,
            Self::Write => plan.save_hit(key, records)?,
        };
        Ok(hit.cloned())
    }
}

impl Storage {
    /// The record that is meant.
    pub(super) async fn look_up(
        self: &Arc<Self>,
        plan: &LookupPlan<'_>,
        purpose: Purpose,
    ) -> Result<Option<Record>, StoreError> {
        if let Some(hit) = self.look_up_where_found(plan, purpose).await? {
            return Ok(Some(hit));
        }
        let mut last_read: Option<(Locator, Option<Record>)> = None;
        for key in plan.keys() {
            let locator = key.locator();
            // A store-assigned id and its user name the same secret.
            let named = match last_read.take() {
                Some((read, record)) if read == locator => record,
                _ => self.read_for(purpose, locator).await?,
            };
            if let Some(hit) = purpose.hit(plan, key, named.as_slice())? {
                return Ok(Some(hit));
            }
            if self.is_searched(&key)
                && let Some(hit) = self.search_for(key, named.clone(), plan, purpose).await?
            {
                return Ok(Some(hit));
            }
            last_read = Some((locator, named));
        }
        Ok(None)
    }

    /// The token of this id, read again whatever is known of it.
    pub(super) async fn reload(self: &Arc<Self>, id: &TokenId) -> Result<Option<Record>, StoreError> {
        // Where an own id has led before, a search is saved.
        if !id.is_store_assigned()
            && let Some(locator) = self.cache.locator_of(id)
            && let Some(record) = self.read_cached(locator, Demand::Reload).await?
            && LookupKey::Id(id).is_held_by(&record.token)
        {
            return Ok(Some(record));
        }
        self.look_up(&LookupPlan::by(LookupKey::Id(id))?, Purpose::Find(Demand::Reload)).await
    }

    /// What a save of this token may be based on, if that is known without a request.
    ///
    /// Only a clear answer counts: whatever would be refused, or be missing for a token that was found, is looked up.
    pub(super) fn known_base(&self, token: &OAuthToken) -> Option<Option<Record>> {
        let plan = LookupPlan::of(token);
        if let Some((own_id, found_under)) = found_with_an_own_id(token)
            && let Some(record) = self.cache.base(&LookupKey::Id(&found_under.into()), false)?
        {
            return plan.save_hit(LookupKey::Id(own_id), [record]).ok().flatten().map(Some);
        }
        for key in plan.keys() {
            if let Some(record) = self.cache.base(&key, self.is_searched(&key))? {
                return plan.save_hit(key, [record]).ok().flatten().map(Some);
            }
        }
        token.new_record().is_ok().then_some(None)
    }

    /// A found token with an id of the application's own knows its record's name, which that id may not give.
    async fn look_up_where_found(
        self: &Arc<Self>,
        plan: &LookupPlan<'_>,
        purpose: Purpose,
    ) -> Result<Option<Record>, StoreError> {
        let Some((own_id, found_under)) = plan.token().and_then(found_with_an_own_id) else {
            return Ok(None);
        };
        match self.read_for(purpose, found_under).await? {
            Some(record) => purpose.hit(plan, LookupKey::Id(own_id), &[record]),
            None => Ok(None),
        }
    }

    /// The record that holds this key, or another one of which its name tells nothing.
    async fn search_for(
        self: &Arc<Self>,
        key: LookupKey<'_>,
        named: Option<Record>,
        plan: &LookupPlan<'_>,
        purpose: Purpose,
    ) -> Result<Option<Record>, StoreError> {
        let mut candidates = Vec::from_iter(named);
        // Boxed: few lookups come here, and all would carry its future.
        for record in Box::pin(self.search(purpose, key)).await? {
            candidates.push(record?);
        }
        let hit = purpose.hit(plan, key, &candidates)?;
        if let (Purpose::Find(_), Some(record)) = (purpose, &hit)
            && let Some(locator) = locator_of(&record.token)
        {
            self.cache.resolve(&key, locator, record);
        }
        Ok(hit)
    }

    /// The records that a search by this key leads to, in the order of their names, except the one that the key itself
    /// names. Best effort but for what this process wrote: ListSecrets lags behind by up to five minutes.
    pub(super) async fn search(
        self: &Arc<Self>,
        purpose: Purpose,
        key: LookupKey<'_>,
    ) -> Result<Vec<Result<Record, StoreError>>, StoreError> {
        let (storage, kind, locator) = (Arc::clone(self), key.kind(), key.locator());
        let list = move || {
            let storage = Arc::clone(&storage);
            async move { storage.locators_tagged(kind, &locator).await }
        };
        let (locators, asked) = match purpose {
            Purpose::Find(Demand::Cached) => {
                let found = self.cache.search(locator, list).await?;
                (found.locators.to_vec(), Some(found.asked))
            }
            _ => (list().await?, None),
        };
        let reads = stream::iter(locators).map(|locator| async move {
            // The search may know more than memory did: another process has saved it since.
            let is_outdated = asked.is_some_and(|asked| self.cache.was_known_without(&locator, &key, &asked));
            let purpose = if is_outdated { Purpose::Find(Demand::Current) } else { purpose };
            self.read_for(purpose, locator).await.transpose()
        });
        Ok(reads.buffered(READS_AT_ONCE).filter_map(|record| async { record }).collect().await)
    }

    /// Whether a record of another name than the key's may hold it, and that is looked for.
    fn is_searched(&self, key: &LookupKey<'_>) -> bool {
        key.is_searchable() && self.searches_by(key.kind())
    }

    fn read_for(
        self: &Arc<Self>,
        purpose: Purpose,
        locator: Locator,
    ) -> impl Future<Output = Result<Option<Record>, StoreError>> + Send {
        match purpose {
            Purpose::Find(demand) => Either::Left(self.read_cached(locator, demand)),
            // Boxed, so that a find's future is smaller.
            Purpose::Write => Either::Right(Box::pin(async move { self.read(&locator).await })),
        }
    }

    async fn locators_tagged(&self, kind: LocatorKind, key: &Locator) -> Result<Vec<Locator>, StoreError> {
        let (tag, fingerprint) = (tags::key(kind), key.fingerprint());
        let mut locators = self.recent_writes.holding(key);
        let mut next = None;
        loop {
            let page = self.service.list(&self.prefix.name_filter(), Some((&tag, fingerprint)), next).await;
            let page = page.map_err(|error| error.into_store_error(None))?;
            // AWS filters by prefix of key and of value, each for itself.
            let exact = page.secrets.iter().filter(|listed| {
                listed.tags.iter().any(|(tag_key, value)| *tag_key == tag && value == fingerprint)
            });
            locators.extend(exact.filter_map(|listed| self.prefix.locator_in(&listed.name)));
            next = page.next;
            if next.is_none() {
                break;
            }
        }
        locators.retain(|locator| locator != key);
        locators.sort_unstable();
        locators.dedup();
        Ok(locators)
    }
}

/// The id of a found token, if it is the application's own, and what its record is named.
fn found_with_an_own_id(token: &OAuthToken) -> Option<(&TokenId, Locator)> {
    let own_id = token.id().filter(|id| !id.is_store_assigned())?;
    token.found().filter(|found| found.id.as_ref() == Some(own_id))?;
    Some((own_id, locator_of(token)?))
}
