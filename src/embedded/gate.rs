//! Gates: they hold requests until a test lets them go, so that an interleaving can be forced.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{oneshot, watch};

use super::operation::Operation;
use super::request::Call;
use super::scope::Scope;

/// How long a test waits for requests to arrive.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where a gate stands on a request's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Point {
    Before,
    After,
}

/// Which requests to hold, and where: for
/// [`EmbeddedSecretsManager::gate`](super::EmbeddedSecretsManager::gate).
#[derive(Clone)]
#[must_use = "a gate holds nothing until the backend has it"]
pub struct Gate {
    point: Point,
    scope: Scope,
}

impl Gate {
    fn new(point: Point, operation: Operation) -> Self {
        let mut scope = Scope::ALL;
        scope.add_operation(operation);
        Self { point, scope }
    }

    /// Holds requests for this operation before faults are looked at and before anything is carried out.
    pub fn before(operation: Operation) -> Self {
        Self::new(Point::Before, operation)
    }

    /// Carries out requests for this operation and holds the answers.
    pub fn after(operation: Operation) -> Self {
        Self::new(Point::After, operation)
    }

    /// Also holds requests for this operation.
    pub fn on(mut self, operation: Operation) -> Self {
        self.scope.add_operation(operation);
        self
    }

    /// Only requests that name a secret, by name or ARN, that contains `substring`; of a batch, any of its ids.
    pub fn on_secret(mut self, substring: impl Into<String>) -> Self {
        self.scope.set_secret(substring.into());
        self
    }
}

/// Without the substring of the name.
impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate")
            .field("point", &self.point)
            .field("operations", &self.scope.operations())
            .field("scoped_by_secret", &self.scope.is_scoped_by_secret())
            .finish()
    }
}

/// A gate in place. Requests leave it in the order of their arrival; dropping it [opens](Self::open) it.
///
/// ```
/// # use oauth_token_store::embedded::{EmbeddedSecretsManager, Gate, Operation};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let backend = EmbeddedSecretsManager::new();
/// let gate = backend.gate(Gate::before(Operation::CreateSecret));
/// let client = backend.client();
/// let create = tokio::spawn(async move {
///     client.create_secret().name("app/token").secret_string("t").send().await
/// });
/// gate.arrived(1).await;
/// assert_eq!(backend.secret_count(), 0);
/// gate.release_one();
/// create.await.unwrap().unwrap();
/// assert_eq!(backend.secret_count(), 1);
/// # }
/// ```
#[must_use = "dropping the handle opens the gate"]
pub struct GateHandle(Arc<Barrier>);

impl GateHandle {
    /// Waits until at least `requests` requests are held at the same time: for a minute at most, by tokio's clock, so
    /// that a test whose requests never come fails instead of hanging.
    ///
    /// # Panics
    ///
    /// If the minute is over, and outside a tokio runtime with its timer.
    pub async fn arrived(&self, requests: usize) {
        let mut held = self.0.held.subscribe();
        // Its own error would mean that the sender is gone, and it is right here.
        let in_time = tokio::time::timeout(PATIENCE, held.wait_for(|held| *held >= requests)).await.is_ok();
        assert!(in_time, "{requests} requests should have arrived within a minute: {self:?}");
    }

    /// How many requests are held now. One whose caller gave up is held no more.
    #[must_use]
    pub fn held(&self) -> usize {
        *self.0.held.borrow()
    }

    /// Lets the request that waits longest go; `false` if there is none.
    pub fn release_one(&self) -> bool {
        self.0.release(1) == 1
    }

    /// Lets the `requests` requests that wait longest go, and returns how many there were. What arrives later is
    /// held.
    pub fn release(&self, requests: usize) -> usize {
        self.0.release(requests)
    }

    /// Lets all requests go, those that arrive later included.
    pub fn open(&self) {
        self.0.open();
    }
}

impl Drop for GateHandle {
    fn drop(&mut self) {
        self.0.open();
    }
}

impl fmt::Debug for GateHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GateHandle").field("gate", &self.0.gate).field("held", &self.held()).finish()
    }
}

/// The gates in place.
#[derive(Default)]
pub(super) struct Gates(Mutex<Vec<Weak<Barrier>>>);

impl Gates {
    pub(super) fn add(&self, gate: Gate) -> GateHandle {
        let barrier = Arc::new(Barrier { gate, line: Mutex::default(), held: watch::Sender::new(0) });
        let mut gates = self.lock();
        gates.retain(|gate| gate.strong_count() > 0);
        gates.push(Arc::downgrade(&barrier));
        GateHandle(barrier)
    }

    /// Waits at each gate that matches, in the order in which they were put up.
    pub(super) async fn pass(&self, point: Point, call: &Call) {
        let matching: Vec<_> = self
            .lock()
            .iter()
            .filter_map(Weak::upgrade)
            .filter(|barrier| barrier.gate.point == point && barrier.gate.scope.matches(call))
            .collect();
        for barrier in matching {
            barrier.pass().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Weak<Barrier>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place where requests wait.
struct Barrier {
    gate: Gate,
    line: Mutex<Line>,
    held: watch::Sender<usize>,
}

#[derive(Default)]
struct Line {
    open: bool,
    last_ticket: u64,
    waiting: VecDeque<(u64, oneshot::Sender<()>)>,
}

impl Barrier {
    async fn pass(self: Arc<Self>) {
        let (ticket, released) = {
            let mut line = self.lock();
            if line.open {
                return;
            }
            let (release, released) = oneshot::channel();
            line.last_ticket += 1;
            let ticket = line.last_ticket;
            line.waiting.push_back((ticket, release));
            self.publish(&line);
            (ticket, released)
        };
        let _place = Place { barrier: &self, ticket };
        // An error would mean a dropped sender: released all the same.
        let _ = released.await;
    }

    fn release(&self, requests: usize) -> usize {
        let mut line = self.lock();
        let count = requests.min(line.waiting.len());
        for (_, release) in line.waiting.drain(..count) {
            // The receiver may be just going; then there is nobody to let go.
            let _ = release.send(());
        }
        self.publish(&line);
        count
    }

    fn open(&self) {
        self.lock().open = true;
        self.release(usize::MAX);
    }

    fn publish(&self, line: &Line) {
        self.held.send_replace(line.waiting.len());
    }

    fn lock(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the line, given up when the request's future is dropped.
struct Place<'a> {
    barrier: &'a Barrier,
    ticket: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut line = self.barrier.lock();
        line.waiting.retain(|(ticket, _)| *ticket != self.ticket);
        self.barrier.publish(&line);
    }
}
