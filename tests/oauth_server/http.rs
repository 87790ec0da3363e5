//! The server's routes.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use futures_util::stream;
use serde_json::{Value, json};

use super::refusal::Refusal;
use super::{ErrorStyle, Shared};

pub(super) fn routes(shared: Arc<Shared>) -> Router {
    Router::new().route("/oauth/v2/token", post(token)).route("/api/me", get(me)).with_state(shared)
}

/// What the token endpoint answers.
pub(super) enum TokenAnswer {
    Granted(Value),
    Refused(Refusal, ErrorStyle),
    ServerError,
    Lost,
}

impl IntoResponse for TokenAnswer {
    fn into_response(self) -> Response {
        match self {
            Self::Granted(tokens) => Json(tokens).into_response(),
            Self::Refused(refusal, style) => {
                let (status, body) = refusal.answer(style);
                (status, Json(body)).into_response()
            }
            Self::ServerError => (StatusCode::INTERNAL_SERVER_ERROR, "<html>sorry</html>").into_response(),
            // The body fails before hyper has sent anything: it closes the connection.
            Self::Lost => {
                let cut =
                    stream::iter([Err::<Vec<u8>, _>(io::Error::from(io::ErrorKind::ConnectionAborted))]);
                Body::from_stream(cut).into_response()
            }
        }
    }
}

async fn token(State(shared): State<Arc<Shared>>, Form(form): Form<HashMap<String, String>>) -> TokenAnswer {
    shared.before.pass().await;
    let answer = shared.exchange(&form);
    shared.after.pass().await;
    answer
}

/// The API: who it is whose access token this is.
async fn me(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let state = shared.state();
    match access_token(&headers).and_then(|token| state.ledger.user_of(token)) {
        Some(user) => Json(json!({ "user": user })).into_response(),
        None => {
            let error = json!({
                "code": "INVALID_TOKEN",
                "details": {},
                "message": "invalid oauth token",
                "status": "error",
            });
            (StatusCode::UNAUTHORIZED, Json(error)).into_response()
        }
    }
}

/// Zoho takes its own scheme and that of RFC 6750.
fn access_token(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let known = ["Bearer", "Zoho-oauthtoken"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    known.then_some(token)
}
