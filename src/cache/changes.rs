//! What this process has changed itself, and what that leaves to be known.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::SystemTime;

use crate::contract::{Locator, LookupKey, OAuthToken};
use crate::record::Record;

use super::Cache;
use super::clock::Moment;
use super::counters::add_one;
use super::entry::{Entry, Known, Source};

/// A write or deletion by this process, from before it is sent until its outcome is known. Dropped without one, it leaves
/// what is known in doubt.
pub(crate) struct Change<'a> {
    cache: &'a Cache,
    locator: Locator,
    /// What was known when it was sent. If that is something else in the end, this was not all that happened meanwhile.
    before: Option<Arc<Entry>>,
    /// How often that had been put in doubt by then: doubt that has come since is another write's.
    doubts: u32,
    sent: Moment,
    /// [`Cache::service_time`] when it was sent.
    sent_by_service: Option<SystemTime>,
    /// [`Cache::losses`] when it was sent.
    losses: u64,
    is_of_earlier_write: bool,
    is_settled: bool,
}

impl<'a> Change<'a> {
    pub(crate) fn begin(cache: &'a Cache, locator: Locator) -> Self {
        let losses = cache.losses();
        let before = cache.index.of(&locator);
        Self {
            cache,
            locator,
            doubts: before.as_ref().map_or(0, |entry| entry.doubts()),
            before,
            sent: cache.now(),
            sent_by_service: cache.service_time(),
            losses,
            is_of_earlier_write: false,
            is_settled: false,
        }
    }

    /// A write that may have landed long ago: what is known by now may be what has come after it.
    pub(crate) fn of_earlier_write(cache: &'a Cache, locator: Locator) -> Self {
        let mut change = Self::begin(cache, locator);
        change.is_of_earlier_write = true;
        change
    }

    pub(crate) fn locator(&self) -> Locator {
        self.locator
    }

    /// Nothing has happened.
    pub(crate) fn undone(mut self) {
        self.is_settled = true;
    }

    /// Another write was first: nothing has happened, but what is known is not the newest.
    pub(crate) fn lost(mut self) {
        self.is_settled = true;
        self.cache.give_up(self.locator, Entry::outdate);
    }

    /// The write has landed. From now on no find shows what was there before.
    pub(crate) fn saved(mut self, record: Record) {
        self.is_settled = true;
        let (cache, locator) = (self.cache, self.locator);
        let mut desk = cache.flights.lock(locator);
        desk.supersede();
        let current = cache.index.of(&locator);
        let left = match self.left_by(&record, current.as_ref()) {
            Left::Known if self.is_of_earlier_write => Left::InDoubt,
            left => left,
        };
        let keys = search_keys(&record.token, current.as_deref());
        if !matches!(left, Left::Known | Left::Overtaken) {
            add_one(&cache.doubts);
        }
        match left {
            Left::Overtaken => {}
            // What is known stays, so that nothing older comes back.
            Left::Nothing => current.iter().for_each(|entry| entry.disown()),
            Left::Deletion(entry) => {
                let (sent, now) = (self.sent, cache.now());
                let undecided =
                    Entry::saved_or_deleted(locator, &entry, record.version, sent, now, &cache.settings);
                cache.install(undecided, Some(&entry));
            }
            Left::Known | Left::InDoubt => {
                let (before, source) = (current.as_deref(), Source::Written);
                let (sent, now) = (self.sent, cache.now());
                let entry = Entry::present(locator, record, before, source, sent, now, &cache.settings);
                if matches!(left, Left::InDoubt) {
                    // Before anybody can see it.
                    entry.disown();
                }
                let entry = cache.install(entry, current.as_ref());
                cache.index.disambiguate(&entry);
            }
        }
        drop(desk);
        cache.searches.forget(&keys);
    }

