//! What is really stored, read past everything that lags or fails, and what was stored before: the eras of each name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use oauth_token_store::aws_sdk_secretsmanager::Client;
use oauth_token_store::aws_sdk_secretsmanager::error::ProvideErrorMetadata;
use oauth_token_store::embedded::EmbeddedSecretsManager;
use uuid::Uuid;

use crate::contract::{Content, Key};
use crate::support::PREFIX;

/// A secret that can be read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Secret {
    pub(crate) arn: String,
    pub(crate) version: String,
    /// When its version was created, by the service's clock.
    pub(crate) created: u64,
    pub(crate) content: Content,
    pub(crate) tags: BTreeMap<String, String>,
}

/// The secrets by name below the prefix. One that is scheduled for deletion is not there.
pub(crate) type Secrets = BTreeMap<String, Arc<Secret>>;

/// A time in which one name meant one thing.
#[derive(Clone, Debug)]
pub(crate) struct Era {
    pub(crate) secret: Option<Arc<Secret>>,
    /// When it may have begun and ended, in milliseconds since the case began.
    pub(crate) from: u64,
    pub(crate) until: u64,
    /// Whether somebody made it in the console.
    pub(crate) by_hand: bool,
}

/// What became of every name.
#[derive(Default)]
pub(crate) struct Truth {
    pub(crate) now: Secrets,
    eras: BTreeMap<String, Vec<Era>>,
}

const NOTHING_YET: &[Era] = &[Era { secret: None, from: 0, until: u64::MAX, by_hand: false }];

impl Truth {
    /// Of a name, the oldest first; the last one is still on.
    pub(crate) fn eras(&self, name: &str) -> &[Era] {
        self.eras.get(name).map_or(NOTHING_YET, Vec::as_slice)
    }

    /// Every name that has ever meant something.
    pub(crate) fn names(&self) -> impl Iterator<Item = &String> {
        self.eras.keys()
    }

    /// Whether each secret's tags say what it holds.
    pub(crate) fn is_tagged_well(&self) -> bool {
        let says = |secret: &Secret, key: Key| secret.tags.get(&key.tag()) == Some(&key.fingerprint());
        self.now
            .values()
            .all(|secret| Key::searched_of(&secret.content).into_iter().all(|key| says(secret, key)))
    }

    /// Whether this version has been current before.
    pub(crate) fn has_seen(&self, name: &str, secret: &Secret) -> bool {
        let mut seen = self.eras(name).iter().filter_map(|era| era.secret.as_ref());
        seen.any(|seen| seen.arn == secret.arn && seen.version == secret.version)
    }

    /// The records that hold a key.
    pub(crate) fn holders(&self, key: &Key) -> impl Iterator<Item = &String> {
        let holders = self.now.iter().filter(|(name, secret)| key.is_held_by(name, &secret.content));
        holders.map(|(name, _)| name)
    }

    /// The names whose secret differs in more than its tags.
    pub(crate) fn changed(&self, after: &Secrets) -> BTreeSet<String> {
        let version = |secrets: &Secrets, name: &str| {
            secrets.get(name).map(|secret| (secret.arn.clone(), secret.version.clone()))
        };
        let names: BTreeSet<_> = self.now.keys().chain(after.keys()).cloned().collect();
        names.into_iter().filter(|name| version(&self.now, name) != version(after, name)).collect()
    }

    /// Takes in what is stored after something that went on from `from` to `until`. `between`: what a name meant
    /// meanwhile.
    pub(crate) fn advance(
        &mut self,
        after: Secrets,
        between: &Secrets,
        from: u64,
        until: u64,
        by_hand: bool,
    ) {
        let names: BTreeSet<_> = self.now.keys().chain(after.keys()).cloned().collect();
        for name in names {
            let (old, new) = (self.now.get(&name), after.get(&name));
            if old == new {
                continue;
            }
            let eras = self.eras.entry(name.clone()).or_insert_with(|| NOTHING_YET.to_vec());
            let mut begin = |secret: Option<Arc<Secret>>| {
                if let Some(last) = eras.last_mut() {
                    last.until = until;
                }
                eras.push(Era { secret, from, until: u64::MAX, by_hand });
            };
            if let Some(between) = between.get(&name) {
                begin(Some(Arc::clone(between)));
            }
            if matches!((old, new), (Some(old), Some(new)) if old.arn != new.arn) {
                begin(None);
            }
            begin(new.cloned());
        }
        self.now = after;
    }
}

