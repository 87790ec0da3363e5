//! Every public operation, on whatever store and backend, come what may.

use std::time::Duration;

use futures_util::StreamExt;
use oauth_token_store::secrecy::SecretString;
use oauth_token_store::{OAuthToken, SecretsManagerTokenStore, TokenStore, TokenStoreExt};

use crate::canaries::*;
use crate::stage::{built, id_of_user, login, own_id, response, user};
use crate::watch::Watch;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The operations that every store has, but for the two that touch all of its tokens.
pub(crate) async fn of_any_store(watch: &mut Watch, store: &dyn TokenStore) {
    watch.outcome("save_token", store.save_token(&built(login())).await);
    let client_alone = OAuthToken::builder().client_id(CLIENT_ID).client_secret(CLIENT_SECRET);
    watch.outcome("find_token by nothing", store.find_token(&built(client_alone.scope(SCOPE))).await);
    let found = watch.outcome("find_by_user", store.find_by_user(USER).await).flatten();
    let [refresh, grant, access] = [REFRESH, GRANT, ACCESS].map(SecretString::from);
    watch.outcome("find_by_refresh_token", store.find_by_refresh_token(CLIENT_ID, &refresh).await);
    watch.outcome("find_by_grant_token", store.find_by_grant_token(CLIENT_ID, &grant).await);
    watch.outcome("find_by_access_token", store.find_by_access_token(&access).await);
    watch.outcome("find_token_by_id", store.find_token_by_id(&own_id()).await);
    watch.outcome("find_token_by_id", store.find_token_by_id(&id_of_user()).await);
    let base = found.map_or_else(login, |found| found.to_builder());
    let changed = base.access_token(format!("{ACCESS}1")).expires_in(Duration::from_secs(7200));
    watch.outcome("save_token of a change", store.save_token(&built(changed)).await);
    let of_another_client = user().to_builder().client_id(format!("{CLIENT_ID}2")).refresh_token(REFRESH);
    watch.outcome("save_token of another client's", store.save_token(&built(of_another_client)).await);
    watch.outcome("get_tokens", store.get_tokens().await);
}

/// All that [`SecretsManagerTokenStore`] can do.
pub(crate) async fn of_this_store(watch: &mut Watch, store: &SecretsManagerTokenStore) {
    of_any_store(watch, store).await;
    let [refresh, grant, access] = [REFRESH, GRANT, ACCESS].map(SecretString::from);
    store.invalidate_all();
    watch.outcome("find_by_access_token", store.find_by_access_token(&access).await);
    watch.outcome("find_by_refresh_token", store.find_by_refresh_token(CLIENT_ID, &refresh).await);
    watch.outcome("find_by_grant_token", store.find_by_grant_token(CLIENT_ID, &grant).await);
    store.invalidate(&id_of_user());
    watch.outcome("find_by_user", store.find_by_user(USER).await);
    watch.outcome("reload", store.reload(&own_id()).await);
    for token in store.tokens().collect::<Vec<_>>().await {
        watch.outcome("tokens", token);
    }

    let long = Duration::from_secs(24 * 3600);
    let user = user();
    let refreshed = store.refresh_with(&user, long, |current| async move {
        Ok::<_, BoxError>(current.to_builder().token_response(&response())?.build()?)
    });
    watch.refresh("refresh_with", refreshed.await);
    let refused = store.refresh_with(&user, 2 * long, |_| async { Err::<OAuthToken, _>(APPLICATION) });
    watch.refresh("refresh_with of a refused exchange", refused.await);
    watch.debug("the statistics", &store.stats());
    store.record_metrics();
    watch.debug("the store", store);

    watch.outcome("delete_token", store.delete_token(&own_id()).await);
    watch.outcome("find_by_user of a deleted one", store.find_by_user(USER).await);
    watch.outcome("save_token of a deleted one", store.save_token(&built(login())).await);
    watch.outcome("delete_token", store.delete_token(&id_of_user()).await);
    let by_access = OAuthToken::builder().access_token(ACCESS);
    watch.outcome("save_token by an access token", store.save_token(&built(by_access)).await);
    let by_id = OAuthToken::builder().id(OWN_ID).refresh_token(REFRESH);
    watch.outcome("save_token by an own id", store.save_token(&built(by_id)).await);
    watch.outcome("delete_tokens", store.delete_tokens().await);
}
