//! `refresh_with` over HTTP: an OAuth server that behaves as Zoho's does, an API that takes its access tokens, and
//! processes that share one Secrets Manager.
//!
//! The server and the backend hold requests to force an interleaving; nothing sleeps. A time limit is there only so that
//! a test that hangs fails.

#[path = "oauth_server/mod.rs"]
mod oauth_server;

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use oauth_server::{Application, CLIENT_ID, ExchangeFault, Hold, OAuthServer, Rules};
use oauth_token_store::embedded::{EmbeddedSecretsManager, Fault, Gate, Operation};
use oauth_token_store::secrecy::ExposeSecret;
use oauth_token_store::{
    Clock, OAuthToken, RefreshError, SecretsManagerTokenStore, TokenId, TokenResponseError, TokenStore,
};
use tokio::sync::Barrier;
use tokio::task::{JoinHandle, JoinSet};

const TASKS: usize = 1_000;
/// A token that is good for less is refreshed.
const MARGIN: Duration = Duration::from_secs(60);
/// The lifetime of what an exchange gives.
const LIFETIME: Duration = Duration::from_secs(3600);
/// No token is good for so long, so who wants one that is has it exchanged.
const LONGER_THAN_ANY_TOKEN: Duration = Duration::from_secs(2 * 3600);

type Failure = Box<dyn Error + Send + Sync>;
type Refreshed = Result<Option<Arc<OAuthToken>>, RefreshError>;

/// What the application makes of an exchange that gave no token.
#[derive(Debug)]
enum ExchangeFailed {
    NoAnswer(reqwest::Error),
    NoToken { status: u16, cause: TokenResponseError },
}

impl fmt::Display for ExchangeFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAnswer(_) => f.write_str("the OAuth server did not answer"),
            Self::NoToken { status, .. } => {
                write!(f, "the OAuth server answered with HTTP {status} and no token")
            }
        }
    }
}

impl Error for ExchangeFailed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::NoAnswer(cause) => Some(cause),
            Self::NoToken { cause, .. } => Some(cause),
        }
    }
}

/// An OAuth server where bob has logged in, and the Secrets Manager that has his token. His access token has expired.
struct World {
    server: OAuthServer,
    backend: EmbeddedSecretsManager,
}

impl World {
    async fn new(rules: Rules) -> Self {
        let world = Self { server: OAuthServer::start(rules).await, backend: EmbeddedSecretsManager::new() };
        world.log_in_with_an_expired_token().await;
        world
    }

    async fn log_in_with_an_expired_token(&self) {
        self.server.set_expires_in(Duration::ZERO);
        let response = self.server.login("bob");
        self.server.set_expires_in(LIFETIME);
        let login = OAuthToken::builder().user_name("bob").client_id(CLIENT_ID).token_response(&response);
        let login = login.expect("a token response").build().expect("valid");
        self.process().await.store.save_token(&login).await.expect("saved");
    }

    /// What nothing else has in common with but the backend and the server.
    async fn process(&self) -> Process {
        let builder = SecretsManagerTokenStore::builder().client(self.backend.client());
        // A save whose answers get lost is given up soon, so that no test takes the ten seconds of the default.
        let builder = builder.write_deadline(Duration::from_secs(1));
        // An expired token stays in the cache for a moment only, so there the moment lasts.
        let store = builder.clock(StandsStill(SystemTime::now())).build().await.expect("a store");
        Process { store, application: self.server.application() }
    }

    /// What Secrets Manager has, whatever any process remembers.
    async fn stored(&self) -> Arc<OAuthToken> {
        self.process().await.found().await
    }

    /// Exchanges that gave tokens, and those that were refused.
    fn exchanges(&self) -> (usize, usize) {
        (self.server.exchanges(), self.server.refused_exchanges())
    }

    /// Shows that what is stored can be exchanged, and that the API takes what it is exchanged for.
    async fn nobody_has_to_log_in(&self) {
        let (granted, refused) = self.exchanges();
        let process = self.process().await;
        let token = some(process.refresh(LONGER_THAN_ANY_TOKEN).await);
        assert_eq!(self.exchanges(), (granted + 1, refused));
        assert_eq!(process.api_status(&token).await, 200);
    }

