//! The roles that `examples/iam` has policies for, and what each is for.

use crate::cases::Case;
use crate::policy::Policy;
use crate::run::Settings;
use crate::support::PREFIX;

/// Operations that are granted and refused together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    Find,
    FindBySearch,
    Refresh,
    Save,
    SaveBySearch,
    Delete,
    DeleteBySearch,
    GetAll,
    DeleteAll,
}

impl Group {
    pub(crate) const ALL: [Self; 9] = [
        Self::Find,
        Self::FindBySearch,
        Self::Refresh,
        Self::Save,
        Self::SaveBySearch,
        Self::Delete,
        Self::DeleteBySearch,
        Self::GetAll,
        Self::DeleteAll,
    ];

    pub(crate) fn of(case: &Case) -> Self {
        let name = case.name.as_str();
        let begins = |beginnings: &[&str]| beginnings.iter().any(|beginning| name.starts_with(beginning));
        match name {
            _ if begins(&["find by user", "find by store-assigned id", "reload,"]) => Self::Find,
            _ if begins(&["find by", "reload by"]) => Self::FindBySearch,
            _ if begins(&["refresh"]) => Self::Refresh,
            _ if begins(&["save by"]) => Self::SaveBySearch,
            _ if begins(&["save"]) => Self::Save,
            _ if begins(&["delete,"]) => Self::Delete,
            _ if begins(&["delete by"]) => Self::DeleteBySearch,
            _ if begins(&["get all", "stream all"]) => Self::GetAll,
            _ if begins(&["delete all"]) => Self::DeleteAll,
            _ => panic!("to which operation does the case {name:?} belong?"),
        }
    }

    /// As the tables for people say it.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Find => "find and `reload` by user or store-assigned id",
            Self::FindBySearch => "find and `reload` by own id, find by grant, refresh or access token",
            Self::Refresh => "`refresh_with` by user, of a record without an own id",
            Self::Save => "`save_token` of a token with a user and without an own id",
            Self::SaveBySearch => "`save_token` of any other token",
            Self::Delete => "`delete_token` by store-assigned id, which a user's is",
            Self::DeleteBySearch => "`delete_token` by own id",
            Self::GetAll => "`get_tokens`, `tokens`",
            Self::DeleteAll => "`delete_tokens`",
        }
    }
}

pub(crate) struct Role {
    pub(crate) name: &'static str,
    /// Files of `examples/iam`, without their ending, that are attached together.
    files: &'static [&'static str],
    pub(crate) is_for: &'static [Group],
    pub(crate) settings: Settings,
}

const READS: &[Group] = &[Group::Find, Group::FindBySearch];
const WRITES: &[Group] = &[
    Group::Find,
    Group::FindBySearch,
    Group::Refresh,
    Group::Save,
    Group::SaveBySearch,
    Group::Delete,
    Group::DeleteBySearch,
];
const BULK: &[Group] = &[Group::Delete, Group::GetAll, Group::DeleteAll];

pub(crate) const ROLES: [Role; 5] = [
    Role { name: "reader", files: &["reader", "key-for-reading"], is_for: READS, settings: Settings::FULL },
    Role {
        name: "reader without search",
        files: &["reader-without-search", "key-for-reading"],
        is_for: READS,
        settings: Settings::WITHOUT_SEARCH,
    },
    Role { name: "writer", files: &["writer", "key-for-writing"], is_for: WRITES, settings: Settings::FULL },
    Role {
        name: "writer without search",
        files: &["writer-without-search", "key-for-writing"],
        is_for: WRITES,
        settings: Settings::WITHOUT_SEARCH,
    },
    Role {
        name: "operator",
        files: &["operator", "key-for-reading"],
        is_for: BULK,
        settings: Settings::FULL,
    },
];

impl Role {
    /// What is attached to it, filled in for the embedded backend and the tests' prefix.
    pub(crate) fn policy(&self) -> Policy {
        let policies = self.files.iter().map(|file| read(file));
        policies.fold(Policy::default(), Policy::and)
    }

    pub(crate) fn named(name: &str) -> &'static Self {
        ROLES.iter().find(|role| role.name == name).expect("a role")
    }

    pub(crate) fn cases<'a>(&self, cases: &'a [Case]) -> impl Iterator<Item = &'a Case> {
        cases.iter().filter(|case| self.is_for.contains(&Group::of(case)) && self.settings.take(case))
    }
}

fn read(file: &str) -> Policy {
    let path = format!("{}/examples/iam/{file}.json", env!("CARGO_MANIFEST_DIR"));
    let json = std::fs::read_to_string(&path).expect(&path);
    let key_id = crate::access::KEY.rsplit('/').next().expect("an id");
    let filled_in = json.replace("REGION", "us-east-1").replace("ACCOUNT", "123456789012");
    let filled_in = filled_in.replace("PREFIX", PREFIX).replace("key/KEY", &format!("key/{key_id}"));
    Policy::parse(&filled_in).expect(&path)
}
