//! What a save over a record leaves in it.

use super::Broken;
use super::case::{CLIENT, Case, expiry, of_user, refresh, token, user};
use crate::contract::{OAuthTokenBuilder, TokenStore};

/// bob's token with every field, each one's value ending in `version`.
fn full(version: u64) -> OAuthTokenBuilder {
    let value = |field: &str| format!("{field} {version}");
    user("bob")
        .client_id(CLIENT)
        .client_secret(value("secret"))
        .refresh_token(value("refresh"))
        .access_token(value("access"))
        .grant_token(value("grant"))
        .expiry_time(expiry(version))
        .redirect_url(value("redirect"))
        .api_domain(value("domain"))
        .scope(value("scope"))
        .token_type(value("type"))
        .extra("instance_url", value("instance"))
}

/// A field that is given replaces the stored one.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn given_fields_replace(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("merge::given_fields_replace", store);
    case.save("every field", full(1)).await?;
    case.save("another value for every field", full(2)).await?;
    is_stored(case, full(2)).await
}

/// A field that is absent keeps what is stored.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn absent_fields_stay(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("merge::absent_fields_stay", store);
    case.save("every field", full(1)).await?;
    case.save("a new scope alone", user("bob").scope("scope 2")).await?;
    is_stored(case, full(1).scope("scope 2")).await?;
    let empty = user("bob").scope("").client_secret("").refresh_token("").extra("instance_url", "");
    case.save("empty text in several fields", empty).await?;
    is_stored(case, full(1).scope("scope 2")).await
}

/// Fields that the record lacked are added to it, the client id among them.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn new_fields_are_added(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("merge::new_fields_are_added", store);
    case.save("a user and a refresh token", user("bob").refresh_token("refresh 1")).await?;
    case.save("every field", full(1)).await?;
    is_stored(case, full(1)).await
}

/// Provider extras are merged one by one.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn extras_merge_by_name(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("merge::extras_merge_by_name", store);
    case.save("two extras", of_user("bob").extra("a", "1").extra("b", "1")).await?;
    case.save("one changed, one new", user("bob").extra("b", "2").extra("c", "2")).await?;
    is_stored(case, of_user("bob").extra("a", "1").extra("b", "2").extra("c", "2")).await
}

/// A refresh response without a refresh token doesn't erase the stored one.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn a_refresh_response_keeps_the_refresh_token(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("merge::a_refresh_response_keeps_the_refresh_token", store);
    case.save("a token", of_user("bob").access_token("a-1").expiry_time(expiry(1))).await?;
    let response = user("bob").access_token("a-2").expiry_time(expiry(2));
    case.save("a refresh response by user", response).await?;
    is_stored(case, of_user("bob").access_token("a-2").expiry_time(expiry(2))).await
}

/// A new access token without an expiry time clears that of the old one.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn a_new_access_token_clears_the_expiry(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("merge::a_new_access_token_clears_the_expiry", store);
    case.save("a token", of_user("bob").access_token("a-1").expiry_time(expiry(1))).await?;
    case.save("a new access token", user("bob").access_token("a-2")).await?;
    is_stored(case, of_user("bob").access_token("a-2")).await?;

    let dated = user("bob").access_token("a-3").expiry_time(expiry(3));
    let found = case.save("one with an expiry time", dated).await?;
    let changed = found.to_builder().access_token("a-4");
    case.save("a found token with a new access token", changed).await?;
    is_stored(case, of_user("bob").access_token("a-4")).await
}

/// The stored access token, given again without an expiry time, keeps its expiry.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn the_same_access_token_keeps_its_expiry(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("merge::the_same_access_token_keeps_its_expiry", store);
    let full = || of_user("bob").access_token("a-1").expiry_time(expiry(1));
    case.save("a token", full()).await?;
    let again = user("bob").access_token("a-1").scope("all");
    case.save("the same access token and a scope", again).await?;
    is_stored(case, full().scope("all")).await
}

