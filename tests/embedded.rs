//! The embedded Secrets Manager, through the real SDK client.

use oauth_token_store::embedded::EmbeddedSecretsManager;

#[tokio::test]
async fn a_created_secret_is_found() {
    let backend = EmbeddedSecretsManager::new();
    let client = backend.client();
    client.create_secret().name("app/a").secret_string("v").send().await.unwrap();
    let found = client.get_secret_value().secret_id("app/a").send().await.unwrap();
    assert_eq!(found.secret_string(), Some("v"));
    assert_eq!(backend.requests().to_string(), "1 GetSecretValue, 1 CreateSecret");
}
