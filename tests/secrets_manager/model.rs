//! The store against the model: the same random operations on both, compared after each.
//!
//! A difference is reported as the shortest script that shows it. `MODEL_SEEDS=250 cargo test model` runs 20,000
//! operations.
//!
//! Small domains, so that tokens meet: two users, two clients, two ids of the application's own, ids of every locator,
//! three values of each token. Two stores on one backend take turns, as two processes would.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use oauth_token_store::embedded::EmbeddedSecretsManager;
use oauth_token_store::{
    ErrorKind, MemoryTokenStore, OAuthToken, OAuthTokenBuilder, SecretsManagerTokenStore, StoreError,
    TokenId, TokenStore,
};

use crate::dice::Dice;
use crate::support::{cached_store_on, store_on, token};

/// An operation's outcome, as far as both stores must agree.
#[derive(Debug, PartialEq)]
enum Outcome {
    Token(Option<Seen>),
    Tokens(Vec<Seen>),
    Done,
    Failed(ErrorKind),
}

/// A token as its reader sees it: `==` of tokens compares contents, so the assigned id stands beside them.
#[derive(PartialEq)]
struct Seen(Arc<OAuthToken>);

impl Seen {
    fn text(&self) -> String {
        let assigned = self.0.assigned_id().map(TokenId::as_str);
        format!("{assigned:?} {}", show(&self.0))
    }
}

impl std::fmt::Debug for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text())
    }
}

/// Everything in a token, which holds no secret here.
fn show(token: &OAuthToken) -> String {
    use oauth_token_store::secrecy::ExposeSecret;
    let secret = |secret: Option<&oauth_token_store::secrecy::SecretString>| {
        secret.map(|secret| secret.expose_secret().to_owned())
    };
    let fields = [
        ("id", token.id().map(|id| id.as_str().to_owned())),
        ("user", token.user_name().map(str::to_owned)),
        ("client", token.client_id().map(str::to_owned)),
        ("client_secret", secret(token.client_secret())),
        ("refresh", secret(token.refresh_token())),
        ("access", secret(token.access_token())),
        ("grant", secret(token.grant_token())),
        ("scope", token.scope().map(str::to_owned)),
        ("x", token.extra("x").map(str::to_owned)),
        ("expiry", token.expiry_time().map(|at| format!("{:?}", at.duration_since(SystemTime::UNIX_EPOCH)))),
    ];
    let given = fields.into_iter().filter_map(|(name, value)| value.map(|value| format!("{name}={value}")));
    given.collect::<Vec<_>>().join(" ")
}

#[derive(Clone, Debug)]
enum Operation {
    Find(OAuthToken),
    FindById(TokenId),
    Save(OAuthToken),
    /// Finds by this id, changes what the other token gives, and saves that.
    Change(TokenId, OAuthToken),
    /// Changes a token that some earlier operation returned, whatever has become of its record, and saves that.
    ChangeEarlier(u64, OAuthToken),
    /// Saves a token that some earlier operation returned as if it had been made from nothing.
    Copy(u64),
    Delete(TokenId),
    List,
    DeleteAll,
}

fn described(operation: &Operation) -> String {
    match operation {
        Operation::Find(token) => format!("find {}", show(token)),
        Operation::FindById(id) => format!("find by id {}", id.as_str()),
        Operation::Save(token) => format!("save {}", show(token)),
        Operation::Change(id, change) => format!("change {} to {}", id.as_str(), show(change)),
        Operation::ChangeEarlier(n, change) => {
            format!("change what was returned, number {n}, to {}", show(change))
        }
        Operation::Copy(n) => format!("save what was returned, number {n}, detached"),
        Operation::Delete(id) => format!("delete {}", id.as_str()),
        Operation::List => "list".into(),
        Operation::DeleteAll => "delete all".into(),
    }
}

