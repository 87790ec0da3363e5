//! What a save writes: over a record, or as a new one.

use std::sync::Arc;

use super::fields::{Field, Fields};
use super::{ErrorKind, Locator, LookupKey, LookupPlan, OAuthToken, StoreError};

/// For those who write a store of their own.
impl OAuthToken {
    /// What the record `stored` holds once this token has been saved to it; `None` if nothing changes.
    ///
    /// - A given field replaces the stored one, an absent one keeps it; a field that equals what this token was
    ///   found as counts as absent. Extras are merged by name.
    /// - The stored id stays.
    /// - An access token that differs from the stored one, given without an expiry time, clears the stored one.
    /// - An expiry time that came with another access token than the one that stays is not taken.
    pub fn merge_into(&self, stored: &Self) -> Option<Self> {
        let merged = merge(self, &self.given(), stored.fields())?;
        Some(Self::stored(merged, stored.assigned_id().cloned()))
    }

    /// The record that a save of this token makes where there is none.
    ///
    /// It is named by the user if there is one, else by an id of the application's own, else by the grant,
    /// refresh or access token that it would be looked up by; its [`assigned_id`](Self::assigned_id) says so.
    /// A store that already has a record of that assigned id must answer [`ErrorKind::Conflict`]: that record has
    /// rotated away from the token it was named by.
    ///
    /// # Errors
    /// - [`ErrorKind::Deleted`] for a token that was found or built from a found one: its record has been deleted, and
    ///   must not come back. [`detached`](Self::detached) makes a copy that can be stored anew.
    /// - [`ErrorKind::NothingToStore`] without a refresh, grant or access token.
    /// - [`ErrorKind::NoLookupKey`] if nothing in it can name a record.
    pub fn new_record(&self) -> Result<Self, StoreError> {
        if LookupPlan::of(self).is_empty() {
            return Err(ErrorKind::NoLookupKey.into());
        }
        if self.found().is_some() {
            return Err(ErrorKind::Deleted.into());
        }
        let mut fields = Fields::clone(self.fields());
        // An id of a locator's form is the store's to give.
        fields.id = fields.id.filter(|id| !id.is_store_assigned());
        if !fields.has_credential() {
            return Err(ErrorKind::NothingToStore.into());
        }
        let locator = name_of_new_record(&fields)?;
        Ok(Self::stored(fields, Some(locator.into())))
    }

    /// The fields that count as given in a save.
    pub(crate) fn given(&self) -> Fields {
        match self.found() {
            Some(found) => self.fields().without(found),
            None => Fields::clone(self.fields()),
        }
    }

    /// [`merge_into`](Self::merge_into) for another version of the record than those the save has come from: what equals
    /// one of them counts as not given either.
    pub(crate) fn merge_into_later<'a>(
        &self,
        stored: &Self,
        come_from: impl IntoIterator<Item = &'a Self>,
    ) -> Option<Self> {
        let given = come_from.into_iter().fold(self.given(), |given, token| given.without(token.fields()));
        let merged = merge(self, &given, stored.fields())?;
        Some(Self::stored(merged, stored.assigned_id().cloned()))
    }
}

/// `given` over `stored`; `None` if nothing changes.
fn merge(token: &OAuthToken, given: &Fields, stored: &Fields) -> Option<Fields> {
    let mut merged = stored.clone();
    merged.overlay(given);
    let access_token = |fields: &Fields| fields.text(Field::AccessToken).map(str::to_owned);
    if given.secret(Field::AccessToken).is_some() {
        if given.expiry_time().is_none() && access_token(given) != access_token(stored) {
            merged.set_expiry_time(None);
        }
    } else if token.access_token().is_some() && access_token(token.fields()) != access_token(stored) {
        merged.set_expiry_time(stored.expiry_time());
    }
    (merged != *stored).then_some(merged)
}

