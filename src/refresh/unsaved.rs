//! What exchanges gave and could not be saved. The refresh token that was exchanged may be spent, so the next refresh of
//! the record begins with saving this: another exchange of the old one could end the whole login.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::contract::{Locator, OAuthToken};

use super::records::Stored;

/// At most one token a record, until the record's next exchange, which it precedes or is given up for.
#[derive(Default)]
pub(super) struct Unsaved(Mutex<HashMap<Locator, Kept>>);

struct Kept {
    token: Arc<OAuthToken>,
    /// What was exchanged for it. Over other tokens than those this one may be the older; they themselves may have been saved
    /// only since, by a write without an answer.
    spent: Stored,
}

impl Kept {
    fn is_for(&self, stored: &Stored) -> bool {
        self.spent.record.version.id == stored.record.version.id || self.spent.holds_the_tokens_of(stored)
    }
}

impl Unsaved {
    pub(super) fn keep(&self, exchanged: &Stored, token: &Arc<OAuthToken>) {
        let kept = Kept { token: Arc::clone(token), spent: exchanged.clone() };
        self.lock().insert(exchanged.locator, kept);
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
    pub(super) fn take(&self, current: &Stored) -> Option<Arc<OAuthToken>> {
        let mut kept = self.lock();
        // A replica that lags behind says nothing of what has come since.
        if current.is_older_than(&kept.get(&current.locator)?.spent) {
            return None;
        }
        let kept = kept.remove(&current.locator)?;
        kept.is_for(current).then_some(kept.token)
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
        let token = OAuthToken::builder().user_name("bob").build().expect("valid");
        let locator = Locator::new(LocatorKind::User, &["bob"]);
        Stored {
            locator,
            record: Record { name: "app/x".into(), version: Arc::new(version), token: Arc::new(token) },
        }
    }

    #[test]
    fn what_was_exchanged_is_given_once_and_over_the_same_version_only() {
        let (unsaved, exchanged) = (Unsaved::default(), stored("1"));
        let keep = || unsaved.keep(&exchanged, &exchanged.record.token);
        keep();
        assert!(unsaved.take(&exchanged).is_some());
        assert!(unsaved.take(&exchanged).is_none());
        keep();
        let mut later = stored("2");
        assert!(unsaved.of(&later).is_some(), "what was exchanged has been saved since, and nothing else");
        let token = OAuthToken::builder().user_name("bob").refresh_token("r").build().expect("valid");
        later.record.token = Arc::new(token);
        assert!(unsaved.take(&later).is_none());
        assert!(unsaved.take(&exchanged).is_none());
        keep();
        unsaved.forget(&exchanged);
        assert!(unsaved.take(&exchanged).is_none());
    }

    #[test]
    fn a_lagging_read_does_not_make_it_forgotten() {
        let (unsaved, earlier) = (Unsaved::default(), stored("1"));
        let exchanged = stored(&slot_after("1"));
        unsaved.keep(&exchanged, &exchanged.record.token);
        assert!(unsaved.take(&earlier).is_none());
        assert!(unsaved.of(&exchanged).is_some() && unsaved.take(&exchanged).is_some());
    }
}