impl Dice {
    fn one_of<'a>(&mut self, values: &[&'a str]) -> &'a str {
        values[usize::try_from(self.below(values.len() as u64)).expect("small")]
    }

    /// A value in one of `in_` cases, else none: an empty string.
    fn maybe<'a>(&mut self, in_: u64, values: &[&'a str]) -> &'a str {
        if self.below(in_) == 0 { self.one_of(values) } else { "" }
    }

    fn id(&mut self) -> TokenId {
        if self.below(2) == 0 {
            return TokenId::new(self.one_of(&["7", "8"])).expect("valid");
        }
        self.assigned_id()
    }

    /// The id that a record made from some token of these domains has.
    fn assigned_id(&mut self) -> TokenId {
        loop {
            let record = self.token().build().and_then(|token| token.new_record());
            if let Some(id) = record.ok().and_then(|record| record.assigned_id().cloned()) {
                return id;
            }
        }
    }

    fn token(&mut self) -> OAuthTokenBuilder {
        let mut builder = token()
            .user_name(self.maybe(2, &["bob", "eve"]))
            .client_id(self.maybe(2, &["c", "c", "c", "d"]))
            .client_secret(self.maybe(8, &["s"]))
            .refresh_token(self.maybe(2, &["r1", "r2", "r3"]))
            .access_token(self.maybe(2, &["a1", "a2", "a3"]))
            .grant_token(self.maybe(4, &["g1", "g2"]))
            .scope(self.maybe(3, &["s1", "s2"]))
            .extra("x", self.maybe(3, &["x1", "x2"]));
        if self.below(3) == 0 {
            builder = builder.expiry_time(SystemTime::UNIX_EPOCH + Duration::from_secs(self.below(3)));
        }
        builder
    }

    fn partial(&mut self) -> OAuthToken {
        let mut builder = self.token();
        if self.below(4) == 0 {
            builder = builder.id(self.id());
        }
        builder.build().expect("valid")
    }

    fn operation(&mut self) -> Operation {
        match self.below(40) {
            0..=11 => Operation::Find(self.partial()),
            12..=15 => Operation::FindById(self.id()),
            16..=27 => Operation::Save(self.partial()),
            28..=29 => Operation::Change(self.id(), self.partial()),
            30..=31 => Operation::ChangeEarlier(self.below(6), self.partial()),
            32 => Operation::Copy(self.below(6)),
            33..=36 => Operation::Delete(self.id()),
            37..=38 => Operation::List,
            _ => Operation::DeleteAll,
        }
    }
}

fn of_token(outcome: Result<Option<Arc<OAuthToken>>, StoreError>) -> Outcome {
    match outcome {
        Ok(token) => Outcome::Token(token.map(Seen)),
        Err(error) => Outcome::Failed(error.kind()),
    }
}

fn of_unit(outcome: Result<(), StoreError>) -> Outcome {
    outcome.map_or_else(|error| Outcome::Failed(error.kind()), |()| Outcome::Done)
}

/// `earlier` holds what this store has returned, the latest last.
async fn run(store: &dyn TokenStore, operation: &Operation, earlier: &mut Vec<Arc<OAuthToken>>) -> Outcome {
    let outcome = outcome_of(store, operation, earlier).await;
    if let Outcome::Token(Some(seen)) = &outcome {
        earlier.push(Arc::clone(&seen.0));
    }
    outcome
}

async fn outcome_of(store: &dyn TokenStore, operation: &Operation, earlier: &[Arc<OAuthToken>]) -> Outcome {
    let returned = |n: &u64| earlier.iter().rev().nth(usize::try_from(*n).expect("small")).cloned();
    match operation {
        Operation::ChangeEarlier(n, change) => match returned(n) {
            Some(found) => of_token(store.save_token(&changed(&found, change)).await.map(Some)),
            None => Outcome::Done,
        },
        Operation::Copy(n) => match returned(n) {
            Some(found) => of_token(store.save_token(&found.detached()).await.map(Some)),
            None => Outcome::Done,
        },
        Operation::Find(partial) => of_token(store.find_token(partial).await),
        Operation::FindById(id) => of_token(store.find_token_by_id(id).await),
        Operation::Save(token) => of_token(store.save_token(token).await.map(Some)),
        Operation::Change(id, change) => {
            let Ok(Some(found)) = store.find_token_by_id(id).await else {
                return Outcome::Done;
            };
            of_token(store.save_token(&changed(&found, change)).await.map(Some))
        }
        Operation::Delete(id) => of_unit(store.delete_token(id).await),
        Operation::List => match store.get_tokens().await {
            Ok(tokens) => {
                let mut tokens: Vec<_> = tokens.into_iter().map(Seen).collect();
                tokens.sort_by_key(Seen::text);
                Outcome::Tokens(tokens)
            }
            Err(error) => Outcome::Failed(error.kind()),
        },
        Operation::DeleteAll => of_unit(store.delete_tokens().await),
    }
}

