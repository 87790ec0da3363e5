//! The write protocol. Nothing else in the library writes a secret's value.
//!
//! Secrets Manager has no conditional write, but it accepts one content per `ClientRequestToken`. So a Put takes as
//! its token the *slot after* the version it is based on: of several writers on one base one wins, and the others are
//! told, read again, merge again and try the next slot.
//!
//! - A Put names the secret by the full ARN that its base was read from. A name that was deleted and created again
//!   has another ARN, so a write based on a deleted token is refused instead of bringing it back.
//! - A Create has a random token, kept over its retries, by which it recognises itself. A token that was built from a
//!   found one makes no record: the one that it was found as has been deleted.
//! - Every save writes a new `save` key, so equal contents of two saves are never taken for one another. A write that
//!   succeeds is this save and has landed, current or not: nothing more is written.
//! - A lost answer tells nothing: the same request is sent again until there is an answer, or the save fails and the
//!   error's token remembers the request.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use crate::cache::{Asked, Change};
use crate::contract::{ErrorKind, Locator, LookupKey, LookupPlan, OAuthToken, StoreError};
use crate::record::{Record, leads_to, slot_after, slots_after};

use super::delete::{Doomed, Throttled};
use super::lookup::Purpose;
use super::service::{NewSecret, NewVersion};
use super::service_error::ServiceError;
use super::storage::{Backoff, Storage, carry_to_end, locator_of, unsettled};
use super::write::{Answer, NoAnswer, Request, Unfinished, Write};
use super::{tags, value};

/// How often a read that shows no newer version than the base of a refused write is taken for a stale one.
const STALE_READS: usize = 4;

/// How often a record must be seen to be missing before a token that was found as it counts as deleted: a read may
/// be staler than the one that found it.
const LOOKS_FOR_A_MISSING_RECORD: usize = 3;

/// How long the pauses between these looks may be.
const LOOKING: Duration = Duration::from_secs(1);

/// How long a save that has landed goes on for its search tags.
const TAGGING: Duration = Duration::from_secs(3);

/// Saves a token. Until the first write is sent, dropping the future stops the save; after that it is carried to its
/// end.
pub(super) async fn save(storage: &Arc<Storage>, token: &OAuthToken) -> Result<Record, StoreError> {
    save_read(storage, token, None).await
}

/// As `save`, of a token whose record was there when it was `read`: a replica that doesn't show it is not believed. It is no
/// base otherwise, for what is read now may be newer, or put there by hand.
pub(super) async fn save_read(
    storage: &Arc<Storage>,
    token: &OAuthToken,
    read: Option<&Record>,
) -> Result<Record, StoreError> {
    if LookupPlan::of(token).is_empty() {
        return Err(ErrorKind::NoLookupKey.into());
    }
    let mut save = Save::new(storage, token)?;
    let (progress, token) = (save.progress.clone(), save.token.clone());
    let left_in = |error| progress.left_in(error, &token);
    if let Some(write) = progress.in_flight() {
        return carry_to_end(async move { save.resume(&write).await }).await.map_err(left_in);
    }
    let known = storage.known_base(&save.token);
    save.progress.start_from(known.as_ref().and_then(Option::as_ref));
    let current = match known {
        // That there is nothing to write is for the service to say: somebody may have deleted the record since.
        Some(known) if known.as_ref().is_none_or(|base| save.merge_into(base).is_some()) => known,
        known => save.look_up_after(known.flatten().as_ref()).await.map_err(left_in)?,
    };
    // If it has been deleted, a write to its ARN is refused.
    let current = current.or_else(|| read.cloned());
    save.progress.start_from(current.as_ref());
    carry_to_end(async move {
        save.deadline = save.storage.write_deadline();
        save.run(current).await
    })
    .await
    .map_err(left_in)
}

