//! The service: it keeps one execution environment, and starts another when that one has ended.

use std::io;
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;
use tokio::time::sleep;

use super::environment::{Environment, Outcome};
use super::log::Log;

/// A deployed function, invoked by one caller at a time.
pub(crate) struct Lambda {
    command: Box<dyn Fn() -> Command + Send + Sync>,
    timeout: Duration,
    environment: Option<Environment>,
    starts: usize,
    log: Log,
}

impl Lambda {
    /// `command` starts a process of the function; `timeout` is the function's.
    pub(crate) fn new(
        command: impl Fn() -> Command + Send + Sync + 'static,
        timeout: Duration,
    ) -> io::Result<Self> {
        Ok(Self { command: Box::new(command), timeout, environment: None, starts: 0, log: Log::new()? })
    }

    /// Invokes the function, in a new process if there is none.
    pub(crate) async fn invoke(&mut self, event: &Value) -> io::Result<Outcome> {
        self.invoke_until(event, sleep(self.timeout)).await
    }

    /// The same, but the deadline is when `deadline` ends, whatever the function was told.
    pub(crate) async fn invoke_until(
        &mut self,
        event: &Value,
        deadline: impl Future<Output = ()>,
    ) -> io::Result<Outcome> {
        let mut environment = match self.environment.take() {
            Some(environment) => environment,
            None => {
                self.starts += 1;
                match Environment::start((self.command)(), &self.log).await? {
                    Ok(environment) => environment,
                    Err(outcome) => return Ok(outcome),
                }
            }
        };
        let outcome = environment.invoke(event, self.timeout, deadline).await?;
        if matches!(outcome, Outcome::Answered(_) | Outcome::Failed(_)) {
            self.environment = Some(environment);
        }
        Ok(outcome)
    }

    /// How many processes there have been.
    pub(crate) fn starts(&self) -> usize {
        self.starts
    }

    /// What all of them have printed.
    pub(crate) fn log(&self) -> io::Result<String> {
        self.log.text()
    }
}
