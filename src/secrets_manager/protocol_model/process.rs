//! What a process does, request by request: `compare_and_swap.rs`, `write.rs`, `lookup.rs`, `storage.rs` and `delete.rs`
//! line by line and by the same names, without anything asynchronous. Who changes those changes this.
//!
//! An operation is a function of the answers that it has had so far: it is run from its beginning each time, until it
//! wants an answer that is not there yet. So a process' state is what it remembered before, and those answers.

use crate::contract::ErrorKind;

use super::request::{Answer, Arn, Ghost, Nonce, Place, Record, Request, SaveId, Value, VersionId, Write};
use super::rules::Rules;
use super::token::{Content, Field, Key, Name, Token, rotated};

/// As in `compare_and_swap.rs`.
const STALE_READS: usize = 4;
const LOOKS_FOR_A_MISSING_RECORD: usize = 3;

/// What an application asks for.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Operation {
    /// Finds the user's token; what follows may be based on it.
    Find,
    /// Changes a field of the token found, and saves it.
    Change(Field, u8),
    /// Has the OAuth server exchange the refresh token found for a new one, and saves that.
    Rotate,
    /// Saves a token of the application's own.
    Save(Content),
    /// Saves all that was found in a token of the application's own, and one field more.
    SaveWhole(Field, u8),
    /// Saves the token inside the error of the last save, if that has left one.
    SaveAgain,
    /// Changes that token before.
    SaveAgainWith(Field, u8),
    /// Deletes the user's token.
    Delete,
    DeleteByOwnId,
}

impl Operation {
    pub(super) fn is_save(self) -> bool {
        !matches!(self, Self::Find | Self::Delete | Self::DeleteByOwnId)
    }
}

impl std::fmt::Display for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Find => write!(f, "find"),
            Self::Change(field, value) => {
                write!(f, "change {} of what was found", Content::of(&[(*field, *value)]))
            }
            Self::Rotate => write!(f, "refresh what was found"),
            Self::Save(content) => write!(f, "save {{{content}}}"),
            Self::SaveWhole(field, value) => {
                write!(f, "save all that was found in a new token, with {}", Content::of(&[(*field, *value)]))
            }
            Self::SaveAgain => write!(f, "save the token in the error"),
            Self::SaveAgainWith(field, value) => {
                write!(f, "save the token in the error with {}", Content::of(&[(*field, *value)]))
            }
            Self::Delete => write!(f, "delete"),
            Self::DeleteByOwnId => write!(f, "delete by own id"),
        }
    }
}

/// What a process keeps from one operation to the next.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Memory {
    /// What the cache knows of the user's record, if anything.
    pub(super) known: Option<Option<Record>>,
    /// The newest version seen; kept only where reads are filtered by it.
    seen: Option<Record>,
    /// What the application has found.
    pub(super) found: Option<Content>,
    /// How many random numbers were drawn.
    drawn: u8,
    /// `recent_writes.rs`: a record of the user that holds the own id was written.
    wrote_own_id: bool,
    unsaved: Option<Unsaved>,
    saves: u8,
}

/// The token inside an error.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Unsaved {
    token: Token,
    write: Option<Write>,
    come_from: Vec<Record>,
}

/// How an operation has ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Outcome {
    Found,
    Saved(Acknowledged),
    Deleted,
    Failed { kind: ErrorKind, leaves_a_token: bool },
    NothingToDo,
}

/// A save that has returned.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Acknowledged {
    pub(super) save: SaveId,
    /// Where it is, or where nothing was left to write.
    pub(super) record: Record,
    pub(super) has_written: bool,
    pub(super) gives: Content,
}

impl std::fmt::Debug for Acknowledged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.record)
    }
}

/// Why an operation has not succeeded so far.
enum Stop {
    Waiting(Request),
    Failed(ErrorKind),
}

type Result<T> = std::result::Result<T, Stop>;

impl From<ErrorKind> for Stop {
    fn from(kind: ErrorKind) -> Self {
        Self::Failed(kind)
    }
}

pub(super) enum Progress {
    Waiting(Request),
    Ended(Outcome, Memory),
}

