//! A Lambda function that calls an API on behalf of many users.
//!
//! | module | one idea |
//! |---|---|
//! | `handler` | one invocation: the user's token, the API, and a second call after a 401 |
//! | `oauth` | the exchange of a refresh token |
//! | `api` | the API that is called on behalf of a user |
//! | `http` | requests whose errors show no URL |
//! | `answer`, `failure` | what the caller is told |
//! | `settings`, `logging` | what the environment says |
//! | `init_error` | a start that fails |

mod answer;
mod api;
mod failure;
mod handler;
mod http;
mod init_error;
mod logging;
mod oauth;
mod settings;

use std::process::ExitCode;

use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;

use crate::handler::Handler;

// A function has one invocation at a time, and below 1,769 MB less than one CPU.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    logging::start();
    let handler = match Handler::from_env().await {
        Ok(handler) => handler,
        Err(failure) => {
            init_error::report(&failure).await;
            return ExitCode::FAILURE;
        }
    };
    let invoke = |event: LambdaEvent<Value>| handler.invoke(event);
    match lambda_runtime::run(service_fn(invoke)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error, "the Lambda Runtime API failed");
            ExitCode::FAILURE
        }
    }
}
