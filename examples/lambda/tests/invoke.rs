//! The program that shows the function to a newcomer, run as one runs it.

use std::path::Path;
use std::process::Command;

/// What it prints for this event.
fn printed_for(event: &str) -> String {
    let test = std::env::current_exe().expect("this test has a path");
    let target = test.parent().and_then(Path::parent).expect("a target folder");
    let mut program = Command::new(target.join("examples/invoke"));
    let output = program.arg(event).arg(env!("CARGO_BIN_EXE_bootstrap")).output();
    let output = output.expect("built with the tests: run `cargo test` without `--test`");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    text
}

#[test]
fn bob_is_answered_whatever_happens_to_his_token() {
    let text = printed_for(r#"{"user": "bob@example.com"}"#);
    assert_eq!(text.matches(r#""outcome":"api_answered","status":200"#).count(), 3, "{text}");
    for cost in [
        "exchanges: 1, Secrets Manager: 2 GetSecretValue, 1 PutSecretValue, 1 TagResource\n",
        "exchanges: 0, Secrets Manager: no requests\n",
        "exchanges: 0, Secrets Manager: 1 GetSecretValue\n",
    ] {
        assert!(text.contains(cost), "{cost} is not in\n{text}");
    }
    assert!(!text.contains("1000."), "{text}");
}

#[test]
fn who_has_not_logged_in_is_told_so() {
    let text = printed_for(r#"{"user": "alice@example.com"}"#);
    assert_eq!(text.matches(r#"{"outcome":"login_needed"}"#).count(), 3, "{text}");
}
