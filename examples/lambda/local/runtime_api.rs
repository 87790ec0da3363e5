//! The Lambda Runtime API: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{AppendHeaders, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

const FUNCTION_ARN: &str = "arn:aws:lambda:us-east-1:123456789012:function:local";

/// What a process is given to do.
#[derive(Clone, Debug)]
pub(super) struct Invocation {
    pub(super) request_id: String,
    pub(super) event: Value,
    pub(super) deadline: SystemTime,
}

/// An error as a process reports it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    pub(crate) error_type: String,
    pub(crate) error_message: String,
}

/// What a process says.
pub(super) enum Message {
    /// It waits for an invocation.
    Next(oneshot::Sender<Invocation>),
    Response(Value),
    Error(Report),
    InitError(Report),
}

/// The API for one process. Dropping it closes its port.
pub(super) struct RuntimeApi {
    pub(super) address: SocketAddr,
    pub(super) messages: mpsc::UnboundedReceiver<Message>,
    serving: JoinHandle<()>,
}

/// What the requests' handlers share.
struct Shared {
    messages: mpsc::UnboundedSender<Message>,
    /// The id of the invocation that is under way.
    under_way: Mutex<Option<String>>,
}

impl RuntimeApi {
    pub(super) async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (sender, messages) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared { messages: sender, under_way: Mutex::default() });
        let routes = Router::new()
            .route("/invocation/next", get(next))
            .route("/invocation/{request_id}/response", post(response))
            .route("/invocation/{request_id}/error", post(error))
            .route("/init/error", post(init_error))
            .with_state(shared);
        let routes = Router::new().nest("/2018-06-01/runtime", routes);
        let serving = tokio::spawn(async move {
            // It ends with its task.
            let _ = axum::serve(listener, routes).await;
        });
        Ok(Self { address, messages, serving })
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Shared {
    fn accept(&self, message: Message) -> StatusCode {
        match self.messages.send(message) {
            Ok(()) => StatusCode::ACCEPTED,
            Err(_) => StatusCode::GONE,
        }
    }

    /// One answer to each invocation, and none to any other.
    fn accept_answer(&self, request_id: &str, answer: Message) -> StatusCode {
        let mut under_way = self.under_way.lock().expect("no panic while locked");
        if under_way.take_if(|under_way| under_way == request_id).is_none() {
            return StatusCode::BAD_REQUEST;
        }
        self.accept(answer)
    }
}

async fn next(State(shared): State<Arc<Shared>>) -> Response {
    let (sender, invocation) = oneshot::channel();
    shared.accept(Message::Next(sender));
    match invocation.await {
        Ok(invocation) => {
            let id = invocation.request_id.clone();
            *shared.under_way.lock().expect("no panic while locked") = Some(id);
            invocation.into_response()
        }
        // Nobody drives the process any more.
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

impl IntoResponse for Invocation {
    fn into_response(self) -> Response {
        let deadline = self.deadline.duration_since(UNIX_EPOCH).unwrap_or_default();
        let headers = [
            ("Lambda-Runtime-Aws-Request-Id", self.request_id),
            ("Lambda-Runtime-Deadline-Ms", deadline.as_millis().to_string()),
            ("Lambda-Runtime-Invoked-Function-Arn", FUNCTION_ARN.to_owned()),
        ];
        (AppendHeaders(headers), Json(self.event)).into_response()
    }
}

async fn response(
    State(shared): State<Arc<Shared>>,
    Path(request_id): Path<String>,
    body: String,
) -> Result<StatusCode, StatusCode> {
    Ok(shared.accept_answer(&request_id, Message::Response(parse(&body)?)))
}

async fn error(
    State(shared): State<Arc<Shared>>,
    Path(request_id): Path<String>,
    body: String,
) -> Result<StatusCode, StatusCode> {
    Ok(shared.accept_answer(&request_id, Message::Error(parse(&body)?)))
}

async fn init_error(State(shared): State<Arc<Shared>>, body: String) -> Result<StatusCode, StatusCode> {
    Ok(shared.accept(Message::InitError(parse(&body)?)))
}

/// Whatever content type it says, or none.
fn parse<T: DeserializeOwned>(body: &str) -> Result<T, StatusCode> {
    serde_json::from_str(body).map_err(|_| StatusCode::BAD_REQUEST)
}