/// Runs an operation as far as the answers go.
pub(super) fn run(
    process: usize,
    operation: Operation,
    memory: &Memory,
    answers: &[Answer],
    rules: Rules,
    patience: usize,
) -> Progress {
    let mut run = Run { process, memory: memory.clone(), answers: answers.iter(), rules, patience };
    let outcome = match operation {
        Operation::Find => run.find(),
        Operation::Delete => run.delete(false),
        Operation::DeleteByOwnId => run.delete(true),
        Operation::SaveAgain | Operation::SaveAgainWith(..) => match run.memory.unsaved.take() {
            Some(mut unsaved) => {
                if let Operation::SaveAgainWith(field, value) = operation {
                    unsaved.token = unsaved.token.changed(field, value);
                    // Of what has landed nothing is written twice, and the rest is a save of its own.
                    run.memory.saves += 1;
                }
                run.save(unsaved)
            }
            None => Ok(Outcome::NothingToDo),
        },
        _ => match token_of(operation, process, run.memory.found) {
            Some(token) => {
                run.memory.saves += 1;
                run.save(Unsaved { token, write: None, come_from: Vec::new() })
            }
            None => Ok(Outcome::NothingToDo),
        },
    };
    match outcome {
        Ok(outcome) => Progress::Ended(outcome, run.memory),
        Err(Stop::Waiting(request)) => Progress::Waiting(request),
        Err(Stop::Failed(kind)) => {
            let leaves_a_token = run.memory.unsaved.is_some();
            Progress::Ended(Outcome::Failed { kind, leaves_a_token }, run.memory)
        }
    }
}

/// The token that a save is given; none if it needs a found one, and nothing was.
pub(super) fn token_of(operation: Operation, process: usize, found: Option<Content>) -> Option<Token> {
    Some(match operation {
        Operation::Save(content) => Token::new(content),
        Operation::Change(field, value) => Token::found(found?).changed(field, value),
        Operation::SaveWhole(field, value) => Token::new(found?).changed(field, value),
        Operation::Rotate => {
            let refresh = rotated(found?.get(Field::Refresh), process);
            Token::found(found?).changed(Field::Refresh, refresh)
        }
        _ => return None,
    })
}

struct Run<'a> {
    process: usize,
    memory: Memory,
    answers: std::slice::Iter<'a, Answer>,
    rules: Rules,
    /// How often it may still wait before its deadline.
    patience: usize,
}

