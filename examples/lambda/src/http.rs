//! Requests to others' servers.

use std::time::Duration;

use reqwest::{Client, RequestBuilder};

/// Connecting, the request and all of its answer.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(5);

/// Any status is a reply.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: String,
}

pub(crate) fn client() -> reqwest::Result<Client> {
    // The server of a redirect would get what was meant for another.
    Client::builder().timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none()).build()
}

/// The error of which shows no URL: there may be a user or a key in it.
pub(crate) async fn send(request: RequestBuilder) -> reqwest::Result<Reply> {
    let reply = async {
        let response = request.send().await?;
        Ok(Reply { status: response.status().as_u16(), body: response.text().await? })
    };
    reply.await.map_err(reqwest::Error::without_url)
}
