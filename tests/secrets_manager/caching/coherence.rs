//! After a save or deletion has returned, no find shows what was there before, whatever was in flight.

use std::time::Duration;

use oauth_token_store::embedded::{EmbeddedSecretsManager, Fault, Gate, Operation};
use oauth_token_store::secrecy::SecretString;
use oauth_token_store::{ErrorKind, SecretsManagerTokenStore, TokenStore};

use super::scene::{SECOND, Scene, done, lookups, number_of, some, timed, timed_with};
use crate::support::{
    cached, cached_store_on, client_told_that_its_creates_exist, cost, extra, found, id, id_of, login,
    name_of, new_cached, spawn_save, store_on, token,
};

const POINTS: [fn(Operation) -> Gate; 2] = [Gate::before, Gate::after];

#[tokio::test(start_paused = true)]
async fn a_load_that_ends_after_a_save_is_not_installed() {
    for point in POINTS {
        for lookup in lookups() {
            let scene = Scene::new(lookup).await;
            let (put, save) = scene.held_save(&scene.store, 2).await;
            let reads = scene.gate_of_reads(point);
            let find = scene.spawn_find();
            reads.arrived(1).await;
            put.open();
            done(save).await;
            // It is known already, so that it does not stop at the gate.
            let by_id = scene.store.find_token_by_id(&scene.id).await.expect("found").expect("there");
            assert_eq!(number_of(&by_id), "2", "{}", scene.lookup.name);
            reads.open();
            done(find).await;
            assert_eq!(scene.found().await, some("2"), "{}", scene.lookup.name);
            let (again, cost) = cost!(scene.backend, scene.store.find_token(&scene.lookup.partial));
            assert_eq!((again.map(|token| number_of(&token)), cost.as_str()), (some("2"), "no requests"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_load_that_ends_after_a_deletion_is_not_installed() {
    for point in POINTS {
        for lookup in lookups() {
            let scene = Scene::new(lookup).await;
            let reads = scene.gate_of_reads(point);
            let find = scene.spawn_find();
            reads.arrived(1).await;
            scene.store.delete_token(&scene.id).await.expect("deleted");
            let by_id = scene.store.find_token_by_id(&scene.id).await.expect("a miss");
            assert_eq!(by_id, None, "{}", scene.lookup.name);
            reads.open();
            assert_eq!(done(find).await, None, "{}", scene.lookup.name);
            assert_eq!(scene.found().await, None, "{}", scene.lookup.name);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_load_that_ends_after_an_invalidation_is_not_installed() {
    for all in [false, true] {
        for lookup in lookups() {
            let scene = Scene::new(lookup).await;
            let (put, save) = scene.held_save(&scene.other, 2).await;
            let reads = scene.gate_of_reads(Gate::after);
            let find = scene.spawn_find();
            reads.arrived(1).await;
            put.open();
            done(save).await;
            if all {
                scene.store.invalidate_all();
            } else {
                scene.store.invalidate(&scene.id);
            }
            reads.open();
            assert_eq!(scene.found().await, some("2"), "{}", scene.lookup.name);
            done(find).await;
            assert_eq!(scene.found().await, some("2"), "{}", scene.lookup.name);
        }
    }
}

/// The first load of a record in flight: nothing says yet that the id is its.
#[tokio::test(start_paused = true)]
async fn an_invalidation_by_own_id_covers_a_load_of_what_is_not_known_yet() {
    for twice in [false, true] {
        for lookup in lookups().into_iter().filter(|lookup| lookup.name.starts_with("own id")) {
            let scene = Scene::new(lookup).await;
            if twice {
                scene.find().await;
                scene.store.invalidate(&id("7"));
            }
            let (put, save) = scene.held_save(&scene.other, 2).await;
            let reads = scene.gate_of_reads(Gate::after);
            let find = scene.spawn_find();
            reads.arrived(1).await;
            put.open();
            done(save).await;
            scene.store.invalidate(&id("7"));
            reads.open();
            done(find).await;
            assert_eq!(scene.found().await, some("2"), "{}, twice: {twice}", scene.lookup.name);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_load_that_ends_after_a_reload_shows_nothing_older() {
    for lookup in lookups() {
        let scene = Scene::new(lookup).await;
        let (put, save) = scene.held_save(&scene.other, 2).await;
        let reads = scene.gate_of_reads(Gate::after);
        let find = scene.spawn_find();
        reads.arrived(1).await;
        put.open();
        done(save).await;
        let (store, id) = (scene.store.clone(), scene.id.clone());
        let reload = tokio::spawn(async move { store.reload(&id).await });
        tokio::task::yield_now().await;
        reads.open();
        done(find).await;
        assert_eq!(done(reload).await.map(|token| number_of(&token)), some("2"));
        assert_eq!(scene.found().await, some("2"), "{}", scene.lookup.name);
    }
}

#[tokio::test(start_paused = true)]
async fn a_miss_in_flight_while_a_create_lands_is_not_believed() {
    for point in POINTS {
        for lookup in lookups() {
            let backend = EmbeddedSecretsManager::new();
            let store = cached_store_on(&backend).await;
            let create = backend.gate(Gate::before(Operation::CreateSecret));
            let save = spawn_save(&store, &lookup.first);
            create.arrived(1).await;
            let reads = backend.gate(point(Operation::GetSecretValue));
            let (finder, partial) = (store.clone(), lookup.partial.clone());
            let find = tokio::spawn(async move { finder.find_token(&partial).await });
            reads.arrived(1).await;
            create.open();
            let saved = done(save).await;
            reads.open();
            done(find).await;
            let found = store.find_token(&lookup.partial).await.expect("found");
            assert_eq!(found, Some(saved), "{}", lookup.name);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_search_in_flight_while_a_save_gives_a_record_the_key_is_not_believed() {
    for point in POINTS {
        for lookup in lookups().into_iter().filter(|lookup| lookup.by_search) {
            let backend = EmbeddedSecretsManager::new();
            // It is never listed in time: only this process knows.
            backend.set_list_lag(Duration::from_secs(300));
            let store = cached_store_on(&backend).await;
            // An own id is given when a record is made: the others come with any save.
            if lookup.partial.id().is_none() {
                store
                    .save_token(
                        &extra("bob", "x", "1").to_builder().access_token("old").build().expect("valid"),
                    )
                    .await
                    .expect("saved");
            }
            let writes = backend.gate(Gate::before(Operation::PutSecretValue).on(Operation::CreateSecret));
            let save = spawn_save(&store, &lookup.first);
            writes.arrived(1).await;
            let lists = backend.gate(point(Operation::ListSecrets));
            let (finder, partial) = (store.clone(), lookup.partial.clone());
            let find = tokio::spawn(async move { finder.find_token(&partial).await });
            lists.arrived(1).await;
            writes.open();
            let saved = done(save).await;
            lists.open();
            assert_eq!(done(find).await, Some(saved.clone()), "{}", lookup.name);
            let found = store.find_token(&lookup.partial).await.expect("found");
            assert_eq!(found, Some(saved), "{}", lookup.name);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_search_that_found_nothing_a_moment_ago_is_forgotten_when_a_save_gives_a_record_the_key() {
    for lookup in lookups().into_iter().filter(|lookup| lookup.by_search) {
        let (_backend, store) = new_cached().await;
        assert_eq!(store.find_token(&lookup.partial).await.expect("a miss"), None);
        let saved = store.save_token(&lookup.first).await.expect("saved");
        let found = store.find_token(&lookup.partial).await.expect("found");
        assert_eq!(found, Some(saved), "{}", lookup.name);
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_record_has_rotated_away_from_finds_it_no_more() {
    for point in POINTS {
        let (backend, store) = new_cached().await;
        store.save_token(&login("bob")).await.expect("saved");
        let access = SecretString::from("access-bob");
        assert!(store.find_by_access_token(&access).await.expect("found").is_some());
        store.invalidate_all();
        found(&store, "bob").await;
        let lists = backend.gate(point(Operation::ListSecrets));
        let (finder, by) = (store.clone(), access.clone());
        let find = tokio::spawn(async move { finder.find_by_access_token(&by).await });
        lists.arrived(1).await;
        store
            .save_token(&token().user_name("bob").access_token("new").build().expect("valid"))
            .await
            .expect("saved");
        lists.open();
        assert_eq!(done(find).await, None);
        assert_eq!(store.find_by_access_token(&access).await.expect("a miss"), None);
        assert!(store.find_by_access_token(&"new".into()).await.expect("found").is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn two_saves_that_are_answered_in_the_other_order_leave_the_later_one() {
    let (backend, store) = new_cached().await;
    store.save_token(&login("bob")).await.expect("saved");
    // It lands, and its answer comes after nine seconds only.
    backend.inject(Fault::lost_answer_hang().on(Operation::PutSecretValue).times(1));
    let first = spawn_save(&store, &extra("bob", "first", "1"));
    tokio::time::sleep(Duration::from_secs(1)).await;
    store.save_token(&extra("bob", "second", "2")).await.expect("saved");
    done(first).await;
    let (bob, cost) = cost!(backend, store.find_by_user("bob"));
    let bob = bob.expect("there");
    assert_eq!(
        (bob.extra("first"), bob.extra("second"), cost.as_str()),
        (Some("1"), Some("2"), "no requests")
    );
}

/// The answer to a save comes after that to the deletion which came after it.
#[tokio::test(start_paused = true)]
async fn a_save_answered_after_a_later_deletion_brings_nothing_back() {
    for is_new in [false, true] {
        for stale_reads in [0, 2] {
            let (backend, store) = new_cached().await;
            if !is_new {
                store.save_token(&login("bob")).await.expect("saved");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            let writes = Gate::after(Operation::PutSecretValue).on(Operation::CreateSecret);
            let writes = backend.gate(writes);
            let save = spawn_save(&store, &login("bob").to_builder().scope("all").build().expect("valid"));
            writes.arrived(1).await;
            tokio::time::sleep(Duration::from_secs(1)).await;
            store.delete_token(&id_of("bob")).await.expect("deleted");
            writes.open();
            done(save).await;
            backend.stale_reads(stale_reads);
            let bob = store.find_by_user("bob").await.expect("a miss");
            assert_eq!(bob, None, "new: {is_new}, stale reads: {stale_reads}");
        }
    }
}

/// A login and then its deletion, answered in that order but both after they have landed.
#[tokio::test(start_paused = true)]
async fn what_was_created_and_deleted_at_once_does_not_come_back() {
    let (backend, store) = new_cached().await;
    let creates = backend.gate(Gate::after(Operation::CreateSecret));
    let deletions = backend.gate(Gate::after(Operation::DeleteSecret));
    let save = spawn_save(&store, &login("bob"));
    creates.arrived(1).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let (deleter, id) = (store.clone(), id_of("bob"));
    let deletion = tokio::spawn(async move { deleter.delete_token(&id).await });
    deletions.arrived(1).await;
    creates.open();
    done(save).await;
    deletions.open();
    done(deletion).await;
    backend.stale_reads(2);
    let (bob, cost) = cost!(backend, store.find_by_user("bob"));
    assert_eq!((bob, cost.as_str()), (None, "2 GetSecretValue"));
}

/// What was deleted before is not brought back by a save and a deletion whose order cannot be told.
#[tokio::test(start_paused = true)]
async fn what_is_gone_stays_gone_when_the_order_of_a_save_and_a_deletion_cannot_be_told() {
    for save_first in [false, true] {
        let (backend, store) = new_cached().await;
        let lag = Duration::from_secs(30);
        backend.set_read_lag(lag);
        store.save_token(&login("bob")).await.expect("saved");
        tokio::time::sleep(Duration::from_secs(40)).await;
        store.delete_token(&id_of("bob")).await.expect("deleted");
        let deletions = backend.gate(Gate::after(Operation::DeleteSecret));
        let creates = backend.gate(Gate::after(Operation::CreateSecret));
        let save = spawn_save(
            &store,
            &extra("bob", "login", "2").to_builder().access_token("b").build().expect("valid"),
        );
        creates.arrived(1).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        let (deleter, id) = (store.clone(), id_of("bob"));
        let deletion = tokio::spawn(async move { deleter.delete_token(&id).await });
        deletions.arrived(1).await;
        if save_first {
            creates.open();
            done(save).await;
            deletions.open();
            done(deletion).await;
        } else {
            deletions.open();
            done(deletion).await;
            creates.open();
            done(save).await;
        }
        // The service still shows what was there before the first deletion.
        let bob = store.find_by_user("bob").await.expect("a miss");
        assert_eq!(
            bob.map(|bob| bob.extra("login").unwrap_or("1").to_owned()),
            None,
            "save first: {save_first}"
        );
    }
}

/// A deletion lands, then a login; the deletion is answered last.
#[tokio::test(start_paused = true)]
async fn a_login_after_a_deletion_that_is_answered_later_is_found() {
    for stale_reads in [0, 1] {
        let (backend, store) = new_cached().await;
        store_on(&backend).await.save_token(&login("bob")).await.expect("saved");
        // With its date.
        found(&store, "bob").await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let deletions = backend.gate(Gate::after(Operation::DeleteSecret));
        let (deleter, id) = (store.clone(), id_of("bob"));
        let deletion = tokio::spawn(async move { deleter.delete_token(&id).await });
        deletions.arrived(1).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let again = store
            .save_token(&login("bob").to_builder().scope("2").build().expect("valid"))
            .await
            .expect("saved");
        deletions.open();
        done(deletion).await;
        backend.stale_reads(stale_reads);
        // A stale read says that there is none, and a miss is believed.
        let expected = (stale_reads == 0).then_some(again);
        assert_eq!(store.find_by_user("bob").await.expect("found"), expected);
    }
}

/// Loaded while the deletion was under way: another process's login, newer than the deletion.
#[tokio::test(start_paused = true)]
async fn what_was_deleted_stays_gone_when_another_login_is_seen_before_the_answer() {
    let (backend, store) = new_cached().await;
    backend.set_list_lag(Duration::from_secs(300));
    let other = store_on(&backend).await;
    store.save_token(&login("bob")).await.expect("saved");
    tokio::time::sleep(Duration::from_secs(100)).await;
    let deletions = backend.gate(Gate::after(Operation::DeleteSecret));
    let (deleter, id) = (store.clone(), id_of("bob"));
    let deletion = tokio::spawn(async move { deleter.delete_token(&id).await });
    deletions.arrived(1).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    other.save_token(&login("bob").to_builder().scope("2").build().expect("valid")).await.expect("saved");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let seen = store.reload(&id_of("bob")).await.expect("loaded").expect("there");
    assert_eq!(seen.scope(), Some("2"));
    deletions.open();
    done(deletion).await;
    backend.set_read_lag(Duration::from_secs(50));
    assert_eq!(found(&store, "bob").await.scope(), Some("2"));
    backend.set_read_lag(Duration::from_secs(0));
    assert_eq!(found(&store, "bob").await.scope(), Some("2"));
}

/// The login's own knowledge was forgotten before the deletion was answered.
#[tokio::test(start_paused = true)]
async fn a_login_that_was_forgotten_before_an_earlier_deletion_was_answered_is_found() {
    for is_evicted in [true, false] {
        let backend = EmbeddedSecretsManager::new();
        let store = cached(backend.client()).max_capacity(1).build().await.expect("a store");
        let deletions = backend.gate(Gate::after(Operation::DeleteSecret));
        let (deleter, id) = (store.clone(), id_of("bob"));
        let deletion = tokio::spawn(async move { deleter.delete_token(&id).await });
        deletions.arrived(1).await;
        // Not so long that the deletion is no longer believed.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let again = store.save_token(&login("bob")).await.expect("saved");
        if is_evicted {
            evict_all_but_the_last(&store).await;
        } else {
            store.invalidate_all();
        }
        deletions.open();
        done(deletion).await;
        assert_eq!(store.find_by_user("bob").await.expect("found"), Some(again), "evicted: {is_evicted}");
    }
}

async fn evict_all_but_the_last(store: &SecretsManagerTokenStore) {
    for other in 0..300 {
        store.save_token(&login(&other.to_string())).await.expect("saved");
    }
    assert!(store.stats().evictions > 100);
}

/// A write to a secret is answered when its successor of the same name has been seen.
#[tokio::test(start_paused = true)]
async fn a_save_answered_late_does_not_hide_the_secret_that_was_created_since() {
    for knows_base in [true, false] {
        let (backend, store) = new_cached().await;
        let other = store_on(&backend).await;
        other.save_token(&login("bob")).await.expect("saved");
        if knows_base {
            found(&store, "bob").await;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        let puts = backend.gate(Gate::after(Operation::PutSecretValue));
        let save = spawn_save(&store, &extra("bob", "x", "1"));
        puts.arrived(1).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        other.delete_token(&id_of("bob")).await.expect("deleted");
        tokio::time::sleep(Duration::from_secs(1)).await;
        other.save_token(&login("bob").to_builder().scope("2").build().expect("valid")).await.expect("saved");
        let seen = store.reload(&id_of("bob")).await.expect("loaded").expect("there");
        assert_eq!(seen.scope(), Some("2"));
        puts.open();
        done(save).await;
        assert_eq!(found(&store, "bob").await.scope(), Some("2"), "knows the base: {knows_base}");
    }
}

/// Sent before the invalidation, answered after it.
#[tokio::test(start_paused = true)]
async fn a_save_under_way_at_an_invalidation_leaves_the_next_find_to_read() {
    for knows_base in [true, false] {
        for all in [true, false] {
            let (backend, store) = new_cached().await;
            let other = store_on(&backend).await;
            other.save_token(&login("bob")).await.expect("saved");
            if knows_base {
                found(&store, "bob").await;
            }
            let puts = backend.gate(Gate::after(Operation::PutSecretValue));
            let save = spawn_save(&store, &extra("bob", "x", "1"));
            puts.arrived(1).await;
            let newer = spawn_save(&other, &extra("bob", "y", "2"));
            puts.arrived(2).await;
            if all {
                store.invalidate_all();
            } else {
                store.invalidate(&id_of("bob"));
            }
            puts.open();
            done(save).await;
            done(newer).await;
            let bob = found(&store, "bob").await;
            assert_eq!(bob.extra("y"), Some("2"), "knows the base: {knows_base}, all: {all}");
        }
    }
}

/// A save that found nothing to write had read before the invalidation.
#[tokio::test(start_paused = true)]
async fn a_save_that_wrote_nothing_does_not_undo_an_invalidation() {
    for all in [true, false] {
        for knows in [true, false] {
            let (backend, store) = new_cached().await;
            let other = store_on(&backend).await;
            other.save_token(&login("bob")).await.expect("saved");
            if knows {
                found(&store, "bob").await;
            }
            let puts = backend.gate(Gate::before(Operation::PutSecretValue));
            let newer = spawn_save(&other, &extra("bob", "y", "2"));
            puts.arrived(1).await;
            let reads = backend.gate(Gate::after(Operation::GetSecretValue));
            let save = spawn_save(&store, &login("bob"));
            reads.arrived(1).await;
            puts.open();
            done(newer).await;
            if all {
                store.invalidate_all();
            } else {
                store.invalidate(&id_of("bob"));
            }
            reads.open();
            done(save).await;
            assert_eq!(found(&store, "bob").await.extra("y"), Some("2"), "all: {all}, knows: {knows}");
        }
    }
}

/// A save that found nothing to write had read before another save of this process landed.
#[tokio::test(start_paused = true)]
async fn a_save_that_wrote_nothing_does_not_undo_a_save_or_a_deletion() {
    for deletes in [false, true] {
        let (backend, store) = new_cached().await;
        store_on(&backend).await.save_token(&login("bob")).await.expect("saved");
        tokio::time::sleep(Duration::from_secs(1)).await;
        let puts = backend.gate(Gate::before(Operation::PutSecretValue));
        let newer = spawn_save(&store, &extra("bob", "y", "2"));
        puts.arrived(1).await;
        let reads = backend.gate(Gate::after(Operation::GetSecretValue));
        let same = spawn_save(&store, &login("bob"));
        reads.arrived(1).await;
        puts.open();
        done(newer).await;
        if deletes {
            store.delete_token(&id_of("bob")).await.expect("deleted");
        }
        reads.open();
        done(same).await;
        let y = store.find_by_user("bob").await.expect("found").map(|bob| bob.extra("y").map(str::to_owned));
        assert_eq!(y, (!deletes).then(|| Some("2".to_owned())));
    }
}

#[tokio::test(start_paused = true)]
async fn a_save_that_wrote_nothing_shows_what_a_search_has_not_found_before() {
    for lookup in lookups().into_iter().filter(|lookup| lookup.by_search) {
        let (backend, store) = new_cached().await;
        assert_eq!(store.find_token(&lookup.partial).await.expect("a miss"), None);
        store_on(&backend).await.save_token(&lookup.first).await.expect("saved");
        let saved = store.save_token(&lookup.first).await.expect("as it is stored");
        assert_eq!(store.find_token(&lookup.partial).await.expect("found"), Some(saved), "{}", lookup.name);
    }
}

/// The service says that there was nothing to delete, so no date tells that what the save has read is older.
#[tokio::test(start_paused = true)]
async fn a_save_that_wrote_nothing_does_not_undo_a_deletion_of_what_others_had_deleted() {
    let (backend, store) = new_cached().await;
    let other = store_on(&backend).await;
    other.save_token(&login("bob")).await.expect("saved");
    let reads = backend.gate(Gate::after(Operation::GetSecretValue));
    let save = spawn_save(&store, &login("bob"));
    reads.arrived(1).await;
    other.delete_token(&id_of("bob")).await.expect("deleted");
    store.delete_token(&id_of("bob")).await.expect("nothing to delete");
    reads.open();
    done(save).await;
    assert_eq!(store.find_by_user("bob").await.expect("a miss"), None);
}

/// The same, and a find has heard of the deletion before the save hears what it has asked for, whatever the clocks do.
#[tokio::test(start_paused = true)]
async fn a_save_that_wrote_nothing_does_not_undo_a_deletion_that_a_find_has_heard_of() {
    for is_set_back in [false, true] {
        let backend = EmbeddedSecretsManager::new();
        let (hands, store) = timed(&backend).await;
        let other = store_on(&backend).await;
        other.save_token(&login("bob")).await.expect("saved");
        hands.pass(SECOND).await;
        let puts = backend.gate(Gate::before(Operation::PutSecretValue));
        let first = spawn_save(&other, &extra("bob", "x", "2"));
        puts.arrived(1).await;
        let second = spawn_save(&store, &extra("bob", "x", "2"));
        puts.arrived(2).await;
        assert!(puts.release_one());
        done(first).await;
        // The second one has lost the race: it reads again, and finds that there is nothing to write.
        let reads = backend.gate(Gate::after(Operation::GetSecretValue).on_secret("arn:aws"));
        puts.open();
        reads.arrived(1).await;
        other.delete_token(&id_of("bob")).await.expect("deleted");
        store.delete_token(&id_of("bob")).await.expect("nothing to delete");
        hands.pass(2 * SECOND).await;
        if is_set_back {
            hands.set_wall_back(3 * SECOND);
        }
        assert_eq!(store.find_by_user("bob").await.expect("a miss"), None);
        reads.open();
        done(second).await;
        assert_eq!(store.find_by_user("bob").await.expect("a miss"), None);
    }
}

/// A write of unknown fate that was sent and given up while the save waited for what it has asked for.
#[tokio::test(start_paused = true)]
async fn a_save_that_wrote_nothing_leaves_the_doubt_of_another_one() {
    let backend = EmbeddedSecretsManager::new();
    let store = cached(backend.client()).write_deadline(Duration::ZERO).build().await.expect("a store");
    store.save_token(&login("bob")).await.expect("saved");
    tokio::time::sleep(SECOND).await;
    let reads = backend.gate(Gate::after(Operation::GetSecretValue));
    let same = spawn_save(&store, &login("bob"));
    reads.arrived(1).await;
    let fault = backend.inject(Fault::lost_answer().on(Operation::PutSecretValue));
    store.save_token(&extra("bob", "x", "2")).await.expect_err("no answer");
    backend.remove_fault(fault);
    reads.open();
    done(same).await;
    assert_eq!(found(&store, "bob").await.extra("x"), Some("2"), "it had landed");
}

/// Nothing is learnt by them, so what others are reading goes on.
#[tokio::test(start_paused = true)]
async fn saves_that_write_nothing_do_not_hold_up_a_reload() {
    let (backend, store) = new_cached().await;
    store_on(&backend).await.save_token(&login("bob")).await.expect("saved");
    found(&store, "bob").await;
    backend.inject(Fault::latency(Duration::from_millis(100)).on(Operation::GetSecretValue));
    let saves: Vec<_> = (0..10)
        .map(|n| {
            let saver = store.clone();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(10 * n)).await;
                loop {
                    saver.save_token(&login("bob")).await.expect("as it is stored");
                }
            })
        })
        .collect();
    tokio::time::sleep(SECOND).await;
    let id = id_of("bob");
    let reload = tokio::time::timeout(SECOND, store.reload(&id)).await;
    assert!(reload.expect("in time").expect("read").is_some());
    saves.iter().for_each(|saves| saves.abort());
}

#[tokio::test(start_paused = true)]
async fn a_login_of_another_process_that_a_save_has_found_after_a_deletion_is_found() {
    let (backend, store) = new_cached().await;
    let other = cached(backend.client()).miss_time_to_live(60 * SECOND).build().await.expect("a store");
    // It knows that there is none, so that its save reads nothing.
    assert_eq!(other.find_by_user("bob").await.expect("a miss"), None);
    store.save_token(&login("bob")).await.expect("saved");
    tokio::time::sleep(SECOND).await;
    let reads = backend.gate(Gate::before(Operation::GetSecretValue));
    let save = spawn_save(&store, &login("bob"));
    reads.arrived(1).await;
    store.delete_token(&id_of("bob")).await.expect("deleted");
    tokio::time::sleep(Duration::from_millis(100)).await;
    other.save_token(&login("bob")).await.expect("a new login");
    reads.open();
    let saved = done(save).await;
    assert_eq!(store.find_by_user("bob").await.expect("found"), Some(saved));
}

/// Each of them takes what is being searched off the board, and takes no longer than a list does.
#[tokio::test(start_paused = true)]
async fn saves_that_write_nothing_do_not_hold_up_a_search() {
    let (backend, store) = new_cached().await;
    let person = token().id("7").user_name("bob").access_token("a").build().expect("valid");
    store_on(&backend).await.save_token(&person).await.expect("saved");
    backend.inject(Fault::latency(Duration::from_millis(100)).on(Operation::ListSecrets));
    let (saver, same) = (store.clone(), token().user_name("bob").access_token("a").build().expect("valid"));
    let saves = tokio::spawn(async move {
        loop {
            saver.save_token(&same).await.expect("as it is stored");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let before = backend.requests();
    let id = id("7");
    let find = tokio::time::timeout(SECOND, store.find_token_by_id(&id));
    assert!(find.await.expect("in time").expect("found").is_some());
    saves.abort();
    assert_eq!(backend.requests().since(&before).count(Operation::ListSecrets), 1);
}

/// It was known that there is none, and that is forgotten for misses of others.
#[tokio::test(start_paused = true)]
async fn a_save_answered_late_is_not_believed_after_the_eviction_of_a_miss() {
    let backend = EmbeddedSecretsManager::new();
    let (hands, store) = timed_with(&backend, |builder| builder.max_capacity(10)).await;
    let creates = backend.gate(Gate::after(Operation::CreateSecret));
    let save = spawn_save(&store, &login("bob"));
    creates.arrived(1).await;
    store.delete_token(&id_of("bob")).await.expect("deleted");
    hands.pass(Duration::from_secs(2)).await;
    assert_eq!(store.find_by_user("bob").await.expect("a miss"), None);
    for other in 0..1000 {
        store.find_by_user(&other.to_string()).await.expect("a miss");
    }
    creates.open();
    done(save).await;
    assert_eq!(store.find_by_user("bob").await.expect("a miss"), None);
}

/// A deletion by own id has read a record that is replaced before it can be deleted.
#[tokio::test(start_paused = true)]
async fn a_deletion_that_comes_too_late_for_its_secret_says_nothing_of_its_successor() {
    for hears_dates in [false, true] {
        let (backend, store) = new_cached().await;
        let other = store_on(&backend).await;
        let person = token().id("7").user_name("bob").access_token("a").build().expect("valid");
        other.save_token(&person).await.expect("saved");
        let client = backend.client();
        let value =
            client.get_secret_value().secret_id(name_of("bob")).send().await.expect("read").secret_string;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let reads = backend.gate(Gate::after(Operation::GetSecretValue).on_secret(id_of("bob").as_str()));
        let deleter = store.clone();
        let deletion = tokio::spawn(async move { deleter.delete_token(&id("7")).await });
        reads.arrived(1).await;
        other.delete_token(&id_of("bob")).await.expect("deleted");
        let create = client.create_secret().name(name_of("bob")).set_secret_string(value);
        create.send().await.expect("created");
        if hears_dates {
            tokio::time::sleep(Duration::from_secs(1)).await;
            other.save_token(&login("eve")).await.expect("saved");
            found(&store, "eve").await;
        }
        reads.open();
        done(deletion).await;
        assert!(store.find_by_user("bob").await.expect("found").is_some(), "hears dates: {hears_dates}");
    }
}

/// A save is refused because another process was first, and does not find its way on: what it knew is left behind.
#[tokio::test(start_paused = true)]
async fn a_save_that_lost_a_race_leaves_what_it_knew_in_doubt() {
    let (backend, store) = new_cached().await;
    store.save_token(&login("bob")).await.expect("saved");
    store_on(&backend).await.save_token(&extra("bob", "y", "2")).await.expect("saved");
    backend.inject(Fault::access_denied().on(Operation::GetSecretValue).times(1));
    store.save_token(&extra("bob", "x", "1")).await.expect_err("refused");
    let cost = cost!(backend, store.save_token(&extra("bob", "x", "1"))).1;
    assert_eq!(cost, "1 GetSecretValue, 1 PutSecretValue");
    backend.inject(Fault::access_denied().on(Operation::GetSecretValue).times(1));
    store_on(&backend).await.save_token(&extra("bob", "y", "3")).await.expect_err("refused");
    store_on(&backend).await.save_token(&extra("bob", "y", "3")).await.expect("saved");
    backend.inject(Fault::access_denied().on(Operation::GetSecretValue).times(1));
    store.save_token(&extra("bob", "x", "2")).await.expect_err("refused");
    assert_eq!(found(&store, "bob").await.extra("y"), Some("3"));
}

#[tokio::test(start_paused = true)]
async fn a_save_of_unknown_fate_leaves_what_it_knew_in_doubt() {
    let (backend, store) = new_cached().await;
    store.save_token(&login("bob")).await.expect("saved");
    let fault = backend.inject(Fault::lost_answer().on(Operation::PutSecretValue));
    store.save_token(&extra("bob", "x", "1")).await.expect_err("no answer");
    backend.remove_fault(fault);
    assert_eq!(found(&store, "bob").await.extra("x"), Some("1"));
}

/// Read before the write landed, whose answers were all lost.
#[tokio::test(start_paused = true)]
async fn a_load_under_way_at_a_save_of_unknown_fate_is_not_installed() {
    let backend = EmbeddedSecretsManager::new();
    let store =
        cached(backend.client()).write_deadline(Duration::from_secs(1)).build().await.expect("a store");
    store_on(&backend).await.save_token(&login("bob")).await.expect("saved");
    let puts = backend.gate(Gate::before(Operation::PutSecretValue));
    let save = spawn_save(&store, &extra("bob", "x", "1"));
    puts.arrived(1).await;
    let reads = backend.gate(Gate::after(Operation::GetSecretValue));
    let finder = store.clone();
    let find = tokio::spawn(async move { finder.find_by_user("bob").await });
    reads.arrived(1).await;
    backend.inject(Fault::lost_answer().on(Operation::PutSecretValue));
    puts.open();
    save.await.expect("no panic").expect_err("no answer");
    reads.open();
    done(find).await;
    assert_eq!(found(&store, "bob").await.extra("x"), Some("1"));
}

#[tokio::test(start_paused = true)]
async fn a_deletion_of_unknown_fate_leaves_what_was_known_in_doubt() {
    let (backend, store) = new_cached().await;
    store.save_token(&login("bob")).await.expect("saved");
    let fault = backend.inject(Fault::lost_answer_hang().on(Operation::DeleteSecret));
    store.delete_token(&id_of("bob")).await.expect_err("no answer");
    backend.remove_fault(fault);
    assert_eq!(store.find_by_user("bob").await.expect("a miss"), None);
}

/// Nothing was sent that may have landed: what is known holds.
#[tokio::test(start_paused = true)]
async fn a_save_that_was_refused_leaves_what_is_known() {
    let (backend, store) = new_cached().await;
    store.save_token(&login("bob")).await.expect("saved");
    backend.inject(Fault::access_denied().on(Operation::PutSecretValue).times(1));
    store.save_token(&extra("bob", "x", "1")).await.expect_err("refused");
    assert_eq!(cost!(backend, store.find_by_user("bob")).1, "no requests");
}

/// The Create's answer was lost, and the service says of its repetition that the name is taken.
#[tokio::test(start_paused = true)]
async fn a_login_told_that_it_exists_is_found() {
    let backend = EmbeddedSecretsManager::new();
    let store = cached(client_told_that_its_creates_exist(&backend)).build().await.expect("a store");
    assert_eq!(store.find_by_user("bob").await.expect("a miss"), None);
    backend.inject(Fault::lost_answer().on(Operation::CreateSecret).times(1));
    let saved = store.save_token(&login("bob")).await.expect("saved");
    assert_eq!(store.find_by_user("bob").await.expect("found"), Some(saved));
}

/// Two records hold an id; a search has found the user's when the one that the id names is made.
#[tokio::test(start_paused = true)]
async fn a_record_that_a_key_names_is_not_hidden_by_what_a_search_has_found_before() {
    let (backend, store) = new_cached().await;
    // The save does not see that the id will be taken, as it would not within the lag of ListSecrets.
    let creates = backend.gate(Gate::before(Operation::CreateSecret).on_secret("/i_"));
    let save = spawn_save(&store, &token().id("7").access_token("m").build().expect("valid"));
    creates.arrived(1).await;
    let blind = cached(backend.client()).tag_search(false).build().await.expect("a store");
    let person = token().id("7").user_name("bob").access_token("a").build().expect("valid");
    blind.save_token(&person).await.expect("saved");
    tokio::time::sleep(Duration::from_secs(2)).await;
    let reads = backend.gate(Gate::after(Operation::GetSecretValue).on_secret(id_of("bob").as_str()));
    let finder = store.clone();
    let find = tokio::spawn(async move { finder.find_token_by_id(&id("7")).await });
    reads.arrived(1).await;
    creates.open();
    let machine = done(save).await;
    reads.open();
    done(find).await;
    assert_eq!(store.find_token_by_id(&id("7")).await.expect("found"), Some(machine));
}

/// Another process has refreshed: the search knows it, and what is in memory does not yet.
#[tokio::test(start_paused = true)]
async fn what_a_search_finds_is_read_again_if_memory_does_not_hold_the_key() {
    let (backend, store) = new_cached().await;
    let other = store_on(&backend).await;
    other.save_token(&login("bob")).await.expect("saved");
    found(&store, "bob").await;
    other
        .save_token(&token().user_name("bob").access_token("new").build().expect("valid"))
        .await
        .expect("saved");
    let (bob, cost) = cost!(backend, store.find_by_access_token(&"new".into()));
    assert!(bob.is_some());
    assert_eq!(cost, "2 GetSecretValue, 1 ListSecrets");
}

/// The knowledge of the later save was dropped for lack of room when the earlier one is answered.
#[tokio::test(start_paused = true)]
async fn a_save_answered_late_is_not_believed_after_an_eviction() {
    let backend = EmbeddedSecretsManager::new();
    let store = cached(backend.client()).max_capacity(1).build().await.expect("a store");
    store.save_token(&login("bob")).await.expect("saved");
    backend.inject(Fault::lost_answer_hang().on(Operation::PutSecretValue).times(1));
    let first = spawn_save(&store, &extra("bob", "first", "1"));
    tokio::time::sleep(Duration::from_secs(1)).await;
    store.save_token(&extra("bob", "second", "2")).await.expect("saved");
    evict_all_but_the_last(&store).await;
    done(first).await;
    assert_eq!(found(&store, "bob").await.extra("second"), Some("2"));
}

/// That no record is named by the key says nothing of the records that hold it.
#[tokio::test(start_paused = true)]
async fn a_save_after_a_miss_by_name_alone_still_searches() {
    for lookup in lookups().into_iter().filter(|lookup| lookup.by_search) {
        let scratch = store_on(&EmbeddedSecretsManager::new()).await;
        let named = lookup.partial.to_builder().access_token("a").build().expect("valid");
        let named = scratch.save_token(&named).await.expect("saved").assigned_id().expect("assigned").clone();
        let scene = Scene::new(lookup).await;
        assert_eq!(scene.store.find_token_by_id(&named).await.expect("a miss"), None);
        let change = scene.lookup.partial.to_builder().scope("all").build().expect("valid");
        let saved = scene.store.save_token(&change).await.expect("saved");
        assert_eq!(saved.user_name(), Some("bob"), "{}", scene.lookup.name);
        assert_eq!(scene.backend.secret_count(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_invalidation_forgets_that_a_search_found_nothing() {
    for all in [true, false] {
        for in_flight in [true, false] {
            let (backend, store) = new_cached().await;
            let lists = backend.gate(Gate::after(Operation::ListSecrets));
            if !in_flight {
                lists.open();
            }
            let finder = store.clone();
            let find = tokio::spawn(async move { finder.find_token_by_id(&id("7")).await });
            if in_flight {
                lists.arrived(1).await;
            } else {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            let blind = cached(backend.client()).tag_search(false).build().await.expect("a store");
            let person = token().id("7").user_name("bob").access_token("a").build().expect("valid");
            blind.save_token(&person).await.expect("saved");
            if all {
                store.invalidate_all();
            } else {
                store.invalidate(&id("7"));
            }
            lists.open();
            done(find).await;
            let found = store.find_token_by_id(&id("7")).await.expect("found");
            assert!(found.is_some(), "all: {all}, in flight: {in_flight}");
        }
    }
}

/// It holds an id that the key of another record was, too: what a search has found before counts no more.
#[tokio::test(start_paused = true)]
async fn a_save_of_a_second_record_with_a_key_makes_the_search_anew() {
    let backend = EmbeddedSecretsManager::new();
    let store = cached(backend.client()).build().await.expect("a store");
    let shared = |user: &str| token().user_name(user).access_token("shared").build().expect("valid");
    // Records are tried in the order of their names.
    let mut users = ["bob", "eve"];
    users.sort_by_key(|user| id_of(user).as_str().to_owned());
    store.save_token(&shared(users[1])).await.expect("saved");
    let access = "shared".into();
    let found = store.find_by_access_token(&access).await.expect("found").expect("there");
    assert_eq!(found.user_name(), Some(users[1]));
    store.save_token(&shared(users[0])).await.expect("saved");
    let found = store.find_by_access_token(&access).await.expect("found").expect("there");
    assert_eq!(found.user_name(), Some(users[0]));
}

/// A replica shows the secret that had the name before while the Create is under way.
#[tokio::test(start_paused = true)]
async fn a_predecessor_seen_during_a_login_does_not_come_back_after_it() {
    let (backend, store) = new_cached().await;
    backend.set_list_lag(Duration::from_secs(300));
    let other = store_on(&backend).await;
    other.save_token(&login("bob")).await.expect("saved");
    tokio::time::sleep(Duration::from_millis(5500)).await;
    other.delete_token(&id_of("bob")).await.expect("deleted");
    other.save_token(&login("eve")).await.expect("saved");
    // Whose date is later than that of bob's first secret.
    found(&store, "eve").await;
    let creates = backend.gate(Gate::after(Operation::CreateSecret));
    let save = spawn_save(&store, &login("bob").to_builder().scope("2").build().expect("valid"));
    creates.arrived(1).await;
    backend.set_read_lag(Duration::from_secs(3));
    let seen = store.reload(&id_of("bob")).await.expect("loaded").expect("there");
    assert_eq!(seen.scope(), None);
    creates.open();
    done(save).await;
    let (bob, cost) = cost!(backend, store.find_by_user("bob"));
    assert_eq!((bob.expect("there").scope(), cost.as_str()), (Some("2"), "no requests"));
}

/// A deletion and then a login, answered in that order but both after they have landed.
#[tokio::test(start_paused = true)]
async fn a_login_answered_after_an_earlier_deletion_is_found() {
    let (backend, store) = new_cached().await;
    let deletions = backend.gate(Gate::after(Operation::DeleteSecret));
    let creates = backend.gate(Gate::after(Operation::CreateSecret));
    let (deleter, id) = (store.clone(), id_of("bob"));
    let deletion = tokio::spawn(async move { deleter.delete_token(&id).await });
    deletions.arrived(1).await;
    // Not so long that the deletion is no longer believed.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let save = spawn_save(&store, &login("bob"));
    creates.arrived(1).await;
    deletions.open();
    done(deletion).await;
    creates.open();
    let saved = done(save).await;
    assert_eq!(store.find_by_user("bob").await.expect("found"), Some(saved));
}

/// Where nothing is kept, what is under way must not be joined all the same.
#[tokio::test(start_paused = true)]
async fn with_no_capacity_a_find_after_a_change_does_not_join_a_load_from_before_it() {
    for change in ["save", "delete", "invalidate", "invalidate all"] {
        let backend = EmbeddedSecretsManager::new();
        let store = cached(backend.client()).max_capacity(0).build().await.expect("a store");
        let other = store_on(&backend).await;
        other.save_token(&login("bob")).await.expect("saved");
        let puts = backend.gate(Gate::before(Operation::PutSecretValue));
        let saver = if change == "save" { &store } else { &other };
        let save = spawn_save(saver, &extra("bob", "x", "1"));
        puts.arrived(1).await;
        let reads = backend.gate(Gate::after(Operation::GetSecretValue));
        let find = || {
            let store = store.clone();
            tokio::spawn(async move { store.find_by_user("bob").await })
        };
        let early = find();
        reads.arrived(1).await;
        puts.open();
        done(save).await;
        match change {
            "delete" => store.delete_token(&id_of("bob")).await.expect("deleted"),
            "invalidate" => store.invalidate(&id_of("bob")),
            "invalidate all" => store.invalidate_all(),
            _ => {}
        }
        let late = find();
        reads.arrived(2).await;
        reads.open();
        let x = done(late).await.map(|bob| bob.extra("x").map(str::to_owned));
        assert_eq!(x, (change != "delete").then(|| Some("1".to_owned())), "{change}");
        done(early).await;
    }
}

/// It landed when its answers were lost, and another process has written on top of it since.
#[tokio::test(start_paused = true)]
async fn a_save_that_is_resumed_leaves_the_next_find_to_read() {
    let (backend, store) = new_cached().await;
    store.save_token(&login("bob")).await.expect("saved");
    let fault = backend.inject(Fault::lost_answer().on(Operation::PutSecretValue));
    let error = store.save_token(&extra("bob", "x", "1")).await.expect_err("no answer");
    backend.remove_fault(fault);
    store_on(&backend).await.save_token(&extra("bob", "y", "2")).await.expect("saved");
    store.save_token(error.token().expect("to be saved again")).await.expect("saved");
    let bob = found(&store, "bob").await;
    assert_eq!((bob.extra("x"), bob.extra("y")), (Some("1"), Some("2")));
}

#[tokio::test(start_paused = true)]
async fn a_reload_by_own_id_searches_anew() {
    let (backend, store) = new_cached().await;
    assert_eq!(store.find_token_by_id(&id("7")).await.expect("a miss"), None);
    let person = token().id("7").user_name("bob").access_token("a").build().expect("valid");
    store_on(&backend).await.save_token(&person).await.expect("saved");
    assert!(store.reload(&id("7")).await.expect("loaded").is_some());
}

/// A hit counts only if all that is asked for fits, in memory as at the service.
#[tokio::test(start_paused = true)]
async fn what_is_in_memory_is_judged_by_all_that_is_asked_for() {
    let (_backend, store) = new_cached().await;
    let person = login("bob").to_builder().id("7").build().expect("valid");
    store.save_token(&person).await.expect("saved");
    assert!(store.find_token_by_id(&id("7")).await.expect("found").is_some());
    let of_another = token().id("7").user_name("eve").build().expect("valid");
    assert_eq!(store.find_token(&of_another).await.expect("no hit"), None);
    let of_another_client = token().user_name("bob").client_id("other").build().expect("valid");
    let error = store.find_token(&of_another_client).await.expect_err("a mix-up");
    assert_eq!(error.kind(), ErrorKind::Conflict);
}

/// A save that would be refused if there were no record is not decided from a miss in memory.
#[tokio::test(start_paused = true)]
async fn a_save_that_makes_no_record_looks_for_one_after_a_miss() {
    let (backend, store) = new_cached().await;
    assert_eq!(store.find_by_user("bob").await.expect("a miss"), None);
    store_on(&backend).await.save_token(&login("bob")).await.expect("saved");
    let scope = token().user_name("bob").scope("all").build().expect("valid");
    assert_eq!(store.save_token(&scope).await.expect("saved").scope(), Some("all"));
}

/// A search has found it a moment ago; what it holds has been forgotten since.
#[tokio::test(start_paused = true)]
async fn a_save_by_what_a_search_has_found_makes_no_second_record() {
    for lookup in lookups().into_iter().filter(|lookup| lookup.by_search) {
        let scene = Scene::new(lookup).await;
        scene.find().await.expect("there");
        scene.store.invalidate(&scene.id);
        let change = scene.lookup.partial.to_builder().scope("all").access_token("a").build().expect("valid");
        let saved = scene.store.save_token(&change).await.expect("saved");
        assert_eq!(saved.user_name(), Some("bob"), "{}", scene.lookup.name);
        assert_eq!(scene.backend.secret_count(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_invalidation_by_own_id_forgets_every_record_that_holds_it() {
    for lookup in lookups().into_iter().filter(|lookup| lookup.name.starts_with("own id")) {
        let scene = Scene::new(lookup).await;
        scene.find().await.expect("there");
        scene.other.save_token(&scene.numbered(2)).await.expect("saved");
        assert_eq!(scene.found().await, some("none"), "{}", scene.lookup.name);
        scene.store.invalidate(&id("7"));
        assert_eq!(scene.found().await, some("2"), "{}", scene.lookup.name);
    }
}
