//! What somebody changes by hand while a token is exchanged. The slot after the version that was read stays free then, so it
//! is for the save to see the change.

use oauth_token_store::SecretsManagerTokenStore;
use oauth_token_store::embedded::EmbeddedSecretsManager;

use crate::support::{found, id_of, name_of, store_on};

use super::{MINUTE, begun_exchange, cached_with_expired_bob, ended, refreshed, some, with_expired_bob};

async fn edit(backend: &EmbeddedSecretsManager) {
    let (client, name) = (backend.client(), name_of("bob"));
    let value = client.get_secret_value().secret_id(&name).send().await.expect("read").secret_string;
    let edited = value.expect("text").replacen('{', r#"{"x":"by hand","#, 1);
    client.put_secret_value().secret_id(&name).secret_string(edited).send().await.expect("put");
}

/// An edit that falls into an exchange, and then what is done before the exchange ends.
async fn is_kept(
    (backend, store): (EmbeddedSecretsManager, SecretsManagerTokenStore),
    then: impl AsyncFnOnce(&SecretsManagerTokenStore),
) {
    let (refresh, current, answer) = begun_exchange(&store, MINUTE).await;
    edit(&backend).await;
    then(&store).await;
    answer.send(Ok(refreshed(&current))).expect("it waits");
    some(ended(refresh).await);
    assert_eq!(found(&store_on(&backend).await, "bob").await.extra("x"), Some("by hand"));
}

#[tokio::test(start_paused = true)]
async fn an_edit_during_an_exchange_stays_where_nothing_is_cached() {
    is_kept(with_expired_bob().await, async |_| {}).await;
    let shows_the_edit = async |store: &SecretsManagerTokenStore| {
        let bob = store.reload(&id_of("bob")).await.expect("read").expect("it is there");
        assert_eq!(bob.extra("x"), Some("by hand"));
    };
    is_kept(with_expired_bob().await, shows_the_edit).await;
}

#[tokio::test(start_paused = true)]
async fn an_edit_during_an_exchange_stays_where_what_was_cached_is_to_be_forgotten() {
    is_kept(cached_with_expired_bob().await, async |store| store.invalidate(&id_of("bob"))).await;
}

#[tokio::test(start_paused = true)]
async fn an_edit_during_an_exchange_that_outlasts_the_time_to_live_stays() {
    is_kept(cached_with_expired_bob().await, async |_| tokio::time::sleep(6 * MINUTE).await).await;
}
