//! Read-your-writes, monotonic reads, and no resurrection in what is read.

use std::time::Duration;

use oauth_token_store::embedded::Operation;

use super::{Told, candidates, told};
use crate::history::{Action, Call, History, Moment, Outcome, Shown, Stamp, State};

/// For how long a read that shows something older than what was seen is not believed.
const NEVER_BACK: Duration = Duration::from_secs(60);

/// A date of whole seconds may be from later in that second, so what is further apart is clear.
const CLEAR: Duration = Duration::from_secs(1);

pub(super) fn problems(history: &History) -> Vec<String> {
    let mut problems = Vec::new();
    let mut floors: Vec<Floor> = Vec::new();
    // In the order of their ends, so that what a read shows counts for those that begin later.
    let ended = history.calls.iter().enumerate().filter_map(|(number, call)| {
        let (stamp, outcome) = call.ended.as_ref()?;
        Some((*stamp, number, call, outcome))
    });
    let mut ended: Vec<_> = ended.collect();
    ended.sort_by_key(|(stamp, ..)| *stamp);
    for (stamp, number, call, outcome) in ended {
        for (name, shown) in shown_by(call, outcome) {
            // What a save returns is what it wrote, and others may have written since.
            if matches!(call.action, Action::Save { .. }) {
                floors.extend(floor_of_read(history, call, number, stamp, name, shown));
                continue;
            }
            let found = candidates(history, name, shown, stamp);
            let Some(&newest) = found.last() else {
                let what = shown.map_or("nothing".to_owned(), |shown| format!("{:?}", shown.fields));
                problems.push(format!("#{number} shows what was never stored: {what}"));
                continue;
            };
            let above = floors.iter().filter(|floor| {
                floor.process == call.process && floor.name == name && floor.call_ended < call.begun.stamp
            });
            let read = Read { history, call, ended: stamp, name, found: &found, is_nothing: shown.is_none() };
            for floor in above.filter(|floor| floor.index > newest) {
                if let Err(problem) = read.excuse(floor) {
                    let [label, known] = [newest, floor.index].map(|index| history.label(name, index));
                    let by = floor.call;
                    problems
                        .push(format!("#{number} shows {label} although #{by} has left {known}: {problem}"));
                    break;
                }
            }
            floors.extend(floor_of_read(history, call, number, stamp, name, shown));
        }
        floors.extend(floor_of_delete(history, call, number, stamp, outcome));
    }
    problems.extend(missing_in_lists(history));
    problems
}

/// The records that a call has told something of.
fn shown_by<'a>(call: &'a Call, outcome: &'a Outcome) -> Vec<(&'a str, Option<&'a Shown>)> {
    match (&call.action, outcome) {
        (_, Outcome::Token(Some(token))) => vec![(&token.name, Some(token))],
        (
            Action::Find { of: Some(of), .. }
            | Action::Reload { of, is_sure: true, .. }
            | Action::Refresh { of },
            Outcome::Token(None),
        ) => {
            vec![(of, None)]
        }
        (_, Outcome::Tokens(tokens)) => {
            tokens.iter().map(|token| (token.name.as_str(), Some(token))).collect()
        }
        _ => Vec::new(),
    }
}

/// What a process must not go below any more.
struct Floor {
    process: usize,
    name: String,
    index: usize,
    call: usize,
    call_ended: Stamp,
    /// From when on the process knew; what was asked for earlier does not count any more.
    known: Moment,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Read,
    Write,
    Delete,
}

/// What a read or a save leaves. A list leaves nothing: it fills no cache. That there is nothing is no state to tell from
/// other such states, unless nothing lags.
fn floor_of_read(
    history: &History,
    call: &Call,
    number: usize,
    ended: Stamp,
    name: &str,
    shown: Option<&Shown>,
) -> Option<Floor> {
    if call.action == Action::List {
        return None;
    }
    let found = candidates(history, name, shown, ended);
    let is_it = |told: &Told<'_>| match shown {
        Some(_) => told.index.is_some_and(|index| found.contains(&index)),
        None => told.index.is_none() && !history.reads_lag,
    };
    let first = told(history, call.process, name)
        .filter(|told| !told.is_of_a_list && told.answered.stamp < ended && is_it(told))
        .min_by_key(|told| told.answered.stamp)?;
    let index = match shown {
        Some(_) => first.index?,
        None => {
            let executed = first.request.executed?;
            *found.iter().rev().find(|index| history.states_of(name)[**index].stamp < executed)?
        }
    };
    let kind = if first.is_write { Kind::Write } else { Kind::Read };
    Some(Floor {
        process: call.process,
        name: name.to_owned(),
        index,
        call: number,
        call_ended: ended,
        known: first.answered,
        kind,
    })
}

