//! What a save creates, what it updates and what it refuses.

use std::time::Duration;

use super::Broken;
use super::case::{CLIENT, Case, access, expiry, grant, of_user, refresh, token, user};
use crate::contract::{ErrorKind, OAuthToken, OAuthTokenBuilder, TokenStore};

/// How many saves are under way at once where rivals are needed.
const RIVALS: usize = 8;

/// A save returns what is now stored, its id included.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn returns_what_is_stored(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("save::returns_what_is_stored", store);
    let first = case.save("a new token", of_user("bob")).await?;
    case.still_holds("a new record", &first).await?;
    let second = user("bob").access_token("a").scope("all");
    let second = case.save("more for the same user", second).await?;
    let whole = of_user("bob").access_token("a").scope("all");
    case.contents_are("an update's answer", &second, whole)?;
    case.still_holds("an updated record", &second).await?;
    case.finds("the updated record", user("bob"), &second).await
}

/// Every field comes back as it was saved.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn every_field_survives(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("save::every_field_survives", store);
    let full = of_user("bob")
        .client_secret("client secret")
        .access_token("access token")
        .grant_token("grant token")
        .expiry_time(expiry(0))
        .redirect_url("https://example.com/back?a=b&c=d#e")
        .api_domain("https://api.example.com")
        .scope("one two")
        .token_type("Bearer");
    case.save("a token with every field", full.clone()).await?;
    round_trip(case, full).await
}

/// Provider extras come back by name.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn extras_survive(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("save::extras_survive", store);
    let full = of_user("bob")
        .extra("instance_url", "https://eu1.example.com")
        .extra("Instance_URL", "another name")
        .extra("expires_in", "3600")
        .extra("nested", r#"{"a": [1, null]}"#)
        .extra("a name with \"quotes\" and \u{e9}", "x");
    case.save("a token with provider extras", full.clone()).await?;
    round_trip(case, full).await
}

/// All of Unicode, control characters included, and long values come back as they were.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn any_text_survives(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("save::any_text_survives", store);
    let full = of_user("bob")
        .access_token("x".repeat(4096))
        .client_secret("\u{1}\t\r\n\"\\\u{7f}\u{85}\u{2028}\u{feff}\u{fffd}\u{10ffff}")
        .scope("  leading, trailing and  double spaces  ")
        .redirect_url("Jos\u{e9} Jose\u{301} \u{1f512} \u{5c71}\u{7530}")
        .extra("null", "null");
    case.save("a token with unusual text in it", full.clone()).await?;
    round_trip(case, full).await
}

/// The expiry time comes back to the millisecond.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn expiry_survives_to_the_millisecond(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("save::expiry_survives_to_the_millisecond", store);
    for millis in [1, 999, 1_000, 1_767_225_599_999] {
        let instant = std::time::UNIX_EPOCH + Duration::from_millis(millis);
        let full = of_user("bob").access_token("a").expiry_time(instant + Duration::from_micros(999));
        case.save("a token that expires between two milliseconds", full).await?;
        round_trip(case, of_user("bob").access_token("a").expiry_time(instant)).await?;
    }
    Ok(())
}

/// bob's token, found by user and by listing, has these contents.
async fn round_trip(case: Case<'_>, expected: OAuthTokenBuilder) -> Result<(), Broken> {
    let found = case.found("the saved token by user", user("bob")).await?;
    for token in [found].into_iter().chain(case.list().await?) {
        case.contents_are("the saved token", &token, expected.clone())?;
    }
    Ok(())
}

/// A save that nothing can be looked up by is refused, and stores nothing.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn refuses_without_a_key(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("save::refuses_without_a_key", store);
    let bob = case.save("bob's token", of_user("bob").client_secret("s").access_token("a")).await?;
    for (what, token) in [
        ("an empty token", token()),
        ("just a scope", token().scope("all")),
        ("a client id and its secret", token().client_id(CLIENT).client_secret("s")),
        ("an access token with a client id", access("a").client_id(CLIENT)),
        ("an access token with a client secret", access("a").client_secret("s")),
        ("a refresh token without its client", token().refresh_token("r")),
        ("a grant token without its client", token().grant_token("g")),
    ] {
        case.save_is_refused(what, token, ErrorKind::NoLookupKey).await?;
    }
    case.holds("after refused saves", &[bob]).await
}

/// A save that would make a record without a refresh, grant or access token is refused.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn refuses_an_empty_record(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("save::refuses_an_empty_record", store);
    let empty = user("bob").client_id(CLIENT).client_secret("s").scope("all").expiry_time(expiry(0));
    for (what, token) in [
        ("just a user", user("bob")),
        ("a user and all but a token", empty),
        ("just an own id", token().id("crm-1")),
        ("an own id and a client", token().id("crm-1").client_id(CLIENT)),
    ] {
        case.save_is_refused(what, token, ErrorKind::NothingToStore).await?;
    }
    case.holds("after refused saves", &[]).await?;
    let bob = case.save("a token for the user", of_user("bob")).await?;
    let more = case.save("just a scope for the user's record", user("bob").scope("all")).await?;
    case.check(more.id() == bob.id(), "saving fields without a token over a record", "that record", "another")
}

