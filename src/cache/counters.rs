//! What the cache counts.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// What happened so far in this store: see [`stats`](crate::SecretsManagerTokenStore::stats). All counts begin with the
/// store and never go back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreStats {
    /// Reads answered from memory, the answer that there is no token included.
    pub hits: u64,
    /// Reads that memory could not answer, or was not to: each `reload` and what a refresh reads anew are among them, and a find
    /// that goes by search counts once for each record that it reads.
    pub misses: u64,
    /// Reads of a record that were sent to the service: fewer than misses where many wanted the same one at once, more where
    /// an outage has made it try behind the readers' backs.
    pub loads: u64,
    /// Loads that failed.
    pub load_failures: u64,
    /// Reads answered with a token past its time to live, because the service failed in a passing way.
    pub stale_reads: u64,
    /// Loads that were answered with an older version than one already seen, so that what is known was kept.
    pub backward_reads: u64,
    /// Tokens dropped from memory for lack of room.
    pub evictions: u64,
    /// Exchanges at the OAuth server that
    /// [`refresh_with`](crate::SecretsManagerTokenStore::refresh_with) has run.
    pub exchanges: u64,
    /// Exchanges that failed.
    pub exchange_failures: u64,
}

/// Lines of the table of hits: threads that count at the same time write to different ones.
const LINES: usize = 16;

/// One counter on a cache line of its own.
#[derive(Default)]
#[repr(align(128))]
struct Line(AtomicU64);

#[derive(Default)]
pub(crate) struct Counters {
    hits: [Line; LINES],
    pub(super) misses: AtomicU64,
    pub(super) loads: AtomicU64,
    pub(super) load_failures: AtomicU64,
    pub(super) stale_reads: AtomicU64,
    pub(super) backward_reads: AtomicU64,
    pub(super) evictions: AtomicU64,
}

thread_local! {
    static NUMBER: Cell<usize> = {
        static THREADS: AtomicUsize = AtomicUsize::new(0);
        Cell::new(THREADS.fetch_add(1, Ordering::Relaxed))
    };
}

/// In the order of their first finds. A thread that is ending may have lost its number already.
pub(super) fn thread_number() -> usize {
    NUMBER.try_with(Cell::get).unwrap_or_default()
}

impl Counters {
    pub(super) fn hit(&self) {
        add_one(&self.hits[thread_number() % LINES].0);
    }

    pub(super) fn snapshot(&self) -> StoreStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        StoreStats {
            hits: self.hits.iter().map(|line| read(&line.0)).sum(),
            misses: read(&self.misses),
            loads: read(&self.loads),
            load_failures: read(&self.load_failures),
            stale_reads: read(&self.stale_reads),
            backward_reads: read(&self.backward_reads),
            evictions: read(&self.evictions),
            ..StoreStats::default()
        }
    }
}

pub(super) fn add_one(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hits_of_many_threads_are_counted() {
        const THREADS: usize = LINES * LINES + 1;
        let counters = Counters::default();
        for _ in 0..THREADS {
            std::thread::scope(|scope| scope.spawn(|| counters.hit()).join()).expect("no panic");
        }
        assert_eq!(counters.snapshot().hits, THREADS as u64);
    }
}
