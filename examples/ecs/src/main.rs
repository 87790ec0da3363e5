//! A service that hands fresh access tokens to its own back end, as an ECS service of any number of tasks.
//!
//! | request | answer |
//! |---|---|
//! | `GET /token` | an access token that is good for a while, refreshed if need be |
//! | `PUT /token` | keeps what the OAuth server answered to a login |
//! | `DELETE /token` | logs out: forgets the user's token |
//! | `GET /healthz` | whether the process lives; asks nobody else |
//! | `GET /readyz` | whether to send requests here |
//! | `GET /metrics` | what has happened, for Prometheus |
//!
//! The user stands in the header `X-User`, percent-encoded: proxies and load balancers log URLs.
//!
//! `token-service health` asks the service that runs beside it whether it lives: the image has no shell to do that with.

mod access;
mod app;
mod failure;
mod http;
mod liveness;
mod logging;
mod oauth;
mod readiness;
mod reporting;
mod settings;
mod shutdown;
mod tokens;
mod user;

use std::process::ExitCode;

use settings::{Settings, listen_address};

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        None => serve(),
        Some("health") => liveness::ask(listen_address(&|name| std::env::var(name).ok())),
        Some(_) => {
            eprintln!("usage: token-service [health]");
            ExitCode::from(2)
        }
    }
}

#[tokio::main]
async fn serve() -> ExitCode {
    logging::start();
    let served = match Settings::from_env() {
        Ok(settings) => app::run(settings).await,
        Err(error) => Err(error.into()),
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "ended");
            ExitCode::FAILURE
        }
    }
}
