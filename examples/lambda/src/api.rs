//! The API that is called on behalf of a user.

use oauth_token_store::OAuthToken;
use oauth_token_store::secrecy::ExposeSecret;
use reqwest::{Client, Url};

use crate::failure::Failure;
use crate::http::{self, Reply};

pub(crate) struct Api {
    pub(crate) http: Client,
    pub(crate) url: Url,
}

impl Api {
    /// Whatever status it answers with.
    pub(crate) async fn call(&self, token: &OAuthToken) -> Result<Reply, Failure> {
        let access_token = token.access_token().ok_or(Failure::NoAccessToken)?;
        let request = self.http.get(self.url.clone()).bearer_auth(access_token.expose_secret());
        http::send(request).await.map_err(Failure::Api)
    }
}
