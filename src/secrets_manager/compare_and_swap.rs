//! The write protocol. Nothing else in the library writes a secret's value.
//!
//! Secrets Manager has no conditional write, but it accepts one content per `ClientRequestToken`. So a Put takes as
//! its token the *slot after* the version it is based on: of several writers on one base one wins, and the others are
//! told, read again, merge again and try the next slot.
//!
//! - A Put names the secret by the full ARN that its base was read from. A name that was deleted and created again
//!   has another ARN, so a write based on a deleted token is refused instead of bringing it back.
//! - A Create has a random token, kept over its retries, by which it recognises itself.
//! - Every save writes a new `save` key, so equal contents of two saves are never taken for one another. A write that
//!   succeeds is this save and has landed, current or not: nothing more is written.
//! - A lost answer tells nothing: the same request is sent again until there is an answer, or the save fails and the
//!   error's token remembers the request.

use std::sync::Arc;

use tokio::time::Instant;
use uuid::Uuid;

use crate::contract::{ErrorKind, LookupPlan, OAuthToken, StoreError};

use super::lookup::Purpose;
use super::record::Record;
use super::service::{NewSecret, NewVersion};
use super::storage::{Backoff, Storage, carry_to_end, locator_of};
use super::version_chain::slot_after;
use super::write::{Answer, NoAnswer, Request, Unfinished, Write};
use super::{tags, value};

/// How often a save is merged and tried anew before it is `Contended`: more than writers ever meet on one token.
const MAX_ATTEMPTS: usize = 64;

/// How often a read that still shows the base of a refused write is taken for a stale one.
const MAX_STALE_READS: usize = 4;

/// How far a chain of slots is followed: Secrets Manager keeps about 100 versions.
const MAX_CHAIN: usize = 128;

/// Saves a token. Until the first write is sent, dropping the future stops the save; after that it is carried to its
/// end.
pub(super) async fn save(storage: &Arc<Storage>, token: &OAuthToken) -> Result<Arc<OAuthToken>, StoreError> {
    if LookupPlan::of(token).is_empty() {
        return Err(ErrorKind::NoLookupKey.into());
    }
    encode(token)?;
    let unfinished = Unfinished::of(token, &storage.prefix);
    let mut save = Save {
        storage: Arc::clone(storage),
        token: token.with_unfinished(None),
        started_from: unfinished.as_ref().and_then(|unfinished| unfinished.started_from.clone()),
        deadline: Instant::now() + storage.settings.write_deadline,
        force_deleted: None,
    };
    if let Some(write) = unfinished.as_ref().and_then(|unfinished| unfinished.write.clone()) {
        return carry_to_end(async move { save.resume(&write).await }).await;
    }
    let current = save.look_up().await?;
    save.started_from = save.started_from.or_else(|| current.clone());
    carry_to_end(async move { save.run(current).await }).await
}

/// One save on its way.
struct Save {
    storage: Arc<Storage>,
    token: OAuthToken,
    started_from: Option<Record>,
    deadline: Instant,
    /// The ARN of a secret scheduled for deletion that this save has deleted at once.
    force_deleted: Option<String>,
}

enum Outcome {
    Stored(Arc<OAuthToken>),
    /// The write did not land; this is what is there now.
    Lost(Option<Record>),
}

/// Why a slot is taken.
enum Taken {
    /// Somebody else wrote; this is what is there now.
    By(Option<Record>),
    /// AWSCURRENT was moved back by hand, to the base.
    RolledBack { free_slot: String },
}

impl Save {
    async fn run(&mut self, current: Option<Record>) -> Result<Arc<OAuthToken>, StoreError> {
        let outcome = self.write_until_stored(current).await;
        outcome.map_err(|error| self.remember(error, None))
    }

