//! What the parent tells a process to do, and what the process answers: a line each.

use std::fmt;
use std::str::FromStr;

use super::Failure;

/// A line on a process's standard input: `NUMBER TASK USER [ARGUMENT]`.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) deed: usize,
    pub(super) user: String,
    pub(super) task: Task,
}

#[derive(Clone, Debug)]
pub(super) enum Task {
    /// Saves a whole token, made of what the OAuth server answered.
    LogIn {
        response: String,
    },
    /// Finds the token, changes it, saves it.
    Change,
    /// Exchanges the refresh token unless the access token is good for so many seconds.
    Refresh {
        leeway: u64,
    },
    LogOut,
    Find,
}

/// A line on a process's standard output: `NUMBER OUTCOME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// What was to be saved is saved, what was to be deleted is deleted.
    Done,
    /// Nothing was written; the token found is the one that this deed wrote.
    Found(usize),
    Absent,
    /// The store refused to save: the token had been deleted.
    Deleted,
    /// The OAuth server refused the exchange, and there is no newer token.
    Refused,
    /// Anything that should not be.
    Failed(String),
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { deed, user, task } = self;
        match task {
            Task::LogIn { response } => write!(f, "{deed} log-in {user} {response}"),
            Task::Change => write!(f, "{deed} change {user}"),
            Task::Refresh { leeway } => write!(f, "{deed} refresh {user} {leeway}"),
            Task::LogOut => write!(f, "{deed} log-out {user}"),
            Task::Find => write!(f, "{deed} find {user}"),
        }
    }
}

impl FromStr for Command {
    type Err = Failure;

    fn from_str(line: &str) -> Result<Self, Failure> {
        let mut words = line.splitn(4, ' ');
        let mut word = || words.next().ok_or("not a command");
        let (deed, task, user) = (word()?.parse()?, word()?, word()?.to_owned());
        let task = match task {
            "log-in" => Task::LogIn { response: word()?.to_owned() },
            "change" => Task::Change,
            "refresh" => Task::Refresh { leeway: word()?.parse()? },
            "log-out" => Task::LogOut,
            "find" => Task::Find,
            _ => return Err("not a task".into()),
        };
        Ok(Self { deed, user, task })
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("done"),
            Self::Found(by) => write!(f, "found {by}"),
            Self::Absent => f.write_str("absent"),
            Self::Deleted => f.write_str("deleted"),
            Self::Refused => f.write_str("refused"),
            Self::Failed(why) => write!(f, "failed {}", why.replace('\n', " ")),
        }
    }
}

impl FromStr for Outcome {
    type Err = Failure;

    fn from_str(line: &str) -> Result<Self, Failure> {
        let (outcome, rest) = line.split_once(' ').unwrap_or((line, ""));
        Ok(match outcome {
            "done" => Self::Done,
            "found" => Self::Found(rest.parse()?),
            "absent" => Self::Absent,
            "deleted" => Self::Deleted,
            "refused" => Self::Refused,
            "failed" => Self::Failed(rest.to_owned()),
            _ => return Err(format!("not an outcome: {line}").into()),
        })
    }
}
