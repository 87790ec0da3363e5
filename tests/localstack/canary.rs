//! The canary over real HTTP: a process of its own, set up by its environment alone, writes its log at TRACE to a pipe,
//! and what comes out of that is searched as in `tests/canary`.

use std::process::Output;

use oauth_token_store::SecretsManagerTokenStore;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::canaries::{AWS_SECRET_KEY, AWS_SESSION_TOKEN, EVERYTHING};
use crate::{TestResult, context::Context, lossy_proxy::LossyProxy, script, watch::Watch};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Everything that the process has written.
async fn written(context: &Context, variables: &[(&str, &str)]) -> Result<String, Failure> {
    let proxy = LossyProxy::before(context.endpoint(), "PutSecretValue").await?;
    proxy.lose_next_answers(1);
    let mut command = context.child("canary::do_everything")?;
    command.env("AWS_ENDPOINT_URL_SECRETS_MANAGER", proxy.endpoint());
    command.env("AWS_SECRET_ACCESS_KEY", AWS_SECRET_KEY).env("AWS_SESSION_TOKEN", AWS_SESSION_TOKEN);
    command.env_remove("LOG_SENSITIVE_BODIES").envs(variables.iter().copied());
    let Output { status, stdout, stderr } = command.output().await?;
    let written = format!("{}{}", String::from_utf8(stdout)?, String::from_utf8(stderr)?);
    if !status.success() {
        return Err(
            format!("a child process: {status}: {}", &written[written.len().saturating_sub(500)..]).into()
        );
    }
    assert_eq!(proxy.lost(), 1, "an answer is lost on the way");
    Ok(written)
}

pub(crate) async fn a_process_that_logs_at_trace_shows_nothing(context: Context) -> TestResult {
    let written = written(&context, &[]).await?;
    for target in ["hyper_util::client::", "aws_config::", "aws_smithy_runtime::", "oauth_token_store::"] {
        assert!(written.contains(target), "nothing of {target} is logged");
    }
    match EVERYTHING.find(&written) {
        None => Ok(()),
        Some(leak) => Err(format!("the process shows {leak}").into()),
    }
}

/// What the guide on limits warns of: if this fails, the SDK has changed, and so should the guide.
pub(crate) async fn a_process_that_is_to_log_sensitive_bodies_does(context: Context) -> TestResult {
    let written = written(&context, &[("LOG_SENSITIVE_BODIES", "true")]).await?;
    let shows = |line: &&str| EVERYTHING.find(line).is_some();
    let (of_the_sdk, others): (Vec<_>, Vec<_>) = written.lines().filter(shows).partition(|line| {
        line.contains(": aws_smithy_runtime::client::orchestrator::http: read HTTP response body")
    });
    assert_eq!(others, [""; 0], "nobody but the SDK shows anything");
    assert!(!of_the_sdk.is_empty(), "LOG_SENSITIVE_BODIES does nothing any more");
    Ok(())
}

/// A child process: does everything there is to do.
pub(crate) async fn do_everything(_: Vec<String>) -> TestResult {
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false);
    subscriber.with_span_events(FmtSpan::CLOSE).with_writer(std::io::stderr).init();
    let store = SecretsManagerTokenStore::from_env().await?;
    let mut watch = Watch::of_a_process();
    script::of_this_store(&mut watch, &store).await;
    println!("{:?}", watch.kinds);
    Ok(())
}
