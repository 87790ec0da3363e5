//! Where LocalStack is: named by the environment, in a container of our own, or nowhere.

use std::{
    env,
    sync::{Arc, OnceLock},
    time::Duration,
};

use aws_sdk_secretsmanager::config::{retry::RetryConfig, timeout::TimeoutConfig};
use testcontainers::{
    ContainerAsync, GenericImage, ImageExt, TestcontainersError,
    bollard::query_parameters::RemoveContainerOptionsBuilder,
    core::{
        IntoContainerPort, WaitFor,
        client::{ClientError, docker_client_instance},
    },
    runners::AsyncRunner,
};
use tokio::{runtime::Handle, sync::Mutex};
use uuid::Uuid;

use crate::{account, causes::causes};

const ENDPOINT: &str = "LOCALSTACK_ENDPOINT";
pub(crate) const REQUIRE: &str = "OAUTH_TOKEN_STORE_REQUIRE_LOCALSTACK";
const IMAGE: (&str, &str) = ("localstack/localstack", "4.14.0");
const PORT: u16 = 4566;
/// For those who look for containers that a killed run left behind.
const LABEL: (&str, &str) = ("oauth-token-store.tests", "localstack");

/// Why there is no endpoint.
#[derive(Clone, Debug)]
pub(crate) enum Missing {
    /// This machine has none, and nobody said that it must.
    Unavailable(String),
    /// It should be there.
    Broken(String),
}

/// Decides at the first test that asks, so `--list` and an empty selection start nothing.
pub(crate) struct Environment {
    runtime: Handle,
    endpoint: OnceLock<Result<String, Missing>>,
    container: Arc<Mutex<Option<ContainerAsync<GenericImage>>>>,
}

impl Environment {
    pub(crate) fn new(runtime: Handle) -> Self {
        Self { runtime, endpoint: OnceLock::new(), container: Arc::default() }
    }

    pub(crate) fn endpoint(&self) -> Result<&str, Missing> {
        self.endpoint
            .get_or_init(|| {
                let found = self.runtime.block_on(self.find());
                match found {
                    Err(Missing::Unavailable(reason)) if required() => Err(Missing::Broken(format!(
                        "{REQUIRE} is set, but there is no LocalStack: {reason}"
                    ))),
                    Err(Missing::Unavailable(reason)) => {
                        eprintln!(
                            "no LocalStack, so its tests are ignored: {reason}\n\
                             localstack/README.md says how to get one; {ENDPOINT} names a running one."
                        );
                        Err(Missing::Unavailable(reason))
                    }
                    found => found,
                }
            })
            .as_deref()
            .map_err(Clone::clone)
    }

    async fn find(&self) -> Result<String, Missing> {
        let (endpoint, source) = match env::var(ENDPOINT) {
            Ok(endpoint) if !endpoint.is_empty() => (check_url(endpoint)?, ENDPOINT),
            Err(env::VarError::NotUnicode(_)) => {
                return Err(Missing::Broken(format!("{ENDPOINT} is not Unicode")));
            }
            _ => (self.start().await?, "the container"),
        };
        probe(&endpoint).await.map_err(|error| {
            Missing::Broken(format!("{source} ({endpoint}) does not answer as Secrets Manager: {error}"))
        })?;
        Ok(endpoint)
    }

