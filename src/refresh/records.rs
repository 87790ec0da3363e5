//! What a refresh needs of a store, and nothing else: the edge to input and output.

use std::sync::Arc;
use std::time::SystemTime;

use crate::contract::{Locator, OAuthToken, StoreError};
use crate::record::{Record, Version};

/// A stored token, as it was read.
#[derive(Clone)]
pub(crate) struct Stored {
    /// Names the record, however it was looked up.
    pub(crate) locator: Locator,
    pub(crate) record: Record,
}

impl Stored {
    pub(super) fn is_older_than(&self, other: &Self) -> bool {
        self.record.version.is_older_than(&other.record.version)
    }

    /// Whether this is another version, and as far as can be told not one from before. By its id: of what this process has
    /// written itself the exact date is not known.
    pub(super) fn is_later_than(&self, version: &Version) -> bool {
        let known = &self.record.version;
        (&known.arn, &known.id) != (&version.arn, &version.id) && !known.is_older_than(version)
    }

    /// As if this token were stored in its place. It is not, so nothing may be written over that.
    pub(super) fn with_token(self, token: Arc<OAuthToken>) -> Self {
        Self { record: Record { token, ..self.record }, ..self }
    }
}

/// Where the tokens are. A clone is a handle to the same place.
pub(crate) trait Records: Clone + Send + Sync + 'static {
    /// The time by which tokens expire.
    fn now(&self) -> SystemTime;

    /// The record that a partial token stands for, as any find gives it.
    fn find(&self, partial: &OAuthToken) -> impl Future<Output = Result<Option<Stored>, StoreError>> + Send;

    /// The record's token, if it is in memory.
    fn known(&self, locator: &Locator) -> Option<Arc<OAuthToken>>;

    /// The record as it is stored now, past everything that is remembered here.
    fn re_read(&self, locator: &Locator) -> impl Future<Output = Result<Option<Stored>, StoreError>> + Send;

    /// Saves a token whose record was there when it was `read`; returns what is then stored.
    fn save(
        &self,
        token: &OAuthToken,
        read: &Stored,
    ) -> impl Future<Output = Result<Stored, StoreError>> + Send;

    /// Saves a token over this version alone; `None` if another one is there by now.
    fn save_over(
        &self,
        token: &OAuthToken,
        current: &Stored,
    ) -> impl Future<Output = Result<Option<Stored>, StoreError>> + Send;

    /// The token, or a newer one of the same record that this process remembers: `Some(None)` if it remembers that it was
    /// deleted since, `None` if only a read can tell.
    fn not_older(&self, stored: Stored) -> Option<Option<Arc<OAuthToken>>>;
}