impl Run<'_> {
    fn call(&mut self, request: Request) -> Result<Answer> {
        self.answers.next().cloned().ok_or(Stop::Waiting(request))
    }

    fn wait(&mut self) -> bool {
        let can_wait = self.patience > 0;
        self.patience -= usize::from(can_wait);
        can_wait
    }

    fn know(&mut self, record: Option<Record>) {
        self.memory.known = Some(record);
        self.memory.seen = record.filter(|_| !self.rules.own_reads_are_not_filtered);
    }

    fn draw(&mut self) -> Nonce {
        self.memory.drawn += 1;
        Nonce::drawn(self.process, self.memory.drawn)
    }

    // storage.rs

    /// A secret that is gone or scheduled for deletion is no hit.
    fn read(&mut self, place: impl Into<Place>) -> Result<Option<Record>> {
        let place = place.into();
        let mut has_waited = false;
        loop {
            match self.call(Request::Get(place))? {
                Answer::Found(record) => return Ok(Some(self.filtered(record))),
                Answer::NotFound => return Ok(None),
                Answer::InvalidRequest => {}
                _ => return Err(ErrorKind::Unavailable.into()),
            }
            match self.describe(place)? {
                Some((_, false, _)) => {}
                _ => return Ok(None),
            }
            if has_waited {
                return Err(ErrorKind::Unavailable.into());
            }
            has_waited = true;
        }
    }

    /// The record, or the newer version that is known: only without the rule against it.
    fn filtered(&self, record: Record) -> Record {
        match self.memory.seen {
            Some(seen) if seen.arn == record.arn && record.id.leads_to(seen.id) => seen,
            _ => record,
        }
    }

    fn describe(&mut self, place: impl Into<Place>) -> Result<Option<(Arn, bool, Vec<VersionId>)>> {
        match self.call(Request::Describe(place.into()))? {
            Answer::Described { arn, is_scheduled, labelled } => Ok(Some((arn, is_scheduled, labelled))),
            Answer::NotFound => Ok(None),
            _ => Err(ErrorKind::Unavailable.into()),
        }
    }

    // lookup.rs

    fn look_up(&mut self, token: Token) -> Result<Option<Record>> {
        if let Some(name) = token.found_with_an_own_id()
            && let Some(record) = self.read(name)?
            && let Some(key) = token.keys().first()
            && token.save_hit(*key, &[record.content])?.is_some()
        {
            return Ok(Some(record));
        }
        let mut last_read = None;
        for key in token.keys() {
            let named = match last_read.take() {
                Some((name, record)) if name == key.name => record,
                _ => self.read(key.name)?,
            };
            if let Some(hit) = self.look_up_by(token, key, named)? {
                return Ok(Some(hit));
            }
            last_read = Some((key.name, named));
        }
        Ok(None)
    }

    fn look_up_by(&mut self, token: Token, key: Key, named: Option<Record>) -> Result<Option<Record>> {
        let mut candidates = Vec::from_iter(named);
        let hit = |candidates: &[Record]| {
            let contents: Vec<_> = candidates.iter().map(|record| record.content).collect();
            token.save_hit(key, &contents).map(|hit| hit.map(|hit| candidates[hit]))
        };
        let found = hit(&candidates)?;
        if found.is_some() || !key.is_searchable {
            return Ok(found);
        }
        candidates.extend(self.search(key.name)?);
        Ok(hit(&candidates)?)
    }

    fn search(&mut self, but: Name) -> Result<Vec<Record>> {
        let Answer::Names(mut names) = self.call(Request::Search)? else {
            return Err(ErrorKind::Unavailable.into());
        };
        names.extend(self.memory.wrote_own_id.then_some(Name::OfUser));
        names.retain(|name| *name != but);
        names.sort_unstable();
        names.dedup();
        let mut records = Vec::new();
        for name in names {
            records.extend(self.read(name)?);
        }
        Ok(records)
    }

    /// What a save may be based on without a request.
    fn known_base(&self, token: Token) -> Option<Option<Record>> {
        let known = self.memory.known?;
        let hit = |key: &Key, record: Record| {
            token.save_hit(*key, &[record.content]).ok().flatten().map(|_| Some(record))
        };
        if let Some(name) = token.found_with_an_own_id() {
            let record = known.filter(|record| record.name == name)?;
            return hit(token.keys().first()?, record);
        }
        for key in token.keys() {
            match known {
                Some(record) if token.is_held(key, record.content) => return hit(&key, record),
                None if key.name == Name::OfUser => {}
                _ => return None,
            }
        }
        token.new_record().is_ok().then_some(None)
    }

    // The application's find, and delete.rs

    fn find(&mut self) -> Result<Outcome> {
        let found = self.read(Name::OfUser)?;
        self.know(found);
        self.memory.found = found.map(|record| record.content);
        Ok(Outcome::Found)
    }

    fn delete(&mut self, by_own_id: bool) -> Result<Outcome> {
        if !by_own_id {
            let is_known_to_be_gone = self.memory.known == Some(None);
            if self.rules.deletion_is_never_from_memory || !is_known_to_be_gone {
                self.delete_secret(Name::OfUser.into())?;
            }
            return Ok(Outcome::Deleted);
        }
        self.delete_secret(Name::OfOwnId.into())?;
        for record in self.search(Name::OfOwnId)? {
            if record.content.get(Field::OwnId) != 0 {
                self.delete_secret(record.place())?;
            }
        }
        Ok(Outcome::Deleted)
    }

    fn delete_secret(&mut self, place: Place) -> Result<()> {
        let before = self.memory.known.filter(|_| place.name != Name::OfUser);
        self.memory.known = None;
        while self.call(Request::Delete(place))? == Answer::Lost {
            if !self.wait() {
                return Err(ErrorKind::Unavailable.into());
            }
        }
        self.memory.known = if place == Name::OfUser.into() { Some(None) } else { before };
        Ok(())
    }

    // compare_and_swap.rs

    fn save(&mut self, unsaved: Unsaved) -> Result<Outcome> {
        let (process, rules, saves) = (self.process, self.rules, self.memory.saves);
        let mut save = Save {
            token: unsaved.token,
            come_from: unsaved.come_from,
            in_flight: None,
            force_deleted: None,
            is_refused: false,
            id: SaveId { process, number: saves },
            run: self,
        };
        let outcome = match unsaved.write {
            Some(write) => {
                save.in_flight = Some(write);
                save.resume(write)
            }
            None => save.start(),
        };
        let left = Unsaved { token: save.token, write: save.in_flight, come_from: save.come_from };
        if let Err(Stop::Failed(kind)) = outcome {
            let forgotten = Unsaved { token: left.token, write: None, come_from: Vec::new() };
            let left = if rules.error_remembers { left } else { forgotten };
            self.memory.unsaved = (kind.is_retryable() || left.write.is_some()).then_some(left);
        }
        outcome.map(Outcome::Saved)
    }
}