    /// Starts the container; its image is pulled if it is not there.
    async fn start(&self) -> Result<String, Missing> {
        let name = format!("oauth-token-store-tests-{}", Uuid::new_v4());
        // From before it exists: a signal must not come in between.
        tokio::spawn(remove_when_interrupted(name.clone(), self.container.clone()));
        let started = GenericImage::new(IMAGE.0, IMAGE.1)
            .with_exposed_port(PORT.tcp())
            .with_wait_for(WaitFor::message_on_stdout("Ready."))
            .with_env_var("SERVICES", "secretsmanager")
            .with_env_var("DISABLE_EVENTS", "1")
            .with_env_var("SKIP_SSL_CERT_DOWNLOAD", "1")
            .with_container_name(&name)
            .with_label(LABEL.0, LABEL.1)
            .with_startup_timeout(Duration::from_secs(120))
            .start()
            .await;
        if started.is_err() {
            // testcontainers leaves one that was created and cannot be started.
            remove(&name).await;
        }
        let container = started.map_err(|error| match error {
            TestcontainersError::Client(
                ClientError::Init(_)
                | ClientError::Configuration(_)
                | ClientError::InvalidDockerHost(_)
                | ClientError::PullImage { .. }
                | ClientError::CreateContainer(_),
            ) => Missing::Unavailable(causes(&error)),
            error => Missing::Broken(format!("LocalStack did not start: {}", causes(&error))),
        })?;
        let address = async {
            let host = container.get_host().await?.to_string();
            let port = container.get_host_port_ipv4(PORT.tcp()).await?;
            // The port is that of IPv4, and "localhost" can mean IPv6 first.
            let host = if host == "localhost" { "127.0.0.1".into() } else { host };
            Ok::<_, TestcontainersError>(format!("http://{host}:{port}"))
        };
        let address = address.await;
        *self.container.lock().await = Some(container);
        address.map_err(|error| Missing::Broken(causes(&error)))
    }

    /// Removes the container, if there is one.
    pub(crate) fn shut_down(&self) -> Result<(), String> {
        self.runtime.block_on(async {
            let Some(container) = self.container.lock().await.take() else {
                return Ok(());
            };
            let id = container.id().to_owned();
            let removed = container.rm().await;
            removed.map_err(|error| format!("container {id} is still there: {}", causes(&error)))
        })
    }
}

/// For a panic on the way: `main` shuts down by itself.
impl Drop for Environment {
    fn drop(&mut self) {
        if let Err(message) = self.shut_down() {
            eprintln!("{message}");
        }
    }
}

/// Ends the process; testcontainers' own `watchdog` panics, and leaves it running, if the container is still starting.
async fn remove_when_interrupted<T>(name: String, container: Arc<Mutex<T>>) {
    let exit_code = interrupted().await;
    // Held to the end, so that nobody else removes it or goes on to use it.
    let _held = container.lock().await;
    // Several times: the request that creates it may be on its way.
    for _ in 0..10 {
        if remove(&name).await {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    std::process::exit(exit_code);
}

/// Says whether it was there.
async fn remove(name: &str) -> bool {
    let options = RemoveContainerOptionsBuilder::new().force(true).v(true);
    match docker_client_instance().await {
        Ok(docker) => docker.remove_container(name, Some(options.build())).await.is_ok(),
        Err(_) => false,
    }
}

/// Waits for SIGINT or SIGTERM; returns what a shell would report.
#[cfg(unix)]
pub(crate) async fn interrupted() -> i32 {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt()).expect("a handler for SIGINT");
    let mut terminate = signal(SignalKind::terminate()).expect("a handler for SIGTERM");
    tokio::select! {
        _ = interrupt.recv() => 130,
        _ = terminate.recv() => 143,
    }
}

#[cfg(not(unix))]
pub(crate) async fn interrupted() -> i32 {
    tokio::signal::ctrl_c().await.expect("a handler for Ctrl-C");
    130
}

pub(crate) fn required() -> bool {
    env::var_os(REQUIRE).is_some_and(|value| !value.is_empty() && value != "0")
}

fn check_url(endpoint: String) -> Result<String, Missing> {
    let usable = ["http://", "https://"]
        .iter()
        .any(|scheme| endpoint.len() > scheme.len() && endpoint.starts_with(scheme));
    if usable {
        Ok(endpoint)
    } else {
        Err(Missing::Broken(format!(
            "{ENDPOINT} is {endpoint:?}, and should be a URL like http://127.0.0.1:{PORT}"
        )))
    }
}

/// LocalStack loads a service at its first request: this is it, so no test has to wait for that.
async fn probe(endpoint: &str) -> Result<(), String> {
    let once =
        aws_sdk_secretsmanager::config::Builder::new().retry_config(RetryConfig::disabled()).timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(Duration::from_secs(3))
                .operation_timeout(Duration::from_secs(30))
                .build(),
        );
    let request = account::client(endpoint, &account::new_access_key_id()).list_secrets().customize();
    match request.config_override(once).send().await {
        Ok(_) => Ok(()),
        Err(error) => Err(causes(&error)),
    }
}
