//! What happened in one schedule: what was called and came back, what was sent and answered, and what the service held.
//!
//! Everything has a [`Stamp`]. The service's own truth is the list of states that each name went through, in the order in
//! which the writes landed; what a process saw is told as an index into that list.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::time::Duration;

use oauth_token_store::ErrorKind;
use oauth_token_store::embedded::Operation;

/// A place in the order of all that happened.
pub(crate) type Stamp = usize;

/// The fields of a token by the names that they are stored by.
pub(crate) type Fields = BTreeMap<String, String>;

/// The locator of a record, which is its id.
pub(crate) type Name = String;

/// What a process's two clocks said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) monotonic: Duration,
    /// Since 1970.
    pub(crate) wall: Duration,
}

impl Reading {
    /// The time since then, by the clock that says more.
    pub(crate) fn since(&self, earlier: &Self) -> Duration {
        let monotonic = self.monotonic.saturating_sub(earlier.monotonic);
        monotonic.max(self.wall.saturating_sub(earlier.wall))
    }
}

/// A stamp, and what the process's clocks said.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moment {
    pub(crate) stamp: Stamp,
    pub(crate) clocks: Reading,
}

/// How a process's store is set up.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    pub(crate) time_to_live: Duration,
    pub(crate) miss_time_to_live: Duration,
    pub(crate) max_stale: Duration,
    pub(crate) max_capacity: u64,
    /// Whether it has room for fewer records than there are.
    pub(crate) may_evict: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// By whatever key; `of` is the record, if only one can be meant, also when nothing is found.
    Find {
        of: Option<Name>,
        by: String,
    },
    /// `is_sure` if nothing else can be meant: also when nothing is found.
    Reload {
        of: Name,
        is_sure: bool,
        by: String,
    },
    Refresh {
        of: Name,
    },
    /// Of one record, or of all.
    Invalidate {
        of: Option<Name>,
        is_sure: bool,
    },
    /// Of what was meant to be saved under this number.
    Save {
        intent: u32,
    },
    /// `of` is the record, unless it is for a search to find.
    Delete {
        of: Option<Name>,
        by: String,
    },
    DeleteAll,
    List,
}

/// A token as a caller saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) name: Name,
    pub(crate) fields: Fields,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Token(Option<Shown>),
    Tokens(Vec<Shown>),
    Done,
    Failed(ErrorKind),
}

#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) process: usize,
    pub(crate) task: usize,
    pub(crate) action: Action,
    pub(crate) begun: Moment,
    /// `None` if the caller dropped it.
    pub(crate) ended: Option<(Stamp, Outcome)>,
}

/// What somebody meant to save.
#[derive(Clone, Debug)]
pub(crate) struct Intent {
    pub(crate) of: Name,
    /// What it gives; of a token that was found, what differs from that.
    pub(crate) given: Fields,
    /// Whether the token was built from one that was found.
    pub(crate) is_of_a_found_token: bool,
}

/// The field that tells which intent wrote a version.
pub(crate) const INTENT: &str = "n";

#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// A read showed this state of the name.
    Shows(usize),
    /// A read showed nothing of the name.
    ShowsNothing,
    /// A batch showed these states.
    Batch(Vec<(Name, usize)>),
    /// The write is, or was before, this state of the name.
    Landed(usize),
    /// Passing or not.
    Failed { is_passing: bool },
    /// Whatever else there is to say.
    Other,
}

#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) process: usize,
    pub(crate) operation: Operation,
    pub(crate) of: Option<Name>,
    pub(crate) sent: Moment,
    /// When the service carried it out, if it did.
    pub(crate) executed: Option<Stamp>,
    pub(crate) answered: Option<(Moment, Answer)>,
}

/// A state that a name went into. The first one is that there is nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    pub(crate) stamp: Stamp,
    /// By the service's clock.
    pub(crate) at: Duration,
    pub(crate) version: Option<Version>,
}

#[derive(Clone, Debug)]
pub(crate) struct Version {
    pub(crate) arn: String,
    pub(crate) id: String,
    pub(crate) fields: Fields,
}

impl Version {
    /// What tells its secret from others that have had the same name.
    fn suffix(&self) -> &str {
        self.arn.rsplit('-').next().unwrap_or_default()
    }

    pub(crate) fn intent(&self) -> Option<u32> {
        self.fields.get(INTENT)?.parse().ok()
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    pub(crate) processes: Vec<Process>,
    /// Whether reads of the service may show the past.
    pub(crate) reads_lag: bool,
    /// Whether a name stays taken for some seconds after its deletion.
    pub(crate) names_linger: bool,
    pub(crate) lists_lag: bool,
    /// Whether requests may fail, or take as long as a deadline.
    pub(crate) has_faults: bool,
    pub(crate) calls: Vec<Call>,
    pub(crate) intents: BTreeMap<u32, Intent>,
    pub(crate) requests: Vec<Request>,
    /// Of each name, from the beginning on: the first state is that there is nothing.
    pub(crate) states: BTreeMap<Name, Vec<State>>,
    /// When each stamp was given.
    pub(crate) times: Vec<Duration>,
    /// What the names stand for.
    pub(crate) aliases: BTreeMap<Name, String>,
    /// What the clocks of a process were made to do.
    pub(crate) remarks: Vec<(Stamp, String)>,
}

impl History {
    pub(crate) fn states_of(&self, name: &str) -> &[State] {
        self.states.get(name).map_or(&[], Vec::as_slice)
    }

