//! The conformance kit on the embedded backend.

use std::sync::Arc;

use oauth_token_store::conformance::{self, FreshEachTime, InTurn};
use oauth_token_store::embedded::EmbeddedSecretsManager;
use oauth_token_store::{SecretsManagerTokenStore, TokenStore};

use crate::support::{PREFIX, new, store_on};

#[tokio::test(start_paused = true)]
async fn one_store_keeps_every_rule() {
    conformance::check_all(|| async { new().await.1 }).await.unwrap();
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