/// Saves a token over this version of its record, and over no other: `None` if that is not the newest any more.
pub(super) async fn save_over(
    storage: &Arc<Storage>,
    token: &OAuthToken,
    base: Record,
) -> Result<Option<Record>, StoreError> {
    let mut save = Save::new(storage, token)?;
    save.over = Over::Version { id: base.version.id.clone(), is_lost: false };
    let (progress, token) = (save.progress.clone(), save.token.clone());
    let saved = carry_to_end(async move {
        let saved = match save.progress.in_flight() {
            Some(write) => save.resume(&write).await,
            None => {
                save.deadline = save.storage.write_deadline();
                save.run(Some(base)).await
            }
        };
        if matches!(save.over, Over::Version { is_lost: true, .. }) { Ok(None) } else { saved.map(Some) }
    });
    saved.await.map_err(|error| progress.left_in(error, &token))
}

/// How far a save has come, as it is known outside of its task, whatever becomes of that.
#[derive(Clone)]
struct Progress(Arc<Mutex<Unfinished>>);

impl Progress {
    fn from(unfinished: Option<Arc<Unfinished>>) -> Self {
        Self(Arc::new(Mutex::new(unfinished.map(Arc::unwrap_or_clone).unwrap_or_default())))
    }

    fn lock(&self) -> MutexGuard<'_, Unfinished> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn in_flight(&self) -> Option<Arc<Write>> {
        self.lock().write.clone()
    }

    fn set_in_flight(&self, write: Option<&Arc<Write>>) {
        self.lock().write = write.cloned();
    }

    /// The first record that the save hears of is the one that it starts from.
    fn start_from(&self, record: Option<&Record>) {
        let come_from = &mut self.lock().come_from;
        if come_from.is_empty() {
            come_from.extend(record.cloned());
        }
    }

    /// Leaves it in the token of an error after which the token is to be saved again.
    fn left_in(&self, error: StoreError, token: &OAuthToken) -> StoreError {
        let unfinished = self.lock().clone();
        if unfinished.write.is_none() && !error.is_retryable() {
            return error;
        }
        error.with_token(unfinished.left_in(token))
    }
}

/// One save on its way.
struct Save {
    storage: Arc<Storage>,
    token: OAuthToken,
    progress: Progress,
    deadline: Instant,
    /// When the record that is to be written over was asked for.
    asked: Asked,
    /// The ARN of a secret scheduled for deletion that this save has deleted at once.
    force_deleted: Option<String>,
    /// Why the last Put was refused, if no other writer was the reason.
    refusal: Option<ServiceError>,
    over: Over,
}

/// What a save may be written over.
enum Over {
    /// Whatever has come meanwhile.
    Anything,
    /// One version, unless that is not the newest any more.
    Version { id: String, is_lost: bool },
}

enum Outcome {
    Stored(Record),
    /// The write did not land; this is what is there now.
    Lost(Option<Record>),
}

/// Whether a write may have landed before it is sent.
#[derive(Clone, Copy)]
enum Sending {
    First,
    /// Its answer was lost once.
    Again,
}

/// Why a slot is taken.
enum Taken {
    /// Somebody else wrote; this is what is there now.
    By(Option<Record>),
    /// AWSCURRENT was moved back by hand, to the base.
    RolledBack { free_slot: String },
}

impl Save {
    fn new(storage: &Arc<Storage>, token: &OAuthToken) -> Result<Self, StoreError> {
        encode(token)?;
        Ok(Self {
            storage: Arc::clone(storage),
            token: token.with_unfinished(None),
            progress: Progress::from(Unfinished::of(token, &storage.prefix)),
            deadline: Instant::now(),
            asked: storage.cache.asking(),
            force_deleted: None,
            refusal: None,
            over: Over::Anything,
        })
    }

    async fn run(&mut self, mut current: Option<Record>) -> Result<Record, StoreError> {
        let mut backoff = Backoff::new();
        let mut missing = 0;
        loop {
            let outcome = match current {
                Some(base) => self.put_over(base).await?,
                None if self.token.found().is_some() => {
                    missing += 1;
                    if missing == LOOKS_FOR_A_MISSING_RECORD {
                        return Err(ErrorKind::Deleted.into());
                    }
                    Outcome::Lost(self.look_up().await?)
                }
                None => self.create().await?,
            };
            match outcome {
                Outcome::Stored(record) => return Ok(record),
                Outcome::Lost(next) => current = next,
            }
            self.may_be_over(current.as_ref())?;
            // That a record is not there is looked at as often as that takes.
            let is_missing = current.is_none() && self.token.found().is_some();
            let deadline = if is_missing { Instant::now() + LOOKING } else { self.deadline };
            if !backoff.wait_before(deadline).await {
                let contended = StoreError::from(ErrorKind::Contended);
                return Err(match (current, self.refusal.take()) {
                    (Some(base), Some(refusal)) => unsettled(refusal, &base.name),
                    (Some(base), None) => contended.with_secret_name(&*base.name),
                    (None, _) => contended,
                });
            }
        }
    }

