//! What the parent knows: what it told which process, what was answered, and who was killed when.
//!
//! Only the parent writes here, and it counts the moments: a deed begins before its process is told of it, and has ended when
//! the parent has read its answer, or when the process is dead and everything that it had sent is carried out. So if one
//! deed has ended here before another began, then it has.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write;

use serde_json::Value;

use super::Failure;
use super::command::{Outcome, Task};
use crate::oauth_server::Grant;

/// How many lines of a user's history a failure shows.
const LATEST: usize = 80;

#[derive(Default)]
pub(super) struct Ledger {
    deeds: Vec<Deed>,
    now: usize,
}

/// Something that a process was told to do.
pub(super) struct Deed {
    pub(super) user: String,
    process: usize,
    pub(super) task: Task,
    began: usize,
    end: Option<(usize, End)>,
    /// A version was seen that it wrote.
    pub(super) has_landed: bool,
}

#[derive(Clone, Debug)]
enum End {
    Answered(Outcome),
    Killed,
}

impl Deed {
    /// The acknowledgement, if there was one.
    pub(super) fn outcome(&self) -> Option<&Outcome> {
        match &self.end {
            Some((_, End::Answered(outcome))) => Some(outcome),
            _ => None,
        }
    }

    pub(super) fn was_killed(&self) -> bool {
        matches!(self.end, Some((_, End::Killed)))
    }

    pub(super) fn is_acknowledged(&self) -> bool {
        self.outcome() == Some(&Outcome::Done)
    }

    pub(super) fn writes(&self) -> bool {
        matches!(self.task, Task::LogIn { .. } | Task::Change | Task::Refresh { .. })
    }

    pub(super) fn is_log_in(&self) -> bool {
        matches!(self.task, Task::LogIn { .. })
    }

    pub(super) fn is_log_out(&self) -> bool {
        matches!(self.task, Task::LogOut)
    }

    /// Whether it had ended when the other one began.
    pub(super) fn is_before(&self, other: &Self) -> bool {
        self.end.as_ref().is_some_and(|(ended, _)| *ended < other.began)
    }

    fn name(&self) -> &'static str {
        match self.task {
            Task::LogIn { .. } => "log in",
            Task::Change => "find, change, save",
            Task::Refresh { .. } => "refresh",
            Task::LogOut => "log out",
            Task::Find => "find",
        }
    }
}

impl Ledger {
    /// A new deed, by its number.
    pub(super) fn begin(&mut self, process: usize, user: &str, task: Task) -> usize {
        let began = self.moment();
        self.deeds.push(Deed { user: user.to_owned(), process, task, began, end: None, has_landed: false });
        self.deeds.len() - 1
    }

    pub(super) fn answered(&mut self, number: usize, outcome: Outcome) -> Result<(), Failure> {
        let now = self.moment();
        let deed = self.deeds.get_mut(number).ok_or("an answer to nothing")?;
        if deed.end.replace((now, End::Answered(outcome))).is_some() {
            return Err(format!("#{number} has ended twice").into());
        }
        Ok(())
    }

    /// A process is dead, and whatever it had sent is carried out. Returns what it was doing.
    pub(super) fn killed(&mut self, process: usize) -> usize {
        let now = self.moment();
        let open = self.deeds.iter_mut().filter(|deed| deed.process == process && deed.end.is_none());
        open.map(|deed| deed.end = Some((now, End::Killed))).count()
    }

    pub(super) fn deed(&self, number: usize) -> Option<&Deed> {
        self.deeds.get(number)
    }

    pub(super) fn saw(&mut self, number: usize) {
        if let Some(deed) = self.deeds.get_mut(number) {
            deed.has_landed = true;
        }
    }

    pub(super) fn deeds(&self) -> impl Iterator<Item = (usize, &Deed)> {
        self.deeds.iter().enumerate()
    }

    pub(super) fn deeds_of<'a>(&'a self, user: &'a str) -> impl Iterator<Item = (usize, &'a Deed)> {
        self.deeds().filter(move |(_, deed)| deed.user == user)
    }

    /// What was begun for a user since the last logout was, the latest first.
    pub(super) fn since_log_out<'a>(&'a self, user: &'a str) -> impl Iterator<Item = &'a Deed> {
        let deeds = self.deeds.iter().rev().filter(move |deed| deed.user == user);
        deeds.take_while(|deed| !deed.is_log_out())
    }

    /// A problem with a user, and how it came to it: the last that was done, and all that the problem names.
    pub(super) fn explained(&self, user: &str, problem: &str) -> String {
        let named: BTreeSet<usize> = problem
            .split('#')
            .skip(1)
            .filter_map(|rest| rest.split(|char: char| !char.is_ascii_digit()).next()?.parse().ok())
            .collect();
        let mut lines = BTreeMap::new();
        for (number, deed) in self.deeds_of(user) {
            let who = format!("#{number} {}, process {}", deed.name(), deed.process);
            let is_named = named.contains(&number);
            lines.insert(deed.began, (is_named, format!("{who}: told")));
            match &deed.end {
                Some((at, End::Answered(outcome))) => {
                    lines.insert(*at, (is_named, format!("{who}: {outcome}")))
                }
                Some((at, End::Killed)) => lines.insert(*at, (is_named, format!("{who}: KILLED"))),
                None => None,
            };
        }
        let latest = lines.len().saturating_sub(LATEST);
        let mut explained = format!("{user}: {problem}\nhistory of {user}, if long only its end:\n");
        for (line, (moment, (is_named, text))) in lines.iter().enumerate() {
            if *is_named || line >= latest {
                let _ = writeln!(explained, "  {moment:>6}  {text}");
            }
        }
        explained
    }

    fn moment(&mut self) -> usize {
        self.now += 1;
        self.now
    }
}

/// What the OAuth server has given, and for what.
pub(super) struct Grants {
    /// The token response by the deed that exchanged for it.
    by_deed: HashMap<usize, Value>,
    /// The deed by the refresh token that it spent.
    spent_by: HashMap<String, usize>,
}

impl Grants {
    pub(super) fn new(grants: Vec<Grant>) -> Result<Self, Failure> {
        let (mut by_deed, mut spent_by) = (HashMap::new(), HashMap::new());
        for Grant { form, tokens } in grants {
            let deed = form.get(super::DEED).ok_or("an exchange that is nobody's")?.parse()?;
            let refresh_token = form.get("refresh_token").ok_or("an exchange of nothing")?;
            if by_deed.insert(deed, tokens).is_some() {
                return Err(format!("#{deed} has exchanged twice").into());
            }
            spent_by.insert(refresh_token.clone(), deed);
        }
        Ok(Self { by_deed, spent_by })
    }

    pub(super) fn given_to(&self, deed: usize) -> Option<&Value> {
        self.by_deed.get(&deed)
    }

    pub(super) fn spent_by(&self, refresh_token: &str) -> Option<usize> {
        self.spent_by.get(refresh_token).copied()
    }

    pub(super) fn len(&self) -> usize {
        self.by_deed.len()
    }
}
