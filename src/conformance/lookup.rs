//! Which record a partly filled token stands for.

use super::Broken;
use super::case::{CLIENT, Case, access, expiry, grant, of_user, refresh, token, user};
use crate::contract::{OAuthToken, TokenStore};

/// Texts that have meant something to some store: to its query language, its paths, its patterns or its parser.
const HOSTILE: [&str; 18] = [
    "o'brien",
    "0 or 1=1",
    "' OR '1'='1",
    "x'; DROP TABLE oauthtoken; --",
    "\"quoted\"",
    "%",
    "_",
    "*",
    "?",
    "../../etc",
    "a/b",
    "a\\b",
    "a,b\r\nc",
    "{}",
    "null",
    "$(id)",
    " ",
    "\u{202e}gnp.exe",
];

/// A user leads to that user's record, whatever else is asked with.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn by_user(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("lookup::by_user", store);
    case.finds_nothing("a user in an empty store", user("bob")).await?;
    let bob = case.save("bob's token", of_user("bob").access_token("a")).await?;
    let alice = case.save("alice's token", of_user("alice").access_token("b")).await?;
    case.finds("bob by user", user("bob"), &bob).await?;
    case.finds("alice by user", user("alice"), &alice).await?;
    let with_others = user("bob").refresh_token("unknown").access_token("b");
    case.finds("bob by user, with other tokens beside", with_others, &bob).await?;
    let nobody = of_user("alice").user_name("carol").access_token("b");
    case.finds_nothing("a user without a record by the tokens of another", nobody).await
}

/// Users are compared exactly: no case is folded, no beginning and no trimmed or longer name is enough.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn users_are_compared_exactly(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("lookup::users_are_compared_exactly", store);
    let alike = [
        ["bob", "Bob"],
        ["bobby", "bobb"],
        ["user-1", "user-10"],
        ["eve ", "eve"],
        [" dan", "dan"],
        ["STRASSE", "stra\u{df}e"],
    ];
    let mut saved = Vec::new();
    for [one, other] in alike {
        let first = case.save("one user's token", of_user(one)).await?;
        case.finds_nothing("a user whose name is much like another's", user(other)).await?;
        let second = case.save("the token of a user named much alike", of_user(other)).await?;
        case.finds("the first of two users named much alike", user(one), &first).await?;
        case.finds("the second of two users named much alike", user(other), &second).await?;
        saved.extend([first, second]);
    }
    case.holds("of users named much alike", &saved).await
}

/// Composed and decomposed characters are different users: names are compared as raw UTF-8.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn unicode_is_not_normalized(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("lookup::unicode_is_not_normalized", store);
    let (composed, decomposed) = ("Jos\u{e9}", "Jose\u{301}");
    let first = case.save("the composed José's token", of_user(composed)).await?;
    case.finds_nothing("the decomposed José", user(decomposed)).await?;
    let second = case.save("the decomposed José's token", of_user(decomposed)).await?;
    case.finds("the composed José", user(composed), &first).await?;
    case.finds("the decomposed José", user(decomposed), &second).await?;
    for name in ["\u{5c71}\u{7530}", "\u{1f512}", "\u{645}\u{62d}\u{645}\u{62f}"] {
        let saved = case.save("a token of a user in another script", of_user(name)).await?;
        case.finds("a user in another script", user(name), &saved).await?;
    }
    Ok(())
}

/// Long names are compared whole.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn long_users_are_compared_whole(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("lookup::long_users_are_compared_whole", store);
    let (one, other) = ("x".repeat(299) + "1", "x".repeat(299) + "2");
    let first = case.save("a token of a user of 300 characters", of_user(&one)).await?;
    case.finds_nothing("a user who differs in the 300th character", user(&other)).await?;
    let second = case.save("the token of that user", of_user(&other)).await?;
    case.finds("the first of two long users", user(&one), &first).await?;
    case.finds("the second of two long users", user(&other), &second).await
}

