//! The connection between the SDK and the backend: an HTTP client without HTTP.

use std::fmt;
use std::io;
use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::{HttpError, StatusCode};
use uuid::Uuid;

use super::backend::Backend;
use super::body;
use super::error::{Result as ServiceResult, ServiceError};
use super::fault::Outcome;
use super::gate::Point;
use super::operation::Operation;
use super::request::{Call, Request};

/// The SDK's way to a backend. Connect and read timeouts never strike here: faults take their place.
#[derive(Clone)]
pub(super) struct Connector(pub(super) Arc<Backend>);

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector(EmbeddedSecretsManager)")
    }
}

impl HttpClient for Connector {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let backend = Arc::clone(&self.0);
        HttpConnectorFuture::new(async move { handle(&backend, request).await })
    }
}

/// Takes one HTTP request from its arrival to its answer.
async fn handle(backend: &Backend, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
    let target = request.headers().get("x-amz-target").unwrap_or_default();
    let operation = Operation::from_target(target);
    backend.counters.record(operation);
    let Some(operation) = operation else {
        let error = ServiceError::new("UnknownOperationException", "The operation is not known");
        return respond(Err(error));
    };
    let content = body::read(request.into_body()).await.map_err(ConnectorError::io)?;
    let call = Call { operation, request: Request::parse(&content) };

    backend.gates.pass(Point::Before, &call).await;
    let (latency, outcome) = backend.faults.decide(&call);
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    match outcome {
        Outcome::Refuse(error) => return respond(Err(error)),
        Outcome::Status(status) => return http_response(status, Vec::new()),
        Outcome::Hang => return std::future::pending().await,
        Outcome::Unreachable => {
            let error = io::Error::from(io::ErrorKind::ConnectionRefused);
            return Err(ConnectorError::io(error.into()).never_connected());
        }
        Outcome::Answer | Outcome::LoseAnswer | Outcome::LoseAnswerSilently | Outcome::Malform => {}
    }

    let answer = backend.execute(&call);
    backend.gates.pass(Point::After, &call).await;
    match outcome {
        Outcome::LoseAnswer => {
            let error = io::Error::from(io::ErrorKind::ConnectionReset);
            Err(ConnectorError::io(error.into()))
        }
        Outcome::LoseAnswerSilently => std::future::pending().await,
        Outcome::Malform => {
            let mut json = to_json(answer).1;
            json.pop();
            http_response(200, json)
        }
        _ => respond(answer),
    }
}

fn respond(answer: ServiceResult<serde_json::Value>) -> Result<HttpResponse, ConnectorError> {
    let (status, json) = to_json(answer);
    http_response(status, json)
}

fn to_json(answer: ServiceResult<serde_json::Value>) -> (u16, Vec<u8>) {
    let (status, json) = match answer {
        Ok(json) => (200, json),
        Err(error) => (error.status, error.to_json()),
    };
    (status, json.to_string().into_bytes())
}

fn http_response(status: u16, content: Vec<u8>) -> Result<HttpResponse, ConnectorError> {
    let status = StatusCode::try_from(status).or_else(|_| StatusCode::try_from(500));
    status
        .and_then(|status| {
            let length = content.len();
            let mut response = HttpResponse::new(status, body::streaming(content));
            let headers = response.headers_mut();
            headers.try_insert("x-amzn-requestid", Uuid::new_v4().to_string())?;
            headers.try_insert("content-type", "application/x-amz-json-1.1")?;
            headers.try_insert("content-length", length.to_string())?;
            Ok(response)
        })
        .map_err(|error: HttpError| ConnectorError::user(error.into()))
}
