//! All that Secrets Manager has of one user: the versions of one secret, in the order in which they were written.
//!
//! Read with the bare SDK client, and taken apart without the library: the layout is what the guide on the layout says it is.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::types::SecretVersionsListEntry;
use serde_json::Value;
use uuid::Uuid;

use crate::causes::causes;

use super::Failure;

/// Of the guide on the layout: a version's id is the UUIDv5 of the one that it was written on top of.
const SLOTS: Uuid = Uuid::from_u128(0xd9ae17dd_6386_5eab_aa9a_1bb1bd39ea6e);

/// LocalStack forgets the oldest versions of a secret that has so many.
const KEPT: usize = 100;

/// What each of these secrets holds, whoever has written it.
const FIELDS: [&str; 12] = [
    "schema",
    "user_name",
    "client_id",
    "client_secret",
    "refresh_token",
    "access_token",
    "api_domain",
    "token_type",
    "expiry_time",
    "by",
    "tokens_by",
    "save",
];

pub(super) struct Chain {
    /// In the order in which they were written; never none.
    pub(super) versions: Vec<Version>,
    /// Whether the first of them is the first that there was.
    pub(super) is_whole: bool,
}

#[derive(Clone)]
pub(super) struct Version {
    pub(super) id: String,
    /// AWSCURRENT, AWSPREVIOUS or nothing.
    stages: Vec<String>,
    pub(super) contents: Contents,
}

/// What a version holds.
#[derive(Clone)]
pub(super) struct Contents {
    pub(super) user: String,
    pub(super) refresh_token: String,
    pub(super) access_token: String,
    pub(super) save: String,
    /// The deed that wrote it.
    pub(super) by: usize,
    /// The deed that brought its tokens.
    pub(super) tokens_by: usize,
    /// All deeds whose change is in it.
    pub(super) deeds: BTreeSet<usize>,
}

impl Chain {
    pub(super) fn last(&self) -> &Version {
        self.versions.last().expect("never none")
    }

    /// The chain for a report: of each version which changes it has more and less than the one in the line before.
    pub(super) fn show(&self) -> String {
        let mut text = "its versions, with the deeds whose change came and went:\n".to_owned();
        let mut before = BTreeSet::new();
        for Version { id, stages, contents } in &self.versions {
            let Contents { by, tokens_by, deeds, .. } = contents;
            let more: BTreeSet<_> = deeds.difference(&before).collect();
            let less: BTreeSet<_> = before.difference(deeds).collect();
            let stages = stages.join(" ");
            let _ =
                writeln!(text, "  {id} by #{by}, tokens by #{tokens_by}, + {more:?}, - {less:?} {stages}");
            before.clone_from(deeds);
        }
        text
    }

    /// Puts versions in order, and checks what does not depend on who did what.
    fn of(mut versions: Vec<Version>) -> Result<Self, Failure> {
        let is_whole = versions.len() < KEPT;
        let slots: BTreeSet<String> = versions.iter().map(|version| slot_after(&version.id)).collect();
        let (mut chain, mut rest): (Vec<_>, Vec<_>) =
            versions.drain(..).partition(|version| !slots.contains(&version.id));
        let has_one_root = chain.len() == 1;
        while let Some(slot) = chain.last().map(|last| slot_after(&last.id)) {
            let Some(next) = rest.iter().position(|version| version.id == slot) else { break };
            chain.push(rest.swap_remove(next));
        }
        let chain = Self { versions: chain, is_whole };
        let problem = match chain.first_fault() {
            _ if !has_one_root || !rest.is_empty() => {
                Some("not each version is in the slot after the one before".to_owned())
            }
            problem => problem,
        };
        match problem {
            Some(problem) => Err(format!("{problem}\n{}", chain.show()).into()),
            None => Ok(chain),
        }
    }

