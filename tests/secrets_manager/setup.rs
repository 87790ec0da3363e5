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
