//! What stands in the logs at TRACE, the SDK's own messages included. A program of its own: which messages tracing wants
//! is decided for the whole process.

mod captured_log;

use oauth_token_store::embedded::{EmbeddedSecretsManager, Fault, Operation};
use oauth_token_store::secrecy::SecretString;
use oauth_token_store::{OAuthToken, SecretsManagerTokenStore, TokenId, TokenStore};

use captured_log::Log;

#[tokio::test(start_paused = true)]
async fn no_token_user_or_own_id_is_logged_at_trace() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false);
    subscriber.with_writer(log.clone()).init();

    let backend = EmbeddedSecretsManager::new();
    let client = backend.client();
    let store =
        SecretsManagerTokenStore::builder().prefix("app").client(client).build().await.expect("a store");
    let token = OAuthToken::builder()
        .id("canary-own-id")
        .user_name("canary-user@example.com")
        .client_id("canary-client")
        .client_secret("canary-client-secret")
        .refresh_token("canary-refresh")
        .access_token("canary-access")
        .grant_token("canary-grant")
        .extra("instance_url", "canary-extra")
        .build()
        .expect("valid");
    store.save_token(&token).await.expect("saved");
    let found = store.find_by_user("canary-user@example.com").await.expect("fine").expect("there");
    let own_id = TokenId::new("canary-own-id").expect("valid");
    store.find_token_by_id(&own_id).await.expect("fine").expect("there");
    let refresh = SecretString::from("canary-refresh");
    store.find_by_refresh_token("canary-client", &refresh).await.expect("fine").expect("there");
    let changed = found.to_builder().access_token("canary-access-0").build().expect("valid");
    store.save_token(&changed).await.expect("saved");
    assert_eq!(store.get_tokens().await.expect("listed").len(), 1);
    let mut n = 0;
    for operation in [Operation::GetSecretValue, Operation::PutSecretValue, Operation::TagResource] {
        for fault in
            [Fault::access_denied(), Fault::malformed_answer(), Fault::lost_answer(), Fault::throttling()]
        {
            let fault = backend.inject(fault.on(operation));
            n += 1;
            let again =
                found.to_builder().access_token(format!("canary-access-{n}")).scope("canary-scope").build();
            // What it comes to is tested elsewhere.
            drop(store.save_token(&again.expect("valid")).await);
            backend.remove_fault(fault);
        }
    }
    store.delete_token(&own_id).await.expect("deleted");
    store.delete_tokens().await.expect("deleted");

    let log = log.take();
    for message in
        ["oauth_token_store", "PutSecretValue", "search tags are out of date", "aws_smithy_runtime"]
    {
        assert!(log.contains(message), "nothing of {message} is logged");
    }
    // Also what goes on in a task of its own says which call it belongs to.
    for (request, operation) in [("PutSecretValue", "save_token"), ("DeleteSecret", "delete_token")] {
        let belongs = |line: &&str| {
            line.contains(&format!("operation=\"{request}\""))
                && line.contains(&format!("operation=\"{operation}\""))
        };
        assert!(log.lines().any(|line| belongs(&line)), "no {request} says that it is part of {operation}");
    }
    let leak = log.lines().find(|line| line.contains("canary"));
    assert_eq!(leak, None);
    // At TRACE the SDK prints AWS's messages, which name the role session; the library's own events never do.
    let leak = log.lines().find(|line| line.contains("jane") && !line.contains(": aws_smithy_runtime::"));
    assert_eq!(leak, None);
}