/// A client that, while it is open, sees what is really there.
pub(crate) struct Eye {
    backend: EmbeddedSecretsManager,
    client: Client,
}

impl Eye {
    pub(crate) fn new(backend: &EmbeddedSecretsManager) -> Self {
        Self { backend: backend.clone(), client: backend.client() }
    }

    /// From now on it sees what is there: nothing lags. Faults must have been cleared before.
    pub(crate) fn opens(&self) {
        self.backend.stale_reads(0);
        self.backend.set_read_lag(Duration::ZERO);
        self.backend.set_list_lag(Duration::ZERO);
    }

    /// From now on reads and lists lag again. While they do not, nothing may be written: the past would be forgotten.
    pub(crate) fn closes(&self, [read_lag, list_lag]: [Duration; 2]) {
        self.backend.set_read_lag(read_lag);
        self.backend.set_list_lag(list_lag);
    }

    /// Everything under the prefix.
    pub(crate) async fn look(&self) -> Secrets {
        let listed = self.client.list_secrets().max_results(100).send().await.expect("listed");
        let listed = listed.secret_list.unwrap_or_default();
        let mut secrets = Secrets::new();
        for chunk in listed.chunks(20) {
            let names = chunk.iter().filter_map(|secret| secret.name.clone()).collect();
            let batch = self.client.batch_get_secret_value().set_secret_id_list(Some(names)).send().await;
            for value in batch.expect("read").secret_values.unwrap_or_default() {
                let name = value.name.expect("a name");
                let tags = chunk.iter().find(|secret| secret.name.as_ref() == Some(&name));
                let tags = tags.and_then(|secret| secret.tags.clone()).unwrap_or_default();
                let secret = Secret {
                    arn: value.arn.expect("an ARN"),
                    version: value.version_id.expect("a version"),
                    created: millis(value.created_date),
                    content: content(&value.secret_string.expect("a text")),
                    tags: tags.into_iter().filter_map(|tag| tag.key.zip(tag.value)).collect(),
                };
                secrets.insert(below_prefix(&name).to_owned(), Arc::new(secret));
            }
        }
        secrets
    }

    /// The version that was written on top of this one, with the tags of another state.
    pub(crate) async fn successor(&self, of: &Secret) -> Option<Secret> {
        let version = slot_after(&of.version);
        let answer = self.client.get_secret_value().secret_id(&of.arn).version_id(&version).send().await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) if error.code() == Some("ResourceNotFoundException") => return None,
            Err(error) => panic!("{error:?}"),
        };
        let content = content(&answer.secret_string.expect("a text"));
        Some(Secret { version, created: millis(answer.created_date), content, ..of.clone() })
    }
}

pub(crate) fn below_prefix(name: &str) -> &str {
    name.strip_prefix(PREFIX).and_then(|rest| rest.strip_prefix('/')).expect("only what the stores wrote")
}

fn millis(date: Option<oauth_token_store::aws_sdk_secretsmanager::primitives::DateTime>) -> u64 {
    let millis = date.expect("a date").to_millis().expect("in range");
    u64::try_from(millis).expect("after 1970")
}

fn content(json: &str) -> Content {
    let mut content: Content = serde_json::from_str(json).expect("an object of strings");
    assert_eq!(content.remove("schema").as_deref(), Some("1"));
    assert!(content.remove("save").is_some());
    content
}

/// The slot after a version: what its id becomes when something is written on top of it.
pub(crate) fn slot_after(version: &str) -> String {
    const NAMESPACE: Uuid = Uuid::from_u128(0xd9ae17dd_6386_5eab_aa9a_1bb1bd39ea6e);
    Uuid::new_v5(&NAMESPACE, version.as_bytes()).to_string()
}

impl Secret {
    /// Whether `later` was written on top of this, or on top of what was.
    pub(crate) fn leads_to(&self, later: &Self) -> bool {
        let mut slot = self.version.clone();
        (0..128).any(|_| {
            slot = slot_after(&slot);
            slot == later.version
        })
    }
}
