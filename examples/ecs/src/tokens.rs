//! The token endpoint.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Json;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, StatusCode};
use oauth_token_store::secrecy::ExposeSecret;
use oauth_token_store::{ErrorKind, OAuthToken, RefreshError, StoreError, TokenId, TokenStore};
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::failure::Failure;
use crate::user::User;

type Answer<T> = Result<T, Failure>;

/// Before what an exchange gave is saved once more: what Secrets Manager fails at in passing is over by then, as a rule.
const PAUSES: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4), Duration::from_secs(8)];

/// An access token that is good for the leeway at least. From memory as a rule, and past it for `Cache-Control: no-cache`:
/// that is for a caller whose API has just answered the token with a 401.
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    User(user): User,
    headers: HeaderMap,
) -> Answer<Json<Value>> {
    let is_doubted = headers.get(CACHE_CONTROL).is_some_and(|value| value == "no-cache");
    let task = {
        let app = Arc::clone(&app);
        async move {
            if is_doubted {
                app.store.reload(&TokenId::of_user(&user)?).await?;
            }
            // With the client, so that a prefix of another one's is a conflict and not a surprise.
            let user = OAuthToken::builder().user_name(user).client_id(app.oauth.client_id()).build()?;
            match refreshed(&app, &user).await {
                Ok(token) => token.ok_or_else(Failure::not_logged_in),
                Err(error) => {
                    if is_to_be_saved(&error) {
                        app.carry_on(save_later(Arc::clone(&app), user));
                    }
                    exchanged_all_the_same(error)
                }
            }
        }
    };
    shown(&*app.carry_out(task).await?).map(Json)
}

async fn refreshed(app: &App, user: &OAuthToken) -> Result<Option<Arc<OAuthToken>>, RefreshError> {
    let oauth = Arc::clone(&app.oauth);
    let exchange = |current: Arc<OAuthToken>| async move { oauth.refresh(&current).await };
    app.store.refresh_with(user, app.leeway, exchange).await
}

/// Whether it is a save that has failed, and in passing.
fn is_to_be_saved(error: &RefreshError) -> bool {
    error.token().is_some() && error.is_retryable()
}

/// Does not leave it to the next request for the token: that may come to another replica, or after this one has ended.
async fn save_later(app: Arc<App>, user: OAuthToken) {
    for pause in PAUSES {
        tokio::time::sleep(pause).await;
        // Begins with the save of what the last exchange gave, and needs no other one.
        match refreshed(&app, &user).await {
            // It may not even be read: what the exchange gave is still in the store.
            Err(error) if error.is_retryable() => {}
            Err(error) => return tracing::error!(%error, "not saved"),
            Ok(_) => return tracing::info!("saved after all"),
        }
    }
    tracing::error!("not saved: the next request for the token tries again");
}

/// An exchange whose save failed has given a token that is good.
fn exchanged_all_the_same(error: RefreshError) -> Answer<Arc<OAuthToken>> {
    let kind = error.store_error().map(StoreError::kind);
    match (error.token(), kind) {
        // Logged out meanwhile, or another client's.
        (_, Some(ErrorKind::Deleted | ErrorKind::Conflict)) => Err(error.into()),
        (Some(token), Some(kind)) => {
            tracing::error!(kind = kind.as_str(), %error, "served, but not saved");
            Ok(Arc::clone(token))
        }
        _ => Err(error.into()),
    }
}

/// Keeps what the OAuth server answered to a login, as it is.
pub(crate) async fn put(
    State(app): State<Arc<App>>,
    User(user): User,
    response: String,
) -> Answer<StatusCode> {
    let login =
        OAuthToken::builder().user_name(user).client_id(app.oauth.client_id()).token_response(&response);
    let login = login.map_err(|_| Failure::bad_request("body_is_no_token_response"))?.build()?;
    let task = {
        let app = Arc::clone(&app);
        async move { Ok(save(&app, &login).await?) }
    };
    app.carry_out(task).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Twice, if the first time fails in passing: the token inside the error knows how far its save came.
async fn save(app: &App, token: &OAuthToken) -> Result<Arc<OAuthToken>, StoreError> {
    match app.store.save_token(token).await {
        Err(error) => match error.token() {
            Some(token) => app.store.save_token(token).await,
            None => Err(error),
        },
        saved => saved,
    }
}

/// Logs out. What the OAuth server issued stays good until it is revoked there.
pub(crate) async fn delete(State(app): State<Arc<App>>, User(user): User) -> Answer<StatusCode> {
    let id = TokenId::of_user(&user)?;
    let task = {
        let app = Arc::clone(&app);
        async move { Ok(app.store.delete_token(&id).await?) }
    };
    app.carry_out(task).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The access token and what is needed to use it, by the names of RFC 6749 §5.1. Never the refresh token.
fn shown(token: &OAuthToken) -> Answer<Value> {
    let access_token = token.access_token().ok_or_else(Failure::not_logged_in)?;
    let mut answer = Map::new();
    answer.insert("access_token".to_owned(), access_token.expose_secret().into());
    answer.insert("token_type".to_owned(), token.token_type().unwrap_or("Bearer").into());
    let left = token.expiry_time().map(|expiry| expiry.duration_since(SystemTime::now()).unwrap_or_default());
    for (name, value) in [
        ("expires_in", left.map(|left| json!(left.as_secs()))),
        ("scope", token.scope().map(Value::from)),
        ("api_domain", token.api_domain().map(Value::from)),
    ] {
        answer.extend(value.map(|value| (name.to_owned(), value)));
    }
    Ok(answer.into())
}
