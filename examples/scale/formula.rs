//! What can be said without a simulation.

use crate::arrivals::weights;
use crate::scenario::Scenario;

/// [AWS's prices], in dollars.
///
/// [AWS's prices]: https://aws.amazon.com/secrets-manager/pricing/
const SECRET_MONTH: f64 = 0.40;
const REQUEST: f64 = 0.05 / 10_000.0;

/// As AWS counts it: 730 hours.
const SECONDS_OF_A_MONTH: f64 = 730.0 * 3_600.0;

/// Dollars a month.
pub(crate) fn cost(tokens: u32, requests_per_second: f64) -> f64 {
    f64::from(tokens) * SECRET_MONTH + requests_per_second * SECONDS_OF_A_MONTH * REQUEST
}

/// The share of finds that are answered from memory, if tokens lived for ever and there was room for all: of the finds of one
/// instance for one user, the one that loads the token, and those within the time to live after it.
pub(crate) fn hit_rate(scenario: &Scenario) -> f64 {
    // Jitter takes a tenth at most.
    let time_to_live = scenario.time_to_live as f64 * 0.95;
    let sum: f64 = weights(scenario).sum();
    let hits = weights(scenario).map(|weight| {
        let share = weight / sum;
        let finds = scenario.rate * share / f64::from(scenario.instances) * time_to_live;
        share * finds / (1.0 + finds)
    });
    hits.sum()
}

/// How many tokens are refreshed in a second: each when it is wanted for the first time after the end of its life.
pub(crate) fn refreshes(scenario: &Scenario) -> f64 {
    let life = (scenario.refresh_every - scenario.leeway) as f64;
    let sum: f64 = weights(scenario).sum();
    let rate = scenario.rate * (1.0 - scenario.unknown);
    weights(scenario).map(|weight| 1.0 / (life + sum / (rate * weight))).sum()
}
