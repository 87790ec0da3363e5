//! One store, shared by real threads: what may preempt what is up to the machine.
//!
//! Each user's record has one writer, which saves its steps in order, with a deletion among each five, and publishes a
//! step when its write has returned. Readers on other threads ask for all records by every key that leads to them:
//! user, assigned id, own id, refresh token, access token and partial token. What they are shown is checked exactly
//! ([`register`]): nothing older than what was published before the read or than any other reader has seen, nothing that
//! was deleted, nothing that was not asked for, and no miss of what is there. Meanwhile records are invalidated and
//! reloaded, and in one of the scenes memory is so small that records are evicted all the time.
//!
//! `tests/schedules` does the same to the order of requests, one thread at a time, from a seed. Here no seed brings a
//! failure back, only more rounds do. `OAUTH_TOKEN_STORE_THREAD_ROUNDS` says how many steps each writer takes (300 if it
//! is not set):
//!
//! ```sh
//! OAUTH_TOKEN_STORE_THREAD_ROUNDS=20000 cargo test --profile proofs --all-features --test threads
//! ```

#[path = "../secrets_manager/dice.rs"]
mod dice;
mod reader;
mod register;
mod world;
mod writer;

use std::sync::atomic::Ordering;
use std::thread;

use dice::Dice;
use world::World;

const WRITERS: usize = 2;
const READERS: u64 = 3;

#[test]
fn reads_never_go_back_behind_writes_on_other_threads() {
    let evictions = stress(6, 10_000);
    assert_eq!(evictions, 0);
}

#[test]
fn reads_never_go_back_where_records_are_evicted_all_the_time() {
    let evictions = stress(12, 2);
    assert!(evictions > 0, "memory was large enough");
}

/// Lets all threads have their way with so many users' records, in memory for so many. How many were evicted.
fn stress(users: usize, capacity: u64) -> u64 {
    let rounds = std::env::var("OAUTH_TOKEN_STORE_THREAD_ROUNDS");
    let rounds = rounds.map_or(300, |rounds| rounds.parse().expect("a number"));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let world = runtime.block_on(World::new(users, capacity));
    thread::scope(|scope| {
        for reader in 0..READERS {
            let world = &world;
            scope.spawn(move || reader::read(world, Dice(reader)));
        }
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let world = &world;
                scope.spawn(move || writer::write(world, Dice(writer as u64), writer, WRITERS, rounds))
            })
            .collect();
        for writer in writers {
            if writer.join().is_err() {
                world.report("a writer has panicked".to_owned());
            }
        }
        world.end();
    });
    let stats = world.store.stats();
    let [found, missed] = [&world.found, &world.missed].map(|counter| counter.load(Ordering::Relaxed));
    let problems = world.into_problems();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    println!("{found} reads found a token, {missed} none: {stats:?}");
    assert!(found > 0 && missed > 0 && stats.hits > stats.loads, "not what this is about: {stats:?}");
    stats.evictions
}
