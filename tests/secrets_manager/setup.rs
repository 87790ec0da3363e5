//! Setting a store up wrongly.

use std::time::Duration;

use aws_credential_types::provider::{error::CredentialsError, future};
use oauth_token_store::aws_sdk_secretsmanager::config::{
    BehaviorVersion, Credentials, ProvideCredentials, Region,
};
use oauth_token_store::aws_sdk_secretsmanager::{Client, Config};
use oauth_token_store::{ErrorKind, SecretsManagerTokenStore, StoreError};

use crate::support::{PREFIX, new};

fn config() -> oauth_token_store::aws_sdk_secretsmanager::config::Builder {
    Config::builder().behavior_version(BehaviorVersion::latest())
}

async fn find_with(config: Config) -> StoreError {
    let builder = SecretsManagerTokenStore::builder().client(Client::from_conf(config));
    builder.build().await.expect("a store").find_by_user("bob").await.expect_err("it cannot work")
}

fn credentials() -> Credentials {
    Credentials::new("AKID", "secret key", None, None, "test")
}

#[tokio::test]
async fn a_client_without_a_region_is_a_configuration_error() {
    let error = find_with(config().credentials_provider(credentials()).build()).await;
    assert_eq!(error.kind(), ErrorKind::Configuration, "{error:?}");
    assert!(error.to_string().contains("AWS_REGION"), "{error}");
}

#[tokio::test]
async fn a_client_without_credentials_is_a_configuration_error() {
    let error = find_with(config().region(Region::from_static("eu-west-1")).build()).await;
    assert_eq!(error.kind(), ErrorKind::Configuration, "{error:?}");
    assert!(error.to_string().contains("credentials"), "{error}");
    assert!(!error.is_retryable());
}

/// Gives no credentials, but this error.
#[derive(Debug)]
struct NoCredentials(fn() -> CredentialsError);

impl ProvideCredentials for NoCredentials {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::ready(Err((self.0)()))
    }
}

#[tokio::test(start_paused = true)]
async fn credentials_that_are_not_set_up_are_a_configuration_error_and_unreachable_ones_may_pass() {
    let cases: [(fn() -> CredentialsError, ErrorKind); 5] = [
        (|| CredentialsError::not_loaded("none"), ErrorKind::Configuration),
        (|| CredentialsError::invalid_configuration("a wrong profile"), ErrorKind::Configuration),
        (|| CredentialsError::provider_timed_out(Duration::from_secs(1)), ErrorKind::Unavailable),
        (|| CredentialsError::provider_error("the role service is down"), ErrorKind::Unavailable),
        (|| CredentialsError::unhandled("odd"), ErrorKind::Unavailable),
    ];
    for (credentials_error, kind) in cases {
        let config = config().region(Region::from_static("eu-west-1"));
        let provider = NoCredentials(credentials_error);
        let error = find_with(config.credentials_provider(provider).build()).await;
        assert_eq!(error.kind(), kind, "{:?}", credentials_error());
        assert_eq!(error.is_retryable(), kind == ErrorKind::Unavailable);
        assert!(error.to_string().contains("AWS credentials"), "{error}");
    }
}

#[tokio::test]
async fn an_endpoint_that_is_no_url_is_a_configuration_error_that_shows_no_request() {
    let region = Region::from_static("eu-west-1");
    let config = config().region(region).credentials_provider(credentials()).endpoint_url("no url");
    let builder = SecretsManagerTokenStore::builder().client(Client::from_conf(config.build()));
    let store = builder.build().await.expect("a store");
    let error = store.find_by_user("bob").await.expect_err("it cannot work");
    assert_eq!(error.kind(), ErrorKind::Configuration, "{error:?}");
}

#[tokio::test]
async fn an_unreachable_endpoint_is_unavailable() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    let config = config()
        .region(Region::from_static("eu-west-1"))
        .credentials_provider(credentials())
        .endpoint_url(format!("http://127.0.0.1:{port}"))
        .build();
    let error = find_with(config).await;
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert!(error.is_retryable());
}

