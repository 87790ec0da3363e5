//! Each public future can be sent to another thread: this compiles, or it does not.

use std::time::Duration;

use oauth_token_store::secrecy::SecretString;
use oauth_token_store::{
    OAuthToken, SecretsManagerTokenStore, SecretsManagerTokenStoreBuilder, StoreError, TokenId, TokenStore,
    TokenStoreExt,
};

fn sendable<T: Send>(_: T) {}

/// The futures of the trait have to be: it says so. Those of the inherent methods are what the compiler makes of them.
#[allow(dead_code, reason = "compiled, not called")]
fn each_public_future_can_be_sent(
    store: &SecretsManagerTokenStore,
    builder: SecretsManagerTokenStoreBuilder,
    (token, id, secret): (&OAuthToken, &TokenId, &SecretString),
) {
    sendable(builder.build());
    sendable(SecretsManagerTokenStore::from_env());
    sendable(store.find_token(token));
    sendable(store.find_token_by_id(id));
    sendable(store.find_by_user("bob"));
    sendable(store.find_by_refresh_token("client", secret));
    sendable(store.find_by_grant_token("client", secret));
    sendable(store.find_by_access_token(secret));
    sendable(store.reload(id));
    sendable(store.tokens());
    sendable(store.refresh_with(token, Duration::ZERO, |current| async move {
        Ok::<_, StoreError>((*current).clone())
    }));
    let store: &dyn TokenStore = store;
    sendable(store.find_token(token));
    sendable(store.find_token_by_id(id));
    sendable(store.save_token(token));
    sendable(store.delete_token(id));
    sendable(store.get_tokens());
    sendable(store.delete_tokens());
    sendable(store.find_by_user("bob"));
    sendable(store.find_by_refresh_token("client", secret));
    sendable(store.find_by_grant_token("client", secret));
    sendable(store.find_by_access_token(secret));
}

/// No public function that is async, or gives a future or stream, is left out of the list above.
#[test]
fn no_public_future_is_left_out() {
    let list = include_str!("sendable.rs");
    for source in [
        include_str!("../../src/secrets_manager/store.rs"),
        include_str!("../../src/secrets_manager/builder.rs"),
        include_str!("../../src/contract/store.rs"),
    ] {
        let mut functions = 0;
        for (before, name) in source.lines().filter_map(|line| line.trim().split_once("async fn ")) {
            let name = name.split(['(', '<']).next().unwrap_or_default();
            // In a trait, or an implementation of one, each function is public.
            if before == "pub " || before.is_empty() {
                let is_private = name == "client_from_env";
                assert!(is_private || list.contains(&format!("{name}(")), "{name} is left out");
                functions += 1;
            }
        }
        assert!(functions > 0, "no function was found");
    }
}
