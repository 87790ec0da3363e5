//! Each public future dropped at each of its await points, and what it leaves: a store that is right, and nothing that
//! hangs.
//!
//! A future is dropped when it has said `Pending` for the n-th time, for each n until it ends by itself; and in front of
//! and behind each of its requests. So is the whole store, and the runtime. Then what runs in the background comes to its
//! end, and of what is left is checked: that what was written before has been carried to its end, that nothing was
//! written that had not been begun, that the store sees what is stored, and that the same operation, made again, ends as
//! if nothing had happened, without waiting for what was dropped.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::StreamExt;
use oauth_token_store::TokenStore;
use oauth_token_store::embedded::{Gate, Operation};
use tokio::time::{sleep, timeout};

use crate::action::{Action, Outcome};
use crate::cases::{Case, all};
use crate::matrix::{Undisturbed, changes, prepared, sees_what_is_stored, shown, undisturbed};
use crate::report::{Report, seed, simulated};
use crate::state::{MANY, State, bob};
use crate::verdict::verdict_of;
use crate::world::{ClientKind, World};

/// What is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dropped {
    Future,
    /// The future, and every handle to the store: another one is made in its place.
    Store,
    /// The runtime, with all that runs in it: the store goes on in another one.
    Runtime,
}

/// A future that is dropped when it has been pending so often.
struct Impatient<F> {
    future: Option<Pin<Box<F>>>,
    patience: usize,
}

impl<F: Future> Future for Impatient<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.patience == 0 {
            self.future = None;
        }
        let Some(future) = &mut self.future else {
            return Poll::Ready(None);
        };
        if let Poll::Ready(output) = future.as_mut().poll(context) {
            return Poll::Ready(Some(output));
        }
        self.patience -= 1;
        if self.patience == 0 {
            self.future = None;
            return Poll::Ready(None);
        }
        Poll::Pending
    }
}

/// How often the future of a case is pending before it ends by itself.
async fn await_points(case: &Case) -> usize {
    let mut world = World::new(ClientKind::Own).await;
    let action = prepared(case, &mut world).await;
    let mut impatient =
        Impatient { future: Some(Box::pin(action.start(&world.store))), patience: usize::MAX };
    assert!((&mut impatient).await.is_some(), "nobody is that impatient");
    usize::MAX - impatient.patience
}

/// Drops the future of a case when it has been pending for the `patience`-th time; for the zeroth, before it is polled.
async fn dropped_when_pending(
    case: &Case,
    patience: usize,
    dropped: Dropped,
    undisturbed: &Undisturbed,
) -> Result<(), String> {
    let mut world = World::new(ClientKind::Own).await;
    let action = prepared(case, &mut world).await;
    let future = Some(Box::pin(action.start(&world.store)));
    if (Impatient { future, patience }).await.is_some() {
        return Err("it ended before".to_owned());
    }
    let was_begun = world.wire.sent().iter().any(is_write);
    leaves_nothing(case, world, &action, was_begun, dropped, undisturbed).await
}

/// Drops the future of a case while its request at `position` is held in front of the service, or behind it.
async fn dropped_at_a_gate(
    case: &Case,
    position: usize,
    (gate, dropped): (fn(Operation) -> Gate, Dropped),
    undisturbed: &Undisturbed,
) -> Result<(), String> {
    let mut world = World::new(ClientKind::Own).await;
    let action = prepared(case, &mut world).await;
    let operation = case.steps[position].operation;
    let gate = world.backend.gate(gate(operation));
    let mut future = Box::pin(action.start(&world.store));
    let earlier = case.steps[..position].iter().filter(|step| step.operation == operation).count();
    let held = async {
        for _ in 0..earlier {
            gate.arrived(1).await;
            gate.release_one();
        }
        gate.arrived(1).await;
    };
    tokio::select! {
        outcome = &mut future => return Err(format!("it ended before the gate: {}", shown(&outcome))),
        () = held => {}
    }
    drop(future);
    let was_begun = world.wire.sent().iter().any(is_write);
    // What goes on by itself does so, held up for a while.
    sleep(Duration::from_secs(1)).await;
    drop(gate);
    leaves_nothing(case, world, &action, was_begun, dropped, undisturbed).await
}

