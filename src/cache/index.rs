//! From what is asked for to the entry that answers it, without a fingerprint and without a lock for readers.
//!
//! The keys are hashes, so that no user and no token stands in the index; what is found counts only if its token holds
//! what was asked for. An entry stands under its locator for as long as it is alive: whoever replaces it finds and kills
//! it there, and with it every other key that leads to it.

use std::hash::{BuildHasher, BuildHasherDefault, Hasher};
use std::sync::Arc;

use foldhash::quality::RandomState;
use scc::HashIndex;
use scc::hash_index::Entry as Place;

use crate::contract::{Locator, LocatorKind, LookupKey};

use super::entry::Entry;

/// Entries by the hash of each key that leads to them.
pub(super) struct Index {
    entries: HashIndex<u64, Arc<Entry>, BuildHasherDefault<AlreadyHashed>>,
    hasher: RandomState,
}

impl Index {
    pub(super) fn new() -> Self {
        Self { entries: HashIndex::default(), hasher: RandomState::default() }
    }

    /// Shows the entry that this key leads to. What it holds is for the caller to check.
    pub(super) fn look<T>(&self, key: &LookupKey<'_>, look: impl FnOnce(&Arc<Entry>) -> T) -> Option<T> {
        self.entries.peek_with(&self.hash(key), |_, entry| look(entry))
    }

    /// The living entry of a locator.
    pub(super) fn of(&self, locator: &Locator) -> Option<Arc<Entry>> {
        let entry = self.entries.peek_with(&self.hash_of(locator), |_, entry| Arc::clone(entry))?;
        (entry.locator == *locator && entry.is_alive()).then_some(entry)
    }

    /// One entry of each name; one that is dead is being replaced at this moment.
    pub(super) fn all(&self) -> Vec<Arc<Entry>> {
        let mut all = Vec::new();
        self.entries.iter_sync(|hash, entry| {
            // Under its locator each has one place.
            if *hash == self.hash_of(&entry.locator) {
                all.push(Arc::clone(entry));
            }
            true
        });
        all
    }

    /// Puts an entry in the place of `old`, which is dead from then on, under every key that leads to exactly this name:
    /// its locator, its user if the name is that user's, and any other key that it is named by. Keys of a search that
    /// led to `old` lead to the new entry, if it still holds what they stand for.
    pub(super) fn replace(&self, old: Option<&Arc<Entry>>, new: &Arc<Entry>) {
        if let Some(old) = old {
            old.kill();
        }
        self.put(self.hash_of(&new.locator), new);
        if let Some(record) = new.record() {
            for key in LookupKey::all_of(&record.token) {
                let hash = self.hash(&key);
                let leads_to_old = || old.is_some_and(|old| self.leads_to(hash, old));
                if leads_to_old() || names(&key, &new.locator) {
                    self.put(hash, new);
                }
            }
        }
        if let Some(old) = old {
            self.forget(old);
        }
    }

    /// Lets a key that a search has led to this entry lead there at once.
    pub(super) fn add(&self, key: &LookupKey<'_>, entry: &Arc<Entry>) {
        let hash = self.hash(key);
        self.put(hash, entry);
        // Evicted meanwhile: nobody would ever take the key away again.
        if !entry.is_alive() {
            self.remove(hash, entry);
        }
    }

    /// Takes a key away again, if it still leads to this entry.
    pub(super) fn take_back(&self, key: &LookupKey<'_>, entry: &Arc<Entry>) {
        self.remove(self.hash(key), entry);
    }

    /// Takes away every key by which a search has found another entry than `entry`: which of them is meant may have changed.
    pub(super) fn disambiguate(&self, entry: &Arc<Entry>) {
        let Some(record) = entry.record() else { return };
        for key in LookupKey::all_of(&record.token) {
            self.entries.remove_if_sync(&self.hash(&key), |found| !Arc::ptr_eq(found, entry));
        }
    }

    /// Takes an entry out, under all keys that lead to it.
    pub(super) fn forget(&self, entry: &Arc<Entry>) {
        self.remove(self.hash_of(&entry.locator), entry);
        if let Some(record) = entry.record() {
            for key in LookupKey::all_of(&record.token) {
                self.remove(self.hash(&key), entry);
            }
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    fn put(&self, hash: u64, entry: &Arc<Entry>) {
        match self.entries.entry_sync(hash) {
            Place::Occupied(mut place) => {
                let displaced = place.get();
                // Two locators of one hash: the other one could not be found any more to be killed.
                if displaced.locator != entry.locator && self.hash_of(&displaced.locator) == hash {
                    displaced.kill();
                }
                place.update(Arc::clone(entry));
            }
            Place::Vacant(place) => drop(place.insert_entry(Arc::clone(entry))),
        }
    }

    fn remove(&self, hash: u64, entry: &Arc<Entry>) {
        self.entries.remove_if_sync(&hash, |found| Arc::ptr_eq(found, entry));
    }

    fn leads_to(&self, hash: u64, entry: &Arc<Entry>) -> bool {
        self.entries.peek_with(&hash, |_, found| Arc::ptr_eq(found, entry)).unwrap_or_default()
    }

    fn hash(&self, key: &LookupKey<'_>) -> u64 {
        let (first, second) = match *key {
            LookupKey::Id(id) => (id.as_str(), ""),
            LookupKey::User(user) => (user, ""),
            LookupKey::Grant { client_id, grant_token } => (client_id, grant_token),
            LookupKey::Refresh { client_id, refresh_token } => (client_id, refresh_token),
            LookupKey::Access(access_token) => (access_token, ""),
        };
        self.hash_of_parts(key.kind(), first.as_bytes(), second.as_bytes())
    }

    /// The hash of the id that the store assigned.
    fn hash_of(&self, locator: &Locator) -> u64 {
        self.hash_of_parts(LocatorKind::OwnId, locator.as_bytes(), b"")
    }

    /// Fed in as few pieces as possible: for short keys each piece costs as much as the hashing. The first one tells where
    /// the next two part.
    fn hash_of_parts(&self, kind: LocatorKind, first: &[u8], second: &[u8]) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write_u64((first.len() as u64) << 8 | kind as u64);
        hasher.write(first);
        if !second.is_empty() {
            hasher.write(second);
        }
        hasher.finish()
    }
}

/// Whether a lookup by this key goes to the record of this name first of all.
fn names(key: &LookupKey<'_>, locator: &Locator) -> bool {
    // A fingerprint of another kind cannot be it, and need not be computed.
    locator.is_of(key.kind()) && key.locator() == *locator
}

/// The keys are hashes already.
#[derive(Default)]
struct AlreadyHashed(u64);

impl Hasher for AlreadyHashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        debug_assert!(false, "only hashes are keys");
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}
