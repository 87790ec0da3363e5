//! The cache alone, shared by real threads: the same proof as `tests/threads`, without requests, so that a reader meets a
//! writer in the middle of a change a thousand times as often.
//!
//! The service is one number for each record: the step that was written last. Each record has one writer, and the same
//! register says what readers may be shown. What memory answers is checked by every key, hot path and slow path, and so is
//! what a save may be based on.
//!
//! `OAUTH_TOKEN_STORE_THREAD_ROUNDS` says how many hundred steps each writer takes (30 if it is not set):
//!
//! ```sh
//! OAUTH_TOKEN_STORE_THREAD_ROUNDS=20000 cargo test --profile proofs --all-features --lib cache::tests::threads
//! ```

#[path = "../../../tests/threads/register.rs"]
mod register;

use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};
use std::thread;

use fastrand::Rng;
use secrecy::ExposeSecret;
use tokio::runtime::Handle;

use super::*;
use register::{Register, Way, is_there};

const WRITERS: usize = 2;
const READERS: u64 = 2;
const CLIENT: &str = "client";

/// Few, so that readers and writers meet.
const USERS: usize = 4;

/// How many steps a writer takes for each of the rounds that `tests/threads` counts.
const STEPS_A_ROUND: u64 = 100;

struct User {
    name: String,
    own_id: TokenId,
    refresh_token: String,
    locator: Locator,
    /// What the service has: the step that was written last.
    stored: AtomicU64,
    register: Register,
}

struct World {
    cache: Arc<Cache>,
    users: Arc<[User]>,
    runtime: Handle,
    hits: AtomicU64,
    bases: AtomicU64,
    problems: Mutex<Vec<String>>,
    is_over: AtomicBool,
}

impl User {
    fn new(number: usize) -> Self {
        let name = format!("user-{number}");
        Self {
            own_id: TokenId::new(format!("own-{number}")).expect("valid"),
            refresh_token: format!("refresh-{number}"),
            locator: LookupKey::User(&name).locator(),
            stored: AtomicU64::new(0),
            register: Register::default(),
            name,
        }
    }

    /// What the service has after this step. Each deletion makes a new secret.
    fn record(&self, step: u64) -> Option<Record> {
        if !is_there(step) {
            return None;
        }
        let token = OAuthToken::builder()
            .user_name(&self.name)
            .id(self.own_id.as_str())
            .client_id(CLIENT)
            .refresh_token(self.refresh_token.as_str())
            .access_token(format!("{}/{step}", self.name));
        let token = token.build().expect("valid").into_found(None);
        let first = (1..=step).rev().find(|step| !is_there(step - 1)).expect("after a deletion");
        let id = (first..step).fold("base".to_owned(), |id, _| slot_after(&id));
        let version = Version { arn: format!("{}-{first}", self.name), id, created: at(step) };
        Some(Record {
            version: Arc::new(version),
            name: self.locator.as_str().into(),
            token: Arc::new(token),
        })
    }

    fn step_of(&self, token: &OAuthToken) -> Result<u64, String> {
        let access_token = token.access_token().map(|token| token.expose_secret());
        let (name, step) = access_token.and_then(|token| token.split_once('/')).ok_or("no access token")?;
        if name != self.name {
            return Err(format!("the token of {name}"));
        }
        step.parse().map_err(|_| "no step in the access token".to_owned())
    }
}

impl World {
    fn new(capacity: u64, runtime: &Handle) -> Self {
        let settings = CacheSettings { max_capacity: capacity, ..CacheSettings::default() };
        Self {
            cache: Cache::new(settings, Arc::new(SystemClock::new())),
            users: (0..USERS).map(User::new).collect(),
            runtime: runtime.clone(),
            hits: AtomicU64::new(0),
            bases: AtomicU64::new(0),
            problems: Mutex::default(),
            is_over: AtomicBool::new(false),
        }
    }

    fn report(&self, user: &User, problem: &str) {
        let mut problems = self.problems.lock().unwrap_or_else(PoisonError::into_inner);
        problems.push(format!("{}: {problem}", user.name));
        self.is_over.store(true, Ordering::Release);
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }

    /// Takes so many steps with the users whose number is `share` modulo the writers.
    fn write(&self, rng: &mut Rng, share: usize, steps: u64) {
        let own: Vec<_> = self.users.iter().skip(share).step_by(WRITERS).collect();
        for _ in 0..steps {
            if self.is_over() {
                return;
            }
            let user = own[rng.usize(..own.len())];
            let step = user.register.begin();
            if rng.u8(..8) == 0 {
                // The outcome of the first try is not known.
                drop(Change::begin(&self.cache, user.locator));
            }
            let change = Change::begin(&self.cache, user.locator);
            user.stored.store(step, Ordering::SeqCst);
            match user.record(step) {
                Some(record) => change.saved(record),
                None => change.deleted(None, at(step)),
            }
            user.register.publish(step);
            self.check_base(user, step);
            self.forget(rng);
        }
    }

