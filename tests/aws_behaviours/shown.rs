//! Runs a behaviour, and keeps what a failed one says.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::time::error::Elapsed;

thread_local! {
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// A failure that is expected must not look like one, so panics are not printed but returned by [`show`].
pub(crate) fn keep_panics_for_the_report() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        // What panics outside of a behaviour has nobody to report it.
        if std::thread::current().name() == Some("main") {
            usual(panic);
        }
        let place = panic.location().map(|at| format!("{}:{}", at.file(), at.line()));
        let message = text(panic.payload());
        PANIC.set(Some(format!("{message} ({})", place.unwrap_or_default())));
    }));
}

fn text(payload: &dyn Any) -> &str {
    payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without a message")
}

/// Why a behaviour was not shown.
#[derive(Debug)]
pub(crate) enum NotShown {
    /// The service does otherwise.
    Otherwise(String),
    /// It was not done in time, which says nothing.
    Late,
}

/// Runs a behaviour to its end on this thread; `run` is what blocks on it, and says if that took too long.
pub(crate) fn show<T>(run: impl FnOnce() -> Result<T, Elapsed>) -> Result<T, NotShown> {
    PANIC.set(None);
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(shown)) => Ok(shown),
        Ok(Err(_)) => Err(NotShown::Late),
        Err(payload) => Err(NotShown::Otherwise(PANIC.take().unwrap_or_else(|| text(&*payload).to_owned()))),
    }
}
