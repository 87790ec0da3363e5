//! How many requests have arrived, by operation.

use std::fmt;
use std::ops::Sub;
use std::sync::atomic::{AtomicU64, Ordering};

use super::operation::Operation;

const KINDS: usize = Operation::ALL.len();

/// How many HTTP requests arrived, by operation: a snapshot.
///
/// Each attempt of the SDK counts, and so do requests that a [`Fault`](super::Fault) answers. Subtract an
/// earlier snapshot to see what happened in between:
///
/// ```
/// # use oauth_token_store::embedded::EmbeddedSecretsManager;
/// let backend = EmbeddedSecretsManager::new();
/// let before = backend.requests();
/// // … use `backend.client()` …
/// assert_eq!(backend.requests().since(&before).to_string(), "no requests");
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct RequestCounts {
    by_operation: [u64; KINDS],
    unknown: u64,
}

impl RequestCounts {
    /// All requests, those for operations that the backend doesn't know included.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.by_operation.iter().sum::<u64>() + self.unknown
    }

    /// The requests for one operation.
    #[must_use]
    pub fn count(&self, operation: Operation) -> u64 {
        self.by_operation[operation as usize]
    }

    /// The operations that were requested at all, each with its count.
    pub fn iter(&self) -> impl Iterator<Item = (Operation, u64)> + '_ {
        Operation::ALL.into_iter().zip(self.by_operation).filter(|&(_, count)| count > 0)
    }

    /// What has arrived since `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let mut difference = *self;
        for (now, before) in difference.by_operation.iter_mut().zip(earlier.by_operation) {
            *now = now.saturating_sub(before);
        }
        difference.unknown = self.unknown.saturating_sub(earlier.unknown);
        difference
    }
}

impl Sub for RequestCounts {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        self.since(&earlier)
    }
}

/// Such as `1 GetSecretValue, 2 PutSecretValue`, or `no requests`.
impl fmt::Display for RequestCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.iter().map(|(operation, count)| (count, operation.name()));
        let unknown = (self.unknown > 0).then_some((self.unknown, "unknown operation"));
        let mut separator = "";
        for (count, name) in known.chain(unknown) {
            write!(f, "{separator}{count} {name}")?;
            separator = ", ";
        }
        if separator.is_empty() {
            f.write_str("no requests")?;
        }
        Ok(())
    }
}

impl fmt::Debug for RequestCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestCounts({self})")
    }
}

/// The running counters behind [`RequestCounts`].
#[derive(Debug, Default)]
pub(super) struct Counters {
    by_operation: [AtomicU64; KINDS],
    unknown: AtomicU64,
}

impl Counters {
    /// Counts one request; `None` stands for an operation that the backend doesn't know.
    pub(super) fn record(&self, operation: Option<Operation>) {
        operation
            .map_or(&self.unknown, |operation| &self.by_operation[operation as usize])
            .fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn snapshot(&self) -> RequestCounts {
        RequestCounts {
            by_operation: std::array::from_fn(|kind| self.by_operation[kind].load(Ordering::Relaxed)),
            unknown: self.unknown.load(Ordering::Relaxed),
        }
    }
}