/// `first` is saved, then `second`; both make one record, under the id it had.
async fn updates(
    case: Case<'_>,
    first: OAuthTokenBuilder,
    second: impl FnOnce(&OAuthToken) -> OAuthTokenBuilder,
) -> Result<(), Broken> {
    let bystander = case.save("somebody else's token", of_user("somebody else")).await?;
    let saved = case.save("a new token", first.clone()).await?;
    let records = case.list().await?.len();
    let update = second(&saved).scope("updated").extra("note", "updated");
    let updated = case.save("an update", update).await?;
    case.check(updated.id() == saved.id(), "saving an update", "the record that was there", "another id")?;
    let expected = first.scope("updated").extra("note", "updated");
    case.contents_are("the updated record", &updated, expected)?;
    case.still_holds("the updated record", &updated).await?;
    case.still_holds("somebody else's record", &bystander).await?;
    let after = case.list().await?.len();
    let count = |records| format!("{records} tokens");
    case.check(after == records, "listing all tokens after an update", count(records), count(after))
}

/// A save by user updates that user's record.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn updates_by_user(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("save::updates_by_user", store);
    updates(case, of_user("bob"), |_| user("bob")).await
}

/// A save by the id that the store returned updates that record.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn updates_by_id(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("save::updates_by_id", store);
    let by_id = |saved: &OAuthToken| token().id(saved.id().map(String::from).unwrap_or_default());
    updates(case, of_user("bob"), by_id).await?;
    updates(case, refresh("r"), by_id).await
}

/// A save by an own id updates the record without a user that was made with it.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn updates_by_own_id(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("save::updates_by_own_id", store);
    updates(case, refresh("r").id("crm-1"), |_| token().id("crm-1")).await
}

/// A save by an own id updates the user's record that was made with it.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn updates_by_own_id_of_a_user(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("save::updates_by_own_id_of_a_user", store);
    updates(case, of_user("bob").id("crm-1"), |_| token().id("crm-1")).await
}

/// A save by a grant token updates the record that was made with it.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn updates_by_grant_token(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("save::updates_by_grant_token", store);
    updates(case, grant("g"), |_| grant("g")).await
}

/// A save by a refresh token updates the record that was made with it.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn updates_by_refresh_token(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("save::updates_by_refresh_token", store);
    updates(case, refresh("r"), |_| refresh("r")).await
}

/// A save by an access token updates the record that was made with it.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn updates_by_access_token(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("save::updates_by_access_token", store);
    updates(case, access("a"), |_| access("a")).await
}

/// A save by a grant, refresh or access token updates the record of a user that holds it.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn updates_by_tokens_of_a_user(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("save::updates_by_tokens_of_a_user", store);
    let record = || user("bob").client_id(CLIENT).refresh_token("r").grant_token("g").access_token("a");
    for by in [grant("g"), refresh("r"), access("a")] {
        updates(case, record(), |_| by).await?;
    }
    Ok(())
}

/// Users who hold the same tokens have a record each, and a record without a user is nobody's.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn users_with_the_same_tokens_stay_apart(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("save::users_with_the_same_tokens_stay_apart", store);
    let mut saved = Vec::new();
    for (what, whose) in [
        ("a refresh token without a user", refresh("r")),
        ("bob's token, with the same refresh token", refresh("r").user_name("bob")),
        ("alice's token, with the same refresh token", refresh("r").user_name("alice")),
    ] {
        let record = case.save(what, whose.clone()).await?;
        case.contents_are(what, &record, whose)?;
        saved.push(record);
    }
    case.holds("that hold the same refresh token", &saved).await?;
    case.finds("bob by user", user("bob"), &saved[1]).await?;
    case.finds("alice by user", user("alice"), &saved[2]).await
}

/// An eleventh token works as the first one does.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn an_eleventh_token_works(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("save::an_eleventh_token_works", store);
    let saved = case.save_users(11).await?;
    for token in &saved {
        case.still_holds("one of eleven records", token).await?;
        case.finds("one of eleven users", user(token.user_name().unwrap_or_default()), token).await?;
    }
    case.holds("of eleven users", &saved).await
}

/// Saves at once for a new user end in one record that has what each of them gave.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn rivals_make_one_record_for_a_user(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("save::rivals_make_one_record_for_a_user", store);
    rivals(case, of_user("bob"), vec![of_user("bob"); RIVALS]).await
}

/// Saves at once of a new token without a user end in one record that has what each of them gave.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn rivals_make_one_record_for_a_token(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("save::rivals_make_one_record_for_a_token", store);
    rivals(case, refresh("r"), vec![refresh("r"); RIVALS]).await
}

/// Saves at once over one record lose nothing that any of them gave.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn rivals_lose_nothing(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("save::rivals_lose_nothing", store);
    let saved = case.save("a token", of_user("bob")).await?;
    rivals(case, of_user("bob"), vec![saved.to_builder(); RIVALS]).await
}

/// Each of `tokens` is saved with an extra of its own, all at once; one record of `base` has all the extras then.
async fn rivals(
    case: Case<'_>,
    base: OAuthTokenBuilder,
    tokens: Vec<OAuthTokenBuilder>,
) -> Result<(), Broken> {
    let name = |number: usize| format!("rival-{number}");
    let given = tokens.into_iter().enumerate();
    let given = given.map(|(number, token)| token.extra(name(number), "was here"));
    let saved = case.save_at_once("one record", given).await?;
    let expected = (0..saved.len()).fold(base, |token, number| token.extra(name(number), "was here"));
    let listed = case.list().await?;
    case.check(
        listed.len() == 1,
        "listing all tokens after saves at once",
        "one record",
        format!("{} of them", listed.len()),
    )?;
    for token in listed {
        case.contents_are("the record after saves at once", &token, expected.clone())?;
    }
    Ok(())
}
