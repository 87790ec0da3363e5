//! An OAuth server for trying things out: it knows no users, and believes everybody.
//!
//! `POST /token` logs in (`grant_type=authorization_code`) and refreshes (`grant_type=refresh_token`). Each refresh spends
//! the refresh token; a spent one is refused. For tests, `POST /hold` makes refreshes wait until `POST /release`, and
//! `GET /waiting` tells how many do.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::sync::{Mutex, watch};

struct Server {
    issued: AtomicU64,
    spent: Mutex<HashSet<String>>,
    /// Each refresh that waits has a receiver of it.
    is_held: watch::Sender<bool>,
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let server = Arc::new(Server {
        issued: AtomicU64::default(),
        spent: Mutex::default(),
        is_held: watch::Sender::new(false),
    });
    let router = Router::new()
        .route("/token", post(token))
        .route("/hold", post(async |State(server): State<Arc<Server>>| server.hold(true)))
        .route("/release", post(async |State(server): State<Arc<Server>>| server.hold(false)))
        .route(
            "/waiting",
            get(async |State(server): State<Arc<Server>>| server.is_held.receiver_count().to_string()),
        )
        .with_state(server);
    let listener = tokio::net::TcpListener::bind("0.0.0.0:8080").await?;
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        served = async { axum::serve(listener, router).await } => served,
        _ = terminate.recv() => Ok(()),
    }
}

async fn token(
    State(server): State<Arc<Server>>,
    Form(request): Form<HashMap<String, String>>,
) -> (StatusCode, Json<Value>) {
    let parameter = |name: &str| request.get(name).map(String::as_str).unwrap_or_default();
    match parameter("grant_type") {
        "authorization_code" => server.issue(),
        "refresh_token" => {
            // The server itself holds the other end.
            let _ = server.is_held.subscribe().wait_for(|is_held| !is_held).await;
            let is_new = server.spent.lock().await.insert(parameter("refresh_token").to_owned());
            if is_new { server.issue() } else { refused("invalid_grant") }
        }
        _ => refused("unsupported_grant_type"),
    }
}

impl Server {
    fn hold(&self, refreshes: bool) {
        self.is_held.send_replace(refreshes);
    }

    fn issue(&self) -> (StatusCode, Json<Value>) {
        let number = self.issued.fetch_add(1, Ordering::SeqCst);
        let answer = json!({
            "access_token": format!("access-token-{number}"),
            "refresh_token": format!("refresh-token-{number}"),
            "token_type": "Bearer",
            "expires_in": 3600,
        });
        (StatusCode::OK, Json(answer))
    }
}

fn refused(error: &str) -> (StatusCode, Json<Value>) {
    (StatusCode::BAD_REQUEST, Json(json!({ "error": error })))
}
