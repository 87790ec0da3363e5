//! One store that all threads share, and its users.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use oauth_token_store::embedded::EmbeddedSecretsManager;
use oauth_token_store::secrecy::{ExposeSecret, SecretString};
use oauth_token_store::{OAuthToken, SecretsManagerTokenStore, StoreError, TokenId};
use tokio::runtime::Handle;

use crate::register::{Register, Way};

pub(crate) const CLIENT: &str = "client";

/// Nothing that is known gets so old.
const LONG: Duration = Duration::from_secs(86_400);

pub(crate) struct World {
    pub(crate) store: SecretsManagerTokenStore,
    pub(crate) users: Vec<User>,
    pub(crate) runtime: Handle,
    /// How many reads have found something, and how many nothing.
    pub(crate) found: AtomicU64,
    pub(crate) missed: AtomicU64,
    problems: Mutex<Vec<String>>,
    is_over: AtomicBool,
}

/// A user, the keys that its record has all the time, and how far its writer has come.
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) own_id: TokenId,
    pub(crate) assigned_id: TokenId,
    pub(crate) refresh_token: SecretString,
    pub(crate) register: Register,
}

impl User {
    fn new(number: usize) -> Self {
        let name = format!("user-{number}");
        Self {
            own_id: TokenId::new(format!("own-{number}")).expect("valid"),
            assigned_id: TokenId::of_user(&name).expect("valid"),
            refresh_token: format!("refresh-{number}").into(),
            register: Register::default(),
            name,
        }
    }

    /// The access token that this step gives.
    pub(crate) fn access_token(&self, step: u64) -> SecretString {
        format!("{}/{step}", self.name).into()
    }

    /// What this step saves.
    pub(crate) fn token(&self, step: u64) -> OAuthToken {
        let token = OAuthToken::builder()
            .user_name(&self.name)
            .id(self.own_id.as_str())
            .client_id(CLIENT)
            .client_secret("hush")
            .refresh_token(self.refresh_token.expose_secret())
            .access_token(self.access_token(step).expose_secret());
        token.build().expect("valid")
    }

    /// The step that has saved this token. It must be all of one piece, and this user's.
    pub(crate) fn step_of(&self, token: &OAuthToken) -> Result<u64, String> {
        let access_token = token.access_token().map(|token| token.expose_secret());
        let (name, step) = access_token.and_then(|token| token.split_once('/')).ok_or("no access token")?;
        let step = step.parse().map_err(|_| "no step in the access token")?;
        if name == self.name && *token == self.token(step) {
            Ok(step)
        } else {
            Err(format!("{token:?} with step {step} of {name} is no token of {}", self.name))
        }
    }
}

impl World {
    pub(crate) async fn new(users: usize, capacity: u64) -> Self {
        let client = EmbeddedSecretsManager::new().client();
        let store =
            SecretsManagerTokenStore::builder().client(client).time_to_live(LONG).max_capacity(capacity);
        Self {
            store: store.build().await.expect("a store"),
            users: (0..users).map(User::new).collect(),
            runtime: Handle::current(),
            found: AtomicU64::new(0),
            missed: AtomicU64::new(0),
            problems: Mutex::default(),
            is_over: AtomicBool::new(false),
        }
    }

    /// Reads a user's record and judges what is shown.
    pub(crate) fn read<F>(&self, user: &User, way: impl FnOnce(u64) -> (Way, F))
    where
        F: Future<Output = Result<Option<Arc<OAuthToken>>, StoreError>>,
    {
        let before = user.register.before();
        let (way, find) = way(before.published);
        let shown = self.runtime.block_on(find).map_err(|error| format!("a read fails: {error}"));
        let judged = shown.and_then(|token| {
            let counter = if token.is_some() { &self.found } else { &self.missed };
            counter.fetch_add(1, Ordering::Relaxed);
            let step = token.map(|token| user.step_of(&token)).transpose()?;
            user.register.after(before, way, step)
        });
        if let Err(problem) = judged {
            self.report(format!("{}: {problem}", user.name));
        }
    }

    /// Something is wrong: all is over.
    pub(crate) fn report(&self, problem: String) {
        self.problems.lock().unwrap_or_else(PoisonError::into_inner).push(problem);
        self.end();
    }

    pub(crate) fn end(&self) {
        self.is_over.store(true, Ordering::Release);
    }

    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }

    pub(crate) fn into_problems(self) -> Vec<String> {
        self.problems.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}
