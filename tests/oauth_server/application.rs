//! The other end: an application that refreshes tokens and calls the API.

use reqwest::{Client, RequestBuilder};

use super::{CLIENT_ID, CLIENT_SECRET};

/// What the tests use of an application that talks to the server. Clones share their connections.
#[derive(Clone)]
pub(crate) struct Application {
    http: Client,
    token_url: String,
    api_url: String,
}

/// What a request got. Any status is an answer; no answer is an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Application {
    /// One that knows no more of the server than its addresses: for another process.
    pub(crate) fn new(token_url: String, api_url: String) -> Self {
        // The server is in this process, whatever proxy the machine has.
        let http = Client::builder().no_proxy().build().expect("nothing in it can fail without TLS");
        Self { http, token_url, api_url }
    }

    /// Exchanges a refresh token for an access token.
    pub(crate) async fn refresh(&self, refresh_token: &str) -> reqwest::Result<Answer> {
        self.exchange(&[
            ("grant_type", "refresh_token"),
            ("client_id", CLIENT_ID),
            ("client_secret", CLIENT_SECRET),
            ("refresh_token", refresh_token),
        ])
        .await
    }

    /// Exchanges a grant token for the tokens of a login.
    pub(crate) async fn redeem(&self, code: &str) -> reqwest::Result<Answer> {
        self.exchange(&[
            ("grant_type", "authorization_code"),
            ("client_id", CLIENT_ID),
            ("client_secret", CLIENT_SECRET),
            ("code", code),
        ])
        .await
    }

    /// Sends any form to the token endpoint.
    pub(crate) async fn exchange(&self, form: &[(&str, &str)]) -> reqwest::Result<Answer> {
        send(self.http.post(&self.token_url).form(form)).await
    }

    /// Asks the API whose access token this is.
    pub(crate) async fn call_api(&self, access_token: &str) -> reqwest::Result<Answer> {
        self.call_api_as("Zoho-oauthtoken", access_token).await
    }

    /// The same with a scheme of the caller's choice.
    pub(crate) async fn call_api_as(&self, scheme: &str, access_token: &str) -> reqwest::Result<Answer> {
        send(self.http.get(&self.api_url).header("Authorization", format!("{scheme} {access_token}"))).await
    }
}

async fn send(request: RequestBuilder) -> reqwest::Result<Answer> {
    let response = request.send().await?;
    Ok(Answer { status: response.status().as_u16(), body: response.text().await? })
}
