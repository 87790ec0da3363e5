//! The function, built.

use std::path::PathBuf;
use std::{env, io};

use tokio::process::Command;

/// Builds the function as this program was built, and returns where it is.
pub(crate) async fn build_function() -> io::Result<PathBuf> {
    let this = env::current_exe()?;
    let example = this.file_stem().ok_or_else(|| io::Error::other("a program without a name"))?;
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--quiet", "--package", env!("CARGO_PKG_NAME"), "--bin", "bootstrap"]);
    // With this program, so that both have the features that it has, and nothing is built a second time.
    build.arg("--example").arg(example);
    if !build.status().await?.success() {
        return Err(io::Error::other("the function cannot be built"));
    }
    let target = this.parent().and_then(|examples| examples.parent());
    Ok(target.ok_or_else(|| io::Error::other("no target folder"))?.join("bootstrap"))
}
