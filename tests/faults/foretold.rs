//! What is to come of an operation when one of its requests goes wrong: a pure function of the requests that it makes
//! where nothing does, and of the fault. It is what the README and the documentation of `ErrorKind` promise, in numbers.

use std::ops::RangeInclusive;
use std::time::Duration;

use oauth_token_store::ErrorKind;

use crate::fault::{Effect, Frequency, Kind};
use crate::step::{Role, Step};
use crate::verdict::Verdict;
use crate::world::ClientKind;

#[derive(Debug)]
pub(crate) struct Foretold {
    /// Any of these: more than one only where jitter or the order of parallel requests decides.
    pub(crate) verdicts: Vec<Verdict>,
    /// The step that fails the operation.
    pub(crate) fails_at: Option<usize>,
    /// Whether what is to be written has been, when the operation ends. `None`: that is up to jitter or to the order of
    /// parallel requests.
    pub(crate) has_landed: Option<bool>,
    pub(crate) requests: RangeInclusive<usize>,
    pub(crate) longest: Duration,
}

/// How long a save or deletion goes on from its first write.
const WRITE_DEADLINE: Duration = Duration::from_secs(10);
/// How long a save goes on for its tags.
const TAGGING: Duration = Duration::from_secs(3);
/// How often the SDK sends a request by itself.
const TRIES_OF_THE_SDK: usize = 3;
/// How often bulk work asks again for what was throttled, and how long it waits in between, all in all.
const TRIES_OF_BULK_WORK: usize = 6;
const PAUSES_OF_BULK_WORK: Duration = Duration::from_millis(15_500);

/// How long one call may take, with the SDK's own tries.
fn longest_call(client: ClientKind) -> Duration {
    Duration::from_secs(match client {
        ClientKind::Own => 8,
        ClientKind::Brought => 9,
    })
}

pub(crate) fn foretell(
    steps: &[Step],
    undisturbed: &Verdict,
    client: ClientKind,
    (kind, frequency): (Kind, Frequency),
    position: usize,
) -> Foretold {
    let fortune = Fortune {
        client,
        kind,
        effect: kind.effect(client),
        budget: frequency.times(),
        only: (frequency == Frequency::ForGoodOnThis).then_some(steps[position].operation),
        requests: (0, 0),
        longest: Duration::ZERO,
        writing: None,
        has_landed: Some(false),
        failure: None,
        is_uncertain: false,
    };
    fortune.walk(steps, undisturbed, position)
}

/// How far the walk has come.
struct Fortune {
    client: ClientKind,
    kind: Kind,
    effect: Effect,
    /// How many requests are struck yet; `None`: all.
    budget: Option<usize>,
    only: Option<oauth_token_store::embedded::Operation>,
    /// At least, at most.
    requests: (usize, usize),
    longest: Duration,
    /// Since the first write, at least and at most.
    writing: Option<(Duration, Duration)>,
    has_landed: Option<bool>,
    failure: Option<(usize, ErrorKind)>,
    is_uncertain: bool,
}

/// What one call comes to, with the SDK's own tries.
enum Call {
    Answered,
    Failed(ErrorKind),
}

impl Fortune {
    fn walk(mut self, steps: &[Step], undisturbed: &Verdict, position: usize) -> Foretold {
        for (index, step) in steps.iter().enumerate() {
            if matches!(step.role, Role::Write) && self.writing.is_none() {
                self.writing = Some((Duration::ZERO, Duration::ZERO));
            }
            if self.is_out_of_time(step) {
                return self.out_of_time(index, steps.len() - index, undisturbed);
            }
            if index < position || !self.strikes(step) {
                self.count(1, 1);
                self.lands(step);
                continue;
            }
            // A look for tags has the time that tags have, and they are left out without it.
            let next = steps.get(index + 1).map(|next| &next.role);
            let looks_for_tags = step.role == Role::Optional && next == Some(&Role::Tag);
            if let Effect::Slow(latency) = self.effect {
                self.count(1, 1);
                if looks_for_tags && latency >= TAGGING {
                    self.requests.0 = self.requests.0.min(1);
                }
                self.pass(latency, latency);
                self.budget = self.budget.map(|budget| budget - 1);
                // The deadline comes between two steps: a save looks at the clock before it tries again, not at each step.
                if self.writing.is_some_and(|(least, _)| least + latency > WRITE_DEADLINE) {
                    self.is_uncertain = true;
                    self.requests.0 = self.requests.0.min(1);
                }
                if step.role == Role::Tag {
                    self.longest += latency.min(TAGGING);
                } else {
                    self.longest += latency;
                }
                self.lands(step);
                continue;
            }
            let is_last_of_bulk = steps.get(index + 1).is_none_or(|next| next.role != step.role);
            if let Some(kind) = self.strike(step, is_last_of_bulk) {
                self.failure = self.failure.or(Some((index, kind)));
                if !matches!(step.role, Role::Bulk | Role::BulkWrite) {
                    break;
                }
            } else if looks_for_tags {
                self.requests.0 = self.requests.0.min(1);
            } else if step.role == Role::Write && next == Some(&Role::Tag) {
                // What was sent again looks which tags are wanted by now.
                self.count(0, 1);
            }
        }
        let verdict = match self.failure {
            Some((_, kind)) => Verdict::Fails(vec![kind]),
            None => undisturbed.clone(),
        };
        let mut verdicts = vec![verdict];
        if self.is_uncertain {
            verdicts.extend([undisturbed.clone(), too_late()]);
        }
        self.told(verdicts)
    }

