//! One write: sent until it is answered, and remembered if it is not.

use std::sync::Arc;
use std::time::SystemTime;

use tokio::time::Instant;

use crate::contract::{OAuthToken, UnfinishedSave};
use crate::record::{Record, Version, leads_to};

use super::prefix::Prefix;
use super::service::{NewSecret, NewVersion, Service};
use super::service_error::ServiceError;
use super::storage::Backoff;

/// A write as it is sent, and sent again: the same token and the same content each time.
pub(super) struct Write {
    pub(super) request: Request,
    /// The name of the secret.
    pub(super) name: Arc<str>,
    /// What is stored once it has landed.
    pub(super) stored: Arc<OAuthToken>,
    /// What it is written over.
    pub(super) base: Option<Record>,
    /// A time by the service's clock at which the version was not there yet.
    pub(super) created: Option<SystemTime>,
}

pub(super) enum Request {
    Put(NewVersion),
    Create(NewSecret),
}

/// What the service says of a write, if it says something final.
pub(super) enum Answer {
    /// It is this write that has landed, now or when its answer was lost; another write may have followed it since.
    Landed {
        record: Record,
        /// Whether an earlier answer was lost.
        is_repeated: bool,
    },
    /// Another content has the request token, or the name is taken.
    Taken,
    /// The secret is not there.
    Gone(ServiceError),
    /// Among other things, it is scheduled for deletion.
    InvalidRequest {
        error: ServiceError,
        /// Whether an earlier answer was lost: this one does not tell what became of that.
        is_repeated: bool,
    },
}

/// No final answer by the deadline.
pub(super) struct NoAnswer {
    pub(super) error: ServiceError,
    /// Whether the write may have landed all the same.
    pub(super) may_have_landed: bool,
}

impl Write {
    /// The request token, which becomes the version's id.
    pub(super) fn request_token(&self) -> &str {
        match &self.request {
            Request::Put(version) => &version.request_token,
            Request::Create(secret) => &secret.request_token,
        }
    }

    /// The secret that it writes to; that of a new one is not known before its answer.
    pub(super) fn arn(&self) -> Option<&str> {
        match &self.request {
            Request::Put(version) => Some(&version.arn),
            Request::Create(_) => None,
        }
    }

    /// The record that it makes.
    pub(super) fn record_in(&self, arn: String) -> Record {
        let version = Version { arn, id: self.request_token().to_owned(), created: self.created };
        Record { version: Arc::new(version), name: Arc::clone(&self.name), token: Arc::clone(&self.stored) }
    }

    /// Whether a record is what it has made, or what has been written over that.
    pub(super) fn is_or_precedes(&self, record: &Record) -> bool {
        record.version.id == self.request_token() || leads_to(self.request_token(), &record.version.id)
    }

    /// Sends it until there is an answer: a lost one tells nothing.
    pub(super) async fn send(&self, service: &Service, deadline: Instant) -> Result<Answer, NoAnswer> {
        let mut backoff = Backoff::new();
        let mut may_have_landed = false;
        loop {
            let sent = match &self.request {
                Request::Put(version) => service.put(version).await.map(|()| version.arn.clone()),
                Request::Create(secret) => service.create(secret).await,
            };
            let error = match sent {
                Ok(arn) => {
                    let record = self.record_in(arn);
                    return Ok(Answer::Landed { record, is_repeated: may_have_landed });
                }
                Err(error) if error.is_already_there() => return Ok(Answer::Taken),
                Err(error) if error.is_not_found() => return Ok(Answer::Gone(error)),
                Err(error) if error.is_invalid_request() => {
                    return Ok(Answer::InvalidRequest { error, is_repeated: may_have_landed });
                }
                Err(error) => error,
            };
            may_have_landed |= error.is_unanswered();
            if !error.is_passing() || !backoff.wait_before(deadline).await {
                return Err(NoAnswer { error, may_have_landed });
            }
        }
    }
}

/// How far a save has come, and what one that failed in a passing way leaves in the token of its error.
#[derive(Clone, Default)]
pub(super) struct Unfinished {
    /// The write that was sent and whose fate is not known.
    pub(super) write: Option<Arc<Write>>,
    /// The version that the save started from, and then each write of it that was found to have landed: what equals one
    /// of them is not its own to give any more.
    pub(super) come_from: Vec<Record>,
}

impl Unfinished {
    /// What an earlier save to the same place left in this token.
    pub(super) fn of(token: &OAuthToken, prefix: &Prefix) -> Option<Arc<Self>> {
        let unfinished: Arc<Self> = Arc::clone(&token.unfinished()?.0).downcast().ok()?;
        let names = unfinished.write.iter().map(|write| &write.name);
        let mut names = names.chain(unfinished.come_from.iter().map(|record| &record.name));
        names.all(|name| prefix.locator_in(name).is_some()).then_some(unfinished)
    }

    pub(super) fn left_in(self, token: &OAuthToken) -> Arc<OAuthToken> {
        Arc::new(token.with_unfinished(Some(UnfinishedSave(Arc::new(self)))))
    }
}
