//! The examples as programs: built with the tests, run as a newcomer runs them.

use std::path::{Path, PathBuf};
use std::process::Command;

/// An example, not started yet, that gets nothing of this machine's environment.
pub(crate) fn built(name: &str) -> Command {
    let test = std::env::current_exe().expect("this test has a path");
    let examples: PathBuf = test.parent().and_then(Path::parent).expect("a target folder").join("examples");
    let example = examples.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(example.exists(), "{name} is not built: run `cargo build --examples` or all tests");
    let mut command = Command::new(example);
    command.env_clear();
    command
}

/// Runs it to its end, which must be a success; returns what it printed.
pub(crate) fn story_of(mut example: Command) -> String {
    let output = example.output().expect("it runs");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    text
}
