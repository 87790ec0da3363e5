//! Histories that the checker must refuse, and ones that it must not.
//!
//! One process finds bob by his user; what it is told is written down by hand.

use std::time::Duration;

use oauth_token_store::ErrorKind;
use oauth_token_store::embedded::Operation;

use super::problems;
use crate::history::{
    Action, Answer, Call, Fields, History, INTENT, Intent, Moment, Outcome, Process, Reading, Request, Shown,
    State, Version,
};

const BOB: &str = "u_bob";

/// A history that is being written.
struct Scribe(History, Duration);

impl Scribe {
    fn new() -> Self {
        let process = Process {
            time_to_live: Duration::from_secs(300),
            miss_time_to_live: Duration::from_secs(1),
            max_stale: Duration::ZERO,
            max_capacity: 100,
            may_evict: false,
        };
        let states = [(BOB.to_owned(), vec![State::default()])].into();
        let aliases = [(BOB.to_owned(), "bob".to_owned())].into();
        let history =
            History { processes: vec![process.clone(), process], states, aliases, ..History::default() };
        let mut scribe = Self(history, Duration::ZERO);
        scribe.moment();
        scribe
    }

    fn lagging() -> Self {
        let mut scribe = Self::new();
        scribe.0.reads_lag = true;
        scribe
    }

    fn pass(&mut self, seconds: u64) -> &mut Self {
        self.1 += Duration::from_secs(seconds);
        self
    }

    fn moment(&mut self) -> Moment {
        self.0.times.push(self.1);
        let clocks = Reading { monotonic: self.1, wall: self.1 };
        Moment { stamp: self.0.times.len() - 1, clocks }
    }