    fn first_fault(&self) -> Option<String> {
        let labels = self.versions.iter().rev().map(|version| version.stages.join(" "));
        let mut expected = ["AWSCURRENT", "AWSPREVIOUS"].into_iter().chain(std::iter::repeat(""));
        if !labels.eq(expected.by_ref().take(self.versions.len())) {
            return Some("the last version is not AWSCURRENT, or the one before not AWSPREVIOUS".into());
        }
        let saves: BTreeSet<_> = self.versions.iter().map(|version| &version.contents.save).collect();
        (saves.len() != self.versions.len()).then(|| "two versions with one `save` key".into())
    }
}

/// Reads secrets; a version never changes, so each is read once.
pub(super) struct Reader<'a> {
    client: &'a Client,
    read: HashMap<String, Contents>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(client: &'a Client) -> Self {
        Self { client, read: HashMap::new() }
    }

    /// The secrets of the account by name, or what is wrong with them. Nobody is at work.
    pub(super) async fn chains(&mut self) -> Result<HashMap<String, Result<Chain, String>>, Failure> {
        let pages = self.client.list_secrets().include_planned_deletion(true).into_paginator().send();
        let pages = pages.collect::<Result<Vec<_>, _>>().await?;
        let mut chains = HashMap::new();
        for secret in pages.iter().flat_map(|page| page.secret_list()) {
            let (name, arn) = secret.name().zip(secret.arn()).ok_or("a secret without a name")?;
            if secret.deleted_date().is_some() {
                return Err(format!("{name} is scheduled for deletion").into());
            }
            let chain = self.chain(arn).await.map_err(|error| causes(&*error));
            chains.insert(name.to_owned(), chain);
        }
        Ok(chains)
    }

    async fn chain(&mut self, arn: &str) -> Result<Chain, Failure> {
        let pages = self.client.list_secret_version_ids().secret_id(arn).include_deprecated(true);
        let pages = pages.into_paginator().send().collect::<Result<Vec<_>, _>>().await?;
        let mut versions = Vec::new();
        for version in pages.iter().flat_map(|page| page.versions()) {
            versions.push(self.version(arn, version).await?);
        }
        if versions.is_empty() {
            return Err("a secret without a version".into());
        }
        Chain::of(versions)
    }

    async fn version(&mut self, arn: &str, listed: &SecretVersionsListEntry) -> Result<Version, Failure> {
        let id = listed.version_id().ok_or("a version without an id")?.to_owned();
        let contents = match self.read.get(&id) {
            Some(contents) => contents.clone(),
            None => {
                let value = self.client.get_secret_value().secret_id(arn).version_id(&id).send().await?;
                let value = value.secret_string.ok_or("a version without a string")?;
                let contents = Contents::of(&value).map_err(|why| format!("version {id} is torn: {why}"))?;
                self.read.insert(id.clone(), contents.clone());
                contents
            }
        };
        Ok(Version { id, stages: listed.version_stages().to_vec(), contents })
    }
}

impl Contents {
    fn of(value: &str) -> Result<Self, Failure> {
        let mut members: serde_json::Map<String, Value> = serde_json::from_str(value)?;
        let mut fields = HashMap::new();
        for name in FIELDS {
            match members.remove(name) {
                Some(Value::String(text)) if !text.is_empty() => fields.insert(name, text),
                _ => return Err(format!("`{name}` is missing or no text").into()),
            };
        }
        let deed = |(name, one): (&String, &Value)| {
            name.strip_prefix("deed-").filter(|_| *one == "1").and_then(|number| number.parse().ok())
        };
        let deeds: Option<BTreeSet<usize>> = members.iter().map(deed).collect();
        if fields["schema"] != "1" {
            return Err("not of schema 1".into());
        }
        fields["expiry_time"].parse::<i64>()?;
        Uuid::try_parse(&fields["save"])?;
        let mut field = |name| fields.remove(name).unwrap_or_default();
        Ok(Self {
            user: field("user_name"),
            refresh_token: field("refresh_token"),
            access_token: field("access_token"),
            save: field("save"),
            by: field("by").parse()?,
            tokens_by: field("tokens_by").parse()?,
            deeds: deeds.ok_or("a field that nobody has written")?,
        })
    }
}

fn slot_after(version_id: &str) -> String {
    Uuid::new_v5(&SLOTS, version_id.as_bytes()).to_string()
}
