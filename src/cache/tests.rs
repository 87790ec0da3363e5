//! What no find shows: that nothing stays behind in the index.

mod threads;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::SystemTime;

use tokio::sync::Semaphore;

use super::*;
use crate::record::{Version, slot_after};

const CAPACITY: u64 = 10;

fn cache() -> Arc<Cache> {
    let settings = CacheSettings { max_capacity: CAPACITY, ..CacheSettings::default() };
    Cache::new(settings, Arc::new(SystemClock::new()))
}

/// A version of a user's record, with an access token of its own.
fn record(user: usize, version: usize) -> (Locator, Record) {
    let token = OAuthToken::builder().user_name(user.to_string()).access_token(format!("{user}-{version}"));
    let token = token.build().expect("valid").into_found(None);
    let locator = LookupKey::User(&user.to_string()).locator();
    let id = (0..version).fold("base".to_owned(), |id, _| slot_after(&id));
    let version = Version { arn: format!("arn-{user}"), id, created: Some(SystemTime::UNIX_EPOCH) };
    (locator, Record { version: Arc::new(version), name: locator.as_str().into(), token: Arc::new(token) })
}

/// Saves a version of a user's record, and lets a search find it by its access token.
fn save(cache: &Cache, user: usize, version: usize) {
    let (locator, record) = record(user, version);
    Change::begin(cache, locator).saved(record.clone());
    let key = LookupKey::access_of(&record.token).expect("an access token");
    cache.resolve(&key, locator, &record);
    assert!(cache.get(&key).is_some());
}

#[tokio::test]
async fn versions_that_were_replaced_leave_nothing_behind() {
    let cache = cache();
    for version in 0..100 {
        save(&cache, 1, version);
        // The locator, the user and the access token.
        assert_eq!(cache.index.len(), 3);
    }
    cache.invalidate_all();
    assert_eq!(cache.index.len(), 1);
    save(&cache, 1, 0);
    Change::begin(&cache, record(1, 0).0).deleted(None, None);
    cache.bound.settle();
    assert_eq!(cache.index.len(), 1);
    assert_eq!(cache.stats().evictions, 0);
}

#[tokio::test]
async fn tokens_that_were_evicted_leave_nothing_behind() {
    let cache = cache();
    for user in 0..1000 {
        save(&cache, user, 0);
    }
    cache.bound.settle();
    assert_eq!(cache.index.len(), 3 * CAPACITY as usize);
    assert_eq!(cache.stats().evictions, 1000 - CAPACITY);
}

#[tokio::test]
async fn misses_and_invalidations_have_a_bound_of_their_own() {
    let cache = cache();
    for user in 0..CAPACITY as usize {
        save(&cache, user, 0);
    }
    for user in 100..1000 {
        let load = || async { Ok(None) };
        let missed = cache.read(record(user, 0).0, Demand::Cached, load).await;
        assert!(missed.expect("a miss").is_none());
    }
    cache.bound.settle();
    assert_eq!(cache.index.len(), 4 * CAPACITY as usize);
    for user in 0..CAPACITY as usize {
        assert!(cache.get(&LookupKey::User(&user.to_string())).is_some());
    }
    assert_eq!(cache.stats().evictions, 0);
}

/// What this process has deleted is remembered among the tokens: a flood of misses does not make it forgotten.
#[tokio::test]
async fn a_deletion_is_not_forgotten_for_misses() {
    let cache = cache();
    save(&cache, 1, 0);
    let (locator, deleted) = record(1, 0);
    Change::begin(&cache, locator).deleted(None, None);
    for user in 100..1000 {
        let load = || async { Ok(None) };
        cache.read(record(user, 0).0, Demand::Cached, load).await.expect("a miss");
    }
    cache.bound.settle();
    assert!(matches!(cache.not_older(&locator, deleted), Some(None)));
}

#[tokio::test]
async fn a_key_that_was_found_while_its_token_was_evicted_leaves_nothing_behind() {
    let cache = cache();
    let (locator, record) = record(1, 0);
    save(&cache, 1, 0);
    let entry = cache.index.of(&locator).expect("alive");
    let key = LookupKey::access_of(&record.token).expect("an access token");
    entry.kill();
    cache.index.forget(&entry);
    assert_eq!(cache.index.len(), 0);
    cache.index.add(&key, &entry);
    assert_eq!(cache.index.len(), 0);
}

