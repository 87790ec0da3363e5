//! The embedded Secrets Manager on a port: for programs that run without Docker.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_types::body::SdkBody;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use oauth_token_store::embedded::EmbeddedSecretsManager;
use tokio::net::TcpListener;

/// Serves it for as long as this process lives; returns what to set as `AWS_ENDPOINT_URL_SECRETS_MANAGER`.
pub(crate) async fn serve_secrets_manager(backend: &EmbeddedSecretsManager) -> io::Result<String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let endpoint = format!("http://{}", listener.local_addr()?);
    let components = RuntimeComponentsBuilder::for_tests().build().map_err(io::Error::other)?;
    let connector =
        backend.http_client().http_connector(&HttpConnectorSettings::builder().build(), &components);
    let routes = Router::new().fallback(carry_out).with_state(Arc::new(connector));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Ok(endpoint)
}

/// An operation and its JSON are all that the backend looks at.
async fn carry_out(
    State(connector): State<Arc<SharedHttpConnector>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut request = HttpRequest::new(SdkBody::from(body));
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    request.headers_mut().insert("x-amz-target", target.to_owned());
    match connector.call(request).await {
        Ok(response) => {
            let status = StatusCode::from_u16(response.status().as_u16());
            let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, Body::new(response.into_body())).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
