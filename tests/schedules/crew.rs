//! A small scheduler: of the tasks that are ready, the dice say which one goes on.
//!
//! What the library spawns is run by tokio, in the order in which it is woken. Now and then the crew lets that go first.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::future::LocalBoxFuture;

use crate::dice::Dice;

/// A future that ends when all its tasks have.
pub(crate) struct Crew<'a> {
    tasks: Vec<Option<LocalBoxFuture<'a, ()>>>,
    board: Arc<Mutex<Board>>,
    dice: Dice,
}

#[derive(Default)]
struct Board {
    ready: BTreeSet<usize>,
    crew: Option<Waker>,
}

struct Call {
    task: usize,
    board: Arc<Mutex<Board>>,
}

impl Wake for Call {
    fn wake(self: Arc<Self>) {
        let mut board = self.board.lock().unwrap_or_else(PoisonError::into_inner);
        board.ready.insert(self.task);
        if let Some(crew) = &board.crew {
            crew.wake_by_ref();
        }
    }
}

impl<'a> Crew<'a> {
    pub(crate) fn new(tasks: impl IntoIterator<Item = LocalBoxFuture<'a, ()>>, dice: Dice) -> Self {
        let tasks: Vec<_> = tasks.into_iter().map(Some).collect();
        let board = Board { ready: (0..tasks.len()).collect(), crew: None };
        Self { tasks, board: Arc::new(Mutex::new(board)), dice }
    }

    /// Takes one of the tasks that are ready.
    fn choose(&mut self, context: &Context<'_>) -> Option<usize> {
        let mut board = self.board.lock().unwrap_or_else(PoisonError::into_inner);
        board.crew = Some(context.waker().clone());
        let ready = u64::try_from(board.ready.len()).expect("few");
        let place = usize::try_from(self.dice.below(ready.max(1))).expect("few");
        let chosen = board.ready.iter().nth(place).copied()?;
        board.ready.remove(&chosen);
        Some(chosen)
    }
}

impl Future for Crew<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let crew = self.get_mut();
        while let Some(chosen) = crew.choose(context) {
            let waker = Waker::from(Arc::new(Call { task: chosen, board: Arc::clone(&crew.board) }));
            if let Some(task) = &mut crew.tasks[chosen]
                && task.as_mut().poll(&mut Context::from_waker(&waker)).is_ready()
            {
                crew.tasks[chosen] = None;
            }
            if crew.dice.below(3) == 0 {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
        if crew.tasks.iter().all(Option::is_none) { Poll::Ready(()) } else { Poll::Pending }
    }
}
