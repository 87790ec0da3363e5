//! A thousand tasks want a fresh token at once: one exchange at the OAuth server, and what that costs in requests.
//!
//! ```sh
//! cargo run --example refresh
//! ```
//!
//! Secrets Manager is the embedded one. The OAuth server is a real one on a port of this machine: it rotates refresh
//! tokens, and ends the whole login if a spent one comes again.

#[path = "../tests/oauth_server/mod.rs"]
mod oauth_server;

use std::collections::HashSet;
use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use oauth_server::{CLIENT_ID, CLIENT_SECRET, OAuthServer, Rules};
use oauth_token_store::embedded::{EmbeddedSecretsManager, Fault, RequestCounts};
use oauth_token_store::secrecy::ExposeSecret;
use oauth_token_store::{OAuthToken, SecretsManagerTokenStore, StoreError, TokenStore};
use tokio::task::JoinSet;

const BOB: &str = "bob@example.com";
const TASKS: usize = 1_000;
/// A token that is good for less is refreshed.
const MARGIN: Duration = Duration::from_secs(60);

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            if let Some(source) = error.source() {
                eprintln!("because {source}");
            }
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Failure> {
    // An access token of a login dies when the next one is issued.
    let server = OAuthServer::start(Rules { active_access_tokens: 1, ..Rules::rotating() }).await;
    let backend = EmbeddedSecretsManager::new();
    // A few milliseconds a request, as in a Region.
    backend.inject(Fault::latency(Duration::from_millis(5)));
    let mut bill = Bill { server: &server, backend: &backend, exchanges: 0, requests: backend.requests() };
    let store = new_store(&backend).await?;
    let other_process = new_store(&backend).await?;
    let api = Api::of(&server)?;
    let bob = OAuthToken::builder().user_name(BOB).build()?;

    println!("Bob logs in. His access token is good for 30 seconds, those after it for an hour.");
    server.set_expires_in(Duration::from_secs(30));
    let login =
        OAuthToken::builder().user_name(BOB).client_id(CLIENT_ID).token_response(&server.login(BOB))?;
    store.save_token(&login.build()?).await?;
    server.set_expires_in(Duration::from_secs(3600));
    bill.print("saved");

    println!("\n{TASKS} tasks want one that is good for another {} seconds, all at once:", MARGIN.as_secs());
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let (store, bob, api) = (store.clone(), bob.clone(), api.clone());
        tasks.spawn(async move { api.fresh_token(&store, &bob, MARGIN).await });
    }
    let tokens = tasks.join_all().await.into_iter().collect::<Result<Vec<_>, _>>()?;
    let distinct: HashSet<_> = tokens.iter().map(|token| access_token(token)).collect();
    bill.print(&format!("{} tokens, {} distinct", tokens.len(), distinct.len()));
    if server.exchanges() != 1 {
        return Err("more than one exchange".into());
    }

    println!("\nWhoever wants one later has it at once:");
    let token = api.fresh_token(&store, &bob, MARGIN).await?;
    bill.print(&format!("the API answers {}", api.call(&token).await?));

    println!("\nAnother process wants one that is good for two hours, so it refreshes. Ours is dead:");
    api.fresh_token(&other_process, &bob, Duration::from_secs(2 * 3600)).await?;
    bill.print(&format!("the API answers {}", api.call(&token).await?));

    println!("\nThen what the store holds by now is the one to try, not another refresh:");
    let token = store.reload(token.id().ok_or("no id")?).await?.ok_or("bob has to log in")?;
    bill.print(&format!("reloaded, the API answers {}", api.call(&token).await?));
    Ok(())
}

async fn new_store(backend: &EmbeddedSecretsManager) -> Result<SecretsManagerTokenStore, StoreError> {
    SecretsManagerTokenStore::builder().client(backend.client()).build().await
}

fn access_token(token: &OAuthToken) -> &str {
    token.access_token().map_or("", |token| token.expose_secret())
}

/// The API, and where its tokens are exchanged.
#[derive(Clone)]
struct Api {
    http: reqwest::Client,
    token_url: String,
    url: String,
}

impl Api {
    fn of(server: &OAuthServer) -> Result<Self, Failure> {
        // The server is in this process, whatever proxy the machine has.
        let http = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self { http, token_url: server.token_url(), url: server.api_url() })
    }

    /// The user's token, refreshed if it is good for less than `margin`.
    async fn fresh_token(
        &self,
        store: &SecretsManagerTokenStore,
        user: &OAuthToken,
        margin: Duration,
    ) -> Result<Arc<OAuthToken>, Failure> {
        let api = self.clone();
        let token = store.refresh_with(user, margin, move |current| api.exchange(current)).await?;
        Ok(token.ok_or("bob has to log in")?)
    }

    /// What an application has to write itself: one request to its OAuth server.
    async fn exchange(self, current: Arc<OAuthToken>) -> Result<OAuthToken, Failure> {
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", CLIENT_ID),
            ("client_secret", CLIENT_SECRET),
            ("refresh_token", current.refresh_token().ok_or("no refresh token")?.expose_secret()),
        ];
        let body = self.http.post(&self.token_url).form(&form).send().await?.text().await?;
        Ok(current.to_builder().token_response(&body)?.build()?)
    }

    /// The HTTP status of a call with this token.
    async fn call(&self, token: &OAuthToken) -> Result<u16, Failure> {
        Ok(self.http.get(&self.url).bearer_auth(access_token(token)).send().await?.status().as_u16())
    }
}

/// What each step cost.
struct Bill<'a> {
    server: &'a OAuthServer,
    backend: &'a EmbeddedSecretsManager,
    exchanges: usize,
    requests: RequestCounts,
}

impl Bill<'_> {
    /// Prints what happened since the last call.
    fn print(&mut self, what: &str) {
        let (exchanges, requests) = (self.server.exchanges(), self.backend.requests());
        let new = exchanges - self.exchanges;
        println!("    {what:<32}exchanges: {new:<4}Secrets Manager: {}", requests.since(&self.requests));
        (self.exchanges, self.requests) = (exchanges, requests);
    }
}