    /// Shows that what is stored is worth nothing, and that a new login mends it.
    async fn bob_has_to_log_in(&self) {
        let process = self.process().await;
        let error = process.refresh(LONGER_THAN_ANY_TOKEN).await.expect_err("refused");
        assert_eq!(refused_with(&error), (200, Some("invalid_code")));
        self.log_in_with_an_expired_token().await;
        self.nobody_has_to_log_in().await;
    }

    /// Two processes have begun to exchange the same refresh token: one will be the first.
    async fn race(&self) -> Race {
        let (one, two) = (self.process().await, self.process().await);
        let hold = self.server.hold();
        let first = one.spawn_refresh(MARGIN);
        soon(hold.arrived(1)).await;
        let second = two.spawn_refresh(MARGIN);
        soon(hold.arrived(2)).await;
        Race { hold, first, second, one, two }
    }
}

struct Race {
    hold: Hold,
    first: JoinHandle<Refreshed>,
    second: JoinHandle<Refreshed>,
    one: Process,
    two: Process,
}

impl Race {
    /// The second one's exchange arrives when the first one has saved what it got.
    async fn one_after_the_other(self) -> ([Arc<OAuthToken>; 2], [Process; 2]) {
        assert!(self.hold.release_one());
        let first = some(ended(self.first).await);
        assert!(self.hold.release_one());
        let second = some(ended(self.second).await);
        ([first, second], [self.one, self.two])
    }
}

/// A clock for a cache in which nothing ages. Whether a token has expired is not its business.
struct StandsStill(SystemTime);

impl Clock for StandsStill {
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }

    fn wall(&self) -> SystemTime {
        self.0
    }
}

/// A store with a cache and an AWS client of its own, and an application that talks HTTP.
#[derive(Clone)]
struct Process {
    store: SecretsManagerTokenStore,
    application: Application,
}

impl Process {
    async fn refresh(&self, leeway: Duration) -> Refreshed {
        let bob = OAuthToken::builder().user_name("bob").build().expect("valid");
        let application = self.application.clone();
        let exchange = |current| exchange(application, current);
        soon(self.store.refresh_with(&bob, leeway, exchange)).await
    }

    fn spawn_refresh(&self, leeway: Duration) -> JoinHandle<Refreshed> {
        let process = self.clone();
        tokio::spawn(async move { process.refresh(leeway).await })
    }

    async fn found(&self) -> Arc<OAuthToken> {
        self.store.find_by_user("bob").await.expect("it can be read").expect("it is there")
    }

    async fn reloaded(&self) -> Arc<OAuthToken> {
        let bob = TokenId::of_user("bob").expect("valid");
        self.store.reload(&bob).await.expect("it can be read").expect("it is there")
    }

    async fn api_status(&self, token: &OAuthToken) -> u16 {
        let access_token = token.access_token().expect("an access token").expose_secret();
        self.application.call_api(access_token).await.expect("an answer").status
    }

    /// A refresh whose exchange must fail: it leaves everything as it was.
    async fn fails_to_refresh(&self, world: &World) -> RefreshError {
        let stored = world.stored().await;
        let before = world.backend.requests();
        let error = self.refresh(LONGER_THAN_ANY_TOKEN).await.expect_err("no token");
        let requests = world.backend.requests().since(&before);
        assert_eq!(requests.total(), requests.count(Operation::GetSecretValue), "{requests}");
        assert_eq!(world.stored().await, stored);
        assert!(error.store_error().is_none() && error.token().is_none() && !error.is_retryable());
        error
    }
}

/// What an application has to write itself: one request to its OAuth server.
async fn exchange(application: Application, current: Arc<OAuthToken>) -> Result<OAuthToken, Failure> {
    let refresh_token = current.refresh_token().ok_or("no refresh token")?.expose_secret();
    let answer = application.refresh(refresh_token).await.map_err(ExchangeFailed::NoAnswer)?;
    match current.to_builder().token_response(&answer.body) {
        Ok(refreshed) => Ok(refreshed.build()?),
        Err(cause) => Err(ExchangeFailed::NoToken { status: answer.status, cause }.into()),
    }
}

