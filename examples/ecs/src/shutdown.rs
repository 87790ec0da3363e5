//! When to stop.

use tokio::signal::unix::{SignalKind, signal};

/// Listens from now on for ECS's SIGTERM, and for Ctrl-C; what it returns ends with the first.
pub(crate) fn asked_to_stop() -> std::io::Result<impl Future<Output = ()>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
