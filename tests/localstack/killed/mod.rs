//! Real processes on a real LocalStack, killed with SIGKILL at random moments.
//!
//! Eight processes with the store that everybody has, cache and all, log twenty users in and out, change their tokens and
//! refresh them at an OAuth server, three things at once in each process. Again and again one of them is killed in the middle
//! of it, and another one started. Now and then all work is stopped, and everything that Secrets Manager has of each user is
//! compared with what the parent knows: what it told whom, what was acknowledged, and what the OAuth server gave.
//!
//! - one secret a user, all of its fields in each version of it, each version one save on top of the one before;
//! - no save undoes another one's change, or puts back a refresh token that was there before;
//! - what was acknowledged is there, or was deleted by a logout that had not ended before;
//! - what had ended before a logout does not come back;
//! - the refresh token is the newest one. But for one documented limit: its successor was given to a process that was
//!   killed before it had saved it. Such a user has to log in again;
//! - a process that lives on shows all that within its time to live.
//!
//! `OAUTH_TOKEN_STORE_KILLS=400 cargo test --all-features --test localstack killed` kills so many.
//! `OAUTH_TOKEN_STORE_KILLS_SEED` repeats the choices of a run, as far as they do not follow from what had happened: its
//! timing is that of real processes. So a failure shows all that is known of its user.

mod audit;
mod chain;
mod command;
mod ledger;
mod process;
mod worker;

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::error::Error;
use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures_util::future::try_join_all;
use oauth_token_store::TokenId;

use crate::TestResult;
use crate::context::Context;
use crate::dice::Dice;
use crate::oauth_server::{OAuthServer, Rules};

use audit::State;
use chain::{Chain, Reader};
use command::{Outcome, Task};
use ledger::{Deed, Grants, Ledger};
use process::Process;

pub(crate) use worker::work;

type Failure = Box<dyn Error + Send + Sync>;

const PREFIX: &str = "app/tokens";
const PROCESSES: u64 = 8;
const USERS: u64 = 20;
/// So many of them get half of the work, so that processes meet.
const BUSY_USERS: u64 = 4;
/// Of each process's cache: short, so that the test need not wait long at its end.
const TIME_TO_LIVE: Duration = Duration::from_secs(2);
/// How many are killed, unless the environment says more.
const KILLS: u64 = 32;
/// Of so many kills, some hit each kind of request, and each step of a save.
const ENOUGH_TO_HIT_EVERYTHING: u64 = 500;
/// How often a process is killed and replaced before everything is looked at.
const KILLS_BEFORE_AN_AUDIT: u64 = 4;
/// A process is told less than so many things before it may be killed.
const MOST_DEEDS_IN_PEACE: u64 = 16;
/// Then it is killed at some microsecond of these, at work all the time.
const LONGEST_WAIT_FOR_THE_KILL: u64 = 40_000;
/// A user is logged out at the latest after so many deeds: LocalStack keeps a hundred versions.
const DEEDS_BEFORE_A_LOGOUT: usize = 70;
/// The parameter by which the OAuth server knows whom it gives tokens.
const DEED: &str = "deed";
/// No token is good for so long, so it has to be exchanged.
const LONGER_THAN_ANY_TOKEN: u64 = 7_200;
const A_MINUTE: u64 = 60;

/// What all have in common.
struct Scene {
    context: Context,
    server: OAuthServer,
    ledger: Mutex<Ledger>,
    started: AtomicUsize,
    /// What processes were waiting for when they were killed.
    cut_off: Mutex<BTreeMap<String, usize>>,
}

impl Scene {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().expect("no panic while locked")
    }

    fn next_process(&self) -> usize {
        self.started.fetch_add(1, Ordering::Relaxed)
    }

    fn killed(&self, process: usize, cut_off: Vec<String>) {
        self.ledger().killed(process);
        let mut all = self.cut_off.lock().expect("no panic while locked");
        for operation in cut_off {
            *all.entry(operation).or_default() += 1;
        }
    }

    fn log_in(&self, user: &str) -> Task {
        Task::LogIn { response: self.server.login(user) }
    }
}

pub(crate) async fn processes_killed_at_any_moment_tear_and_lose_nothing(context: Context) -> TestResult {
    let kills = from_environment("OAUTH_TOKEN_STORE_KILLS")?.unwrap_or(KILLS);
    let seed = from_environment("OAUTH_TOKEN_STORE_KILLS_SEED")?.unwrap_or_else(random_seed);
    let run = run(context, kills, seed).await;
    run.map_err(|error| format!("seed {seed}, {kills} kills: {error}").into())
}

