//! What can be said without a simulation.

use oauth_token_store::embedded::{Operation, Quotas};

use crate::formula;
use crate::memory::life;
use crate::report::Report;
use crate::scenario::Scenario;
use crate::service::{OPERATIONS, index};
use crate::simulation::{Outcome, simulate};

/// Long enough for the law of large numbers.
fn large() -> Scenario {
    Scenario { tokens: 1_000, instances: 20, rate: 50.0, ..Scenario::default() }
}

#[track_caller]
fn assert_near(simulated: f64, expected: f64, percent: f64) {
    let difference = 100.0 * (simulated / expected - 1.0).abs();
    assert!(difference < percent, "simulated {simulated}, expected {expected}");
}

#[test]
fn the_hit_rate_is_that_of_the_formula() {
    for (zipf, time_to_live) in [(0.0, 300), (0.0, 60), (1.0, 300)] {
        // Tokens that live for ever, as far as the simulation goes.
        let scenario = Scenario { zipf, time_to_live, refresh_every: 1_000_000_000, ..large() };
        let outcome = simulate(&scenario, Quotas::aws());
        let hit_rate = Report::of(&scenario, &outcome).hit_rate();
        assert_near(hit_rate, formula::hit_rate(&scenario), 2.0);
        let gets = outcome.requests[index(Operation::GetSecretValue)].sent;
        assert_eq!(outcome.exchanges, 0);
        // Some joined the load of another.
        assert!(gets <= outcome.finds - outcome.hits, "{outcome:?}");
        assert_near(gets as f64, (outcome.finds - outcome.hits) as f64, 1.0);
    }
}

#[test]
fn each_token_in_use_is_refreshed_once_in_its_life() {
    for (zipf, refresh_every, rate) in [(0.0, 3_600, 50.0), (0.0, 900, 2.0), (1.0, 3_600, 50.0)] {
        let scenario = Scenario { zipf, refresh_every, rate, ..large() };
        let outcome = simulate(&scenario, Quotas::aws());
        let puts = outcome.requests[index(Operation::PutSecretValue)].sent - outcome.collisions;
        let expected = formula::refreshes(&scenario) * scenario.duration as f64;
        assert_near(puts as f64, expected, 4.0);
    }
}

/// They come back with nothing in memory, so more is read.
#[test]
fn instances_are_replaced_one_after_the_other() {
    const HOUR: u64 = 3_600_000;
    let lives = |at| (0..4).map(|instance| life(instance, 4, HOUR, at)).collect::<Vec<_>>();
    assert_eq!(lives(0), [0, 0, 0, 0]);
    assert_eq!(lives(HOUR / 4), [0, 0, 0, 1]);
    assert_eq!(lives(HOUR), [1, 1, 1, 1]);
    assert_eq!(lives(2 * HOUR - 1), [1, 2, 2, 2]);
    let loads = |recycle_after| {
        let scenario = Scenario { recycle_after, refresh_every: 1_000_000_000, ..large() };
        let outcome = simulate(&scenario, Quotas::aws());
        outcome.requests[index(Operation::GetSecretValue)].sent
    };
    // Within a life of five minutes an instance reads each token that it uses at least once.
    let (kept, replaced) = (loads(0), loads(300));
    assert!(replaced > kept + kept / 10, "{replaced} loads where instances are replaced, {kept} where not");
}

#[test]
fn the_cost_is_that_of_the_secrets_and_of_the_requests() {
    assert_near(formula::cost(1_000, 0.0), 400.0, 1e-9);
    // A million in a month of 730 hours.
    assert_near(formula::cost(0, 1e6 / (730.0 * 3_600.0)), 5.0, 1e-9);
    let scenario = large();
    let outcome = simulate(&scenario, Quotas::aws());
    let report = Report::of(&scenario, &outcome);
    let requests: u64 = outcome.requests.iter().map(|tally| tally.sent).sum();
    let per_second = requests as f64 / scenario.duration as f64;
    let sum: f64 = OPERATIONS.iter().map(|operation| report.per_second(*operation)).sum();
    assert_near(sum, per_second, 1e-9);
    assert_near(report.cost(), 400.0 + per_second * 730.0 * 3_600.0 / 10_000.0 * 0.05, 1e-9);
}

#[test]
fn the_fullest_quota_is_that_of_puts_where_many_tokens_are_refreshed_and_of_gets_where_many_are_read() {
    let report =
        |scenario: &Scenario| Report::of(scenario, &simulate(scenario, Quotas::aws())).fullest_quota();
    let (operation, used) = report(&large());
    assert_eq!(operation, Operation::PutSecretValue);
    assert_near(used, formula::refreshes(&large()) / 50.0, 10.0);
    let uncached = Scenario {
        time_to_live: 0,
        rate: 500.0,
        refresh_every: 100_000,
        warm_up: 0,
        duration: 600,
        ..large()
    };
    let (operation, used) = report(&uncached);
    assert_eq!(operation, Operation::GetSecretValue);
    assert_near(used, 500.0 / 10_000.0, 4.0);
}

#[test]
fn quotas_that_are_only_counted_change_nothing_but_the_count() {
    let none = Quotas::aws().limit(&[Operation::GetSecretValue], 0);
    let counted = Scenario { enforce_quotas: false, ..large() };
    let free = simulate(&counted, Quotas::none());
    let counted = simulate(&counted, none.clone());
    let get = index(Operation::GetSecretValue);
    assert_eq!((counted.finds, counted.hits, counted.failures), (free.finds, free.hits, 0));
    assert_eq!(counted.requests[get].sent, free.requests[get].sent);
    assert_eq!((counted.requests[get].throttled, free.requests[get].throttled), (free.requests[get].sent, 0));
    let Outcome { finds, hits, failures, requests, .. } = simulate(&large(), none);
    assert!(hits == 0 && failures > finds / 2, "{failures} of {finds} failed");
    assert_eq!(requests[get].throttled, requests[get].sent);
}

#[test]
fn what_secrets_manager_does_not_take_at_any_rate_is_said() {
    let notes = |scenario: Scenario| Report::of(&scenario, &Outcome::default()).notes();
    let standard = notes(large());
    assert_eq!(standard, ["by the formulas: 41.6 % in memory, 0.28 refreshes/s"]);
    assert_eq!(notes(Scenario { tokens: 500_001, ..large() })[1..], ["a Region holds 500000 secrets"]);
    let often = notes(Scenario { refresh_every: 600, ..large() });
    assert!(often.len() == 2 && often[1].contains("every 540 s"), "{often:?}");
}
