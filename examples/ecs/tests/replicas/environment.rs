//! One deployment for the whole run, or the reason why there is none.

use std::env;
use std::sync::{Arc, OnceLock};

use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

use crate::Failure;
use crate::deployment::{Deployment, Project};
use crate::docker::{compose, docker};

const REQUIRE: &str = "OAUTH_TOKEN_STORE_REQUIRE_LOCALSTACK";
const LOCALSTACK: &str = "localstack/localstack:4.14.0";

/// Why there is no deployment.
#[derive(Clone)]
pub(crate) enum Missing {
    /// This machine cannot have one, and nobody said that it must.
    Unavailable(String),
    /// It should be there.
    Broken(String),
}

/// Decides at the first test that asks, so `--list` and an empty selection start nothing.
pub(crate) struct Environment {
    runtime: Arc<Runtime>,
    project: OnceLock<Arc<Project>>,
    deployment: OnceLock<Result<Deployment, Missing>>,
}

impl Environment {
    pub(crate) fn new(runtime: Arc<Runtime>) -> Self {
        Self { runtime, project: OnceLock::new(), deployment: OnceLock::new() }
    }

    pub(crate) fn deployment(&self) -> Result<&Deployment, Missing> {
        let start = || match self.runtime.block_on(self.start()) {
            Err(Missing::Unavailable(reason)) if required() => {
                Err(Missing::Broken(format!("{REQUIRE} is set, but it cannot be tried: {reason}")))
            }
            Err(Missing::Unavailable(reason)) => {
                eprintln!("so these tests are ignored: {reason}");
                Err(Missing::Unavailable(reason))
            }
            started => started,
        };
        self.deployment.get_or_init(start).as_ref().map_err(Clone::clone)
    }

    async fn start(&self) -> Result<Deployment, Missing> {
        let unavailable = |error: Failure| Missing::Unavailable(error.to_string());
        docker(&["info"]).await.map_err(unavailable)?;
        let compose = compose().await.map_err(unavailable)?;
        if docker(&["image", "inspect", LOCALSTACK]).await.is_err() {
            docker(&["pull", LOCALSTACK]).await.map_err(unavailable)?;
        }
        let project = Arc::clone(self.project.get_or_init(|| Arc::new(Project::new(compose))));
        // From before anything exists: a signal must not come in between.
        tokio::spawn(remove_when_interrupted(Arc::clone(&project)));
        Deployment::start(project).await.map_err(|error| Missing::Broken(error.to_string()))
    }

    /// Removes all that was started.
    pub(crate) fn shut_down(&self) -> Result<(), Failure> {
        match self.project.get() {
            Some(project) => self.runtime.block_on(project.remove()),
            None => Ok(()),
        }
    }
}

async fn remove_when_interrupted(project: Arc<Project>) {
    let mut interrupt = signal(SignalKind::interrupt()).expect("a handler for SIGINT");
    let mut terminate = signal(SignalKind::terminate()).expect("a handler for SIGTERM");
    let exit_code = tokio::select! {
        _ = interrupt.recv() => 130,
        _ = terminate.recv() => 143,
    };
    if let Err(error) = project.remove().await {
        eprintln!("{error}");
    }
    std::process::exit(exit_code);
}

fn required() -> bool {
    env::var_os(REQUIRE).is_some_and(|value| !value.is_empty() && value != "0")
}
