//! What exchanges gave and could not be saved. The refresh token that was exchanged may be spent, so the next refresh of
//! the record begins with saving this: another exchange of the old one could end the whole login.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::contract::{Field, Locator, OAuthToken};

use super::records::Stored;

/// At most one token a record, until the record's next exchange, which it precedes or is given up for.
#[derive(Default)]
pub(super) struct Unsaved(Mutex<HashMap<Locator, Kept>>);

pub(super) struct Kept {
    pub(super) token: Arc<OAuthToken>,
    /// What it could not be saved over.
    over: Stored,
    /// What was exchanged for it: that, or what itself could not be saved over that, but may have been since, by a write
    /// without an answer.
    pub(super) spent: Arc<OAuthToken>,
}

impl Kept {
    /// Whether it follows what is stored. Over other tokens this one may be the older; that something else was changed says
    /// nothing of them.
    pub(super) fn is_for(&self, stored: &Stored) -> bool {
        let stored_token = &stored.record.token;
        self.over.record.version.id == stored.record.version.id
            || [&self.over.record.token, &self.spent].into_iter().any(|before| {
                has_the_tokens_of(stored_token, before) && !has_the_tokens_of(&self.token, before)
            })
    }
}

fn has_the_tokens_of(one: &OAuthToken, other: &OAuthToken) -> bool {
    [Field::RefreshToken, Field::AccessToken, Field::GrantToken]
        .into_iter()
        .all(|field| one.fields().text(field) == other.fields().text(field))
}

impl Unsaved {
    /// Keeps what an exchange of `spent` gave, which could not be saved over what was read.
    pub(super) fn keep(&self, read: &Stored, spent: &Arc<OAuthToken>, token: &Arc<OAuthToken>) {
        self.put_back(Kept { token: Arc::clone(token), over: read.clone(), spent: Arc::clone(spent) });
    }

    pub(super) fn put_back(&self, kept: Kept) {
        self.lock().insert(kept.over.locator, kept);
    }

    /// What is kept for this version, or one with the same tokens.
    pub(super) fn of(&self, found: &Stored) -> Option<Arc<OAuthToken>> {
        let kept = self.lock();
        let kept = kept.get(&found.locator).filter(|kept| kept.is_for(found))?;
        Some(Arc::clone(&kept.token))
    }

    pub(super) fn forget(&self, saved: &Stored) {
        self.lock().remove(&saved.locator);
    }

    /// What is to be saved over `current` before anything else.
    pub(super) fn take(&self, current: &Stored) -> Option<Kept> {
        let mut kept = self.lock();
        // A replica that lags behind says nothing of what has come since.
        if current.is_older_than(&kept.get(&current.locator)?.over) {
            return None;
        }
        let kept = kept.remove(&current.locator)?;
        kept.is_for(current).then_some(kept)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Locator, Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::LocatorKind;
    use crate::record::{Record, Version, slot_after};

    fn stored(version_id: &str) -> Stored {
        let version = Version { arn: "arn:x".to_owned(), id: version_id.to_owned(), created: None };
        let locator = Locator::new(LocatorKind::User, &["bob"]);
        let record = Record { name: "app/x".into(), version: Arc::new(version), token: token("a0") };
        Stored { locator, record }
    }

    fn token(access_token: &str) -> Arc<OAuthToken> {
        let token = OAuthToken::builder().user_name("bob").refresh_token("r").access_token(access_token);
        Arc::new(token.build().expect("valid"))
    }

    #[test]
    fn what_was_exchanged_is_given_once_and_over_the_same_tokens_only() {
        let (unsaved, read, other) = (Unsaved::default(), stored("1"), stored("2"));
        let keep = || unsaved.keep(&read, &read.record.token, &token("a1"));
        keep();
        assert!(unsaved.take(&read).is_some());
        assert!(unsaved.take(&read).is_none());
        keep();
        assert!(unsaved.of(&other).is_some(), "something else was changed");
        assert!(unsaved.take(&other.with_token(token("b"))).is_none());
        assert!(unsaved.take(&read).is_none());
        keep();
        unsaved.forget(&read);
        assert!(unsaved.take(&read).is_none());
    }

    /// `a1` could not be saved over `a0`, nor what was exchanged for it.
    #[test]
    fn what_was_exchanged_in_its_turn_is_for_either_predecessor() {
        let (unsaved, read) = (Unsaved::default(), stored("1"));
        unsaved.keep(&read, &token("a1"), &token("a2"));
        assert!(unsaved.of(&stored("2")).is_some());
        let landed = stored("2").with_token(token("a1"));
        let kept = unsaved.take(&landed).expect("it follows that");
        // Nor over that; and what it was exchanged for is still to be recognised.
        unsaved.keep(&read, &kept.spent, &kept.token);
        assert!(unsaved.of(&landed).is_some());
        assert!(unsaved.of(&landed.with_token(token("b"))).is_none());
    }

    /// Of two that have the same tokens nobody can tell which one is the newer.
    #[test]
    fn what_gave_no_other_tokens_is_for_its_version_alone() {
        let (unsaved, read) = (Unsaved::default(), stored("1"));
        unsaved.keep(&read, &read.record.token, &token("a0"));
        assert!(unsaved.of(&stored("2")).is_none());
        assert!(unsaved.of(&read).is_some());
    }

    #[test]
    fn a_lagging_read_does_not_make_it_forgotten() {
        let (unsaved, earlier) = (Unsaved::default(), stored("1"));
        let exchanged = stored(&slot_after("1"));
        unsaved.keep(&exchanged, &exchanged.record.token, &token("a1"));
        assert!(unsaved.take(&earlier).is_none());
        assert!(unsaved.of(&exchanged).is_some() && unsaved.take(&exchanged).is_some());
    }
}