    /// What a save that has landed leaves to be known.
    fn left_by(&self, record: &Record, current: Option<&Arc<Entry>>) -> Left {
        let Some(entry) = current.filter(|entry| !entry.is_invalidated()) else {
            // What was known after it may have been forgotten meanwhile, or is to be.
            let has_come_in_doubt = current.is_some_and(|entry| self.has_come_in_doubt(entry));
            let is_clear = self.has_lost_nothing() && !has_come_in_doubt;
            return if is_clear { Left::Known } else { Left::InDoubt };
        };
        match &entry.known {
            Known::Present(other) if other.version.arn == record.version.arn => {
                if record.version.is_older_than(&other.version) {
                    // After a roll-back by hand, slots that the service has cleared away are taken anew. What was known
                    // before the write was sent cannot have overtaken it.
                    if self.is_undisturbed(entry) && !self.is_of_earlier_write {
                        Left::InDoubt
                    } else {
                        Left::Overtaken
                    }
                } else if other.version.id == record.version.id
                    || other.version.is_older_than(&record.version)
                {
                    // It may have been loaded before this was answered, and a write may have come after both.
                    if self.has_come_in_doubt(entry) { Left::InDoubt } else { Left::Known }
                } else {
                    Left::InDoubt
                }
            }
            // Another secret of this name that was there when the write was sent is gone by now; beside another write that
            // has left its doubt here, this one may have been gone first.
            Known::Present(_) | Known::Absent if self.is_undisturbed(entry) => {
                if self.has_come_in_doubt(entry) { Left::InDoubt } else { Left::Known }
            }
            // Only of what was loaded the date is exact.
            Known::Present(other)
                if entry.source == Source::Loaded && other.version.is_older_than(&record.version) =>
            {
                if self.has_come_in_doubt(entry) { Left::InDoubt } else { Left::Known }
            }
            // Which of the two secrets came first, the next load tells by their dates.
            Known::Present(_) => Left::Nothing,
            Known::Absent if entry.source == Source::Written => Left::Deletion(Arc::clone(entry)),
            Known::Absent if entry.has_seen_newer(&record.version) => Left::Nothing,
            Known::Absent | Known::Invalidated => Left::InDoubt,
        }
    }

    /// The deletion of whatever has this name, or of the secret of this ARN alone, has happened. From now on no find shows
    /// what was there before. `at` is a time by the service's clock, if one is known, from before which nothing is there any
    /// more: that of the deletion; of one secret alone, when that was there.
    pub(crate) fn deleted(mut self, arn: Option<&str>, at: Option<SystemTime>) {
        self.is_settled = true;
        let (cache, locator) = (self.cache, self.locator);
        let told = at;
        let at = at.or_else(|| self.sent_by_service.filter(|_| arn.is_none()));
        cache.note_service_time(at);
        let mut desk = cache.flights.lock(locator);
        desk.supersede();
        let current = cache.index.of(&locator);
        let arn_of = |entry: Option<&Arc<Entry>>| {
            entry.and_then(|entry| entry.record()).map(|record| record.version.arn.clone())
        };
        let is_meant = |record: &Record| arn.is_none_or(|arn| arn == record.version.arn);
        let is_gone = match current.as_ref().map(|entry| (entry, entry.record())) {
            // There may be another secret of the name, and a deletion of one that is not there succeeds.
            None | Some((_, None)) if arn.is_some() => false,
            // What was saved meanwhile may have been forgotten again.
            None => self.has_lost_nothing(),
            // A save has landed there, or may have, before this deletion or after: beside a known login another one.
            Some((entry, _)) if self.has_come_in_doubt(entry) => false,
            Some((entry, None)) => !entry.is_invalidated() || self.has_lost_nothing(),
            // What is known is another secret of the name: it is in doubt, and the one that was deleted does not come back.
            Some((_, Some(record))) if !is_meant(record) => false,
            Some(_) if arn.is_some() || arn_of(current.as_ref()) == arn_of(self.before.as_ref()) => true,
            // Loaded while the deletion was under way, or saved by somebody else in this process.
            Some((entry, Some(record))) => {
                entry.source == Source::Loaded && at.is_some_and(|at| record.version.is_from_before(at))
            }
        };
        let is_newer = |entry: &&Arc<Entry>| {
            let created = entry.record().and_then(|record| record.version.created);
            arn.is_none()
                && entry.source == Source::Loaded
                && created.zip(told).is_some_and(|(it, at)| it > at)
        };
        let now = cache.now();
        if is_gone {
            let entry = Entry::deleted(locator, current.as_deref(), at, self.sent, now, &cache.settings);
            cache.install(entry, current.as_ref());
        } else if current.as_ref().filter(is_newer).is_none() {
            // What is known may have been made before the deletion or after: the next load tells by its date.
            add_one(&cache.doubts);
            let entry =
                Entry::perhaps_deleted(locator, current.as_deref(), arn, at, self.sent, now, &cache.settings);
            cache.install(entry, current.as_ref());
        }
        drop(desk);
    }

    /// Whether no knowledge has been given up since it was sent.
    fn has_lost_nothing(&self) -> bool {
        self.losses == self.cache.losses()
    }

    /// Whether another write has left its doubt there since this one was sent.
    fn has_come_in_doubt(&self, current: &Arc<Entry>) -> bool {
        let is_as_before = self.before.as_ref().is_some_and(|before| Arc::ptr_eq(before, current))
            && current.doubts() == self.doubts;
        current.is_in_doubt() && !is_as_before
    }

