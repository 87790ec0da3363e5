//! What a refresh logs: why it was made, what came of it, whose it was as a fingerprint, and nothing else. A program of its
//! own: which messages tracing wants is decided for the whole process.

mod captured_log;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use oauth_token_store::embedded::{EmbeddedSecretsManager, Fault, Gate, Operation};
use oauth_token_store::{OAuthToken, OAuthTokenBuilder, SecretsManagerTokenStore, TokenId, TokenStore};

use captured_log::Log;

const MINUTE: Duration = Duration::from_secs(60);
const USER: &str = "canary-user@example.com";

/// The one line of a refresh, which must say this.
fn assert_says(log: &Log, reason: &str, outcome: &str) {
    let log = log.take();
    assert!(!log.contains("canary"), "{log}");
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("outcome=")).collect();
    let [line] = lines[..] else { panic!("not one line of a refresh: {log}") };
    let name = format!("secret=\"app/{}\"", TokenId::of_user(USER).expect("valid").as_str());
    let (reason, outcome) = (format!("reason=\"{reason}\""), format!("outcome=\"{outcome}\""));
    for part in [reason.as_str(), &outcome, &name, "operation=\"refresh_with\""] {
        assert!(line.contains(part), "no {part} in {line}");
    }
}

fn bob() -> OAuthTokenBuilder {
    OAuthToken::builder().user_name(USER).client_id("canary-client").refresh_token("canary-refresh")
}

fn built(token: OAuthTokenBuilder) -> OAuthToken {
    token.build().expect("valid")
}

/// Without a cache, so that each sees at once what the other has saved.
async fn store_on(backend: &EmbeddedSecretsManager) -> SecretsManagerTokenStore {
    let builder = SecretsManagerTokenStore::builder().prefix("app").client(backend.client());
    builder.time_to_live(Duration::ZERO).build().await.expect("a store")
}

#[tokio::test(start_paused = true)]
async fn each_refresh_says_why_it_was_made_and_what_came_of_it() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).with_ansi(false);
    subscriber.with_writer(log.clone()).init();

    let backend = EmbeddedSecretsManager::new();
    let (store, two) = (store_on(&backend).await, store_on(&backend).await);
    let partial = built(OAuthToken::builder().user_name(USER));
    let newer = |current: Arc<OAuthToken>| async move {
        current.to_builder().access_token("canary-newer").expires_in(MINUTE).build()
    };
    let refused = |_| async { Err::<OAuthToken, _>("canary-refused") };
    let expire = || async {
        two.save_token(&built(bob().access_token("canary-old").expiry_time(SystemTime::UNIX_EPOCH)))
            .await
            .expect("saved");
        log.take();
    };

    store.save_token(&built(bob())).await.expect("saved");
    log.take();
    store.refresh_with(&partial, MINUTE / 2, newer).await.expect("refreshed");
    assert_says(&log, "no access token", "exchanged");
    store.refresh_with(&partial, 2 * MINUTE, newer).await.expect("refreshed");
    assert_says(&log, "expiring", "exchanged");
    store.refresh_with(&partial, MINUTE / 2, newer).await.expect("fresh");
    assert!(!log.take().contains("outcome="), "nothing was refreshed");

    expire().await;
    store.refresh_with(&partial, MINUTE, refused).await.expect_err("refused");
    assert_says(&log, "expired", "failed");

    backend.inject(Fault::access_denied().on(Operation::PutSecretValue));
    store.refresh_with(&partial, MINUTE / 2, newer).await.expect_err("not saved");
    backend.clear_faults();
    assert_says(&log, "expired", "failed");

    let elsewhere = two.clone();
    let beaten = |_| async move {
        let token = bob().access_token("canary-elsewhere").expires_in(3 * MINUTE);
        elsewhere.save_token(&built(token)).await.expect("saved");
        Err::<OAuthToken, _>("canary-refused")
    };
    // Longer than what could not be saved lasts.
    store.refresh_with(&partial, 2 * MINUTE, beaten).await.expect("refreshed");
    assert_says(&log, "expired", "exchange failed, refreshed elsewhere");

    // What the find has found is not what is there a moment later.
    for (outcome, refreshed) in [("refreshed elsewhere", true), ("gone", false)] {
        expire().await;
        let writes = backend.gate(Gate::before(Operation::PutSecretValue));
        let save = {
            let two = two.clone();
            let token = built(bob().access_token("canary-elsewhere").expires_in(2 * MINUTE));
            tokio::spawn(async move { two.save_token(&token).await })
        };
        writes.arrived(1).await;
        let reads = backend.gate(Gate::before(Operation::GetSecretValue));
        let caller = {
            let (store, partial) = (store.clone(), partial.clone());
            tokio::spawn(async move { store.refresh_with(&partial, MINUTE, newer).await })
        };
        reads.arrived(1).await;
        assert!(reads.release_one());
        reads.arrived(1).await;
        if refreshed {
            writes.open();
            save.await.expect("no panic").expect("saved");
        } else {
            save.abort();
            two.delete_token(&TokenId::of_user(USER).expect("valid")).await.expect("deleted");
        }
        reads.open();
        let token = caller.await.expect("no panic").expect("fine");
        assert_eq!(token.is_some(), refreshed);
        assert_says(&log, "expired", outcome);
    }
}
