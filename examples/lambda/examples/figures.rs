//! What the function costs as it is deployed: its size, how long it takes to start, and memory.
//!
//! ```sh
//! cargo run -p example-lambda --example figures
//! ```
//!
//! It builds the function optimized, which takes minutes, and starts it a hundred times for each figure: they are the
//! medians. Secrets Manager, the OAuth server and the API are on ports of this machine, so hardly any network is in them.
//! `-- --features` also builds the function with each of the library's features.

#[path = "../local/mod.rs"]
mod local;
#[path = "../../../tests/oauth_server/mod.rs"]
mod oauth_server;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use std::{env, fs};

use local::{Environment, Log, Outcome, Surroundings, serve_secrets_manager};
use oauth_server::{CLIENT_ID, CLIENT_SECRET, OAuthServer, Rules};
use oauth_token_store::embedded::EmbeddedSecretsManager;
use oauth_token_store::{OAuthToken, SecretsManagerTokenStore, TokenStore};
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::sleep;

const PREFIX: &str = "local/tokens";
const TIMEOUT: Duration = Duration::from_secs(60);
const STARTS: usize = 100;
const USERS: usize = 1_000;
const HOUR: Duration = Duration::from_secs(3600);
/// Less than the function wants of a token.
const SOON: Duration = Duration::from_secs(30);

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Failure> {
    let world = World::new().await?;
    if env::args().any(|argument| argument == "--features") {
        println!("| the library's features | size | start |\n|---|---|---|");
        // None at the end: what is left built is what is to be deployed.
        for features in ["credentials-process", "sso", "sso,credentials-process", "metrics", "embedded", ""] {
            build(features).await?;
            let starts = world.starts(|_| json!({})).await?;
            let features = if features.is_empty() { "none" } else { features };
            println!("| {features} | {} | {} |", size()?, milliseconds(starts, |start| start.ready));
        }
        println!();
    }
    build("").await?;
    println!("| | |\n|---|---|");
    println!("| size | {} |", size()?);
    let starts = world.starts(|_| json!({})).await?;
    println!(
        "| process start to its first request for an event | {} |",
        milliseconds(starts.clone(), |start| start.ready)
    );
    println!("| of that, building the store | {} |", milliseconds(starts.clone(), |start| start.store));
    println!(
        "| process start to the first answer, without a request | {} |",
        milliseconds(starts, |start| start.answered)
    );
    let starts = world.starts(|_| event("fresh")).await?;
    println!("| with a find and a call of the API | {} |", milliseconds(starts, |start| start.answered));
    let starts = world.starts(|start| event(&format!("expiring-{start}"))).await?;
    println!("| with a refresh, too | {} |", milliseconds(starts.clone(), |start| start.answered));
    println!("| memory then (peak RSS) | {} |", megabytes(median(starts, |start| start.memory)));
    println!("| memory with the tokens of {USERS} users | {} |", megabytes(world.memory_for_many().await?));
    Ok(())
}

/// Builds the function as it is deployed, static, with these features of the library.
async fn build(features: &str) -> Result<(), Failure> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--quiet", "--profile", "lambda", "--package", env!("CARGO_PKG_NAME")]);
    build.args(["--target", &target()]).env("RUSTFLAGS", "-C target-feature=+crt-static");
    for feature in features.split(',').filter(|feature| !feature.is_empty()) {
        build.arg("--features").arg(format!("oauth-token-store/{feature}"));
    }
    if build.status().await?.success() { Ok(()) } else { Err("the function cannot be built".into()) }
}

/// That of this machine.
fn target() -> String {
    format!("{}-unknown-linux-gnu", env::consts::ARCH)
}

fn function() -> Result<PathBuf, Failure> {
    let this = env::current_exe()?;
    let built = this.ancestors().nth(3).ok_or("no target folder")?;
    Ok(built.join(target()).join("lambda/bootstrap"))
}

fn size() -> Result<String, Failure> {
    Ok(megabytes(fs::metadata(function()?)?.len()))
}

/// What the function is started in.
struct World {
    surroundings: Surroundings,
    store: SecretsManagerTokenStore,
    server: OAuthServer,
}

