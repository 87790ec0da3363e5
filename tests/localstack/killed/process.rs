//! A process as its parent sees it.

use std::process::Stdio;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::TestResult;
use crate::lossy_proxy::LossyProxy;

use super::command::{Command, Task};
use super::{Failure, PREFIX, Scene, TIME_TO_LIVE};

/// How much a process does at once.
pub(super) const AT_ONCE: usize = 3;

/// A running process. Its requests to LocalStack pass a proxy of its own, so that its parent knows when all that it
/// had sent is carried out.
pub(super) struct Process {
    scene: Arc<Scene>,
    number: usize,
    child: Child,
    commands: ChildStdin,
    proxy: LossyProxy,
    /// One permit for each thing more that it can be told to do; closed when its output has ended.
    places: Arc<Semaphore>,
    answers: JoinHandle<TestResult>,
}

impl Process {
    pub(super) async fn start(scene: &Arc<Scene>) -> Result<Self, Failure> {
        let proxy = LossyProxy::before(scene.context.endpoint(), "").await?;
        let mut command = scene.context.child("killed::work")?;
        command
            .args([scene.server.token_url(), scene.server.api_url()])
            .env("AWS_ENDPOINT_URL_SECRETS_MANAGER", proxy.endpoint())
            .env("OAUTH_TOKEN_STORE_PREFIX", PREFIX)
            .env("OAUTH_TOKEN_STORE_TIME_TO_LIVE_SECONDS", TIME_TO_LIVE.as_secs().to_string());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let commands = child.stdin.take().ok_or("no stdin")?;
        let output = child.stdout.take().ok_or("no stdout")?;
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let answers = tokio::spawn(read_answers(Arc::clone(scene), output, Arc::clone(&places)));
        let (scene, number) = (Arc::clone(scene), scene.next_process());
        Ok(Self { scene, number, child, commands, proxy, places, answers })
    }

    /// Tells it to do something, as soon as it does less than [`AT_ONCE`] things. Returns the deed's number.
    pub(super) async fn tell(&mut self, user: &str, task: Task) -> Result<usize, Failure> {
        self.places.acquire().await.map_err(|_| self.ended_by_itself())?.forget();
        let deed = self.scene.ledger().begin(self.number, user, task.clone());
        let command = Command { deed, user: user.to_owned(), task };
        self.commands.write_all(format!("{command}\n").as_bytes()).await?;
        Ok(deed)
    }

    /// Waits until everything that it was told to do is done.
    pub(super) async fn idle(&self) -> TestResult {
        let all = u32::try_from(AT_ONCE)?;
        drop(self.places.acquire_many(all).await.map_err(|_| self.ended_by_itself())?);
        Ok(())
    }

    /// Kills it as it stands. What it had written to its pipe by then counts as said.
    pub(super) async fn kill(mut self) -> TestResult {
        if let Some(status) = self.child.try_wait()? {
            return Err(format!("process {} ended by itself: {status}", self.number).into());
        }
        let cut_off = self.proxy.under_way();
        self.child.kill().await?;
        self.answers.await??;
        self.proxy.drained().await;
        self.scene.killed(self.number, cut_off);
        Ok(())
    }

    fn ended_by_itself(&self) -> Failure {
        format!("process {} ended by itself, or says what nobody understands", self.number).into()
    }
}

/// Writes down what the process says, until it is dead.
async fn read_answers(scene: Arc<Scene>, output: ChildStdout, places: Arc<Semaphore>) -> TestResult {
    let mut answers = BufReader::new(output).lines();
    let outcome = loop {
        match answers.next_line().await {
            Ok(Some(line)) => match write_down(&scene, &line) {
                Ok(()) => places.add_permits(1),
                Err(error) => break Err(error),
            },
            Ok(None) => break Ok(()),
            Err(error) => break Err(error.into()),
        }
    };
    places.close();
    outcome
}

fn write_down(scene: &Scene, line: &str) -> TestResult {
    let (deed, outcome) = line.split_once(' ').ok_or("not an answer")?;
    scene.ledger().answered(deed.parse()?, outcome.parse()?)
}