/// What was found with what another token gives written over it.
fn changed(found: &OAuthToken, change: &OAuthToken) -> OAuthToken {
    use oauth_token_store::secrecy::ExposeSecret;
    let mut builder = found.to_builder();
    if let Some(user) = change.user_name() {
        builder = builder.user_name(user);
    }
    if let Some(refresh) = change.refresh_token() {
        builder = builder.refresh_token(refresh.expose_secret());
    }
    if let Some(access) = change.access_token() {
        builder = builder.access_token(access.expose_secret());
    }
    if let Some(scope) = change.scope() {
        builder = builder.scope(scope);
    }
    if let Some(at) = change.expiry_time() {
        builder = builder.expiry_time(at);
    }
    if let Some(id) = change.id() {
        builder = builder.id(id);
    }
    builder.build().expect("valid")
}

/// Who is compared with the model.
#[derive(Clone, Copy)]
enum Stores {
    TwoInTurn,
    OneWithACache,
}

impl Stores {
    async fn on(self, backend: &EmbeddedSecretsManager) -> [SecretsManagerTokenStore; 2] {
        match self {
            Self::TwoInTurn => [store_on(backend).await, store_on(backend).await],
            Self::OneWithACache => {
                let store = cached_store_on(backend).await;
                [store.clone(), store]
            }
        }
    }
}

async fn run_both(stores: Stores, script: &[Operation]) -> Result<(), (usize, Outcome, Outcome)> {
    let backend = EmbeddedSecretsManager::new();
    let stores = stores.on(&backend).await;
    let model = MemoryTokenStore::new();
    let (mut of_model, mut of_stores) = (Vec::new(), Vec::new());
    for (n, operation) in script.iter().enumerate() {
        let expected = run(&model, operation, &mut of_model).await;
        let outcome = run(&stores[n % 3 % 2], operation, &mut of_stores).await;
        if outcome != expected {
            return Err((n, expected, outcome));
        }
    }
    Ok(())
}

/// Leaves out whatever is not needed for the difference.
async fn shortest(stores: Stores, mut script: Vec<Operation>) -> Vec<Operation> {
    while let Err((last, ..)) = run_both(stores, &script).await {
        script.truncate(last + 1);
        let mut shorter = None;
        for n in (0..script.len()).rev() {
            let mut candidate = script.clone();
            candidate.remove(n);
            if run_both(stores, &candidate).await.is_err() {
                shorter = Some(candidate);
                break;
            }
        }
        match shorter {
            Some(candidate) => script = candidate,
            None => break,
        }
    }
    script
}

/// How many scripts, unless `MODEL_SEEDS` says otherwise.
const SEEDS: u64 = 25;
const OPERATIONS: usize = 80;

#[tokio::test(start_paused = true)]
async fn two_stores_in_turn_do_what_the_model_does() {
    all_scripts(Stores::TwoInTurn).await;
}

#[tokio::test(start_paused = true)]
async fn a_store_with_a_cache_does_what_the_model_does() {
    all_scripts(Stores::OneWithACache).await;
}

async fn all_scripts(stores: Stores) {
    let seeds = std::env::var("MODEL_SEEDS").map_or(SEEDS, |seeds| seeds.parse().expect("a number"));
    let mut differences = String::new();
    for seed in 0..seeds {
        let mut dice = Dice(seed);
        let script: Vec<_> = (0..OPERATIONS).map(|_| dice.operation()).collect();
        if run_both(stores, &script).await.is_ok() {
            continue;
        }
        let script = shortest(stores, script).await;
        let Err((_, expected, outcome)) = run_both(stores, &script).await else { continue };
        let steps: Vec<_> = script.iter().map(described).collect();
        differences +=
            &format!("\nseed {seed}:\n  {}\n  model: {expected:?}\n  store: {outcome:?}", steps.join("\n  "));
    }
    assert!(differences.is_empty(), "{differences}");
}
