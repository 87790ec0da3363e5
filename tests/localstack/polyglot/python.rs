//! Python, the AWS CLI and jq: where they are, and a process that does what it is told.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command as BlockingCommand, Stdio};
use std::sync::OnceLock;

use serde_json::{Value, json};
use tokio::process::Command;

use crate::account::REGION;
use crate::environment::{Missing, REQUIRE, required};
use crate::{TestResult, context::Context, processes::Worker};

use super::{Failure, PREFIX};

const PYTHON: &str = "OAUTH_TOKEN_STORE_PYTHON";

/// Whether there are all three: in the place where `examples/python/setup` puts them, or beside the Python that the
/// environment names.
pub(crate) fn programs() -> Result<(), Missing> {
    static FOUND: OnceLock<Result<(), String>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        runs(&interpreter(), &["-c", "import boto3"])?;
        runs(&beside_python("aws"), &["--version"])?;
        runs(Path::new("jq"), &["--version"])
    });
    let why = |error: &String| format!("{error}: run examples/python/setup");
    match found {
        Ok(()) => Ok(()),
        Err(error) if required() => Err(Missing::Broken(format!("{REQUIRE} is set, but {}", why(error)))),
        Err(error) if env::var_os(PYTHON).is_some() => Err(Missing::Broken(why(error))),
        Err(error) => Err(Missing::Unavailable(why(error))),
    }
}

fn runs(program: &Path, arguments: &[&str]) -> Result<(), String> {
    let ended = BlockingCommand::new(program).args(arguments).stdin(Stdio::null()).output();
    if ended.is_ok_and(|output| output.status.success()) {
        return Ok(());
    }
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    Err(format!("`{name} {}` does not run", arguments.join(" ")))
}

fn interpreter() -> PathBuf {
    let default =
        || Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("python").join("bin").join("python");
    env::var_os(PYTHON).map_or_else(default, PathBuf::from)
}

fn beside_python(program: &str) -> PathBuf {
    interpreter().with_file_name(program)
}

pub(super) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A program of that environment, pointed at the test's account, with whatever Python it runs.
pub(super) fn command(context: &Context, program: impl AsRef<std::ffi::OsStr>) -> Result<Command, Failure> {
    let mut command = context.pointed_here(Command::new(program));
    let path = env::var_os("PATH").unwrap_or_default();
    let here = beside_python("");
    let path = env::join_paths(std::iter::once(here).chain(env::split_paths(&path)))?;
    command
        .env("PATH", path)
        .env("AWS_DEFAULT_REGION", REGION)
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_MAX_ATTEMPTS", "2")
        .env("no_proxy", "*")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PYTHONPATH", repository("examples/python"));
    Ok(command)
}

/// `worker.py`.
pub(super) struct Python(Worker);

impl Python {
    pub(super) fn start(context: &Context) -> Result<Self, Failure> {
        Self::through(context, context.endpoint())
    }

    /// Through another endpoint, such as a proxy's.
    pub(super) fn through(context: &Context, endpoint: &str) -> Result<Self, Failure> {
        let mut command = command(context, interpreter())?;
        command.env("AWS_ENDPOINT_URL_SECRETS_MANAGER", endpoint);
        command.arg(repository("tests/localstack/polyglot/worker.py")).arg(PREFIX);
        Ok(Self(Worker::run(command)?))
    }

    /// Sends what is to be done without waiting for it.
    pub(super) async fn begin(&mut self, request: Value) -> TestResult {
        self.0.send(&request.to_string()).await
    }

    pub(super) async fn answer(&mut self) -> Result<Value, Failure> {
        Ok(serde_json::from_str(&self.0.answer().await?)?)
    }

    pub(super) async fn ask(&mut self, request: Value) -> Result<Value, Failure> {
        self.begin(request).await?;
        self.answer().await
    }

    /// What is stored, and held from now on; null if there is nothing.
    pub(super) async fn find(&mut self, user: &str) -> Result<Value, Failure> {
        member(&self.ask(json!(["find", user])).await?, "found")
    }

    pub(super) async fn save(&mut self, user: &str, changes: Value) -> Result<Value, Failure> {
        saved(&self.ask(json!(["save", user, changes])).await?)
    }

    /// Saves changes to what is held.
    pub(super) async fn save_found(&mut self, user: &str, changes: Value) -> Result<Value, Failure> {
        saved(&self.ask(json!(["save_found", user, changes])).await?)
    }

    /// Begins a save that stops before it sends this request, and waits until it has.
    pub(super) async fn stop_before(&mut self, operation: &str, save: Value) -> TestResult {
        self.ask(json!(["pause_before", operation])).await?;
        let paused = self.ask(save).await?;
        assert_eq!(paused, json!({"paused": operation}));
        Ok(())
    }

    /// Lets it go on to the next such request, which it makes if this one is refused.
    pub(super) async fn stop_again(&mut self) -> TestResult {
        let paused = self.ask(json!("stop again")).await?;
        assert!(paused.get("paused").is_some(), "{paused}");
        Ok(())
    }

    /// Lets it go on.
    pub(super) async fn go_on(&mut self) -> Result<Value, Failure> {
        self.begin(Value::Null).await?;
        saved(&self.answer().await?)
    }

    pub(super) async fn end(self) -> TestResult {
        self.0.end().await
    }
}

pub(super) fn saved(answer: &Value) -> Result<Value, Failure> {
    member(answer, "saved")
}

fn member(answer: &Value, name: &str) -> Result<Value, Failure> {
    answer.get(name).cloned().ok_or_else(|| format!("Python answered {answer}").into())
}
