//! Stores made of stores, so that what holds in one process is also put to the test across several.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;

use crate::contract::{OAuthToken, StoreError, TokenId, TokenStore};

/// Several stores over one place, used in turn, as several processes would: each operation goes to another one.
///
/// A store that answers from a cache may lawfully miss for a while what another one wrote: turn its cache off here.
///
/// ```
/// use std::sync::Arc;
/// use oauth_token_store::{MemoryTokenStore, conformance::{self, InTurn}};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// conformance::check_all(|| async {
///     let place = Arc::new(MemoryTokenStore::new());
///     InTurn::new([Arc::clone(&place), place])
/// })
/// .await?;
/// # Ok::<(), conformance::BrokenRules>(()) }).unwrap();
/// ```
pub struct InTurn<S> {
    stores: Box<[S]>,
    operations: AtomicUsize,
}

impl<S: TokenStore> InTurn<S> {
    /// These stores in turn; at least one, which is checked when this is compiled.
    pub fn new<const N: usize>(stores: [S; N]) -> Self {
        const { assert!(N > 0, "there must be a store to ask") };
        Self { stores: stores.into(), operations: AtomicUsize::new(0) }
    }

    fn next(&self) -> &S {
        let count = self.stores.len();
        let operation = self.operations.fetch_add(1, Ordering::Relaxed);
        // Each round begins one store later: else, of two stores, one would do all saves and the other all finds.
        &self.stores[(operation + operation / count) % count]
    }
}

#[async_trait]
impl<S: TokenStore> TokenStore for InTurn<S> {
    async fn find_token(&self, partial: &OAuthToken) -> Result<Option<Arc<OAuthToken>>, StoreError> {
        self.next().find_token(partial).await
    }

    async fn save_token(&self, token: &OAuthToken) -> Result<Arc<OAuthToken>, StoreError> {
        self.next().save_token(token).await
    }

    async fn delete_token(&self, id: &TokenId) -> Result<(), StoreError> {
        self.next().delete_token(id).await
    }

    async fn get_tokens(&self) -> Result<Vec<Arc<OAuthToken>>, StoreError> {
        self.next().get_tokens().await
    }

    async fn delete_tokens(&self) -> Result<(), StoreError> {
        self.next().delete_tokens().await
    }

    async fn find_token_by_id(&self, id: &TokenId) -> Result<Option<Arc<OAuthToken>>, StoreError> {
        self.next().find_token_by_id(id).await
    }
}

impl<S> fmt::Debug for InTurn<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InTurn").field("stores", &self.stores.len()).finish_non_exhaustive()
    }
}

/// A new store over the same place for every operation, as if the process had been restarted before each.
///
/// So nothing that a store only remembers can answer for what it should have stored.
///
/// ```
/// use std::sync::Arc;
/// use oauth_token_store::{MemoryTokenStore, conformance::{self, FreshEachTime}};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// conformance::check_all(|| async {
///     let place = Arc::new(MemoryTokenStore::new());
///     FreshEachTime::new(move || std::future::ready(Arc::clone(&place)))
/// })
/// .await?;
/// # Ok::<(), conformance::BrokenRules>(()) }).unwrap();
/// ```
pub struct FreshEachTime<F> {
    new_store: F,
}

impl<F> FreshEachTime<F> {
    /// Stores made by `new_store`; all of them must stand for the same place.
    pub fn new(new_store: F) -> Self {
        Self { new_store }
    }
}

#[async_trait]
impl<S, F, Fut> TokenStore for FreshEachTime<F>
where
    S: TokenStore,
    F: Fn() -> Fut + Send + Sync,
    Fut: Future<Output = S> + Send,
{
    async fn find_token(&self, partial: &OAuthToken) -> Result<Option<Arc<OAuthToken>>, StoreError> {
        (self.new_store)().await.find_token(partial).await
    }

    async fn save_token(&self, token: &OAuthToken) -> Result<Arc<OAuthToken>, StoreError> {
        (self.new_store)().await.save_token(token).await
    }

    async fn delete_token(&self, id: &TokenId) -> Result<(), StoreError> {
        (self.new_store)().await.delete_token(id).await
    }

    async fn get_tokens(&self) -> Result<Vec<Arc<OAuthToken>>, StoreError> {
        (self.new_store)().await.get_tokens().await
    }

    async fn delete_tokens(&self) -> Result<(), StoreError> {
        (self.new_store)().await.delete_tokens().await
    }

    async fn find_token_by_id(&self, id: &TokenId) -> Result<Option<Arc<OAuthToken>>, StoreError> {
        (self.new_store)().await.find_token_by_id(id).await
    }
}

impl<F> fmt::Debug for FreshEachTime<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FreshEachTime").finish_non_exhaustive()
    }
}