    fn told(self, verdicts: Vec<Verdict>) -> Foretold {
        Foretold {
            verdicts,
            fails_at: self.failure.map(|(index, _)| index),
            has_landed: self.has_landed.filter(|_| !self.is_uncertain),
            requests: self.requests.0..=self.requests.1,
            // The pauses between the tries that are not counted in the above.
            longest: self.longest + Duration::from_secs(1),
        }
    }

    fn strikes(&self, step: &Step) -> bool {
        self.budget != Some(0)
            && self.kind.concerns(step.operation)
            && self.only.is_none_or(|only| only == step.operation)
    }

    /// Another try of a save is made only until the deadline.
    fn is_out_of_time(&mut self, step: &Step) -> bool {
        let Some((least, most)) = self.writing.filter(|_| step.role == Role::Write) else {
            return false;
        };
        if least <= WRITE_DEADLINE && most > WRITE_DEADLINE {
            self.is_uncertain = true;
        }
        least > WRITE_DEADLINE
    }

    fn out_of_time(mut self, index: usize, rest: usize, undisturbed: &Verdict) -> Foretold {
        self.failure = Some((index, ErrorKind::Contended));
        // Reads may have been left out, too.
        self.requests.0 = 0;
        let mut verdicts = vec![too_late()];
        if self.is_uncertain {
            verdicts.push(undisturbed.clone());
            self.requests.1 += rest;
            if let Effect::Slow(latency) = self.effect {
                self.longest += latency * u32::try_from(rest).expect("few");
            }
        }
        self.told(verdicts)
    }

    fn count(&mut self, least: usize, most: usize) {
        // After a failure the rest is done or not.
        self.requests.0 += if self.failure.is_none() { least } else { 0 };
        self.requests.1 += most;
    }

    fn pass(&mut self, least: Duration, most: Duration) {
        if let Some(writing) = &mut self.writing {
            writing.0 += least;
            writing.1 += most;
        }
    }

    fn lands(&mut self, step: &Step) {
        if step.lands {
            self.has_landed = Some(true);
        }
    }

    /// The fault strikes this step: why the operation fails, if it does.
    fn strike(&mut self, step: &Step, is_last_of_bulk: bool) -> Option<ErrorKind> {
        if step.lands && self.kind.carries_out() {
            self.lands(step);
        }
        match step.role {
            Role::Read => self.failing_call(step),
            Role::Optional => {
                if self.failing_call(step).is_some() {
                    // What would have followed from its answer is left out.
                    self.requests.0 = self.requests.0.min(1);
                }
                None
            }
            Role::OrStale => self.failing_call(step).filter(|kind| !kind.is_retryable()),
            Role::Write => self.write(step, WRITE_DEADLINE),
            Role::Tag => {
                self.requests.0 += 1;
                // At least one more follows within its time if the SDK does not get an answer.
                self.requests.1 += TRIES_OF_THE_SDK * most_tries(TAGGING, Duration::ZERO);
                self.longest += TAGGING;
                None
            }
            Role::Bulk => self.bulk(step, is_last_of_bulk),
            Role::BulkWrite => self.bulk_write(step, is_last_of_bulk),
        }
    }

    fn failing_call(&mut self, step: &Step) -> Option<ErrorKind> {
        match self.call(step) {
            Call::Answered => None,
            Call::Failed(kind) => Some(kind),
        }
    }

    fn call(&mut self, step: &Step) -> Call {
        let Effect::Error { kind, is_repeated, takes } = self.effect else {
            return Call::Answered;
        };
        let is_item = matches!(self.kind, Kind::OneOfABatch(_));
        let tries = if is_repeated && !step.is_sent_once() && !is_item { TRIES_OF_THE_SDK } else { 1 };
        let struck = self.budget.map_or(tries, |budget| budget.min(tries));
        self.budget = self.budget.map(|budget| budget - struck);
        let pauses = Duration::from_secs(if tries > 1 { 3 } else { 0 });
        let time = takes * u32::try_from(struck).expect("few");
        self.longest += longest_call(self.client).min(time + pauses);
        self.pass(time.min(longest_call(self.client)), longest_call(self.client).min(time + pauses));
        if struck < tries {
            self.count(struck + 1, struck + 1);
            self.lands(step);
            Call::Answered
        } else {
            self.count(tries, tries);
            Call::Failed(kind)
        }
    }

