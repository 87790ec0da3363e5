//! How old what a find shows may be: by its process's clocks, since it was asked of the service. Nothing from before an
//! invalidation, and in a reload nothing from before that.

use std::time::Duration;

use oauth_token_store::embedded::Operation;

use super::{Told, candidates, told};
use crate::history::{Action, Answer, Call, Fields, History, Moment, Outcome, Stamp};

/// A token counts as expired so long before it is.
const EXPIRY_LEEWAY: Duration = Duration::from_secs(5);

/// How often an expired token is read again at most; for so long what is known stands in for something older, too.
const SHORT: Duration = Duration::from_secs(1);

/// For how long something older is not believed.
const NEVER_BACK: Duration = Duration::from_secs(60);

pub(super) fn problems(history: &History) -> Vec<String> {
    let mut problems = Vec::new();
    for (number, call) in history.calls.iter().enumerate() {
        if let (Action::Reload { .. }, Some((ended, Outcome::Token(Some(shown))))) =
            (&call.action, &call.ended)
        {
            let found = candidates(history, &shown.name, Some(shown), *ended);
            let reload = Find { history, call, ended: *ended, name: &shown.name, found: &found };
            if !reload.told().any(|told| told.sent.stamp > call.begun.stamp) {
                problems.push(format!("#{number} shows what it has not asked for"));
            }
        }
        let (Action::Find { of, .. }, Some((ended, Outcome::Token(shown)))) = (&call.action, &call.ended)
        else {
            continue;
        };
        let Some(name) = shown.as_ref().map(|shown| &shown.name).or(of.as_ref()) else { continue };
        let found = candidates(history, name, shown.as_ref(), *ended);
        let Some(newest) = found.last() else { continue };
        let find = Find { history, call, ended: *ended, name, found: &found };
        if !find.is_fresh(shown.as_ref().map(|shown| &shown.fields)) {
            let label = history.label(name, *newest);
            problems.push(format!("#{number} shows {label}, which was asked for too long ago"));
        }
        if let Some(forgotten) = find.is_forgotten() {
            let label = history.label(name, *newest);
            problems.push(format!("#{number} shows {label}, which #{forgotten} had it forget"));
        }
    }
    problems
}

struct Find<'a> {
    history: &'a History,
    call: &'a Call,
    ended: Stamp,
    name: &'a str,
    found: &'a [usize],
}

impl Find<'_> {
    fn is_fresh(&self, fields: Option<&Fields>) -> bool {
        let settings = &self.history.processes[self.call.process];
        let now = &self.call.begun;
        let age = |sent: &Moment| now.clocks.since(&sent.clocks);
        // A read of a secret that is being deleted goes on with a description of it.
        if fields.is_none() && self.is_being_described() {
            return true;
        }
        self.told().any(|told| {
            if told.answered.stamp > now.stamp {
                return true;
            }
            let age = age(&told.sent);
            let Some(fields) = fields else {
                return age < settings.miss_time_to_live.min(settings.time_to_live) || self.is_kept(&told);
            };
            let longest = settings.time_to_live.saturating_add(settings.max_stale);
            let may_be_stale =
                !settings.time_to_live.is_zero() && age < longest && self.has_failed_since(&told);
            age < fresh_for(fields, &told.sent, settings.time_to_live) || may_be_stale || self.is_kept(&told)
        })
    }

    /// The invalidation since which nobody has told what the find shows.
    fn is_forgotten(&self) -> Option<usize> {
        let calls = self
            .history
            .calls
            .iter()
            .enumerate()
            .take_while(|(_, call)| call.begun.stamp < self.call.begun.stamp);
        let mut last = None;
        for (number, call) in calls.filter(|(_, call)| call.process == self.call.process) {
            if let Action::Invalidate { of, is_sure: true } = &call.action
                && of.as_deref().is_none_or(|of| of == self.name)
            {
                last = Some((number, call.begun.stamp));
            }
        }
        let (number, forgotten) = last?;
        let is_newer = |told: &Told<'_>| {
            let stamp = if told.is_write { told.answered.stamp } else { told.sent.stamp };
            stamp > forgotten
        };
        (!self.told().any(|told| is_newer(&told))).then_some(number)
    }

    fn is_being_described(&self) -> bool {
        self.history.requests.iter().any(|request| {
            request.process == self.call.process
                && request.operation == Operation::DescribeSecret
                && request.of.as_deref() == Some(self.name)
                && request.sent.stamp < self.ended
                && request.answered.as_ref().is_some_and(|(at, _)| at.stamp > self.call.begun.stamp)
        })
    }

    /// What has told the process what the find shows.
    fn told(&self) -> impl Iterator<Item = Told<'_>> {
        let states = self.history.states_of(self.name);
        let is_nothing = |index: &usize| states[*index].version.is_none();
        let found = told(self.history, self.call.process, self.name);
        found.filter(move |told| {
            !told.is_of_a_list
                && told.answered.stamp < self.ended
                && match told.index {
                    // One of a secret that had the name before changes nothing, and tells that this one is gone.
                    Some(_) if told.request.operation == Operation::DeleteSecret => {
                        self.found.iter().any(is_nothing)
                    }
                    Some(index) => self.found.contains(&index),
                    None => self.found.iter().any(is_nothing),
                }
        })
    }

    /// Whether a read of the record has failed in a passing way since then.
    fn has_failed_since(&self, told: &Told<'_>) -> bool {
        self.history.requests.iter().any(|request| {
            let is_of_it = request.process == self.call.process && request.of.as_deref() == Some(self.name);
            let is_unanswered = request.answered.is_none();
            let failed = match &request.answered {
                Some((at, Answer::Failed { is_passing: true })) => at.stamp < self.ended,
                // Nobody waits for ever.
                None => request.sent.stamp < self.ended,
                _ => false,
            };
            is_of_it && failed && (is_unanswered || request.sent.stamp > told.sent.stamp)
        })
    }

    /// Whether it stands in for something older that the service has shown since.
    fn is_kept(&self, told: &Told<'_>) -> bool {
        let newest = self.found.last().copied().unwrap_or_default();
        // After a miss, what was seen before it is still not to come back.
        let seen = super::told(self.history, self.call.process, self.name)
            .filter(|seen| told.index.is_none() && seen.answered.stamp < told.answered.stamp)
            .filter_map(|seen| seen.index);
        let newest = seen.fold(newest, usize::max);
        let shows_older = |later: &Told<'_>| {
            later.answered.stamp > told.answered.stamp && later.index.is_some_and(|index| index < newest)
        };
        // Beside a write of its own that had been sent by then, what it knows is as of when it heard of both.
        let beside = super::told(self.history, self.call.process, self.name)
            .filter(|write| write.is_write && write.sent.stamp < told.answered.stamp)
            .filter(|write| write.answered.stamp < self.ended)
            .map(|write| write.answered);
        let mut known = beside.filter(|heard| heard.stamp > told.answered.stamp).chain([told.answered]);
        self.history.reads_lag
            && known.any(|known| self.call.begun.clocks.since(&known.clocks) < NEVER_BACK + SHORT)
            && super::told(self.history, self.call.process, self.name).any(|later| shows_older(&later))
    }
}

/// How long a token that was asked for then serves finds.
fn fresh_for(fields: &Fields, sent: &Moment, time_to_live: Duration) -> Duration {
    let Some(expiry) = fields.get("expiry_time").and_then(|millis| millis.parse().ok()) else {
        return time_to_live;
    };
    let left = Duration::from_millis(expiry).saturating_sub(EXPIRY_LEEWAY).saturating_sub(sent.clocks.wall);
    time_to_live.min(left.max(SHORT))
}
