//! Why a record was loaded, as the log tells it. A program of its own, in which every test has a log: which messages tracing
//! wants is decided for the whole process, and here it wants all.

mod captured_log;

use std::time::Duration;

use oauth_token_store::embedded::{EmbeddedSecretsManager, Fault, Operation, TokioClock};
use oauth_token_store::secrecy::SecretString;
use oauth_token_store::{OAuthToken, OAuthTokenBuilder, SecretsManagerTokenStore, TokenId, TokenStore};
use tokio::time::{advance, sleep};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::util::SubscriberInitExt;

use captured_log::Log;

const USER: &str = "canary-user@example.com";
const NOBODY: &str = "canary-nobody@example.com";

/// Longer than anything is kept.
const LONG: Duration = Duration::from_secs(301);

/// A store, and a log of everything that happens in this thread while the guard is there.
struct Watched {
    backend: EmbeddedSecretsManager,
    store: SecretsManagerTokenStore,
    log: Log,
    loads_so_far: u64,
    _guard: DefaultGuard,
}

impl Watched {
    async fn new() -> Self {
        let log = Log::default();
        let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false);
        let guard = subscriber.with_span_events(FmtSpan::NEW).with_writer(log.clone()).finish().set_default();
        let backend = EmbeddedSecretsManager::new();
        let store = store_on(&backend).await;
        Self { backend, store, log, loads_so_far: 0, _guard: guard }
    }

    /// What another process saves.
    async fn save_elsewhere(&self, token: OAuthTokenBuilder) {
        let token = token.build().expect("valid");
        store_on(&self.backend).await.save_token(&token).await.expect("saved");
    }

    /// What has been logged since it was asked for last.
    fn take(&self) -> String {
        let log = self.log.take();
        assert!(!log.contains("canary"), "{log}");
        log
    }

    /// These loads have been logged since it was asked for last, no other ones, and there were no other ones.
    fn assert_loads(&mut self, expected: &[String]) {
        let log = self.take();
        let lines = log.lines().filter(|line| line.contains("oauth_token_store::cache"));
        let loads: Vec<&str> =
            lines.filter_map(|line| line.split_once(": loading ")).map(|(_, load)| load).collect();
        assert_eq!(loads, expected);
        self.loads_so_far += loads.len() as u64;
        assert_eq!(self.store.stats().loads, self.loads_so_far);
    }
}

async fn store_on(backend: &EmbeddedSecretsManager) -> SecretsManagerTokenStore {
    let builder = SecretsManagerTokenStore::builder().prefix("app").client(backend.client());
    builder.clock(TokioClock::new()).build().await.expect("a store")
}

fn login() -> OAuthTokenBuilder {
    let token = OAuthToken::builder().user_name(USER).id("canary-own-id").client_id("canary-client");
    token.refresh_token("canary-refresh").grant_token("canary-grant").access_token("canary-access")
}

fn id_of(user: &str) -> TokenId {
    TokenId::of_user(user).expect("valid")
}

/// How a load of this user's record stands in the log.
fn load(user: &str, reason: &str) -> String {
    format!("record=\"{}\" reason=\"{reason}\" is_repeated=false", id_of(user).as_str())
}

