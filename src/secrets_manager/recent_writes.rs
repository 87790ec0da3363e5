//! What this process wrote lately: ListSecrets and its filters may not show it yet.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::contract::Locator;

/// Twice the lag that AWS documents for ListSecrets.
const KEPT_FOR: Duration = Duration::from_secs(600);

/// Locators of records that this process wrote in the last ten minutes.
#[derive(Default)]
pub(super) struct RecentWrites(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    written: HashMap<Locator, Written>,
    /// How many writes have been noted: an order that holds within one tick of the clock, too.
    noted: u64,
    next_sweep: Option<Instant>,
}

struct Written {
    /// The keys, beyond its name, that the record can be searched by.
    keys: Vec<Locator>,
    /// The secret's, once it is known.
    arn: Option<String>,
    at: Instant,
    number: u64,
}

/// A moment between two writes.
#[derive(Clone, Copy)]
pub(super) struct Moment(u64);

impl RecentWrites {
    /// Notes a write that is about to be sent. It may be refused, and what was written before it stands then.
    pub(super) fn note_sending(&self, locator: Locator, mut keys: Vec<Locator>, arn: Option<&str>) {
        let mut inner = self.lock();
        let before = inner.written.remove(&locator);
        let is_of_another = before.as_ref().is_some_and(|before| before.arn.as_deref() != arn);
        keys.extend(before.into_iter().flat_map(|before| before.keys));
        keys.sort_unstable();
        keys.dedup();
        inner.note(locator, keys, arn.filter(|_| !is_of_another));
    }

    /// Notes a write that has landed.
    pub(super) fn note_landed(&self, locator: Locator, keys: Vec<Locator>, arn: &str) {
        self.lock().note(locator, keys, Some(arn));
    }

    pub(super) fn now(&self) -> Moment {
        Moment(self.lock().noted)
    }

    /// Forgets a write that a deletion has undone: of whatever had the name, or of the secret of this ARN alone. One noted
    /// since the deletion began may have come after it.
    pub(super) fn forget(&self, locator: &Locator, arn: Option<&str>, deletion_began: Moment) {
        let mut inner = self.lock();
        let is_undone = |written: &Written| {
            written.number <= deletion_began.0 && arn.is_none_or(|arn| written.arn.as_deref() == Some(arn))
        };
        if inner.written.get(locator).is_some_and(is_undone) {
            inner.written.remove(locator);
        }
    }

    /// Whether a record of this name was written not long ago.
    pub(super) fn contains(&self, locator: &Locator) -> bool {
        let now = Instant::now();
        self.lock().written.get(locator).is_some_and(|written| written.is_recent(now))
    }

    pub(super) fn all(&self) -> Vec<Locator> {
        let now = Instant::now();
        let inner = self.lock();
        let recent = inner.written.iter().filter(|(_, written)| written.is_recent(now));
        recent.map(|(locator, _)| *locator).collect()
    }

    /// The records that held this key when they were written.
    pub(super) fn holding(&self, key: &Locator) -> Vec<Locator> {
        let now = Instant::now();
        let inner = self.lock();
        let recent = inner.written.iter().filter(|(_, written)| written.is_recent(now));
        recent.filter(|(_, written)| written.keys.contains(key)).map(|(locator, _)| *locator).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn note(&mut self, locator: Locator, keys: Vec<Locator>, arn: Option<&str>) {
        let at = Instant::now();
        self.sweep(at);
        self.noted += 1;
        let (arn, number) = (arn.map(str::to_owned), self.noted);
        self.written.insert(locator, Written { keys, arn, at, number });
    }

    /// Drops what is old, at most once a minute, so that a note costs no walk over all of them.
    fn sweep(&mut self, now: Instant) {
        if self.next_sweep.is_none_or(|at| at <= now) {
            self.written.retain(|_, written| written.is_recent(now));
            self.next_sweep = Some(now + Duration::from_secs(60));
        }
    }
}

impl Written {
    fn is_recent(&self, now: Instant) -> bool {
        now.duration_since(self.at) < KEPT_FOR
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::LocatorKind;

    #[tokio::test(start_paused = true)]
    async fn a_write_is_remembered_for_ten_minutes_and_then_let_go() {
        let [one, two] = ["bob", "eve"].map(|user| Locator::new(LocatorKind::User, &[user]));
        let key = Locator::new(LocatorKind::Access, &["token"]);
        let writes = RecentWrites::default();
        writes.note_landed(one, vec![key], "one");
        assert_eq!((writes.holding(&key), writes.holding(&two)), (vec![one], vec![]));
        tokio::time::advance(Duration::from_secs(599)).await;
        assert_eq!(writes.all(), [one]);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(writes.all(), []);
        assert_eq!(writes.holding(&key), []);
        writes.note_landed(two, Vec::new(), "two");
        assert_eq!(writes.lock().written.len(), 1);
        let began = writes.now();
        writes.note_landed(two, Vec::new(), "two");
        writes.forget(&two, None, began);
        assert_eq!(writes.all(), [two]);
        writes.forget(&two, None, writes.now());
        assert_eq!(writes.all(), []);
    }

    #[tokio::test]
    async fn a_deletion_of_one_secret_undoes_no_write_of_another() {
        let bob = Locator::new(LocatorKind::User, &["bob"]);
        let [old, new] = ["old", "new"].map(|token| Locator::new(LocatorKind::Access, &[token]));
        let writes = RecentWrites::default();
        let is_kept_after_deletion_of = |arn| {
            writes.forget(&bob, Some(arn), writes.now());
            !writes.all().is_empty()
        };
        // A new one, whose ARN is not known yet.
        writes.note_sending(bob, vec![old], None);
        assert!(is_kept_after_deletion_of("one"));
        writes.note_landed(bob, vec![old], "two");
        assert!(is_kept_after_deletion_of("one"));
        // To a predecessor that is gone: it will be refused.
        writes.note_sending(bob, vec![new], Some("one"));
        assert_eq!([old, new].map(|key| writes.holding(&key)), [[bob], [bob]]);
        assert!(is_kept_after_deletion_of("one"));
        writes.note_landed(bob, vec![new], "two");
        assert_eq!((writes.holding(&old), writes.holding(&new)), (vec![], vec![bob]));
        assert!(!is_kept_after_deletion_of("two"));
    }
}
