//! A process that is going to be killed: the store as an application uses it, told by standard input what to do.
//!
//! Each save leaves its deed's number in the token three times: as `by`, which every save sets; as a field of its own,
//! which nobody else sets; and, if it brings tokens of the OAuth server, as `tokens_by`.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use oauth_token_store::{
    ErrorKind, OAuthToken, OAuthTokenBuilder, RefreshError, SecretsManagerTokenStore, StoreError, TokenId,
    TokenStore,
};
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::TestResult;
use crate::causes::causes;
use crate::oauth_server::{Application, CLIENT_ID, CLIENT_SECRET};

use super::Failure;
use super::command::{Command, Outcome, Task};

/// How often a save is repeated that failed in a passing way.
const REPEATS: usize = 3;

/// A child process: carries out each line that it is sent, several at once, and says when it has.
pub(crate) async fn work(arguments: Vec<String>) -> TestResult {
    let [token_url, api_url] = arguments.as_slice() else { return Err("takes two addresses".into()) };
    let store = SecretsManagerTokenStore::from_env().await?;
    let worker =
        Arc::new(Worker { store, application: Application::new(token_url.clone(), api_url.clone()) });
    let mut commands = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = commands.next_line().await? {
        let command: Command = line.parse()?;
        let worker = Arc::clone(&worker);
        tokio::spawn(async move {
            let outcome = match worker.carry_out(&command).await {
                Ok(outcome) => outcome,
                Err(error) => Outcome::Failed(causes(&*error)),
            };
            println!("{} {outcome}", command.deed);
        });
    }
    Ok(())
}

struct Worker {
    store: SecretsManagerTokenStore,
    application: Application,
}

impl Worker {
    async fn carry_out(&self, command: &Command) -> Result<Outcome, Failure> {
        let Command { deed, user, task } = command;
        match task {
            Task::LogIn { response } => {
                let login = OAuthToken::builder().user_name(user).client_id(CLIENT_ID);
                let login = login.client_secret(CLIENT_SECRET).token_response(response)?;
                self.save(with_tokens(login, *deed).build()?, *deed).await
            }
            Task::Change => match self.store.find_by_user(user).await? {
                Some(found) => self.save(marked(found.to_builder(), *deed).build()?, *deed).await,
                None => Ok(Outcome::Absent),
            },
            Task::Refresh { leeway } => self.refresh(user, *leeway, *deed).await,
            Task::LogOut => {
                self.store.delete_token(&TokenId::of_user(user)?).await?;
                Ok(Outcome::Done)
            }
            Task::Find => match self.store.find_by_user(user).await? {
                Some(found) => Ok(Outcome::Found(last_deed(&found)?)),
                None => Ok(Outcome::Absent),
            },
        }
    }

    /// As the guide on saving says: what failed in a passing way is saved again with the token in the error.
    async fn save(&self, token: OAuthToken, deed: usize) -> Result<Outcome, Failure> {
        let mut saved = self.store.save_token(&token).await;
        for _ in 0..REPEATS {
            let Err(error) = &saved else { break };
            let Some(token) = error.token().filter(|_| error.is_retryable()).cloned() else { break };
            saved = self.store.save_token(&token).await;
        }
        outcome_of_save(saved, deed)
    }

    async fn refresh(&self, user: &str, leeway: u64, deed: usize) -> Result<Outcome, Failure> {
        let partial = OAuthToken::builder().user_name(user).build()?;
        let application = self.application.clone();
        let exchange = move |current: Arc<OAuthToken>| async move {
            let response = exchange(&application, &current, deed).await?;
            Ok::<_, Failure>(with_tokens(current.to_builder().token_response(&response)?, deed).build()?)
        };
        let error = match self.store.refresh_with(&partial, Duration::from_secs(leeway), exchange).await {
            Ok(None) => return Ok(Outcome::Absent),
            Ok(Some(token)) if is_marked(&token, deed) => return Ok(Outcome::Done),
            Ok(Some(token)) => return Ok(Outcome::Found(last_deed(&token)?)),
            Err(error) => error,
        };
        if error.exchange_error().is_some_and(|error| error.is::<Refused>()) {
            return Ok(Outcome::Refused);
        }
        match error.token().filter(|token| is_marked(token, deed)) {
            Some(token) if error.is_retryable() => self.save(OAuthToken::clone(token), deed).await,
            _ if kind(&error) == Some(ErrorKind::Deleted) => Ok(Outcome::Deleted),
            _ => Err(error.into()),
        }
    }
}

/// The OAuth server refused.
#[derive(Debug)]
struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the OAuth server refused the refresh token")
    }
}

impl std::error::Error for Refused {}

/// One exchange, which says whose it is: so the server knows whom it has given what.
async fn exchange(application: &Application, current: &OAuthToken, deed: usize) -> Result<String, Failure> {
    use oauth_token_store::secrecy::ExposeSecret;
    let refresh_token = current.refresh_token().ok_or("no refresh token")?;
    let answer = application
        .exchange(&[
            ("grant_type", "refresh_token"),
            ("client_id", CLIENT_ID),
            ("client_secret", CLIENT_SECRET),
            ("refresh_token", refresh_token.expose_secret()),
            (super::DEED, &deed.to_string()),
        ])
        .await?;
    if answer.body.contains("invalid_code") { Err(Refused.into()) } else { Ok(answer.body) }
}

fn outcome_of_save(saved: Result<Arc<OAuthToken>, StoreError>, deed: usize) -> Result<Outcome, Failure> {
    match saved {
        Ok(stored) if is_marked(&stored, deed) => Ok(Outcome::Done),
        Ok(_) => Err("what the save gave back lacks what was saved".into()),
        Err(error) if error.kind() == ErrorKind::Deleted => Ok(Outcome::Deleted),
        Err(error) => Err(error.into()),
    }
}

fn kind(error: &RefreshError) -> Option<ErrorKind> {
    error.store_error().map(StoreError::kind)
}

fn marked(token: OAuthTokenBuilder, deed: usize) -> OAuthTokenBuilder {
    token.extra("by", deed.to_string()).extra(format!("deed-{deed}"), "1")
}

fn with_tokens(token: OAuthTokenBuilder, deed: usize) -> OAuthTokenBuilder {
    marked(token, deed).extra("tokens_by", deed.to_string())
}

fn is_marked(token: &OAuthToken, deed: usize) -> bool {
    token.extra(&format!("deed-{deed}")).is_some()
}

fn last_deed(token: &OAuthToken) -> Result<usize, Failure> {
    Ok(token.extra("by").ok_or("a token that nobody here has written")?.parse()?)
}
