//! Nothing fails without a reason.

use oauth_token_store::ErrorKind;

use crate::history::{Action, History, Outcome};

pub(super) fn problems(history: &History) -> Vec<String> {
    let mut problems = Vec::new();
    for (number, call) in history.calls.iter().enumerate() {
        let Some((ended, Outcome::Failed(kind))) = &call.ended else { continue };
        let was_deleted = |name: &str| {
            let states = history.states_of(name).iter().skip(1);
            states.filter(|state| state.stamp < *ended).any(|state| state.version.is_none())
        };
        let has_reason = match (kind, &call.action) {
            (ErrorKind::Deleted, Action::Save { intent }) => {
                let intent = &history.intents[intent];
                intent.is_of_a_found_token && (history.reads_lag || was_deleted(&intent.of))
            }
            (ErrorKind::Deleted, Action::Refresh { of }) => history.reads_lag || was_deleted(of),
            // Partial tokens are saved for users who are not there.
            (ErrorKind::NothingToStore, Action::Save { .. }) => true,
            // An exchange is refused now and then.
            (ErrorKind::Unexpected, Action::Refresh { .. }) => true,
            (ErrorKind::AccessDenied, _) => history.has_faults,
            // Whoever is shown the past again and again gives up some time.
            (ErrorKind::Contended, Action::Save { .. } | Action::Refresh { .. }) if history.reads_lag => true,
            // Others may delete the name so often that it is never free for as long as a save waits.
            (ErrorKind::Unavailable, Action::Save { .. } | Action::Refresh { .. })
                if history.names_linger =>
            {
                true
            }
            (kind, _) => history.has_faults && kind.is_retryable(),
        };
        if !has_reason {
            problems
                .push(format!("#{number} {} fails without a reason: {kind}", history.action(&call.action)));
        }
    }
    problems
}
