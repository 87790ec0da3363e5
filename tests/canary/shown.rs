//! `Debug` of whatever holds something.

use std::sync::Arc;

use oauth_token_store::embedded::{EmbeddedSecretsManager, Fault, Gate, Operation};
use oauth_token_store::{
    LookupPlan, OAuthToken, RefreshError, SecretsManagerTokenStore, StoreError, TokenStore,
};

use crate::canaries::*;
use crate::stage::{built, client, id_of_user, login, name_of_user, own_id, response, user};
use crate::watch::Watch;

#[test]
fn no_token_shows_what_is_in_it() {
    let watch = Watch::begin();
    let token = built(login());
    watch.debug("a token", &token);
    watch.debug(
        "tokens",
        &(Some(Arc::new(token.clone())), vec![token.clone()], Ok::<_, StoreError>(token.clone())),
    );
    watch.debug("a builder", &login());
    watch.debug("a changed token", &token.to_builder().scope(format!("{SCOPE}2")));
    let record = token.new_record().expect("it can be stored");
    watch.debug("a record", &record);
    watch.debug("a merged record", &built(login().access_token(format!("{ACCESS}1"))).merge_into(&record));
    watch.debug("a detached token", &record.detached());
    watch.debug("a response", &OAuthToken::from_token_response(&response()).expect("a token"));
    watch.debug("ids", &(own_id(), id_of_user(), token.id(), record.assigned_id()));
    let shown = format!("{token:?}");
    for field in
        ["access_token: [REDACTED]", "client_secret: [REDACTED]", "user_name: [REDACTED]", "extras: 1"]
    {
        assert!(shown.contains(field), "that there is a value is not to be hidden: {shown}");
    }
    watch.look();
}

#[test]
fn no_lookup_shows_what_it_is_for() {
    let watch = Watch::begin();
    let client = || OAuthToken::builder().client_id(CLIENT_ID);
    let mut kinds = Vec::new();
    for partial in [
        login(),
        OAuthToken::builder().id(OWN_ID),
        OAuthToken::builder().user_name(USER),
        OAuthToken::builder().access_token(ACCESS),
        client().grant_token(GRANT).refresh_token(REFRESH),
    ] {
        let partial = built(partial);
        let plan = LookupPlan::of(&partial);
        watch.debug("a plan", &plan);
        for key in plan.keys() {
            watch.debug("a key", &key);
            kinds.push(format!("{key:?}").split('(').next().unwrap_or_default().to_owned());
        }
    }
    kinds.sort();
    kinds.dedup();
    assert_eq!(kinds, ["access", "grant", "id", "refresh", "user"]);
    watch.look();
}

#[tokio::test]
async fn no_store_and_no_backend_shows_what_is_in_it() {
    let mut watch = Watch::begin();
    let backend = EmbeddedSecretsManager::new();
    let builder = SecretsManagerTokenStore::builder().client(client(&backend)).kms_key_id("alias/tokens");
    watch.debug("a store's builder", &builder);
    let store = builder.build().await.expect("a store");
    watch.outcome("save_token", store.save_token(&built(login())).await);
    watch.outcome("find_token", store.find_token(&user()).await);
    watch.debug("a store", &store);
    watch.debug("a store", &store.stats());
    watch.debug("the client", &client(&backend));
    watch.debug("the HTTP client", &backend.http_client());

    let raw = backend.client();
    raw.create_secret().name("by/hand").secret_string(ACCESS).send().await.expect("created");
    let fault = Fault::access_denied().on_secret(ACCESS);
    let gate = Gate::before(Operation::GetSecretValue).on_secret(USER);
    watch.debug("a fault", &fault);
    watch.debug("a gate", &gate);
    watch.debug("a gate", &backend.gate(gate.clone()));
    watch.debug("a fault", &backend.inject(fault));
    watch.debug("the backend", &backend);
    watch.debug("the counts", &backend.requests());
    watch.debug("the names", &backend.secret_names());
    watch.look();
}

#[test]
fn what_an_error_is_given_is_not_shown() {
    let mut watch = Watch::begin();
    let error = StoreError::from(oauth_token_store::ErrorKind::Unavailable)
        .with_token(Arc::new(built(login())))
        .with_secret_name(name_of_user());
    watch.store_error("an error", &error);
    watch.refresh::<()>("an error", Err(RefreshError::from(error)));
    watch.look();
}
