//! The six operations.

use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};

use super::{OAuthToken, StoreError, TokenId};

/// A place where OAuth tokens outlive the process.
///
/// The operations are those of the Zoho CRM SDKs' custom token persistence, in their strict reading: see
/// [`LookupPlan`](super::LookupPlan) for what a partial token stands for, and [`OAuthToken::merge_into`] and
/// [`OAuthToken::new_record`] for what a save writes. The `conformance` feature has functions that any
/// implementation can be run through; `examples/custom_store.rs` is one on a page.
///
/// Every future is `Send` and may be dropped at any point.
#[async_trait]
pub trait TokenStore: Send + Sync {
    /// The full token that a partly filled one stands for, or `None`.
    ///
    /// The argument is only asked with: none of its fields is mixed into the result.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`](super::ErrorKind::Conflict) if the hit is of another OAuth client than the
    /// `client_id` given, and what the store itself runs into.
    async fn find_token(&self, partial: &OAuthToken) -> Result<Option<Arc<OAuthToken>>, StoreError>;

    /// Inserts or updates; returns what is now stored, its id included.
    ///
    /// # Errors
    /// [`NoLookupKey`](super::ErrorKind::NoLookupKey), [`NothingToStore`](super::ErrorKind::NothingToStore),
    /// [`Conflict`](super::ErrorKind::Conflict), [`Deleted`](super::ErrorKind::Deleted), and what the store itself runs
    /// into. After a passing failure, save [`StoreError::token`] if there is one.
    async fn save_token(&self, token: &OAuthToken) -> Result<Arc<OAuthToken>, StoreError>;

    /// Deletes one token for good, without recovery. A missing one is not an error.
    ///
    /// An id of the application's own deletes every record that holds it.
    ///
    /// # Errors
    /// What the store itself runs into.
    async fn delete_token(&self, id: &TokenId) -> Result<(), StoreError>;

    /// All tokens of this store.
    ///
    /// # Errors
    /// The first error met; what could be read is then lost. A store may have a stream beside it, as
    /// [`SecretsManagerTokenStore::tokens`](crate::SecretsManagerTokenStore::tokens).
    async fn get_tokens(&self) -> Result<Vec<Arc<OAuthToken>>, StoreError>;

    /// Deletes all tokens of this store, and nothing that the store did not create.
    ///
    /// # Errors
    /// The first error met. One token that cannot be deleted keeps no other from it, a service that does not answer may.
    async fn delete_tokens(&self) -> Result<(), StoreError>;

    /// The token of this id, or `None`.
    ///
    /// # Errors
    /// What the store itself runs into.
    async fn find_token_by_id(&self, id: &TokenId) -> Result<Option<Arc<OAuthToken>>, StoreError>;
}

macro_rules! delegate {
    ($($pointer:ident)*) => {$(
        #[async_trait]
        impl<T: TokenStore + ?Sized> TokenStore for $pointer<T> {
            async fn find_token(&self, partial: &OAuthToken) -> Result<Option<Arc<OAuthToken>>, StoreError> {
                (**self).find_token(partial).await
            }

            async fn save_token(&self, token: &OAuthToken) -> Result<Arc<OAuthToken>, StoreError> {
                (**self).save_token(token).await
            }

            async fn delete_token(&self, id: &TokenId) -> Result<(), StoreError> {
                (**self).delete_token(id).await
            }

            async fn get_tokens(&self) -> Result<Vec<Arc<OAuthToken>>, StoreError> {
                (**self).get_tokens().await
            }

            async fn delete_tokens(&self) -> Result<(), StoreError> {
                (**self).delete_tokens().await
            }

            async fn find_token_by_id(&self, id: &TokenId) -> Result<Option<Arc<OAuthToken>>, StoreError> {
                (**self).find_token_by_id(id).await
            }
        }
    )*};
}

delegate!(Arc Box);

/// Lookups that read well, for every [`TokenStore`].
///
/// ```
/// use oauth_token_store::{MemoryTokenStore, OAuthToken, TokenStore, TokenStoreExt};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let store = MemoryTokenStore::new();
/// store.save_token(&OAuthToken::builder().user_name("bob").refresh_token("r").build()?).await?;
/// assert!(store.find_by_user("bob").await?.is_some());
/// assert!(store.find_by_user("Bob").await?.is_none());
/// # Ok::<(), oauth_token_store::StoreError>(()) }).unwrap();
/// ```
pub trait TokenStoreExt: TokenStore {
    /// The token of exactly this user.
    ///
    /// # Errors
    /// As [`TokenStore::find_token`].
    fn find_by_user(
        &self,
        user_name: &str,
    ) -> impl Future<Output = Result<Option<Arc<OAuthToken>>, StoreError>> + Send {
        let partial = OAuthToken::builder().user_name(user_name).build();
        async move { self.find_token(&partial?).await }
    }

    /// The token that holds this refresh token of this client.
    ///
    /// Where the record is not named by it, a store may have to search, and the search may lag behind.
    ///
    /// # Errors
    /// As [`TokenStore::find_token`].
    fn find_by_refresh_token(
        &self,
        client_id: &str,
        refresh_token: &SecretString,
    ) -> impl Future<Output = Result<Option<Arc<OAuthToken>>, StoreError>> + Send {
        let partial =
            OAuthToken::builder().client_id(client_id).refresh_token(refresh_token.expose_secret()).build();
        async move { self.find_token(&partial?).await }
    }

    /// The token that holds this grant token (authorization code) of this client.
    ///
    /// Where the record is not named by it, a store may have to search, and the search may lag behind.
    ///
    /// # Errors
    /// As [`TokenStore::find_token`].
    fn find_by_grant_token(
        &self,
        client_id: &str,
        grant_token: &SecretString,
    ) -> impl Future<Output = Result<Option<Arc<OAuthToken>>, StoreError>> + Send {
        let partial =
            OAuthToken::builder().client_id(client_id).grant_token(grant_token.expose_secret()).build();
        async move { self.find_token(&partial?).await }
    }

    /// The token that holds this access token.
    ///
    /// Where the record is not named by it, a store may have to search, and the search may lag behind.
    ///
    /// # Errors
    /// As [`TokenStore::find_token`].
    fn find_by_access_token(
        &self,
        access_token: &SecretString,
    ) -> impl Future<Output = Result<Option<Arc<OAuthToken>>, StoreError>> + Send {
        let partial = OAuthToken::builder().access_token(access_token.expose_secret()).build();
        async move { self.find_token(&partial?).await }
    }
}

impl<T: TokenStore + ?Sized> TokenStoreExt for T {}