/// The application's own error, which must be in there.
fn exchange_failed(error: &RefreshError) -> &ExchangeFailed {
    let source = error.source().expect("a source");
    let from_source: &ExchangeFailed = source.downcast_ref().expect("the application's own");
    let own = error.exchange_error().and_then(|error| error.downcast_ref()).expect("the application's own");
    assert!(std::ptr::eq(from_source, own));
    own
}

/// The HTTP status and the OAuth error of an exchange that was answered.
fn refused_with(error: &RefreshError) -> (u16, Option<&str>) {
    match exchange_failed(error) {
        ExchangeFailed::NoToken { status, cause } => (*status, cause.oauth_error()),
        ExchangeFailed::NoAnswer(cause) => panic!("no answer: {cause}"),
    }
}

fn some(refreshed: Refreshed) -> Arc<OAuthToken> {
    refreshed.expect("refreshed").expect("it is there")
}

fn refresh_token_of(token: &OAuthToken) -> &str {
    token.refresh_token().expect("a refresh token").expose_secret()
}

/// What comes of it, instead of a test without an end.
async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), work).await.expect("nothing hangs")
}

async fn ended<T>(task: JoinHandle<T>) -> T {
    soon(task).await.expect("no panic")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_tasks_at_expiry_share_one_exchange_and_the_api_takes_its_token() {
    let world = World::new(Rules::rotating()).await;
    let process = world.process().await;
    let login = process.found().await;
    assert_eq!(process.api_status(&login).await, 401, "it has expired");
    let before = world.backend.requests();

    let hold = world.server.hold();
    let all_at_once = Arc::new(Barrier::new(TASKS));
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let (process, all_at_once) = (process.clone(), Arc::clone(&all_at_once));
        tasks.spawn(async move {
            all_at_once.wait().await;
            process.refresh(MARGIN).await
        });
    }
    soon(hold.arrived(1)).await;
    assert_eq!(hold.held(), 1);
    hold.open();
    let tokens: Vec<_> = tasks.join_all().await.into_iter().map(some).collect();

    assert_eq!(world.exchanges(), (1, 0));
    assert!(tokens.iter().all(|token| *token == tokens[0]));
    assert_eq!(process.api_status(&tokens[0]).await, 200);
    assert_eq!(world.backend.requests().since(&before).count(Operation::PutSecretValue), 1);
    let stored = world.stored().await;
    assert_eq!(stored, tokens[0]);
    assert_ne!(refresh_token_of(&stored), refresh_token_of(&login));
    world.nobody_has_to_log_in().await;
}

#[tokio::test]
async fn what_was_exchanged_for_a_caller_who_is_gone_is_stored() {
    // The exchange is carried out only when the caller is gone, or its answer comes only then.
    for hold in [OAuthServer::hold, OAuthServer::hold_answers] {
        let world = World::new(Rules::rotating()).await;
        let hold = hold(&world.server);
        let only_caller = world.process().await.spawn_refresh(MARGIN);
        soon(hold.arrived(1)).await;
        only_caller.abort();
        assert!(soon(only_caller).await.expect_err("dropped").is_cancelled());

        let written = world.backend.gate(Gate::after(Operation::PutSecretValue));
        hold.open();
        soon(written.arrived(1)).await;
        let process = world.process().await;
        let token = some(process.refresh(MARGIN).await);
        assert_eq!(world.exchanges(), (1, 0));
        assert_eq!(process.api_status(&token).await, 200);
        written.open();
        world.nobody_has_to_log_in().await;
    }
}

