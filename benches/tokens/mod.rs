//! The tokens that are measured.

use oauth_token_store::OAuthToken;

/// About 800 bytes of JSON, as those of Zoho's with a long access token.
pub(crate) fn token(user: &str) -> OAuthToken {
    OAuthToken::builder()
        .user_name(user)
        .client_id("1000.CLIENTCLIENTCLIENTCLIENTCLIENT")
        .client_secret("s".repeat(42))
        .refresh_token(format!("1000.{user}.{}", "r".repeat(60)))
        .access_token(format!("1000.{user}.{}", "a".repeat(300)))
        .redirect_url("https://app.example.com/oauth/callback")
        .api_domain("https://www.zohoapis.com")
        .scope("ZohoCRM.modules.ALL,ZohoCRM.settings.ALL,ZohoCRM.users.READ")
        .token_type("Bearer")
        .build()
        .expect("valid")
}

pub(crate) fn users(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("user-{n}@example.com")).collect()
}