/// A save of what is stored already changes nothing and returns it.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn what_is_stored_already_changes_nothing(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("merge::what_is_stored_already_changes_nothing", store);
    let saved = case.save("every field", full(1)).await?;
    for (what, again) in [
        ("the same again", full(1)),
        ("a part of it again", user("bob").access_token("access 1")),
        ("just its user", user("bob")),
    ] {
        let returned = case.save(what, again).await?;
        case.is_exactly(format!("saving {what}"), Some(&returned), &saved)?;
    }
    case.holds("after saving the same again", &[saved]).await
}

/// A found token that is saved unmodified changes nothing, whatever was stored since, and gives what is stored.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn an_unmodified_found_token_changes_nothing(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("merge::an_unmodified_found_token_changes_nothing", store);
    case.save("every field", full(1)).await?;
    let found = case.found("bob by user", user("bob")).await?;
    let later = case.save("another value for every field", full(2)).await?;
    for (what, copy) in [
        ("a found token as it is", (*found).clone()),
        ("a found token built again as it is", case.build(found.to_builder())?),
    ] {
        let returned = case.save_built(what, &copy).await?;
        case.is_exactly(format!("saving {what}"), Some(&returned), &later)?;
    }
    // The access token stays, so its expiry has to be told apart from the one that was found with it.
    let extended = user("bob").expiry_time(expiry(3));
    let extended = case.save("a later expiry time alone", extended).await?;
    let returned = case.save_built("a found token as it is", &later).await?;
    case.is_exactly("saving a found token as it is", Some(&returned), &extended)?;
    case.holds("after saving a found token unmodified", &[extended]).await
}

/// Two copies of one found token that change different fields leave both changes.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn two_copies_leave_both_changes(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("merge::two_copies_leave_both_changes", store);
    let found = case.save("every field", full(1)).await?;
    let one = found.to_builder().scope("scope 2").extra("instance_url", "instance 2");
    let other = found.to_builder().access_token("access 3").expiry_time(expiry(3));
    case.save("a copy with one change", one).await?;
    case.save("a copy with another change", other).await?;
    let both = full(1)
        .scope("scope 2")
        .extra("instance_url", "instance 2")
        .access_token("access 3")
        .expiry_time(expiry(3));
    is_stored(case, both).await
}

/// A found token whose other fields are changed and saved doesn't put an old refresh token back.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn an_old_refresh_token_is_not_put_back(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("merge::an_old_refresh_token_is_not_put_back", store);
    for (what, record) in [("bob's record", of_user("bob")), ("a record without a user", refresh("r"))] {
        let found = case.save(what, record).await?;
        let id = case.id_of(&found)?;
        let rotated = token().id(&id).refresh_token("the new one");
        case.save(format!("a new refresh token for {what}"), rotated).await?;
        let changed = found.to_builder().scope("all");
        let stored = case.save("an earlier copy with a new scope", changed).await?;
        let expected = found.to_builder().refresh_token("the new one").scope("all");
        case.contents_are(what, &stored, expected)?;
        case.still_holds(what, &stored).await?;
    }
    Ok(())
}

/// Whichever operation returned a token, it remembers what it was found as.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn every_returned_token_remembers(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("merge::every_returned_token_remembers", store);
    let saved = case.save("every field", full(1)).await?;
    let id = case.id_of(&saved)?;
    let returned = [
        ("save_token", vec![saved]),
        ("find_token", vec![case.found("bob by user", user("bob")).await?]),
        ("find_token_by_id", Vec::from_iter(case.by_id("the id of bob's record", &id).await?)),
        ("get_tokens", case.list().await?),
        ("save_token without a change", vec![case.save("the same again", full(1)).await?]),
    ];
    case.save("another value for every field", full(2)).await?;
    for (operation, tokens) in returned {
        let [token] = &tokens[..] else {
            let done = format!("asking {operation}");
            return case.check(false, done, "the token saved", format!("{} tokens", tokens.len()));
        };
        let changed = token.to_builder().scope(operation);
        case.save(format!("what {operation} returned, with a new scope"), changed).await?;
        is_stored(case, full(2).scope(operation)).await?;
    }
    Ok(())
}

/// bob's record has these contents.
async fn is_stored(case: Case<'_>, expected: OAuthTokenBuilder) -> Result<(), Broken> {
    let stored = case.found("bob by user", user("bob")).await?;
    case.contents_are("bob's record", &stored, expected)
}
