//! What the types can be used for; most of it is checked when this is compiled.

use std::fmt::{Debug, Display};
use std::sync::Arc;

use oauth_token_store::secrecy::SecretString;
use oauth_token_store::{
    ErrorKind, LookupKey, LookupPlan, MemoryTokenStore, OAuthToken, OAuthTokenBuilder, RefreshError,
    StoreError, TokenId, TokenResponseError, TokenStore, TokenStoreExt,
};

use crate::{built, token};

#[test]
fn everything_can_be_shared_between_threads() {
    fn shared<T: Send + Sync + Unpin + Debug + 'static>() {}
    shared::<OAuthToken>();
    shared::<OAuthTokenBuilder>();
    shared::<TokenId>();
    shared::<StoreError>();
    shared::<RefreshError>();
    shared::<ErrorKind>();
    shared::<TokenResponseError>();
    shared::<MemoryTokenStore>();
    shared::<LookupPlan<'static>>();
    shared::<LookupKey<'static>>();

    fn store<T: TokenStore + 'static>() {}
    store::<Box<dyn TokenStore>>();
    store::<Arc<dyn TokenStore>>();
    store::<Arc<Box<Arc<MemoryTokenStore>>>>();

    fn error<T: std::error::Error + Send + Sync + 'static>() {}
    error::<StoreError>();
    error::<RefreshError>();
    error::<TokenResponseError>();

    fn clonable<T: Clone>() {}
    clonable::<StoreError>();
    clonable::<RefreshError>();
}

/// Does not compile if the type has the trait: then there are two ways to fill in the `_`.
macro_rules! assert_not_impl {
    ($type:ty: $bound:path) => {{
        trait AmbiguousIfImplemented<A> {
            fn some() {}
        }
        impl<T: ?Sized> AmbiguousIfImplemented<()> for T {}
        struct Implemented;
        impl<T: ?Sized + $bound> AmbiguousIfImplemented<Implemented> for T {}
        <$type as AmbiguousIfImplemented<_>>::some()
    }};
}

#[test]
fn nothing_that_holds_a_secret_can_be_printed() {
    assert_not_impl!(OAuthToken: Display);
    assert_not_impl!(OAuthTokenBuilder: Display);
    assert_not_impl!(TokenId: Display);
    assert_not_impl!(LookupKey<'static>: Display);
    assert_not_impl!(LookupPlan<'static>: Display);
}

#[test]
fn the_futures_of_a_store_can_be_sent() {
    fn sendable<T: Send>(_: T) {}
    let store: Box<dyn TokenStore> = Box::new(MemoryTokenStore::new());
    let (token, id) = (built(token().user_name("bob")), TokenId::of_user("bob").unwrap());
    let secret = SecretString::from("r");
    sendable(store.find_token(&token));
    sendable(store.save_token(&token));
    sendable(store.delete_token(&id));
    sendable(store.get_tokens());
    sendable(store.delete_tokens());
    sendable(store.find_token_by_id(&id));
    sendable(store.find_by_user("bob"));
    sendable(store.find_by_refresh_token("c", &secret));
    sendable(store.find_by_grant_token("c", &secret));
    sendable(store.find_by_access_token(&secret));
}

#[tokio::test]
async fn the_short_lookups_ask_for_what_they_say() {
    let store: Arc<dyn TokenStore> = Arc::new(MemoryTokenStore::new());
    let full = token().user_name("bob").client_id("c").refresh_token("r").grant_token("g").access_token("a");
    let bob = Some(store.save_token(&built(full)).await.unwrap());
    let secret = SecretString::from;
    assert_eq!(store.find_by_user("bob").await.unwrap(), bob);
    assert_eq!(store.find_by_user("Bob").await.unwrap(), None);
    assert_eq!(store.find_by_refresh_token("c", &secret("r")).await.unwrap(), bob);
    assert_eq!(store.find_by_refresh_token("c", &secret("g")).await.unwrap(), None);
    assert_eq!(store.find_by_grant_token("c", &secret("g")).await.unwrap(), bob);
    assert_eq!(store.find_by_grant_token("d", &secret("g")).await.unwrap(), None);
    assert_eq!(store.find_by_access_token(&secret("a")).await.unwrap(), bob);
    assert_eq!(store.find_by_access_token(&secret("r")).await.unwrap(), None);
}

/// An empty argument names nobody, and a NUL is an error of the caller's.
#[tokio::test]
async fn the_short_lookups_refuse_what_the_builder_refuses() {
    let store = MemoryTokenStore::new();
    store.save_token(&built(token().user_name("bob").access_token("a"))).await.unwrap();
    assert_eq!(store.find_by_user("").await.unwrap(), None);
    assert_eq!(store.find_by_access_token(&SecretString::from("")).await.unwrap(), None);
    assert_eq!(store.find_by_refresh_token("", &SecretString::from("")).await.unwrap(), None);
    let error = store.find_by_user("\0").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}