#[tokio::test]
async fn a_key_that_a_token_has_rotated_away_from_meanwhile_is_not_kept() {
    let cache = cache();
    save(&cache, 1, 0);
    save(&cache, 1, 1);
    let (locator, searched) = record(1, 0);
    let key = LookupKey::access_of(&searched.token).expect("an access token");
    cache.resolve(&key, locator, &searched);
    assert_eq!(cache.index.len(), 3);
}

/// The version that a save writes may be loaded before the save is answered.
#[tokio::test]
async fn a_save_that_was_seen_before_its_answer_is_known() {
    let cache = cache();
    let (locator, saved) = record(1, 0);
    let change = Change::begin(&cache, locator);
    let loaded = saved.clone();
    let load = move || {
        let loaded = loaded.clone();
        async move { Ok(Some(loaded)) }
    };
    cache.read(locator, Demand::Cached, load).await.expect("loaded");
    change.saved(saved);
    assert!(cache.get(&LookupKey::User("1")).is_some());
}

/// Another write of this process has been answered meanwhile, and may have come after it.
#[tokio::test]
async fn a_save_that_was_seen_before_its_answer_leaves_the_doubt_that_has_come_since() {
    let cache = cache();
    let (locator, saved) = record(1, 0);
    let change = Change::begin(&cache, locator);
    load(&cache, locator, Some(saved.clone())).await;
    cache.disown(locator);
    change.saved(saved);
    assert!(cache.get(&LookupKey::User("1")).is_none());
}

