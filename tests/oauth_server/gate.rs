//! Where exchanges can be held, so that a test can force an interleaving.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;

/// Exchanges that are held. They leave in the order of their arrival; dropping this opens the gate.
#[must_use = "dropping it opens the gate"]
pub(crate) struct Hold(Arc<Gate>);

impl Hold {
    /// Waits until at least `exchanges` are held at the same time: for a minute at most.
    pub(crate) async fn arrived(&self, exchanges: usize) {
        let in_time = timeout(Duration::from_secs(60), self.held_at_least(exchanges)).await.is_ok();
        assert!(in_time, "{exchanges} exchanges should have arrived within a minute: {} have", self.held());
    }

    async fn held_at_least(&self, exchanges: usize) {
        loop {
            // Made before the look, so that no arrival falls between the two.
            let arrival = self.0.arrival.notified();
            if self.held() >= exchanges {
                return;
            }
            arrival.await;
        }
    }

    /// How many are held now. One whose caller gave up is held no more.
    pub(crate) fn held(&self) -> usize {
        self.0.line().waiting.iter().filter(|waiting| !waiting.is_closed()).count()
    }

    /// Lets the one that waits longest go; `false` if there is none.
    pub(crate) fn release_one(&self) -> bool {
        let mut line = self.0.line();
        // One whose caller gave up cannot be let go: the next in the line goes.
        std::iter::from_fn(|| line.waiting.pop_front()).any(|waiting| waiting.send(()).is_ok())
    }

    /// Lets all go, those that arrive later included.
    pub(crate) fn open(&self) {
        let mut line = self.0.line();
        line.open = true;
        line.waiting.clear();
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.open();
    }
}

/// A place on an exchange's way where a gate may stand.
#[derive(Default)]
pub(super) struct GateSlot(Mutex<Weak<Gate>>);

impl GateSlot {
    /// Puts a gate up, in place of one that may stand here: that one keeps what it holds until it is opened.
    pub(super) fn close(&self) -> Hold {
        let gate = Arc::new(Gate::default());
        *self.0.lock().expect("no panic while locked") = Arc::downgrade(&gate);
        Hold(gate)
    }

    /// Waits at the gate, if there is one.
    pub(super) async fn pass(&self) {
        let gate = self.0.lock().expect("no panic while locked").upgrade();
        let released = gate.and_then(|gate| gate.enter());
        if let Some(released) = released {
            // An error means that the gate was opened: released all the same.
            let _ = released.await;
        }
    }
}

#[derive(Default)]
struct Gate {
    line: Mutex<Line>,
    arrival: Notify,
}

#[derive(Default)]
struct Line {
    open: bool,
    waiting: VecDeque<oneshot::Sender<()>>,
}

impl Gate {
    /// A place in the line; `None` if the gate is open.
    fn enter(&self) -> Option<oneshot::Receiver<()>> {
        let mut line = self.line();
        if line.open {
            return None;
        }
        let (release, released) = oneshot::channel();
        line.waiting.push_back(release);
        self.arrival.notify_waiters();
        Some(released)
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().expect("no panic while locked")
    }
}
