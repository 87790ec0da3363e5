//! Which request goes where.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;

use crate::app::App;
use crate::failure::Failure;
use crate::{access, reporting, tokens};

/// More than a token's JSON may have in Secrets Manager.
const LARGEST_BODY: usize = 65_536;

pub(crate) fn router(app: Arc<App>) -> Router {
    let token = get(tokens::get).put(tokens::put).delete(tokens::delete);
    Router::new()
        .route("/token", token)
        .route_layer(from_fn_with_state(Arc::clone(&app), access::check))
        .route("/healthz", get(async || "alive\n"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(reporting::scrape))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(from_fn(reporting::observe))
        .with_state(app)
}

async fn readyz(State(app): State<Arc<App>>) -> Result<&'static str, Failure> {
    if app.readiness.is_ready() { Ok("ready\n") } else { Err(Failure::not_ready()) }
}
