//! What goes to CloudWatch Logs, as the function's logging configuration asks for it.

use std::env;

use tracing::level_filters::LevelFilter;

/// Below DEBUG the runtime logs events and the AWS SDK its service's messages, with users in both.
const MOST: LevelFilter = LevelFilter::DEBUG;

pub(crate) fn start() {
    let level = env::var("AWS_LAMBDA_LOG_LEVEL").ok().and_then(|level| level.parse().ok());
    let level = level.unwrap_or(LevelFilter::INFO).min(MOST);
    // Lambda adds the time.
    let log = tracing_subscriber::fmt().with_max_level(level).with_ansi(false).without_time();
    if env::var("AWS_LAMBDA_LOG_FORMAT").is_ok_and(|format| format.eq_ignore_ascii_case("json")) {
        log.json().init();
    } else {
        log.init();
    }
}
