//! What all handles and clients share.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::clock::Clock;
use super::counts::Counters;
use super::error::{Result, ServiceError};
use super::fault::Faults;
use super::gate::Gates;
use super::operations::{self, Context};
use super::request::Call;
use super::state::State;

/// The account, and what a test has arranged around it.
pub(super) struct Backend {
    clock: Clock,
    state: Mutex<State>,
    pub(super) counters: Counters,
    /// What the quotas have refused.
    pub(super) throttled: Counters,
    pub(super) faults: Faults,
    pub(super) gates: Gates,
}

impl Backend {
    pub(super) fn new() -> Self {
        Self {
            clock: Clock::new(),
            state: Mutex::default(),
            counters: Counters::default(),
            throttled: Counters::default(),
            faults: Faults::default(),
            gates: Gates::default(),
        }
    }

    /// Carries out a request, at once and as a whole: every operation is atomic. Beyond its quota it is throttled.
    pub(super) fn execute(&self, call: &Call) -> Result<Value> {
        let (mut state, now) = (self.lock(), self.clock.now());
        if !state.quotas.admits(call.operation, now) {
            self.throttled.record(Some(call.operation));
            return Err(ServiceError::throttling());
        }
        let request = call.request.as_ref().map_err(Clone::clone)?;
        let mut context = Context {
            state: &mut state,
            now,
            entry_fault: &|secret_id| self.faults.decide_entry(call, secret_id),
        };
        operations::execute(call.operation, request, &mut context)
    }

    /// The account as it is now, deletions that have come due carried out.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        state.sweep(self.clock.now());
        state
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