struct Save<'a, 'b> {
    run: &'a mut Run<'b>,
    id: SaveId,
    token: Token,
    come_from: Vec<Record>,
    in_flight: Option<Write>,
    force_deleted: Option<Arn>,
    is_refused: bool,
}

enum Put {
    Stored(Acknowledged),
    Lost(Option<Record>),
}

enum Sent {
    Landed(Arn),
    Taken,
    Gone,
    InvalidRequest,
    /// Only where a lost answer is not sent again.
    Unanswered,
}

enum Taken {
    By(Option<Record>),
    RolledBack { free_slot: VersionId },
}

impl Save<'_, '_> {
    fn start(&mut self) -> Result<Acknowledged> {
        let known = self.run.known_base(self.token);
        self.start_from(known.flatten());
        let current = match known {
            Some(known) if known.is_none_or(|base| self.merge_into(&base).is_some()) => known,
            _ => self.look_up()?,
        };
        self.start_from(current);
        self.run(current)
    }

    fn run(&mut self, mut current: Option<Record>) -> Result<Acknowledged> {
        let mut missing = 0;
        loop {
            let is_found = self.token.found.is_some() && self.run.rules.found_token_makes_no_record;
            let outcome = match current {
                Some(base) => self.put_over(base)?,
                None if is_found => {
                    missing += 1;
                    if missing == LOOKS_FOR_A_MISSING_RECORD {
                        return Err(ErrorKind::Deleted.into());
                    }
                    Put::Lost(self.look_up()?)
                }
                None => self.create()?,
            };
            match outcome {
                Put::Stored(acknowledged) => return Ok(acknowledged),
                Put::Lost(next) => current = next,
            }
            if !self.run.wait() {
                let is_unsettled = current.is_some() && self.is_refused;
                return Err(if is_unsettled { ErrorKind::Unavailable } else { ErrorKind::Contended }.into());
            }
        }
    }

    fn resume(&mut self, write: Write) -> Result<Acknowledged> {
        let landed = match self.send(write)? {
            Sent::Landed(arn) => Some(write.record_in(arn)),
            Sent::Taken if write.is_create => self.landed_before(write)?,
            _ => None,
        };
        self.in_flight = None;
        if let Some(record) = landed {
            self.run.memory.known = None;
            if let (false, Some(_)) = (write.is_create, self.come_from.last()) {
                // Whether its tags are still to be set.
                self.run.call(Request::Get(write.place))?;
            }
            if self.merge_into(&record).is_none() {
                return Ok(self.acknowledged(record, true, write.value.ghost.gives));
            }
            self.come_from.push(record);
        }
        let current = self.look_up()?;
        self.run(current)
    }

    fn look_up(&mut self) -> Result<Option<Record>> {
        self.run.look_up(self.token)
    }

    fn acknowledged(&self, record: Record, has_written: bool, gives: Content) -> Acknowledged {
        Acknowledged { save: self.id, record, has_written, gives }
    }

