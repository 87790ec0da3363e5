//! The containers: started, found, cut off and stopped.

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::process::Command;
use tokio::time::{Instant, sleep};

use crate::Failure;
use crate::docker::{docker, output};
use crate::replica::{OAuthServer, Replica};

/// How long a token may be served from memory: short, so that the promise can be waited for.
pub(crate) const TIME_TO_LIVE: Duration = Duration::from_secs(2);
/// In every secret and user of these tests, so that it can be looked for.
pub(crate) const CANARY: &str = "canary";
pub(crate) const SERVICE_SECRET: &str = "canary-0123456789abcdef0123456789abcdef";
/// For what only a machine's speed decides.
const PATIENCE: Duration = Duration::from_secs(60);

/// A name that nobody else has, for containers, network and images.
pub(crate) struct Project {
    name: String,
    compose: &'static [&'static str],
}

impl Project {
    pub(crate) fn new(compose: &'static [&'static str]) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { name: format!("token-service-{}-{}", std::process::id(), now.subsec_nanos()), compose }
    }

    async fn compose(&self, arguments: &[&str]) -> Result<String, Failure> {
        let mut command = Command::new(self.compose[0]);
        command.args(&self.compose[1..]).args(["-p", &self.name, "-f", "compose.yaml"]).args(arguments);
        command.current_dir(directory()).envs([
            ("TAG", self.name.as_str()),
            ("SERVICE_SECRET", SERVICE_SECRET),
            ("TIME_TO_LIVE_SECONDS", &TIME_TO_LIVE.as_secs().to_string()),
            // Tests make refreshes wait for as long as a slow machine's Docker takes.
            ("OAUTH_TIMEOUT_SECONDS", "20"),
            ("RUST_LOG", "debug,oauth_token_store=trace"),
            // Any that is free.
            ("REPLICA_1_PORT", ""),
            ("REPLICA_2_PORT", ""),
            ("OAUTH_SERVER_PORT", ""),
        ]);
        output(&mut command).await
    }

    async fn container(&self, service: &str) -> Result<String, Failure> {
        let id = self.compose(&["ps", "-a", "-q", service]).await?.trim().to_owned();
        if id.is_empty() { Err(format!("there is no container of {service}").into()) } else { Ok(id) }
    }

    pub(crate) async fn remove(&self) -> Result<(), Failure> {
        // What is paused cannot be stopped.
        let _ = self.compose(&["unpause"]).await;
        let removed = self.compose(&["down", "--volumes", "--timeout", "5"]).await;
        for image in ["token-service", "oauth-server"] {
            // Not there if the build has failed.
            let _ = docker(&["image", "rm", &format!("oauth-token-store/{image}:{}", self.name)]).await;
        }
        removed.map(drop)
    }
}

const SERVICES: [&str; 4] = ["replica-1", "replica-2", "localstack", "oauth-server"];

pub(crate) struct Deployment {
    project: std::sync::Arc<Project>,
    /// Looked up once: Compose takes a second for each.
    containers: HashMap<&'static str, String>,
}

fn directory() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

impl Deployment {
    /// Returns when both replicas are ready.
    pub(crate) async fn start(project: std::sync::Arc<Project>) -> Result<Self, Failure> {
        let mut build = Command::new(directory().join("build-image"));
        // Unoptimized: it builds in half the time.
        output(build.args(["--profile", "dev", "--tag", &project.name])).await?;
        project.compose(&["up", "--detach"]).await?;
        let mut containers = HashMap::new();
        for service in SERVICES {
            containers.insert(service, project.container(service).await?);
        }
        let this = Self { project, containers };
        for name in ["replica-1", "replica-2"] {
            this.until_ready(name).await?;
        }
        Ok(this)
    }

    fn container(&self, service: &str) -> &str {
        &self.containers[service]
    }

    /// Its port is another one after each start.
    async fn url(&self, service: &str) -> Result<String, Failure> {
        let container = self.container(service);
        let ports = docker(&["port", container, "8080/tcp"]).await?;
        let address = ports.lines().next().ok_or("no port is published")?;
        Ok(format!("http://{address}"))
    }

    pub(crate) async fn replica(&self, name: &str) -> Result<Replica, Failure> {
        Replica::at(self.url(name).await?)
    }

    pub(crate) async fn replicas(&self) -> Result<[Replica; 2], Failure> {
        Ok([self.replica("replica-1").await?, self.replica("replica-2").await?])
    }

    pub(crate) async fn oauth_server(&self) -> Result<OAuthServer, Failure> {
        OAuthServer::at(self.url("oauth-server").await?)
    }

    pub(crate) async fn until_ready(&self, name: &str) -> Result<Replica, Failure> {
        let ready = async || {
            let replica = self.replica(name).await.ok()?;
            replica.status("/readyz").await.is_ok_and(|status| status == 200).then_some(replica)
        };
        until(&format!("{name} is ready"), ready).await
    }

    pub(crate) async fn cut_off(&self, service: &str) -> Result<(), Failure> {
        let container = self.container(service);
        docker(&["network", "disconnect", &self.network(), container]).await.map(drop)
    }

    pub(crate) async fn connect(&self, service: &str) -> Result<(), Failure> {
        let container = self.container(service);
        docker(&["network", "connect", "--alias", service, &self.network(), container]).await.map(drop)
    }

    fn network(&self) -> String {
        format!("{}_default", self.project.name)
    }

    /// Sends SIGTERM, as ECS does, and returns at once.
    pub(crate) async fn terminate(&self, service: &str) -> Result<(), Failure> {
        let container = self.container(service);
        docker(&["kill", "--signal", "TERM", container]).await.map(drop)
    }

    /// Waits for a container to end; returns its exit code.
    pub(crate) async fn exit_code(&self, service: &str) -> Result<String, Failure> {
        let container = self.container(service);
        Ok(docker(&["wait", container]).await?.trim().to_owned())
    }

    pub(crate) async fn start_again(&self, service: &str) -> Result<Replica, Failure> {
        let container = self.container(service);
        docker(&["start", container]).await?;
        self.until_ready(service).await
    }

    pub(crate) async fn pause(&self, service: &str) -> Result<(), Failure> {
        docker(&["pause", self.container(service)]).await.map(drop)
    }

    pub(crate) async fn unpause(&self, service: &str) -> Result<(), Failure> {
        docker(&["unpause", self.container(service)]).await.map(drop)
    }

    /// The health check of the image, which needs no network but the container's own.
    pub(crate) async fn asks_itself(&self, service: &str) -> Result<(), Failure> {
        docker(&["exec", self.container(service), "/service", "health"]).await.map(drop)
    }

    /// What the container has printed so far, on both of its outputs.
    pub(crate) async fn log(&self, service: &str) -> Result<String, Failure> {
        let container = self.container(service);
        output(Command::new("sh").args(["-c", "exec docker logs \"$0\" 2>&1", container])).await
    }
}

/// Asks until there is something, and fails by name if there is nothing for very long.
pub(crate) async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> Result<T, Failure> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if let Some(answer) = ask().await {
            return Ok(answer);
        }
        sleep(Duration::from_millis(50)).await;
    }
    Err(format!("it never came to this: {what}").into())
}