    /// Whether nothing new was learnt meanwhile.
    fn is_undisturbed(&self, current: &Arc<Entry>) -> bool {
        let version = |entry: &Entry| entry.record().map(|record| record.version.clone());
        self.before.as_ref().is_some_and(|before| {
            Arc::ptr_eq(before, current) || (version(before).is_some() && version(before) == version(current))
        })
    }
}

impl Drop for Change<'_> {
    fn drop(&mut self) {
        if !self.is_settled {
            self.cache.give_up(self.locator, Entry::doubt);
        }
    }
}

/// When a save has asked for the record that it is to write over.
#[derive(Clone, Copy)]
pub(crate) struct Asked {
    at: Moment,
    /// [`Cache::losses`] at that time.
    losses: u64,
    /// How often a write had left its doubt somewhere by then.
    doubts: u64,
}

impl Cache {
    pub(crate) fn asking(&self) -> Asked {
        Asked { at: self.now(), losses: self.losses(), doubts: self.doubts.load(Ordering::Acquire) }
    }

    /// A write of this process has landed, some time ago: nothing is answered from what is known until it is loaded again.
    pub(crate) fn disown(&self, locator: Locator) {
        self.give_up(locator, Entry::disown);
    }

    fn give_up(&self, locator: Locator, how: fn(&Entry)) {
        let mut desk = self.flights.lock(locator);
        desk.supersede();
        if let Some(entry) = self.index.of(&locator) {
            add_one(&self.doubts);
            how(&entry);
        }
    }

    /// A save of this process has found, in a read of its own, that there is nothing to write.
    pub(crate) fn observed(&self, locator: Locator, record: &Record, asked: &Asked) {
        self.note_service_time(record.version.created);
        let mut desk = self.flights.lock(locator);
        let current = self.index.of(&locator);
        if let Some(known) = current.as_deref().filter(|known| known.is_confirmed_by(record)) {
            // Nothing is learnt, so what others are loading goes on.
            known.renew(asked.at, self.now(), &self.settings);
        } else {
            // What was asked for before may be a miss, which is believed whatever is known.
            desk.supersede();
            if let Some(left) = self.left_by_reading(record, current.as_deref(), asked) {
                let (record, before) = (record.clone(), current.as_deref());
                let (source, now) = (Source::Loaded, self.now());
                let entry = Entry::present(locator, record, before, source, asked.at, now, &self.settings);
                if matches!(left, Left::InDoubt) {
                    add_one(&self.doubts);
                    // Before anybody can see it.
                    entry.disown();
                }
                self.install(entry, current.as_ref());
            }
        }
        drop(desk);
        self.searches.forget_without(&locator, &search_keys(&record.token, None));
    }

    /// What a record leaves to be known that a save has read; `None` if what is known stays as it is.
    fn left_by_reading(&self, record: &Record, current: Option<&Entry>, asked: &Asked) -> Option<Left> {
        let Some(entry) = current.filter(|entry| !entry.is_invalidated()) else {
            // Else it was asked for before what was known was to be forgotten.
            return (self.losses() == asked.losses).then_some(Left::Known);
        };
        if entry.is_ahead_of(Some(record), &self.now()) {
            return None;
        }
        // A write may have come since it was asked for: the next load tells.
        let has_come_in_doubt = entry.is_in_doubt() && self.doubts.load(Ordering::Acquire) != asked.doubts;
        let is_clear = match &entry.known {
            Known::Present(known) if known.version.id == record.version.id => {
                return (!has_come_in_doubt).then_some(Left::Known);
            }
            Known::Present(known) if known.version.is_older_than(&record.version) => true,
            Known::Present(_) => {
                add_one(&self.doubts);
                entry.disown();
                return None;
            }
            // It was deleted since it was asked for, or made anew.
            Known::Absent | Known::Invalidated => entry.learnt().is_before(&asked.at),
        };
        Some(if is_clear && !has_come_in_doubt { Left::Known } else { Left::InDoubt })
    }
}

/// What a landed save leaves to be known.
enum Left {
    Known,
    /// It is there, but whether it is the newest cannot be told.
    InDoubt,
    /// A newer version has been seen.
    Overtaken,
    /// It may have been replaced since, or what is known is from before it.
    Nothing,
    /// A deletion of this process may have come before it or after.
    Deletion(Arc<Entry>),
}

/// The keys whose searches a save may have changed: what the token holds now and what it held.
fn search_keys(token: &OAuthToken, before: Option<&Entry>) -> Vec<Locator> {
    let before = before.and_then(Entry::record).map(|record| &*record.token);
    let tokens = [Some(token), before].into_iter().flatten();
    tokens.flat_map(LookupKey::all_of).filter(LookupKey::is_searchable).map(|key| key.locator()).collect()
}
