//! What this process knows of the records, and what it may answer from that. It knows records, versions and clocks; how
//! a record is read or written is its caller's business.
//!
//! # Why a read never shows what a save or deletion of this process has replaced
//!
//! For each name there is at most one *living* [`Entry`], reached under its locator in the [`Index`]. Whatever else leads
//! to an entry, by user, id or token, leads to that same object, and a dead one answers nothing. An entry is replaced, and
//! so killed, under the lock of its locator only, which is the lock of the single flight that loads it ([`Flights`]). Then:
//!
//! 1. *A load has an effect only while it is registered.* It is registered before its request is sent, and its result is
//!    admitted under the lock if it still is. A write that has landed, and a deletion, take it off the board and put in
//!    their own knowledge in one step under the same lock ([`Change`]); what was under way before lands without effect, and
//!    those who wait for it look again. So whatever is admitted after a write was asked for after it.
//! 2. *Knowledge only moves forward.* What a registered load shows is admitted only if it is not older than what is known
//!    ([`Entry::is_ahead_of`]): a replica that lags behind is asked once more and then outvoted. The service is believed
//!    again 60 s after the newer version was last seen, after an invalidation, in a reload, and whenever it says that there
//!    is none.
//! 3. *Two writes of this process may be answered in another order than they happened.* Which version is on top of which
//!    can be told from their ids; where it can't, because a record was deleted and made anew meanwhile, what is known is
//!    left in doubt, and the next load tells by its date.
//! 4. *Eviction removes knowledge and adds none.* moka is told of entries and decides which to drop; one that it drops is
//!    killed before it leaves the index, so that no write can miss it while it is served. Nor does the answer to what was
//!    sent before something was evicted or invalidated stand in for that ([`Cache::losses`]).
//!
//! A write of unknown fate, and one that lost a race, leave the entry in doubt: it answers no find and bases no save
//! until it is loaded again. Freshness is a matter of two clocks ([`clock`]), not of moka's.

mod bound;
mod changes;
mod clock;
mod counters;
mod entry;
mod index;
mod reads;
mod searches;
mod settings;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use crate::contract::{Locator, LookupKey, OAuthToken, TokenId, epoch_millis};
use crate::flights::Flights;
use crate::record::{Record, Version};

use bound::Bound;
use counters::{Counters, add_one};
use entry::{Entry, Known};
use index::Index;
use reads::Landing;
use searches::Searches;

pub use clock::Clock;
pub use counters::StoreStats;

pub(crate) use changes::{Asked, Change};
use clock::Moment;
pub(crate) use clock::SystemClock;
pub(crate) use reads::Demand;
pub(crate) use settings::CacheSettings;

/// See the [module documentation](self).
pub(crate) struct Cache {
    index: Arc<Index>,
    bound: Bound,
    flights: Arc<Flights<Locator, Landing>>,
    searches: Searches,
    counters: Arc<Counters>,
    clock: Arc<dyn Clock>,
    settings: CacheSettings,
    /// The latest date that the service has told, in milliseconds since 1970.
    latest_date: AtomicU64,
    invalidations: AtomicU64,
    /// How often a write has left its doubt somewhere.
    doubts: AtomicU64,
}

impl Cache {
    pub(crate) fn new(settings: CacheSettings, clock: Arc<dyn Clock>) -> Arc<Self> {
        let (index, counters) = (Arc::new(Index::new()), Arc::new(Counters::default()));
        Arc::new(Self {
            bound: Bound::new(&settings, &index, &counters),
            flights: Flights::new(),
            searches: Searches::new(&settings),
            index,
            counters,
            clock,
            settings,
            latest_date: AtomicU64::new(0),
            invalidations: AtomicU64::new(0),
            doubts: AtomicU64::new(0),
        })
    }

    pub(crate) fn settings(&self) -> &CacheSettings {
        &self.settings
    }

    pub(crate) fn stats(&self) -> StoreStats {
        self.counters.snapshot()
    }

    /// How many tokens are in memory. Not for hot paths: it does some of the bookkeeping.
    #[cfg(feature = "metrics")]
    pub(crate) fn count(&self) -> u64 {
        self.bound.count()
    }

    /// The token that a find by this key alone means, if it is known and fresh. Computes no fingerprint and takes no
    /// memory.
    pub(crate) fn get(&self, key: &LookupKey<'_>) -> Option<Arc<OAuthToken>> {
        let now = self.now();
        let (token, touched) = self.index.look(key, |entry| {
            let record = entry.record()?;
            let answers = entry.is_fresh(&now) && key.is_held_by(&record.token);
            if !answers {
                return None;
            }
            Some((entry.handle()?, entry.is_due_for_a_touch(&now).then_some(entry.locator)))
        })??;
        self.counters.hit();
        if let Some(locator) = touched {
            self.bound.touch(&locator);
        }
        Some(token)
    }

    /// What a save by this key may be based on, if that is known: `Some(None)` if there is no such record, under the key's
    /// own name and, if that `is_searched`, under any other.
    pub(crate) fn base(&self, key: &LookupKey<'_>, is_searched: bool) -> Option<Option<Record>> {
        let now = self.now();
        let by_key = self.index.look(key, |entry| {
            let record = entry.record()?;
            (entry.is_base(&now) && key.is_held_by(&record.token)).then(|| record.clone())
        });
        if let Some(record) = by_key.flatten() {
            return Some(Some(record));
        }
        let locator = key.locator();
        let entry = self.index.of(&locator).filter(|entry| entry.is_base(&now))?;
        match &entry.known {
            Known::Absent if is_searched => {
                self.searches.is_known_to_be_empty(&locator, &now).then_some(None)
            }
            Known::Absent => Some(None),
            Known::Present(_) | Known::Invalidated => None,
        }
    }