fn at(seconds: u64) -> Option<SystemTime> {
    Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

#[test]
fn the_service_s_clock_never_goes_back() {
    let cache = cache();
    Change::begin(&cache, record(1, 0).0).deleted(None, at(5));
    Change::begin(&cache, record(2, 0).0).deleted(None, at(3));
    assert_eq!(cache.service_time(), at(5));
}

#[test]
fn a_deletion_without_a_date_was_not_before_the_latest_date_told() {
    let cache = cache();
    Change::begin(&cache, record(1, 0).0).deleted(None, at(5));
    let (locator, before) = record(2, 0);
    Change::begin(&cache, locator).deleted(None, None);
    assert!(matches!(cache.not_older(&locator, before), Some(None)));
}

/// By ARN: the secret that was meant had been replaced already.
#[test]
fn a_deletion_of_another_secret_of_the_name_leaves_it_to_the_next_load() {
    let cache = cache();
    save(&cache, 1, 1);
    Change::begin(&cache, record(1, 1).0).deleted(Some("another"), at(0));
    assert!(cache.get(&LookupKey::User("1")).is_none());
    assert!(cache.base(&LookupKey::User("1"), false).is_none());
    let ((locator, known), (_, older)) = (record(1, 1), record(1, 0));
    let newest = known.version.clone();
    let shown = cache.not_older(&locator, known).flatten();
    assert_eq!(shown.map(|record| record.version), Some(newest));
    // What is known may be older than what was deleted: it stands in for nothing.
    assert!(cache.not_older(&locator, older).is_none());
}

/// The login was sent before the first deletion was answered, so that nobody knows which of them came last.
#[test]
fn a_deletion_answered_after_a_login_that_lay_beside_another_one_leaves_it_to_the_next_load() {
    let cache = cache();
    let (locator, saved) = record(1, 0);
    let login = Change::begin(&cache, locator);
    Change::begin(&cache, locator).deleted(None, at(5));
    let second = Change::begin(&cache, locator);
    login.saved(saved);
    second.deleted(None, at(5));
    assert!(cache.base(&LookupKey::User("1"), false).is_none());
}

/// The first answer has left it open whether the login came after the deletions.
#[test]
fn two_deletions_answered_after_a_login_beside_them_leave_it_to_the_next_load() {
    let cache = cache();
    let (locator, saved) = record(1, 0);
    let deletions = [(); 2].map(|()| Change::begin(&cache, locator));
    Change::begin(&cache, locator).saved(saved);
    for deletion in deletions {
        deletion.deleted(None, at(5));
        assert!(cache.base(&LookupKey::User("1"), false).is_none());
    }
}

/// Made, deleted, made anew: of what was known when the deletion was sent, and of what came instead.
#[test]
fn a_deletion_answered_after_two_logins_beside_it_leaves_it_to_the_next_load() {
    let cache = cache();
    let ((locator, one), (_, mut two)) = (record(1, 0), record(1, 1));
    Arc::make_mut(&mut two.version).arn = "another".to_owned();
    let second = Change::begin(&cache, locator);
    Change::begin(&cache, locator).saved(one);
    let deletion = Change::begin(&cache, locator);
    second.saved(two);
    deletion.deleted(None, at(5));
    assert!(cache.base(&LookupKey::User("1"), false).is_none());
}

/// Another process may have deleted the one of them or the other.
#[test]
fn two_logins_beside_a_deletion_leave_it_to_the_next_load() {
    let cache = cache();
    let ((locator, one), (_, mut two)) = (record(1, 0), record(1, 1));
    Arc::make_mut(&mut two.version).arn = "another".to_owned();
    let first = Change::begin(&cache, locator);
    Change::begin(&cache, locator).deleted(None, at(5));
    let second = Change::begin(&cache, locator);
    first.saved(one);
    second.saved(two);
    assert!(cache.get(&LookupKey::User("1")).is_none());
}

/// A login came after it, and has been evicted since.
#[test]
fn a_deletion_answered_after_an_eviction_leaves_it_to_the_next_load() {
    let cache = cache();
    let deletion = Change::begin(&cache, record(1, 0).0);
    for user in 1..1000 {
        save(&cache, user, 0);
    }
    cache.bound.settle();
    assert!(cache.get(&LookupKey::User("1")).is_none());
    deletion.deleted(None, at(5));
    assert!(cache.base(&LookupKey::User("1"), false).is_none());
}

#[test]
fn what_was_deleted_by_arn_does_not_come_back() {
    let cache = cache();
    let (locator, deleted) = record(1, 0);
    Change::begin(&cache, locator).deleted(Some("arn-1"), at(5));
    assert!(cache.base(&LookupKey::User("1"), false).is_none());
    assert!(cache.not_older(&locator, deleted).is_none());
}

/// One that has waited for a load which began too early finds another one under way, begun by a find meanwhile.
#[tokio::test]
async fn a_reload_that_joins_the_load_of_a_find_believes_it() {
    let settings = CacheSettings { time_to_live: Duration::ZERO, ..CacheSettings::default() };
    let cache = Cache::new(settings, Arc::new(SystemClock::new()));
    let (locator, newer) = record(1, 1);
    Change::begin(&cache, locator).saved(newer);
    let permits = Arc::new(Semaphore::new(0));
    let load = {
        let permits = Arc::clone(&permits);
        move || {
            let permits = Arc::clone(&permits);
            async move {
                permits.acquire().await.expect("open").forget();
                Ok(Some(record(1, 0).1))
            }
        }
    };
    let mut first = Box::pin(cache.read(locator, Demand::Cached, load.clone()));
    assert!(is_pending(first.as_mut()));
    let mut reload = Box::pin(cache.read(locator, Demand::Reload, load.clone()));
    assert!(is_pending(reload.as_mut()));
    // The older version, once more, and then what is known.
    permits.add_permits(2);
    assert_eq!(first.await.expect("kept").expect("there").version.id, record(1, 1).1.version.id);
    let mut second = Box::pin(cache.read(locator, Demand::Cached, load));
    assert!(is_pending(second.as_mut()) && is_pending(reload.as_mut()));
    permits.add_permits(2);
    assert_eq!(reload.await.expect("loaded").expect("there").version.id, record(1, 0).1.version.id);
    assert_eq!(cache.stats().loads, 3);
}

fn is_pending(future: Pin<&mut impl Future>) -> bool {
    future.poll(&mut Context::from_waker(Waker::noop())).is_pending()
}

/// What a load brings while a write of this process is under way.
async fn load(cache: &Arc<Cache>, locator: Locator, loaded: Option<Record>) {
    let load = move || {
        let loaded = loaded.clone();
        async move { Ok(loaded) }
    };
    cache.read(locator, Demand::Cached, load).await.expect("loaded");
}

#[tokio::test]
async fn a_save_leaves_doubt_if_what_was_loaded_meanwhile_may_be_newer() {
    let (locator, saved) = record(1, 0);
    let mut by_hand = record(1, 1).1;
    Arc::make_mut(&mut by_hand.version).id = "by hand".to_owned();
    for loaded in [Some(by_hand), None] {
        let cache = cache();
        let change = Change::begin(&cache, locator);
        load(&cache, locator, loaded).await;
        change.saved(saved.clone());
        assert!(cache.get(&LookupKey::User("1")).is_none());
    }
}

/// It was answered late: the newer version that was seen meanwhile is gone by now, and what comes before it with it.
#[tokio::test]
async fn a_save_answered_late_does_not_bring_back_what_a_newer_version_has_replaced() {
    let cache = cache();
    let [(locator, saved), (_, newer)] = [record(1, 1), record(1, 2)];
    let change = Change::begin(&cache, locator);
    load(&cache, locator, Some(newer)).await;
    cache.disown(locator);
    load(&cache, locator, None).await;
    change.saved(saved.clone());
    load(&cache, locator, Some(saved)).await;
    assert!(cache.get(&LookupKey::User("1")).is_none());
}

#[tokio::test]
async fn the_deletion_of_what_is_not_there_is_known_whatever_else_is_forgotten() {
    let cache = cache();
    let locator = record(1, 0).0;
    load(&cache, locator, None).await;
    let change = Change::begin(&cache, locator);
    cache.invalidate(&TokenId::from(record(2, 0).0));
    change.deleted(None, None);
    assert!(matches!(cache.base(&LookupKey::User("1"), false), Some(None)));
}

#[tokio::test]
async fn what_was_loaded_during_a_deletion_and_is_older_is_gone() {
    let cache = cache();
    let (locator, loaded) = record(1, 0);
    let change = Change::begin(&cache, locator);
    load(&cache, locator, Some(loaded)).await;
    change.deleted(None, at(5));
    assert!(matches!(cache.base(&LookupKey::User("1"), false), Some(None)));
}

#[test]
fn a_dead_entry_answers_nothing() {
    let cache = cache();
    save(&cache, 1, 0);
    cache.index.of(&record(1, 0).0).expect("alive").kill();
    assert!(cache.get(&LookupKey::User("1")).is_none());
    assert!(cache.base(&LookupKey::User("1"), false).is_none());
}

/// Readers read the clock before they look, and may be held up in between.
#[test]
fn what_is_in_doubt_answers_nobody_who_has_read_the_clock_before() {
    let (settings, (locator, _)) = (CacheSettings::default(), record(1, 0));
    let [before, now] =
        [1, 2].map(|seconds| Moment::new(Duration::from_secs(seconds), Duration::from_secs(seconds)));
    let invalidated = Entry::invalidated(locator, now, &settings);
    let perhaps_deleted = Entry::perhaps_deleted(locator, None, None, None, now, now, &settings);
    for entry in [invalidated, perhaps_deleted] {
        assert!(!entry.is_fresh(&before) && !entry.is_base(&before));
    }
}

#[test]
fn the_date_of_what_a_save_has_read_counts() {
    let cache = cache();
    let (locator, mut read) = record(1, 0);
    Arc::make_mut(&mut read.version).created = at(9);
    cache.observed(locator, &read, &cache.asking());
    assert_eq!(cache.service_time(), at(9));
}

/// A save that has nothing to write has read the version that is known, or one that nobody can place.
#[test]
fn what_a_save_has_read_serves_on_if_it_is_what_was_known_and_else_nothing_does() {
    let (locator, known) = record(1, 0);
    let mut by_hand = record(1, 0).1;
    Arc::make_mut(&mut by_hand.version).id = "by hand".to_owned();
    for (read, serves) in [(known, true), (by_hand, false)] {
        let cache = cache();
        save(&cache, 1, 0);
        cache.observed(locator, &read, &cache.asking());
        assert_eq!(cache.get(&LookupKey::User("1")).is_some(), serves, "{}", read.version.id);
    }
}

/// The service's dates are no finer than a moment: the deletion may have been the later of the two.
#[tokio::test]
async fn what_was_made_in_the_moment_of_a_deletion_is_in_doubt() {
    let cache = cache();
    let (locator, mut loaded) = record(1, 0);
    Arc::make_mut(&mut loaded.version).created = at(5);
    let change = Change::begin(&cache, locator);
    load(&cache, locator, Some(loaded)).await;
    change.deleted(None, at(5));
    assert!(cache.get(&LookupKey::User("1")).is_none());
}

/// A write of unknown fate leaves its doubt behind; what was in doubt before the deletion was sent is deleted with the rest.
#[test]
fn a_deletion_is_the_last_word_unless_doubt_has_come_since_it_was_sent() {
    for (has_come_since, is_known_to_be_gone) in [(false, true), (true, false)] {
        let cache = cache();
        save(&cache, 1, 0);
        let locator = record(1, 0).0;
        drop(Change::begin(&cache, locator));
        let deletion = Change::begin(&cache, locator);
        if has_come_since {
            drop(Change::begin(&cache, locator));
        }
        deletion.deleted(None, None);
        let base = cache.base(&LookupKey::User("1"), false);
        assert_eq!(base.is_some_and(|record| record.is_none()), is_known_to_be_gone);
    }
}

/// Which of the two was the last cannot be told, but what was there before the save is not it.
#[tokio::test]
async fn a_save_beside_a_deletion_leaves_that_nothing_older_comes_back() {
    for (loaded, is_shown) in [(0, false), (1, true), (2, true)] {
        let cache = cache();
        let (locator, saved) = record(1, 1);
        let save = Change::begin(&cache, locator);
        Change::begin(&cache, locator).deleted(None, None);
        save.saved(saved);
        assert!(cache.base(&LookupKey::User("1"), false).is_none());
        load(&cache, locator, Some(record(1, loaded).1)).await;
        assert_eq!(cache.get(&LookupKey::User("1")).is_some(), is_shown, "version {loaded}");
    }
}

/// Others may have written since.
#[test]
fn what_an_earlier_write_has_left_answers_nothing_before_it_is_loaded() {
    let cache = cache();
    let (locator, saved) = record(1, 0);
    Change::of_earlier_write(&cache, locator).saved(saved);
    assert!(cache.get(&LookupKey::User("1")).is_none());
}

/// The deletion was sent after the save and answered before it, and that there was nothing then has been seen, too.
#[tokio::test]
async fn a_save_beside_a_deletion_leaves_that_nothing_from_before_that_comes_back() {
    let cache = cache();
    let (locator, saved) = record(1, 0);
    let save = Change::begin(&cache, locator);
    Change::begin(&cache, locator).deleted(None, at(5));
    cache.disown(locator);
    load(&cache, locator, None).await;
    save.saved(saved);
    load(&cache, locator, Some(of_secret("old", 0, 3))).await;
    assert!(cache.get(&LookupKey::User("1")).is_none());
}

#[tokio::test]
async fn what_is_in_doubt_answers_nothing_after_an_older_version_was_shown_instead() {
    let cache = cache();
    save(&cache, 1, 1);
    let (locator, older) = record(1, 0);
    cache.disown(locator);
    load(&cache, locator, Some(older)).await;
    assert!(cache.get(&LookupKey::User("1")).is_none());
}

/// It is fresh again, and nothing is put in anew, unless what is known was in doubt.
#[tokio::test]
async fn what_is_shown_again_keeps_its_entry() {
    for (is_in_doubt, is_kept) in [(false, true), (true, false)] {
        let settings = CacheSettings { time_to_live: Duration::ZERO, ..CacheSettings::default() };
        let cache = Cache::new(settings, Arc::new(SystemClock::new()));
        let (locator, shown) = record(1, 0);
        load(&cache, locator, Some(shown.clone())).await;
        let entry = cache.index.of(&locator).expect("known");
        entry.note_failure(true, &cache.now());
        if is_in_doubt {
            entry.doubt();
        }
        load(&cache, locator, Some(shown)).await;
        let now = cache.index.of(&locator).expect("known");
        assert_eq!(Arc::ptr_eq(&entry, &now), is_kept);
        assert!(!now.is_in_doubt() && now.is_due_for_a_try(&cache.now()));
    }
}

/// A version of the first user's record in this secret, from this second on.
fn of_secret(arn: &str, version: usize, seconds: u64) -> Record {
    let mut record = record(1, version).1;
    Arc::make_mut(&mut record.version).arn = arn.to_owned();
    Arc::make_mut(&mut record.version).created = at(seconds);
    record
}

/// Two saves beside a deletion, answered the other way round: then a replica that lags behind shows the first.
#[tokio::test]
async fn the_answer_to_an_earlier_save_does_not_hide_the_later_one_beside_a_deletion() {
    for is_deletion_answered_first in [true, false] {
        let cache = cache();
        let locator = record(1, 0).0;
        let [first, second] = [0, 1].map(|version| of_secret("new", version, 10));
        load(&cache, locator, Some(of_secret("old", 0, 1))).await;
        Change::begin(&cache, locator).deleted(None, at(5));
        let [deletion, create, put] = [(); 3].map(|()| Change::begin(&cache, locator));
        if is_deletion_answered_first {
            deletion.deleted(None, at(9));
            put.saved(second);
        } else {
            put.saved(second);
            deletion.deleted(None, at(9));
        }
        create.saved(first.clone());
        load(&cache, locator, Some(first)).await;
        assert!(cache.get(&LookupKey::User("1")).is_none(), "the later save has returned");
    }
}

/// A Create that was sent long ago, and is resumed after this process has deleted what it had never seen.
#[tokio::test]
async fn what_was_deleted_does_not_come_back_behind_an_earlier_save() {
    let cache = cache();
    let locator = record(1, 0).0;
    Change::begin(&cache, locator).deleted(None, at(8));
    Change::begin(&cache, locator).saved(of_secret("ours", 0, 3));
    cache.disown(locator);
    load(&cache, locator, Some(of_secret("theirs", 0, 5))).await;
    assert!(cache.get(&LookupKey::User("1")).is_none());
}

/// A replica that lags behind shows the predecessor of a record that this process has made, and no date tells: it is
/// believed. Then the record itself is shown, and its date is later.
#[tokio::test]
async fn a_predecessor_that_was_believed_does_not_hide_what_came_after_it() {
    let locator = record(1, 0).0;
    for (seconds, is_shown) in [(7, true), (5, false)] {
        let cache = cache();
        Change::begin(&cache, locator).saved(of_secret("ours", 0, 5));
        for loaded in [of_secret("predecessor", 0, 5), of_secret("ours", 0, seconds)] {
            cache.disown(locator);
            load(&cache, locator, Some(loaded)).await;
        }
        assert_eq!(cache.get(&LookupKey::User("1")).is_some(), is_shown, "{seconds} s");
    }
}

/// From the third caller at once on, each thread is given a handle of its own, however many threads there are.
#[test]
fn a_token_that_is_in_use_has_a_handle_for_every_thread() {
    let cache = cache();
    save(&cache, 1, 0);
    let handle = || cache.get(&LookupKey::User("1")).expect("known");
    let first = handle();
    for _ in 0..2 {
        assert!(Arc::ptr_eq(&first, &handle()), "nobody else has one");
    }
    let in_use = [handle(), handle()];
    assert!(!Arc::ptr_eq(&first, &handle()));
    drop((first, in_use));
    for _ in 0..256 {
        std::thread::scope(|scope| scope.spawn(handle).join().expect("known"));
    }
}

/// The deletion came after both of them, and was answered before them.
#[tokio::test]
async fn a_save_over_what_is_in_doubt_behind_a_deletion_is_in_doubt_too() {
    let cache = cache();
    let locator = record(1, 0).0;
    load(&cache, locator, Some(record(1, 0).1)).await;
    let saves = [1, 2].map(|version| (Change::begin(&cache, locator), record(1, version).1));
    Change::begin(&cache, locator).deleted(None, None);
    cache.disown(locator);
    load(&cache, locator, None).await;
    for (save, saved) in saves {
        save.saved(saved);
        assert!(cache.get(&LookupKey::User("1")).is_none());
    }
}

/// Another process had deleted it before, and somebody has logged in since.
#[tokio::test]
async fn a_deletion_by_arn_hides_nothing_that_came_before_it_but_what_its_secret_had_replaced() {
    for (loaded, is_shown) in [(of_secret("login", 0, 7), true), (of_secret("predecessor", 0, 3), false)] {
        let cache = cache();
        let locator = record(1, 0).0;
        load(&cache, locator, Some(of_secret("known", 0, 5))).await;
        Change::begin(&cache, locator).deleted(Some("known"), at(5));
        cache.disown(locator);
        let arn = loaded.version.arn.clone();
        load(&cache, locator, Some(loaded)).await;
        assert_eq!(cache.get(&LookupKey::User("1")).is_some(), is_shown, "{arn}");
    }
}

/// Two saves have found nothing to write, in reads from before the deletion.
#[tokio::test]
async fn what_two_saves_have_read_before_a_deletion_stays_in_doubt() {
    let cache = cache();
    let (locator, read) = record(1, 0);
    let asked = [(); 2].map(|()| cache.asking());
    load(&cache, locator, None).await;
    for asked in asked {
        cache.observed(locator, &read, &asked);
        assert!(cache.get(&LookupKey::User("1")).is_none());
    }
}

/// One secret and its predecessor, of which nobody here has known: a replica that lags behind shows the predecessor, and
/// then another one the secret.
#[tokio::test]
async fn what_was_deleted_by_arn_does_not_come_back_behind_its_predecessor() {
    let cache = cache();
    let locator = record(1, 0).0;
    Change::begin(&cache, locator).deleted(Some("deleted"), at(5));
    for shown in [of_secret("predecessor", 0, 3), of_secret("deleted", 0, 5)] {
        let arn = shown.version.arn.clone();
        cache.disown(locator);
        load(&cache, locator, Some(shown)).await;
        assert!(cache.get(&LookupKey::User("1")).is_none(), "{arn}");
    }
}

/// A date that was told while the answer was on its way may be from after the deletion.
#[tokio::test]
async fn a_deletion_without_a_date_hides_nothing_that_came_after_it() {
    let cache = cache();
    let locator = record(1, 0).0;
    cache.note_service_time(at(3));
    let deletion = Change::begin(&cache, locator);
    cache.note_service_time(at(9));
    deletion.deleted(None, None);
    cache.disown(locator);
    load(&cache, locator, Some(of_secret("login", 0, 7))).await;
    assert!(cache.get(&LookupKey::User("1")).is_some());
}

/// It asked to believe what comes next, and nothing came.
#[tokio::test]
async fn a_reload_that_failed_lets_nothing_older_in() {
    let cache = cache();
    save(&cache, 1, 1);
    let (locator, older) = record(1, 0);
    let failing = || async { Err(crate::contract::ErrorKind::Throttled.into()) };
    cache.read(locator, Demand::Reload, failing).await.expect_err("throttled");
    let stale = move || {
        let older = older.clone();
        async move { Ok(Some(older)) }
    };
    cache.read(locator, Demand::Current, stale).await.expect("kept");
    let found = cache.get(&LookupKey::User("1")).expect("known");
    assert!(*found == *record(1, 1).1.token);
}

/// The clocks of a process that is frozen now and then: only the wall clock goes on.
#[derive(Debug)]
struct Frozen(AtomicU64);

impl Clock for Frozen {
    fn monotonic(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(self.0.load(Ordering::Relaxed))
    }
}

/// The process was frozen while a load was under way whose caller had gone.
#[tokio::test(start_paused = true)]
async fn nobody_is_given_what_was_asked_for_longer_ago_than_the_time_to_live() {
    let clock = Arc::new(Frozen(AtomicU64::new(1)));
    let cache = Cache::new(CacheSettings::default(), clock.clone());
    let locator = record(1, 0).0;
    let (loads, gate) = (Arc::new(AtomicU64::new(0)), Arc::new(Semaphore::new(0)));
    let load = {
        let (loads, gate) = (Arc::clone(&loads), Arc::clone(&gate));
        move || {
            let version = loads.fetch_add(1, Ordering::Relaxed);
            let gate = Arc::clone(&gate);
            async move {
                gate.acquire().await.expect("open").forget();
                Ok(Some(record(1, version as usize).1))
            }
        }
    };
    let mut gone = Box::pin(cache.read(locator, Demand::Cached, load.clone()));
    assert!(is_pending(gone.as_mut()));
    tokio::task::yield_now().await;
    clock.0.store(3_601, Ordering::Relaxed);
    let mut find = Box::pin(cache.read(locator, Demand::Cached, load));
    assert!(is_pending(find.as_mut()));
    gate.add_permits(2);
    let found = find.await.expect("loaded").expect("there");
    assert_eq!(found.version.id, record(1, 1).1.version.id);
    assert_eq!(loads.load(Ordering::Relaxed), 2);
}

/// Of two that save over one version, the second is refused before the first is answered.
#[test]
fn what_has_won_a_race_of_two_saves_is_known() {
    let cache = cache();
    let (locator, base) = record(1, 0);
    Change::begin(&cache, locator).saved(base);
    let [first, second] = [(); 2].map(|()| Change::begin(&cache, locator));
    second.lost();
    assert!(cache.get(&LookupKey::User("1")).is_none());
    first.saved(record(1, 1).1);
    assert!(cache.get(&LookupKey::User("1")).is_some());
}

/// Two writes over what was to be forgotten; the later one's fate is not known.
#[test]
fn a_save_beside_a_write_of_unknown_fate_is_in_doubt_after_an_invalidation_too() {
    let cache = cache();
    save(&cache, 1, 0);
    let (locator, saved) = record(1, 1);
    cache.invalidate_all();
    let [first, second] = [(); 2].map(|()| Change::begin(&cache, locator));
    drop(second);
    first.saved(saved);
    assert!(cache.get(&LookupKey::User("1")).is_none());
}

/// It was given up with the write that took its load off the board.
#[tokio::test]
async fn a_reload_that_came_to_nothing_lets_nothing_older_in() {
    let cache = cache();
    save(&cache, 1, 1);
    let (locator, older) = record(1, 0);
    let mut reload = Box::pin(cache.read(locator, Demand::Reload, || async { std::future::pending().await }));
    assert!(is_pending(reload.as_mut()));
    drop(reload);
    drop(Change::begin(&cache, locator));
    load(&cache, locator, Some(older)).await;
    assert!(cache.get(&LookupKey::User("1")).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_search_that_began_long_ago_is_made_anew() {
    let clock = Arc::new(Frozen(AtomicU64::new(1)));
    let cache = Cache::new(CacheSettings::default(), clock.clone());
    let (key, locator) = (record(1, 0).0, record(2, 0).0);
    let (lists, gate) = (Arc::new(AtomicU64::new(0)), Arc::new(Semaphore::new(0)));
    let list = || {
        let (number, gate) = (lists.fetch_add(1, Ordering::Relaxed), Arc::clone(&gate));
        async move {
            gate.acquire().await.expect("open").forget();
            Ok(if number == 0 { Vec::new() } else { vec![locator] })
        }
    };
    let mut gone = Box::pin(cache.search(key, list));
    assert!(is_pending(gone.as_mut()));
    tokio::task::yield_now().await;
    clock.0.store(3_601, Ordering::Relaxed);
    let mut search = Box::pin(cache.search(key, list));
    assert!(is_pending(search.as_mut()));
    gate.add_permits(2);
    assert_eq!(*search.await.expect("listed").locators, [locator]);
}

/// A client that the application brought runs its code in there.
#[tokio::test]
async fn who_joins_a_search_that_panics_makes_its_own() {
    let cache = cache();
    let (key, locator) = (record(1, 0).0, record(2, 0).0);
    let gate = Arc::new(Semaphore::new(0));
    let panics = || {
        let gate = Arc::clone(&gate);
        async move {
            assert!(gate.acquire().await.is_err(), "as a client may");
            Ok(Vec::new())
        }
    };
    let mut first = Box::pin(cache.search(key, panics));
    assert!(is_pending(first.as_mut()));
    let mut second = Box::pin(cache.search(key, || async move { Ok(vec![locator]) }));
    assert!(is_pending(second.as_mut()));
    gate.add_permits(1);
    assert_eq!(*second.await.expect("listed").locators, [locator]);
    assert!(first.await.is_err());
}

/// A write has left its doubt since it was asked for.
#[test]
fn what_a_save_has_read_before_a_write_of_unclear_order_stays_in_doubt() {
    let cache = cache();
    let (locator, record) = record(1, 0);
    let asked = cache.asking();
    Change::of_earlier_write(&cache, locator).saved(record.clone());
    cache.observed(locator, &record, &asked);
    assert!(cache.get(&LookupKey::User("1")).is_none());
}

#[test]
fn the_doubt_of_before_and_that_of_another_record_are_none_of_what_a_save_has_read() {
    let [(bob, of_bob), (eve, of_eve)] = [record(1, 0), record(2, 0)];
    let is_known = |cache: &Cache| cache.get(&LookupKey::User("1")).is_some();

    let of_before = cache();
    Change::of_earlier_write(&of_before, bob).saved(of_bob.clone());
    assert!(!is_known(&of_before));
    of_before.observed(bob, &of_bob, &of_before.asking());
    assert!(is_known(&of_before));

    let of_another = cache();
    save(&of_another, 1, 0);
    let asked = of_another.asking();
    Change::of_earlier_write(&of_another, eve).saved(of_eve);
    of_another.observed(bob, &of_bob, &asked);
    assert!(is_known(&of_another));
}

#[tokio::test]
async fn that_there_is_nothing_is_forgotten_with_all_else() {
    let cache = cache();
    let locator = record(1, 0).0;
    load(&cache, locator, None).await;
    assert!(matches!(cache.base(&LookupKey::User("1"), false), Some(None)));
    cache.invalidate_all();
    assert!(cache.base(&LookupKey::User("1"), false).is_none());
}

/// Another record may be named by it by now.
#[test]
fn a_key_that_a_record_was_not_named_by_does_not_lead_to_it_without_a_search() {
    let cache = cache();
    let named = OAuthToken::builder().client_id("c").refresh_token("first").build().expect("valid");
    let [first, second] =
        ["first", "second"].map(|refresh_token| LookupKey::Refresh { client_id: "c", refresh_token });
    let rotated = named.new_record().expect("a record").to_builder().refresh_token("second").build();
    let token = Arc::new(rotated.expect("valid").into_found(None));
    let record = Record { token, ..record(1, 0).1 };
    Change::begin(&cache, first.locator()).saved(record.clone());
    assert!(cache.get(&second).is_none());
    cache.resolve(&second, first.locator(), &record);
    assert!(cache.get(&second).is_some());
}
