//! All secrets of the account, with as much of their past as lagging reads need.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use super::arn::SecretId;
use super::clock::{Timestamp, day_of};
use super::error::{Result, ServiceError};
use super::quotas::Quotas;
use super::secret::Secret;
use super::timeline::{Timeline, View};

/// How many deleted names keep their last state for stale reads, however long ago they were deleted.
const REMEMBERED_DELETIONS: usize = 1_024;

/// What the user of the backend can set.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Settings {
    pub(super) list_lag: Duration,
    pub(super) read_lag: Duration,
    /// How many reads are still to be answered from the state before the last change.
    pub(super) stale_reads: usize,
    pub(super) deletion_linger: Duration,
    pub(super) empty_pages: bool,
}

/// The account.
#[derive(Default)]
pub(super) struct State {
    pub(super) settings: Settings,
    pub(super) quotas: Quotas,
    timelines: HashMap<String, Timeline>,
    /// The names by the serials of their secrets: the order in which listings go, deleted ones included for as
    /// long as a view can show them.
    by_creation: BTreeMap<u64, String>,
    /// The deletions that are still to happen.
    due: BTreeSet<(Timestamp, String)>,
    /// The names that were deleted, oldest first.
    deleted: VecDeque<(Timestamp, String)>,
    created: u64,
}

impl State {
    /// Which state single reads see now; uses up one stale read.
    pub(super) fn read_view(&mut self, now: Timestamp) -> View {
        if self.settings.stale_reads > 0 {
            self.settings.stale_reads -= 1;
            return View::BeforeLastChange;
        }
        Self::lagging(now, self.settings.read_lag)
    }

    /// Which state listings see now.
    pub(super) fn list_view(&self, now: Timestamp) -> View {
        Self::lagging(now, self.settings.list_lag)
    }

    /// Which state the values of a filtered batch are read from: lagging, but never stale by count.
    pub(super) fn value_view(&self, now: Timestamp) -> View {
        Self::lagging(now, self.settings.read_lag)
    }

    fn lagging(now: Timestamp, lag: Duration) -> View {
        if lag.is_zero() { View::Now } else { View::At(now.saturating_sub(lag)) }
    }

    /// The secret of a name.
    pub(super) fn named(&self, name: &str, view: View) -> Option<&Arc<Secret>> {
        self.timelines.get(name)?.view(view)
    }

    /// The secret that a SecretId stands for: a name, a full ARN, or an ARN without suffix.
    pub(super) fn find(&self, id: &str, view: View) -> Result<&Arc<Secret>> {
        let found = match SecretId::parse(id) {
            SecretId::Name(name) => self.named(name, view),
            SecretId::Arn { arn, name } => SecretId::name_before_suffix(name)
                .and_then(|name| self.named(name, view))
                .filter(|secret| secret.arn == arn)
                .or_else(|| self.named(name, view)),
            SecretId::Foreign => None,
        };
        found.ok_or_else(ServiceError::not_found)
    }

    /// Like [`find`](Self::find), for operations that a scheduled deletion forbids.
    pub(super) fn find_usable(&self, id: &str, view: View) -> Result<&Arc<Secret>> {
        let secret = self.find(id, view)?;
        if secret.deletion.is_some() { Err(ServiceError::marked_for_deletion()) } else { Ok(secret) }
    }

