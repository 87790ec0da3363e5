//! The conformance kit, on stores that answer with what it did not ask for.

use std::sync::Arc;

use async_trait::async_trait;
use oauth_token_store::conformance::{self, FreshEachTime, InTurn, RULES};
use oauth_token_store::{ErrorKind, MemoryTokenStore, OAuthToken, StoreError, TokenId, TokenStore};

use crate::canaries::{EXTRA, EXTRA_NAME};
use crate::stage::{built, login};
use crate::watch::Watch;

/// Answers everything with the same token, which nobody has saved.
#[derive(Debug)]
struct Stuck;

/// With no other extra than those that the kit asks for: it names fields, as it says.
fn token() -> Arc<OAuthToken> {
    Arc::new(built(login().extra(EXTRA_NAME, "").extra("instance_url", EXTRA)))
}

#[async_trait]
impl TokenStore for Stuck {
    async fn find_token(&self, _: &OAuthToken) -> Result<Option<Arc<OAuthToken>>, StoreError> {
        Ok(Some(token()))
    }

    async fn save_token(&self, _: &OAuthToken) -> Result<Arc<OAuthToken>, StoreError> {
        Ok(token())
    }

    async fn delete_token(&self, _: &TokenId) -> Result<(), StoreError> {
        Ok(())
    }

    /// Empty, or no rule would begin.
    async fn get_tokens(&self) -> Result<Vec<Arc<OAuthToken>>, StoreError> {
        Ok(Vec::new())
    }

    async fn delete_tokens(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn find_token_by_id(&self, _: &TokenId) -> Result<Option<Arc<OAuthToken>>, StoreError> {
        Err(StoreError::new(ErrorKind::Conflict, "not now").with_token(token()))
    }
}

#[tokio::test]
async fn the_kit_quotes_no_token() {
    let watch = Watch::begin();
    let broken = conformance::check_all(|| async { Stuck }).await.expect_err("it keeps no rule");
    assert!(broken.iter().count() > RULES.len() / 2, "{broken}");
    watch.error("the kit", &broken);
    for rule in broken.iter() {
        watch.error("the kit", rule);
    }
    watch.look();
}

#[tokio::test]
async fn the_kit_shows_nothing_of_a_store_that_was_not_empty() {
    let watch = Watch::begin();
    let broken = conformance::check_all(full).await.expect_err("it was not empty");
    watch.error("the kit", &broken);
    watch.look();
}

#[tokio::test]
async fn stores_that_are_wrapped_show_nothing() {
    let mut watch = Watch::begin();
    let in_turn = InTurn::new([full().await, full().await]);
    crate::script::of_any_store(&mut watch, &in_turn).await;
    let shared = Arc::new(full().await);
    let fresh = FreshEachTime::new(move || {
        let shared = Arc::clone(&shared);
        async move { shared }
    });
    crate::script::of_any_store(&mut watch, &fresh).await;
    watch.look();
}

async fn full() -> MemoryTokenStore {
    let store = MemoryTokenStore::new();
    store.save_token(&built(login())).await.expect("saved");
    store
}
