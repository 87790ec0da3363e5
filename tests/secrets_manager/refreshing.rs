//! `refresh_with`: what it exchanges, what it saves and what it costs.
//!
//! Who waits for whom is forced by gates and channels. Where a test wants others to have come as far as they can, it waits
//! on the paused clock, which goes on only when nothing else can.

mod by_hand;
mod failures;
mod in_turn;
mod processes;
mod together;

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use oauth_token_store::embedded::{EmbeddedSecretsManager, Operation};
use oauth_token_store::secrecy::ExposeSecret;
use oauth_token_store::{
    ErrorKind, OAuthToken, OAuthTokenBuilder, RefreshError, SecretsManagerTokenStore, TokenStore,
};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::support::{found, id_of, login, new, new_cached, refresh_token_of, store_on, token};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

type Refreshed = Result<Option<Arc<OAuthToken>>, RefreshError>;

/// What the OAuth server says no with.
#[derive(Debug, PartialEq)]
struct Refused(&'static str);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Refused {}

/// An OAuth server that counts: the n-th exchange gives `access-n` and `refresh-n`.
#[derive(Clone, Default)]
struct Server(Arc<AtomicUsize>);

impl Server {
    fn exchanges(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    fn exchange(
        &self,
        lifetime: Duration,
    ) -> impl FnOnce(Arc<OAuthToken>) -> Ready<Result<OAuthToken, Infallible>> + Send + 'static {
        let server = self.clone();
        move |current| {
            let n = server.0.fetch_add(1, Ordering::SeqCst) + 1;
            let token = current.to_builder().access_token(format!("access-{n}")).expires_in(lifetime);
            ready(Ok(token.refresh_token(format!("refresh-{n}")).build().expect("valid")))
        }
    }
}

/// An exchange that must not happen.
fn unwanted(_: Arc<OAuthToken>) -> Ready<Result<OAuthToken, Infallible>> {
    panic!("an exchange too many")
}

/// An exchange that the test holds in its hands.
struct Held {
    begun: oneshot::Receiver<Arc<OAuthToken>>,
    answer: oneshot::Sender<Result<OAuthToken, Refused>>,
}

type HeldExchange =
    Box<dyn FnOnce(Arc<OAuthToken>) -> BoxFuture<'static, Result<OAuthToken, Refused>> + Send>;

/// The exchange for the store, and for the test the other end of it. A dropped answer makes the exchange panic.
fn held() -> (HeldExchange, Held) {
    let (begin, begun) = oneshot::channel();
    let (answer, answered) = oneshot::channel();
    let exchange = |current: Arc<OAuthToken>| {
        begin.send(current).expect("the test waits for it");
        async { answered.await.expect("an answer") }.boxed()
    };
    (Box::new(exchange), Held { begun, answer })
}

impl Held {
    /// Waits for the exchange to begin; then `answer` decides what comes of it.
    async fn begun(self) -> (Arc<OAuthToken>, oneshot::Sender<Result<OAuthToken, Refused>>) {
        (soon(self.begun).await.expect("it begins"), self.answer)
    }
}

/// A refresh of bob's token whose exchange has begun: its caller, the token to be exchanged, and what decides what comes
/// of it.
async fn begun_exchange(
    store: &SecretsManagerTokenStore,
    leeway: Duration,
) -> (JoinHandle<Refreshed>, Arc<OAuthToken>, oneshot::Sender<Result<OAuthToken, Refused>>) {
    let (exchange, exchanging) = held();
    let caller = spawn_refresh(store, of("bob"), leeway, exchange);
    let (current, answer) = exchanging.begun().await;
    (caller, current, answer)
}

/// What a refresh of `current` gives.
fn refreshed(current: &OAuthToken) -> OAuthToken {
    built(current.to_builder().access_token("newer").refresh_token("rotated").expires_in(HOUR))
}

fn built(token: OAuthTokenBuilder) -> OAuthToken {
    token.build().expect("valid")
}

/// Asks for a user's token.
fn of(user: &str) -> OAuthToken {
    built(token().user_name(user))
}

/// A whole token whose access token has expired.
fn expired(user: &str) -> OAuthToken {
    built(login(user).to_builder().expiry_time(SystemTime::UNIX_EPOCH))
}

/// A store that has just saved bob's expired token, and has it in its cache for a moment.
async fn cached_with_expired_bob() -> (EmbeddedSecretsManager, SecretsManagerTokenStore) {
    let (backend, store) = new_cached().await;
    store.save_token(&expired("bob")).await.expect("saved");
    (backend, store)
}

/// A store in which bob's token has expired.
async fn with_expired_bob() -> (EmbeddedSecretsManager, SecretsManagerTokenStore) {
    let (backend, store) = new().await;
    store.save_token(&expired("bob")).await.expect("saved");
    (backend, store)
}

fn access_token_of(token: &OAuthToken) -> &str {
    token.access_token().map_or("none", |token| token.expose_secret())
}

fn spawn_refresh<Fut, E>(
    store: &SecretsManagerTokenStore,
    partial: OAuthToken,
    leeway: Duration,
    exchange: impl FnOnce(Arc<OAuthToken>) -> Fut + Send + 'static,
) -> JoinHandle<Refreshed>
where
    Fut: Future<Output = Result<OAuthToken, E>> + Send + 'static,
    E: Into<Box<dyn std::error::Error + Send + Sync>> + 'static,
{
    let store = store.clone();
    tokio::spawn(async move { store.refresh_with(&partial, leeway, exchange).await })
}

/// Until all tasks wait for something that only the test can bring: before that a paused clock stands still.
async fn everything_waits() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

/// What comes of it, instead of a test without an end; on the paused clock that shows at once.
async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(MINUTE, work).await.expect("nothing hangs")
}

