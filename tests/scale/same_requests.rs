//! The simulation against real stores, scenario by scenario.

use oauth_token_store::embedded::{Operation, Quotas};

use crate::real;
use crate::scenario::Scenario;
use crate::service::{OPERATIONS, index};
use crate::simulation::{Outcome, simulate};

fn from_environment(name: &str, standard: u64) -> u64 {
    std::env::var(name).map_or(standard, |value| value.parse().expect("a number"))
}

/// Two counts, and how far they may be apart: so many in a hundred, and of small counts some more.
#[track_caller]
fn assert_near(what: &str, simulated: u64, real: u64, percent: f64, scenario: &Scenario) {
    let tolerance = real as f64 * percent / 100.0 + (real as f64).sqrt().min(10.0);
    let difference = simulated.abs_diff(real);
    println!("{what}: simulated {simulated}, real {real}, seed {}", scenario.seed);
    assert!(difference as f64 <= tolerance, "{what}: simulated {simulated}, real {real} in {scenario:?}");
}

/// Both do a scenario, with each seed; the simulation's requests are to be within so many per cent of the real ones.
async fn compare(scenario: Scenario, quotas: Quotas, percent: f64, is_as_meant: fn(&Outcome) -> bool) {
    let first = from_environment("OAUTH_TOKEN_STORE_SCALE_SEED", 1);
    for seed in first..first + from_environment("OAUTH_TOKEN_STORE_SCALE_SEEDS", 1) {
        let scenario = Scenario { seed, warm_up: 0, ..scenario.clone() };
        let simulated = simulate(&scenario, quotas.clone());
        assert!(is_as_meant(&simulated), "it does not show what it is for: {simulated:?}");
        let real = real::run(&scenario, quotas.clone()).await;
        for operation in OPERATIONS {
            let tally = simulated.requests[index(operation)];
            let name = operation.name();
            assert_near(name, tally.sent, real.requests.count(operation), percent, &scenario);
            let name = format!("throttled {name}");
            assert_near(&name, tally.throttled, real.throttled.count(operation), percent, &scenario);
        }
        let simulated_in_all: u64 = simulated.requests.iter().map(|tally| tally.sent).sum();
        assert_near("all requests", simulated_in_all, real.requests.total(), percent, &scenario);
        assert_near("exchanges", simulated.exchanges, real.exchanges, percent, &scenario);
        assert_near("failures", simulated.failures, real.failures, percent, &scenario);
    }
}

fn small() -> Scenario {
    let size = Scenario { tokens: 40, instances: 3, rate: 0.25, ..Scenario::default() };
    Scenario { duration: 4 * 3_600, ..size }
}

fn sent(outcome: &Outcome, operation: Operation) -> u64 {
    outcome.requests[index(operation)].sent
}

#[tokio::test(start_paused = true)]
async fn as_most_services_are() {
    let scenario = Scenario { list_every: 3_600, recycle_after: 7_200, unknown: 0.05, ..small() };
    let is_as_meant = |outcome: &Outcome| {
        outcome.hits > 500 && OPERATIONS.iter().all(|operation| sent(outcome, *operation) > 0)
    };
    compare(scenario, Quotas::aws(), 1.0, is_as_meant).await;
}

#[tokio::test(start_paused = true)]
async fn with_some_users_who_come_often() {
    let scenario = Scenario { zipf: 1.0, rate: 0.5, duration: 2 * 3_600, ..small() };
    compare(scenario, Quotas::aws(), 1.0, |outcome| outcome.hits > 1_000).await;
}

#[tokio::test(start_paused = true)]
async fn without_a_cache() {
    let scenario = Scenario { time_to_live: 0, duration: 2 * 3_600, ..small() };
    compare(scenario, Quotas::aws(), 1.0, |outcome| outcome.hits == 0).await;
}

#[tokio::test(start_paused = true)]
async fn without_an_index_of_access_tokens() {
    let scenario = Scenario { index_access_tokens: false, duration: 2 * 3_600, ..small() };
    let is_as_meant =
        |outcome: &Outcome| sent(outcome, Operation::TagResource) == 0 && outcome.exchanges > 40;
    compare(scenario, Quotas::aws(), 1.0, is_as_meant).await;
}

/// Five users whom all instances serve at once, and a slow OAuth server.
#[tokio::test(start_paused = true)]
async fn where_instances_refresh_the_same_token_at_once() {
    let scenario = Scenario {
        tokens: 5,
        instances: 4,
        rate: 5.0,
        refresh_every: 300,
        time_to_live: 60,
        exchange: 1_500,
        duration: 1_500,
        ..small()
    };
    compare(scenario, Quotas::aws(), 3.0, |outcome| outcome.collisions > 20).await;
}

/// Without a leeway a token is still in use when it counts as expired: then it is read again once a second.
#[tokio::test(start_paused = true)]
async fn where_tokens_are_used_until_they_expire() {
    let scenario = Scenario {
        tokens: 5,
        instances: 2,
        rate: 5.0,
        refresh_every: 60,
        leeway: 0,
        duration: 400,
        ..small()
    };
    compare(scenario, Quotas::aws(), 1.0, |outcome| outcome.hits > 500 && outcome.exchanges > 20).await;
}

/// Tokens that live for two seconds, and room for a few Puts only.
#[tokio::test(start_paused = true)]
async fn where_writes_are_throttled() {
    let scenario = Scenario {
        tokens: 60,
        instances: 3,
        rate: 30.0,
        refresh_every: 62,
        time_to_live: 60,
        duration: 15,
        ..small()
    };
    let quotas = Quotas::aws().limit(&[Operation::PutSecretValue], 5);
    let is_as_meant = |outcome: &Outcome| {
        let puts = outcome.requests[index(Operation::PutSecretValue)];
        puts.throttled > 100 && puts.throttled < puts.sent
    };
    compare(scenario, quotas, 12.0, is_as_meant).await;
}

/// Room for a quarter of what is in use. moka evicts in batches, so for a while there is room for more.
#[tokio::test(start_paused = true)]
async fn where_memory_is_short() {
    let scenario =
        Scenario { tokens: 400, instances: 1, rate: 2.0, max_capacity: 100, duration: 900, ..small() };
    compare(scenario, Quotas::aws(), 10.0, |outcome| outcome.hits > 100).await;
}
