//! When to stop.

use tokio::signal::unix::{SignalKind, signal};

/// Waits for ECS's SIGTERM, or Ctrl-C.
///
/// # Errors
/// If the system takes no handler.
pub(crate) async fn asked_to_stop() -> std::io::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