    /// Sends the write again that an earlier save of this token got no answer to. If it has landed, only what has been
    /// added to the token since is left to save.
    async fn resume(&mut self, write: &Arc<Write>) -> Result<Record, StoreError> {
        self.deadline = self.storage.write_deadline();
        let landed = match (self.send_until_told(write, Sending::Again).await?, &write.request) {
            (Answer::Landed { record, .. }, _) => Some(record),
            // Or it was refused for a deletion, which may be taken back by now.
            (Answer::Taken | Answer::Gone(_), Request::Create(_)) => match self.landed_before(write).await? {
                None => {
                    let there = self.storage.read_secret(&write.name, &write.name).await?;
                    there.and_then(|record| self.landed_under(write, &record))
                }
                landed => landed,
            },
            _ => None,
        };
        self.progress.set_in_flight(None);
        if let Some(record) = &landed {
            self.give_up_what_is_known(&record.token);
            self.update_tags_later(write).await;
            if self.merge_into(record).is_none() {
                return Ok(record.clone());
            }
            // Nobody else has written: what follows is for this version now.
            if let (Over::Version { id, .. }, Some(base)) = (&mut self.over, &write.base)
                && base.version.id == *id
            {
                id.clone_from(&record.version.id);
            }
            self.progress.lock().come_from.push(record.clone());
        }
        let current = match (self.look_up().await?, landed) {
            // A replica that lags behind shows what was there before.
            (Some(now), Some(landed)) if now.version.is_older_than(&landed.version) => Some(landed),
            // If it has been deleted, a write to its ARN is refused.
            (now, landed) => now.or(landed),
        };
        self.may_be_over(current.as_ref())?;
        self.run(current).await
    }

    /// Whether what is there now may be written over.
    fn may_be_over(&mut self, current: Option<&Record>) -> Result<(), StoreError> {
        match &mut self.over {
            // That there is none is for the looks at it to find out.
            Over::Version { id, is_lost } if current.is_some_and(|record| record.version.id != *id) => {
                *is_lost = true;
                Err(ErrorKind::Contended.into())
            }
            _ => Ok(()),
        }
    }

    /// What is there now, by a replica that does not lag behind the version that the save starts from, if one is asked.
    async fn look_up_after(&mut self, known: Option<&Record>) -> Result<Option<Record>, StoreError> {
        let is_behind = |now: &Record| known.is_some_and(|known| now.version.is_older_than(&known.version));
        let mut backoff = Backoff::new();
        let deadline = Instant::now() + LOOKING;
        loop {
            let now = self.look_up().await?;
            if !now.as_ref().is_some_and(is_behind) || !backoff.wait_before(deadline).await {
                return Ok(now);
            }
        }
    }

    async fn look_up(&mut self) -> Result<Option<Record>, StoreError> {
        self.asked = self.storage.cache.asking();
        self.storage.look_up(&LookupPlan::of(&self.token), Purpose::Write).await
    }

