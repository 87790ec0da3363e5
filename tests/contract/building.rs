//! The builder.

use oauth_token_store::{ErrorKind, TokenId};

use crate::{TEXT_FIELDS, built, found, token};

#[test]
fn each_field_is_read_as_it_was_set() {
    for (name, set, get) in TEXT_FIELDS {
        let token = built(set(token(), " a value \u{e9} "));
        assert_eq!(get(&token), Some(" a value \u{e9} "), "{name}");
        let set_fields = TEXT_FIELDS.iter().filter(|(_, _, get)| get(&token).is_some());
        assert_eq!(set_fields.count(), 1, "{name} sets itself and nothing else");
    }
    let token = built(token().id("7").extra("a", "1").extra("b", "2"));
    assert_eq!(token.id().map(TokenId::as_str), Some("7"));
    assert_eq!(token.extras().collect::<Vec<_>>(), [("a", "1"), ("b", "2")]);
    assert_eq!(token.extra("a"), Some("1"));
    assert_eq!(token.extra("A"), None);
}

#[test]
fn an_empty_string_is_absent_in_every_field() {
    for (name, set, get) in TEXT_FIELDS {
        let empty = built(set(token(), ""));
        assert_eq!(get(&empty), None, "{name}");
        assert_eq!(empty, built(token()), "{name}");
        assert_eq!(get(&built(set(set(token(), "a"), ""))), None, "{name}, set before");
    }
    let empty = built(token().id("").extra("instance_url", "a").extra("instance_url", ""));
    assert_eq!(empty.id(), None);
    assert_eq!(empty.extra("instance_url"), None);
    assert_eq!(empty, built(token()));
}

#[test]
fn a_space_is_not_empty() {
    for (name, set, get) in TEXT_FIELDS {
        assert_eq!(get(&built(set(token(), " "))), Some(" "), "{name}");
    }
}

#[test]
fn a_nul_is_refused_wherever_it_stands() {
    for (name, set, _) in TEXT_FIELDS {
        for text in ["\0", "value\0", "\0value", "val\0ue"] {
            let error = set(token().user_name("bob"), text).build().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid, "{name}");
            assert!(error.to_string().starts_with(name), "{error} names {name}");
        }
    }
    for (what, token) in [
        ("id", token().id("a\0b")),
        ("an extra's value", token().extra("instance_url", "a\0b")),
        ("an extra's name", token().extra("instance\0url", "a")),
        ("a found token's change", found(token().user_name("bob")).to_builder().scope("\0")),
    ] {
        assert_eq!(token.build().unwrap_err().kind(), ErrorKind::Invalid, "{what}");
    }
    // The two characters, not the one that they stand for.
    assert_eq!(built(token().scope("\\0 \\u0000")).scope(), Some("\\0 \\u0000"));
}

#[test]
fn an_extra_cannot_take_the_place_of_a_field() {
    let fields = TEXT_FIELDS.iter().map(|(name, ..)| *name);
    for name in fields.chain(["id", "expiry_time", "schema", "save", ""]) {
        let error = token().extra(name, "a").build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{name:?}");
    }
    for name in ["ID", "expires_in", "user", "Save", " "] {
        assert_eq!(built(token().extra(name, "a")).extra(name), Some("a"), "{name:?}");
    }
}

#[test]
fn ids_are_neither_empty_nor_hold_a_nul() {
    for id in ["", "\0", "a\0"] {
        assert_eq!(TokenId::new(id).unwrap_err().kind(), ErrorKind::Invalid);
        assert_eq!(id.parse::<TokenId>().unwrap_err().kind(), ErrorKind::Invalid);
        assert_eq!(TokenId::try_from(id).unwrap_err().kind(), ErrorKind::Invalid);
        assert_eq!(TokenId::of_user(id).unwrap_err().kind(), ErrorKind::Invalid);
    }
    assert!(TokenId::of_user("bob").unwrap().is_store_assigned());
    assert_ne!(TokenId::of_user("bob").unwrap(), TokenId::of_user("Bob").unwrap());
    assert!(!TokenId::new("u_bob").unwrap().is_store_assigned());
}

#[test]
fn a_builder_of_a_token_starts_with_its_fields() {
    let full = TEXT_FIELDS
        .iter()
        .fold(token().id("7").extra("a", "1"), |builder, (name, set, _)| set(builder, name));
    let full = built(full.expiry_time(std::time::UNIX_EPOCH));
    assert_eq!(built(full.to_builder()), full);
    let changed = built(full.to_builder().scope("other"));
    assert_eq!(changed.scope(), Some("other"));
    assert_eq!(changed.user_name(), full.user_name());
    assert_ne!(changed, full);
}

#[test]
fn equality_is_that_of_contents() {
    let base = || token().user_name("bob").access_token("a").extra("x", "1");
    assert_eq!(built(base()), found(base()));
    for other in [
        base().id("7"),
        base().scope("all"),
        base().access_token("b"),
        base().extra("x", "2"),
        base().extra("y", "1"),
        base().expiry_time(std::time::UNIX_EPOCH),
    ] {
        assert_ne!(built(base()), built(other));
    }
}
