//! Handles and clients of a backend.

use crate::*;

#[tokio::test]
async fn clones_and_clients_share_one_backend() {
    let (backend, client) = setup();
    create(&client, "b", "v").await;
    let other = backend.clone();
    create(&other.client(), "a", "v").await;
    assert_eq!(backend.secret_names(), ["a", "b"]);
    assert_eq!(other.secret_count(), 2);
    assert_eq!(EmbeddedSecretsManager::default().secret_count(), 0);
}

#[tokio::test]
async fn an_operation_that_is_not_implemented_is_unknown() {
    let (_, client) = setup();
    let result = client.get_random_password().send().await;
    assert_eq!(code(result), "UnknownOperationException");
}