    async fn write_until_stored(
        &mut self,
        mut current: Option<Record>,
    ) -> Result<Arc<OAuthToken>, StoreError> {
        let mut backoff = Backoff::new();
        for _ in 0..MAX_ATTEMPTS {
            let outcome = match current {
                Some(base) => self.put_over(base).await?,
                None => self.create().await?,
            };
            match outcome {
                Outcome::Stored(token) => return Ok(token),
                Outcome::Lost(next) => current = next,
            }
            if !backoff.wait_before(self.deadline).await {
                break;
            }
        }
        let contended = StoreError::from(ErrorKind::Contended);
        Err(match current {
            Some(base) => contended.with_secret_name(base.name),
            None => contended,
        })
    }

    /// Sends the write again that an earlier save of this token got no answer to; then, if it had not landed, saves.
    async fn resume(&mut self, write: &Write) -> Result<Arc<OAuthToken>, StoreError> {
        let landed = match (self.send(write).await?, &write.request) {
            (Answer::Landed, _) => Ok(true),
            (Answer::Taken, Request::Create(secret)) => self.is_ours(secret).await,
            _ => Ok(false),
        };
        if landed.map_err(|error| self.remember(error, Some(write)))? {
            self.note(write);
            self.update_tags_if_current(write).await;
            return Ok(Arc::clone(&write.stored));
        }
        match self.look_up().await {
            Ok(current) => self.run(current).await,
            Err(error) => Err(self.remember(error, None)),
        }
    }

    async fn look_up(&self) -> Result<Option<Record>, StoreError> {
        self.storage.look_up(&self.token, Purpose::Save).await
    }

    /// Writes the version after `base`.
    async fn put_over(&mut self, base: Record) -> Result<Outcome, StoreError> {
        let Some(merged) = self.merge_into(&base) else {
            return Ok(Outcome::Stored(base.token));
        };
        let merged = Arc::new(merged);
        let mut slot = slot_after(&base.version_id);
        loop {
            let version = NewVersion {
                arn: base.arn.clone(),
                request_token: slot,
                value: encode(&merged).map_err(|error| error.with_secret_name(&base.name))?,
            };
            let write = Write {
                request: Request::Put(version),
                name: base.name.clone(),
                stored: Arc::clone(&merged),
            };
            match self.send(&write).await? {
                Answer::Landed => {
                    self.note(&write);
                    self.update_tags(&base, &merged).await;
                    return Ok(Outcome::Stored(merged));
                }
                Answer::Taken => match self.after_taken_slot(&base).await? {
                    Taken::By(record) => return Ok(Outcome::Lost(record)),
                    Taken::RolledBack { free_slot } => slot = free_slot,
                },
                Answer::Gone => return self.look_up().await.map(Outcome::Lost),
                Answer::InvalidRequest(error) => {
                    return match self.storage.describe(&base.arn, &base.name).await? {
                        Some(secret) if secret.is_scheduled_for_deletion => Ok(Outcome::Lost(None)),
                        Some(_) => Err(error.into_store_error(Some(&base.name))),
                        None => self.look_up().await.map(Outcome::Lost),
                    };
                }
            }
        }
    }

    /// The token over a record. Over a later version than the one the save started from, what equals that one counts
    /// as not given: it was not this save that set it.
    fn merge_into(&self, base: &Record) -> Option<OAuthToken> {
        match &self.started_from {
            Some(start) if start.name == base.name && start.version_id != base.version_id => {
                self.token.merge_into_later(&base.token, &start.token)
            }
            _ => self.token.merge_into(&base.token),
        }
    }

    /// Finds out why the slot after `base` is taken: somebody else wrote, or AWSCURRENT was moved back by hand.
    async fn after_taken_slot(&self, base: &Record) -> Result<Taken, StoreError> {
        let mut backoff = Backoff::new();
        for stale_reads in 0..MAX_STALE_READS {
            match self.storage.read_secret(&base.arn, &base.name).await? {
                None => return self.look_up().await.map(Taken::By),
                Some(record) if record.version_id != base.version_id => {
                    return self.if_still_meant(record).await.map(Taken::By);
                }
                Some(_) if stale_reads == 0 => {}
                Some(_) => {
                    if let Some(free_slot) = self.free_slot_after_roll_back(base).await? {
                        return Ok(Taken::RolledBack { free_slot });
                    }
                }
            }
            if !backoff.wait_before(self.deadline).await {
                break;
            }
        }
        Ok(Taken::By(Some(base.clone())))
    }