    /// Writes the version after `base`.
    async fn put_over(&mut self, base: Record) -> Result<Outcome, StoreError> {
        // One that a Create has run into is not known yet as what the save starts from.
        self.progress.start_from(Some(&base));
        let Some(merged) = self.merge_into(&base) else {
            if let Some(locator) = locator_of(&base.token) {
                self.storage.cache.observed(locator, &base, &self.asked);
            }
            return Ok(Outcome::Stored(base));
        };
        let merged = Arc::new(merged);
        let mut slot = slot_after(&base.version.id);
        loop {
            let version = NewVersion {
                arn: base.version.arn.clone(),
                request_token: slot,
                value: encode(&merged).map_err(|error| error.with_secret_name(&*base.name))?,
            };
            let write = Arc::new(Write {
                request: Request::Put(version),
                name: Arc::clone(&base.name),
                stored: Arc::clone(&merged),
                base: Some(base.clone()),
                created: base.version.created,
            });
            let answer = self.send_until_told(&write, Sending::First).await?;
            self.progress.set_in_flight(None);
            self.refusal = None;
            match answer {
                Answer::Landed { record, is_repeated } => {
                    if is_repeated {
                        self.update_tags_later(&write).await;
                    } else {
                        self.update_tags(&base, &merged).await;
                    }
                    return Ok(Outcome::Stored(record));
                }
                Answer::Taken => match self.after_taken_slot(&base).await? {
                    Taken::By(record) => return Ok(Outcome::Lost(record)),
                    Taken::RolledBack { free_slot } => slot = free_slot,
                },
                Answer::Gone(_) => return self.look_up().await.map(Outcome::Lost),
                Answer::InvalidRequest { error: refusal, .. } => {
                    return match self.storage.describe(&base.version.arn, &base.name).await? {
                        // Being deleted or restored, or the description is stale.
                        Some(secret) if !secret.is_scheduled_for_deletion => {
                            self.refusal = Some(refusal);
                            Ok(Outcome::Lost(Some(base)))
                        }
                        _ => self.look_up().await.map(Outcome::Lost),
                    };
                }
            }
        }
    }

    /// The token over a record. What equals another version of it that the save has come from counts as not given: it
    /// was not this save that set it, or it has set it before.
    fn merge_into(&self, base: &Record) -> Option<OAuthToken> {
        let progress = self.progress.lock();
        let others = progress
            .come_from
            .iter()
            .filter(|version| version.name == base.name && version.version.id != base.version.id);
        self.token.merge_into_later(&base.token, others.map(|version| &*version.token))
    }

    /// Finds out why the slot after `base` is taken: somebody else wrote, or AWSCURRENT was moved back by hand.
    async fn after_taken_slot(&mut self, base: &Record) -> Result<Taken, StoreError> {
        let mut backoff = Backoff::new();
        for reads in 1..=STALE_READS {
            self.asked = self.storage.cache.asking();
            // The base itself, older than it, or nothing: stale, most likely, and right a moment later.
            if let Some(record) = self.storage.read_secret(&base.version.arn, &base.name).await? {
                let is_base = record.version.id == base.version.id;
                if !is_base && !leads_to(&record.version.id, &base.version.id) {
                    return self.if_still_meant(record).await.map(Taken::By);
                }
                if reads > 1
                    && let Some(free_slot) = self.free_slot_after_roll_back(&record).await?
                {
                    return Ok(if is_base {
                        Taken::RolledBack { free_slot }
                    } else {
                        Taken::By(Some(record))
                    });
                }
            }
            if !backoff.wait_before(self.deadline).await {
                break;
            }
        }
        Ok(Taken::By(Some(base.clone())))
    }

    /// The first free slot after a record, if one state of the secret has both that version as current and the slot
    /// after it taken. Only a roll-back makes such a state; a stale read doesn't know the slot yet, and tells nothing.
    async fn free_slot_after_roll_back(&self, record: &Record) -> Result<Option<String>, StoreError> {
        let versions = match self.storage.service.versions(&record.version.arn).await {
            Ok(versions) => versions,
            Err(error) if error.is_not_found() || error.is_invalid_request() => return Ok(None),
            Err(error) => return Err(error.into_store_error(Some(&record.name))),
        };
        let is_taken = |slot: &String| versions.iter().any(|version| version.id == *slot);
        // Two that are current are from pages of two states.
        let mut current = versions.iter().filter(|version| version.is_current);
        let is_current = current.next().is_some_and(|version| version.id == record.version.id);
        if !is_current || current.next().is_some() || !is_taken(&slot_after(&record.version.id)) {
            return Ok(None);
        }
        Ok(slots_after(&record.version.id).find(|slot| !is_taken(slot)))
    }