    /// Between the steps of its only writer, a record may be forgotten, but nothing else is a base for the next one.
    fn check_base(&self, user: &User, step: u64) {
        let Some(base) = self.cache.base(&LookupKey::User(&user.name), false) else { return };
        self.bases.fetch_add(1, Ordering::Relaxed);
        let shown = base.map(|record| user.step_of(&record.token));
        if shown != is_there(step).then_some(Ok(step)) {
            self.report(user, &format!("{shown:?} is a base after step {step}"));
        }
    }

    /// Now and then, somebody's record is forgotten, loaded again, or evicted.
    fn forget(&self, rng: &mut Rng) {
        let user = &self.users[rng.usize(..USERS)];
        match rng.u8(..32) {
            0 => self.cache.invalidate(&user.own_id),
            1 => self.cache.invalidate(&TokenId::of_user(&user.name).expect("valid")),
            2 => self.cache.invalidate_all(),
            3 => self.load(user, Demand::Reload),
            4 => self.load(user, Demand::Current),
            // All other threads leave it to moka when something is evicted.
            5..16 => self.cache.bound.settle(),
            _ => {}
        }
    }

    fn read(&self, rng: &mut Rng) {
        while !self.is_over() {
            let user = &self.users[rng.usize(..USERS)];
            for _ in 0..16 {
                self.find(user, rng.u8(..5));
            }
        }
    }

    fn find(&self, user: &User, way: u8) {
        let assigned_id = TokenId::of_user(&user.name).expect("valid");
        let before = user.register.before();
        let access_token = format!("{}/{}", user.name, before.published);
        let (way, key) = match way {
            0 => (Way::Name, LookupKey::User(&user.name)),
            1 => (Way::Name, LookupKey::Id(&assigned_id)),
            2 => (Way::Search, LookupKey::Id(&user.own_id)),
            3 => (Way::Search, LookupKey::Refresh { client_id: CLIENT, refresh_token: &user.refresh_token }),
            _ => (Way::SearchForStep(before.published), LookupKey::Access(&access_token)),
        };
        match self.cache.get(&key) {
            Some(token) => {
                self.hits.fetch_add(1, Ordering::Relaxed);
                let judged =
                    user.step_of(&token).and_then(|step| user.register.after(before, way, Some(step)));
                if let Err(problem) = judged {
                    self.report(user, &problem);
                }
            }
            None => self.load(user, Demand::Cached),
        }
    }

    /// The slow path by name. All other keys lead to what it shows, as after a search.
    fn load(&self, user: &User, demand: Demand) {
        let before = user.register.before();
        let (users, locator) = (Arc::clone(&self.users), user.locator);
        let load = move || {
            let users = Arc::clone(&users);
            async move {
                let user = users.iter().find(|user| user.locator == locator).expect("one of them");
                Ok(user.record(user.stored.load(Ordering::SeqCst)))
            }
        };
        let record = self.runtime.block_on(self.cache.read(locator, demand, load)).expect("it never fails");
        let step = record.as_ref().map(|record| user.step_of(&record.token)).transpose();
        let judged = step.and_then(|step| user.register.after(before, Way::Name, step));
        if let Err(problem) = judged {
            return self.report(user, &problem);
        }
        if let Some(record) = &record {
            for key in LookupKey::all_of(&record.token).filter(LookupKey::is_searchable) {
                self.cache.resolve(&key, locator, record);
            }
        }
    }
}

/// Lets all threads have their way with memory for so many records. What happened in the cache.
fn stress(capacity: u64) -> StoreStats {
    let rounds = std::env::var("OAUTH_TOKEN_STORE_THREAD_ROUNDS");
    let rounds = rounds.map_or(30, |rounds| rounds.parse().expect("a number"));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().expect("a runtime");
    let world = World::new(capacity, runtime.handle());
    thread::scope(|scope| {
        let world = &world;
        for reader in 0..READERS {
            scope.spawn(move || world.read(&mut Rng::with_seed(reader)));
        }
        let write =
            |writer| move || world.write(&mut Rng::with_seed(writer as u64), writer, rounds * STEPS_A_ROUND);
        let writers: Vec<_> = (0..WRITERS).map(|writer| scope.spawn(write(writer))).collect();
        let panics = writers.into_iter().filter_map(|writer| writer.join().err()).count();
        world.is_over.store(true, Ordering::Release);
        assert_eq!(panics, 0);
    });
    let problems = world.problems.lock().unwrap_or_else(PoisonError::into_inner).join("\n");
    assert!(problems.is_empty(), "{problems}");
    let [hits, bases] = [&world.hits, &world.bases].map(|counter| counter.load(Ordering::Relaxed));
    println!("{hits} hits, {bases} bases: {:?}", world.cache.stats());
    assert!(hits > 0 && bases > 0);
    let stats = world.cache.stats();
    // What is forgotten has one key left.
    world.cache.invalidate_all();
    world.cache.bound.settle();
    assert_eq!(world.cache.index.len(), world.cache.index.all().len(), "keys of what is gone are left");
    stats
}

#[test]
fn reads_never_go_back_behind_changes_on_other_threads() {
    assert_eq!(stress(10_000).evictions, 0);
}

#[test]
fn reads_never_go_back_where_entries_are_evicted_all_the_time() {
    assert!(stress(2).evictions > 0);
}
