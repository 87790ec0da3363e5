//! What went wrong, in a line.

use std::error::Error;

/// The message of an error and of all its causes: an SDK error's own is only "service error".
pub(crate) fn causes(error: &(dyn Error + 'static)) -> String {
    let mut messages: Vec<_> =
        std::iter::successors(Some(error), |&error| error.source()).map(ToString::to_string).collect();
    // Wrappers repeat what they wrap.
    messages.dedup();
    messages.join(": ")
}
