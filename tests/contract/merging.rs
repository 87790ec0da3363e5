//! What a save over a record leaves in it.

use std::time::{Duration, SystemTime};

use oauth_token_store::{LookupKey, OAuthTokenBuilder, TokenId};

use crate::{TEXT_FIELDS, built, found, token};

fn expiry(number: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + number)
}

/// A record with every field.
fn full(version: &str) -> OAuthTokenBuilder {
    let base = token().id("7").extra("x", version).expiry_time(expiry(1));
    TEXT_FIELDS.iter().fold(base, |builder, (name, set, _)| set(builder, &format!("{name} {version}")))
}

#[test]
fn a_given_field_replaces_the_stored_one_and_no_other() {
    let stored = found(full("1"));
    for (name, set, get) in TEXT_FIELDS {
        let given = built(set(token(), "new"));
        let merged = given.merge_into(&stored).unwrap();
        assert_eq!(get(&merged), Some("new"), "{name}");
        for (other, _, get) in TEXT_FIELDS.iter().filter(|(other, ..)| *other != name) {
            assert_eq!(get(&merged), get(&stored), "{other} beside {name}");
        }
        assert_eq!(merged.extra("x"), Some("1"), "{name}");
        assert_eq!(merged.id(), stored.id(), "{name}");
        // Only a new access token has an effect on another field.
        let expected = stored.expiry_time().filter(|_| name != "access_token");
        assert_eq!(merged.expiry_time(), expected, "{name}");
    }
}

#[test]
fn a_given_field_is_added_where_none_is_stored() {
    let stored = found(token().id("7"));
    for (name, set, get) in TEXT_FIELDS {
        let merged = built(set(token(), "new")).merge_into(&stored).unwrap();
        assert_eq!(get(&merged), Some("new"), "{name}");
    }
}

#[test]
fn an_absent_field_changes_nothing() {
    let stored = found(full("1"));
    assert_eq!(built(token()).merge_into(&stored), None);
    assert_eq!(built(token().id("8")).merge_into(&stored), None);
    for (name, set, _) in TEXT_FIELDS {
        assert_eq!(built(set(token(), "")).merge_into(&stored), None, "{name}");
    }
}

#[test]
fn a_field_that_equals_the_stored_one_changes_nothing() {
    let stored = found(full("1"));
    assert_eq!(built(full("1")).merge_into(&stored), None);
    for (name, set, _) in TEXT_FIELDS {
        let same = built(set(token(), &format!("{name} 1")));
        assert_eq!(same.merge_into(&stored), None, "{name}");
    }
}

/// The rule that makes *find, change one field, save* change one field.
#[test]
fn a_field_that_equals_what_was_found_counts_as_absent() {
    let found_earlier = found(full("1"));
    let stored = found(full("2").expiry_time(expiry(2)));
    assert_eq!(found_earlier.merge_into(&stored), None);
    assert_eq!(built(found_earlier.to_builder()).merge_into(&stored), None);
    for (name, set, get) in TEXT_FIELDS {
        let changed = built(set(found_earlier.to_builder(), "new"));
        let merged = changed.merge_into(&stored).unwrap();
        for (other, _, get_other) in TEXT_FIELDS {
            let expected = if other == name { Some("new") } else { get_other(&stored) };
            assert_eq!(get_other(&merged), expected, "{other} beside {name}");
        }
        assert_eq!(get(&merged), Some("new"), "{name}");
        assert_eq!(merged.extra("x"), Some("2"), "{name}");
    }
}

/// It is remembered through any number of builders, whatever was changed on the way.
#[test]
fn what_was_found_is_remembered_through_builders() {
    let first = found(full("1"));
    let second = built(first.to_builder().scope("new"));
    let third = built(second.to_builder().refresh_token("other"));
    let back = built(third.to_builder().refresh_token("refresh_token 1").scope("scope 1"));
    assert_eq!(back.merge_into(&found(full("2"))), None);
}

#[test]
fn extras_are_merged_by_name() {
    let stored = found(token().extra("a", "1").extra("b", "1").extra("c", "1"));
    let merged = built(token().extra("b", "2").extra("d", "2")).merge_into(&stored).unwrap();
    let extras: Vec<_> = merged.extras().collect();
    assert_eq!(extras, [("a", "1"), ("b", "2"), ("c", "1"), ("d", "2")]);
    // An empty one is absent: it keeps what is stored.
    assert_eq!(built(stored.to_builder().extra("a", "")).merge_into(&stored), None);
}

