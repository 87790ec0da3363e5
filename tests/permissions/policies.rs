//! The policies: all that is needed, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use crate::access::{Access, KEY};
use crate::cases::{Case, with_lagging_replicas};
use crate::policy::Policy;
use crate::role::{Group, ROLES, Role};
use crate::run::{Settings, run, run_and_drop};
use crate::support::PREFIX;
use crate::verdict::verdict_of;

/// What the role's operations ask for, each with the name of one that does.
async fn needed(role: &Role, cases: &[Case]) -> BTreeMap<Access, String> {
    let mut needed = BTreeMap::new();
    for case in role.cases(cases) {
        for settings in role.settings.and_more(case) {
            for access in run(case, settings, None).await.asked {
                needed.entry(access).or_insert_with(|| case.name.clone());
            }
        }
    }
    assert!(needed.len() > 10, "{} asks for little", role.name);
    needed
}

#[tokio::test(start_paused = true)]
async fn what_each_operation_asks_for_is_what_it_is_known_to_request() {
    for case in with_lagging_replicas() {
        let ran = run(&case, Settings::FULL, None).await;
        let steps = Vec::from_iter(case.steps.iter().map(|step| step.operation));
        assert_eq!(ran.sent, steps, "the requests of {}", case.name);
        assert_eq!(verdict_of(&ran.outcome), case.undisturbed, "{}", case.name);
        for operation in steps {
            assert!(ran.has_asked_for(&format!("secretsmanager:{operation}")), "{}", case.name);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_role_is_allowed_what_it_needs_and_nothing_else() {
    let cases = with_lagging_replicas();
    for role in &ROLES {
        let (policy, needed) = (role.policy(), needed(role, &cases).await);
        for (access, case) in &needed {
            assert!(policy.allows(access), "{} may not {access:?}, which {case} needs", role.name);
        }
        let needed = Vec::from_iter(needed.into_keys());
        nothing_is_superfluous(role.name, &policy, &needed);
        all_else_is_refused(role.name, &policy, &needed);
    }
}

#[tokio::test(start_paused = true)]
async fn each_role_does_under_its_policy_what_it_does_without() {
    let cases = with_lagging_replicas();
    for role in &ROLES {
        let policy = role.policy();
        for case in role.cases(&cases) {
            let free = run(case, role.settings, None).await;
            let bound = run(case, role.settings, Some(&policy)).await;
            assert_eq!(bound.sent, free.sent, "{}: {}", role.name, case.name);
            assert_eq!(verdict_of(&bound.outcome), verdict_of(&free.outcome), "{}: {}", role.name, case.name);
        }
    }
}

fn nothing_is_superfluous(role: &str, policy: &Policy, needed: &[Access]) {
    let named = BTreeSet::from_iter(policy.actions());
    assert_eq!(named.len(), policy.actions().count(), "{role} names an action twice");
    for action in named {
        let less = policy.without_action(action);
        assert!(needed.iter().any(|access| !less.allows(access)), "{role} needs no {action}");
    }
    assert!(policy.statements.iter().all(|statement| statement.resources.len() == 1), "{role}");
}

/// All of Secrets Manager's [actions], and those of KMS that use a key or change it.
///
/// [actions]: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecretsmanager.html
const ACTIONS: &[&str] = &[
    "secretsmanager:BatchGetSecretValue",
    "secretsmanager:CancelRotateSecret",
    "secretsmanager:CreateSecret",
    "secretsmanager:DeleteResourcePolicy",
    "secretsmanager:DeleteSecret",
    "secretsmanager:DescribeSecret",
    "secretsmanager:GetRandomPassword",
    "secretsmanager:GetResourcePolicy",
    "secretsmanager:GetSecretValue",
    "secretsmanager:ListSecretVersionIds",
    "secretsmanager:ListSecrets",
    "secretsmanager:PutResourcePolicy",
    "secretsmanager:PutSecretValue",
    "secretsmanager:RemoveRegionsFromReplication",
    "secretsmanager:ReplicateSecretToRegions",
    "secretsmanager:RestoreSecret",
    "secretsmanager:RotateSecret",
    "secretsmanager:StopReplicationToReplica",
    "secretsmanager:TagResource",
    "secretsmanager:UntagResource",
    "secretsmanager:UpdateSecret",
    "secretsmanager:UpdateSecretVersionStage",
    "secretsmanager:ValidateResourcePolicy",
    "kms:CreateGrant",
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:DisableKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:PutKeyPolicy",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
    "kms:ScheduleKeyDeletion",
];

fn secret(name: &str) -> String {
    format!("arn:aws:secretsmanager:us-east-1:123456789012:secret:{name}-AbCdEf")
}

/// What is not the role's, one step beside what is.
fn foreign_secrets() -> Vec<String> {
    let own = secret(&format!("{PREFIX}/u_bob"));
    vec![
        secret(&format!("{PREFIX}x/u_bob")),
        secret(&format!("{PREFIX}-2/u_bob")),
        secret(&format!("{PREFIX}u_bob")),
        secret(PREFIX),
        secret("app/u_bob"),
        secret(&format!("other/{PREFIX}/u_bob")),
        secret("u_bob"),
        own.replace("us-east-1", "us-east-2"),
        own.replace("123456789012", "123456789013"),
        own.replace("arn:aws:", "arn:aws-cn:"),
        own.replace(":secret:", ":other:"),
    ]
}

const SERVICE: &str = "secretsmanager.us-east-1.amazonaws.com";

fn use_of_the_key(action: &str, via_service: &str, for_secret: &str) -> Access {
    let access = Access::new(action, KEY).with("kms:ViaService", via_service);
    access.with("kms:EncryptionContext:SecretARN", for_secret)
}

/// What nobody is allowed, for any action that knows resources.
fn beside_what_is_ones_own(action: &str) -> Vec<Access> {
    let own = secret(&format!("{PREFIX}/u_bob"));
    let mut beside = vec![Access::new(action, "*"), Access::new(action, KEY)];
    beside.extend(foreign_secrets().iter().map(|secret| Access::new(action, secret)));
    if action.starts_with("kms:") {
        let other_key = KEY.replace("key/0", "key/1");
        beside.push(Access { resource: other_key, ..use_of_the_key(action, SERVICE, &own) });
        beside.push(use_of_the_key(action, "s3.us-east-1.amazonaws.com", &own));
        beside.push(use_of_the_key(action, "secretsmanager.us-east-2.amazonaws.com", &own));
        beside.push(Access::new(action, KEY).with("kms:ViaService", SERVICE));
        beside.push(Access::new(action, KEY).with("kms:EncryptionContext:SecretARN", &own));
        beside.extend(foreign_secrets().iter().map(|secret| use_of_the_key(action, SERVICE, secret)));
        beside.push(Access::new(action, own));
    }
    beside
}

fn all_else_is_refused(role: &str, policy: &Policy, needed: &[Access]) {
    let own = secret(&format!("{PREFIX}/u_bob"));
    for action in ACTIONS {
        let knows_no_resource =
            ["secretsmanager:ListSecrets", "secretsmanager:BatchGetSecretValue"].contains(action);
        let (usual, refused) = match action {
            _ if knows_no_resource => (Access::new(*action, "*"), Vec::new()),
            _ if action.starts_with("kms:") => {
                (use_of_the_key(action, SERVICE, &own), beside_what_is_ones_own(action))
            }
            _ => (Access::new(*action, &own), beside_what_is_ones_own(action)),
        };
        let is_needed = needed.iter().any(|access| access.action == *action);
        assert_eq!(policy.allows(&usual), is_needed, "{role}: {action}");
        for access in refused {
            assert!(!policy.allows(&access), "{role} may {access:?}");
        }
    }
    for access in needed {
        assert!(ACTIONS.contains(&access.action.as_str()), "{} is not in the list", access.action);
    }
}

#[test]
fn each_condition_refuses_something_that_the_rest_allows() {
    for role in &ROLES {
        let policy = role.policy();
        let mut conditions = 0;
        for (at, statement) in policy.statements.iter().enumerate() {
            for condition in &statement.conditions {
                let mut wider = policy.clone();
                wider.statements[at].conditions.retain(|other| other.key != condition.key);
                let beside = statement.actions.iter().flat_map(|action| beside_what_is_ones_own(action));
                let mut only_this = beside.filter(|access| wider.allows(access));
                assert!(only_this.any(|access| !policy.allows(&access)), "{}: {condition:?}", role.name);
                conditions += 1;
            }
        }
        assert_eq!(conditions, 2, "{}", role.name);
    }
}

#[test]
fn a_prefix_opens_those_below_it_too() {
    let below = secret(&format!("{PREFIX}/deeper/u_bob"));
    assert!(Role::named("reader").policy().allows(&Access::new("secretsmanager:GetSecretValue", below)));
}

#[test]
fn without_search_is_the_same_policy_without_list_secrets() {
    for name in ["reader", "writer"] {
        let without_search = Role::named(&format!("{name} without search")).policy();
        let less = Role::named(name).policy().without_action("secretsmanager:ListSecrets");
        let statements = less.statements.iter().filter(|statement| !statement.actions.is_empty());
        let shown = |statement| format!("{statement:?}");
        assert!(statements.map(shown).eq(without_search.statements.iter().map(shown)), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_never_asks_for_a_write_and_nobody_for_a_key_that_is_not_the_accounts_own() {
    let writes = ["Create", "Put", "Update", "Tag", "Delete", "Restore", "GenerateDataKey"];
    for case in with_lagging_replicas() {
        let ran = run(&case, Settings { is_keyed: false, ..Settings::FULL }, None).await;
        assert!(ran.asked.iter().all(|access| !access.action.starts_with("kms:")), "{}", case.name);
        if matches!(Group::of(&case), Group::Find | Group::FindBySearch | Group::GetAll) {
            let ran = run(&case, Settings::FULL, None).await;
            let is_write = |access: &Access| writes.iter().any(|write| access.action.contains(write));
            assert!(!ran.asked.iter().any(is_write), "{}", case.name);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_given_up_asks_for_nothing_else() {
    for case in with_lagging_replicas() {
        let whole = run(&case, Settings::FULL, None).await;
        for requests in 1..=case.steps.len().min(3) {
            let asked = run_and_drop(&case, Settings::FULL, requests as u32).await;
            assert!(!asked.is_empty(), "{}", case.name);
            for access in asked {
                assert!(whole.has_asked_for(&access.action), "{}: {access:?}", case.name);
            }
        }
    }
}

/// CloudTrail logs them, and ABAC goes by them.
#[tokio::test(start_paused = true)]
async fn the_names_and_tags_that_policies_may_go_by_are_those_of_the_layout() {
    let mut keys = BTreeSet::new();
    for case in with_lagging_replicas() {
        for access in run(&case, Settings::FULL, None).await.asked {
            for name in access.context.get("secretsmanager:Name").into_iter().flatten() {
                assert!(name.starts_with(&format!("{PREFIX}/")), "{name}");
            }
            keys.extend(access.context.get("aws:TagKeys").cloned().unwrap_or_default());
        }
    }
    let layout = ["access", "grant", "id", "kind", "refresh", "schema", "user"];
    let layout = layout.map(|tag| format!("oauth-token-store:{tag}")).into_iter();
    assert_eq!(keys, layout.chain(["team".to_owned()]).collect());
}
