//! What a refresh needs of this store.

use std::sync::Arc;
use std::time::SystemTime;

use crate::cache::Demand;
use crate::contract::{ErrorKind, Locator, LookupKey, LookupPlan, OAuthToken, StoreError, TokenId};
use crate::record::Record;
use crate::refresh::{Records, Stored};

use super::compare_and_swap;
use super::lookup::Purpose;
use super::storage::{Storage, locator_of};

impl Records for Arc<Storage> {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + self.cache.now().wall()
    }

    async fn find(&self, partial: &OAuthToken) -> Result<Option<Stored>, StoreError> {
        Box::pin(self.look_up(&LookupPlan::of(partial), Purpose::Find(Demand::Cached)))
            .await?
            .map(stored)
            .transpose()
    }

    fn known(&self, locator: &Locator) -> Option<Arc<OAuthToken>> {
        self.cache.get(&LookupKey::Id(&TokenId::from(*locator)))
    }

    async fn re_read(&self, locator: &Locator) -> Result<Option<Stored>, StoreError> {
        self.read_cached(*locator, Demand::Current).await?.map(stored).transpose()
    }

    async fn save(&self, token: &OAuthToken, read: &Stored) -> Result<Stored, StoreError> {
        stored(compare_and_swap::save_read(self, token, Some(&read.record)).await?)
    }

    async fn save_over(&self, token: &OAuthToken, current: &Stored) -> Result<Option<Stored>, StoreError> {
        let saved = compare_and_swap::save_over(self, token, current.record.clone()).await?;
        saved.map(stored).transpose()
    }

    fn not_older(&self, stored: Stored) -> Option<Option<Arc<OAuthToken>>> {
        let newest = self.cache.not_older(&stored.locator, stored.record)?;
        Some(newest.map(|record| record.token))
    }
}

fn stored(record: Record) -> Result<Stored, StoreError> {
    let Some(locator) = locator_of(&record.token) else {
        return Err(StoreError::from(ErrorKind::Unexpected).with_secret_name(&*record.name));
    };
    Ok(Stored { locator, record })
}