#[test]
fn the_stored_ids_stay() {
    let record = built(token().user_name("bob").access_token("a")).new_record().unwrap();
    let merged = built(token().id("8").access_token("b")).merge_into(&record).unwrap();
    assert_eq!(merged.id(), record.id());
    assert_eq!(merged.assigned_id(), Some(&TokenId::of_user("bob").unwrap()));
}

#[test]
fn what_was_merged_is_remembered_as_found() {
    let stored = found(full("1"));
    let merged = built(token().scope("new")).merge_into(&stored).unwrap();
    assert_eq!(merged.merge_into(&found(full("2"))), None);
}

/// access token given, expiry given → the expiry that is stored then; the record has `a-1` and expiry 1.
#[test]
fn the_expiry_follows_its_access_token() {
    for (access_token, given, expected) in [
        ("", None, Some(1)),
        ("", Some(2), Some(2)),
        ("a-1", None, Some(1)),
        ("a-1", Some(2), Some(2)),
        ("a-2", None, None),
        ("a-2", Some(2), Some(2)),
        ("a-2", Some(1), Some(1)),
    ] {
        let stored = found(token().access_token("a-1").expiry_time(expiry(1)));
        let new = token().access_token(access_token);
        let new = built(match given {
            Some(number) => new.expiry_time(expiry(number)),
            None => new,
        });
        let stored_then = new.merge_into(&stored).unwrap_or(stored);
        assert_eq!(stored_then.expiry_time(), expected.map(expiry), "{access_token:?} {given:?}");
    }
}

#[test]
fn a_new_access_token_does_not_inherit_the_expiry_that_was_found_with_the_old_one() {
    let stored = found(token().access_token("a-1").expiry_time(expiry(1)));
    let changed = built(stored.to_builder().access_token("a-2"));
    assert_eq!(changed.expiry_time(), None);
    assert_eq!(changed.merge_into(&stored).unwrap().expiry_time(), None);
    // One that happens to be the same is its own, such as the end of a session.
    let changed = built(stored.to_builder().access_token("a-3").expiry_time(expiry(1)));
    assert_eq!(changed.merge_into(&stored).unwrap().expiry_time(), Some(expiry(1)));
}

#[test]
fn an_expiry_for_an_access_token_that_was_replaced_since_is_not_taken() {
    let found_earlier = found(token().access_token("a-1").expiry_time(expiry(1)));
    let stored = found(token().access_token("a-2").expiry_time(expiry(2)));
    let changed = built(found_earlier.to_builder().expiry_time(expiry(3)));
    assert_eq!(changed.merge_into(&stored), None);
    assert_eq!(changed.merge_into(&found_earlier).unwrap().expiry_time(), Some(expiry(3)));
}

#[test]
fn a_detached_token_gives_every_field() {
    let detached = found(full("1")).detached();
    assert_eq!(detached, built(full("1")));
    assert_eq!(detached.assigned_id(), None);
    let merged = detached.merge_into(&found(full("2"))).unwrap();
    assert_eq!(merged, built(full("1")));
}

#[test]
fn a_token_made_found_remembers_its_fields() {
    let own = built(full("1")).into_found(None);
    assert_eq!(own, built(full("1")));
    assert_eq!(own.assigned_id(), None);
    assert_eq!(own.merge_into(&found(full("2"))), None);
    let id = TokenId::of_user("bob").unwrap();
    let assigned = found(token().id(&id).user_name("bob"));
    assert_eq!(assigned.assigned_id(), Some(&id));
    // What was changed before it was made found is found, too.
    let again = built(own.to_builder().scope("new")).into_found(None);
    assert_eq!(again.merge_into(&found(full("2"))), None);
}

#[test]
fn an_expiry_that_was_extended_since_is_not_put_back() {
    let found_earlier = found(token().access_token("a").expiry_time(expiry(1)));
    let extended = found(token().access_token("a").expiry_time(expiry(2)));
    assert_eq!(found_earlier.merge_into(&extended), None);
    let changed = built(found_earlier.to_builder().scope("all"));
    assert_eq!(changed.merge_into(&extended).unwrap().expiry_time(), Some(expiry(2)));
}

/// A store that keeps its tokens elsewhere gives back both ids of a record.
#[test]
fn a_token_is_found_by_its_assigned_id_beside_its_own() {
    let assigned = TokenId::of_user("bob").unwrap();
    let token = built(token().id("7").user_name("bob")).into_found(Some(assigned.clone()));
    assert!(LookupKey::Id(&assigned).is_held_by(&token));
    assert!(LookupKey::Id(&TokenId::new("7").unwrap()).is_held_by(&token));
}
