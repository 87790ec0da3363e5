//! What of the token that an exchange gave is to be saved, and where: a pure function.

use std::sync::Arc;

use crate::contract::{ErrorKind, Field, Fields, OAuthToken, StoreError};

use super::decision::has_the_access_token_of;

/// The token to save for what the exchange of `current` gave: it stands for the record of `current`, and what was not
/// exchanged counts as not given.
///
/// A token that was built from one found as this record knows what it changed. Any other, such as a bare token
/// response, is laid over `current`; what equals that then counts as not given, so an old refresh token in it does not
/// replace one that was rotated in the meantime.
///
/// # Errors
/// [`ErrorKind::Conflict`] if it names another user, id or OAuth client than the record's.
pub(super) fn to_save(current: &OAuthToken, given: &OAuthToken) -> Result<OAuthToken, StoreError> {
    if let Some(what) = contradiction(current, given) {
        let message = format!(
            "the exchange gave a token that names another {what} than the record that it is to refresh: build it from \
             the one that the exchange was given (`to_builder`)"
        );
        return Err(StoreError::new(ErrorKind::Conflict, message));
    }
    // Found as this record: as any other it would have been refused.
    let (mut fields, found) = match given.found() {
        Some(found) => (Fields::clone(given.fields()), Some(found)),
        None => (laid_over(current, given), current.found()),
    };
    fields.id = current.id().cloned();
    if let Some(user) = current.fields().secret(Field::UserName) {
        fields.set(Field::UserName, user.clone());
    }
    let token = OAuthToken::from_parts(Arc::new(fields), found.cloned(), current.assigned_id().cloned());
    // A write that `current` has left is on its way to the same record, whatever the exchange was built from.
    Ok(token.with_unfinished(given.unfinished().or(current.unfinished()).cloned()))
}

/// What `given` says of itself that is not true of the record.
fn contradiction(current: &OAuthToken, given: &OAuthToken) -> Option<&'static str> {
    let is_of_the_record = |id| current.id() == Some(id) || current.assigned_id() == Some(id);
    if given.user_name().is_some() && given.user_name() != current.user_name() {
        return Some("user");
    }
    if !given.id().into_iter().chain(given.assigned_id()).all(is_of_the_record) {
        return Some("id");
    }
    match (given.client_id(), current.client_id()) {
        (Some(given), Some(current)) if given != current => Some("OAuth client"),
        _ => None,
    }
}

