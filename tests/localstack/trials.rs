//! Tests that libtest-mimic runs, and what they leave behind.

use std::error::Error;
use std::fmt::Display;
use std::process::ExitCode;
use std::time::Duration;

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use tokio::runtime::Handle;

use crate::causes::causes;

/// Runs the tests, and then cleans up, whatever has come of them.
pub(crate) fn run_all<E: Display>(
    arguments: &Arguments,
    trials: Vec<Trial>,
    clean_up: impl FnOnce() -> Result<(), E>,
) -> ExitCode {
    let conclusion = libtest_mimic::run(arguments, trials);
    // Not `Conclusion::exit`: it runs no destructors, so containers would survive.
    match clean_up() {
        Ok(()) => conclusion.exit_code(),
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// Runs one test. A hanging one is to fail by its name.
pub(crate) fn complete_within(
    deadline: Duration,
    runtime: &Handle,
    test: impl Future<Output = Result<(), Box<dyn Error + Send + Sync>>>,
) -> Result<Completion, Failed> {
    match runtime.block_on(async { tokio::time::timeout(deadline, test).await }) {
        Ok(Ok(())) => Ok(Completion::Completed),
        Ok(Err(error)) => Err(causes(&*error).into()),
        Err(_) => Err(format!("not done after {} s", deadline.as_secs()).into()),
    }
}
