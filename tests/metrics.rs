//! What a store reports through the `metrics` facade, seen by a recorder of each test's own thread.

use std::collections::BTreeMap;

use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use oauth_token_store::embedded::{EmbeddedSecretsManager, Fault, Operation};
use oauth_token_store::{OAuthToken, SecretsManagerTokenStore, SecretsManagerTokenStoreBuilder, TokenStore};

/// Every metric with its labels, and what a recorder knows of it.
type Shown = BTreeMap<String, DebugValue>;

fn shown(snapshotter: &Snapshotter) -> Shown {
    let metrics = snapshotter.snapshot().into_vec().into_iter();
    metrics
        .map(|(key, _, description, value)| {
            let name = key.key().name().to_owned();
            assert!(description.is_some(), "{name} is not described");
            (labelled(&name, key.key().labels().map(|label| (label.key(), label.value()))), value)
        })
        .collect()
}

fn labelled<'a>(name: &str, labels: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let labels: Vec<String> = labels.map(|(name, value)| format!("{name}={value}")).collect();
    if labels.is_empty() { name.to_owned() } else { format!("{name} {}", labels.join(" ")) }
}

async fn store(
    backend: &EmbeddedSecretsManager,
    set: impl FnOnce(SecretsManagerTokenStoreBuilder) -> SecretsManagerTokenStoreBuilder,
) -> SecretsManagerTokenStore {
    set(SecretsManagerTokenStore::builder().client(backend.client())).build().await.expect("a store")
}

fn token(user: &str) -> OAuthToken {
    OAuthToken::builder().user_name(user).refresh_token("r").build().expect("valid")
}

#[tokio::test(start_paused = true)]
async fn what_is_done_is_what_is_reported() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _installed = metrics::set_default_local_recorder(&recorder);
    let backend = EmbeddedSecretsManager::new();
    let store = store(&backend, |builder| builder).await;

    assert!(store.find_by_user("bob").await.expect("answered").is_none());
    store.save_token(&token("bob")).await.expect("saved");
    store.save_token(&token("alice")).await.expect("saved");
    for _ in 0..3 {
        store.find_by_user("bob").await.expect("answered").expect("saved before");
    }
    backend.inject(Fault::access_denied().on(Operation::GetSecretValue));
    store.find_by_user("carol").await.expect_err("denied");
    store.record_metrics();
    // Twice: what is published is not added up.
    store.record_metrics();

    let stats = store.stats();
    assert_eq!((stats.hits, stats.load_failures), (3, 1));
    let shown = shown(&snapshotter);
    let count = |name: &str| match shown.get(name) {
        Some(DebugValue::Counter(count)) => *count,
        other => panic!("{name}: {other:?} in {shown:#?}"),
    };
    for (name, expected) in [
        ("hits", stats.hits),
        ("misses", stats.misses),
        ("loads", stats.loads),
        ("load_failures", stats.load_failures),
        ("stale_reads", 0),
        ("backward_reads", 0),
        ("evictions", 0),
        ("exchanges", 0),
        ("exchange_failures", 0),
        ("requests", 2),
    ] {
        let labels = if name == "requests" { " operation=CreateSecret outcome=ok" } else { "" };
        assert_eq!(count(&format!("oauth_token_store_{name}_total{labels}")), expected, "{name}");
    }
    assert_eq!(count("oauth_token_store_requests_total operation=GetSecretValue outcome=not_found"), 2);
    assert_eq!(count("oauth_token_store_requests_total operation=GetSecretValue outcome=access_denied"), 1);
    assert_eq!(shown["oauth_token_store_cached_tokens"], DebugValue::Gauge(2.0.into()));
    for (operation, requests) in [("CreateSecret", 2), ("GetSecretValue", 3)] {
        let name = format!("oauth_token_store_request_duration_seconds operation={operation}");
        match &shown[&name] {
            DebugValue::Histogram(seconds) => assert_eq!(seconds.len(), requests, "{name}"),
            other => panic!("{name}: {other:?}"),
        }
    }
    assert_eq!(shown.len(), 9 + 1 + 3 + 2, "{shown:#?}");
}

/// The name is the application's way to have two stores in one process.
#[tokio::test(start_paused = true)]
async fn stores_with_names_are_told_apart() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _installed = metrics::set_default_local_recorder(&recorder);
    let backend = EmbeddedSecretsManager::new();
    let crm = store(&backend, |builder| builder.prefix("crm").metrics_name("crm")).await;
    let books = store(&backend, |builder| builder.prefix("books").metrics_name("books")).await;
    crm.save_token(&token("bob")).await.expect("saved");
    for store in [&crm, &books] {
        store.find_by_user("bob").await.expect("answered");
        store.record_metrics();
    }

    let shown = shown(&snapshotter);
    for (store, hits) in [("crm", 1), ("books", 0)] {
        let name = format!("oauth_token_store_hits_total store={store}");
        assert_eq!(shown[&name], DebugValue::Counter(hits), "{name}");
    }
    let created = "oauth_token_store_requests_total store=crm operation=CreateSecret outcome=ok";
    assert_eq!(shown[created], DebugValue::Counter(1));
    assert!(shown.keys().all(|name| name.contains(" store=")), "{shown:#?}");
}

/// `record_metrics` says what there is: nothing more, nothing less.
#[tokio::test(start_paused = true)]
async fn every_metric_is_documented() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _installed = metrics::set_default_local_recorder(&recorder);
    let store = store(&EmbeddedSecretsManager::new(), |builder| builder).await;
    store.save_token(&token("bob")).await.expect("saved");
    store.record_metrics();

    let mut reported: Vec<String> = shown(&snapshotter)
        .keys()
        .map(|name| name.split(' ').next().unwrap_or_default().to_owned())
        .collect();
    let source = include_str!("../src/secrets_manager/store.rs").lines();
    let row = |line: &str| {
        Some(line.trim().strip_prefix("/// | `oauth_token_store_")?.split('`').next()?.to_owned())
    };
    let mut documented: Vec<String> =
        source.filter_map(row).map(|name| format!("oauth_token_store_{name}")).collect();
    for names in [&mut reported, &mut documented] {
        names.sort();
        names.dedup();
    }
    assert_eq!(reported, documented);
}