    fn put_over(&mut self, base: Record) -> Result<Put> {
        let gives = self.token.gives(&self.others(&base));
        let Some(merged) = self.merge_into(&base) else {
            return Ok(Put::Stored(self.acknowledged(base, false, gives)));
        };
        let mut slot = base.id.slot_after();
        loop {
            let rules = self.run.rules;
            let is_of_a_deleted_login = self.come_from.first().is_some_and(|start| start.arn != base.arn);
            let (by, meant_for) = (Some(self.id), Some(base.arn));
            let ghost = Ghost { by, gives, meant_for, was_found: false, is_of_a_deleted_login };
            let value = self.value(merged, ghost);
            let write = Write {
                place: if rules.put_names_the_arn { base.place() } else { base.name.into() },
                is_create: false,
                token: if rules.slot_follows_base { slot } else { VersionId::random(self.run.draw()) },
                value,
            };
            let answer = self.send(write)?;
            self.in_flight = None;
            self.is_refused = false;
            match answer {
                Sent::Landed(arn) => {
                    return Ok(Put::Stored(self.acknowledged(write.record_in(arn), true, gives)));
                }
                Sent::Taken => match self.after_taken_slot(&base)? {
                    Taken::By(record) => return Ok(Put::Lost(record)),
                    Taken::RolledBack { free_slot } => slot = free_slot,
                },
                Sent::Gone | Sent::Unanswered => return self.look_up().map(Put::Lost),
                Sent::InvalidRequest => {
                    return match self.run.describe(base.place())? {
                        Some((_, false, _)) => {
                            self.is_refused = true;
                            Ok(Put::Lost(Some(base)))
                        }
                        _ => self.look_up().map(Put::Lost),
                    };
                }
            }
        }
    }

    fn value(&mut self, content: Content, ghost: Ghost) -> Value {
        let save = if self.run.rules.save_key_is_random { self.run.draw() } else { Nonce::default() };
        Value { content, save, ghost }
    }

    /// The first record that the save hears of is the one that it starts from.
    fn start_from(&mut self, record: Option<Record>) {
        if self.come_from.is_empty() {
            self.come_from.extend(record);
        }
    }

    /// The other versions of a record that the save has come from.
    fn others(&self, base: &Record) -> Vec<Content> {
        let others = self.come_from.iter().filter(|other| other.name == base.name && other.id != base.id);
        others.map(|other| other.content).collect()
    }

    fn merge_into(&self, base: &Record) -> Option<Content> {
        let counts = self.run.rules.start_counts_as_not_given;
        let others = if counts { self.others(base) } else { Vec::new() };
        self.token.merge_into(base.content, &others)
    }

    fn after_taken_slot(&mut self, base: &Record) -> Result<Taken> {
        for reads in 1..=STALE_READS {
            let Some(record) = self.run.read(base.place())? else {
                return self.look_up().map(Taken::By);
            };
            let is_base = record.id == base.id;
            if !is_base && !record.id.leads_to(base.id) {
                return self.if_still_meant(record).map(Taken::By);
            }
            if reads > 1
                && let Some(free_slot) = self.free_slot_after_roll_back(&record)?
            {
                return Ok(if is_base { Taken::RolledBack { free_slot } } else { Taken::By(Some(record)) });
            }
            if !self.run.wait() {
                break;
            }
        }
        Ok(Taken::By(Some(*base)))
    }

    fn free_slot_after_roll_back(&mut self, record: &Record) -> Result<Option<VersionId>> {
        let versions = match self.run.call(Request::Versions(record.place()))? {
            Answer::Versions(versions) => versions,
            Answer::NotFound | Answer::InvalidRequest => return Ok(None),
            _ => return Err(ErrorKind::Unavailable.into()),
        };
        let is_taken = |slot: &VersionId| versions.iter().any(|(id, _)| id == slot);
        let is_current = versions.iter().any(|(id, is_current)| *is_current && *id == record.id);
        let is_proved = is_current && is_taken(&record.id.slot_after());
        if !is_proved && self.run.rules.next_slot_needs_current {
            return Ok(None);
        }
        Ok(record.id.slots_after().find(|slot| !is_taken(slot)))
    }

    fn if_still_meant(&mut self, record: Record) -> Result<Option<Record>> {
        if self.is_meant(&record)? { Ok(Some(record)) } else { self.look_up() }
    }