async fn ended<T>(task: JoinHandle<T>) -> T {
    soon(task).await.expect("no panic")
}

fn some(refreshed: Refreshed) -> Arc<OAuthToken> {
    refreshed.expect("refreshed").expect("it is there")
}

#[tokio::test(start_paused = true)]
async fn a_fresh_token_is_what_was_found_and_costs_a_find() {
    let (backend, store) = new().await;
    for (token, leeway) in [
        (built(login("bob").to_builder().expires_in(2 * HOUR)), HOUR),
        // Without an expiry time it never expires.
        (login("eve"), Duration::MAX),
    ] {
        let saved = store.save_token(&token).await.expect("saved");
        let before = backend.requests();
        let fresh = some(store.refresh_with(&token.detached(), leeway, unwanted).await);
        assert_eq!(fresh, saved);
        assert_eq!(backend.requests().since(&before).to_string(), "1 GetSecretValue");
    }
}

#[tokio::test(start_paused = true)]
async fn where_there_is_no_token_nothing_is_exchanged() {
    let (backend, store) = new().await;
    let before = backend.requests();
    assert_eq!(store.refresh_with(&of("bob"), HOUR, unwanted).await.expect("fine"), None);
    assert_eq!(backend.requests().since(&before).to_string(), "1 GetSecretValue");
    assert_eq!(store.refresh_with(&built(token()), HOUR, unwanted).await.expect("fine"), None);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_fresh_is_exchanged_saved_and_returned() {
    let (backend, store) = new().await;
    let server = Server::default();
    for (n, token) in [
        expired("bob"),
        built(login("eve").to_builder().expires_in(MINUTE)),
        // Never exchanged before.
        built(token().user_name("joe").refresh_token("r")),
    ]
    .into_iter()
    .enumerate()
    {
        let user = token.user_name().expect("a user").to_owned();
        store.save_token(&token).await.expect("saved");
        let before = backend.requests();
        let fresh = some(store.refresh_with(&of(&user), 2 * MINUTE, server.exchange(HOUR)).await);
        let cost = backend.requests().since(&before).to_string();
        assert_eq!(cost, "3 GetSecretValue, 1 PutSecretValue, 1 TagResource");
        assert_eq!(server.exchanges(), n + 1);
        assert_eq!(access_token_of(&fresh), format!("access-{}", n + 1));
        assert!(!fresh.expires_within(2 * MINUTE));
        assert_eq!(found(&store, &user).await, fresh);
        assert_eq!(store.stats().exchanges, n as u64 + 1);
    }
    let refused = |_| ready(Err(Refused("invalid_grant")));
    store.refresh_with(&of("bob"), 2 * HOUR, refused).await.expect_err("refused");
    assert_eq!((store.stats().exchanges, store.stats().exchange_failures), (4, 1));
}

/// By the system's clock hardly any time passes here.
#[tokio::test(start_paused = true)]
async fn tokens_expire_by_the_clock_that_the_store_was_given() {
    let (backend, store) = new_cached().await;
    store.save_token(&built(login("bob").to_builder().expires_in(HOUR))).await.expect("saved");
    some(store.refresh_with(&of("bob"), MINUTE, unwanted).await);
    // What it expires at was told by the system's clock, which goes on a little.
    tokio::time::sleep(HOUR - MINUTE / 2).await;
    let server = Server::default();
    let before = backend.requests();
    let fresh = some(store.refresh_with(&of("bob"), MINUTE, server.exchange(3 * HOUR)).await);
    assert_eq!((access_token_of(&fresh), server.exchanges()), ("access-1", 1));
    let cost = backend.requests().since(&before).to_string();
    assert_eq!(cost, "2 GetSecretValue, 1 PutSecretValue, 1 TagResource");
    some(store.refresh_with(&of("bob"), MINUTE, unwanted).await);
}

#[tokio::test(start_paused = true)]
async fn the_exchange_is_given_what_is_stored() {
    let (_, store) = with_expired_bob().await;
    let stored = found(&store, "bob").await;
    let (caller, current, answer) = begun_exchange(&store, MINUTE).await;
    assert_eq!(current, stored);
    let given = refreshed(&current);
    answer.send(Ok(given.clone())).expect("it waits");
    assert_eq!(*some(ended(caller).await), given);
}

#[tokio::test(start_paused = true)]
async fn only_what_the_exchange_changed_is_saved() {
    let (backend, one) = with_expired_bob().await;
    let two = store_on(&backend).await;
    let response = |current: Option<&OAuthToken>| {
        let builder = current.map_or_else(token, OAuthToken::to_builder);
        built(builder.token_response(r#"{"access_token": "newer", "expires_in": 3600}"#).expect("a token"))
    };
    // Built from the current token, a bare response, and a whole token that knows nothing of what was found.
    for (n, shape) in ["built", "bare", "whole"].into_iter().enumerate() {
        one.save_token(&built(
            of("bob").to_builder().access_token("old").expiry_time(SystemTime::UNIX_EPOCH),
        ))
        .await
        .expect("saved");
        let (caller, current, answer) = begun_exchange(&one, MINUTE).await;
        let rotated = format!("rotated-{n}");
        two.save_token(&built(of("bob").to_builder().refresh_token(rotated.as_str()).extra(shape, "1")))
            .await
            .expect("saved");
        let given = match shape {
            "built" => response(Some(&current)),
            "bare" => response(None),
            _ => response(Some(&current)).detached(),
        };
        answer.send(Ok(given)).expect("it waits");
        let fresh = some(ended(caller).await);
        assert_eq!(
            (access_token_of(&fresh), refresh_token_of(&fresh)),
            ("newer", rotated.as_str()),
            "{shape}"
        );
        assert_eq!(fresh.extra(shape), Some("1"));
        assert!(!fresh.expires_within(MINUTE));
        assert_eq!(found(&two, "bob").await, fresh);
    }
    assert_eq!(backend.secret_count(), 1);
}

/// There a save of the bare response would make a second record, named by the new access token, or find none.
#[tokio::test(start_paused = true)]
async fn a_bare_response_is_saved_to_the_record_that_was_refreshed() {
    let all = || token().client_id("c").refresh_token("r").access_token("a");
    for record in [
        all().user_name("bob"),
        all().id("machine"),
        all().id("own").user_name("bob"),
        all(),
        token().access_token("a"),
    ] {
        let (backend, store) = new().await;
        let record = built(record.expiry_time(SystemTime::UNIX_EPOCH));
        let saved = store.save_token(&record).await.expect("saved");
        let response = |_| async {
            OAuthToken::from_token_response(r#"{"access_token": "newer"}"#).expect("a token").build()
        };
        let fresh = some(store.refresh_with(&record, MINUTE, response).await);
        assert_eq!((fresh.id(), fresh.assigned_id()), (saved.id(), saved.assigned_id()));
        assert_eq!((access_token_of(&fresh), fresh.expiry_time()), ("newer", None));
        assert_eq!(refresh_token_of(&fresh), refresh_token_of(&saved));
        assert_eq!(backend.secret_count(), 1);
        assert_eq!(store.get_tokens().await.expect("read"), [fresh]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_the_records_is_refused_and_comes_with_the_error() {
    let (backend, store) = with_expired_bob().await;
    let eve = store.save_token(&expired("eve")).await.expect("saved");
    for given in [
        built(eve.to_builder().access_token("newer")),
        built(token().user_name("eve").access_token("newer")),
        built(token().id(id_of("eve")).access_token("newer")),
        built(token().client_id("another").access_token("newer")),
    ] {
        let before = backend.requests();
        let exchanged = given.clone();
        let exchange = |_| ready(Ok::<_, Infallible>(exchanged));
        let error = store.refresh_with(&of("bob"), MINUTE, exchange).await.expect_err("refused");
        assert_eq!(error.store_error().map(|error| error.kind()), Some(ErrorKind::Conflict));
        assert!(!error.is_retryable());
        assert_eq!(error.token().map(|token| &**token), Some(&given));
        assert_eq!(backend.requests().since(&before).to_string(), "2 GetSecretValue");
    }
    assert_eq!(found(&store, "eve").await, eve);
    assert_eq!(backend.requests().count(Operation::PutSecretValue), 0);
}

/// The exchange may change nothing: then it is its own fault, but nobody loops.
#[tokio::test(start_paused = true)]
async fn an_exchange_that_changes_nothing_writes_nothing() {
    let (backend, store) = with_expired_bob().await;
    let stored = found(&store, "bob").await;
    let exchange = |current: Arc<OAuthToken>| ready(Ok::<_, Infallible>((*current).clone()));
    assert_eq!(some(store.refresh_with(&of("bob"), MINUTE, exchange).await), stored);
    assert_eq!(backend.requests().count(Operation::PutSecretValue), 0);
}

#[test]
fn a_refresh_can_be_sent_whatever_its_exchange_fails_with() {
    fn sendable<T: Send>(_: T) {}
    /// Neither Send nor Sync.
    struct Local(std::rc::Rc<str>);
    impl From<Local> for Box<dyn std::error::Error + Send + Sync> {
        fn from(local: Local) -> Self {
            (*local.0).into()
        }
    }
    let _ = |store: &SecretsManagerTokenStore| {
        sendable(store.refresh_with(&of("bob"), MINUTE, |_| async { Err(Refused("no")) }));
        sendable(store.refresh_with(&of("bob"), MINUTE, |_| async {
            Err(Box::<dyn std::error::Error + Send + Sync>::from("no"))
        }));
        sendable(store.refresh_with(&of("bob"), MINUTE, |_| async { Err(Local("no".into())) }));
    };
}

#[tokio::test(start_paused = true)]
async fn a_lookup_that_a_find_refuses_is_refused() {
    let (_, store) = with_expired_bob().await;
    let another = built(of("bob").to_builder().client_id("another"));
    let error = store.refresh_with(&another, MINUTE, unwanted).await.expect_err("refused");
    assert_eq!(error.store_error().map(|error| error.kind()), Some(ErrorKind::Conflict));
    assert!(error.token().is_none());
}
