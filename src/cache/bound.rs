//! How much is kept: moka decides what goes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use moka::notification::RemovalCause;
use moka::policy::EvictionPolicy;
use moka::sync::Cache as Moka;

use crate::contract::Locator;

use super::counters::{Counters, add_one};
use super::entry::{Entry, Known, Source};
use super::index::Index;
use super::settings::CacheSettings;

/// Two bounds, so that asking for tokens that are not there drives none out that is.
///
/// Least recently used goes first: moka's other policy may refuse what was just saved, and what is never back with it.
pub(super) struct Bound {
    tokens: Moka<Locator, Arc<Entry>>,
    misses: Moka<Locator, Arc<Entry>>,
    evicted: Arc<AtomicU64>,
}

impl Bound {
    pub(super) fn new(settings: &CacheSettings, index: &Arc<Index>, counters: &Arc<Counters>) -> Self {
        let evicted = Arc::new(AtomicU64::new(0));
        let bounded = |counts: bool| {
            let (index, counters, evicted) = (Arc::clone(index), Arc::clone(counters), Arc::clone(&evicted));
            Moka::builder()
                .max_capacity(settings.max_capacity)
                .eviction_policy(EvictionPolicy::lru())
                .eviction_listener(move |_, entry: Arc<Entry>, cause| {
                    // What was replaced, the index has let go of already.
                    if cause != RemovalCause::Size {
                        return;
                    }
                    // Counted first of all: who finds it gone is to know why.
                    add_one(&evicted);
                    if counts {
                        add_one(&counters.evictions);
                    }
                    // Killed before it leaves the index: a write that no longer finds it there need not kill it.
                    entry.kill();
                    index.forget(&entry);
                })
                .build()
        };
        Self { tokens: bounded(true), misses: bounded(false), evicted }
    }

    pub(super) fn admit(&self, entry: &Arc<Entry>) {
        let (to, from) = match &entry.known {
            Known::Present(_) => (&self.tokens, &self.misses),
            // What this process deleted takes the place of its token.
            Known::Absent if entry.source == Source::Written => (&self.tokens, &self.misses),
            Known::Absent | Known::Invalidated => (&self.misses, &self.tokens),
        };
        from.invalidate(&entry.locator);
        to.insert(entry.locator, Arc::clone(entry));
    }

    /// Lets the policy know that an entry is in use.
    pub(super) fn touch(&self, locator: &Locator) {
        self.tokens.get(locator);
    }

    /// How many entries have been dropped for lack of room, those of misses included: they tell of deletions, too.
    pub(super) fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Acquire)
    }

    /// What was deleted here lately counts as one, too.
    #[cfg(feature = "metrics")]
    pub(super) fn count(&self) -> u64 {
        // Else moka tells what it knew at its last bookkeeping.
        self.tokens.run_pending_tasks();
        self.tokens.entry_count()
    }

    #[cfg(test)]
    pub(super) fn settle(&self) {
        self.tokens.run_pending_tasks();
        self.misses.run_pending_tasks();
    }
}
