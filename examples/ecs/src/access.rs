//! Who may ask: whoever knows the shared secret.
//!
//! It keeps out what has come into the network by mistake. Who reads the traffic knows it, so let the security group admit the
//! back end only, and put TLS in between where the network is not yours alone.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::Response;
use oauth_token_store::secrecy::ExposeSecret;
use subtle::ConstantTimeEq;

use crate::app::App;
use crate::failure::Failure;

pub(crate) async fn check(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Result<Response, Failure> {
    let given = request.headers().get(AUTHORIZATION).map(|value| value.as_bytes());
    let given = given.and_then(|value| value.strip_prefix(b"Bearer ")).unwrap_or_default();
    // Takes as long for a wrong secret as for the right one; only its length can be told by the time.
    let is_right: bool = app.service_secret.expose_secret().as_bytes().ct_eq(given).into();
    if !is_right {
        return Err(Failure::unauthorized());
    }
    Ok(next.run(request).await)
}
