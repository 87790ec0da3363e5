//! What came of a scenario, as a row of a table.

use oauth_token_store::embedded::{Operation, Quotas};

use crate::formula;
use crate::scenario::Scenario;
use crate::service::{OPERATIONS, index};
use crate::simulation::Outcome;

/// AWS's other limits.
const SECRETS_IN_A_REGION: u32 = 500_000;
/// A hundred versions a day, which is how many are kept.
const SECONDS_PER_VERSION: u64 = 24 * 3_600 / 100;

pub(crate) const HEADER: &str = concat!(
    "  tokens  instances   finds/s  in memory     Get/s    Put/s    Tag/s  List/s  Batch/s",
    "  throttled/s  failed  fullest quota           $/month"
);

/// The figures of one scenario.
pub(crate) struct Report<'a> {
    scenario: &'a Scenario,
    outcome: &'a Outcome,
}

impl<'a> Report<'a> {
    pub(crate) fn of(scenario: &'a Scenario, outcome: &'a Outcome) -> Self {
        Self { scenario, outcome }
    }

    pub(crate) fn hit_rate(&self) -> f64 {
        self.outcome.hits as f64 / self.outcome.finds.max(1) as f64
    }

    pub(crate) fn per_second(&self, operation: Operation) -> f64 {
        self.outcome.requests[index(operation)].sent as f64 / self.scenario.duration as f64
    }

    /// Dollars a month.
    pub(crate) fn cost(&self) -> f64 {
        let requests: f64 = OPERATIONS.iter().map(|operation| self.per_second(*operation)).sum();
        formula::cost(self.scenario.tokens, requests)
    }

    /// The operation whose quota is used up most, and how much of it.
    pub(crate) fn fullest_quota(&self) -> (Operation, f64) {
        let quotas = Quotas::aws();
        let used = OPERATIONS.map(|operation| {
            let quota = f64::from(quotas.per_second(operation).unwrap_or(u32::MAX));
            (operation, self.per_second(operation) / quota)
        });
        // The last of equals would win: Put says more than Tag, which goes with it.
        used.into_iter().rev().max_by(|(_, one), (_, other)| one.total_cmp(other)).unwrap_or(used[0])
    }

    pub(crate) fn row(&self) -> String {
        let Scenario { tokens, instances, rate, duration, .. } = self.scenario;
        let [get, put, tag, list, batch] = OPERATIONS.map(|operation| self.per_second(operation));
        let throttled: u64 = self.outcome.requests.iter().map(|tally| tally.throttled).sum();
        let throttled = throttled as f64 / *duration as f64;
        let failed = 100.0 * self.outcome.failures as f64 / self.outcome.finds.max(1) as f64;
        let (in_memory, cost) = (100.0 * self.hit_rate(), self.cost());
        let (fullest, used) = self.fullest_quota();
        let (fullest, used) = (fullest.name(), 100.0 * used);
        format!(
            "{tokens:>8} {instances:>10} {rate:>9.0} {in_memory:>8.1} % {get:>9.1} {put:>8.2} {tag:>8.2} \
             {list:>7.2} {batch:>8.2} {throttled:>12.2} {failed:>5.1} % {used:>5.0} % {fullest:<14} {cost:>9.0}"
        )
    }

    /// What is expected without a simulation, and what Secrets Manager does not take, whatever the rates are.
    pub(crate) fn notes(&self) -> Vec<String> {
        let (hit_rate, refreshes) =
            (100.0 * formula::hit_rate(self.scenario), formula::refreshes(self.scenario));
        let mut notes =
            vec![format!("by the formulas: {hit_rate:.1} % in memory, {refreshes:.2} refreshes/s")];
        if self.scenario.tokens > SECRETS_IN_A_REGION {
            notes.push(format!("a Region holds {SECRETS_IN_A_REGION} secrets"));
        }
        let interval = self.scenario.refresh_every - self.scenario.leeway;
        if interval < SECONDS_PER_VERSION {
            notes.push(format!(
                "a token in use is written every {interval} s, and its versions are used up if that is less than \
                 {SECONDS_PER_VERSION} s"
            ));
        }
        notes
    }
}