async fn run(context: Context, kills: u64, seed: u64) -> TestResult {
    let rules = Rules { rotation: true, refreshes_in_ten_minutes: usize::MAX, ..Rules::zoho() };
    let scene = Arc::new(Scene {
        context,
        server: OAuthServer::start(rules).await,
        ledger: Mutex::default(),
        started: AtomicUsize::new(0),
        cut_off: Mutex::default(),
    });
    let mut slots = Vec::new();
    for slot in 0..PROCESSES {
        slots.push(Slot::start(&scene, Dice(seed.wrapping_add(slot << 32))).await?);
    }
    let mut reader = Reader::new(scene.context.client());
    let mut left = kills;
    while left > 0 {
        let now = left.min(PROCESSES * KILLS_BEFORE_AN_AUDIT);
        let share = |slot: u64| now / PROCESSES + u64::from(slot < now % PROCESSES);
        try_join_all((0..).zip(&mut slots).map(|(slot, process)| process.work(share(slot)))).await?;
        audit(&scene, &mut reader).await?;
        left -= now;
    }
    every_cache_shows_the_end(&scene, &mut reader, &mut slots).await?;
    every_refresh_token_that_is_not_lost_is_good(&scene, &mut reader, &mut slots).await?;
    report(&scene, seed, kills)
}

/// A place for a process, which is killed and replaced.
struct Slot {
    scene: Arc<Scene>,
    dice: Dice,
    process: Process,
}

impl Slot {
    async fn start(scene: &Arc<Scene>, dice: Dice) -> Result<Self, Failure> {
        Ok(Self { scene: Arc::clone(scene), dice, process: Process::start(scene).await? })
    }

    /// Lets it work and be killed so many times. Whoever works at the end lives on.
    async fn work(&mut self, kills: u64) -> TestResult {
        for _ in 0..kills {
            let mut life = self.life();
            let in_peace = life.below(MOST_DEEDS_IN_PEACE);
            // Real time: it is real processes that are to be hit at any point of their work.
            let moment = Duration::from_micros(life.below(LONGEST_WAIT_FOR_THE_KILL));
            self.deeds(&mut life, in_peace).await?;
            let in_haste = tokio::time::timeout(moment, self.deeds(&mut life, u64::MAX)).await;
            in_haste.unwrap_or(Ok(()))?;
            let next = Process::start(&self.scene).await?;
            std::mem::replace(&mut self.process, next).kill().await?;
        }
        let mut life = self.life();
        let last = life.below(MOST_DEEDS_IN_PEACE);
        self.deeds(&mut life, last).await?;
        self.process.idle().await
    }

    /// The choices of one life: however long it lasts, the next one's are the same.
    fn life(&mut self) -> Dice {
        Dice(self.dice.below(u64::MAX))
    }

    /// Tells the process to do something, anything, so many times.
    async fn deeds(&mut self, life: &mut Dice, deeds: u64) -> TestResult {
        for _ in 0..deeds {
            let users = if life.below(2) == 0 { BUSY_USERS } else { USERS };
            let user = user(life.below(users));
            let task = self.task(life, &user);
            self.process.tell(&user, task).await?;
        }
        Ok(())
    }

    /// Anything; half of what is done to a user who is logged out is a login.
    fn task(&self, life: &mut Dice, user: &str) -> Task {
        let (choice, logs_in) = (life.below(20), life.below(2) == 0);
        let ledger = self.scene.ledger();
        let is_logged_in = ledger.since_log_out(user).any(Deed::is_log_in);
        if ledger.since_log_out(user).count() > DEEDS_BEFORE_A_LOGOUT {
            return Task::LogOut;
        }
        if !is_logged_in && logs_in {
            return self.scene.log_in(user);
        }
        match choice {
            0..=2 => self.scene.log_in(user),
            3..=10 => Task::Change,
            11..=16 => Task::Refresh { leeway: LONGER_THAN_ANY_TOKEN },
            17 => Task::Refresh { leeway: A_MINUTE },
            18 => Task::Find,
            _ => Task::LogOut,
        }
    }

    /// Tells it something, and waits for the answer.
    async fn ask(&mut self, user: &str, task: Task) -> Result<Outcome, Failure> {
        let number = self.process.tell(user, task).await?;
        self.process.idle().await?;
        let ledger = self.scene.ledger();
        let outcome = ledger.deed(number).and_then(|deed| deed.outcome());
        Ok(outcome.ok_or("no answer")?.clone())
    }
}

/// A user as the audit found it.
struct Found {
    state: State,
    /// The deed that wrote what is current.
    by: Option<usize>,
}

