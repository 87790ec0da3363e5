//! A replica and the OAuth server, as their callers see them.

use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::Value;

use crate::Failure;
use crate::deployment::SERVICE_SECRET;

/// Longer than anything that is answered at all takes.
const PATIENCE: Duration = Duration::from_secs(40);

fn client() -> Result<Client, Failure> {
    // No connection of before: what listens there may be another container by now.
    Ok(Client::builder().timeout(PATIENCE).pool_max_idle_per_host(0).build()?)
}

#[derive(Clone)]
pub(crate) struct Replica {
    url: String,
    client: Client,
}

/// What a request for a token came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<String>,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn access_token(&self) -> Option<&str> {
        self.body["access_token"].as_str()
    }
}

impl Replica {
    pub(crate) fn at(url: String) -> Result<Self, Failure> {
        Ok(Self { url, client: client()? })
    }

    pub(crate) async fn get(&self, user: &str) -> Result<Answer, Failure> {
        self.ask(Method::GET, user, SERVICE_SECRET, String::new()).await
    }

    /// Keeps a token response.
    pub(crate) async fn put(&self, user: &str, response: String) -> Result<Answer, Failure> {
        self.ask(Method::PUT, user, SERVICE_SECRET, response).await
    }

    /// Keeps one that must be kept: an access token that is good for so long, and a refresh token of the same name.
    pub(crate) async fn log_in(&self, user: &str, access_token: &str, seconds: u32) -> Result<(), Failure> {
        let response = serde_json::json!({
            "access_token": access_token, "refresh_token": format!("{access_token}-r"), "expires_in": seconds,
        });
        let answer = self.put(user, response.to_string()).await?;
        if answer.status == 204 { Ok(()) } else { Err(format!("not saved: {answer:?}").into()) }
    }

    pub(crate) async fn delete(&self, user: &str) -> Result<Answer, Failure> {
        self.ask(Method::DELETE, user, SERVICE_SECRET, String::new()).await
    }

    pub(crate) async fn ask(
        &self,
        method: Method,
        user: &str,
        secret: &str,
        body: String,
    ) -> Result<Answer, Failure> {
        let request = self.client.request(method, format!("{}/token", self.url)).bearer_auth(secret);
        Self::answer(request.header("X-User", user).body(body)).await
    }

    /// After a 401: not from memory.
    pub(crate) async fn get_anew(&self, user: &str) -> Result<Answer, Failure> {
        let request = self.client.get(format!("{}/token", self.url)).bearer_auth(SERVICE_SECRET);
        Self::answer(request.header("X-User", user).header("Cache-Control", "no-cache")).await
    }

    async fn answer(request: RequestBuilder) -> Result<Answer, Failure> {
        let response = request.send().await?;
        assert_eq!(header(&response, "cache-control").as_deref(), Some("no-store"));
        let (status, retry_after) = (response.status().as_u16(), header(&response, "retry-after"));
        let body = serde_json::from_str(&response.text().await?).unwrap_or(Value::Null);
        Ok(Answer { status, retry_after, body })
    }

    pub(crate) async fn status(&self, path: &str) -> Result<u16, Failure> {
        Ok(self.client.get(format!("{}{path}", self.url)).send().await?.status().as_u16())
    }

    pub(crate) async fn metrics(&self) -> Result<String, Failure> {
        Ok(self.client.get(format!("{}/metrics", self.url)).send().await?.error_for_status()?.text().await?)
    }

    /// The value of a metric, by name and labels as Prometheus writes them; 0 for one that has not come up.
    pub(crate) async fn metric(&self, name: &str) -> Result<f64, Failure> {
        let metrics = self.metrics().await?;
        let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Ok(value.map(str::parse).transpose()?.unwrap_or_default())
    }
}

fn header(response: &Response, name: &str) -> Option<String> {
    Some(response.headers().get(name)?.to_str().ok()?.to_owned())
}

pub(crate) struct OAuthServer {
    url: String,
    client: Client,
}

impl OAuthServer {
    pub(crate) fn at(url: String) -> Result<Self, Failure> {
        Ok(Self { url, client: client()? })
    }

    /// Makes refreshes wait.
    pub(crate) async fn hold(&self) -> Result<(), Failure> {
        self.client.post(format!("{}/hold", self.url)).send().await?.error_for_status()?;
        Ok(())
    }

    pub(crate) async fn release(&self) -> Result<(), Failure> {
        self.client.post(format!("{}/release", self.url)).send().await?.error_for_status()?;
        Ok(())
    }

    /// How many refreshes wait.
    pub(crate) async fn waiting(&self) -> Result<usize, Failure> {
        Ok(self.client.get(format!("{}/waiting", self.url)).send().await?.text().await?.parse()?)
    }
}