    /// The secrets that a view shows, created after the one with the serial `after`, in that order.
    pub(super) fn created_after(&self, after: Option<u64>, view: View) -> impl Iterator<Item = &Arc<Secret>> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.by_creation.range((start, Bound::Unbounded)).filter_map(move |(serial, name)| {
            self.named(name, view).filter(|secret| secret.serial == *serial)
        })
    }

    /// A serial for a new secret.
    pub(super) fn next_serial(&mut self) -> u64 {
        self.created += 1;
        self.created
    }

    /// Makes `secret` the latest state of its name.
    pub(super) fn put(&mut self, now: Timestamp, secret: Secret) {
        if let Some(deletion) = secret.deletion {
            self.due.insert((deletion.due, secret.name.clone()));
        }
        self.by_creation.insert(secret.serial, secret.name.clone());
        self.record(now, &secret.name.clone(), Some(Arc::new(secret)));
    }

    /// Deletes the secret of a name for good.
    pub(super) fn remove(&mut self, now: Timestamp, name: &str) {
        self.record(now, name, None);
        self.deleted.push_back((now, name.to_owned()));
        self.forget_old_deletions(now);
    }

    /// Carries out the deletions that have come due.
    pub(super) fn sweep(&mut self, now: Timestamp) {
        while self.due.first().is_some_and(|(due, _)| *due <= now) {
            let Some((due, name)) = self.due.pop_first() else {
                return;
            };
            // The secret may have been restored, or deleted and created again, since.
            let still_due = self
                .named(&name, View::Now)
                .and_then(|secret| secret.deletion)
                .is_some_and(|deletion| deletion.due == due);
            if still_due {
                self.remove(due, &name);
            }
        }
    }

    /// Notes that a version of a secret was read.
    pub(super) fn touch(&mut self, name: &str, version_id: &str, now: Timestamp) {
        if let Some(timeline) = self.timelines.get_mut(name) {
            timeline.touch(version_id, day_of(now));
        }
    }

    /// The day of the last read of a name.
    pub(super) fn last_accessed(&self, name: &str) -> Option<Timestamp> {
        self.timelines.get(name)?.last_accessed()
    }

    /// The day of the last read of a version.
    pub(super) fn version_accessed(&self, name: &str, version_id: &str) -> Option<Timestamp> {
        self.timelines.get(name)?.version_accessed(version_id)
    }

    /// The names of all secrets, those scheduled for deletion included, in alphabetical order.
    pub(super) fn names(&self) -> Vec<String> {
        let mut names: Vec<_> =
            self.created_after(None, View::Now).map(|secret| secret.name.clone()).collect();
        names.sort_unstable();
        names
    }

    /// How many secrets there are, those scheduled for deletion included.
    pub(super) fn len(&self) -> usize {
        self.created_after(None, View::Now).count()
    }

    fn record(&mut self, at: Timestamp, name: &str, secret: Option<Arc<Secret>>) {
        let lag = self.longest_lag();
        let timeline = self.timelines.entry(name.to_owned()).or_default();
        // By the serial and not by the dates: on a paused clock a secret is changed in the moment of its creation.
        let serial = |secret: Option<&Arc<Secret>>| secret.map(|secret| secret.serial);
        if serial(secret.as_ref()) != serial(timeline.view(View::Now)) {
            timeline.forget_accesses();
        }
        for dropped in timeline.push(at, secret, lag) {
            if timeline.secrets().all(|kept| kept.serial != dropped.serial) {
                self.by_creation.remove(&dropped.serial);
            }
        }
    }

    fn longest_lag(&self) -> Duration {
        self.settings.list_lag.max(self.settings.read_lag)
    }

    fn forget_old_deletions(&mut self, now: Timestamp) {
        let lag = self.longest_lag();
        while self.deleted.len() > REMEMBERED_DELETIONS
            && self.deleted.front().is_some_and(|(at, _)| at.saturating_add(lag) <= now)
        {
            let Some((at, name)) = self.deleted.pop_front() else {
                return;
            };
            let gone = self.timelines.get(&name).is_some_and(|timeline| {
                timeline.view(View::Now).is_none() && timeline.last_change() == Some(at)
            });
            if let Some(timeline) = gone.then(|| self.timelines.remove(&name)).flatten() {
                for secret in timeline.secrets() {
                    self.by_creation.remove(&secret.serial);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Creates and deletes a secret of this name.
    fn cycle(state: &mut State, name: &str, at: Timestamp) {
        let serial = state.next_serial();
        state.put(at, Secret::new(serial, name, String::new(), at));
        state.remove(at, name);
    }

    #[test]
    fn a_name_that_is_created_again_and_again_keeps_one_former_secret() {
        let mut state = State::default();
        for second in 0..100 {
            cycle(&mut state, "a", SECOND * second);
        }
        assert_eq!(state.timelines["a"].secrets().count(), 1);
        assert_eq!(state.by_creation.len(), 1);
    }

    #[test]
    fn changes_older_than_the_lag_are_dropped() {
        let mut state = State::default();
        state.settings.list_lag = 10 * SECOND;
        let mut secret = Secret::new(state.next_serial(), "a", String::new(), Timestamp::ZERO);
        for second in 0..100 {
            secret.changed = SECOND * second;
            state.put(SECOND * second, secret.clone());
        }
        // One for each second, and one for the moment itself.
        assert_eq!(state.timelines["a"].secrets().count(), 11);
    }

    #[test]
    fn only_so_many_deleted_names_are_remembered() {
        let mut state = State::default();
        for n in 0..2 * REMEMBERED_DELETIONS {
            cycle(&mut state, &n.to_string(), Timestamp::ZERO);
        }
        assert_eq!(state.timelines.len(), REMEMBERED_DELETIONS);
        assert_eq!(state.by_creation.len(), REMEMBERED_DELETIONS);
        assert_eq!(state.deleted.len(), REMEMBERED_DELETIONS);
    }

    #[test]
    fn a_lag_remembers_deleted_names_for_as_long_as_it_shows_them() {
        let mut state = State::default();
        state.settings.list_lag = 10 * SECOND;
        for n in 0..2 * REMEMBERED_DELETIONS {
            cycle(&mut state, &n.to_string(), Timestamp::ZERO);
        }
        assert_eq!(state.timelines.len(), 2 * REMEMBERED_DELETIONS);
        cycle(&mut state, "late", 10 * SECOND);
        assert_eq!(state.timelines.len(), REMEMBERED_DELETIONS);
    }
}