#[tokio::test(start_paused = true)]
async fn each_load_says_once_which_record_it_reads_and_why() {
    let mut watched = Watched::new().await;
    watched.save_elsewhere(login()).await;
    watched.assert_loads(&[]);
    let store = watched.store.clone();
    let find = async || assert!(store.find_by_user(USER).await.expect("found").is_some());

    find().await;
    watched.assert_loads(&[load(USER, "cold")]);
    find().await;
    watched.assert_loads(&[]);

    advance(LONG).await;
    find().await;
    watched.assert_loads(&[load(USER, "stale")]);

    store.invalidate(&id_of(USER));
    find().await;
    watched.assert_loads(&[load(USER, "invalidated")]);
    store.invalidate_all();
    find().await;
    watched.assert_loads(&[load(USER, "invalidated")]);

    watched.save_elsewhere(login().expires_in(Duration::from_secs(60))).await;
    store.reload(&id_of(USER)).await.expect("found");
    watched.assert_loads(&[load(USER, "forced")]);
    advance(Duration::from_secs(56)).await;
    find().await;
    watched.assert_loads(&[load(USER, "expired")]);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_is_not_there_is_loaded_for_the_same_reasons() {
    let mut watched = Watched::new().await;
    let store = watched.store.clone();
    let find = async || assert!(store.find_by_user(NOBODY).await.expect("no failure").is_none());
    find().await;
    watched.assert_loads(&[load(NOBODY, "cold")]);
    find().await;
    watched.assert_loads(&[]);
    advance(Duration::from_secs(1)).await;
    find().await;
    watched.assert_loads(&[load(NOBODY, "stale")]);
    store.invalidate(&id_of(NOBODY));
    find().await;
    watched.assert_loads(&[load(NOBODY, "invalidated")]);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_has_to_see_what_is_there_now_forces_a_load() {
    let mut watched = Watched::new().await;
    watched.store.save_token(&login().build().expect("valid")).await.expect("saved");
    watched.assert_loads(&[]);
    let partial = OAuthToken::builder().user_name(USER).build().expect("valid");
    let exchange = |_| async { OAuthToken::builder().access_token("canary-newer").build() };
    watched.store.refresh_with(&partial, Duration::ZERO, exchange).await.expect("fresh: it never expires");
    watched.assert_loads(&[]);

    watched.save_elsewhere(login().expires_in(Duration::ZERO)).await;
    // It expires by the system's clock, which is a little ahead.
    sleep(Duration::from_secs(1)).await;
    watched.store.reload(&id_of(USER)).await.expect("found");
    watched.assert_loads(&[load(USER, "forced")]);
    watched.store.refresh_with(&partial, Duration::ZERO, exchange).await.expect("refreshed");
    watched.assert_loads(&[load(USER, "forced")]);
}

#[tokio::test(start_paused = true)]
async fn a_load_that_shows_something_older_says_that_it_is_repeated() {
    let mut watched = Watched::new().await;
    let store = watched.store.clone();
    store.save_token(&login().build().expect("valid")).await.expect("saved");
    sleep(Duration::from_secs(100)).await;
    watched.backend.set_read_lag(Duration::from_secs(50));
    // It expires at once, so that it is read again while its version still counts.
    let changed =
        OAuthToken::builder().user_name(USER).access_token("canary-newer").expires_in(Duration::ZERO);
    store.save_token(&changed.build().expect("valid")).await.expect("saved");
    advance(Duration::from_secs(2)).await;
    watched.assert_loads(&[]);
    let found = store.find_by_user(USER).await.expect("found").expect("it is there");
    assert!(found.expires_within(Duration::ZERO), "it is the newer one");
    let repeated = load(USER, "expired").replace("is_repeated=false", "is_repeated=true");
    watched.assert_loads(&[load(USER, "expired"), repeated]);
}

#[tokio::test(start_paused = true)]
async fn a_failed_load_says_so_once_and_with_what_kind_of_error() {
    let mut watched = Watched::new().await;
    watched.backend.inject(Fault::access_denied().on(Operation::GetSecretValue));
    watched.store.find_by_user(USER).await.expect_err("denied");
    let log = watched.log.take();
    let failures: Vec<&str> = log
        .lines()
        .filter_map(|line| line.split_once(": a load failed "))
        .map(|(_, failure)| failure)
        .collect();
    assert_eq!(failures, [format!("record=\"{}\" kind=\"access_denied\"", id_of(USER).as_str())]);
    watched.loads_so_far += 1;
    watched.assert_loads(&[]);
}

#[tokio::test(start_paused = true)]
async fn a_hit_logs_nothing_and_opens_no_span() {
    let watched = Watched::new().await;
    watched.save_elsewhere(login()).await;
    let (assigned_id, own_id) = (id_of(USER), TokenId::new("canary-own-id").expect("valid"));
    let (refresh, grant, access) =
        ["canary-refresh", "canary-grant", "canary-access"].map(SecretString::from).into();
    let partial = login().build().expect("valid");
    let store = &watched.store;
    let through_the_trait: &dyn TokenStore = store;
    for round in 0..2 {
        for found in [
            store.find_by_user(USER).await,
            store.find_token(&partial).await,
            store.find_token_by_id(&assigned_id).await,
            store.find_token_by_id(&own_id).await,
            store.find_by_refresh_token("canary-client", &refresh).await,
            store.find_by_grant_token("canary-client", &grant).await,
            store.find_by_access_token(&access).await,
            through_the_trait.find_token(&partial).await,
            through_the_trait.find_token_by_id(&own_id).await,
        ] {
            assert!(found.expect("found").is_some());
        }
        let log = watched.take();
        // The second time all of it is known.
        assert_eq!(log.is_empty(), round == 1, "{log}");
    }
}