/// One start of the function, and its first answer.
#[derive(Clone)]
struct Start {
    /// From the start to the first request for an event.
    ready: Duration,
    /// The part of it in which the store was built.
    store: Duration,
    /// From the start to the request for the second event.
    answered: Duration,
    /// In bytes.
    memory: u64,
}

impl World {
    async fn new() -> Result<Self, Failure> {
        let server = OAuthServer::start(Rules::rotating()).await;
        let backend = EmbeddedSecretsManager::new();
        let surroundings = Surroundings {
            secrets_manager: serve_secrets_manager(&backend).await?,
            prefix: PREFIX.to_owned(),
            token_url: server.token_url(),
            api_url: server.api_url(),
        };
        let store =
            SecretsManagerTokenStore::builder().prefix(PREFIX).client(backend.client()).build().await?;
        let world = Self { surroundings, store, server };
        world.log_in("fresh", HOUR).await?;
        for start in 0..STARTS {
            world.log_in(&format!("expiring-{start}"), SOON).await?;
        }
        Ok(world)
    }

    async fn log_in(&self, user: &str, lifetime: Duration) -> Result<(), Failure> {
        self.server.set_expires_in(lifetime);
        let login = OAuthToken::builder().user_name(user).client_id(CLIENT_ID).client_secret(CLIENT_SECRET);
        self.store.save_token(&login.token_response(&self.server.login(user))?.build()?).await?;
        self.server.set_expires_in(HOUR);
        Ok(())
    }

    async fn starts(&self, event: impl Fn(usize) -> Value) -> Result<Vec<Start>, Failure> {
        let mut starts = Vec::new();
        for start in 0..STARTS {
            starts.push(self.start(&event(start)).await?);
        }
        Ok(starts)
    }

    async fn start(&self, event: &Value) -> Result<Start, Failure> {
        let log = Log::new()?;
        let mut environment = self.environment(&log).await?;
        invoke(&mut environment, event).await?;
        let (ready, answered) = (environment.initialized_after(), environment.age());
        let memory = peak_memory(environment.process_id()?)?;
        let log = log.text()?;
        let microseconds =
            log.split_once("microseconds=").and_then(|(_, rest)| rest.split_whitespace().next());
        let store =
            Duration::from_micros(microseconds.ok_or("it does not say how long the store took")?.parse()?);
        Ok(Start { ready, store, answered, memory })
    }

    async fn environment(&self, log: &Log) -> Result<Environment, Failure> {
        match Environment::start(self.surroundings.start(&function()?), log).await? {
            Ok(environment) => Ok(environment),
            Err(outcome) => Err(format!("{outcome:?}\n{}", log.text()?).into()),
        }
    }

    /// Of one process, in bytes.
    async fn memory_for_many(&self) -> Result<u64, Failure> {
        for user in 0..USERS {
            self.log_in(&format!("user-{user}"), HOUR).await?;
        }
        let mut environment = self.environment(&Log::new()?).await?;
        for user in 0..USERS {
            invoke(&mut environment, &event(&format!("user-{user}"))).await?;
        }
        peak_memory(environment.process_id()?)
    }
}

async fn invoke(environment: &mut Environment, event: &Value) -> Result<(), Failure> {
    match environment.invoke(event, TIMEOUT, sleep(TIMEOUT)).await? {
        Outcome::Answered(answer) if answer["status"] == 200 => Ok(()),
        // The event without a user, which takes no request.
        Outcome::Failed(report) if report.error_type == "BadEvent" => Ok(()),
        outcome => Err(format!("{outcome:?}").into()),
    }
}

fn event(user: &str) -> Value {
    json!({ "user": user })
}

/// In bytes.
fn peak_memory(process: u32) -> Result<u64, Failure> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
    Ok(kilobytes.ok_or("no VmHWM")?.parse::<u64>()? * 1024)
}

fn median<T: Ord + Copy>(starts: Vec<Start>, figure: impl Fn(&Start) -> T) -> T {
    let mut figures: Vec<_> = starts.iter().map(figure).collect();
    figures.sort();
    figures[figures.len() / 2]
}

fn milliseconds(starts: Vec<Start>, figure: impl Fn(&Start) -> Duration) -> String {
    format!("{:.1} ms", median(starts, figure).as_secs_f64() * 1e3)
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
