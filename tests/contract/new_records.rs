//! What a save makes where there is no record.

use oauth_token_store::{ErrorKind, OAuthToken, OAuthTokenBuilder, TokenId};

use crate::{TEXT_FIELDS, built, found, token};

fn new_record(token: OAuthTokenBuilder) -> OAuthToken {
    built(token).new_record().unwrap()
}

fn refused(token: OAuthTokenBuilder) -> ErrorKind {
    built(token).new_record().unwrap_err().kind()
}

fn assigned(record: &OAuthToken) -> &str {
    record.assigned_id().unwrap().as_str()
}

/// The names are those of the published vectors.
#[test]
fn a_record_is_named_by_its_row() {
    let (bob, own) = ("bob@example.com", "php_abc_us_prd_1");
    let (client, grant, refresh, access) = ("1000.ABC", "1000.grant", "1000.refresh", "1000.access");
    let all = || token().client_id(client).grant_token(grant).refresh_token(refresh).access_token(access);
    let user_id = "u_52rqhupjinfczuwzz6qnyv2s6a";
    let own_id = "i_acdhhxz4wmt7hkiibb4rikj5fm";
    let grant_id = "g_k7cw4wqxskful256cysotn4cpu";
    let refresh_id = "r_igqluxon3kkgw3mtfrl4lmc2v4";
    let access_id = "a_s34zovescm5kbfnfam5gjkmvve";
    for (given, name, id) in [
        (all().user_name(bob), user_id, user_id),
        (all().user_name(bob).id(own), user_id, own),
        (all().user_name("Jos\u{e9}"), "u_g24zhkjspihwqojgnqx7w3bd4y", "u_g24zhkjspihwqojgnqx7w3bd4y"),
        (all().id(own), own_id, own),
        (all(), grant_id, grant_id),
        (all().grant_token(""), refresh_id, refresh_id),
        (token().access_token(access), access_id, access_id),
        (token().access_token(access).refresh_token("r"), access_id, access_id),
        (token().access_token(access).id(own), own_id, own),
    ] {
        let record = new_record(given);
        assert_eq!(assigned(&record), name);
        assert_eq!(record.id().map(TokenId::as_str), Some(id), "of {name}");
    }
}

#[test]
fn a_record_holds_every_field_and_remembers_it_as_found() {
    let full = TEXT_FIELDS.iter().fold(token().extra("x", "1"), |builder, (name, set, _)| set(builder, name));
    let record = new_record(full.clone());
    for (name, _, get) in TEXT_FIELDS {
        assert_eq!(get(&record), Some(name));
    }
    assert_eq!(record.extra("x"), Some("1"));
    let later = found(full.scope("later").refresh_token("later"));
    assert_eq!(record.merge_into(&later), None);
}

#[test]
fn an_id_of_the_assigned_form_names_nothing() {
    let alices = TokenId::of_user("alice").unwrap();
    let bob = new_record(token().id(&alices).user_name("bob").access_token("a"));
    assert_eq!(bob.id(), Some(&TokenId::of_user("bob").unwrap()));
    let access = new_record(token().id(&alices).access_token("1000.access"));
    assert_eq!(assigned(&access), "a_s34zovescm5kbfnfam5gjkmvve");
    assert_eq!(refused(token().id(&alices).refresh_token("r")), ErrorKind::NoLookupKey);
    let no_row = token().id(&alices).access_token("a").client_id("c");
    assert_eq!(refused(no_row), ErrorKind::NoLookupKey);
}

#[test]
fn nothing_usable_is_no_lookup_key() {
    for given in [
        token(),
        token().scope("all"),
        token().client_id("c").client_secret("s"),
        token().client_id("c").access_token("a"),
        token().client_secret("s").access_token("a"),
        token().refresh_token("r"),
        token().grant_token("g"),
        token().extra("x", "1"),
    ] {
        assert_eq!(refused(given), ErrorKind::NoLookupKey);
    }
}

#[test]
fn a_record_without_a_token_is_nothing_to_store() {
    for given in [
        token().user_name("bob"),
        token().user_name("bob").client_id("c").client_secret("s").scope("all").extra("x", "1"),
        token().id("7"),
        token().id("7").client_id("c"),
    ] {
        assert_eq!(refused(given), ErrorKind::NothingToStore);
    }
    for given in [
        token().user_name("bob").refresh_token("r"),
        token().user_name("bob").grant_token("g"),
        token().user_name("bob").access_token("a"),
    ] {
        assert_eq!(assigned(&new_record(given)), TokenId::of_user("bob").unwrap().as_str());
    }
}

/// The record has been deleted since it was found.
#[test]
fn a_found_token_makes_no_record_changed_or_not() {
    let full = TEXT_FIELDS
        .iter()
        .fold(token().id("7").extra("x", "1"), |builder, (name, set, _)| set(builder, name));
    let found = found(full);
    assert_eq!(refused(found.to_builder()), ErrorKind::Deleted);
    assert_eq!(refused(found.to_builder().scope("new").extra("y", "2")), ErrorKind::Deleted);
    assert_eq!(refused(found.to_builder().access_token("new").refresh_token("new")), ErrorKind::Deleted);
    let without_user = new_record(token().client_id("c").refresh_token("r-1"));
    assert_eq!(refused(without_user.to_builder().refresh_token("r-2")), ErrorKind::Deleted);
}

/// So a token can be copied to another store.
#[test]
fn a_detached_token_makes_the_whole_record_again() {
    for given in [
        token().user_name("bob").client_id("c").refresh_token("r").access_token("a"),
        token().user_name("bob").id("7").refresh_token("r"),
        token().id("7").refresh_token("r"),
        token().client_id("c").grant_token("g").refresh_token("r"),
        token().access_token("a"),
    ] {
        let record = new_record(given);
        let copy = record.detached().new_record().unwrap();
        assert_eq!(copy, record);
        assert_eq!(copy.assigned_id(), record.assigned_id());
    }
}