#[tokio::test]
async fn the_token_of_a_failed_save_can_be_saved() {
    // Nothing is written, or it is and nobody knows.
    for fault in [Fault::access_denied(), Fault::lost_answer()] {
        let world = World::new(Rules::rotating()).await;
        let process = world.process().await;
        let fault = world.backend.inject(fault.on(Operation::PutSecretValue));
        let error = process.refresh(MARGIN).await.expect_err("not saved");
        assert!(error.store_error().is_some() && error.exchange_error().is_none());
        let given = error.token().expect("what the exchange gave");
        assert_eq!(process.api_status(given).await, 200);

        world.backend.remove_fault(fault);
        process.store.save_token(given).await.expect("saved");
        let stored = world.stored().await;
        assert_eq!(refresh_token_of(&stored), refresh_token_of(given));
        assert_eq!(process.api_status(&stored).await, 200);
        assert_eq!(some(process.refresh(MARGIN).await), stored);
        assert_eq!(world.exchanges(), (1, 0));
        world.nobody_has_to_log_in().await;
    }
}

#[tokio::test]
async fn what_nobody_has_saved_is_saved_by_the_next_refresh_before_any_exchange() {
    let world = World::new(Rules::rotating()).await;
    let process = world.process().await;
    let spent = world.stored().await;
    let fault = world.backend.inject(Fault::access_denied().on(Operation::PutSecretValue));
    for _ in 0..2 {
        drop(process.refresh(MARGIN).await.expect_err("not saved"));
        assert_eq!(world.exchanges(), (1, 0));
    }
    assert_eq!(world.stored().await, spent);

    world.backend.remove_fault(fault);
    let token = some(process.refresh(MARGIN).await);
    assert_eq!(world.exchanges(), (1, 0), "another exchange of the spent refresh token would end the login");
    assert_eq!(world.stored().await, token);
    assert_eq!(process.api_status(&token).await, 200);
    world.nobody_has_to_log_in().await;
}

#[tokio::test]
async fn what_nobody_has_saved_does_not_replace_a_new_login() {
    let world = World::new(Rules::rotating()).await;
    let process = world.process().await;
    world.backend.inject(Fault::access_denied().on(Operation::PutSecretValue).times(1));
    let error = process.refresh(MARGIN).await.expect_err("not saved");
    world.log_in_with_an_expired_token().await;
    world.server.revoke_access_tokens("bob");

    let token = some(process.refresh(MARGIN).await);
    assert_eq!(world.exchanges(), (2, 0));
    assert_eq!(process.api_status(&token).await, 200);
    let given = error.token().expect("what the exchange gave");
    assert_ne!(refresh_token_of(&token), refresh_token_of(given));
    world.nobody_has_to_log_in().await;
}

#[tokio::test]
async fn what_was_exchanged_for_a_caller_who_is_gone_and_could_not_be_saved_is_not_lost() {
    let world = World::new(Rules::rotating()).await;
    let process = world.process().await;
    let hold = world.server.hold_answers();
    let only_caller = process.spawn_refresh(MARGIN);
    soon(hold.arrived(1)).await;
    only_caller.abort();
    assert!(soon(only_caller).await.expect_err("dropped").is_cancelled());

    world.backend.inject(Fault::access_denied().on(Operation::PutSecretValue).times(1));
    hold.open();
    // One who comes in time shares the failure, one who comes later mends it.
    drop(process.refresh(MARGIN).await);
    let token = some(process.refresh(MARGIN).await);
    assert_eq!(world.exchanges(), (1, 0));
    assert_eq!(world.stored().await, token);
    world.nobody_has_to_log_in().await;
}

#[tokio::test]
async fn a_server_error_changes_nothing() {
    let world = World::new(Rules::rotating()).await;
    world.server.inject(ExchangeFault::ServerError);
    let error = world.process().await.fails_to_refresh(&world).await;
    assert_eq!(refused_with(&error), (500, None));
    world.nobody_has_to_log_in().await;
}

/// Nothing that the store could do would bring back what never arrived.
#[tokio::test]
async fn a_connection_cut_after_the_refresh_token_was_spent_changes_nothing_here_and_ends_the_login_there() {
    let world = World::new(Rules::rotating()).await;
    let process = world.process().await;
    world.server.inject(ExchangeFault::LostAnswer);
    let error = process.fails_to_refresh(&world).await;
    assert!(matches!(exchange_failed(&error), ExchangeFailed::NoAnswer(_)), "{:?}", exchange_failed(&error));
    assert_eq!(world.exchanges(), (1, 0), "an exchange is not sent twice");
    let error = process.fails_to_refresh(&world).await;
    assert_eq!(refused_with(&error), (200, Some("invalid_code")));
    world.bob_has_to_log_in().await;
}