/// No text is taken for anything but text, whichever field it stands in.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn text_is_only_text(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("lookup::text_is_only_text", store);
    let mut saved = vec![
        case.save("bob's token", of_user("bob").access_token("b")).await?,
        case.save("a token without a user", refresh("r")).await?,
    ];
    for text in HOSTILE {
        let of = format!("the user {text:?}");
        case.finds_nothing(&of, user(text)).await?;
        case.finds_nothing(format!("the access token {text:?}"), access(text)).await?;
        case.finds_nothing(format!("the refresh token {text:?}"), refresh(text)).await?;
        case.finds_nothing(format!("the grant token {text:?}"), grant(text)).await?;
        let id = case.own_id(text)?;
        case.id_leads_nowhere(format!("the id {text:?}"), &id).await?;
        case.delete(format!("the id {text:?}"), &id).await?;
        let token = case.save(format!("a token of {of}"), of_user(text)).await?;
        case.finds(&of, user(text), &token).await?;
        saved.push(token);
    }
    case.holds("of users with unusual names", &saved).await
}

/// An id leads to its record, asked for alone and as part of a token.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn by_id(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("lookup::by_id", store);
    let missing = case.own_id("an id of nobody")?;
    case.id_leads_nowhere("an id in an empty store", &missing).await?;
    let records = [
        ("bob's record", of_user("bob")),
        ("alice's record", of_user("alice")),
        ("a record without a user", refresh("r")),
        ("a record of just an access token", access("a")),
    ];
    let mut saved = Vec::new();
    for (what, token) in records {
        saved.push((what, case.save(what, token).await?));
    }
    for (what, record) in &saved {
        let id = case.id_of(record)?;
        case.id_leads_to(format!("the id of {what}"), &id, record).await?;
    }
    case.id_leads_nowhere("an id that nothing has", &missing).await
}

/// An id of the application's own leads to the record without a user that was made with it.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn by_own_id(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("lookup::by_own_id", store);
    let id = case.own_id("crm-1")?;
    let saved = case.save("a token with an own id", refresh("r").id(&id)).await?;
    case.save("another with a longer id", refresh("r-10").id("crm-10")).await?;
    case.check(
        saved.id() == Some(&id),
        "saving a new token with an own id",
        "the record to have that id",
        "another",
    )?;
    case.id_leads_to("the own id", &id, &saved).await?;
    let other_case = case.own_id("CRM-1")?;
    case.id_leads_nowhere("the own id in capitals", &other_case).await
}

/// An id of the application's own leads to the user's record that was made with it.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn by_own_id_of_a_user(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("lookup::by_own_id_of_a_user", store);
    let id = case.own_id("crm-bob")?;
    let bob = case.save("bob's token with an own id", of_user("bob").id(&id)).await?;
    case.save("alice's token with an own id", of_user("alice").id("crm-alice")).await?;
    case.check(
        bob.id() == Some(&id),
        "saving a user's new token with an own id",
        "the record to have that id",
        "another",
    )?;
    case.id_leads_to("the own id of bob's record", &id, &bob).await?;
    case.finds("bob by user", user("bob"), &bob).await
}

/// The id comes first; only where it hits nothing, the user or the tokens beside it are asked for.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn id_comes_first(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("lookup::id_comes_first", store);
    let one = case.save("a record without a user", refresh("r-1")).await?;
    let other = case.save("another record without a user", refresh("r-2")).await?;
    let bob = case.save("bob's token", of_user("bob")).await?;
    let id = case.id_of(&one)?;
    let with_anothers_token = refresh("r-2").id(&id);
    case.finds("by an id, beside it the refresh token of another", with_anothers_token, &one).await?;
    let id_of_nobody = "an id of nobody";
    let then_user = user("bob").id(id_of_nobody);
    case.finds("by an id that hits nothing, then the user", then_user, &bob).await?;
    let then_token = refresh("r-2").id(id_of_nobody);
    case.finds("by an id that hits nothing, then the refresh token", then_token, &other).await?;
    case.finds_nothing("by an id that hits nothing, alone", token().id(id_of_nobody)).await
}

/// A hit by id with another user than the one given is no hit.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn id_of_another_user_is_no_hit(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("lookup::id_of_another_user_is_no_hit", store);
    let bob = case.save("bob's token", of_user("bob")).await?;
    let alice = case.save("alice's token", of_user("alice")).await?;
    let id = case.id_of(&alice)?;
    case.finds("alice by id and user", user("alice").id(&id), &alice).await?;
    case.finds("bob with alice's id", user("bob").id(&id), &bob).await?;
    let carol = user("carol").id(&id);
    case.finds_nothing("a user without a record, with alice's id", carol).await
}

