//! The work of a flight: done by who asked for it while nobody else needs it, which saves it a task of its own.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::runtime::Handle;
use tracing::{Instrument, Span};

/// Whoever else needs it can't be left to wait for one who may be gone, or not be polled: then it is [shared](Self::share).
pub(super) struct Work(Mutex<State>);

struct State {
    /// Between two polls of who leads.
    idle: Option<Idle>,
    is_shared: bool,
}

struct Idle {
    work: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// Where and in what span it goes on if it is shared.
    runtime: Handle,
    span: Span,
    leader: Waker,
}

impl Work {
    /// None, or none yet.
    pub(super) fn new() -> Self {
        Self(Mutex::new(State { idle: None, is_shared: false }))
    }

    /// Gives it to who leads, to be polled.
    pub(super) fn begin(&self, work: impl Future<Output = ()> + Send + 'static) {
        let (runtime, span, leader) = (Handle::current(), Span::current(), Waker::noop().clone());
        let _ = self.leave(Idle { work: Box::pin(work), runtime, span, leader });
    }

    /// Ready when who leads need not poll it any more: it is done, or shared.
    pub(super) fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(mut idle) = self.lock().idle.take() else {
            return Poll::Ready(());
        };
        // As in a task: who leads is told that there is no outcome.
        match catch_unwind(AssertUnwindSafe(|| idle.work.as_mut().poll(cx))) {
            Ok(Poll::Ready(())) | Err(_) => Poll::Ready(()),
            Ok(Poll::Pending) => {
                idle.leader.clone_from(cx.waker());
                self.leave(idle)
            }
        }
    }

    /// Lets it go on in a task of its own, now or as soon as it is not being polled. Not under a lock that the work may
    /// take: where the runtime is shut down, to spawn is to drop.
    pub(super) fn share(&self) {
        let mut state = self.lock();
        state.is_shared = true;
        let idle = state.idle.take();
        drop(state);
        if let Some(idle) = idle {
            idle.spawn();
        }
    }

    fn leave(&self, idle: Idle) -> Poll<()> {
        let mut state = self.lock();
        if state.is_shared {
            drop(state);
            idle.spawn();
            return Poll::Ready(());
        }
        state.idle = Some(idle);
        Poll::Pending
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Idle {
    fn spawn(self) {
        self.runtime.spawn(self.work.instrument(self.span));
        // To wait for what others bring.
        self.leader.wake();
    }
}