/// Checks every rule for every user. Nobody is at work.
async fn audit(scene: &Scene, reader: &mut Reader<'_>) -> Result<BTreeMap<String, Found>, Failure> {
    let mut chains = reader.chains().await?;
    let grants = Grants::new(scene.server.grants())?;
    let mut ledger = scene.ledger();
    let mut found = BTreeMap::new();
    for user in (0..USERS).map(user) {
        let name = format!("{PREFIX}/{}", TokenId::of_user(&user)?.as_str());
        let chain = chains.remove(&name).transpose();
        let checked = chain.and_then(|chain| {
            let state = audit::audit(&mut ledger, &grants, &user, chain.as_ref());
            let versions = || chain.as_ref().map_or("it has no secret".into(), Chain::show);
            let state = state.map_err(|problem| format!("{problem}\n{}", versions()))?;
            Ok(Found { state, by: chain.map(|chain| chain.last().contents.by) })
        });
        let checked = checked.map_err(|problem| ledger.explained(&user, &problem))?;
        found.insert(user, checked);
    }
    let others: BTreeSet<_> = chains.keys().collect();
    if others.is_empty() { Ok(found) } else { Err(format!("secrets of nobody: {others:?}").into()) }
}

/// Every process has found every user's token; then others change them all, and the time to live passes.
async fn every_cache_shows_the_end(
    scene: &Arc<Scene>,
    reader: &mut Reader<'_>,
    slots: &mut [Slot],
) -> TestResult {
    for slot in &mut *slots {
        for user in (0..USERS).map(user) {
            slot.ask(&user, Task::Find).await?;
        }
    }
    let mut others = Process::start(scene).await?;
    for user in (0..USERS).map(user) {
        others.tell(&user, Task::Change).await?;
    }
    others.idle().await?;
    let end = audit(scene, reader).await?;
    tokio::time::sleep(TIME_TO_LIVE).await;
    for slot in slots {
        for (user, Found { by, .. }) in &end {
            let expected = by.map_or(Outcome::Absent, Outcome::Found);
            let shown = slot.ask(user, Task::Find).await?;
            if shown != expected {
                let problem = format!("it should be {expected}, and is shown as {shown}");
                return Err(scene.ledger().explained(user, &problem).into());
            }
        }
    }
    Ok(())
}

/// What the audit calls lost is refused, and nothing else.
async fn every_refresh_token_that_is_not_lost_is_good(
    scene: &Scene,
    reader: &mut Reader<'_>,
    slots: &mut [Slot],
) -> TestResult {
    let found = audit(scene, reader).await?;
    for ((user, Found { state, .. }), slot) in found.iter().zip((0..slots.len()).cycle()) {
        let outcome = slots[slot].ask(user, Task::Refresh { leeway: LONGER_THAN_ANY_TOKEN }).await?;
        let expected = match state {
            State::LoggedOut => Outcome::Absent,
            State::Fine => Outcome::Done,
            State::Lost => Outcome::Refused,
        };
        if outcome != expected {
            let problem = format!("it is {state:?}, and its refresh is {outcome}");
            return Err(scene.ledger().explained(user, &problem).into());
        }
    }
    audit(scene, reader).await?;
    Ok(())
}

/// Says what was hit. A run that is long enough has hit everything that there is, else it proves less than it says.
fn report(scene: &Scene, seed: u64, kills: u64) -> TestResult {
    let ledger = scene.ledger();
    let grants = Grants::new(scene.server.grants())?;
    let fates = audit::fates(&ledger, &grants);
    let cut_off = scene.cut_off.lock().expect("no panic while locked");
    println!(
        "{kills} processes killed (seed {seed}) in {} deeds, {} of them exchanges.\n\
         Saves that a kill cut off: {fates:?}.\nRequests that a kill cut off: {cut_off:?}.",
        ledger.deeds().count(),
        grants.len(),
    );
    let operations = ["createsecret", "deletesecret", "getsecretvalue", "putsecretvalue", "tagresource"];
    let missed_fate = audit::FATES.into_iter().find(|fate| !fates.contains_key(fate));
    let missed = missed_fate.or(operations.into_iter().find(|operation| !cut_off.contains_key(*operation)));
    match missed.filter(|_| kills >= ENOUGH_TO_HIT_EVERYTHING) {
        Some(missed) => Err(format!("no process was killed at this: {missed}").into()),
        None => Ok(()),
    }
}

fn user(number: u64) -> String {
    format!("user-{number}@example.com")
}

fn from_environment<T: FromStr>(name: &str) -> Result<Option<T>, Failure> {
    match env::var(name) {
        Ok(value) => Ok(Some(value.parse().map_err(|_| format!("{name} is no number: {value:?}"))?)),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// A new one for each run, so that runs differ.
fn random_seed() -> u64 {
    uuid::Uuid::new_v4().as_u64_pair().0
}
