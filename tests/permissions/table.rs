//! The table for people: which role may do what, and what needs ListSecrets.

use std::fmt::Write;
use std::path::Path;

use crate::access::Access;
use crate::cases::{Case, with_lagging_replicas};
use crate::role::{Group, Role};
use crate::run::{Settings, run};

const LIST: &str = "secretsmanager:ListSecrets";
const HEAD: &str =
    "| operation | reader | writer | operator | needs `ListSecrets` |\n|---|---|---|---|---|\n";

/// All that the operations ask for.
async fn asked_by(cases: &[&Case]) -> Vec<Access> {
    let mut asked = Vec::new();
    for case in cases {
        for settings in Settings::FULL.and_more(case) {
            asked.extend(run(case, settings, None).await.asked);
        }
    }
    asked
}

async fn table() -> String {
    let cases = with_lagging_replicas();
    let mut table = HEAD.to_owned();
    for group in Group::ALL {
        let cases = Vec::from_iter(cases.iter().filter(|case| Group::of(case) == group));
        assert!(!cases.is_empty(), "{group:?}");
        let asked = asked_by(&cases).await;
        let mut cells = Vec::from(["reader", "writer", "operator"].map(|role| {
            let policy = Role::named(role).policy();
            if asked.iter().all(|access| policy.allows(access)) { "yes" } else { "–" }
        }));
        cells.push(match (asked.iter().any(|access| access.action == LIST), group) {
            (false, _) => "never",
            (true, Group::GetAll | Group::DeleteAll) => "always",
            (true, _) => "not with `tag_search(false)`",
        });
        writeln!(table, "| {} | {} |", group.title(), cells.join(" | ")).expect("a string takes it");
    }
    table
}

/// `OAUTH_TOKEN_STORE_PRINT_TABLE=1 cargo test --all-features --test permissions table -- --nocapture` prints it.
#[tokio::test(start_paused = true)]
async fn the_tables_for_people_are_right() {
    let table = table().await;
    if std::env::var_os("OAUTH_TOKEN_STORE_PRINT_TABLE").is_some() {
        println!("{table}");
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guide = std::fs::read_to_string(root.join("examples/iam/README.md")).expect("the guide");
    assert!(guide.contains(&table), "the table in examples/iam/README.md is to be:\n{table}");
    let readme = std::fs::read_to_string(root.join("README.md")).expect("the README");
    assert!(!readme.contains(HEAD) || readme.contains(&table), "the table in README.md is to be:\n{table}");
}

#[tokio::test(start_paused = true)]
async fn by_user_and_store_assigned_id_nothing_needs_list_secrets() {
    for case in with_lagging_replicas() {
        let has_asked = run(&case, Settings::FULL, None).await.has_asked_for(LIST);
        match Group::of(&case) {
            Group::Find | Group::Refresh | Group::Save | Group::Delete => {
                assert!(!has_asked, "{}", case.name);
            }
            Group::GetAll | Group::DeleteAll => assert!(has_asked, "{}", case.name),
            Group::FindBySearch | Group::SaveBySearch | Group::DeleteBySearch => {}
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_tag_search_only_lists_need_list_secrets() {
    let settings = Settings::WITHOUT_SEARCH;
    for case in with_lagging_replicas().iter().filter(|case| settings.take(case)) {
        let is_list = matches!(Group::of(case), Group::GetAll | Group::DeleteAll);
        assert_eq!(run(case, settings, None).await.has_asked_for(LIST), is_list, "{}", case.name);
    }
}