/// The fields of `current` with those of `given` over them. An expiry time goes with the access token that it is of.
fn laid_over(current: &OAuthToken, given: &OAuthToken) -> Fields {
    let mut fields = Fields::clone(current.fields());
    fields.overlay(given.fields());
    if given.access_token().is_some() && !has_the_access_token_of(given, current) {
        fields.set_expiry_time(given.expiry_time());
    }
    fields
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use secrecy::ExposeSecret;

    use super::*;
    use crate::contract::OAuthTokenBuilder;

    fn built(token: OAuthTokenBuilder) -> OAuthToken {
        token.build().expect("valid")
    }

    fn stored(token: OAuthTokenBuilder) -> OAuthToken {
        built(token).new_record().expect("a record")
    }

    fn bob() -> OAuthTokenBuilder {
        let token = OAuthToken::builder().user_name("bob").client_id("client").refresh_token("r");
        token.access_token("a").expiry_time(SystemTime::UNIX_EPOCH)
    }

    /// What a save of what the exchange gave makes of the record that it refreshes.
    fn saved(current: &OAuthToken, given: &OAuthToken) -> OAuthToken {
        let token = to_save(current, given).expect("taken");
        assert_eq!((token.id(), token.user_name()), (current.id(), current.user_name()));
        assert_eq!(token.assigned_id(), current.assigned_id());
        token.merge_into(current).expect("it changes something")
    }

    #[test]
    fn a_token_built_from_the_current_one_is_saved_as_it_is() {
        let current = stored(bob());
        let given = built(current.to_builder().access_token("b"));
        let token = to_save(&current, &given).expect("taken");
        assert!(token == given && token.found() == given.found());
        let saved = saved(&current, &given);
        let texts = [Field::AccessToken, Field::RefreshToken].map(|field| saved.fields().text(field));
        assert_eq!((texts, saved.expiry_time()), ([Some("b"), Some("r")], None));
    }

    #[test]
    fn a_bare_token_response_gives_what_is_in_it() {
        let current = stored(bob());
        let response = OAuthToken::from_token_response(r#"{"access_token": "b"}"#).expect("a response");
        let token = to_save(&current, &built(response)).expect("taken");
        let given = token.given();
        assert_eq!(given.text(Field::AccessToken), Some("b"));
        assert_eq!(given.text(Field::RefreshToken), None);
        assert_eq!(token.expiry_time(), None, "the old one was of the old access token");
    }

    #[test]
    fn without_another_access_token_the_expiry_time_stays() {
        let current = stored(bob());
        let rotated = || OAuthToken::builder().refresh_token("rotated");
        for given in [rotated(), rotated().access_token("a")] {
            let token = to_save(&current, &built(given)).expect("taken");
            assert_eq!(token.expiry_time(), Some(SystemTime::UNIX_EPOCH));
        }
    }

    #[test]
    fn an_expiry_time_that_happens_to_be_the_old_one_is_taken_too() {
        let current = stored(bob());
        let given = OAuthToken::builder().access_token("b").expiry_time(SystemTime::UNIX_EPOCH);
        assert_eq!(saved(&current, &built(given)).expiry_time(), Some(SystemTime::UNIX_EPOCH));
    }

    #[test]
    fn an_expiry_time_alone_extends_that_of_the_token() {
        let current = stored(bob());
        let later = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
        for given in [OAuthToken::builder(), OAuthToken::builder().access_token("a")] {
            let given = built(given.expiry_time(later));
            assert_eq!(saved(&current, &given).expiry_time(), Some(later));
        }
        let same = built(OAuthToken::builder().access_token("a").extra("x", "1"));
        assert_eq!(saved(&current, &same).expiry_time(), Some(SystemTime::UNIX_EPOCH));
    }

    #[test]
    fn a_whole_token_gives_what_differs() {
        let current = stored(bob());
        let token = to_save(&current, &built(bob().access_token("b")).detached()).expect("taken");
        assert_eq!(token.given().text(Field::RefreshToken), None);
        assert_eq!(token.given().text(Field::AccessToken), Some("b"));
    }

    #[test]
    fn a_token_that_was_found_earlier_gives_what_it_changed() {
        let earlier = stored(bob());
        let current = built(earlier.to_builder().refresh_token("rotated")).into_found(None);
        let given = built(earlier.to_builder().access_token("b"));
        let token = to_save(&current, &given).expect("taken");
        let merged = token.merge_into(&current).expect("changed");
        assert_eq!(merged.refresh_token().map(|token| token.expose_secret()), Some("rotated"));
    }

    #[test]
    fn what_names_the_record_is_put_back() {
        for current in [stored(bob()), stored(bob().id("own")), stored(bob().user_name(""))] {
            let given = built(current.to_builder().id("").user_name("").access_token("b"));
            saved(&current, &given);
        }
        // Either of its ids is the record's.
        let current = stored(bob().id("own"));
        let assigned = current.assigned_id().expect("stored").clone();
        saved(&current, &built(OAuthToken::builder().id(assigned).access_token("b")));
    }

    #[test]
    fn a_token_of_another_user_id_or_client_is_refused() {
        let current = stored(bob());
        let eve = stored(bob().user_name("eve"));
        let nobody = stored(bob().user_name(""));
        for (current, given, what) in [
            (&current, built(current.to_builder().user_name("eve").id("")), "user"),
            (&current, built(OAuthToken::builder().user_name("eve").access_token("b")), "user"),
            (&nobody, built(nobody.to_builder().user_name("eve")), "user"),
            (&current, built(OAuthToken::builder().id("other").access_token("b")), "id"),
            (&current, built(eve.to_builder().user_name("").id("").access_token("b")), "id"),
            (&current, built(current.to_builder().client_id("other")), "OAuth client"),
        ] {
            let error = to_save(current, &given).expect_err(what);
            assert_eq!(error.kind(), ErrorKind::Conflict);
            assert!(error.to_string().contains(&format!("another {what} than")), "{error}");
            assert!(!error.to_string().contains("eve"), "{error}");
        }
        let without_client = stored(bob().client_id(""));
        assert_eq!(saved(&without_client, &built(bob().access_token("b"))).client_id(), Some("client"));
    }
}
