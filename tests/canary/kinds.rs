//! Every kind of error, brought about.

use std::time::Duration;

use oauth_token_store::aws_sdk_secretsmanager::config::BehaviorVersion;
use oauth_token_store::aws_sdk_secretsmanager::{Client, Config};
use oauth_token_store::embedded::{EmbeddedSecretsManager, Fault, Operation};
use oauth_token_store::{ErrorKind, OAuthToken, SecretsManagerTokenStore, TokenStore};

use crate::canaries::*;
use crate::stage::{built, client, id_of_user, login, name_of_user, store_on, store_with, user};
use crate::watch::Watch;

const KINDS: [ErrorKind; 16] = [
    ErrorKind::NoLookupKey,
    ErrorKind::NothingToStore,
    ErrorKind::Invalid,
    ErrorKind::Conflict,
    ErrorKind::Deleted,
    ErrorKind::Contended,
    ErrorKind::TooLarge,
    ErrorKind::Corrupt,
    ErrorKind::AccessDenied,
    ErrorKind::Throttled,
    ErrorKind::TimedOut,
    ErrorKind::Unavailable,
    ErrorKind::QuotaExceeded,
    ErrorKind::Kms,
    ErrorKind::Configuration,
    ErrorKind::Unexpected,
];

/// A store on a backend where the user has logged in, and nothing else is known of it.
async fn logged_in(watch: &mut Watch) -> (EmbeddedSecretsManager, SecretsManagerTokenStore) {
    let backend = EmbeddedSecretsManager::new();
    watch.outcome("save_token", store_on(&backend).await.save_token(&built(login())).await);
    let store = store_on(&backend).await;
    (backend, store)
}

/// What comes to this kind.
async fn bring_about(kind: ErrorKind, watch: &mut Watch) {
    let (backend, store) = logged_in(watch).await;
    let changed = || built(login().access_token(format!("{ACCESS}1")));
    let outcome = match kind {
        ErrorKind::NoLookupKey => {
            let nameless = OAuthToken::builder().client_id(CLIENT_ID).access_token(ACCESS).scope(SCOPE);
            store.save_token(&built(nameless)).await
        }
        ErrorKind::NothingToStore => {
            let empty = OAuthToken::builder().user_name(format!("{USER}2")).client_secret(CLIENT_SECRET);
            store.save_token(&built(empty)).await
        }
        ErrorKind::Invalid => {
            login().user_name(format!("{USER}\0")).build().map(|_| unreachable!("it holds a NUL"))
        }
        ErrorKind::Conflict => {
            let of_another_client = user().to_builder().client_id(CLIENT_SECRET).refresh_token(REFRESH);
            store.save_token(&built(of_another_client)).await
        }
        ErrorKind::Deleted => {
            let found = store.find_token(&user()).await.unwrap().unwrap();
            store_on(&backend).await.delete_token(&id_of_user()).await.unwrap();
            store.save_token(&built(found.to_builder().access_token(format!("{ACCESS}1")))).await
        }
        ErrorKind::Contended => {
            store.find_token(&user()).await.unwrap();
            tokio::time::sleep(Duration::from_secs(60)).await;
            backend.set_read_lag(Duration::from_secs(30));
            store_on(&backend).await.save_token(&changed()).await.unwrap();
            store.save_token(&built(login().scope(format!("{SCOPE}2")))).await
        }
        ErrorKind::TooLarge => store.save_token(&built(login().extra(EXTRA_NAME, EXTRA.repeat(4000)))).await,
        ErrorKind::Corrupt => {
            let broken = format!("{{\"access_token\":{ACCESS}");
            client(&backend)
                .put_secret_value()
                .secret_id(name_of_user())
                .secret_string(broken)
                .send()
                .await
                .unwrap();
            store.save_token(&changed()).await
        }
        ErrorKind::AccessDenied => struck(&backend, &store, Fault::access_denied()).await,
        ErrorKind::Throttled => struck(&backend, &store, Fault::throttling()).await,
        ErrorKind::TimedOut => struck(&backend, &store, Fault::hang().on(Operation::GetSecretValue)).await,
        ErrorKind::Unavailable => struck(&backend, &store, Fault::lost_answer()).await,
        ErrorKind::QuotaExceeded => struck(&backend, &store, Fault::limit_exceeded()).await,
        ErrorKind::Kms => struck(&backend, &store, Fault::encryption_failure()).await,
        ErrorKind::Configuration => {
            let config = Config::builder().behavior_version(BehaviorVersion::latest());
            store_with(Client::from_conf(config.build())).await.save_token(&changed()).await
        }
        ErrorKind::Unexpected => struck(&backend, &store, Fault::http_status(418)).await,
        other => panic!("nobody knows how to bring {other} about"),
    };
    let error = outcome.as_ref().expect_err(kind.as_str());
    assert_eq!(error.kind(), kind, "{error:?}");
    // A copy, as those who waited for the same get it, shows nothing either.
    watch.store_error("a copy", &error.clone());
    watch.outcome("an operation", outcome);
    watch.look();
}

async fn struck(
    backend: &EmbeddedSecretsManager,
    store: &SecretsManagerTokenStore,
    fault: Fault,
) -> Result<std::sync::Arc<OAuthToken>, oauth_token_store::StoreError> {
    backend.inject(fault);
    store.save_token(&built(login().access_token(format!("{ACCESS}1")))).await
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_error_shows_nothing() {
    let mut watch = Watch::begin();
    for kind in KINDS {
        bring_about(kind, &mut watch).await;
    }
    watch.assert_kinds(&KINDS);
}

/// A kind that is added is to be brought about here, too: the enum says itself how many there are.
#[test]
fn no_kind_is_left_out() {
    let source = include_str!("../../src/contract/error.rs");
    let names = source.split("pub fn as_str").nth(1).and_then(|rest| rest.split("fn advice").next());
    assert_eq!(names.map(|names| names.matches("Self::").count()), Some(KINDS.len()));
}
