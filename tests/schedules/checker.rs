//! What a history must not show. Pure functions: the rules, and nothing of how the store keeps them.
//!
//! | rule | in short |
//! |---|---|
//! | [`writes`] | each version that landed is the one before it with nothing changed but what its save gave, and lands once; what was acknowledged has landed; a save of a token that was found makes no record; a user has one record |
//! | [`reads`] | a read shows what was stored at some time, and nothing older than what its process has saved, deleted or been shown before it began |
//! | [`freshness`] | what a find shows was asked of the service no longer ago than the settings allow |
//! | [`failures`] | nothing fails without a reason |
//!
//! Where the service shows the past, the rule about reads has the exceptions that the guide on limits states, and only for what the
//! service was asked for after the newer state was known: the service is believed when it says that there is nothing, in a
//! reload and after an invalidation, 60 s after the newer state was seen, and where memory is too small to keep what was
//! seen; of two secrets that have had one name, dates tell the older one only where they are clear; and of two
//! writes that one process had under way at once, on two secrets of one name, either may count as the last; and after an
//! invalidation so may a write that was under way then. Whatever lags, who joins a refresh under way is given what that
//! one has saved.

mod failures;
mod freshness;
mod reads;
mod writes;

#[cfg(test)]
mod tests;

use crate::history::{Answer, History, Moment, Request, Shown, Stamp};
use oauth_token_store::embedded::Operation;

/// Everything that is wrong with a history.
pub(crate) fn problems(history: &History) -> Vec<String> {
    let mut problems = writes::problems(history);
    problems.extend(reads::problems(history));
    problems.extend(freshness::problems(history));
    problems.extend(failures::problems(history));
    problems
}

/// The states of a name that a token, or none, may have been read from.
fn candidates(history: &History, name: &str, shown: Option<&Shown>, until: Stamp) -> Vec<usize> {
    let states = history.states_of(name).iter().enumerate().filter(|(_, state)| state.stamp < until);
    let is_it = |version: Option<&crate::history::Version>| match (version, shown) {
        (Some(version), Some(shown)) => version.fields == shown.fields,
        (None, None) => true,
        _ => false,
    };
    states.filter(|(_, state)| is_it(state.version.as_ref())).map(|(index, _)| index).collect()
}

/// An answer that told a process about a name.
struct Told<'a> {
    request: &'a Request,
    sent: Moment,
    answered: Moment,
    /// The state; `None` if it is that there is nothing.
    index: Option<usize>,
    is_write: bool,
    is_of_a_list: bool,
}

/// What a process was told about a name, in the order in which it was sent.
fn told<'a>(history: &'a History, process: usize, name: &'a str) -> impl Iterator<Item = Told<'a>> {
    let requests = history.requests.iter().filter(move |request| request.process == process);
    requests.filter_map(move |request| {
        let (answered, answer) = request.answered.as_ref()?;
        let is_named = request.of.as_deref() == Some(name);
        let index = match answer {
            Answer::Shows(index) | Answer::Landed(index) if is_named => Some(*index),
            Answer::ShowsNothing if is_named => None,
            Answer::Batch(states) => Some(states.iter().find(|(of, _)| of == name)?.1),
            _ => return None,
        };
        let holds_something =
            |index: &usize| history.states_of(name).get(*index).is_some_and(|state| state.version.is_some());
        Some(Told {
            request,
            sent: request.sent,
            answered: *answered,
            index: index.filter(|index| matches!(answer, Answer::Landed(_)) || holds_something(index)),
            is_write: matches!(answer, Answer::Landed(_)),
            is_of_a_list: request.operation == Operation::BatchGetSecretValue,
        })
    })
}
