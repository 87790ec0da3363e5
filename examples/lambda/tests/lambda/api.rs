//! The API in front of that of the OAuth server: it counts its calls, and can be told not to answer.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::oauth_server::Application;

#[derive(Clone)]
pub(crate) struct Api(Arc<Shared>);

struct Shared {
    url: String,
    application: Application,
    calls: watch::Sender<usize>,
    is_silent: AtomicBool,
}

impl Api {
    /// Serves for as long as the test runs.
    pub(crate) async fn start(application: Application) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}/me", listener.local_addr()?);
        let api = Self(Arc::new(Shared {
            url,
            application,
            calls: watch::Sender::new(0),
            is_silent: AtomicBool::new(false),
        }));
        let routes = Router::new().route("/me", get(answer)).with_state(api.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(api)
    }

    pub(crate) fn url(&self) -> &str {
        &self.0.url
    }

    pub(crate) fn calls(&self) -> usize {
        *self.0.calls.borrow()
    }

    /// Ends with the first call that comes from now on.
    pub(crate) fn called(&self) -> impl Future<Output = ()> + use<> {
        let mut calls = self.0.calls.subscribe();
        async move {
            let _ = calls.changed().await;
        }
    }

    /// Whether calls from now on get no answer.
    pub(crate) fn set_silent(&self, silent: bool) {
        self.0.is_silent.store(silent, Ordering::SeqCst);
    }
}

async fn answer(State(Api(shared)): State<Api>, headers: HeaderMap) -> (StatusCode, String) {
    shared.calls.send_modify(|calls| *calls += 1);
    if shared.is_silent.load(Ordering::SeqCst) {
        std::future::pending::<()>().await;
    }
    let authorization = headers.get("authorization").and_then(|value| value.to_str().ok());
    let token = authorization.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    match shared.application.call_api(token).await {
        Ok(answer) => (StatusCode::from_u16(answer.status).unwrap_or_default(), answer.body),
        Err(_) => (StatusCode::BAD_GATEWAY, String::new()),
    }
}