fn floor_of_delete(
    history: &History,
    call: &Call,
    number: usize,
    ended: Stamp,
    outcome: &Outcome,
) -> Vec<Floor> {
    let (Action::Delete { .. } | Action::DeleteAll, Outcome::Done) = (&call.action, outcome) else {
        return Vec::new();
    };
    let mut floors: Vec<Floor> = Vec::new();
    for request in &history.requests {
        if request.process != call.process || request.operation != Operation::DeleteSecret {
            continue;
        }
        let (Some(name), Some((answered, crate::history::Answer::Landed(index)))) =
            (&request.of, &request.answered)
        else {
            continue;
        };
        let is_ours = match &call.action {
            Action::Delete { of: Some(of), .. } => of == name,
            _ => is_the_only_deletion(history, call, ended),
        };
        let is_within = request.sent.stamp > call.begun.stamp && answered.stamp < ended;
        if !is_ours || !is_within || history.states_of(name)[*index].version.is_some() {
            continue;
        }
        // Of two of this name under way at once, either may be this call's.
        match floors.iter_mut().find(|floor| floor.name == *name) {
            Some(floor) if floor.index <= *index => {}
            other => {
                let floor = Floor {
                    process: call.process,
                    name: name.clone(),
                    index: *index,
                    call: number,
                    call_ended: ended,
                    known: *answered,
                    kind: Kind::Delete,
                };
                match other {
                    Some(first) => *first = floor,
                    None => floors.push(floor),
                }
            }
        }
    }
    floors
}

/// Whether no other call of the process may have sent the deletions that were sent during this one.
fn is_the_only_deletion(history: &History, call: &Call, ended: Stamp) -> bool {
    let others = history.calls.iter().filter(|other| {
        let is_deletion =
            matches!(other.action, Action::Delete { .. } | Action::DeleteAll | Action::Save { .. });
        let has_ended = other.ended.as_ref().is_some_and(|(stamp, _)| *stamp < call.begun.stamp);
        is_deletion && other.process == call.process && other.begun.stamp < ended && !has_ended
    });
    others.count() == 1
}

struct Read<'a> {
    history: &'a History,
    call: &'a Call,
    ended: Stamp,
    name: &'a str,
    found: &'a [usize],
    is_nothing: bool,
}