    fn alias<'a>(&'a self, name: &'a str) -> &'a str {
        self.aliases.get(name).map_or(name, String::as_str)
    }

    /// A state by its index, such as `bob/3`.
    pub(crate) fn label(&self, name: &str, index: usize) -> String {
        let what = match self.states_of(name).get(index).map(|state| &state.version) {
            Some(None) => " (nothing)",
            _ => "",
        };
        format!("{}/{index}{what}", self.alias(name))
    }

    fn shown(&self, shown: &Shown) -> String {
        let index = self
            .states_of(&shown.name)
            .iter()
            .rposition(|state| state.version.as_ref().is_some_and(|version| version.fields == shown.fields));
        match index {
            Some(index) => self.label(&shown.name, index),
            None => format!("{} {}", self.alias(&shown.name), fields(&shown.fields)),
        }
    }

    fn outcome(&self, outcome: &Outcome) -> String {
        match outcome {
            Outcome::Token(None) => "nothing".to_owned(),
            Outcome::Token(Some(token)) => self.shown(token),
            Outcome::Tokens(tokens) => {
                let tokens: Vec<_> = tokens.iter().map(|token| self.shown(token)).collect();
                format!("[{}]", tokens.join(", "))
            }
            Outcome::Done => "done".to_owned(),
            Outcome::Failed(kind) => format!("failed: {kind}"),
        }
    }

    pub(crate) fn action(&self, action: &Action) -> String {
        match action {
            Action::Find { by, .. } => format!("find by {by}"),
            Action::Reload { by, .. } => format!("reload by {by}"),
            Action::Refresh { of } => format!("refresh {}", self.alias(of)),
            Action::Invalidate { of: Some(of), .. } => format!("invalidate {}", self.alias(of)),
            Action::Invalidate { of: None, .. } => "invalidate all".to_owned(),
            Action::Save { intent } => match self.intents.get(intent) {
                Some(what) => {
                    let found = if what.is_of_a_found_token { "found and changed: " } else { "" };
                    format!("save {} {found}{}", self.alias(&what.of), fields(&what.given))
                }
                None => format!("save {intent}"),
            },
            Action::Delete { by, .. } => format!("delete by {by}"),
            Action::DeleteAll => "delete all".to_owned(),
            Action::List => "list".to_owned(),
        }
    }

    fn answer(&self, request: &Request, answer: &Answer) -> String {
        let name = request.of.as_deref().unwrap_or_default();
        match answer {
            Answer::Shows(index) => self.label(name, *index),
            Answer::ShowsNothing => "nothing".to_owned(),
            Answer::Batch(states) => {
                let states: Vec<_> = states.iter().map(|(name, index)| self.label(name, *index)).collect();
                states.join(", ")
            }
            Answer::Landed(index) => format!("it is {}", self.label(name, *index)),
            Answer::Failed { is_passing: true } => "failed, which will pass".to_owned(),
            Answer::Failed { is_passing: false } => "refused".to_owned(),
            Answer::Other => "answered".to_owned(),
        }
    }
}

fn fields(fields: &Fields) -> String {
    let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("{{{}}}", fields.join(" "))
}

/// Who did what when, and what came back.
impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines: Vec<(Stamp, String)> = self.remarks.clone();
        for (number, call) in self.calls.iter().enumerate() {
            let who = format!("process {} task {}", call.process, call.task);
            lines.push((call.begun.stamp, format!("{who}  #{number} {}", self.action(&call.action))));
            if let Some((stamp, outcome)) = &call.ended {
                lines.push((*stamp, format!("{who}  #{number} returns {}", self.outcome(outcome))));
            }
        }
        for (number, request) in self.requests.iter().enumerate() {
            let of = request.of.as_deref().map(|name| format!(" {}", self.alias(name))).unwrap_or_default();
            let what = format!("process {}           r{number} {}{of}", request.process, request.operation);
            lines.push((request.sent.stamp, format!("{what} is sent")));
            if let Some(stamp) = request.executed {
                lines.push((stamp, format!("{what} is carried out")));
            }
            if let Some((moment, answer)) = &request.answered {
                lines.push((moment.stamp, format!("{what} <- {}", self.answer(request, answer))));
            }
        }
        for (name, states) in &self.states {
            for (index, state) in states.iter().enumerate().skip(1) {
                let mut line = format!("                    {} is now", self.label(name, index));
                match &state.version {
                    Some(version) => write!(line, " {} in {}", fields(&version.fields), version.suffix())?,
                    None => line.push_str(" deleted"),
                }
                lines.push((state.stamp, line));
            }
        }
        lines.sort_by_key(|(stamp, _)| *stamp);
        for (stamp, line) in lines {
            let at = self.times.get(stamp).copied().unwrap_or_default();
            writeln!(f, "{:>9.3} s  {line}", at.as_secs_f64())?;
        }
        Ok(())
    }
}
