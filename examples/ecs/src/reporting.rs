//! What is told of requests: a line of log and a count each, and the store's own counts, for Prometheus.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::time::Instant;

use crate::app::App;

const REQUESTS: &str = "http_requests_total";
const DURATION: &str = "http_request_duration_seconds";
/// From what memory answers to what everything together takes at most, in seconds.
const BUCKETS: &[f64] = &[0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0];

/// Takes in all that is reported in this process from now on.
pub(crate) fn install() -> Result<PrometheusHandle, BuildError> {
    let recorder =
        PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), BUCKETS)?;
    let handle = recorder.install_recorder()?;
    describe_counter!(REQUESTS, "Requests that were answered");
    describe_histogram!(DURATION, Unit::Seconds, "How long it took to answer them");
    Ok(handle)
}

/// Durations wait in memory until they are sorted in: also if nobody scrapes.
pub(crate) async fn sort_in(metrics: PrometheusHandle) {
    loop {
        tokio::time::sleep(Duration::from_secs(5)).await;
        metrics.run_upkeep();
    }
}

pub(crate) async fn scrape(State(app): State<Arc<App>>) -> Response {
    app.store.record_metrics();
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], app.metrics.render()).into_response()
}

/// Around every request. The path is not told, only the route: whoever mistypes a URL may write anything in it.
pub(crate) async fn observe(request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let method = match *request.method() {
        Method::GET => "GET",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        _ => "other",
    };
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();

    let mut response = next.run(request).await;

    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let (status, elapsed) = (response.status(), begun.elapsed());
    histogram!(DURATION, "method" => method, "route" => route.clone()).record(elapsed);
    counter!(REQUESTS, "method" => method, "route" => route.clone(), "status" => status.as_str().to_owned())
        .increment(1);
    let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    if route == "/token" || route == "none" {
        tracing::info!(method, route, status = status.as_u16(), elapsed_ms, "answered");
    } else {
        tracing::debug!(method, route, status = status.as_u16(), elapsed_ms, "answered");
    }
    response
}