    /// The first free slot after `base`, if one state of the secret has both `base` as current and the slot after it
    /// taken. Only a roll-back makes such a state; a stale read doesn't know the slot yet, and tells nothing.
    async fn free_slot_after_roll_back(&self, base: &Record) -> Result<Option<String>, StoreError> {
        let versions = self.storage.service.versions(&base.arn).await;
        let versions = match versions {
            Ok(versions) => versions,
            Err(error) if error.is_not_found() || error.is_invalid_request() => return Ok(None),
            Err(error) => return Err(error.into_store_error(Some(&base.name))),
        };
        let is_taken = |slot: &String| versions.iter().any(|version| version.id == *slot);
        let base_is_current =
            versions.iter().any(|version| version.is_current && version.id == base.version_id);
        let first = slot_after(&base.version_id);
        if !base_is_current || !is_taken(&first) {
            return Ok(None);
        }
        let slots = std::iter::successors(Some(first), |slot| Some(slot_after(slot)));
        Ok(slots.take(MAX_CHAIN).find(|slot| !is_taken(slot)))
    }

    /// A record that was read again by its ARN may have rotated away from the key it was found by.
    async fn if_still_meant(&self, record: Record) -> Result<Option<Record>, StoreError> {
        let plan = LookupPlan::of(&self.token);
        for key in plan.keys() {
            if plan.save_hit(key, [&record])?.is_some() {
                return Ok(Some(record));
            }
        }
        self.look_up().await
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
        let write = Write { request: Request::Create(secret.clone()), name, stored: record };
        match self.create_until_answered(&write, &secret).await {
            Ok(None) => {
                self.note(&write);
                Ok(Outcome::Stored(write.stored))
            }
            Ok(taken_by) => Ok(Outcome::Lost(taken_by)),
            // «Exists» is no final answer until it is known whose version is there.
            Err(error) => Err(self.remember(error, Some(&write))),
        }
    }

    /// `None` once the Create has landed, else the record of somebody else who came first.
    async fn create_until_answered(
        &mut self,
        write: &Write,
        secret: &NewSecret,
    ) -> Result<Option<Record>, StoreError> {
        let name = &secret.name;
        let mut backoff = Backoff::new();
        loop {
            match self.send(write).await? {
                Answer::Landed => return Ok(None),
                Answer::Taken => {
                    if self.is_ours(secret).await? {
                        return Ok(None);
                    }
                    if let Some(record) = self.storage.read_secret(name, name).await? {
                        return self.take_over(record).map(Some);
                    }
                    // Created by somebody else a moment ago, and not to be read yet.
                }
                Answer::InvalidRequest(error) => match self.storage.describe(name, name).await? {
                    Some(described) if described.is_scheduled_for_deletion => {
                        self.force_delete(&described.arn, name).await?;
                    }
                    Some(_) => return Err(error.into_store_error(Some(name))),
                    None => {}
                },
                Answer::Gone => return Err(StoreError::from(ErrorKind::Unexpected).with_secret_name(name)),
            }
            if !backoff.wait_before(self.deadline).await {
                let message = "the name is still taken by a secret that cannot be read, or is being deleted: \
                               try again in some seconds";
                return Err(StoreError::new(ErrorKind::Unavailable, message).with_secret_name(name));
            }
        }
    }

    /// The record that was created by somebody else under the name of ours, if it is the one the token stands for.
    fn take_over(&self, record: Record) -> Result<Record, StoreError> {
        let plan = LookupPlan::of(&self.token);
        for key in plan.keys() {
            if plan.save_hit(key, [&record])?.is_some() {
                return Ok(record);
            }
        }
        let message =
            "the record has rotated away from the token given: find it by its id or user and save that";
        Err(StoreError::new(ErrorKind::Conflict, message).with_secret_name(&record.name))
    }

