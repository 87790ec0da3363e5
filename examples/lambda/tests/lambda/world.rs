//! What each test has for itself: an account of LocalStack, an OAuth server, an API, and functions that use them.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use oauth_token_store::secrecy::ExposeSecret;
use oauth_token_store::{OAuthToken, SecretsManagerTokenStore, TokenStore};
use serde_json::{Value, json};

use crate::account;
use crate::api::Api;
use crate::local::{Lambda, Outcome, Surroundings};
use crate::lossy_proxy::LossyProxy;
use crate::oauth_server::{CLIENT_ID, CLIENT_SECRET, OAuthServer, Rules};
use crate::{Failure, TestResult};

pub(crate) const BOB: &str = "bob@example.com";
/// A token that is good for less is refreshed.
pub(crate) const LEEWAY: Duration = Duration::from_secs(60);
/// The lifetime of what an exchange gives.
const LIFETIME: Duration = Duration::from_secs(3600);
/// The function's; long, so that no test depends on it.
const TIMEOUT: Duration = Duration::from_secs(100);
const PREFIX: &str = "app/tokens";

pub(crate) struct World {
    pub(crate) server: OAuthServer,
    pub(crate) api: Api,
    /// On the function's way to LocalStack.
    pub(crate) secrets_manager: LossyProxy,
    /// A process of its own.
    pub(crate) other: SecretsManagerTokenStore,
    access_key_id: String,
}

impl World {
    /// Refresh tokens rotate, and two access tokens of a login are good at the same time.
    pub(crate) async fn new(endpoint: &str) -> Result<Self, Failure> {
        // A spent refresh token that comes again is refused: the loser of a race is no thief.
        let rules = Rules { reuse_detection: false, active_access_tokens: 2, ..Rules::rotating() };
        let server = OAuthServer::start(rules).await;
        let api = Api::start(server.application()).await?;
        let secrets_manager = LossyProxy::before(endpoint, "PutSecretValue").await?;
        let access_key_id = account::new_access_key_id();
        let other = SecretsManagerTokenStore::builder().prefix(PREFIX).time_to_live(Duration::ZERO);
        let other = other.client(account::client(endpoint, &access_key_id)).build().await?;
        Ok(Self { server, api, secrets_manager, other, access_key_id })
    }

    /// The function, deployed. Like Lambda, it has nothing but its environment.
    pub(crate) fn lambda(&self) -> io::Result<Lambda> {
        self.lambda_with(&[], TIMEOUT)
    }

    /// The same with these variables changed; an empty value is none.
    pub(crate) fn lambda_with(
        &self,
        changed: &[(&'static str, &str)],
        timeout: Duration,
    ) -> io::Result<Lambda> {
        let surroundings = Surroundings {
            secrets_manager: self.secrets_manager.endpoint().to_owned(),
            prefix: PREFIX.to_owned(),
            token_url: self.server.token_url(),
            api_url: self.api.url().to_owned(),
        };
        let account = ("AWS_ACCESS_KEY_ID", self.access_key_id.as_str());
        let changed: Vec<_> =
            [account].iter().chain(changed).map(|&(name, value)| (name, value.to_owned())).collect();
        let command = move || {
            let mut command = surroundings.start(env!("CARGO_BIN_EXE_bootstrap").as_ref());
            for (name, value) in &changed {
                if value.is_empty() {
                    command.env_remove(name);
                } else {
                    command.env(name, value);
                }
            }
            command
        };
        Lambda::new(command, timeout)
    }

    /// Logs bob in, with an access token that is good for so long; those after it are good for an hour.
    pub(crate) async fn log_in(&self, lifetime: Duration) -> TestResult {
        self.server.set_expires_in(lifetime);
        let response = self.server.login(BOB);
        self.server.set_expires_in(LIFETIME);
        let login = OAuthToken::builder().user_name(BOB).client_id(CLIENT_ID).client_secret(CLIENT_SECRET);
        self.other.save_token(&login.token_response(&response)?.build()?).await?;
        Ok(())
    }

    /// Has another process refresh bob's token.
    pub(crate) async fn refresh_elsewhere(&self) -> TestResult {
        let stored = self.stored().await?;
        let refresh_token = stored.refresh_token().ok_or("no refresh token")?.expose_secret();
        let answer = self.server.application().refresh(refresh_token).await?;
        self.other.save_token(&stored.to_builder().token_response(&answer.body)?.build()?).await?;
        Ok(())
    }

    /// What Secrets Manager has of bob.
    pub(crate) async fn stored(&self) -> Result<Arc<OAuthToken>, Failure> {
        Ok(self.other.find_by_user(BOB).await?.ok_or("bob is gone")?)
    }

    /// Shows that what is stored is what the API takes, and that its refresh token can be exchanged: nothing is lost.
    pub(crate) async fn nothing_is_lost(&self) -> TestResult {
        let stored = self.stored().await?;
        let access_token = stored.access_token().ok_or("no access token")?.expose_secret();
        let application = self.server.application();
        assert_eq!(application.call_api(access_token).await?.status, 200, "the stored access token is bad");
        self.refresh_elsewhere().await?;
        Ok(())
    }
}

/// Bob's invocation.
pub(crate) fn bob() -> Value {
    json!({ "user": BOB })
}

/// What the API says of a good token of bob's.
pub(crate) fn good_answer() -> Value {
    json!({ "outcome": "api_answered", "status": 200, "body": { "user": BOB } })
}

pub(crate) fn login_needed() -> Value {
    json!({ "outcome": "login_needed" })
}

/// The answer of an invocation, which must be one.
pub(crate) fn answer(outcome: Outcome) -> Result<Value, String> {
    match outcome {
        Outcome::Answered(answer) => Ok(answer),
        outcome => Err(format!("{outcome:?}")),
    }
}

/// Shows that what a function has printed or reported names nobody and holds no token.
pub(crate) fn shows_nothing(text: &str) {
    // All tokens of the server, and the id of its client, begin so.
    for secret in ["1000.", CLIENT_SECRET, BOB, "bob%40"] {
        assert!(!text.contains(secret), "{secret} is in\n{text}");
    }
}
