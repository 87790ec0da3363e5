//! From a partial token to the record it means: by name where a name answers, else by tag.

use futures_util::{StreamExt, stream};

use crate::contract::{Locator, LocatorKind, LookupKey, LookupPlan, OAuthToken, StoreError};

use super::record::Record;
use super::storage::{Storage, locator_of};
use super::tags;

/// How many candidates of a search are read at once.
const READS_AT_ONCE: usize = 4;

/// What a hit is wanted for: a save is stricter.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    Find,
    Save,
}

impl Purpose {
    fn hit(
        self,
        plan: &LookupPlan<'_>,
        key: LookupKey<'_>,
        records: &[Record],
    ) -> Result<Option<Record>, StoreError> {
        let hit = match self {
            Self::Find => plan.find_hit(key, records)?,
            Self::Save => plan.save_hit(key, records)?,
        };
        Ok(hit.cloned())
    }
}

impl Storage {
    /// The record that a partial token stands for.
    pub(super) async fn look_up(
        &self,
        token: &OAuthToken,
        purpose: Purpose,
    ) -> Result<Option<Record>, StoreError> {
        let plan = LookupPlan::of(token);
        if let Some(hit) = self.look_up_where_found(token, &plan, purpose).await? {
            return Ok(Some(hit));
        }
        let mut last_read: Option<(Locator, Option<Record>)> = None;
        for key in plan.keys() {
            let locator = key.locator();
            // A store-assigned id and its user name the same secret.
            let named = match last_read.take() {
                Some((read, record)) if read == locator => record,
                _ => self.read(&locator).await?,
            };
            if let Some(hit) = self.look_up_by(key, named.clone(), &plan, purpose).await? {
                return Ok(Some(hit));
            }
            last_read = Some((locator, named));
        }
        Ok(None)
    }

    /// A found token with an id of the application's own knows its record's name, which that id may not give.
    async fn look_up_where_found(
        &self,
        token: &OAuthToken,
        plan: &LookupPlan<'_>,
        purpose: Purpose,
    ) -> Result<Option<Record>, StoreError> {
        let own_id = token.id().filter(|id| !id.is_store_assigned());
        let found = token.found().filter(|found| found.id.as_ref() == own_id);
        match (own_id, found, locator_of(token)) {
            (Some(id), Some(_), Some(locator)) => match self.read(&locator).await? {
                Some(record) => purpose.hit(plan, LookupKey::Id(id), &[record]),
                None => Ok(None),
            },
            _ => Ok(None),
        }
    }

    async fn look_up_by(
        &self,
        key: LookupKey<'_>,
        named: Option<Record>,
        plan: &LookupPlan<'_>,
        purpose: Purpose,
    ) -> Result<Option<Record>, StoreError> {
        let mut candidates = Vec::from_iter(named);
        let hit = purpose.hit(plan, key, &candidates)?;
        if hit.is_some() || !key.is_searchable() || !self.searches_by(key.kind()) {
            return Ok(hit);
        }
        for record in self.search(key.kind(), &key.locator()).await? {
            candidates.push(record?);
        }
        purpose.hit(plan, key, &candidates)
    }

    /// Records that have this fingerprint in the tag of this kind, in the order of their names, except the one that
    /// the fingerprint itself names. Best effort: ListSecrets lags behind by up to five minutes.
    pub(super) async fn search(
        &self,
        kind: LocatorKind,
        named: &Locator,
    ) -> Result<Vec<Result<Record, StoreError>>, StoreError> {
        let mut locators = self.locators_tagged(&tags::key(kind), named.fingerprint()).await?;
        locators.retain(|locator| locator != named);
        locators.sort_unstable();
        let reads =
            stream::iter(locators).map(|locator| async move { self.read(&locator).await.transpose() });
        Ok(reads.buffered(READS_AT_ONCE).filter_map(|record| async { record }).collect().await)
    }

    async fn locators_tagged(&self, key: &str, value: &str) -> Result<Vec<Locator>, StoreError> {
        let mut locators = Vec::new();
        let mut next = None;
        loop {
            let page = self.service.list(&self.prefix.name_filter(), Some((key, value)), next).await;
            let page = page.map_err(|error| error.into_store_error(None))?;
            // AWS filters by prefix of key and of value, each for itself.
            let exact = page.secrets.iter().filter(|listed| {
                listed.tags.iter().any(|(tag_key, tag_value)| tag_key == key && tag_value == value)
            });
            locators.extend(exact.filter_map(|listed| self.prefix.locator_in(&listed.name)));
            next = page.next;
            if next.is_none() {
                return Ok(locators);
            }
        }
    }
}
