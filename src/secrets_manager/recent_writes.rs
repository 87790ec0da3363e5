//! What this process wrote lately: ListSecrets may not show it yet.

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
    written: HashMap<Locator, Instant>,
    next_sweep: Option<Instant>,
}

impl RecentWrites {
    pub(super) fn note(&self, locator: Locator) {
        let now = Instant::now();
        let mut inner = self.lock();
        inner.sweep(now);
        inner.written.insert(locator, now);
    }

    pub(super) fn forget(&self, locator: &Locator) {
        self.lock().written.remove(locator);
    }

    pub(super) fn all(&self) -> Vec<Locator> {
        let now = Instant::now();
        let inner = self.lock();
        inner.written.iter().filter(|(_, at)| is_recent(**at, now)).map(|(locator, _)| *locator).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Drops what is old, at most once a minute, so that a note costs no walk over all of them.
    fn sweep(&mut self, now: Instant) {
        if self.next_sweep.is_none_or(|at| at <= now) {
            self.written.retain(|_, at| is_recent(*at, now));
            self.next_sweep = Some(now + Duration::from_secs(60));
        }
    }
}

fn is_recent(at: Instant, now: Instant) -> bool {
    now.duration_since(at) < KEPT_FOR
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::LocatorKind;

    #[tokio::test(start_paused = true)]
    async fn a_write_is_remembered_for_ten_minutes_and_then_let_go() {
        let [one, two] = ["bob", "eve"].map(|user| Locator::new(LocatorKind::User, &[user]));
        let writes = RecentWrites::default();
        writes.note(one);
        tokio::time::advance(Duration::from_secs(599)).await;
        assert_eq!(writes.all(), [one]);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(writes.all(), []);
        writes.note(two);
        assert_eq!(writes.lock().written.len(), 1);
        writes.forget(&two);
        assert_eq!(writes.all(), []);
    }
}