impl Read<'_> {
    /// Why this read may show something older than that.
    fn excuse(&self, floor: &Floor) -> Result<(), String> {
        let Self { history, call, ended, name, found, is_nothing } = *self;
        if history.reads_lag && self.is_of_a_save_beside_another_write(floor) {
            return Ok(());
        }
        // Who joins a refresh under way is given what that one has saved, as if it had begun with it.
        if matches!(call.action, Action::Refresh { .. })
            && self.is_of_a_write_answered_after(call.begun.stamp)
        {
            return Ok(());
        }
        // What is known was to be forgotten, and then the answer to an earlier write came: nothing newer is known.
        let is_answered_later = self.is_of_a_write_answered_after(floor.known.stamp);
        if history.reads_lag && is_answered_later && self.is_to_be_believed(floor) {
            return Ok(());
        }
        let is_list = call.action == Action::List;
        let asked_later: Vec<_> = told(history, call.process, name)
            .filter(|told| {
                told.answered.stamp < ended
                    && told.sent.stamp > floor.known.stamp
                    // In a list, what is known stands in for what is older.
                    && (is_list || !told.is_of_a_list)
            })
            .filter(|told| told.index.map_or(is_nothing, |index| found.contains(&index)))
            .collect();
        if asked_later.is_empty() {
            return Err("nothing that was asked for after that has shown it".to_owned());
        }
        if !history.reads_lag {
            return Err("and the service never shows the past".to_owned());
        }
        if is_nothing || history.processes[call.process].may_evict || self.is_to_be_believed(floor) {
            return Ok(());
        }
        let is_long_ago = |told: &Told<'_>| told.answered.clocks.since(&floor.known.clocks) >= NEVER_BACK;
        if asked_later.iter().any(is_long_ago) || self.is_not_clear(floor) {
            return Ok(());
        }
        Err("it goes back within a minute".to_owned())
    }

    /// Whether it is what the process has written itself, and heard of after that.
    fn is_of_a_write_answered_after(&self, stamp: Stamp) -> bool {
        told(self.history, self.call.process, self.name)
            .filter(|told| told.is_write && told.answered.stamp > stamp && told.answered.stamp < self.ended)
            .any(|told| told.index.is_some_and(|index| self.found.contains(&index)))
    }

    /// Whether somebody has asked to believe whatever comes next.
    fn is_to_be_believed(&self, floor: &Floor) -> bool {
        let calls = self.history.calls.iter().filter(|call| call.process == self.call.process);
        let before = calls.filter(|call| call.begun.stamp < self.ended);
        let still = |call: &Call| call.ended.as_ref().is_none_or(|(stamp, _)| *stamp > floor.known.stamp);
        before.filter(|call| still(call)).any(|call| match &call.action {
            Action::Reload { of, .. } => of == self.name,
            Action::Invalidate { of, .. } => of.as_deref().is_none_or(|of| of == self.name),
            _ => false,
        })
    }

    /// Whether the process saved or deleted the record while it saved it, and this is of another secret: then the other
    /// write may be what was meant to come last.
    fn is_of_a_save_beside_another_write(&self, floor: &Floor) -> bool {
        let save = &self.history.calls[floor.call];
        let is_write = |call: &Call| {
            use Action::{Delete, DeleteAll, Refresh, Save};
            matches!(call.action, Save { .. } | Refresh { .. } | Delete { .. } | DeleteAll)
        };
        let mut others = self.history.calls.iter().enumerate().filter(|(number, other)| {
            let has_ended = other.ended.as_ref().is_some_and(|(stamp, _)| *stamp < save.begun.stamp);
            let is_beside = other.begun.stamp < floor.call_ended && !has_ended;
            *number != floor.call && is_write(other) && other.process == save.process && is_beside
        });
        floor.kind == Kind::Write && self.is_of_another_secret(floor) && others.next().is_some()
    }

    fn is_of_another_secret(&self, floor: &Floor) -> bool {
        let states = self.history.states_of(self.name);
        let arn = |index: usize| states[index].version.as_ref().map(|version| &version.arn);
        self.found.last().is_some_and(|newest| arn(*newest) != arn(floor.index))
    }

    /// Whether dates cannot tell which of two secrets of this name was there first.
    fn is_not_clear(&self, floor: &Floor) -> bool {
        let states = self.history.states_of(self.name);
        let arn = |state: &State| state.version.as_ref().map(|version| version.arn.clone());
        let Some(newest) = self.found.last().map(|index| &states[*index]) else { return false };
        let bound = &states[floor.index];
        if arn(newest) == arn(bound) {
            return false;
        }
        // A record that this process has made has the latest date that it knew then, if it knew one.
        floor.kind == Kind::Write || newest.at + CLEAR >= bound.at
    }
}

/// For so long a process lists what it wrote, whatever ListSecrets shows; half of what the store promises.
const RECENT: Duration = Duration::from_secs(300);

/// A record that is there during a whole list, and that the list must know of, is in it.
fn missing_in_lists(history: &History) -> Vec<String> {
    let mut problems = Vec::new();
    if history.reads_lag {
        return problems;
    }
    for (number, call) in history.calls.iter().enumerate() {
        let (Action::List, Some((ended, Outcome::Tokens(tokens)))) = (&call.action, &call.ended) else {
            continue;
        };
        for (name, states) in &history.states {
            let Some((index, last)) =
                states.iter().enumerate().rfind(|(_, state)| state.stamp < call.begun.stamp)
            else {
                continue;
            };
            let goes_on = states[index..].iter().all(|state| state.stamp > *ended || state.version.is_some());
            if last.version.is_none() || !goes_on || tokens.iter().any(|token| token.name == *name) {
                continue;
            }
            let is_own = told(history, call.process, name).any(|told| {
                let age = call.begun.clocks.monotonic.saturating_sub(told.sent.clocks.monotonic);
                told.is_write
                    && told.index == Some(index)
                    && told.answered.stamp < call.begun.stamp
                    && age < RECENT
            });
            if is_own || !history.lists_lag {
                problems.push(format!("#{number} does not list {}", history.label(name, index)));
            }
        }
    }
    problems
}
