//! Random scripts on three processes, each answer judged by what the model allows.
//!
//! A proptest state machine draws scripts from a [sketch](script::Sketch) of what makes sense next: all operations of a
//! store, saves of tokens that were found long ago or stand in errors, refreshes, time that passes, reads and lists that
//! lag behind, requests that fail, and people in the console. Three processes carry them out over one embedded backend, one
//! after the other: anna without a cache, ben with the one that everybody has, carl with one that forgets after 20 s.
//! (What they do at the same moment is the business of other tests.)
//!
//! After each operation the secrets are read past everything that lags ([`truth`]), and both the answer and what has become
//! of the secrets are compared with what is allowed:
//!
//! - *The contract* ([`contract`]) is written down a second time, over plain maps. `MemoryTokenStore` is brought into the
//!   state of the secrets before each operation, does the same, and must come to what the contract says; so a mistake that
//!   both stores share shows, too.
//! - *A find* may come to whatever the contract says in one of the worlds that the process may take for real
//!   ([`knowledge`]): what the service can show now (the truth, and what was true within the lag; a miss is always
//!   believed), and what memory may hold: nothing that was over for longer than the time to live (an expired token: a
//!   second; a miss: a second; while requests fail: `max_stale` more), nothing from before the process last told what it
//!   knows, wrote, deleted or forgot, and for a minute nothing older than what it has seen. What it has just written or
//!   loaded it must answer from memory. A search may miss only what the list does not show yet, or what has no tag because
//!   the write of the tag failed; of several records that hold one token, a process with a cache may go on with the one it
//!   found first.
//! - *A save* may change one record, to exactly its fields merged over what is really there, where what equals the state
//!   that it started from does not count; or make one, where the process may take it that there is none. It may return
//!   what it has written, or what it could see with nothing to write. A try again may also return what landed before.
//! - *A deletion* that returns has deleted what it must, and nothing that it may not. *Lists* show all that they surely know.
//! - *An error* of a passing kind needs a mishap that explains it. Then the write has happened as a whole or not at all.
//! - *By hand*: a save may undo an edit that its process has not seen, and what somebody restored while a save took it for
//!   deleted is lost; the documentation says so.
//!
//! In the end nothing lags any more and an hour passes: then every process lists and finds exactly what `MemoryTokenStore`
//! does.
//!
//! A failure is reported as the shortest script that shows it. `OAUTH_TOKEN_STORE_MODEL_OPERATIONS` says how many
//! operations there are to be, and `OAUTH_TOKEN_STORE_MODEL_SEED` runs the one script of that seed.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
#![allow(clippy::large_enum_variant, reason = "a script has some dozen steps")]

mod case;
mod contract;
mod judge;
mod knowledge;
mod memory;
mod script;
#[path = "../secrets_manager/support.rs"]
#[allow(dead_code, unused_imports, unused_macros, reason = "shared with other tests, which use more of it")]
mod support;
mod truth;

use std::fmt::Write as _;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use proptest_state_machine::ReferenceStateMachine;

use case::Case;
use script::{Scripts, Step};

/// How many operations, unless `OAUTH_TOKEN_STORE_MODEL_OPERATIONS` says otherwise.
const OPERATIONS: usize = 1_000;

/// How many steps a script has.
const STEPS: usize = 60;

fn from_environment(variable: &str) -> Option<usize> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is no number: {text}")))
}

/// Where a script fails, and how.
struct Failure {
    step: Option<usize>,
    reason: String,
}

/// Runs a script, and says how many operations that were; `begun` is told of each step that is begun.
fn run(script: &[Step], begun: impl Fn()) -> Result<usize, Failure> {
    // The pauses between tries are random, too.
    fastrand::seed(0);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let mut case = Case::new().await;
        for (n, step) in script.iter().enumerate() {
            begun();
            case.run(step).await.map_err(|reason| Failure { step: Some(n), reason })?;
        }
        case.settle().await.map_err(|reason| Failure { step: None, reason })?;
        Ok(case.operations())
    })
}

/// A panic is a failure like any other.
fn outcome(script: &[Step], begun: impl Fn()) -> Result<usize, Failure> {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| run(script, begun)));
    std::panic::set_hook(hook);
    outcome.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or(panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(Failure { step: None, reason: format!("a panic: {}", text.unwrap_or_default()) })
    })
}

/// Leaves out whatever the failure does not need: proptest tries each step once, and some can only go after others.
fn shortest(mut script: Vec<Step>) -> Vec<Step> {
    let mut n = script.len();
    while n > 0 {
        n -= 1;
        let mut shorter = script.clone();
        shorter.remove(n);
        if let Err(failure) = outcome(&shorter, || {}) {
            script = shorter;
            script.truncate(failure.step.map_or(script.len(), |step| step + 1));
            n = script.len();
        }
    }
    script
}

fn told(script: &[Step], seed: usize) -> String {
    let mut told = String::from("\n");
    for (n, step) in script.iter().enumerate() {
        writeln!(told, "{:3}. {step}", n + 1).unwrap();
    }
    if let Err(failure) = outcome(script, || {}) {
        let place = failure.step.map_or("in the end".to_owned(), |step| format!("step {}", step + 1));
        writeln!(told, "  => {place}: {}", failure.reason).unwrap();
    }
    write!(told, "  OAUTH_TOKEN_STORE_MODEL_SEED={seed} cargo test --all-features --test model_based")
        .unwrap();
    told
}

/// Runs the script of this seed; returns how many operations it has.
fn try_script(seed: usize) -> Result<usize, String> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&u64::try_from(seed).unwrap().to_le_bytes());
    let config = Config { cases: 1, failure_persistence: None, max_shrink_iters: 4_000, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let operations = AtomicUsize::new(0);
    let tried = runner.run(&Scripts::sequential_strategy(STEPS), |(_, script, seen)| {
        let outcome = outcome(&script, || {
            // So that proptest cuts off what was never begun.
            if let Some(seen) = &seen {
                seen.fetch_add(1, Ordering::SeqCst);
            }
        });
        match outcome {
            Ok(done) => drop(operations.fetch_add(done, Ordering::Relaxed)),
            Err(failure) => return Err(TestCaseError::fail(failure.reason)),
        }
        Ok(())
    });
    match tried {
        Ok(()) => Ok(operations.into_inner()),
        Err(TestError::Fail(_, (_, script, _))) => Err(told(&shortest(script), seed)),
        Err(TestError::Abort(reason)) => Err(format!("no script could be made: {reason}")),
    }
}

#[test]
fn every_process_answers_as_the_model_allows() {
    if let Some(seed) = from_environment("OAUTH_TOKEN_STORE_MODEL_SEED") {
        let operations = try_script(seed).unwrap_or_else(|failure| panic!("{failure}"));
        println!("{operations} operations in the script of seed {seed}");
        return;
    }
    let operations = from_environment("OAUTH_TOKEN_STORE_MODEL_OPERATIONS").unwrap_or(OPERATIONS);
    let (mut done, mut seed, mut failures) = (0, 0, String::new());
    // One cause often fails several scripts, and not every one of them tells it well.
    while done < operations && failures.lines().count() < 80 {
        match try_script(seed) {
            Ok(operations) => done += operations,
            Err(failure) => failures += &failure,
        }
        seed += 1;
    }
    assert!(failures.is_empty(), "{failures}");
    println!("{done} operations in {seed} scripts");
    assert!(done >= operations);
}