    /// Sent again until it is answered, or refused for good.
    fn write(&mut self, step: &Step, window: Duration) -> Option<ErrorKind> {
        let Effect::Error { kind, takes, .. } = self.effect else {
            return None;
        };
        if !kind.is_retryable() {
            return self.failing_call(step);
        }
        let sdk = if step.is_sent_once() { 1 } else { TRIES_OF_THE_SDK };
        let (begun, begun_latest) = self.writing.unwrap_or_default();
        if let Some(budget) = self.budget {
            // The tries that fail, and the pauses after them.
            let (mut least, mut most) = (begun, begun_latest);
            let mut pauses = Pauses::default();
            for _ in 0..budget {
                let pause = pauses.next();
                least += takes + pause / 2;
                most += takes + pause + Duration::from_secs(if sdk > 1 { 3 } else { 0 });
            }
            if most <= window {
                self.budget = Some(0);
                self.count(budget + 1, budget + 1);
                self.longest += most - begun_latest;
                self.writing = self.writing.map(|_| (least, most));
                self.lands(step);
                return None;
            }
            self.is_uncertain |= least <= window;
        }
        let tries = most_tries(window, takes);
        self.count(1, tries * sdk);
        let last = if step.is_sent_once() { takes } else { takes * 3 + Duration::from_secs(3) };
        self.longest += window + longest_call(self.client).min(last);
        Some(if kind == ErrorKind::Throttled { kind } else { ErrorKind::Unavailable })
    }

    fn bulk(&mut self, step: &Step, is_last: bool) -> Option<ErrorKind> {
        let Effect::Error { kind, is_repeated, .. } = self.effect else {
            return None;
        };
        let is_item = matches!(self.kind, Kind::OneOfABatch(_));
        let in_parallel = self.budget.is_some_and(|budget| budget > 1) && !is_last;
        if kind == ErrorKind::Throttled && !is_item {
            let sdk = if is_repeated && !step.is_sent_once() { TRIES_OF_THE_SDK } else { 1 };
            let struck = self.budget.unwrap_or(TRIES_OF_BULK_WORK * sdk);
            self.longest += PAUSES_OF_BULK_WORK + 6 * Duration::from_secs(3);
            if self.budget.is_some() {
                self.budget = Some(0);
                self.count(struck + 1, struck + 1);
                return None;
            }
            self.count(1, struck);
            if step.role == Role::BulkWrite {
                self.has_landed = None;
            }
            return Some(kind);
        }
        let failure = self.failing_call(step);
        if in_parallel && is_repeated && !is_item {
            // The others may take some of the blows.
            self.is_uncertain = true;
            self.count(0, TRIES_OF_THE_SDK);
        }
        if failure.is_some() {
            self.requests.0 = 1;
        }
        failure
    }

    fn bulk_write(&mut self, step: &Step, is_last: bool) -> Option<ErrorKind> {
        let Effect::Error { kind, is_repeated, .. } = self.effect else {
            return None;
        };
        if kind == ErrorKind::Throttled {
            return self.bulk(step, is_last);
        }
        let budget = self.budget;
        self.writing = None;
        let failure = self.write(step, WRITE_DEADLINE);
        if failure.is_some() {
            // The others may take some of the blows.
            let is_shared = budget.is_some_and(|budget| budget > 1) && !is_last;
            self.is_uncertain |= is_shared && (is_repeated || kind.is_retryable());
            self.count(0, budget.unwrap_or_default());
            self.requests.0 = 1;
            self.has_landed = None;
        }
        failure
    }
}

fn too_late() -> Verdict {
    Verdict::Fails(vec![ErrorKind::Contended, ErrorKind::Unavailable])
}

/// The longest pauses between the store's own tries.
struct Pauses(Duration);

impl Default for Pauses {
    fn default() -> Self {
        Self(Duration::from_millis(10))
    }
}

impl Pauses {
    fn next(&mut self) -> Duration {
        let pause = self.0;
        self.0 = (self.0 * 2).min(Duration::from_millis(640));
        pause
    }
}

/// How often something that takes so long is tried within a time, if each pause is as short as it can be.
fn most_tries(window: Duration, takes: Duration) -> usize {
    let (mut tries, mut time, mut pauses) = (0, Duration::ZERO, Pauses::default());
    while time <= window {
        tries += 1;
        time += takes + pauses.next() / 2;
    }
    tries
}