/// Drops the future of a refresh while its exchange is under way.
async fn dropped_in_the_exchange(
    case: &Case,
    dropped: Dropped,
    undisturbed: &Undisturbed,
) -> Result<(), String> {
    let mut world = World::new(ClientKind::Own).await;
    let action = prepared(case, &mut world).await;
    let mut future = Box::pin(action.start(&world.store));
    let begun = async {
        while !world.has_exchanged() {
            sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        outcome = &mut future => return Err(format!("it ended before: {}", shown(&outcome))),
        () = begun => {}
    }
    drop(future);
    leaves_nothing(case, world, &action, true, dropped, undisturbed).await
}

/// Drops the runtime of a case when its future has been pending for the `patience`-th time.
fn dropped_with_its_runtime(case: &Case, patience: usize, undisturbed: &Undisturbed) -> Result<(), String> {
    let begun = async {
        let mut world = World::new(ClientKind::Own).await;
        let action = prepared(case, &mut world).await;
        let future = Some(Box::pin(action.start(&world.store)));
        let outcome = Impatient { future, patience }.await;
        (world, action, outcome)
    };
    let (world, action, outcome) = simulated(seed(), begun);
    if outcome.is_some() {
        return Err("it ended before".to_owned());
    }
    simulated(seed(), async {
        // The clock of this runtime begins anew; it is to be behind that of the other one no more.
        sleep(Duration::from_secs(3600)).await;
        is_of_use(case, &world, &action, undisturbed).await
    })
}

/// Whatever has been carried out of an operation: it can be made again.
async fn is_of_use(
    case: &Case,
    world: &World,
    action: &Action,
    undisturbed: &Undisturbed,
) -> Result<(), String> {
    let stored = world.stored().await;
    let is_halfway = case.meanwhile.is_some_and(|meanwhile| stored.to_string() == meanwhile);
    let is_whole =
        [&undisturbed.before, &undisturbed.stored].iter().any(|whole| whole.tokens == stored.tokens);
    // Of many deletions some have been made.
    let is_part = matches!(action, Action::DeleteAll);
    if !is_whole && !is_halfway && !is_part {
        return Err(format!("[{stored}] is stored, neither as before nor as after"));
    }
    sees_what_is_stored(world, &undisturbed.before, &stored).await?;
    let again = timeout(SOON, action.start(&world.store)).await.map_err(|_| "made again, it hangs")?;
    ends_as_ever(case, &again)?;
    let stored = world.stored().await;
    if stored != undisturbed.stored {
        return Err(format!("made again, it leaves [{stored}], not [{}]", undisturbed.stored));
    }
    sees_what_is_stored(world, &undisturbed.before, &stored).await
}

fn is_write(operation: &Operation) -> bool {
    matches!(operation, Operation::CreateSecret | Operation::PutSecretValue | Operation::DeleteSecret)
}

fn ends_as_ever(case: &Case, outcome: &Outcome) -> Result<(), String> {
    let verdict = verdict_of(outcome);
    if verdict == case.undisturbed { Ok(()) } else { Err(format!("it ends with {}", shown(outcome))) }
}

/// How long what goes on in the background may take where nothing goes wrong.
const SOON: Duration = Duration::from_secs(8);

/// A future of this case has been dropped.
async fn leaves_nothing(
    case: &Case,
    mut world: World,
    action: &Action,
    was_begun: bool,
    dropped: Dropped,
    undisturbed: &Undisturbed,
) -> Result<(), String> {
    if dropped == Dropped::Store {
        world = world.with_another_store().await;
    }
    sleep(SOON).await;
    let sent = world.wire.sent().len();
    if sent > case.steps.len() {
        return Err(format!("{sent} requests instead of {} at most", case.steps.len()));
    }
    let stored = world.stored().await;
    let must_be_done = changes(action) && (was_begun || world.has_exchanged());
    if must_be_done && stored != undisturbed.stored {
        return Err(format!("what was begun was not carried to its end: [{stored}] is stored"));
    }
    if must_be_done || !case.is_known_late() {
        sees_what_is_stored(&world, &undisturbed.before, &stored).await?;
    }
    sleep(Duration::from_secs(3600)).await;
    is_of_use(case, &world, action, undisturbed).await
}

/// Where a future is dropped.
#[derive(Clone, Copy, Debug)]
enum Point {
    /// When it has been pending so often.
    Pending(usize),
    /// While this request is held in front of the service.
    Before(usize),
    /// While the answer to this request is held.
    After(usize),
    /// While the OAuth server has not answered yet.
    InTheExchange,
}

/// One drop.
struct Drop<'a> {
    case: &'a Case,
    undisturbed: &'a Undisturbed,
    point: Point,
    dropped: Dropped,
}

