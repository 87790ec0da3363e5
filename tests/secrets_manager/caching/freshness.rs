//! How long what is known counts, by two clocks.

use std::sync::Arc;
use std::time::Duration;

use oauth_token_store::TokenStore;
use oauth_token_store::embedded::{EmbeddedSecretsManager, Fault, Operation};

use super::scene::{Hands, SECOND, lookups, timed, timed_with};
use crate::support::{cost, extra, found, id_of, login, store_on, token};

const TIME_TO_LIVE: Duration = Duration::from_secs(300);

#[tokio::test(start_paused = true)]
async fn a_token_is_read_again_after_its_time_to_live_by_either_clock() {
    let clocks = [
        ("monotonic", Hands::pass_monotonic as fn(&Hands, Duration)),
        // A function that is frozen.
        ("wall", Hands::pass_wall),
    ];
    for (by, pass) in clocks {
        for lookup in lookups() {
            let backend = EmbeddedSecretsManager::new();
            let (hands, store) = timed(&backend).await;
            store_on(&backend).await.save_token(&lookup.first).await.expect("saved");
            store.find_token(&lookup.partial).await.expect("found").expect("there");
            // The jitter takes a tenth at most.
            pass(&hands, Duration::from_secs(269));
            let cost = cost!(backend, store.find_token(&lookup.partial)).1;
            assert_eq!(cost, "no requests", "{by}, {}", lookup.name);
            pass(&hands, Duration::from_secs(31));
            let cost = cost!(backend, store.find_token(&lookup.partial)).1;
            let expected =
                if lookup.by_search { "2 GetSecretValue, 1 ListSecrets" } else { "1 GetSecretValue" };
            assert_eq!(cost, expected, "{by}, {}", lookup.name);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_wall_clock_that_is_set_back_keeps_nothing_longer() {
    let backend = EmbeddedSecretsManager::new();
    let (hands, store) = timed(&backend).await;
    store.save_token(&login("bob")).await.expect("saved");
    hands.set_wall_back(Duration::from_secs(3600));
    hands.pass_monotonic(TIME_TO_LIVE);
    assert_eq!(cost!(backend, store.find_by_user("bob")).1, "1 GetSecretValue");
}

#[tokio::test(start_paused = true)]
async fn what_was_read_together_is_not_read_again_together() {
    fastrand::seed(7);
    let backend = EmbeddedSecretsManager::new();
    let (hands, store) = timed(&backend).await;
    let users: Vec<_> = (0..40).map(|n| n.to_string()).collect();
    for user in &users {
        store.save_token(&login(user)).await.expect("saved");
    }
    hands.pass_monotonic(Duration::from_secs(285));
    let before = store.stats();
    for user in &users {
        found(&store, user).await;
    }
    let loads = store.stats().loads - before.loads;
    assert!((1..40).contains(&loads), "{loads} of 40 were read again after 285 s");
    hands.pass_monotonic(Duration::from_secs(300));
    for user in &users {
        found(&store, user).await;
    }
    assert_eq!(store.stats().loads - before.loads, 40 + loads);
}

/// Its age begins when the request was sent: what was written since is not in the answer.
#[tokio::test(start_paused = true)]
async fn the_time_to_live_begins_when_the_read_is_sent() {
    let backend = EmbeddedSecretsManager::new();
    let store = crate::support::cached(backend.client()).time_to_live(SECOND).build().await.expect("a store");
    store_on(&backend).await.save_token(&login("bob")).await.expect("saved");
    backend.inject(Fault::latency(SECOND).on(Operation::GetSecretValue).times(1));
    found(&store, "bob").await;
    assert_eq!(cost!(backend, store.find_by_user("bob")).1, "1 GetSecretValue");
    backend.inject(Fault::latency(SECOND).on(Operation::PutSecretValue).times(1));
    store.save_token(&extra("bob", "x", "1")).await.expect("saved");
    assert_eq!(cost!(backend, store.find_by_user("bob")).1, "1 GetSecretValue");
    backend.inject(Fault::latency(SECOND).on(Operation::GetSecretValue).times(1));
    assert_eq!(store.find_by_user("nobody").await.expect("a miss"), None);
    assert_eq!(cost!(backend, store.find_by_user("nobody")).1, "1 GetSecretValue");
    // A save that finds nothing to write has read, too.
    tokio::time::sleep(SECOND).await;
    backend.inject(Fault::latency(SECOND).on(Operation::GetSecretValue).times(1));
    store.save_token(&extra("bob", "x", "1")).await.expect("as it is");
    assert_eq!(cost!(backend, store.find_by_user("bob")).1, "1 GetSecretValue");
}

#[tokio::test(start_paused = true)]
async fn a_miss_counts_for_a_second() {
    let clocks = [("monotonic", Hands::pass_monotonic as fn(&Hands, Duration)), ("wall", Hands::pass_wall)];
    for (by, pass) in clocks {
        for lookup in lookups() {
            let backend = EmbeddedSecretsManager::new();
            let (hands, store) = timed(&backend).await;
            let first = cost!(backend, store.find_token(&lookup.partial)).1;
            pass(&hands, Duration::from_millis(999));
            let cost = cost!(backend, store.find_token(&lookup.partial)).1;
            assert_eq!(cost, "no requests", "{by}, {}", lookup.name);
            pass(&hands, Duration::from_millis(1));
            let cost = cost!(backend, store.find_token(&lookup.partial)).1;
            assert_eq!(cost, first, "{by}, {}", lookup.name);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn another_process_s_login_is_found_when_the_miss_is_over() {
    for lookup in lookups() {
        let backend = EmbeddedSecretsManager::new();
        let (hands, store) = timed(&backend).await;
        assert_eq!(store.find_token(&lookup.partial).await.expect("a miss"), None);
        store_on(&backend).await.save_token(&lookup.first).await.expect("saved");
        assert_eq!(store.find_token(&lookup.partial).await.expect("a miss"), None, "{}", lookup.name);
        hands.pass_monotonic(SECOND);
        assert!(store.find_token(&lookup.partial).await.expect("found").is_some(), "{}", lookup.name);
    }
}

#[tokio::test(start_paused = true)]
async fn with_no_time_to_live_or_no_capacity_each_find_and_save_reads() {
    for by_capacity in [false, true] {
        for lookup in lookups() {
            let backend = EmbeddedSecretsManager::new();
            let (_, store) = timed_with(&backend, |builder| match by_capacity {
                true => builder.max_capacity(0),
                false => builder.time_to_live(Duration::ZERO),
            })
            .await;
            let miss = cost!(backend, store.find_token(&lookup.partial)).1;
            assert_eq!(cost!(backend, store.find_token(&lookup.partial)).1, miss, "{}", lookup.name);
            let (saved, cost) = cost!(backend, store.save_token(&lookup.first));
            assert!(cost.contains("GetSecretValue"), "{}", lookup.name);
            let hit = cost!(backend, store.find_token(&lookup.partial)).1;
            assert_eq!(cost!(backend, store.find_token(&lookup.partial)), (Some(saved.clone()), hit));
            let change =
                token().id(saved.assigned_id().expect("assigned")).scope("all").build().expect("valid");
            let cost = cost!(backend, store.save_token(&change)).1;
            assert_eq!(cost, "1 GetSecretValue, 1 PutSecretValue", "{}", lookup.name);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_expired_token_is_read_again_once_a_second() {
    let backend = EmbeddedSecretsManager::new();
    let (hands, store) = timed(&backend).await;
    let expiring = login("bob").to_builder().expiry_time(hands.in_future(Duration::from_secs(100)));
    store.save_token(&expiring.build().expect("valid")).await.expect("saved");
    hands.pass_wall(Duration::from_millis(94_999));
    assert_eq!(cost!(backend, store.find_by_user("bob")).1, "no requests");
    // Five seconds before it expires.
    hands.pass_wall(Duration::from_millis(1));
    assert_eq!(cost!(backend, store.find_by_user("bob")).1, "1 GetSecretValue");
    for pass in [Hands::pass_monotonic as fn(&Hands, Duration), Hands::pass_wall] {
        pass(&hands, Duration::from_millis(999));
        assert_eq!(cost!(backend, store.find_by_user("bob")).1, "no requests");
        pass(&hands, Duration::from_millis(1));
        assert_eq!(cost!(backend, store.find_by_user("bob")).1, "1 GetSecretValue");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_expired_is_found_refreshed_by_another_process() {
    for lookup in lookups() {
        let backend = EmbeddedSecretsManager::new();
        let (hands, store) = timed(&backend).await;
        let expiring = lookup.first.to_builder().expiry_time(hands.in_future(Duration::from_secs(60)));
        let other = store_on(&backend).await;
        let saved = other.save_token(&expiring.build().expect("valid")).await.expect("saved");
        store.find_token(&lookup.partial).await.expect("found").expect("there");
        let refreshed = saved.to_builder().expiry_time(hands.in_future(Duration::from_secs(3600)));
        let refreshed = other.save_token(&refreshed.build().expect("valid")).await.expect("saved");
        hands.pass_wall(Duration::from_secs(55));
        let found = store.find_token(&lookup.partial).await.expect("found");
        assert_eq!(found, Some(refreshed), "{}", lookup.name);
        hands.pass_wall(Duration::from_secs(200));
        let cost = cost!(backend, store.find_token(&lookup.partial)).1;
        assert_eq!(cost, "no requests", "{}", lookup.name);
    }
}

/// A refresh is a save over an expired token: it costs one Put all the same.
#[tokio::test(start_paused = true)]
async fn an_expired_token_is_the_base_of_a_save() {
    let backend = EmbeddedSecretsManager::new();
    let (hands, store) = timed(&backend).await;
    let expired = login("bob").to_builder().expiry_time(hands.in_future(SECOND)).build().expect("valid");
    store.save_token(&expired).await.expect("saved");
    hands.pass_wall(Duration::from_secs(60));
    let change = extra("bob", "x", "1");
    assert_eq!(cost!(backend, store.save_token(&change)).1, "1 PutSecretValue");
}

#[tokio::test(start_paused = true)]
async fn a_save_is_never_based_on_anything_older_than_the_time_to_live() {
    for pass in [Hands::pass_monotonic as fn(&Hands, Duration), Hands::pass_wall] {
        let backend = EmbeddedSecretsManager::new();
        let (hands, store) = timed(&backend).await;
        store.save_token(&login("bob")).await.expect("saved");
        pass(&hands, TIME_TO_LIVE);
        let change = extra("bob", "x", "1");
        assert_eq!(cost!(backend, store.save_token(&change)).1, "1 GetSecretValue, 1 PutSecretValue");
        store.delete_token(&id_of("bob")).await.expect("deleted");
        pass(&hands, SECOND);
        assert_eq!(cost!(backend, store.save_token(&login("bob"))).1, "1 GetSecretValue, 1 CreateSecret");
    }
}

/// What is served because the service fails is no base of a save either.
#[tokio::test(start_paused = true)]
async fn what_is_served_in_an_outage_is_no_base_of_a_save() {
    let backend = EmbeddedSecretsManager::new();
    let (hands, store) = timed(&backend).await;
    store.save_token(&login("bob")).await.expect("saved");
    hands.pass(TIME_TO_LIVE).await;
    let down = backend.inject(Fault::server_error().on(Operation::GetSecretValue));
    found(&store, "bob").await;
    backend.remove_fault(down);
    let change = extra("bob", "x", "1");
    assert_eq!(cost!(backend, store.save_token(&change)).1, "1 GetSecretValue, 1 PutSecretValue");
}

/// Lookups that are not searched, because the builder says so, miss without a search too.
#[tokio::test(start_paused = true)]
async fn a_save_after_a_miss_without_a_search_is_one_create() {
    let backend = EmbeddedSecretsManager::new();
    let (_, store) = timed_with(&backend, |builder| builder.tag_search(false)).await;
    let machine = token().id("7").access_token("m").build().expect("valid");
    assert_eq!(cost!(backend, store.find_token(&machine)), (None, "2 GetSecretValue".to_owned()));
    assert_eq!(cost!(backend, store.save_token(&machine)).1, "1 CreateSecret");
}

/// A version never changes, so its secrets are in memory once, however often it is read.
#[tokio::test(start_paused = true)]
async fn what_is_read_again_unchanged_is_the_token_that_was_known() {
    let backend = EmbeddedSecretsManager::new();
    let (hands, store) = timed(&backend).await;
    let other = store_on(&backend).await;
    let saved = other.save_token(&login("bob")).await.expect("saved");
    let first = found(&store, "bob").await;
    hands.pass_monotonic(TIME_TO_LIVE);
    let (again, cost) = cost!(backend, store.find_by_user("bob"));
    assert_eq!(cost, "1 GetSecretValue");
    assert!(again.is_some_and(|again| Arc::ptr_eq(&again, &first)));

    other.save_token(&saved.to_builder().extra("x", "1").build().expect("valid")).await.expect("saved");
    hands.pass_monotonic(TIME_TO_LIVE);
    assert_eq!(found(&store, "bob").await.extra("x"), Some("1"));
}
