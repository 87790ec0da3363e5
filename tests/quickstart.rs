//! The quickstart, run as a newcomer runs it.

mod example_programs;

use std::process::Command;

/// The quickstart on a machine that has no AWS credentials and does not ask for any.
fn quickstart() -> Command {
    let mut command = example_programs::built("quickstart");
    command.env("HOME", "/nonexistent").env("AWS_EC2_METADATA_DISABLED", "true");
    command
}

#[test]
fn it_tells_its_story_with_the_cost_of_each_step_and_no_secret() {
    let text = example_programs::story_of(quickstart());
    for step in [
        "1 CreateSecret, 1 GetSecretValue\n",
        "by user, there, once                                   1 GetSecretValue\n",
        "by user, there, a thousand times                       no requests\n",
        "by refresh token, here, once                           1 GetSecretValue, 1 ListSecrets\n",
        "by refresh token, here, a thousand times               no requests\n",
        "rotated                                                1 PutSecretValue, 1 TagResource\n",
        "here: the rotated token                                no requests\n",
        "in the other process: the first token                  no requests\n",
        "reloaded there: the rotated token                      1 GetSecretValue\n",
        // Whether the two did meet is up to the machine; that it would do no harm is tested with gates.
        "    saved, saved  ",
        "region Some(\"eu\"), plan Some(\"gold\")",
        "name   oauth-token-store-quickstart/",
        "/u_52rqhupjinfczuwzz6qnyv2s6a\n",
        "value  refresh_token = [redacted]\n",
        "the user has to log in again",
        "2 tokens                                               1 BatchGetSecretValue, 1 ListSecrets\n",
        "deleted                                                2 DeleteSecret, 1 ListSecrets\n",
    ] {
        assert!(text.contains(step), "{step} is not in\n{text}");
    }
    for secret in ["at-bob", "rt-bob", "rt-obrien", "1000.EXAMPLE"] {
        assert!(!text.contains(secret), "{secret} is in\n{text}");
    }
}

#[test]
fn without_a_region_it_says_what_to_set() {
    let mut quickstart = quickstart();
    quickstart.arg("--aws").env("AWS_ACCESS_KEY_ID", "AKID").env("AWS_SECRET_ACCESS_KEY", "secret key");
    let output = quickstart.output().expect("it runs");
    assert!(!output.status.success());
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("AWS_REGION"), "{text}");
}

#[test]
fn without_credentials_it_says_what_is_missing() {
    let output = quickstart().arg("--aws").env("AWS_REGION", "eu-west-1").output().expect("it runs");
    assert!(!output.status.success());
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("there are no AWS credentials"), "{text}");
}
