//! The model store keeps every rule, alone, shared by several processes, and through every pointer.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use oauth_token_store::conformance::{self, FreshEachTime, InTurn, RULES};
use oauth_token_store::{MemoryTokenStore, OAuthToken, TokenStore, TokenStoreExt};

#[tokio::test]
async fn the_memory_store_keeps_every_rule() {
    conformance::check_all(|| async { MemoryTokenStore::new() }).await.unwrap();
}

#[tokio::test]
async fn two_stores_over_one_place_keep_every_rule() {
    conformance::check_all(|| async {
        let place = Arc::new(MemoryTokenStore::new());
        InTurn::new([Arc::clone(&place), place])
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_fresh_store_for_each_operation_keeps_every_rule() {
    conformance::check_all(|| async {
        let place = Arc::new(MemoryTokenStore::new());
        FreshEachTime::new(move || std::future::ready(Arc::clone(&place)))
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn every_pointer_to_a_store_is_a_store() {
    conformance::check_all(|| async { Box::new(MemoryTokenStore::new()) }).await.unwrap();
    conformance::check_all(|| async { Arc::new(MemoryTokenStore::new()) as Arc<dyn TokenStore> })
        .await
        .unwrap();
    conformance::check_all(|| async { Box::new(Arc::new(MemoryTokenStore::new())) as Box<dyn TokenStore> })
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_kit_runs_in_a_task_of_its_own() {
    let all = conformance::check_all(|| async { MemoryTokenStore::new() });
    tokio::spawn(all).await.unwrap().unwrap();
    let some = RULES.iter().filter(|rule| !rule.stores_many());
    let some = conformance::check(some, || async { MemoryTokenStore::new() });
    tokio::spawn(some).await.unwrap().unwrap();
}

#[tokio::test]
async fn each_store_is_asked_in_its_turn() {
    let stores = [(); 3].map(|()| Arc::new(MemoryTokenStore::new()));
    let in_turn = InTurn::new(stores.clone());
    for number in 0..9 {
        let token = OAuthToken::builder().access_token(format!("a-{number}"));
        in_turn.save_token(&token.build().unwrap()).await.unwrap();
    }
    for store in stores {
        assert_eq!(store.get_tokens().await.unwrap().len(), 3);
    }
}

/// Otherwise one store would do all the saves of a rule that alternates, and the other one all the finds.
#[tokio::test]
async fn of_two_stores_both_save_and_both_find() {
    let stores = [(); 2].map(|()| Arc::new(MemoryTokenStore::new()));
    let in_turn = InTurn::new(stores.clone());
    for number in 0..8 {
        let user = format!("user-{number}");
        let token = OAuthToken::builder().user_name(&user).access_token("a");
        in_turn.save_token(&token.build().unwrap()).await.unwrap();
        in_turn.find_by_user(&user).await.unwrap();
    }
    for store in stores {
        assert_eq!(store.get_tokens().await.unwrap().len(), 4);
    }
}

#[tokio::test]
async fn a_fresh_store_is_made_for_each_operation() {
    let made = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&made);
    let fresh = FreshEachTime::new(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        std::future::ready(MemoryTokenStore::new())
    });
    let token = OAuthToken::builder().user_name("bob").access_token("a");
    let saved = fresh.save_token(&token.build().unwrap()).await.unwrap();
    assert_eq!(fresh.find_by_user("bob").await.unwrap(), None);
    let id = saved.id().unwrap();
    assert_eq!(fresh.find_token_by_id(id).await.unwrap(), None);
    fresh.delete_token(id).await.unwrap();
    assert!(fresh.get_tokens().await.unwrap().is_empty());
    fresh.delete_tokens().await.unwrap();
    assert_eq!(made.load(Ordering::Relaxed), 6);
}

/// Somebody may hand the kit a store with tokens in it by mistake.
#[tokio::test]
async fn a_store_that_is_not_empty_is_left_alone() {
    let store = Arc::new(MemoryTokenStore::new());
    let token = OAuthToken::builder().user_name("bob").refresh_token("r");
    let bob = store.save_token(&token.build().unwrap()).await.unwrap();
    let broken = conformance::check_all(|| async { Arc::clone(&store) }).await.unwrap_err();
    assert_eq!(broken.iter().count(), RULES.len());
    assert!(broken.to_string().contains("expected an empty store"));
    assert_eq!(store.get_tokens().await.unwrap(), [bob]);
}

#[tokio::test]
async fn what_the_rules_saved_is_deleted_afterwards() {
    let store = Arc::new(MemoryTokenStore::new());
    conformance::check_all(|| async { Arc::clone(&store) }).await.unwrap();
    assert!(store.get_tokens().await.unwrap().is_empty());
}

#[test]
fn every_rule_has_a_name_of_its_own_and_a_description() {
    let names: HashSet<&str> = RULES.iter().map(|rule| rule.name()).collect();
    assert_eq!(names.len(), RULES.len());
    for rule in RULES {
        assert!(rule.description().len() > 20, "{}", rule.name());
    }
}

#[test]
fn the_kit_can_be_shared_between_threads() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<conformance::Rule>();
    shared::<conformance::Broken>();
    shared::<conformance::BrokenRules>();
    shared::<InTurn<MemoryTokenStore>>();
}
