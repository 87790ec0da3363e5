//! A secret with its versions and the staging labels on them: a pure model, no I/O.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::clock::Timestamp;
use super::error::{Result, ServiceError};
use super::version::{SecretValue, Version};

/// The label of the version that reads get.
pub(super) const CURRENT: &str = "AWSCURRENT";
/// The label of the version that was current before.
pub(super) const PREVIOUS: &str = "AWSPREVIOUS";

/// The most labels over all versions of a secret.
const MAX_LABELS: usize = 20;
/// About how many versions are kept.
const MAX_VERSIONS: usize = 100;
/// The age below which no version is pruned.
const PRUNABLE_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// A tag of a secret.
#[derive(Clone)]
pub(super) struct Tag {
    pub(super) key: String,
    pub(super) value: String,
}

/// A deletion that has been asked for and has not happened yet.
#[derive(Clone, Copy)]
pub(super) struct Deletion {
    pub(super) requested: Timestamp,
    /// When the secret goes.
    pub(super) due: Timestamp,
    /// Without recovery: the secret only lingers and can't be restored.
    pub(super) forced: bool,
}

/// One state of one secret. Writers clone it, readers share it.
#[derive(Clone)]
pub(super) struct Secret {
    /// Counts the secrets that were ever created: tells a re-created name from its predecessor.
    pub(super) serial: u64,
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) description: Option<String>,
    pub(super) kms_key_id: Option<String>,
    /// `None` until there is one: a secret that has lost its last tag is described with an empty list.
    pub(super) tags: Option<Vec<Tag>>,
    pub(super) created: Timestamp,
    pub(super) changed: Timestamp,
    pub(super) deletion: Option<Deletion>,
    /// From the oldest to the newest.
    versions: Vec<Arc<Version>>,
    /// Which version carries a label: at most one, because a label is a key here.
    labels: BTreeMap<String, String>,
}

impl Secret {
    /// A secret without any version.
    pub(super) fn new(serial: u64, name: &str, arn: String, now: Timestamp) -> Self {
        Self {
            serial,
            name: name.to_owned(),
            arn,
            description: None,
            kms_key_id: None,
            tags: None,
            created: now,
            changed: now,
            deletion: None,
            versions: Vec::new(),
            labels: BTreeMap::new(),
        }
    }

    pub(super) fn tags(&self) -> &[Tag] {
        self.tags.as_deref().unwrap_or_default()
    }

    pub(super) fn versions(&self) -> &[Arc<Version>] {
        &self.versions
    }

    pub(super) fn version(&self, id: &str) -> Option<&Arc<Version>> {
        // Reads mostly want a recent one.
        self.versions.iter().rev().find(|version| version.id == id)
    }

    pub(super) fn labelled(&self, label: &str) -> Option<&Arc<Version>> {
        self.version(self.labels.get(label)?)
    }

    /// The id of the version that carries a label.
    pub(super) fn holder(&self, label: &str) -> Option<&str> {
        self.labels.get(label).map(String::as_str)
    }

    /// The labels of a version, in alphabetical order.
    pub(super) fn labels_of(&self, version_id: &str) -> Vec<&str> {
        self.labels
            .iter()
            .filter(|(_, holder)| *holder == version_id)
            .map(|(label, _)| label.as_str())
            .collect()
    }

    /// The versions that carry a label, each with its labels: all that DescribeSecret shows of versions.
    pub(super) fn labels_by_version(&self) -> BTreeMap<&str, Vec<&str>> {
        let mut versions = BTreeMap::<_, Vec<_>>::new();
        for (label, holder) in &self.labels {
            versions.entry(holder.as_str()).or_default().push(label.as_str());
        }
        versions
    }

    /// Adds a version and moves labels to it as PutSecretValue does.
    pub(super) fn add_version(
        &mut self,
        id: &str,
        value: SecretValue,
        labels: &[&str],
        now: Timestamp,
    ) -> Result<()> {
        let first = self.versions.is_empty();
        self.versions.push(Arc::new(Version { id: id.to_owned(), value, created: now }));
        // AWSCURRENT last: what it does to AWSPREVIOUS wins over an explicit AWSPREVIOUS.
        for label in labels.iter().filter(|label| **label != CURRENT) {
            self.move_label(label, id);
        }
        if first || labels.contains(&CURRENT) {
            self.move_label(CURRENT, id);
        }
        self.check_label_count()?;
        self.prune(now);
        self.changed = now;
        Ok(())
    }

    /// Attaches a label to a version, wherever it was; AWSCURRENT leaves AWSPREVIOUS behind.
    pub(super) fn move_label(&mut self, label: &str, version_id: &str) {
        let former = self.labels.insert(label.to_owned(), version_id.to_owned());
        if label == CURRENT
            && let Some(former) = former.filter(|former| former != version_id)
        {
            self.labels.insert(PREVIOUS.to_owned(), former);
        }
    }

    /// Takes a label off whatever version carries it.
    pub(super) fn remove_label(&mut self, label: &str) {
        self.labels.remove(label);
    }

    pub(super) fn check_label_count(&self) -> Result<()> {
        if self.labels.len() <= MAX_LABELS {
            Ok(())
        } else {
            Err(ServiceError::limit_exceeded(format!(
                "The request would exceed the quota of {MAX_LABELS} staging labels for a secret."
            )))
        }
    }

    /// Drops the oldest unlabelled versions over the quota; what is younger than a day stays.
    fn prune(&mut self, now: Timestamp) {
        let mut excess = self.versions.len().saturating_sub(MAX_VERSIONS);
        if excess == 0 {
            return;
        }
        let labels = &self.labels;
        self.versions.retain(|version| {
            let outdated = excess > 0
                && now.saturating_sub(version.created) >= PRUNABLE_AGE
                && !labels.values().any(|holder| *holder == version.id);
            excess -= usize::from(outdated);
            !outdated
        });
    }
}
