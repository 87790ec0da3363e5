//! Tests of several processes: the test program runs itself again, as one function with arguments.

use std::{env, io, process::ExitCode};

use tokio::{process::Command, runtime::Runtime};

use crate::{TestFuture, causes::causes};

const NAME: &str = "OAUTH_TOKEN_STORE_TEST_CHILD";

/// A name, and what the process does with its arguments.
pub(crate) type Child = (&'static str, fn(Vec<String>) -> TestFuture);

pub(crate) fn command(name: &str) -> io::Result<Command> {
    let mut command = Command::new(env::current_exe()?);
    command.env(NAME, name);
    Ok(command)
}

/// In a child process: runs it, and says how it ended.
pub(crate) fn run_if_asked(children: &[Child], runtime: &Runtime) -> Option<ExitCode> {
    let name = env::var_os(NAME)?;
    let Some((_, child)) = children.iter().find(|(known, _)| name == *known) else {
        eprintln!("{NAME} names no child process: {name:?}");
        return Some(ExitCode::FAILURE);
    };
    match runtime.block_on(child(env::args().skip(1).collect())) {
        Ok(()) => Some(ExitCode::SUCCESS),
        Err(error) => {
            eprintln!("{}", causes(&*error));
            Some(ExitCode::FAILURE)
        }
    }
}
