//! What must be true of one user when nobody is at work, however many processes were killed: pure functions.

use std::collections::BTreeMap;

use serde_json::Value;

use super::chain::{Chain, Contents, Version};
use super::command::{Outcome, Task};
use super::ledger::{Deed, Grants, Ledger};

/// How a user ends up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    LoggedOut,
    /// The refresh token that is stored is the newest.
    Fine,
    /// The one limit: a process was killed between its exchange at the OAuth server and its save.
    Lost,
}

/// Notes which deeds are seen to have landed, and checks every rule.
pub(super) fn audit(
    ledger: &mut Ledger,
    grants: &Grants,
    user: &str,
    chain: Option<&Chain>,
) -> Result<State, String> {
    for version in chain.iter().flat_map(|chain| &chain.versions) {
        version.contents.deeds.iter().for_each(|deed| ledger.saw(*deed));
    }
    let rules = Rules { ledger, grants, user };
    if let Some(chain) = chain {
        rules.each_version_is_one_save_on_top_of_the_one_before(chain)?;
        rules.nothing_comes_back_after_a_logout(&chain.last().contents)?;
    }
    let last = chain.map(|chain| &chain.last().contents);
    rules.what_is_acknowledged_is_there_or_was_logged_out(last)?;
    rules.what_is_refused_has_done_nothing()?;
    match last {
        None => Ok(State::LoggedOut),
        Some(last) => rules.the_refresh_token_is_the_newest(last),
    }
}

struct Rules<'a> {
    ledger: &'a Ledger,
    grants: &'a Grants,
    user: &'a str,
}