#[tokio::test]
async fn a_bad_prefix_or_tag_is_refused_before_any_request() {
    let (backend, _) = new().await;
    for builder in [
        SecretsManagerTokenStore::builder().prefix("a//b"),
        SecretsManagerTokenStore::builder().prefix("caf\u{e9}"),
        SecretsManagerTokenStore::builder().tag("aws:x", "y"),
        SecretsManagerTokenStore::builder().tag("oauth-token-store:user", "y"),
    ] {
        let error = builder.client(backend.client()).build().await.expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
    assert_eq!(backend.requests().total(), 0);
}

/// Runs one test of this binary again in a process whose environment is this alone.
fn in_a_process_with(test: &str, variables: &[(&str, &str)]) -> std::process::Output {
    let mut child = std::process::Command::new(std::env::current_exe().expect("this test has a path"));
    child.args(["--exact", test, "--nocapture"]).env_clear().env(CHILD, "1").env("HOME", "/nonexistent");
    child.env("AWS_EC2_METADATA_DISABLED", "true").envs(variables.iter().copied());
    child.output().expect("it runs")
}

const CHILD: &str = "OAUTH_TOKEN_STORE_TEST_CHILD";

#[test]
fn from_env_without_a_region_says_what_to_set() {
    from_env_fails_with("setup::from_env_without_a_region_says_what_to_set", &[], "set AWS_REGION");
}

#[test]
fn from_env_with_a_wrong_value_names_its_variable() {
    from_env_fails_with(
        "setup::from_env_with_a_wrong_value_names_its_variable",
        &[("AWS_REGION", "eu-west-1"), ("OAUTH_TOKEN_STORE_PREFIX", "a//b")],
        "OAUTH_TOKEN_STORE_PREFIX",
    );
}

/// Takes 8 seconds: a paused clock would run away while the connection is made.
#[test]
fn from_env_makes_a_client_that_tries_three_times_and_gives_up() {
    const TEST: &str = "setup::from_env_makes_a_client_that_tries_three_times_and_gives_up";
    if std::env::var_os(CHILD).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let store = SecretsManagerTokenStore::from_env().await.expect("a store");
            let error = store.find_by_user("bob").await.expect_err("nobody answers");
            assert_eq!(error.kind(), ErrorKind::TimedOut);
        });
        return;
    }
    // It takes connections and never answers.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    let output = in_a_process_with(
        TEST,
        &[
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ACCESS_KEY_ID", "AKID"),
            ("AWS_SECRET_ACCESS_KEY", "secret key"),
            ("AWS_ENDPOINT_URL", &endpoint),
        ],
    );
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    listener.set_nonblocking(true).expect("it can");
    let tries = std::iter::from_fn(|| listener.accept().ok()).count();
    assert_eq!(tries, 3);
}

fn from_env_fails_with(test: &str, variables: &[(&str, &str)], expected: &str) {
    if std::env::var_os(CHILD).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let error = runtime.block_on(SecretsManagerTokenStore::from_env()).expect_err("it cannot work");
        assert_eq!(error.kind(), ErrorKind::Configuration);
        println!("says: {error}");
        return;
    }
    let output = in_a_process_with(test, variables);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    let said = text.lines().find(|line| line.contains("says: ")).expect("the child ran the test");
    assert!(said.contains(expected), "{said}");
}

#[test]
fn a_store_is_cheap_to_share_between_tasks_and_threads() {
    fn shared<T: Clone + Send + Sync + Unpin + 'static>() {}
    fn sent<T: Send>(_: T) {}
    shared::<SecretsManagerTokenStore>();
    sent(SecretsManagerTokenStore::from_env());
    sent(SecretsManagerTokenStore::builder().build());
}

#[test]
fn what_is_too_long_is_cut_to_what_is_documented() {
    let builder = SecretsManagerTokenStore::builder().time_to_live(Duration::MAX).max_stale(Duration::MAX);
    let shown = format!("{:?}", builder.write_deadline(Duration::MAX));
    for setting in ["time_to_live: 86400s", "max_stale: 86400s", "write_deadline: 3600s"] {
        assert!(shown.contains(setting), "{setting}: {shown}");
    }
}

#[tokio::test]
async fn debug_shows_the_prefix_and_the_settings() {
    let (_, store) = new().await;
    let shown = format!("{store:?}");
    for part in [PREFIX, "tag_search: true", " time_to_live: 0ns"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}
