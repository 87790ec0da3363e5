//! Each permission taken away in turn: what then fails says which it was.

use std::collections::BTreeSet;
use std::error::Error;

use oauth_token_store::ErrorKind;

use crate::cases::{Case, with_lagging_replicas};
use crate::guard::SESSION;
use crate::role::{ROLES, Role};
use crate::run::{Ran, run};
use crate::verdict::verdict_of;

/// What no error and no line of the log may show: who is asking, whose token it is, and what is in it.
const HIDDEN: [&str; 5] = [SESSION, "assumed-role", "bob", "hush", "OAuth token"];

#[tokio::test(start_paused = true)]
async fn what_is_missing_is_named_and_where_and_nothing_leaks() {
    let cases = with_lagging_replicas();
    for role in &ROLES {
        let policy = role.policy();
        let mut named = BTreeSet::new();
        for case in role.cases(&cases) {
            let whole = run(case, role.settings, Some(&policy)).await;
            for action in policy.actions().filter(|action| whole.has_asked_for(action)) {
                let ran = run(case, role.settings, Some(&policy.without_action(action))).await;
                names(action, &whole, &ran, &format!("{} without {action}: {}", role.name, case.name));
                named.insert(action);
            }
        }
        assert_eq!(named, policy.actions().collect(), "{}", role.name);
    }
}

/// The error names the action, or the log, where the operation goes on without it.
fn names(action: &str, whole: &Ran, ran: &Ran, what: &str) {
    let mut shown = ran.log.clone();
    if let Some(failed) = &ran.outcome.error
        && let Some(error) = &failed.store_error
        && error.kind() == ErrorKind::AccessDenied
    {
        let cause = error.service_error().expect("the service refused it");
        let missing = cause.missing_permission().expect("the action");
        assert!(missing.split(" or ").any(|missing| missing == action), "{what}: {error:?}");
        assert!(error.to_string().contains(action), "{what}: {error}");
        assert!(!error.is_retryable() && !failed.is_retryable, "{what}");
        let knows_no_secret = ["ListSecrets", "BatchGetSecretValue"].contains(&cause.operation())
            && missing == format!("secretsmanager:{}", cause.operation());
        assert_eq!(error.secret_name().is_none(), knows_no_secret, "{what}: {error:?}");
        let place = match action.split_once(':') {
            Some(("kms", _)) => "on the secret's KMS key",
            _ if knows_no_secret => "on resource \"*\"",
            _ => "on the secret",
        };
        assert!(error.to_string().contains(place), "{what}: {error}");
        shown.push_str(&format!("{failed_shown} {error} {error:?}", failed_shown = failed.shown));
        for source in std::iter::successors(error.source(), |&source| source.source()) {
            shown.push_str(&format!(" {source} {source:?}"));
        }
    } else {
        assert_eq!(verdict_of(&ran.outcome), verdict_of(&whole.outcome), "{what}");
        let says = |line: &str| line.contains("missing permission ") && line.contains(action);
        assert!(ran.log.lines().any(says), "{what}: {}", ran.log);
    }
    for hidden in HIDDEN {
        assert!(!shown.contains(hidden), "{what} shows {hidden}: {shown}");
    }
}

fn case<'a>(cases: &'a [Case], name: &str) -> &'a Case {
    cases.iter().find(|case| case.name == name).expect("a case")
}

#[tokio::test(start_paused = true)]
async fn a_save_that_may_not_tag_is_a_warning_only_if_the_record_is_there_already() {
    let cases = with_lagging_replicas();
    let writer = Role::named("writer");
    let less = writer.policy().without_action("secretsmanager:TagResource");
    let later = run(case(&cases, "save a rotation, InMemory"), writer.settings, Some(&less)).await;
    assert!(later.outcome.error.is_none());
    let warning = later.log.lines().find(|line| line.contains("WARN")).expect("a warning");
    assert!(warning.contains("missing permission secretsmanager:TagResource"), "{warning}");
    let first = run(case(&cases, "save a login, Nothing"), writer.settings, Some(&less)).await;
    let error = first.outcome.error.and_then(|failed| failed.store_error).expect("refused");
    let said = error.to_string();
    assert!(said.starts_with("access denied: grant secretsmanager:TagResource on the secret"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_writes_is_told_the_first_action_that_it_lacks() {
    let cases = with_lagging_replicas();
    let reader = Role::named("reader");
    for (name, action) in [
        ("save a login, Nothing", "secretsmanager:CreateSecret"),
        ("save a change, Cold", "secretsmanager:PutSecretValue"),
        ("delete, Cold", "secretsmanager:DeleteSecret"),
        ("get all, Cold", "secretsmanager:BatchGetSecretValue"),
    ] {
        let ran = run(case(&cases, name), reader.settings, Some(&reader.policy())).await;
        let error = ran.outcome.error.and_then(|failed| failed.store_error).expect("refused");
        assert_eq!(
            error.service_error().and_then(|cause| cause.missing_permission()),
            Some(action),
            "{name}"
        );
    }
}