fn name_of_new_record(fields: &Fields) -> Result<Locator, StoreError> {
    let token = OAuthToken::from_parts(Arc::new(fields.clone()), None, None);
    let mut keys: Vec<LookupKey<'_>> = LookupPlan::of(&token).keys().collect();
    // The user names a record before an id does, although the id is looked up first.
    keys.sort_by_key(|key| !matches!(key, LookupKey::User(_)));
    match keys.first() {
        Some(key) => Ok(key.locator()),
        None => Err(StoreError::new(
            ErrorKind::NoLookupKey,
            "there is no record of this id, and nothing else in the token can name a new one: give a user name",
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::OAuthTokenBuilder;

    fn token(access_token: &str, refresh_token: &str) -> OAuthTokenBuilder {
        OAuthToken::builder().user_name("bob").access_token(access_token).refresh_token(refresh_token)
    }

    fn stored(token: OAuthTokenBuilder) -> OAuthToken {
        token.build().and_then(|token| token.new_record()).expect("valid")
    }

    fn tokens_of(token: &OAuthToken) -> (&str, &str) {
        let text = |field| token.fields().text(field).unwrap_or_default();
        (text(Field::AccessToken), text(Field::RefreshToken))
    }

    #[test]
    fn over_a_later_version_what_the_save_started_from_counts_as_not_given() {
        let start = stored(token("a1", "r1"));
        let later = stored(token("a2", "r2"));
        let whole = token("a1", "r1").scope("all").build().expect("valid");
        let merged = whole.merge_into_later(&later, [&start]).expect("the scope is new");
        assert_eq!((tokens_of(&merged), merged.scope()), (("a2", "r2"), Some("all")));
        assert!(merged.assigned_id().is_some());
        assert_eq!(merged.assigned_id(), later.assigned_id());

        let nothing_of_its_own = token("a1", "r1").build().expect("valid");
        assert!(nothing_of_its_own.merge_into_later(&later, [&start]).is_none());

        let refreshed = token("a3", "r1").build().expect("valid");
        let merged = refreshed.merge_into_later(&later, [&start]).expect("a new access token");
        assert_eq!(tokens_of(&merged), ("a3", "r2"));
    }

    #[test]
    fn over_a_later_version_what_was_found_before_the_save_started_counts_as_not_given_either() {
        let found = stored(token("a0", "r0"));
        let (start, later) = (stored(token("a1", "r1")), stored(token("a2", "r2")));
        let changed = found.to_builder().scope("all").build().expect("valid");
        let merged = changed.merge_into_later(&later, [&start]).expect("the scope is new");
        assert_eq!((tokens_of(&merged), merged.scope()), (("a2", "r2"), Some("all")));
    }

    #[test]
    fn an_access_token_that_counts_as_given_keeps_its_expiry_with_it() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let start = stored(token("a1", "r1").expiry_time(at(10)));
        let later = stored(token("a2", "r2").expiry_time(at(20)));
        // Its expiry equals that of the version it started from, but belongs to another access token.
        let refreshed = token("a3", "r1").expiry_time(at(10)).build().expect("valid");
        let merged = refreshed.merge_into_later(&later, [&start]).expect("a new access token");
        assert_eq!(merged.expiry_time(), Some(at(10)));
        // And an expiry without its access token says nothing of another one.
        let corrected = token("a1", "r1").expiry_time(at(11)).build().expect("valid");
        assert!(corrected.merge_into_later(&later, [&start]).is_none());
        let merged = corrected.merge_into(&start).expect("the same access token");
        assert_eq!(merged.expiry_time(), Some(at(11)));
    }

    #[test]
    fn a_found_token_makes_no_record_unless_it_is_detached() {
        let found = stored(token("a1", "r1"));
        let changed = found.to_builder().access_token("a2").build().expect("valid");
        for token in [&found, &changed] {
            assert_eq!(token.new_record().map_err(|error| error.kind()), Err(ErrorKind::Deleted));
            assert!(token.detached().new_record().expect("all is given") == *token);
        }
    }
}