/// A hit by id counts for any user if the record has none.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn id_of_a_record_without_user_is_a_hit(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("lookup::id_of_a_record_without_user_is_a_hit", store);
    let shared = case.save("a record without a user", refresh("r")).await?;
    case.save("bob's token", of_user("bob")).await?;
    let id = case.id_of(&shared)?;
    let how = "by a user and the id of a record without one";
    case.finds(how, user("bob").id(&id), &shared).await?;
    case.finds(how, user("nobody").id(&id), &shared).await
}

/// An access token leads to its record where no client is given.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn by_access_token(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("lookup::by_access_token", store);
    let one = case.save("a token of just an access token", access("a-1")).await?;
    let other = case.save("another", access("a-10")).await?;
    case.finds("by access token", access("a-1"), &one).await?;
    case.finds("by another access token", access("a-10"), &other).await?;
    let with_refresh = access("a-1").refresh_token("unknown").grant_token("unknown");
    case.finds("by access token, tokens without a client beside it", with_refresh, &one).await?;
    case.finds_nothing("by an unknown access token", access("a")).await?;
    case.finds_nothing("by an access token in capitals", access("A-1")).await?;
    let with_client = access("a-1").client_id(CLIENT);
    case.finds_nothing("by an access token and a client id", with_client).await?;
    let with_secret = access("a-1").client_secret("s");
    case.finds_nothing("by an access token and a client secret", with_secret).await
}

/// With a client id, the grant token is asked for first, then the refresh token.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn by_grant_then_refresh_token(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("lookup::by_grant_then_refresh_token", store);
    let granted = case.save("a grant token", grant("g")).await?;
    let refreshed = case.save("a refresh token", refresh("r")).await?;
    case.finds("by grant token", grant("g"), &granted).await?;
    case.finds("by refresh token", refresh("r"), &refreshed).await?;
    let both = grant("g").refresh_token("r");
    case.finds("by the grant token of one and the refresh token of another", both, &granted).await?;
    let unknown_grant = grant("unknown").refresh_token("r");
    case.finds("by an unknown grant token, then a refresh token", unknown_grant, &refreshed).await?;
    let with_access = refresh("r").access_token("unknown").client_secret("s");
    case.finds("by refresh token, an access token beside it", with_access, &refreshed).await?;
    case.finds_nothing("by a grant token in the refresh token's place", refresh("g")).await?;
    case.finds_nothing("by a refresh token in the grant token's place", grant("r")).await
}

/// A grant or refresh token is one client's; the same text of another client leads nowhere.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn tokens_belong_to_their_client(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("lookup::tokens_belong_to_their_client", store);
    let saved = case.save("a grant and a refresh token", grant("g").refresh_token("r")).await?;
    case.finds("by grant token", grant("g"), &saved).await?;
    let others = "2000.OTHER";
    case.finds_nothing("by another client's grant token", grant("g").client_id(others)).await?;
    let other_refresh = refresh("r").client_id(others);
    case.finds_nothing("by another client's refresh token", other_refresh).await
}

/// A grant, refresh or access token leads to the record of a user that holds it.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn by_tokens_of_a_user(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("lookup::by_tokens_of_a_user", store);
    let bob = user("bob").client_id(CLIENT).refresh_token("r").grant_token("g").access_token("a");
    let bob = case.save("bob's token", bob).await?;
    case.save("alice's token", of_user("alice").access_token("b")).await?;
    case.finds("bob's token by its grant token", grant("g"), &bob).await?;
    case.finds("bob's token by its refresh token", refresh("r"), &bob).await?;
    let behind = grant("unknown").refresh_token("r");
    case.finds("bob's token by its refresh token, after a grant token", behind, &bob).await?;
    case.finds("bob's token by its access token", access("a"), &bob).await
}

/// A record is found by the tokens that it holds now, also where it was named by an earlier one.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn by_rotated_tokens(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("lookup::by_rotated_tokens", store);
    let saved = case.save("a refresh token", refresh("r-1")).await?;
    let id = case.id_of(&saved)?;
    let rotated = refresh("r-2").id(&id).access_token("a-2");
    let rotated = case.save("its successor by id", rotated).await?;
    case.finds("by the new refresh token", refresh("r-2"), &rotated).await?;
    case.finds("by the new access token", access("a-2"), &rotated).await
}