    /// Whether a Create that is told «exists» has made that secret itself: its answer was lost.
    async fn is_ours(&self, secret: &NewSecret) -> Result<bool, StoreError> {
        match self.storage.service.get_version(&secret.name, &secret.request_token).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_not_found() || error.is_invalid_request() => Ok(false),
            Err(error) => Err(error.into_store_error(Some(&secret.name))),
        }
    }

    /// Makes way for a new record. Restoring the scheduled one would bring the deleted credential back.
    async fn force_delete(&mut self, arn: &str, name: &str) -> Result<(), StoreError> {
        if self.force_deleted.as_deref() == Some(arn) {
            return Ok(());
        }
        self.storage.service.delete(arn).await.map_err(|error| error.into_store_error(Some(name)))?;
        self.force_deleted = Some(arn.to_owned());
        Ok(())
    }

    async fn send(&self, write: &Write) -> Result<Answer, StoreError> {
        let NoAnswer { error, may_have_landed } = match write.send(&self.storage.service, self.deadline).await
        {
            Ok(answer) => return Ok(answer),
            Err(no_answer) => no_answer,
        };
        let is_passing = error.is_unanswered() || error.kind() == ErrorKind::Throttled;
        if !may_have_landed {
            return Err(error.into_store_error(Some(&write.name)));
        }
        let error = if is_passing {
            let message =
                "the write was not answered, so it may have landed or not: save the token inside this error";
            StoreError::new(ErrorKind::Unavailable, message).with_source(error).with_secret_name(&write.name)
        } else {
            error.into_store_error(Some(&write.name))
        };
        Err(error.with_token(self.unfinished(Some(write))))
    }

    /// Leaves what this save knows in the token of an error after which it is to be saved again.
    fn remember(&self, error: StoreError, write: Option<&Write>) -> StoreError {
        if error.token().is_some() || !error.is_retryable() {
            return error;
        }
        error.with_token(self.unfinished(write))
    }

    fn unfinished(&self, write: Option<&Write>) -> Arc<OAuthToken> {
        Unfinished { write: write.cloned(), started_from: self.started_from.clone() }.left_in(&self.token)
    }

    fn note(&self, write: &Write) {
        if let Some(locator) = locator_of(&write.stored) {
            self.storage.recent_writes.note(locator);
        }
    }

    /// The tags of a Put that landed earlier, unless somebody has written since: then they are that write's to set.
    async fn update_tags_if_current(&self, write: &Write) {
        let (Request::Put(version), Some(start)) = (&write.request, &self.started_from) else {
            return;
        };
        if let Ok(current) = self.storage.service.get(&version.arn).await
            && current.version_id == version.request_token
        {
            self.update_tags(start, &write.stored).await;
        }
    }

    /// Brings the fingerprints in the tags up to date. The token is stored whatever becomes of this: tags serve a
    /// search that is best effort.
    async fn update_tags(&self, base: &Record, stored: &OAuthToken) {
        let index_access_tokens = self.storage.settings.index_access_tokens;
        let before = tags::fingerprints(&base.token, index_access_tokens);
        let mut now = tags::fingerprints(stored, index_access_tokens);
        now.retain(|key, value| before.get(key) != Some(value));
        if now.is_empty() {
            return;
        }
        if let Err(error) = self.storage.service.tag(&base.arn, tags::to_sdk(now)).await {
            tracing::warn!(secret = base.name, %error, "the token is saved, but its search tags are out of date");
        }
    }
}

/// The value of a record, refused before it is sent if it is over AWS's limit.
fn encode(token: &OAuthToken) -> Result<secrecy::zeroize::Zeroizing<String>, StoreError> {
    let value = value::encode(token);
    if value.len() > value::MAX_BYTES {
        return Err(ErrorKind::TooLarge.into());
    }
    Ok(value)
}
