//! Setting a store up wrongly.

use oauth_token_store::aws_sdk_secretsmanager::config::{BehaviorVersion, Credentials, Region};
use oauth_token_store::aws_sdk_secretsmanager::{Client, Config};
use oauth_token_store::{ErrorKind, SecretsManagerTokenStore, StoreError, TokenStoreExt};

use crate::support::new;

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