    /// Whether the record of this name is in memory, was there before `asked`, and does not hold this key.
    pub(crate) fn was_known_without(&self, locator: &Locator, key: &LookupKey<'_>, asked: &Moment) -> bool {
        let entry = self.index.of(locator).filter(|entry| entry.is_fresh(&self.now()));
        entry.is_some_and(|entry| {
            !asked.is_before(&entry.learnt())
                && entry.record().is_some_and(|record| !key.is_held_by(&record.token))
        })
    }

    /// The record itself, or a newer one of the same name if one was seen not long ago: `Some(None)` if it was seen just now
    /// that there is none any more, `None` if that was some time ago, or is not clear, so that a find would ask.
    pub(crate) fn not_older(&self, locator: &Locator, record: Record) -> Option<Option<Record>> {
        match self.index.of(locator) {
            Some(entry) if entry.is_ahead_of(Some(&record), &self.now()) => match entry.record() {
                None if !entry.is_fresh(&self.now()) => None,
                newer => Some(newer.cloned()),
            },
            _ => Some(Some(record)),
        }
    }

    /// The record of this name, if this version of it is in memory. By its date, too: after a roll-back by hand, the id of
    /// a version that the service has cleared away may be taken anew.
    pub(crate) fn of_version(&self, locator: &Locator, version: &Version) -> Option<Record> {
        version.created?;
        self.index.of(locator)?.record().filter(|record| *record.version == *version).cloned()
    }

    /// Forgets what is known of every record of this id; what the service shows next is believed.
    pub(crate) fn invalidate(&self, id: &TokenId) {
        let key = LookupKey::Id(id);
        let named = key.locator();
        add_one(&self.invalidations);
        self.forget(named);
        if !id.is_store_assigned() {
            // What is being loaded may turn out to hold this id, and nothing says so yet.
            self.flights.supersede_all();
            self.searches.forget(&[named]);
            for entry in self.index.all() {
                if entry.record().is_some_and(|record| key.is_held_by(&record.token)) {
                    self.forget(entry.locator);
                }
            }
        }
    }

    /// Forgets all that is known.
    pub(crate) fn invalidate_all(&self) {
        // First of all nothing may come in any more that was asked for before; then out with what is there.
        add_one(&self.invalidations);
        self.flights.supersede_all();
        self.searches.forget_all();
        for entry in self.index.all() {
            self.forget(entry.locator);
        }
    }

    /// A search by this key has found this record.
    pub(crate) fn resolve(&self, key: &LookupKey<'_>, locator: Locator, record: &Record) {
        let desk = self.flights.lock(locator);
        if let Some(entry) = self.index.of(&locator)
            && entry.record().is_some_and(|known| known.version == record.version)
            && !self.is_name_of_a_record(key)
        {
            self.index.add(key, &entry);
            // It may have come meanwhile, for it has another lock.
            if self.is_name_of_a_record(key) {
                self.index.take_back(key, &entry);
            }
        }
        drop(desk);
    }

    /// Whether a record is known that this key names: no search beats it.
    fn is_name_of_a_record(&self, key: &LookupKey<'_>) -> bool {
        let named = self.index.of(&key.locator());
        named.is_some_and(|entry| entry.record().is_some_and(|record| key.is_held_by(&record.token)))
    }

    /// The record that a fresh or stale entry of this id lies under, so that one request can read it again.
    pub(crate) fn locator_of(&self, id: &TokenId) -> Option<Locator> {
        let key = LookupKey::Id(id);
        self.index.look(&key, |entry| {
            let held = entry.record().is_some_and(|record| key.is_held_by(&record.token));
            held.then_some(entry.locator)
        })?
    }

    /// How often knowledge has been given up so far. While it stays the same, where nothing is known nothing was.
    pub(crate) fn losses(&self) -> u64 {
        self.invalidations.load(Ordering::Acquire) + self.bound.evicted()
    }

    pub(crate) fn now(&self) -> Moment {
        Moment::now(&*self.clock)
    }

    /// The latest time that the service's clock has told, so not later than now by it. `None` before it has told any.
    pub(crate) fn service_time(&self) -> Option<SystemTime> {
        let latest = self.latest_date.load(Ordering::Relaxed);
        (latest > 0).then(|| SystemTime::UNIX_EPOCH + Duration::from_millis(latest))
    }

    /// Takes in a date that the service has told.
    pub(crate) fn note_service_time(&self, date: Option<SystemTime>) {
        let millis = date.and_then(|date| u64::try_from(epoch_millis(date)).ok());
        self.latest_date.fetch_max(millis.unwrap_or_default(), Ordering::Relaxed);
    }

    fn forget(&self, locator: Locator) {
        let mut desk = self.flights.lock(locator);
        desk.supersede();
        let current = self.index.of(&locator);
        if current.is_some() {
            self.put_invalidated(locator, current.as_ref());
        }
    }

    /// Under the locator's lock.
    fn put_invalidated(&self, locator: Locator, current: Option<&Arc<Entry>>) {
        self.install(Entry::invalidated(locator, self.now(), &self.settings), current);
    }

    /// Under the locator's lock.
    fn install(&self, new: Entry, old: Option<&Arc<Entry>>) -> Arc<Entry> {
        let new = Arc::new(new);
        if self.settings.max_capacity > 0 {
            self.index.replace(old, &new);
            self.bound.admit(&new);
        }
        new
    }
}
