//! Refreshes, and what the application's own code does in them.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use oauth_token_store::embedded::{EmbeddedSecretsManager, Fault, Gate, Operation};
use oauth_token_store::{OAuthToken, RefreshError, SecretsManagerTokenStore, StoreError, TokenStore};

use crate::canaries::*;
use crate::stage::{built, id_of_user, login, response, store_on, user};
use crate::watch::Watch;

const LONG: Duration = Duration::from_secs(24 * 3600);

type BoxError = Box<dyn Error + Send + Sync>;
type Refreshed = Result<Option<Arc<OAuthToken>>, RefreshError>;

async fn logged_in() -> (Watch, EmbeddedSecretsManager, SecretsManagerTokenStore) {
    let mut watch = Watch::begin();
    let backend = EmbeddedSecretsManager::new();
    let store = store_on(&backend).await;
    watch.outcome("save_token", store.save_token(&built(login())).await);
    (watch, backend, store)
}

async fn refresh<E>(
    store: &SecretsManagerTokenStore,
    exchange: impl FnOnce(Arc<OAuthToken>) -> Result<OAuthToken, E> + Send + 'static,
) -> Refreshed
where
    E: Into<BoxError> + Send + 'static,
{
    store.refresh_with(&user(), LONG, |current| async move { exchange(current) }).await
}

fn exchanged(current: Arc<OAuthToken>) -> Result<OAuthToken, BoxError> {
    Ok(current.to_builder().token_response(&response())?.build()?)
}

/// Where the documentation says it is, and nowhere else.
#[tokio::test(start_paused = true)]
async fn the_error_of_an_exchange_is_the_source_and_is_not_shown() {
    let (mut watch, _, store) = logged_in().await;
    let outcome = refresh(&store, |_| Err(APPLICATION)).await;
    let error = outcome.as_ref().expect_err("refused");
    let source = error.source().expect("the application's own").to_string();
    assert_eq!(source, APPLICATION);
    watch.refresh("a refused exchange", outcome);
    watch.debug("the statistics", &store.stats());
    watch.look();
}

#[tokio::test(start_paused = true)]
async fn an_exchange_that_panics_is_not_quoted() {
    let (mut watch, _, store) = logged_in().await;
    let outcome = refresh(&store, |_| -> Result<OAuthToken, BoxError> { panic!("{APPLICATION}") }).await;
    let panics = watch.take_panics();
    let [panic] = &panics[..] else { panic!("not one panic: {panics:?}") };
    assert!(panic.contains("tests/canary/refreshing.rs"), "it is the application's own: {panic}");
    assert!(watch.refresh("an exchange that panicked", outcome).is_none());
    watch.outcome("find_token", store.find_token(&user()).await);
    watch.look();
}

/// The token is in the error, for its caller; and nothing of it is shown.
#[tokio::test(start_paused = true)]
async fn a_save_that_fails_after_the_exchange_shows_nothing() {
    for fault in [
        Fault::access_denied(),
        Fault::throttling(),
        Fault::hang(),
        Fault::lost_answer(),
        Fault::encryption_failure(),
        Fault::limit_exceeded(),
        Fault::malformed_answer(),
    ] {
        let (mut watch, backend, store) = logged_in().await;
        backend.inject(fault.on(Operation::PutSecretValue));
        let outcome = refresh(&store, exchanged).await;
        let error = outcome.as_ref().expect_err("not saved");
        let token = Arc::clone(error.token().expect("the token that is to be saved"));
        watch.refresh("an exchange that was not saved", outcome);
        watch.debug("the token", &token);
        let again = refresh(&store, |_| Err(APPLICATION)).await;
        watch.refresh("a save again", again);
        backend.clear_faults();
        watch.outcome("save_token", store.save_token(&token).await);
        watch.look();
    }
}

#[tokio::test(start_paused = true)]
async fn an_exchange_that_gives_somebody_elses_token_shows_nothing() {
    let (mut watch, _, store) = logged_in().await;
    for other in [
        login().user_name(format!("{OWN_ID}@{USER}")),
        login().id(format!("{USER}/{OWN_ID}")),
        login().client_id(CLIENT_SECRET),
    ] {
        let other = built(other.access_token(format!("{ACCESS}3")));
        let outcome = refresh(&store, move |_| Ok::<_, BoxError>(other)).await;
        assert!(watch.refresh("somebody else's token", outcome).is_none());
    }
    assert!(watch.kinds.contains("conflict"), "{:?}", watch.kinds);
    watch.look();
}

#[tokio::test(start_paused = true)]
async fn an_error_of_the_store_that_the_exchange_passes_on_shows_nothing() {
    let (mut watch, _, store) = logged_in().await;
    let outcome = refresh(&store, |current| -> Result<OAuthToken, StoreError> {
        current.to_builder().access_token(format!("{ACCESS}\0")).build()
    });
    let outcome = outcome.await;
    let source = outcome.as_ref().expect_err("refused").source().expect("the store's error");
    watch.error("a builder in an exchange", source);
    watch.refresh("a builder in an exchange", outcome);
    let outcome = refresh(&store, |current| {
        let body = format!("{{\"access_token\":{ACCESS}}}");
        current.to_builder().token_response(&body).map(|_| unreachable!("it is no JSON"))
    });
    let outcome: Refreshed = outcome.await;
    let source = outcome.as_ref().expect_err("refused").source().expect("that of the response");
    watch.error("a response in an exchange", source);
    watch.refresh("a response in an exchange", outcome);
    watch.look();
}

#[tokio::test(start_paused = true)]
async fn a_refresh_whose_callers_are_gone_shows_nothing() {
    let (mut watch, backend, store) = logged_in().await;
    let gate = backend.gate(Gate::before(Operation::PutSecretValue));
    let callers: Vec<_> = (0..3)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { refresh(&store, exchanged).await })
        })
        .collect();
    gate.arrived(1).await;
    for caller in &callers {
        caller.abort();
    }
    store_on(&backend).await.delete_token(&id_of_user()).await.expect("deleted");
    gate.open();
    tokio::time::sleep(Duration::from_secs(60)).await;
    watch.outcome("find_token", store.find_token(&user()).await);
    let log = watch.look();
    assert!(log.contains("outcome=\"failed\""), "the refresh did not go on without its callers");
}
