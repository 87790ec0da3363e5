//! Secrets Manager as far as it matters here: which version each token has, and how many requests a second it takes.

use std::time::Duration;

use oauth_token_store::embedded::{Operation, Quotas};

use crate::scenario::{Millis, SECOND, Scenario};

/// The operations that finds, refreshes and listings need.
pub(crate) const OPERATIONS: [Operation; 5] = [
    Operation::GetSecretValue,
    Operation::PutSecretValue,
    Operation::TagResource,
    Operation::ListSecrets,
    Operation::BatchGetSecretValue,
];

/// A token as it is stored. The version of one that is not there is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stored {
    pub(crate) version: u32,
    pub(crate) expiry: Millis,
}

pub(crate) struct Service {
    /// By user.
    records: Vec<Stored>,
    quotas: Quotas,
    enforce_quotas: bool,
    warm_up: Millis,
    tallies: [Tally; OPERATIONS.len()],
}

/// The requests of one operation.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    /// Those that count: from the end of the warm-up on.
    pub(crate) sent: u64,
    /// Those of them that went beyond the quota.
    pub(crate) throttled: u64,
}

impl Service {
    /// All tokens are there, in the middle of their lives.
    pub(crate) fn new(scenario: &Scenario, quotas: Quotas, expiries: impl Iterator<Item = Millis>) -> Self {
        Self {
            records: expiries.map(|expiry| Stored { version: 1, expiry }).collect(),
            quotas,
            enforce_quotas: scenario.enforce_quotas,
            warm_up: scenario.warm_up * SECOND,
            tallies: Default::default(),
        }
    }

    /// Counts a request, and tells whether it is carried out; else it is throttled.
    pub(crate) fn admits(&mut self, operation: Operation, at: Millis) -> bool {
        let is_within = self.quotas.admits(operation, Duration::from_millis(at));
        let tally = &mut self.tallies[index(operation)];
        if at >= self.warm_up {
            tally.sent += 1;
            tally.throttled += u64::from(!is_within);
        }
        is_within || !self.enforce_quotas
    }

    pub(crate) fn get(&self, user: u32) -> Stored {
        self.records.get(user as usize).copied().unwrap_or_default()
    }

    /// Writes the version after `base`; tells whether the slot after it was still free.
    pub(crate) fn put(&mut self, user: u32, base: u32, expiry: Millis) -> bool {
        match self.records.get_mut(user as usize) {
            Some(record) if record.version == base => {
                *record = Stored { version: base + 1, expiry };
                true
            }
            _ => false,
        }
    }

    /// In the order of [`OPERATIONS`].
    pub(crate) fn tallies(&self) -> [Tally; OPERATIONS.len()] {
        self.tallies
    }
}

/// The place of an operation in [`OPERATIONS`].
pub(crate) fn index(operation: Operation) -> usize {
    OPERATIONS.iter().position(|known| *known == operation).unwrap_or(0)
}
