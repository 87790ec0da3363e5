//! What the fuzz targets share: a token as it may be seen, and what must survive being stored.

use oauth_token_store::OAuthToken;
use oauth_token_store::secrecy::ExposeSecret;

/// The prefix and the name that values are read under.
pub const PREFIX: &str = "app";
pub const NAME: &str = "app/u_52rqhupjinfczuwzz6qnyv2s6a";

/// The texts of a token by name, those of the extras included.
pub fn texts(token: &OAuthToken) -> Vec<(&str, &str)> {
    let secrets = [
        ("client_secret", token.client_secret()),
        ("refresh_token", token.refresh_token()),
        ("access_token", token.access_token()),
        ("grant_token", token.grant_token()),
    ];
    let secrets = secrets.into_iter().filter_map(|(name, text)| Some((name, text?.expose_secret())));
    let others = [
        ("user_name", token.user_name()),
        ("client_id", token.client_id()),
        ("redirect_url", token.redirect_url()),
        ("api_domain", token.api_domain()),
        ("scope", token.scope()),
        ("token_type", token.token_type()),
    ];
    let others = others.into_iter().filter_map(|(name, text)| Some((name, text?)));
    secrets.chain(others).chain(token.extras()).collect()
}

/// `Debug` tells which fields there are, and nothing of what is in them: so it is that of any token with the same fields.
pub fn assert_shows_nothing(token: &OAuthToken) {
    let mut masked = OAuthToken::builder();
    if let Some(id) = token.id() {
        masked = masked.id(if id.is_store_assigned() { id.as_str() } else { "own" });
    }
    for (name, _) in texts(token) {
        masked = match name {
            "client_secret" => masked.client_secret("x"),
            "refresh_token" => masked.refresh_token("x"),
            "access_token" => masked.access_token("x"),
            "grant_token" => masked.grant_token("x"),
            "user_name" => masked.user_name("x"),
            "client_id" => masked.client_id("x"),
            "redirect_url" => masked.redirect_url("x"),
            "api_domain" => masked.api_domain("x"),
            "scope" => masked.scope("x"),
            "token_type" => masked.token_type("x"),
            _ => masked,
        };
    }
    if let Some(expiry) = token.expiry_time() {
        masked = masked.expiry_time(expiry);
    }
    let masked = format!("{:?}", masked.build().expect("valid"));
    let shown = format!("{token:?}");
    // Of the extras their number is shown.
    let (fields, extras) = shown.split_once("extras: ").unwrap_or((&shown, " }"));
    assert!(extras.trim_start_matches(|c: char| c.is_ascii_digit()) == " }", "{shown}");
    assert_eq!(fields.trim_end_matches([' ', '{', '}', ',']), masked.trim_end_matches([' ', '{', '}', ',']));
}

/// No text is empty or holds a NUL: that is what the rest of the library goes by.
pub fn assert_valid(token: &OAuthToken) {
    for (name, text) in texts(token) {
        assert!(!text.is_empty() && !text.contains('\0') && !name.contains('\0'), "an invalid {name}");
    }
}
