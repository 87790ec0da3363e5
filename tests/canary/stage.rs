//! The token, the stores and the client of these tests.

use std::fmt;
use std::time::Duration;

use oauth_token_store::aws_sdk_secretsmanager::Client;
use oauth_token_store::aws_sdk_secretsmanager::config::http::HttpRequest;
use oauth_token_store::aws_sdk_secretsmanager::config::interceptors::{
    BeforeDeserializationInterceptorContextMut, BeforeTransmitInterceptorContextRef,
};
use oauth_token_store::aws_sdk_secretsmanager::config::{
    ConfigBag, Credentials, Intercept, RuntimeComponents,
};
use oauth_token_store::aws_sdk_secretsmanager::error::BoxError;
use oauth_token_store::embedded::EmbeddedSecretsManager;
use oauth_token_store::{OAuthToken, OAuthTokenBuilder, SecretsManagerTokenStore, TokenId};
use serde_json::Value;

use crate::canaries::*;
use crate::watch::Sent;

pub(crate) const PREFIX: &str = "app/tokens";

/// A whole token: no text in it may come out.
pub(crate) fn login() -> OAuthTokenBuilder {
    let token = OAuthToken::builder().id(OWN_ID).user_name(USER).client_id(CLIENT_ID);
    let token = token.client_secret(CLIENT_SECRET).refresh_token(REFRESH).access_token(ACCESS);
    let token = token.grant_token(GRANT).expires_in(Duration::from_secs(3600)).redirect_url(REDIRECT_URL);
    let token = token.api_domain(API_DOMAIN).scope(SCOPE).token_type(TOKEN_TYPE);
    token.extra(EXTRA_NAME, EXTRA)
}

pub(crate) fn built(token: OAuthTokenBuilder) -> OAuthToken {
    token.build().expect("valid")
}

/// The user and nothing else.
pub(crate) fn user() -> OAuthToken {
    built(OAuthToken::builder().user_name(USER))
}

pub(crate) fn own_id() -> TokenId {
    TokenId::new(OWN_ID).expect("valid")
}

pub(crate) fn id_of_user() -> TokenId {
    TokenId::of_user(USER).expect("valid")
}

/// The name of the user's secret.
pub(crate) fn name_of_user() -> String {
    format!("{PREFIX}/{}", id_of_user().as_str())
}

/// What the token endpoint answers to a refresh.
pub(crate) fn response() -> String {
    let response = serde_json::json!({
        "access_token": format!("{ACCESS}2"), "refresh_token": format!("{REFRESH}2"), "expires_in": 3600,
        "scope": SCOPE, "token_type": TOKEN_TYPE, "api_domain": API_DOMAIN, EXTRA_NAME: [EXTRA],
    });
    response.to_string()
}

/// A store as everybody has it, on a client whose requests are noted.
pub(crate) async fn store_on(backend: &EmbeddedSecretsManager) -> SecretsManagerTokenStore {
    store_with(client(backend)).await
}

pub(crate) async fn store_with(client: Client) -> SecretsManagerTokenStore {
    let builder = SecretsManagerTokenStore::builder().prefix(PREFIX).tag("team", "billing");
    builder.client(client).build().await.expect("a store")
}

pub(crate) fn client(backend: &EmbeddedSecretsManager) -> Client {
    client_answered(backend, String::new())
}

/// A client that reads this body in every answer that comes without one: that is what `Fault::http_status` gives.
pub(crate) fn client_answered(backend: &EmbeddedSecretsManager, body: String) -> Client {
    let session_token = Some(AWS_SESSION_TOKEN.to_owned());
    let credentials = Credentials::new("AKIDEXAMPLE", AWS_SECRET_KEY, session_token, None, "canary");
    let config = backend.client().config().to_builder().credentials_provider(credentials);
    Client::from_conf(config.interceptor(OnTheWay { body }).build())
}

/// Notes each request, and fills empty answers.
#[derive(Clone)]
struct OnTheWay {
    body: String,
}

/// Without the body: the SDK logs its interceptors.
impl fmt::Debug for OnTheWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnTheWay")
    }
}

impl Intercept for OnTheWay {
    fn name(&self) -> &'static str {
        "OnTheWay"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        sent(context.request())?.note();
        Ok(())
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response_mut();
        if response.headers().get("content-length") == Some("0") {
            response.headers_mut().insert("content-length", self.body.len().to_string());
            *response.body_mut() = self.body.clone().into();
        }
        Ok(())
    }
}

fn operation(request: &HttpRequest) -> String {
    let target = request.headers().get("x-amz-target").unwrap_or_default();
    target.rsplit('.').next().unwrap_or_default().to_owned()
}

/// All of a request but its value, and but the credentials that it is sent with.
fn sent(request: &HttpRequest) -> Result<Sent, BoxError> {
    let mut body: Value = serde_json::from_slice(request.body().bytes().ok_or("a body in memory")?)?;
    let members = body.as_object_mut().ok_or("an object")?;
    let value = members.remove("SecretString").and_then(|value| value.as_str().map(str::to_owned));
    let mut text = format!("{} {}\n", request.method(), request.uri());
    for (name, value) in request.headers().iter().filter(|(name, _)| *name != "x-amz-security-token") {
        text.push_str(&format!("{name}: {value}\n"));
    }
    // As it was written, and as it is meant.
    text.push_str(&body.to_string());
    strings(&body, &mut text);
    Ok(Sent { operation: operation(request), without_value: text, value })
}

fn strings(value: &Value, into: &mut String) {
    match value {
        Value::String(text) => into.push_str(&format!("\n{text}")),
        Value::Array(values) => values.iter().for_each(|value| strings(value, into)),
        Value::Object(members) => members.iter().for_each(|(name, value)| {
            into.push_str(&format!("\n{name}"));
            strings(value, into);
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
