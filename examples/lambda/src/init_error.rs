//! Telling Lambda that the function cannot start, and why.

use lambda_runtime::{Diagnostic, Error};
use lambda_runtime_api_client::{Client, body::Body, build_request};

use crate::failure::{Failure, causes};

/// Lambda shows it to whoever invokes the function; without it, only that the process has ended.
pub(crate) async fn report(failure: &Failure) {
    tracing::error!(error_type = failure.kind(), "{}", causes(failure));
    if let Err(error) = send(failure).await {
        tracing::error!(error, "the Lambda Runtime API failed");
    }
}

async fn send(failure: &Failure) -> Result<(), Error> {
    let diagnostic = Diagnostic { error_type: failure.kind().to_owned(), error_message: causes(failure) };
    let request = build_request()
        .method("POST")
        .uri("/2018-06-01/runtime/init/error")
        .header("Lambda-Runtime-Function-Error-Type", failure.kind())
        .body(Body::from(serde_json::to_string(&diagnostic)?))?;
    Client::builder().build()?.call(request).await?;
    Ok(())
}
