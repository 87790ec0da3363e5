//! Ids, and what a token may not contradict in the record that it stands for.

use super::Broken;
use super::case::{CLIENT, Case, access, grant, of_user, refresh, token, user};
use crate::contract::{ErrorKind, LookupKey, OAuthTokenBuilder, TokenId, TokenStore};

const OTHER_CLIENT: &str = "2000.OTHER";

/// Each record has an id of its own, which leads to it and stays the same over later saves.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn ids_are_distinct_and_stay(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("identity::ids_are_distinct_and_stay", store);
    let mut ids = Vec::new();
    for (what, first) in [
        ("bob's token", of_user("bob")),
        ("alice's token", of_user("alice")),
        ("a grant token", grant("g")),
        ("a refresh token", refresh("r")),
        ("an access token", access("a")),
    ] {
        let saved = case.save(what, first).await?;
        let id = case.id_of(&saved)?;
        case.check(
            !ids.contains(&id),
            format!("saving {what}"),
            "an id that no other record has",
            "that of another record",
        )?;
        let rotated = token().id(&id).refresh_token(format!("next of {what}")).access_token(what);
        let rotated = case.save(format!("new tokens for {what}"), rotated).await?;
        case.check(
            rotated.id() == Some(&id),
            format!("saving new tokens for {what}"),
            "the id that it had",
            "another",
        )?;
        case.still_holds(what, &rotated).await?;
        ids.push(id);
    }
    Ok(())
}

/// A find whose hit is of another client than the one given is a conflict.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn another_client_is_a_conflict_in_find(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("identity::another_client_is_a_conflict_in_find", store);
    for (what, question) in records_of_one_client(case).await? {
        let how = format!("{what} as another client");
        case.find_is_refused(how, question.client_id(OTHER_CLIENT), ErrorKind::Conflict).await?;
    }
    Ok(())
}

/// A save over a record of another client is a conflict, and nothing is overwritten.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn another_client_is_a_conflict_in_save(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("identity::another_client_is_a_conflict_in_save", store);
    let questions = records_of_one_client(case).await?;
    let before = case.list().await?;
    for (what, question) in questions {
        let token = question.client_id(OTHER_CLIENT).refresh_token("other").access_token("other");
        let what = format!("{what} as another client");
        case.save_is_refused(what, token, ErrorKind::Conflict).await?;
    }
    case.holds("after refused saves", &before).await
}

/// Saves a record for each way to name one whatever the client is, and gives what asks for them.
async fn records_of_one_client(case: Case<'_>) -> Result<Vec<(&'static str, OAuthTokenBuilder)>, Broken> {
    let bob = case.save("bob's token", of_user("bob")).await?;
    let unowned = case.save("a token without a user", refresh("r")).await?;
    case.save("a token with an own id", refresh("r-2").id("crm-1")).await?;
    Ok(vec![
        ("bob's record by user", user("bob")),
        ("bob's record by id", token().id(case.id_of(&bob)?)),
        ("bob's record by id and user", user("bob").id(case.id_of(&bob)?)),
        ("a record without a user by id", token().id(case.id_of(&unowned)?)),
        ("a record without a user by an own id", token().id("crm-1")),
    ])
}

/// A client id contradicts neither a record that has none nor a question that gives none.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn an_absent_client_is_no_conflict(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("identity::an_absent_client_is_no_conflict", store);
    let bob = case.save("bob's token without a client", user("bob").refresh_token("r")).await?;
    let asked = user("bob").client_id(OTHER_CLIENT);
    case.finds("bob, whose record has no client, with a client", asked, &bob).await?;
    let bob = case.save("bob's token with a client", user("bob").client_id(CLIENT)).await?;
    case.finds("bob without a client", user("bob"), &bob).await?;
    let more = case.save("bob's token without a client", user("bob").scope("all")).await?;
    let expected = user("bob").refresh_token("r").client_id(CLIENT).scope("all");
    case.contents_are("bob's record", &more, expected)
}

/// A user given for a record that has none is a conflict: one of two meanings would lose a token.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn a_user_for_a_record_without_one_is_a_conflict(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("identity::a_user_for_a_record_without_one_is_a_conflict", store);
    let unowned = case.save("a token without a user", refresh("r")).await?;
    let named = case.save("a token with an own id", refresh("r-2").id("crm-1")).await?;
    let bob = case.save("bob's token", of_user("bob")).await?;
    let id = case.id_of(&unowned)?;
    for (what, token) in [
        ("a user without a record, and that id", of_user("carol").id(&id)),
        ("a user with a record, and that id", of_user("bob").id(&id)),
        ("a user and the own id of a record without one", of_user("carol").id("crm-1")),
        ("a found token without a user, given one", unowned.to_builder().user_name("carol")),
    ] {
        case.save_is_refused(what, token, ErrorKind::Conflict).await?;
    }
    case.holds("after refused saves", &[unowned, named, bob]).await
}