    /// The fields of a version that this intent has written.
    fn fields(number: u32, more: &[(&str, &str)]) -> Fields {
        let number = number.to_string();
        let fields = [("user_name", "bob"), ("access_token", "a"), (INTENT, number.as_str())];
        let fields = fields.iter().chain(more);
        fields.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    /// Somebody saves a whole token without a word of it in the history but this: its version lands.
    fn lands(&mut self, number: u32) -> &mut Self {
        self.lands_as(number, "arn-1", Self::fields(number, &[]), Self::fields(number, &[]), false)
    }

    fn lands_as(
        &mut self,
        number: u32,
        arn: &str,
        fields: Fields,
        given: Fields,
        is_of_a_found_token: bool,
    ) -> &mut Self {
        let stamp = self.moment().stamp;
        self.0.intents.insert(number, Intent { of: BOB.to_owned(), given, is_of_a_found_token });
        let version = Version { arn: arn.to_owned(), id: stamp.to_string(), fields };
        self.push(State { stamp, at: self.1, version: Some(version) })
    }

    fn is_deleted(&mut self) -> &mut Self {
        let stamp = self.moment().stamp;
        self.push(State { stamp, at: self.1, version: None })
    }

    fn push(&mut self, state: State) -> &mut Self {
        self.0.states.get_mut(BOB).expect("bob").push(state);
        self
    }

    fn begins(&mut self, action: Action) -> usize {
        let begun = self.moment();
        self.0.calls.push(Call { process: 0, task: 0, action, begun, ended: None });
        self.0.calls.len() - 1
    }

    fn ends(&mut self, call: usize, outcome: Outcome) -> &mut Self {
        let stamp = self.moment().stamp;
        self.0.calls[call].ended = Some((stamp, outcome));
        self
    }

    fn sends(&mut self, operation: Operation) -> usize {
        let sent = self.moment();
        let of = Some(BOB.to_owned());
        self.0.requests.push(Request { process: 0, operation, of, sent, executed: None, answered: None });
        self.0.requests.len() - 1
    }

    fn is_told(&mut self, request: usize, answer: Answer) -> &mut Self {
        let executed = self.moment().stamp;
        let answered = self.moment();
        self.0.requests[request].executed = Some(executed);
        self.0.requests[request].answered = Some((answered, answer));
        self
    }

    fn find() -> Action {
        Action::Find { of: Some(BOB.to_owned()), by: "bob".to_owned() }
    }

    fn shows(&self, index: usize) -> Outcome {
        let version = self.0.states[BOB][index].version.as_ref();
        Outcome::Token(version.map(|version| Shown { name: BOB.to_owned(), fields: version.fields.clone() }))
    }

    /// A find that asks the service, and is told this state.
    fn finds(&mut self, index: usize) -> &mut Self {
        let call = self.begins(Self::find());
        let request = self.sends(Operation::GetSecretValue);
        let is_there = self.0.states[BOB][index].version.is_some();
        self.is_told(request, if is_there { Answer::Shows(index) } else { Answer::ShowsNothing });
        self.ends(call, self.shows(index))
    }

    /// A find that asks nobody.
    fn finds_in_memory(&mut self, index: usize) -> &mut Self {
        let call = self.begins(Self::find());
        self.ends(call, self.shows(index))
    }

    /// A save that lands and returns.
    fn saves(&mut self, number: u32) -> &mut Self {
        let call = self.begins(Action::Save { intent: number });
        let request = self.sends(Operation::PutSecretValue);
        self.lands(number);
        let index = self.0.states[BOB].len() - 1;
        self.is_told(request, Answer::Landed(index));
        self.ends(call, self.shows(index))
    }

    fn deletes(&mut self) -> &mut Self {
        let action = Action::Delete { of: Some(BOB.to_owned()), by: "bob".to_owned() };
        let call = self.begins(action);
        let request = self.sends(Operation::DeleteSecret);
        self.is_deleted();
        let index = self.0.states[BOB].len() - 1;
        self.is_told(request, Answer::Landed(index));
        self.ends(call, Outcome::Done)
    }

    #[track_caller]
    fn is_fine(&self) {
        assert_eq!(problems(&self.0), Vec::<String>::new(), "\n{}", self.0);
    }

    #[track_caller]
    fn is_refused(&self, why: &str) {
        let problems = problems(&self.0);
        assert!(problems.iter().any(|problem| problem.contains(why)), "{why}: {problems:?}\n{}", self.0);
    }
}

#[test]
fn a_history_in_order_is_fine() {
    Scribe::new()
        .lands(1)
        .finds(1)
        .finds_in_memory(1)
        .saves(2)
        .finds_in_memory(2)
        .deletes()
        .finds(3)
        .is_fine();
}

#[test]
fn a_read_behind_the_process_s_own_save_is_refused() {
    Scribe::new()
        .lands(1)
        .finds(1)
        .saves(2)
        .finds_in_memory(1)
        .is_refused("#2 shows bob/1 although #1 has left bob/2");
}

/// The read's answer was on its way when the save was answered.
#[test]
fn a_read_that_was_asked_for_before_the_save_is_refused_although_it_is_answered_later() {
    let mut scribe = Scribe::new();
    scribe.lands(1);
    let request = scribe.sends(Operation::GetSecretValue);
    scribe.saves(2);
    let find = scribe.begins(Scribe::find());
    scribe.is_told(request, Answer::Shows(1));
    let shown = scribe.shows(1);
    scribe.ends(find, shown).is_refused("nothing that was asked for after that has shown it");
}

#[test]
fn a_find_that_began_before_the_save_returned_may_show_either() {
    let mut scribe = Scribe::new();
    scribe.lands(1).finds(1);
    let find = scribe.begins(Scribe::find());
    scribe.saves(2);
    let shown = scribe.shows(1);
    scribe.ends(find, shown).is_fine();
}

#[test]
fn a_deleted_token_in_memory_is_refused() {
    Scribe::new()
        .lands(1)
        .finds(1)
        .deletes()
        .finds_in_memory(1)
        .is_refused("although #1 has left bob/2 (nothing)");
}

#[test]
fn reads_that_go_back_are_refused() {
    Scribe::new()
        .lands(1)
        .finds(1)
        .lands(2)
        .finds(2)
        .finds_in_memory(1)
        .is_refused("#2 shows bob/1 although #1");
}

#[test]
fn an_older_version_from_a_replica_is_refused_within_a_minute_of_the_newer_one_and_fine_after_it() {
    let mut scribe = Scribe::lagging();
    scribe.lands(1).lands(2).finds(2);
    scribe.pass(59).finds(1).is_refused("it goes back within a minute");
    let mut scribe = Scribe::lagging();
    scribe.lands(1).lands(2).finds(2);
    scribe.pass(60).finds(1).is_fine();
}

#[test]
fn that_there_is_nothing_and_what_is_reloaded_are_believed() {
    Scribe::lagging().lands(1).finds(1).finds(0).is_fine();
    let mut scribe = Scribe::lagging();
    scribe.lands(1).lands(2).finds(2);
    let reload = scribe.begins(Action::Reload { of: BOB.to_owned(), is_sure: true, by: "bob".to_owned() });
    let request = scribe.sends(Operation::GetSecretValue);
    scribe.is_told(request, Answer::Shows(1));
    let shown = scribe.shows(1);
    scribe.ends(reload, shown).is_fine();
}

#[test]
fn a_reload_that_asks_nobody_is_refused() {
    let mut scribe = Scribe::new();
    scribe.lands(1).finds(1);
    let reload = scribe.begins(Action::Reload { of: BOB.to_owned(), is_sure: true, by: "bob".to_owned() });
    let shown = scribe.shows(1);
    scribe.ends(reload, shown).is_refused("#1 shows what it has not asked for");
}

#[test]
fn what_was_to_be_forgotten_is_refused() {
    let mut scribe = Scribe::new();
    scribe.lands(1).finds(1);
    let invalidate = scribe.begins(Action::Invalidate { of: None, is_sure: true });
    scribe.ends(invalidate, Outcome::Done).finds_in_memory(1).is_refused("which #1 had it forget");
}

#[test]
fn what_is_older_than_its_time_to_live_is_refused() {
    let mut scribe = Scribe::new();
    scribe.lands(1).finds(1).pass(299).finds_in_memory(1).is_fine();
    scribe.pass(1).finds_in_memory(1).is_refused("#2 shows bob/1, which was asked for too long ago");
    let mut scribe = Scribe::new();
    scribe
        .finds(0)
        .pass(1)
        .finds_in_memory(0)
        .is_refused("#1 shows bob/0 (nothing), which was asked for too long ago");
}

#[test]
fn an_outage_lets_a_find_show_what_is_older_for_as_long_as_the_settings_say() {
    let mut scribe = Scribe::new();
    scribe.0.processes[0].max_stale = Duration::from_secs(60);
    scribe.lands(1).finds(1).pass(301);
    let request = scribe.sends(Operation::GetSecretValue);
    scribe.is_told(request, Answer::Failed { is_passing: true }).finds_in_memory(1).is_fine();
    scribe.pass(60).finds_in_memory(1).is_refused("too long ago");
}

#[test]
fn an_expired_token_is_refused_after_a_second() {
    let expired = |number| Scribe::fields(number, &[("expiry_time", "9000")]);
    let mut scribe = Scribe::new();
    scribe.lands_as(1, "arn-1", expired(1), expired(1), false).finds(1);
    scribe.pass(3).finds_in_memory(1).is_fine();
    scribe.pass(1).finds_in_memory(1).is_refused("too long ago");
}

#[test]
fn what_was_never_stored_is_refused() {
    let mut scribe = Scribe::new();
    scribe.lands(1);
    let find = scribe.begins(Scribe::find());
    let token = Shown { name: BOB.to_owned(), fields: Scribe::fields(7, &[]) };
    scribe.ends(find, Outcome::Token(Some(token))).is_refused("shows what was never stored");
}

#[test]
fn a_version_that_lacks_what_was_given_or_has_what_was_not_is_refused() {
    let (x, y) = (Scribe::fields(1, &[("x", "1")]), Scribe::fields(2, &[("x", "1"), ("y", "2")]));
    let given: Fields = [(INTENT, "2"), ("y", "2")].map(|(name, value)| (name.into(), value.into())).into();
    let after = |fields: Fields| {
        let mut scribe = Scribe::new();
        scribe.lands_as(1, "arn-1", x.clone(), x.clone(), false).lands_as(
            2,
            "arn-1",
            fields,
            given.clone(),
            true,
        );
        scribe
    };
    after(y).is_fine();
    after(Scribe::fields(2, &[("x", "1")])).is_refused("bob/2 lacks the y that its save gave");
    after(Scribe::fields(2, &[("y", "2")])).is_refused("bob/2 has another x than the version before it");
}

#[test]
fn the_expiry_of_another_access_token_is_refused() {
    let first = Scribe::fields(1, &[("expiry_time", "900000")]);
    let given: Fields =
        [(INTENT, "2"), ("access_token", "b")].map(|(name, value)| (name.into(), value.into())).into();
    let mut stored = Scribe::fields(2, &[("expiry_time", "900000")]);
    stored.insert("access_token".to_owned(), "b".to_owned());
    let mut scribe = Scribe::new();
    scribe.lands_as(1, "arn-1", first.clone(), first, false).lands_as(2, "arn-1", stored, given, true);
    scribe.is_refused("bob/2 has the expiry of another access token");
}

#[test]
fn a_save_that_lands_twice_is_refused() {
    Scribe::new().lands(1).lands(2).lands(1).is_refused("bob/3 has landed before");
}

#[test]
fn a_record_that_is_made_of_a_found_token_is_refused() {
    let fields = || Scribe::fields(2, &[]);
    let mut scribe = Scribe::new();
    scribe.lands(1).is_deleted().lands_as(2, "arn-2", fields(), fields(), true);
    scribe.is_refused("bob/3 brings back a deleted record");
    let mut scribe = Scribe::new();
    scribe.lands(1).is_deleted().lands_as(2, "arn-2", fields(), fields(), false).is_fine();
}

#[test]
fn a_save_that_was_acknowledged_and_is_nowhere_is_refused() {
    let mut scribe = Scribe::new();
    scribe.lands(1);
    scribe
        .0
        .intents
        .insert(2, Intent { of: BOB.to_owned(), given: Fields::new(), is_of_a_found_token: false });
    let save = scribe.begins(Action::Save { intent: 2 });
    let token = Shown { name: BOB.to_owned(), fields: Scribe::fields(2, &[]) };
    scribe.ends(save, Outcome::Token(Some(token))).is_refused("what it returned is nowhere");
}

#[test]
fn a_deletion_that_deletes_nothing_is_refused() {
    let mut scribe = Scribe::new();
    scribe.lands(1);
    let delete = scribe.begins(Action::Delete { of: Some(BOB.to_owned()), by: "bob".to_owned() });
    scribe.ends(delete, Outcome::Done).is_refused("#0 was acknowledged, and has deleted nothing");
}

#[test]
fn two_records_of_one_user_are_refused() {
    let mut scribe = Scribe::new();
    scribe.lands(1);
    let mut second = scribe.0.states[BOB].clone();
    second[1].stamp = scribe.moment().stamp;
    scribe.0.states.insert("i_other".to_owned(), second);
    scribe.is_refused("is a second record of bob");
}

#[test]
fn a_list_without_what_the_process_has_saved_is_refused() {
    let mut scribe = Scribe::new();
    scribe.saves(1);
    let list = scribe.begins(Action::List);
    scribe.ends(list, Outcome::Tokens(Vec::new())).is_refused("#1 does not list bob/1");
}

#[test]
fn a_failure_without_a_reason_is_refused() {
    for (kind, has_faults) in [(ErrorKind::Unavailable, true), (ErrorKind::Corrupt, false)] {
        let mut scribe = Scribe::new();
        let find = scribe.begins(Scribe::find());
        scribe.ends(find, Outcome::Failed(kind)).is_refused("fails without a reason");
        scribe.0.has_faults = true;
        assert_eq!(problems(&scribe.0).is_empty(), has_faults, "{kind}");
    }
}

/// The batch of a list shows something older than a reload that was believed: the list has that.
#[test]
fn a_list_may_have_what_is_known_in_place_of_what_is_older() {
    for (is_reloaded, is_fine) in [(true, true), (false, false)] {
        let mut scribe = Scribe::lagging();
        scribe.lands(1).lands(2).lands(3).finds(3);
        if is_reloaded {
            let reload =
                scribe.begins(Action::Reload { of: BOB.to_owned(), is_sure: true, by: "bob".to_owned() });
            let request = scribe.sends(Operation::GetSecretValue);
            scribe.is_told(request, Answer::Shows(2));
            let shown = scribe.shows(2);
            scribe.ends(reload, shown);
        }
        let list = scribe.begins(Action::List);
        let request = scribe.sends(Operation::BatchGetSecretValue);
        scribe.is_told(request, Answer::Batch(vec![(BOB.to_owned(), 1)]));
        let Outcome::Token(Some(token)) = scribe.shows(2) else { panic!("bob is there") };
        scribe.ends(list, Outcome::Tokens(vec![token]));
        assert_eq!(problems(&scribe.0).is_empty(), is_fine, "{}", scribe.0);
    }
}

/// A deletion by ARN of the secret that had the name before: what a replica shows of that is nothing.
#[test]
fn a_deletion_that_changes_nothing_tells_that_its_secret_is_gone() {
    for (is_deleted_since, is_fine) in [(true, true), (false, false)] {
        let mut scribe = Scribe::lagging();
        scribe.lands(1).finds(1).is_deleted();
        scribe.lands_as(2, "arn-2", Scribe::fields(2, &[]), Scribe::fields(2, &[]), false);
        let invalidate = scribe.begins(Action::Invalidate { of: None, is_sure: true });
        scribe.ends(invalidate, Outcome::Done);
        if is_deleted_since {
            let delete = scribe.begins(Action::Delete { of: None, by: "own-bob".to_owned() });
            let request = scribe.sends(Operation::DeleteSecret);
            scribe.is_told(request, Answer::Landed(3));
            scribe.ends(delete, Outcome::Done);
        }
        scribe.finds_in_memory(0);
        let is_forgotten = problems(&scribe.0).iter().any(|problem| problem.contains("had it forget"));
        assert_eq!(is_forgotten, !is_fine, "{}", scribe.0);
    }
}

/// The version that was seen before the miss is newer than what a replica shows after it.
#[test]
fn a_miss_may_stand_in_for_what_is_older_than_what_was_seen_before_it() {
    for (is_shown, is_fine) in [(1, true), (2, false)] {
        let mut scribe = Scribe::lagging();
        scribe.lands(1).lands(2).finds(2).finds(0).pass(2);
        let find = scribe.begins(Scribe::find());
        let request = scribe.sends(Operation::GetSecretValue);
        scribe.is_told(request, Answer::Shows(is_shown));
        scribe.ends(find, Outcome::Token(None));
        let is_too_old = problems(&scribe.0).iter().any(|problem| problem.contains("too long ago"));
        assert_eq!(is_too_old, !is_fine, "{}", scribe.0);
    }
}

/// Which of the two came last can't be told before both are answered, and from then on the minute counts.
#[test]
fn a_miss_may_stand_in_for_a_minute_after_a_save_beside_its_deletion_is_answered() {
    for (seconds, is_fine) in [(58, true), (63, false)] {
        let mut scribe = Scribe::lagging();
        scribe.lands(1).finds(1);
        let save = scribe.begins(Action::Save { intent: 2 });
        let put = scribe.sends(Operation::PutSecretValue);
        scribe.lands(2).deletes().pass(30).is_told(put, Answer::Landed(2));
        scribe.ends(save, scribe.shows(2));
        scribe.pass(seconds);
        let find = scribe.begins(Scribe::find());
        let request = scribe.sends(Operation::GetSecretValue);
        scribe.is_told(request, Answer::Shows(1)).ends(find, Outcome::Token(None));
        let is_too_old = problems(&scribe.0).iter().any(|problem| problem.contains("too long ago"));
        assert_eq!(is_too_old, !is_fine, "{}", scribe.0);
    }
}
