//! Docker and Compose, as somebody at a terminal has them.

use std::process::Stdio;

use tokio::process::Command;

use crate::Failure;

/// `docker ARGUMENTS`, and what it prints.
pub(crate) async fn docker(arguments: &[&str]) -> Result<String, Failure> {
    output(Command::new("docker").args(arguments)).await
}

/// What a command prints; if it fails, all of it in the error.
pub(crate) async fn output(command: &mut Command) -> Result<String, Failure> {
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await;
    let output = output.map_err(|error| format!("{:?}: {error}", command.as_std()))?;
    let [printed, complained] =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    if output.status.success() {
        Ok(printed)
    } else {
        Err(format!("{:?}: {}\n{printed}{complained}", command.as_std(), output.status).into())
    }
}

/// The Compose that there is: Docker's own `docker compose`, or `docker-compose` of before.
pub(crate) async fn compose() -> Result<&'static [&'static str], Failure> {
    for words in [["docker", "compose"].as_slice(), &["docker-compose"]] {
        if output(Command::new(words[0]).args(&words[1..]).arg("version")).await.is_ok() {
            return Ok(words);
        }
    }
    Err("neither `docker compose` nor `docker-compose` is there".into())
}