/// As with Zoho itself.
#[tokio::test]
async fn a_connection_cut_costs_nothing_where_the_refresh_token_stays() {
    let world = World::new(Rules::zoho()).await;
    let process = world.process().await;
    world.server.inject(ExchangeFault::LostAnswer);
    let error = process.fails_to_refresh(&world).await;
    assert!(matches!(exchange_failed(&error), ExchangeFailed::NoAnswer(_)), "{:?}", exchange_failed(&error));
    world.nobody_has_to_log_in().await;
}

#[tokio::test]
async fn a_refusal_under_status_200_is_a_failed_exchange_and_changes_nothing() {
    for rules in [Rules::zoho(), Rules::rotating()] {
        let world = World::new(rules).await;
        let process = world.process().await;
        world.server.revoke_logins("bob");
        for refused in 1..=2 {
            let error = process.fails_to_refresh(&world).await;
            assert_eq!(refused_with(&error), (200, Some("invalid_code")));
            assert_eq!(world.exchanges(), (0, refused));
        }
        world.bob_has_to_log_in().await;
    }
}

#[tokio::test]
async fn the_eleventh_refresh_in_ten_minutes_changes_nothing() {
    for rules in [Rules::zoho(), Rules::rotating()] {
        let world = World::new(rules).await;
        let process = world.process().await;
        for _ in 0..10 {
            some(process.refresh(LONGER_THAN_ANY_TOKEN).await);
        }
        let error = process.fails_to_refresh(&world).await;
        // Zoho's "Access Denied" has not the form of an OAuth error code.
        assert_eq!(refused_with(&error), (400, None));
        assert_eq!(world.exchanges(), (10, 1));
        let token = some(process.refresh(MARGIN).await);
        assert_eq!(process.api_status(&token).await, 200, "the tenth token is good all the same");
        world.server.advance(Duration::from_secs(600));
        world.nobody_has_to_log_in().await;
    }
}

#[tokio::test]
async fn what_another_process_has_refreshed_is_not_exchanged_again() {
    let world = World::new(Rules::rotating()).await;
    let (one, two) = (world.process().await, world.process().await);
    let expired = two.found().await;
    let refreshed = some(one.refresh(MARGIN).await);
    assert_eq!(two.found().await, expired, "it is in the cache");
    let before = world.backend.requests();
    assert_eq!(some(two.refresh(MARGIN).await), refreshed);
    assert_eq!(world.backend.requests().since(&before).to_string(), "1 GetSecretValue");
    assert_eq!(world.exchanges(), (1, 0));
    assert_eq!(two.api_status(&refreshed).await, 200);
    world.nobody_has_to_log_in().await;
}

fn without_reuse_detection() -> Rules {
    Rules { reuse_detection: false, ..Rules::rotating() }
}

#[tokio::test]
async fn who_loses_a_race_of_two_processes_gets_what_the_winner_has_stored() {
    let world = World::new(without_reuse_detection()).await;
    let ([first, second], [one, two]) = world.race().await.one_after_the_other().await;
    assert_eq!(world.exchanges(), (1, 1));
    assert_eq!((one.store.stats().exchange_failures, two.store.stats().exchange_failures), (0, 1));
    assert_eq!(first, second);
    assert_eq!(two.api_status(&second).await, 200);
    world.nobody_has_to_log_in().await;
}