impl std::fmt::Display for Drop<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {:?} dropped, {:?}", self.case.name, self.dropped, self.point)
    }
}

impl Drop<'_> {
    fn made(&self) -> Result<(), String> {
        match (self.dropped, self.point) {
            (Dropped::Runtime, Point::Pending(times)) => {
                dropped_with_its_runtime(self.case, times, self.undisturbed)
            }
            _ => simulated(seed(), self.made_in_one_runtime()),
        }
    }

    async fn made_in_one_runtime(&self) -> Result<(), String> {
        let Self { case, undisturbed, point, dropped } = *self;
        match point {
            Point::Pending(times) => dropped_when_pending(case, times, dropped, undisturbed).await,
            Point::Before(position) => {
                dropped_at_a_gate(case, position, (Gate::before, dropped), undisturbed).await
            }
            Point::After(position) => {
                dropped_at_a_gate(case, position, (Gate::after, dropped), undisturbed).await
            }
            Point::InTheExchange => dropped_in_the_exchange(case, dropped, undisturbed).await,
        }
    }
}

/// How many drops a plain `cargo test` makes.
const QUICK: usize = 150;

/// How many there are at least: as many as there were when this was written.
const AT_LEAST: usize = 2_100;

#[test]
fn each_future_can_be_dropped_at_each_await_point_and_around_each_request() {
    let cases = all();
    let ends = Vec::from_iter(cases.iter().map(|case| simulated(seed(), undisturbed(case))));
    let mut drops = Vec::new();
    for (case, undisturbed) in cases.iter().zip(&ends) {
        let pending = (0..=simulated(seed(), await_points(case))).map(Point::Pending);
        let gates = case.positions().flat_map(|position| [Point::Before(position), Point::After(position)]);
        let exchanges_now = case.exchanges > 0 && case.state != State::ExchangedAndNotSaved;
        let exchange = exchanges_now.then_some(Point::InTheExchange);
        for point in pending.chain(gates).chain(exchange) {
            let drop = |dropped| Drop { case, undisturbed, point, dropped };
            drops.extend([Dropped::Future, Dropped::Store].map(drop));
            if matches!(point, Point::Pending(_)) {
                drops.push(drop(Dropped::Runtime));
            }
        }
    }
    let mut report = Report::new("drops", AT_LEAST);
    for drop in report.selected(drops, QUICK) {
        report.add(&drop, drop.made());
    }
    report.end();
}

#[test]
fn a_stream_of_all_tokens_can_be_dropped_after_each_token() {
    for items in 0..=MANY {
        simulated(seed(), async {
            let mut world = World::new(ClientKind::Own).await;
            State::Many.make(&mut world, &bob(), &bob()).await;
            world.wire.clear();
            let read = world.store.tokens().take(items).count().await;
            assert_eq!(read, items);
            sleep(SOON).await;
            let sent = world.wire.sent().len();
            assert!(sent <= 3, "{sent} requests");
            let again = timeout(SOON, world.store.get_tokens()).await.expect("it does not hang");
            assert_eq!(again.expect("listed").len(), MANY);
        });
    }
}