/// A record that once held a token is no hit for it.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn former_tokens_are_no_hit(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("lookup::former_tokens_are_no_hit", store);
    for (what, first, second) in [
        ("grant token", grant("g-1"), grant("g-2")),
        ("refresh token", refresh("r-1"), refresh("r-2")),
        ("access token", access("a-1"), access("a-2")),
    ] {
        let saved = case.save(format!("a {what}"), first.clone()).await?;
        let id = case.id_of(&saved)?;
        let rotated = case.save(format!("the next {what} by id"), second.id(&id)).await?;
        case.finds_nothing(format!("by a {what} that its record no longer holds"), first).await?;
        case.still_holds("a record after a rotation", &rotated).await?;
    }
    Ok(())
}

/// A token with nothing usable in it leads nowhere, never to somebody's record.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn nothing_usable_finds_nothing(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("lookup::nothing_usable_finds_nothing", store);
    let full = |user: &str| {
        of_user(user)
            .client_secret("s")
            .grant_token("g")
            .access_token("a")
            .scope("all")
            .redirect_url("https://example.com/back")
            .api_domain("https://api.example.com")
            .token_type("Bearer")
            .expiry_time(expiry(0))
            .extra("instance_url", "https://example.com")
    };
    for name in ["bob", "alice"] {
        case.save("a user's token", full(name)).await?;
    }
    case.save("a token without a user", full("").refresh_token("r")).await?;
    for (what, partial) in [
        ("an empty token", token()),
        ("a client id", token().client_id(CLIENT)),
        ("a client secret", token().client_secret("s")),
        ("a client id and its secret", token().client_id(CLIENT).client_secret("s")),
        ("a client id and an access token", access("a").client_id(CLIENT)),
        ("a client secret and an access token", access("a").client_secret("s")),
        ("a refresh token without its client", token().refresh_token("r")),
        ("a grant token without its client", token().grant_token("g")),
        ("a scope", token().scope("all")),
        ("a redirect URL", token().redirect_url("https://example.com/back")),
        ("an API domain", token().api_domain("https://api.example.com")),
        ("a token type", token().token_type("Bearer")),
        ("an expiry time", token().expiry_time(expiry(0))),
        ("an extra", token().extra("instance_url", "https://example.com")),
    ] {
        case.finds_nothing(format!("by {what} alone"), partial).await?;
    }
    Ok(())
}

/// An empty string counts as absent: it neither matches the records that lack the field, nor all of them.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn empty_text_is_absent(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("lookup::empty_text_is_absent", store);
    case.save("bob's token", of_user("bob")).await?;
    let saved = case.save("a token with empty user and id", refresh("r").user_name("").id("")).await?;
    case.check(saved.user_name().is_none(), "saving a token with an empty user", "no user_name", "one")?;
    case.finds_nothing("by an empty user", user("")).await?;
    case.finds_nothing("by an empty id", token().id("")).await?;
    case.finds_nothing("by an empty access token", access("")).await?;
    case.finds_nothing("by an empty grant token", grant("")).await?;
    case.finds("by an empty user, then a refresh token", refresh("r").user_name(""), &saved).await
}

/// A find gives what is stored: nothing that was only asked with is mixed into it.
///
/// # Errors
/// [`Broken`] if the store breaks the rule.
pub async fn the_question_is_not_in_the_answer(store: &dyn TokenStore) -> Result<(), Broken> {
    let case = Case::new("lookup::the_question_is_not_in_the_answer", store);
    let plain = user("bob").refresh_token("r");
    let bob = case.save("bob's token", plain.clone()).await?;
    let question: OAuthToken = case.build(
        user("bob")
            .id("an id of nobody")
            .client_id(CLIENT)
            .client_secret("s")
            .refresh_token("other")
            .access_token("a")
            .grant_token("g")
            .expiry_time(expiry(0))
            .redirect_url("https://example.com/back")
            .api_domain("https://api.example.com")
            .scope("all")
            .token_type("Bearer")
            .extra("instance_url", "https://example.com"),
    )?;
    let how = "bob by a question with every field";
    case.finds(how, question.to_builder(), &bob).await?;
    case.finds("bob by user", user("bob"), &bob).await?;
    case.contents_are("bob's record after it was asked for", &bob, plain)
}