#[tokio::test]
async fn who_loses_a_race_before_the_winner_has_saved_gets_its_token_by_the_next_refresh() {
    let world = World::new(without_reuse_detection()).await;
    let race = world.race().await;
    let writes = world.backend.gate(Gate::before(Operation::PutSecretValue));
    assert!(race.hold.release_one());
    soon(writes.arrived(1)).await;
    race.hold.open();
    let error = ended(race.second).await.expect_err("refused");
    assert_eq!(refused_with(&error), (200, Some("invalid_code")));
    writes.open();
    let first = some(ended(race.first).await);
    assert_eq!(some(race.two.refresh(MARGIN).await), first);
    assert_eq!(world.exchanges(), (1, 1));
    world.nobody_has_to_log_in().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_processes_that_race_as_they_like_one_exchanges_and_in_the_end_all_have_its_token() {
    let world = World::new(without_reuse_detection()).await;
    let mut processes = Vec::new();
    for _ in 0..8 {
        processes.push(world.process().await);
    }
    let racing: Vec<_> = processes.iter().map(|process| process.spawn_refresh(MARGIN)).collect();
    for refreshed in racing {
        if let Err(error) = ended(refreshed).await {
            assert_eq!(refused_with(&error), (200, Some("invalid_code")));
        }
    }
    let stored = world.stored().await;
    for process in &processes {
        assert_eq!(some(process.refresh(MARGIN).await), stored);
    }
    assert_eq!(world.server.exchanges(), 1);
    assert_eq!(processes[0].api_status(&stored).await, 200);
    world.nobody_has_to_log_in().await;
}

/// As with Zoho itself: an exchange too many, which the limit of ten counts, and nothing worse.
#[tokio::test]
async fn a_race_of_two_processes_gives_two_good_tokens_where_the_refresh_token_stays() {
    let world = World::new(Rules::zoho()).await;
    let ([first, second], [one, two]) = world.race().await.one_after_the_other().await;
    assert_eq!(world.exchanges(), (2, 0));
    assert_eq!((one.api_status(&first).await, two.api_status(&second).await), (200, 200));
    assert_eq!(world.stored().await, second);
    world.nobody_has_to_log_in().await;
}

/// A limit: two processes whose exchanges overlap present one refresh token twice, and a server that takes this for theft
/// ends the login. Only a lock that all processes share could rule it out, and the store has none. All that it can do is
/// to make it rare (each reads once more right before its exchange), and to keep everything for the next login.
#[tokio::test]
async fn where_reuse_ends_the_login_a_race_of_two_processes_ends_it() {
    let world = World::new(Rules::rotating()).await;
    let ([first, second], [one, two]) = world.race().await.one_after_the_other().await;
    assert_eq!(world.exchanges(), (1, 1));
    // Neither can tell: the loser finds what the winner has stored, as after any lost race.
    assert_eq!(first, second);
    assert_eq!((one.api_status(&first).await, two.api_status(&second).await), (401, 401));
    assert_eq!(one.reloaded().await, first, "nothing is deleted");
    world.bob_has_to_log_in().await;
}

#[tokio::test]
async fn after_a_401_a_reload_gives_what_another_process_has_stored_since() {
    let world = World::new(Rules { active_access_tokens: 1, ..Rules::rotating() }).await;
    let (one, two) = (world.process().await, world.process().await);
    let token = some(one.refresh(MARGIN).await);
    let newer = some(two.refresh(LONGER_THAN_ANY_TOKEN).await);
    assert_eq!(one.api_status(&token).await, 401);
    assert_eq!(some(one.refresh(MARGIN).await), token, "it looks good, and it is in the cache");
    let reloaded = one.reloaded().await;
    assert_eq!(reloaded, newer);
    assert_eq!(one.api_status(&reloaded).await, 200);
    assert_eq!(some(one.refresh(MARGIN).await), newer);
    assert_eq!(world.exchanges(), (2, 0));
}

#[tokio::test]
async fn after_a_401_that_a_reload_does_not_mend_a_refresh_beyond_what_is_left_does() {
    let world = World::new(Rules::rotating()).await;
    let process = world.process().await;
    let token = some(process.refresh(MARGIN).await);
    world.server.revoke_access_tokens("bob");
    assert_eq!(process.api_status(&token).await, 401);
    assert_eq!(process.reloaded().await, token, "nobody has refreshed it");
    assert_eq!(some(process.refresh(MARGIN).await), token, "it looks good for another hour");
    assert_eq!(world.exchanges(), (1, 0));

    let new = some(process.refresh(LONGER_THAN_ANY_TOKEN).await);
    assert_eq!(world.exchanges(), (2, 0));
    assert_eq!(process.api_status(&new).await, 200);
    assert_eq!(world.stored().await, new);
}
