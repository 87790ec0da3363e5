//! The simplest correct store.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::contract::{ErrorKind, LookupKey, LookupPlan, OAuthToken, StoreError, TokenId, TokenStore};

/// Tokens in this process's memory, for unit tests of applications; gone when it is dropped.
///
/// It follows the same rules as [`SecretsManagerTokenStore`](crate::SecretsManagerTokenStore) and is the model
/// that one is compared with. Share it as an `Arc`.
///
/// ```
/// use oauth_token_store::{MemoryTokenStore, OAuthToken, TokenStore};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let store = MemoryTokenStore::new();
/// let saved = store.save_token(&OAuthToken::builder().user_name("bob").refresh_token("r").build()?).await?;
/// assert_eq!(store.find_token_by_id(saved.id().unwrap()).await?, Some(saved));
/// # Ok::<(), oauth_token_store::StoreError>(()) }).unwrap();
/// ```
#[derive(Default)]
pub struct MemoryTokenStore {
    records: Mutex<BTreeMap<TokenId, Arc<OAuthToken>>>,
}

impl MemoryTokenStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn records(&self) -> MutexGuard<'_, BTreeMap<TokenId, Arc<OAuthToken>>> {
        // Every change is a single insertion or removal, so a panic elsewhere leaves nothing half done.
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The record that the key names, then all others in the order of their names.
fn candidates(
    records: &BTreeMap<TokenId, Arc<OAuthToken>>,
    key: LookupKey<'_>,
) -> impl Iterator<Item = Arc<OAuthToken>> {
    let named = TokenId::from(key.locator());
    records.get(&named).cloned().into_iter().chain(records.values().cloned())
}

#[async_trait]
impl TokenStore for MemoryTokenStore {
    async fn find_token(&self, partial: &OAuthToken) -> Result<Option<Arc<OAuthToken>>, StoreError> {
        let records = self.records();
        let plan = LookupPlan::of(partial);
        for key in plan.keys() {
            if let Some(hit) = plan.find_hit(key, candidates(&records, key))? {
                return Ok(Some(hit));
            }
        }
        Ok(None)
    }

    async fn save_token(&self, token: &OAuthToken) -> Result<Arc<OAuthToken>, StoreError> {
        let mut records = self.records();
        let plan = LookupPlan::of(token);
        for key in plan.keys() {
            if let Some(stored) = plan.save_hit(key, candidates(&records, key))? {
                let Some(merged) = token.merge_into(&stored) else {
                    return Ok(stored);
                };
                return Ok(put(&mut records, merged));
            }
        }
        let record = token.new_record()?;
        if record.assigned_id().is_some_and(|id| records.contains_key(id)) {
            return Err(StoreError::new(
                ErrorKind::Conflict,
                "the record has rotated away from the token given: find it by its id or user and save that",
            ));
        }
        Ok(put(&mut records, record))
    }

    async fn delete_token(&self, id: &TokenId) -> Result<(), StoreError> {
        self.records().retain(|_, stored| !LookupKey::Id(id).is_held_by(stored));
        Ok(())
    }

    async fn get_tokens(&self) -> Result<Vec<Arc<OAuthToken>>, StoreError> {
        Ok(self.records().values().cloned().collect())
    }

    async fn delete_tokens(&self) -> Result<(), StoreError> {
        self.records().clear();
        Ok(())
    }

    async fn find_token_by_id(&self, id: &TokenId) -> Result<Option<Arc<OAuthToken>>, StoreError> {
        Ok(candidates(&self.records(), LookupKey::Id(id)).find(|stored| LookupKey::Id(id).is_held_by(stored)))
    }
}

fn put(records: &mut BTreeMap<TokenId, Arc<OAuthToken>>, record: OAuthToken) -> Arc<OAuthToken> {
    let record = Arc::new(record);
    if let Some(id) = record.assigned_id() {
        records.insert(id.clone(), Arc::clone(&record));
    }
    record
}

impl fmt::Debug for MemoryTokenStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryTokenStore").field("tokens", &self.records().len()).finish()
    }
}
