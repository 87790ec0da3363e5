//! All tokens at once.

use super::Broken;
use super::case::{Case, access, grant, of_user, refresh, user};
use crate::contract::TokenStore;

/// An empty store lists nothing, and emptying it is not an error.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn an_empty_store_is_fine(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("list::an_empty_store_is_fine", store);
    case.holds("of an empty store", &[]).await?;
    case.delete_all().await?;
    case.holds("of an empty store after emptying it", &[]).await
}

/// Every token is listed once, in full, whatever names it.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn every_kind_of_token_is_listed(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("list::every_kind_of_token_is_listed", store);
    let mut saved = Vec::new();
    for (what, record) in [
        ("a user's token", of_user("bob").access_token("b").scope("all")),
        ("a user's token with an own id", of_user("alice").id("crm-1")),
        ("a token with an own id", refresh("r-1").id("crm-2")),
        ("a grant token", grant("g")),
        ("a refresh token", refresh("r")),
        ("an access token", access("a").extra("instance_url", "https://example.com")),
    ] {
        saved.push(case.save(what, record).await?);
        case.holds(format!("after saving {what}"), &saved).await?;
    }
    Ok(())
}

/// More than twenty tokens are all listed, each once.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn more_than_twenty_are_listed(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("list::more_than_twenty_are_listed", store);
    let saved = case.save_users(23).await?;
    case.holds("of 23 users", &saved).await
}

/// More than a hundred tokens are all listed, each once, and all deleted.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn more_than_a_hundred_are_listed_and_deleted(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("list::more_than_a_hundred_are_listed_and_deleted", store);
    let saved = case.save_users(130).await?;
    case.holds("of 130 users", &saved).await?;
    case.delete_all().await?;
    case.holds("after deleting those of 130 users", &[]).await
}

/// Deleting all tokens leaves none, by any way to find them.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn deleting_all_leaves_none(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("list::deleting_all_leaves_none", store);
    let bob = case.save("bob's token", of_user("bob")).await?;
    case.save("a token with an own id", refresh("r").id("crm-1")).await?;
    case.save("an access token", access("a")).await?;
    case.delete_all().await?;
    case.holds("after deleting them", &[]).await?;
    case.finds_nothing("bob after deleting all", user("bob")).await?;
    case.finds_nothing("by access token after deleting all", access("a")).await?;
    case.id_leads_nowhere("bob's id after deleting all", &case.id_of(&bob)?).await?;
    case.id_leads_nowhere("an own id after deleting all", &case.own_id("crm-1")?).await
}

/// A store that was emptied takes tokens as a new one does.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn an_emptied_store_works(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("list::an_emptied_store_works", store);
    case.save("bob's token", of_user("bob").scope("old")).await?;
    case.save("a refresh token", refresh("r").scope("old")).await?;
    case.delete_all().await?;
    let mut saved = Vec::new();
    for (what, record) in [
        ("bob's token", of_user("bob")),
        ("a refresh token", refresh("r")),
        ("alice's token", of_user("alice")),
    ] {
        let anew = case.save(format!("{what} after deleting all"), record.clone()).await?;
        case.contents_are(format!("{what} after deleting all"), &anew, record.clone())?;
        case.finds(format!("{what} after deleting all"), record, &anew).await?;
        saved.push(anew);
    }
    case.holds("saved after deleting all", &saved).await
}
