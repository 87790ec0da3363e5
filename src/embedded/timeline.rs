//! The states that one name went through, so that reads can be answered from an older one.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::clock::Timestamp;
use super::secret::Secret;

/// Which state of a name a read sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    /// The latest.
    Now,
    /// As it was at a moment.
    At(Timestamp),
    /// As it was before the last change.
    BeforeLastChange,
}

struct Change {
    at: Timestamp,
    /// `None`: no secret of that name.
    secret: Option<Arc<Secret>>,
}

/// What became of a name, from the oldest state that is still of use to the latest.
#[derive(Default)]
pub(super) struct Timeline {
    changes: VecDeque<Change>,
    /// Whether older states were dropped; if not, there was no secret before the first change.
    truncated: bool,
    /// The day of the last read of each version that was read, of whatever secret has the name now.
    version_accesses: HashMap<String, Timestamp>,
}

impl Timeline {
    pub(super) fn view(&self, view: View) -> Option<&Arc<Secret>> {
        let change = match view {
            View::Now => self.changes.back(),
            View::BeforeLastChange => self.changes.iter().rev().nth(1),
            View::At(moment) => self
                .changes
                .iter()
                .rev()
                .find(|change| change.at <= moment)
                .or_else(|| self.changes.front().filter(|_| self.truncated)),
        };
        change?.secret.as_ref()
    }

    /// Notes the day on which a version was read.
    pub(super) fn touch(&mut self, version_id: &str, day: Timestamp) {
        match self.version_accesses.get_mut(version_id) {
            Some(accessed) => *accessed = day,
            None => {
                self.version_accesses.insert(version_id.to_owned(), day);
            }
        }
    }

    /// Forgets all reads, for a new secret of the name.
    pub(super) fn forget_accesses(&mut self) {
        self.version_accesses.clear();
    }

    /// The day of the last read of any version.
    pub(super) fn last_accessed(&self) -> Option<Timestamp> {
        self.version_accesses.values().max().copied()
    }

    /// The day of the last read of a version.
    pub(super) fn version_accessed(&self, version_id: &str) -> Option<Timestamp> {
        self.version_accesses.get(version_id).copied()
    }

    /// When the latest state began.
    pub(super) fn last_change(&self) -> Option<Timestamp> {
        self.changes.back().map(|change| change.at)
    }

    /// Every secret that any view can still show.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &Arc<Secret>> {
        self.changes.iter().filter_map(|change| change.secret.as_ref())
    }

    /// Adds the latest state and drops what no view within `lag` can show, returning the secrets in it.
    pub(super) fn push(
        &mut self,
        at: Timestamp,
        secret: Option<Arc<Secret>>,
        lag: Duration,
    ) -> Vec<Arc<Secret>> {
        self.changes.push_back(Change { at, secret });
        let oldest_of_use = at.saturating_sub(lag);
        let mut dropped = Vec::new();
        // The second state must already cover the oldest moment; two states stay for `BeforeLastChange`.
        while self.changes.len() > 2 && self.changes[1].at <= oldest_of_use {
            self.truncated = true;
            dropped.extend(self.changes.pop_front().and_then(|change| change.secret));
        }
        dropped
    }
}