    fn is_meant(&self, record: &Record) -> Result<bool> {
        for key in self.token.keys() {
            if self.token.save_hit(key, &[record.content])?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn create(&mut self) -> Result<Put> {
        let rules = self.run.rules;
        let mut token = self.token;
        if !rules.found_token_makes_no_record {
            token.found = None;
        }
        if !rules.insert_takes_the_whole_token {
            token.fields = token
                .gives(&self.come_from.iter().map(|start| start.content).collect::<Vec<_>>())
                .with(Field::User, 1);
        }
        let (name, content) = token.new_record()?;
        let was_found = self.token.found.is_some();
        let (by, gives) = (Some(self.id), self.token.fields);
        let ghost = Ghost { by, gives, was_found, ..Ghost::default() };
        let random = self.run.draw();
        let value = self.value(content, ghost);
        let fixed = VersionId { root: u8::MAX, depth: 0 };
        let write = Write {
            place: name.into(),
            is_create: true,
            token: if rules.create_token_is_random { VersionId::random(random) } else { fixed },
            value,
        };
        let outcome = self.create_until_answered(write)?;
        self.in_flight = None;
        Ok(outcome)
    }

    fn create_until_answered(&mut self, write: Write) -> Result<Put> {
        let name = write.place.name;
        let gives = write.value.ghost.gives;
        loop {
            let is_taken = match self.send(write)? {
                Sent::Landed(arn) => {
                    return Ok(Put::Stored(self.acknowledged(write.record_in(arn), true, gives)));
                }
                Sent::Gone => {
                    self.in_flight = None;
                    return Err(ErrorKind::Unexpected.into());
                }
                Sent::Unanswered => return self.look_up().map(Put::Lost),
                Sent::Taken => true,
                Sent::InvalidRequest => false,
            };
            if is_taken {
                if let Some(record) = self.landed_before(write)? {
                    return Ok(Put::Stored(self.acknowledged(record, true, gives)));
                }
                if let Some(record) = self.run.read(name)? {
                    self.in_flight = None;
                    // The record may have rotated away from the token given.
                    return if self.is_meant(&record)? {
                        Ok(Put::Lost(Some(record)))
                    } else {
                        Err(ErrorKind::Conflict.into())
                    };
                }
            }
            if let Some((arn, is_scheduled, labelled)) = self.run.describe(name)? {
                if labelled.contains(&write.token) {
                    return Ok(Put::Stored(self.acknowledged(write.record_in(arn), true, gives)));
                }
                if is_scheduled && !self.run.rules.scheduled_is_not_restored {
                    self.run.call(Request::Restore(name))?;
                } else if is_scheduled && self.force_deleted != Some(arn) {
                    self.run.delete_secret(Place { name, arn: Some(arn) })?;
                    self.force_deleted = Some(arn);
                }
            }
            if !self.run.wait() {
                return Err(ErrorKind::Unavailable.into());
            }
        }
    }

    fn landed_before(&mut self, write: Write) -> Result<Option<Record>> {
        match self.run.call(Request::GetVersion(write.place.name, write.token))? {
            Answer::Found(found) => Ok(Some(write.record_in(found.arn))),
            Answer::NotFound | Answer::InvalidRequest => Ok(None),
            _ => Err(ErrorKind::Unavailable.into()),
        }
    }

    fn send(&mut self, write: Write) -> Result<Sent> {
        self.in_flight = Some(write);
        let memory = &mut self.run.memory;
        let is_of_user = write.place.name == Name::OfUser;
        memory.wrote_own_id |= is_of_user && write.value.content.get(Field::OwnId) != 0;
        if is_of_user {
            memory.known = None;
        }
        loop {
            return Ok(match self.run.call(Request::Write(write))? {
                Answer::Landed(arn) => {
                    if is_of_user {
                        self.run.know(Some(write.record_in(arn)));
                    }
                    Sent::Landed(arn)
                }
                Answer::Taken => Sent::Taken,
                Answer::NotFound => Sent::Gone,
                Answer::InvalidRequest => Sent::InvalidRequest,
                _ if !self.run.rules.lost_answer_is_sent_again => Sent::Unanswered,
                _ if self.run.wait() => continue,
                _ => return Err(ErrorKind::Unavailable.into()),
            });
        }
    }
}