    /// A record that was read again by its ARN may have rotated away from the key it was found by.
    async fn if_still_meant(&mut self, record: Record) -> Result<Option<Record>, StoreError> {
        if self.is_meant(&record)? { Ok(Some(record)) } else { self.look_up().await }
    }

    fn is_meant(&self, record: &Record) -> Result<bool, StoreError> {
        let plan = LookupPlan::of(&self.token);
        for key in plan.keys() {
            if plan.save_hit(key, [record])?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Makes a new record.
    async fn create(&mut self) -> Result<Outcome, StoreError> {
        let record = Arc::new(self.token.new_record()?);
        let Some(locator) = locator_of(&record) else {
            return Err(ErrorKind::NoLookupKey.into());
        };
        let settings = &self.storage.settings;
        let name = self.storage.prefix.secret_name(&locator);
        let secret = NewSecret {
            name: name.clone(),
            request_token: Uuid::new_v4().to_string(),
            value: encode(&record).map_err(|error| error.with_secret_name(&name))?,
            tags: tags::of_new_record(&record, settings.index_access_tokens, &settings.tags),
            kms_key_id: settings.kms_key_id.clone(),
        };
        let write = Arc::new(Write {
            request: Request::Create(secret),
            name: name.into(),
            stored: record,
            base: None,
            created: self.storage.cache.service_time(),
        });
        let outcome = self.create_until_answered(&write).await?;
        self.progress.set_in_flight(None);
        Ok(outcome)
    }

    /// Sends a Create until it has landed, or somebody else has come first.
    async fn create_until_answered(&mut self, write: &Arc<Write>) -> Result<Outcome, StoreError> {
        let (name, request_token) = (&*write.name, write.request_token());
        let mut backoff = Backoff::new();
        loop {
            let refusal = match self.send(write, Sending::First).await? {
                Answer::Landed { record, .. } => return Ok(Outcome::Stored(record)),
                Answer::Gone(error) => {
                    self.progress.set_in_flight(None);
                    return Err(error.into_store_error(Some(name)));
                }
                Answer::Taken => None,
                Answer::InvalidRequest { error, .. } => Some(error),
            };
            if refusal.is_none() {
                if let Some(record) = self.landed_before(write).await? {
                    self.give_up_what_is_known(&record.token);
                    return Ok(Outcome::Stored(record));
                }
                if let Some(record) = self.storage.read_secret(name, name).await? {
                    if let Some(landed) = self.landed_under(write, &record) {
                        self.give_up_what_is_known(&landed.token);
                        return Ok(Outcome::Stored(landed));
                    }
                    self.progress.set_in_flight(None);
                    return Ok(Outcome::Lost(Some(self.take_over(record)?)));
                }
            }
            // Taken and not to be read: created or deleted a moment ago, scheduled for deletion, or without a value.
            if let Some(described) = self.storage.describe(name, name).await? {
                if described.version_ids.iter().any(|id| id == request_token) {
                    // It landed when its answer was lost, and has been deleted since.
                    self.give_up_what_is_known(&write.stored);
                    return Ok(Outcome::Stored(write.record_in(described.arn)));
                }
                if described.is_scheduled_for_deletion {
                    self.force_delete(&described.arn, name).await?;
                } else if described.version_ids.is_empty() {
                    self.progress.set_in_flight(None);
                    let message =
                        "the name is taken by a secret without a value: delete it, or give it a token's";
                    return Err(StoreError::new(ErrorKind::Corrupt, message).with_secret_name(name));
                }
            }
            if !backoff.wait_before(self.deadline).await {
                return Err(match refusal {
                    Some(refusal) => unsettled(refusal, name),
                    None => {
                        let message = "the name is taken by a secret that cannot be read yet: try again in some seconds";
                        StoreError::new(ErrorKind::Unavailable, message).with_secret_name(name)
                    }
                });
            }
        }
    }

    /// The record that was created by somebody else under the name of ours, if it is the one the token stands for.
    fn take_over(&self, record: Record) -> Result<Record, StoreError> {
        if self.is_meant(&record)? {
            return Ok(record);
        }
        let message =
            "the record has rotated away from the token given: find it by its id or user and save that";
        Err(StoreError::new(ErrorKind::Conflict, message).with_secret_name(&*record.name))
    }

    /// The record of a Create that is told «exists», if it has made that secret itself: its answer was lost.
    async fn landed_before(&self, write: &Write) -> Result<Option<Record>, StoreError> {
        let name = &write.name;
        match self.storage.service.get_version(name, write.request_token()).await {
            Ok(answer) => Ok(Some(self.has_landed_in(answer.version.arn, write))),
            // A replica that lags behind does not know the version either.
            Err(error) if error.is_not_found() || error.is_invalid_request() => Ok(None),
            Err(error) => Err(error.into_store_error(Some(name))),
        }
    }

    /// The record of a Create, if what is there now is that or has been written over it.
    fn landed_under(&self, write: &Write, now: &Record) -> Option<Record> {
        write.is_or_precedes(now).then(|| self.has_landed_in(now.version.arn.clone(), write))
    }

    /// A Create has landed in the secret of this ARN, some time ago.
    fn has_landed_in(&self, arn: String, write: &Write) -> Record {
        let record = write.record_in(arn);
        if let Some(locator) = locator_of(&record.token) {
            self.note_landed(&record, locator);
            Change::of_earlier_write(&self.storage.cache, locator).saved(record.clone());
        }
        record
    }

    /// A write of this save has landed, perhaps long ago, so that others may have written since.
    fn give_up_what_is_known(&self, stored: &OAuthToken) {
        if let Some(locator) = locator_of(stored) {
            self.storage.cache.disown(locator);
        }
    }

    /// Makes way for a new record. Restoring the scheduled one would bring the deleted credential back.
    async fn force_delete(&mut self, arn: &str, name: &str) -> Result<(), StoreError> {
        if self.force_deleted.as_deref() == Some(arn) {
            return Ok(());
        }
        let scheduled = Doomed::Secret { arn, there_at: None };
        self.storage.delete_secret(scheduled, name, self.deadline, Throttled::AskedAgain).await?;
        self.force_deleted = Some(arn.to_owned());
        Ok(())
    }

    /// Sends a write until its fate is told. That the secret takes none just now, because it is being deleted or restored, tells
    /// nothing of a try before that got no answer.
    async fn send_until_told(
        &mut self,
        write: &Arc<Write>,
        mut sending: Sending,
    ) -> Result<Answer, StoreError> {
        let mut backoff = Backoff::new();
        loop {
            let answer = self.send(write, sending).await.inspect_err(|_| {
                // That this try is refused says nothing of the earlier one.
                if let Sending::Again = sending {
                    self.progress.set_in_flight(Some(write));
                }
            });
            let error = match (answer?, sending) {
                (Answer::InvalidRequest { error, is_repeated: true }, _)
                | (Answer::InvalidRequest { error, .. }, Sending::Again) => error,
                (answer, _) => return Ok(answer),
            };
            let is_there = match write.arn() {
                Some(arn) => self.storage.read_secret(arn, &write.name).await?.is_some(),
                None => false,
            };
            if !is_there {
                return Ok(Answer::Gone(error));
            }
            if !backoff.wait_before(self.deadline).await {
                return Err(unsettled(error, &write.name));
            }
            sending = Sending::Again;
        }
    }

    /// Sends a write until it is answered, and remembers it until the caller knows its fate.
    async fn send(&self, write: &Arc<Write>, sending: Sending) -> Result<Answer, StoreError> {
        self.progress.set_in_flight(Some(write));
        let change = locator_of(&write.stored).map(|locator| {
            // Before its answer: a write whose answer is lost may be there, and the list does not show it yet.
            self.storage.recent_writes.note_sending(locator, search_keys(&write.stored), write.arn());
            match sending {
                Sending::First => Change::begin(&self.storage.cache, locator),
                Sending::Again => Change::of_earlier_write(&self.storage.cache, locator),
            }
        });
        let NoAnswer { error, may_have_landed } = match write.send(&self.storage.service, self.deadline).await
        {
            Ok(answer) => {
                match (change, &answer) {
                    (Some(change), Answer::Landed { record, .. }) => {
                        // A deletion that began later may have come first, and have had the note forgotten.
                        self.note_landed(record, change.locator());
                        change.saved(record.clone());
                    }
                    (Some(change), Answer::Taken) if write.base.is_some() => change.lost(),
                    _ => {}
                }
                return Ok(answer);
            }
            Err(no_answer) => no_answer,
        };
        if !may_have_landed {
            if let Some(change) = change {
                change.undone();
            }
            self.progress.set_in_flight(None);
            return Err(error.into_store_error(Some(&write.name)));
        }
        if !error.is_passing() {
            return Err(error.into_store_error(Some(&write.name)));
        }
        let message =
            "the write was not answered, so it may have landed or not: save the token inside this error";
        Err(StoreError::new(ErrorKind::Unavailable, message)
            .with_source(error)
            .with_secret_name(&*write.name))
    }

    fn note_landed(&self, record: &Record, locator: Locator) {
        let arn = &record.version.arn;
        self.storage.recent_writes.note_landed(locator, search_keys(&record.token), arn);
    }

    /// The tags of a Put that landed earlier: others may have written since, and set those that they have changed.
    async fn update_tags_later(&self, write: &Write) {
        let (Request::Put(version), Some(base)) = (&write.request, &write.base) else {
            return;
        };
        if self.changed_fingerprints(base, &write.stored).is_empty() {
            return;
        }
        let read = self.storage.read_secret(&version.arn, &write.name);
        match timeout_at(Instant::now() + TAGGING, read).await {
            Ok(Ok(Some(now))) if write.is_or_precedes(&now) => self.update_tags(base, &now.token).await,
            // Stale: it is there.
            Ok(Ok(Some(_))) => self.update_tags(base, &write.stored).await,
            Ok(Ok(None)) => {}
            Ok(Err(error)) => tracing::warn!(secret = &*write.name, %error, "{}", TAGS_OUT_OF_DATE),
            Err(_) => tracing::warn!(secret = &*write.name, "{}", TAGS_OUT_OF_DATE),
        }
    }

    fn changed_fingerprints(&self, base: &Record, stored: &OAuthToken) -> BTreeMap<String, String> {
        let index_access_tokens = self.storage.settings.index_access_tokens;
        let before = tags::fingerprints(&base.token, index_access_tokens);
        let mut now = tags::fingerprints(stored, index_access_tokens);
        now.retain(|key, value| before.get(key) != Some(value));
        now
    }

    /// Brings the fingerprints in the tags up to date. The token is stored whatever becomes of this: tags serve a
    /// search that is best effort.
    async fn update_tags(&self, base: &Record, stored: &OAuthToken) {
        let now = self.changed_fingerprints(base, stored);
        if now.is_empty() {
            return;
        }
        let deadline = Instant::now() + TAGGING;
        let tags = tags::to_sdk(now);
        let mut backoff = Backoff::new();
        loop {
            let tagging = self.storage.service.tag(&base.version.arn, tags.clone());
            let passing = match timeout_at(deadline, tagging).await {
                Ok(Ok(())) => return,
                Ok(Err(error)) if !error.is_passing() => {
                    tracing::warn!(secret = &*base.name, %error, "{}", TAGS_OUT_OF_DATE);
                    return;
                }
                Ok(Err(_)) => backoff.wait_before(deadline).await,
                Err(_) => false,
            };
            if !passing {
                tracing::warn!(secret = &*base.name, "{}", TAGS_OUT_OF_DATE);
                return;
            }
        }
    }
}

const TAGS_OUT_OF_DATE: &str = "the token is saved, but its search tags are out of date";

/// The keys, beyond its name, that a record can be searched by.
fn search_keys(stored: &OAuthToken) -> Vec<Locator> {
    LookupKey::all_of(stored).filter(LookupKey::is_searchable).map(|key| key.locator()).collect()
}

/// The value of a record, refused before it is sent if it is over AWS's limit.
fn encode(token: &OAuthToken) -> Result<secrecy::zeroize::Zeroizing<String>, StoreError> {
    let value = value::encode(token);
    if value.len() > value::MAX_BYTES {
        return Err(ErrorKind::TooLarge.into());
    }
    Ok(value)
}
