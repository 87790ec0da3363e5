//! One execution environment: a process that is frozen whenever it waits for an invocation.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant, SystemTime};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::process::{Child, Command};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::log::Log;
use super::runtime_api::{Invocation, Message, Report, RuntimeApi};

/// A process that has started. Dropping it kills the process.
pub(crate) struct Environment {
    process: Child,
    api: RuntimeApi,
    /// How the frozen process gets its next invocation.
    waiting: Option<oneshot::Sender<Invocation>>,
    started: Instant,
    initialized_after: Duration,
}

/// What has come of a start or an invocation.
#[derive(Debug)]
pub(crate) enum Outcome {
    Answered(Value),
    Failed(Report),
    /// The deadline came first, and the process was killed.
    TimedOut,
    InitError(Report),
    Exited(ExitStatus),
}

impl Environment {
    /// Starts the process, and freezes it when it asks for its first invocation.
    pub(crate) async fn start(mut command: Command, log: &Log) -> io::Result<Result<Self, Outcome>> {
        let api = RuntimeApi::start().await?;
        command
            .env("AWS_LAMBDA_RUNTIME_API", api.address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", "local")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .stdin(Stdio::null())
            .stdout(log.stdio()?)
            .stderr(log.stdio()?)
            .kill_on_drop(true);
        let started = Instant::now();
        let process = command.spawn()?;
        let mut environment =
            Self { process, api, waiting: None, started, initialized_after: Duration::ZERO };
        match environment.until_it_waits().await? {
            None => {
                environment.initialized_after = started.elapsed();
                Ok(Ok(environment))
            }
            Some(outcome) => Ok(Err(outcome)),
        }
    }

    /// Wakes the process for one invocation, and freezes it when it asks for the next.
    ///
    /// `timeout` is what it is told of its deadline; when `deadline` comes, it is killed.
    pub(crate) async fn invoke(
        &mut self,
        event: &Value,
        timeout: Duration,
        deadline: impl Future<Output = ()>,
    ) -> io::Result<Outcome> {
        let waiting = self.waiting.take().ok_or_else(|| io::Error::other("the process has ended"))?;
        let invocation = Invocation {
            request_id: Uuid::new_v4().to_string(),
            event: event.clone(),
            deadline: SystemTime::now() + timeout,
        };
        self.signal(Signal::CONT)?;
        // A process that has ended says so below.
        let _ = waiting.send(invocation);
        tokio::select! {
            outcome = self.until_it_waits() => {
                outcome?.ok_or_else(|| io::Error::other("the process asked for the next invocation without an answer"))
            }
            () = deadline => {
                self.process.kill().await?;
                Ok(Outcome::TimedOut)
            }
        }
    }

    /// From the start of the process to its first request for an invocation.
    pub(crate) fn initialized_after(&self) -> Duration {
        self.initialized_after
    }

    /// Since the start of the process.
    pub(crate) fn age(&self) -> Duration {
        self.started.elapsed()
    }

    /// The process as the system knows it, while it has not ended.
    pub(crate) fn process_id(&self) -> io::Result<u32> {
        self.process.id().ok_or_else(|| io::Error::other("the process has ended"))
    }

    /// What the process answers before it waits for another invocation.
    async fn until_it_waits(&mut self) -> io::Result<Option<Outcome>> {
        let mut outcome = None;
        loop {
            let message = tokio::select! {
                // What it has said before it ended counts.
                biased;
                message = self.api.messages.recv() => message,
                status = self.process.wait() => return Ok(Some(Outcome::Exited(status?))),
            };
            match message.ok_or_else(|| io::Error::other("the Runtime API has ended"))? {
                Message::Next(waiting) => {
                    self.signal(Signal::STOP)?;
                    self.waiting = Some(waiting);
                    return Ok(outcome);
                }
                Message::Response(body) => outcome = Some(Outcome::Answered(body)),
                Message::Error(report) => outcome = Some(Outcome::Failed(report)),
                Message::InitError(report) => {
                    self.process.wait().await?;
                    return Ok(Some(Outcome::InitError(report)));
                }
            }
        }
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        let id = i32::try_from(self.process_id()?).ok().and_then(Pid::from_raw);
        Ok(kill_process(id.ok_or_else(|| io::Error::other("no process id"))?, signal)?)
    }
}
