//! Nothing that is secret is shown.

use oauth_token_store::embedded::{Fault, Gate, Operation};

use crate::*;

const SECRET: &str = "hunter2-the-secret";

#[tokio::test]
async fn debug_shows_no_content() {
    let (backend, client) = setup();
    create(&client, "private/name", SECRET).await;
    let fault = Fault::access_denied().on_secret("private/name");
    let gate = Gate::before(Operation::PutSecretValue).on_secret("private/name");
    let shown = format!(
        "{backend:?} {fault:?} {gate:?} {:?} {:?} {:?}",
        backend.gate(gate.clone()),
        backend.http_client(),
        backend.requests(),
    );
    assert!(!shown.contains("private"), "{shown}");
    assert!(!shown.contains(SECRET), "{shown}");
    assert!(shown.contains("EmbeddedSecretsManager { secrets: 1, requests: 1"), "{shown}");
}
