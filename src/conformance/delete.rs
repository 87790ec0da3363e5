//! Deleting one token, and what may come after it.

use super::Broken;
use super::case::{Case, access, expiry, grant, numbered_user, of_user, refresh, token, user};
use crate::contract::{ErrorKind, TokenStore};

/// Deleting what isn't there is not an error, and deletes nothing else.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn a_missing_token_is_fine(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("delete::a_missing_token_is_fine", store);
    let missing = [case.own_id("an id of nobody")?, case.id_of_user("nobody")?];
    for id in &missing {
        case.delete("an id, in an empty store", id).await?;
    }
    let bob = case.save("bob's token", of_user("bob")).await?;
    for id in &missing {
        case.delete("an id that nothing has", id).await?;
    }
    let alice = case.save("alice's token", of_user("alice")).await?;
    let id = case.id_of(&alice)?;
    case.delete("alice's id", &id).await?;
    case.delete("alice's id for the second time", &id).await?;
    case.holds("after those deletes", &[bob]).await
}

/// A deleted token is gone from every way to find it, and only it is.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn a_deleted_token_is_gone(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("delete::a_deleted_token_is_gone", store);
    let mut saved = Vec::new();
    let questions = [
        ("bob", user("bob")),
        ("a grant token", grant("g")),
        ("a refresh token", refresh("r")),
        ("an access token", access("a")),
    ];
    let bob = of_user("bob");
    for record in [bob, grant("g"), refresh("r"), access("a"), of_user("alice")] {
        saved.push(case.save("a token", record).await?);
    }
    for (what, question) in questions {
        case.find(what, question.clone()).await?;
        let deleted = saved.remove(0);
        let id = case.id_of(&deleted)?;
        case.delete(format!("the id of the record of {what}"), &id).await?;
        case.finds_nothing(format!("{what} after its deletion"), question).await?;
        case.id_leads_nowhere(format!("the id of the deleted record of {what}"), &id).await?;
        case.holds("after a deletion", &saved).await?;
    }
    Ok(())
}

/// A delete by an own id deletes the record without a user that was made with it.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn by_own_id(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("delete::by_own_id", store);
    let id = case.own_id("crm-1")?;
    case.save("a token with an own id", refresh("r").id(&id)).await?;
    let other = case.save("a token with a longer own id", refresh("r-10").id("crm-10")).await?;
    case.delete("an own id", &id).await?;
    case.id_leads_nowhere("a deleted own id", &id).await?;
    case.holds("after a delete by own id", &[other]).await
}

/// A delete by an own id deletes every record that holds it, however many came to.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn by_own_id_of_users(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("delete::by_own_id_of_users", store);
    let id = case.own_id("crm-1")?;
    // Who searches before it writes may let several of these through at once; who doesn't refuses all but one.
    let rivals = (0..8)
        .map(|number| case.build(of_user(&numbered_user(number)).id(&id)))
        .collect::<Result<Vec<_>, _>>()?;
    case.save_any("tokens of several users with one own id", &rivals, ErrorKind::Conflict).await?;
    let other = case.save("alice's token with another own id", of_user("alice").id("crm-10")).await?;
    case.delete("the own id", &id).await?;
    case.id_leads_nowhere("the deleted own id", &id).await?;
    case.holds("after a delete by own id", &[other]).await
}

/// A user's record is deleted by the id that the store assigns to that user, without asking for it first.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn by_assigned_id(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("delete::by_assigned_id", store);
    case.save("bob's token", of_user("bob")).await?;
    case.save("alice's token with an own id", of_user("alice").id("crm-1")).await?;
    let carol = case.save("carol's token", of_user("carol")).await?;
    for name in ["bob", "alice"] {
        let id = case.id_of_user(name)?;
        case.delete(format!("the id assigned to {name}"), &id).await?;
        case.finds_nothing(format!("{name} after the deletion"), user(name)).await?;
    }
    case.holds("after those deletes", &[carol]).await
}

/// A found token whose record has been deleted is refused when it is saved, changed or not.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn deleted_credentials_stay_deleted(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("delete::deleted_credentials_stay_deleted", store);
    let full = of_user("bob").grant_token("g").access_token("a-1").client_secret("s");
    let found = case.save("bob's token", full.expiry_time(expiry(1))).await?;
    let id = case.id_of(&found)?;
    case.delete("bob's id", &id).await?;
    let unmodified = "the found token of a deleted record, unmodified";
    case.save_is_refused(unmodified, found.to_builder(), ErrorKind::Deleted).await?;
    let rescoped = "the found token of a deleted record with a new scope";
    case.save_is_refused(rescoped, found.to_builder().scope("all"), ErrorKind::Deleted).await?;
    let refreshed = found.to_builder().access_token("a-2").refresh_token("r-2").expiry_time(expiry(2));
    let what = "the found token of a deleted record with new tokens";
    case.save_is_refused(what, refreshed, ErrorKind::Deleted).await?;
    case.holds("after refused saves", &[]).await
}

/// A user whose token was deleted can have a new one, which has nothing of the old one.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn a_deleted_token_can_be_made_anew(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("delete::a_deleted_token_can_be_made_anew", store);
    for (what, first, second) in [
        ("bob's token", of_user("bob"), user("bob").refresh_token("new")),
        ("a refresh token", refresh("r"), refresh("r").access_token("new")),
        ("a token with an own id", refresh("r-2").id("crm-1"), token().id("crm-1").access_token("newer")),
    ] {
        let old = case.save(what, first.scope("old").extra("old", "old")).await?;
        case.delete(format!("the id of {what}"), &case.id_of(&old)?).await?;
        let anew = case.save(format!("{what} anew"), second.clone()).await?;
        case.contents_are(format!("{what} made anew"), &anew, second.clone())?;
        case.finds(format!("{what} made anew"), second, &anew).await?;
        case.still_holds(what, &anew).await?;
    }
    Ok(())
}