impl Rules<'_> {
    fn each_version_is_one_save_on_top_of_the_one_before(&self, chain: &Chain) -> Result<(), String> {
        if let Some(first) = chain.versions.first().filter(|_| chain.is_whole) {
            self.is_written_by_its_deed(first, None)?;
        }
        for pair in chain.versions.windows(2) {
            if let [before, version] = pair {
                self.is_written_by_its_deed(version, Some(before))?;
            }
        }
        Ok(())
    }

    /// Whether a version is what its deed makes of the one before: its change more, no other one less, and the tokens
    /// that it was given, or those that were there.
    fn is_written_by_its_deed(&self, version: &Version, before: Option<&Version>) -> Result<(), String> {
        let Version { id, contents, .. } = version;
        let by = contents.by;
        let Some(deed) = self.ledger.deed(by).filter(|deed| deed.user == self.user && deed.writes()) else {
            return Err(format!("version {id} is by #{by}, which was to write nothing here"));
        };
        if contents.user != self.user {
            return Err(format!("version {id} is of another user"));
        }
        if before.is_none() && !deed.is_log_in() {
            return Err(format!("the secret was created by #{by}, which is no login"));
        }
        let mut deeds = before.map(|before| before.contents.deeds.clone()).unwrap_or_default();
        if !deeds.insert(by) {
            return Err(format!("version {id} is a second save of #{by}"));
        }
        if let Some(lost) = deeds.difference(&contents.deeds).next() {
            return Err(format!("version {id} by #{by} lacks the change of #{lost}"));
        }
        if let Some(more) = contents.deeds.difference(&deeds).next() {
            return Err(format!("version {id} by #{by} has a change of #{more} that the one before lacks"));
        }
        let tokens_by = match (&deed.task, before) {
            (Task::Change, Some(before)) => before.contents.tokens_by,
            _ => by,
        };
        let Some(given) = self.tokens_of(tokens_by) else {
            return Err(format!("version {id} by #{by}: nobody knows tokens of #{tokens_by}"));
        };
        let stored = (contents.tokens_by, Some(&*contents.refresh_token), Some(&*contents.access_token));
        if stored != (tokens_by, given["refresh_token"].as_str(), given["access_token"].as_str()) {
            return Err(format!("version {id} by #{by} should hold the tokens of #{tokens_by}"));
        }
        Ok(())
    }

    /// The token response that a deed was given.
    fn tokens_of(&self, deed: usize) -> Option<Value> {
        match &self.ledger.deed(deed)?.task {
            Task::LogIn { response } => serde_json::from_str(response).ok(),
            _ => self.grants.given_to(deed).cloned(),
        }
    }

    /// Only a logout that had not ended before a save began can have taken away what was saved.
    fn what_is_acknowledged_is_there_or_was_logged_out(&self, last: Option<&Contents>) -> Result<(), String> {
        let is_there = |number| last.is_some_and(|last| last.deeds.contains(&number));
        let saves = || self.mine().filter(|(_, deed)| deed.writes());
        for (number, save) in saves().filter(|(_, deed)| deed.is_acknowledged()) {
            if !is_there(number) && self.log_outs().all(|(_, log_out)| log_out.is_before(save)) {
                return Err(format!("#{number} was acknowledged, and what it saved is gone"));
            }
        }
        Ok(())
    }

    /// What had been saved before a logout began was deleted by it.
    fn nothing_comes_back_after_a_logout(&self, last: &Contents) -> Result<(), String> {
        for &number in &last.deeds {
            let save = self.ledger.deed(number).ok_or("a change of nobody")?;
            let mut log_outs = self.log_outs().filter(|(_, log_out)| log_out.is_acknowledged());
            if let Some((log_out, _)) = log_outs.find(|(_, log_out)| save.is_before(log_out)) {
                return Err(format!("what #{number} saved is there after the logout #{log_out}"));
            }
        }
        Ok(())
    }

    fn what_is_refused_has_done_nothing(&self) -> Result<(), String> {
        for (number, deed) in self.mine() {
            let is_given_tokens = self.grants.given_to(number).is_some();
            match deed.outcome() {
                None | Some(Outcome::Done) => {}
                Some(outcome @ Outcome::Failed(_)) => return Err(format!("#{number} {outcome}")),
                Some(outcome) if deed.has_landed => {
                    return Err(format!("#{number} has been saved, and was told: {outcome}"));
                }
                Some(Outcome::Deleted) => self.was_deleted_under(number, deed, is_given_tokens)?,
                Some(outcome) if is_given_tokens => {
                    return Err(format!(
                        "#{number} was given tokens by the OAuth server, and says {outcome}"
                    ));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// A token that has been exchanged was read past the cache, so it was deleted after that.
    fn was_deleted_under(&self, number: usize, deed: &Deed, is_exchanged: bool) -> Result<(), String> {
        let mut log_outs = self.log_outs().filter(|(_, log_out)| !deed.is_before(log_out));
        if log_outs.any(|(_, log_out)| !is_exchanged || !log_out.is_before(deed)) {
            return Ok(());
        }
        Err(format!("#{number} was told that the user has logged out, and nobody has"))
    }

    fn the_refresh_token_is_the_newest(&self, last: &Contents) -> Result<State, String> {
        let Some(number) = self.grants.spent_by(&last.refresh_token) else {
            return Ok(State::Fine);
        };
        match self.ledger.deed(number) {
            Some(deed) if deed.was_killed() && !deed.has_landed => Ok(State::Lost),
            _ => Err(format!("the refresh token has been spent by #{number}, and what it got is lost")),
        }
    }

    fn mine(&self) -> impl Iterator<Item = (usize, &Deed)> {
        self.ledger.deeds_of(self.user)
    }

    fn log_outs(&self) -> impl Iterator<Item = (usize, &Deed)> {
        self.mine().filter(|(_, deed)| deed.is_log_out())
    }
}

/// What can become of a save that is cut off by a kill: it landed without an acknowledgement, its tokens were exchanged
/// for and never saved, or nothing has happened.
pub(super) const FATES: [&str; 3] = ["landed", "exchanged only", "nothing"];

/// How many saves that were cut off by a kill came to which fate. What landed and was deleted before anybody looked counts
/// as not landed.
pub(super) fn fates(ledger: &Ledger, grants: &Grants) -> BTreeMap<&'static str, usize> {
    let [landed, exchanged_only, nothing] = FATES;
    let mut fates = BTreeMap::new();
    for (number, deed) in ledger.deeds().filter(|(_, deed)| deed.was_killed() && deed.writes()) {
        let fate = match (deed.has_landed, grants.given_to(number)) {
            (true, _) => landed,
            (false, Some(_)) => exchanged_only,
            (false, None) => nothing,
        };
        *fates.entry(fate).or_default() += 1;
    }
    fates
}
