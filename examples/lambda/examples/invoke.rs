//! The function as Lambda runs it, with nothing installed but Rust: a few invocations, and what each costs.
//!
//! ```sh
//! cargo run -p example-lambda --example invoke -- '{"user": "bob@example.com"}'
//! ```
//!
//! A second argument names another build of the function, such as the one that is to be deployed.
//!
//! Secrets Manager is the embedded one on a port of this machine, and so are an OAuth server, an API, and Lambda's
//! Runtime API. Bob has logged in; whoever else is in the event has not.

#[path = "../local/mod.rs"]
mod local;
#[path = "../../../tests/oauth_server/mod.rs"]
mod oauth_server;

use std::env;
use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use local::{Lambda, Outcome, Surroundings, serve_secrets_manager};
use oauth_server::{CLIENT_ID, CLIENT_SECRET, OAuthServer, Rules};
use oauth_token_store::embedded::{EmbeddedSecretsManager, RequestCounts};
use oauth_token_store::secrecy::ExposeSecret;
use oauth_token_store::{OAuthToken, SecretsManagerTokenStore, TokenStore};
use serde_json::Value;

const BOB: &str = "bob@example.com";
const PREFIX: &str = "local/tokens";
const TIMEOUT: Duration = Duration::from_secs(60);

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Failure> {
    let event = env::args().nth(1).unwrap_or_else(|| format!(r#"{{"user": "{BOB}"}}"#));
    let event: Value = serde_json::from_str(&event).map_err(|error| format!("not an event: {error}"))?;
    let built = env::args_os().nth(2);
    let function = match built {
        Some(path) => path.into(),
        None => local::build_function().await?,
    };

    // An access token of a login dies when the next one is issued.
    let server = OAuthServer::start(Rules { active_access_tokens: 1, ..Rules::rotating() }).await;
    let backend = EmbeddedSecretsManager::new();
    let endpoint = serve_secrets_manager(&backend).await?;
    let store = SecretsManagerTokenStore::builder().prefix(PREFIX).client(backend.client()).build().await?;
    server.set_expires_in(Duration::from_secs(30));
    let login = OAuthToken::builder().user_name(BOB).client_id(CLIENT_ID).client_secret(CLIENT_SECRET);
    store.save_token(&login.token_response(&server.login(BOB))?.build()?).await?;
    server.set_expires_in(Duration::from_secs(3600));

    let surroundings = Surroundings {
        secrets_manager: endpoint,
        prefix: PREFIX.to_owned(),
        token_url: server.token_url(),
        api_url: server.api_url(),
    };
    let command = move || surroundings.start(&function);
    let lambda = Lambda::new(command, TIMEOUT)?;
    let (exchanges, requests) = (server.exchanges(), backend.requests());
    let mut session = Session { lambda, server: &server, backend: &backend, exchanges, requests };

    println!("Bob's access token is good for 30 seconds. The first invocation of a new process:");
    session.invoke(&event).await?;
    println!("\nThe second, in the same process, frozen meanwhile:");
    session.invoke(&event).await?;
    println!("\nAnother process refreshes, so the one in memory gets a 401:");
    let bob = OAuthToken::builder().user_name(BOB).build()?;
    let application = server.application();
    let exchange = |current: Arc<OAuthToken>| async move {
        let refresh_token = current.refresh_token().ok_or("no refresh token")?.expose_secret();
        let answer = application.refresh(refresh_token).await?;
        Ok::<_, Failure>(current.to_builder().token_response(&answer.body)?.build()?)
    };
    store.refresh_with(&bob, Duration::from_secs(2 * 3600), exchange).await?;
    session.forget();
    session.invoke(&event).await
}

/// Invocations, and what each costs.
struct Session<'a> {
    lambda: Lambda,
    server: &'a OAuthServer,
    backend: &'a EmbeddedSecretsManager,
    exchanges: usize,
    requests: RequestCounts,
}

impl Session<'_> {
    async fn invoke(&mut self, event: &Value) -> Result<(), Failure> {
        let answer = match self.lambda.invoke(event).await? {
            Outcome::Answered(answer) => answer.to_string(),
            Outcome::Failed(report) => format!("{}: {}", report.error_type, report.error_message),
            outcome => return Err(format!("{outcome:?}\n{}", self.lambda.log()?).into()),
        };
        let (exchanges, requests) = (self.exchanges, self.requests);
        self.forget();
        println!("    {event} -> {answer}");
        println!(
            "    exchanges: {}, Secrets Manager: {}",
            self.exchanges - exchanges,
            self.requests.since(&requests)
        );
        Ok(())
    }

    /// What has happened so far is no invocation's cost.
    fn forget(&mut self) {
        (self.exchanges, self.requests) = (self.server.exchanges(), self.backend.requests());
    }
}