/// An id that another user's record has is a conflict in a save, whether the given user has a record or not.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn the_id_of_another_user_is_a_conflict(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("identity::the_id_of_another_user_is_a_conflict", store);
    let bob = case.save("bob's token", of_user("bob")).await?;
    let alice = case.save("alice's token", of_user("alice")).await?;
    let id = case.id_of(&alice)?;
    for (what, token) in [
        ("the token of a user with a record, and alice's id", of_user("bob").id(&id)),
        ("the token of a user without one, and alice's id", of_user("carol").id(&id)),
        ("alice's found token for another user", alice.to_builder().user_name("carol").scope("all")),
    ] {
        case.save_is_refused(what, token, ErrorKind::Conflict).await?;
    }
    case.holds("after refused saves", &[bob, alice]).await
}

/// An own id that another user's record has is a conflict in a save, whether the given user has a record or not.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn the_own_id_of_another_user_is_a_conflict(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("identity::the_own_id_of_another_user_is_a_conflict", store);
    let bob = case.save("bob's token", of_user("bob")).await?;
    let alice = case.save("alice's token with an own id", of_user("alice").id("crm-1")).await?;
    for (what, token) in [
        ("the token of a user with a record, and alice's own id", of_user("bob").id("crm-1")),
        ("the token of a user without one, and alice's own id", of_user("carol").id("crm-1")),
    ] {
        case.save_is_refused(what, token, ErrorKind::Conflict).await?;
    }
    case.holds("after refused saves", &[bob, alice]).await
}

/// An id that isn't there, for a user whose record has another: the stored id stays.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn the_stored_id_stays(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("identity::the_stored_id_stays", store);
    let new_id = case.own_id("another id")?;
    for (what, first) in [
        ("bob's record", of_user("bob")),
        ("alice's record with an own id", of_user("alice").id("crm-1")),
        ("a record without a user", refresh("r")),
    ] {
        let saved = case.save(what, first.clone()).await?;
        let update = first.clone().id(&new_id).scope("all");
        let updated = case.save(format!("{what} with an id that isn't there"), update).await?;
        case.check(
            updated.id() == saved.id(),
            format!("saving {what} with an id that isn't there"),
            "the stored id",
            "another",
        )?;
        case.finds(what, first, &updated).await?;
        case.id_leads_nowhere("the id that wasn't there", &new_id).await?;
    }
    Ok(())
}

/// No record is created under an id of the store-assigned form by asking for it.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn nothing_is_created_under_an_assigned_id(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("identity::nothing_is_created_under_an_assigned_id", store);
    let alices = case.id_of_user("alice")?;
    let which = "the id that a store would assign to alice";
    let bob = case.save(format!("bob's token with {which}"), of_user("bob").id(&alices)).await?;
    let unowned = case.save(format!("a token with {which}"), refresh("r").id(&alices)).await?;
    let nameless = token().id(&alices).refresh_token("r");
    let what = format!("a token with nothing but {which} to name it");
    case.save_is_refused(what, nameless, ErrorKind::NoLookupKey).await?;
    case.id_leads_nowhere(which, &alices).await?;
    case.finds_nothing("alice by user", user("alice")).await?;
    case.finds("bob by user", user("bob"), &bob).await?;
    case.holds("after those saves", &[bob, unowned]).await
}

/// A save by a token that its record has rotated away from is a conflict, and nothing is changed.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn a_token_rotated_away_is_a_conflict(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("identity::a_token_rotated_away_is_a_conflict", store);
    let mut rotated = Vec::new();
    let rotations = [
        ("grant token", grant("g-1"), grant("g-2")),
        ("refresh token", refresh("r-1"), refresh("r-2")),
        ("access token", access("a-1"), access("a-2")),
    ];
    for (what, first, second) in rotations.clone() {
        let saved = case.save(format!("a {what}"), first).await?;
        let next = second.id(case.id_of(&saved)?);
        rotated.push(case.save(format!("the next {what} by id"), next).await?);
    }
    for (what, first, _) in rotations {
        let late = first.scope("all");
        let what = format!("a {what} that its record has rotated away from");
        case.save_is_refused(what, late, ErrorKind::Conflict).await?;
    }
    case.holds("after refused saves", &rotated).await
}

/// The id that the store assigns is the locator of what names the record, and leads to it.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn the_assigned_id_is_the_locator(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("identity::the_assigned_id_is_the_locator", store);
    let own_id = case.own_id("crm-1")?;
    let users_own_id = case.own_id("crm-alice")?;
    let grant_key = LookupKey::Grant { client_id: CLIENT, grant_token: "g" };
    let refresh_key = LookupKey::Refresh { client_id: CLIENT, refresh_token: "r" };
    for (what, record, key) in [
        ("a user's record", of_user("bob").access_token("b"), LookupKey::User("bob")),
        ("a user's record with an own id", of_user("alice").id(&users_own_id), LookupKey::User("alice")),
        ("a record with an own id", refresh("r-1").id(&own_id), LookupKey::Id(&own_id)),
        ("a record of a grant and a refresh token", grant("g").refresh_token("x"), grant_key),
        ("a record of a refresh token", refresh("r"), refresh_key),
        ("a record of an access token", access("a"), LookupKey::Access("a")),
    ] {
        let saved = case.save(what, record).await?;
        let locator = TokenId::from(key.locator());
        case.check(
            saved.assigned_id() == Some(&locator),
            format!("saving {what}"),
            "the locator of what names it as its assigned id",
            "another",
        )?;
        case.id_leads_to(format!("the assigned id of {what}"), &locator, &saved).await?;
    }
    Ok(())
}
