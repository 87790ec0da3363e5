//! The conformance kit on the embedded backend.

use std::sync::Arc;
use std::time::Duration;

use oauth_token_store::conformance::{self, FreshEachTime, InTurn};
use oauth_token_store::embedded::EmbeddedSecretsManager;
use oauth_token_store::{SecretsManagerTokenStore, TokenStore};

use crate::support::{PREFIX, cached, new, new_cached, store_on};

#[tokio::test(start_paused = true)]
async fn one_store_keeps_every_rule() {
    conformance::check_all(|| async { new().await.1 }).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_cached_store_keeps_every_rule() {
    conformance::check_all(|| async { new_cached().await.1 }).await.unwrap();
}

/// With the cache on, no rule is about more than one process; a time to live that is over in no time shows the rest.
#[tokio::test(start_paused = true)]
async fn one_store_with_a_cache_of_a_moment_and_of_one_place_keeps_every_rule() {
    conformance::check_all(|| async {
        let client = EmbeddedSecretsManager::new().client();
        let builder = cached(client).time_to_live(Duration::from_millis(1)).max_capacity(1);
        builder.build().await.expect("a store")
    })
    .await
    .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_fresh_store_for_each_step_keeps_every_rule() {
    conformance::check_all(|| async {
        let backend = EmbeddedSecretsManager::new();
        FreshEachTime::new(move || {
            let backend = backend.clone();
            async move { store_on(&backend).await }
        })
    })
    .await
    .unwrap();
}

#[tokio::test(start_paused = true)]
async fn two_stores_in_turn_keep_every_rule() {
    conformance::check_all(|| async {
        let backend = EmbeddedSecretsManager::new();
        InTurn::new([store_on(&backend).await, store_on(&backend).await])
    })
    .await
    .unwrap();
}

#[tokio::test(start_paused = true)]
async fn without_tag_search_every_other_rule_is_kept() {
    let rules = conformance::RULES.iter().filter(|rule| !rule.needs_search());
    conformance::check(rules, || async {
        let client = EmbeddedSecretsManager::new().client();
        let builder = SecretsManagerTokenStore::builder().prefix(PREFIX).client(client).tag_search(false);
        Arc::new(builder.build().await.expect("a store")) as Arc<dyn TokenStore>
    })
    .await
    .unwrap();
}
