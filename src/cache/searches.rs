//! Searches: which records may hold a key that does not name them.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use moka::policy::EvictionPolicy;
use moka::sync::Cache as Moka;
use tracing::Instrument;

use crate::contract::{Locator, StoreError};
use crate::flights::Flights;

use super::Cache;
use super::clock::Moment;
use super::reads::abandoned;
use super::settings::{CacheSettings, SHORT};

/// What searches have found lately, by the locator of the key, and those under way. A save takes off the board and forgets
/// those for keys that its token holds or held, as it does with loads of its record.
pub(super) struct Searches {
    found: Moka<Locator, Found>,
    flights: Arc<Flights<Locator, Landing>>,
    time_to_live: Duration,
}

/// What a search has found.
#[derive(Clone)]
pub(crate) struct Found {
    /// The names of the records that may hold the key.
    pub(crate) locators: Arc<[Locator]>,
    /// When the search began.
    pub(crate) asked: Moment,
}

/// How a search ended, for all who wait for it.
#[derive(Clone)]
struct Landing {
    found: Result<Found, StoreError>,
    /// Something was written meanwhile: it is worth nothing to those who have asked since.
    is_superseded: bool,
}

impl Landing {
    /// Whether it is good for one who has joined it then: the process may have been frozen since it began.
    fn is_good(&self, joined: &Moment, time_to_live: Duration) -> bool {
        let is_over = |found: &Found| joined.since(&found.asked) >= time_to_live.max(SHORT);
        !self.is_superseded && !self.found.as_ref().is_ok_and(is_over)
    }
}

impl Searches {
    pub(super) fn new(settings: &CacheSettings) -> Self {
        let found = Moka::builder()
            .max_capacity(settings.max_capacity)
            .eviction_policy(EvictionPolicy::lru())
            .build();
        Self { found, flights: Flights::new(), time_to_live: settings.miss_time_to_live() }
    }

    fn known(&self, key: &Locator, now: &Moment) -> Option<Found> {
        let found = self.found.get(key)?;
        (now.since(&found.asked) < self.time_to_live).then_some(found)
    }

    pub(super) fn is_known_to_be_empty(&self, key: &Locator, now: &Moment) -> bool {
        self.known(key, now).is_some_and(|found| found.locators.is_empty())
    }

    pub(super) fn forget(&self, keys: &[Locator]) {
        for key in keys {
            let mut desk = self.flights.lock(*key);
            desk.supersede();
            self.found.invalidate(key);
        }
    }

    /// A record of this name holds these keys: what has been found of them without it is forgotten.
    pub(super) fn forget_without(&self, locator: &Locator, keys: &[Locator]) {
        for key in keys {
            let mut desk = self.flights.lock(*key);
            desk.supersede();
            if self.found.get(key).is_some_and(|found| !found.locators.contains(locator)) {
                self.found.invalidate(key);
            }
        }
    }

    pub(super) fn forget_all(&self) {
        self.flights.supersede_all();
        for (key, _) in &self.found {
            self.found.invalidate(&*key);
        }
    }
}

impl Cache {
    /// The records that may hold this key: as `list` finds them, or has found them a moment ago.
    pub(crate) async fn search<L, F>(self: &Arc<Self>, key: Locator, list: L) -> Result<Found, StoreError>
    where
        L: Fn() -> F,
        F: Future<Output = Result<Vec<Locator>, StoreError>> + Send + 'static,
    {
        let mut not_before = None;
        loop {
            let looked = self.now();
            let (flight, is_mine, not_before) = {
                let mut desk = self.searches.flights.lock(key);
                let not_before = *not_before.get_or_insert_with(|| desk.next_number());
                if let Some(found) = self.searches.known(&key, &self.now()) {
                    return Ok(found);
                }
                match desk.flight() {
                    Some(flight) => (flight, false, not_before),
                    None => {
                        let (ticket, flight) = desk.start();
                        // Where the runtime is shut down, to spawn is to drop, which takes the lock again.
                        drop(desk);
                        let (cache, asked, listing) = (Arc::clone(self), self.now(), list());
                        let search = async move {
                            let found = listing.await;
                            let land = |is_registered| Some(cache.found(key, is_registered, found, asked));
                            // It always lands: there is nothing to repeat.
                            drop(ticket.land(land));
                        };
                        tokio::spawn(search.in_current_span());
                        (flight, true, not_before)
                    }
                }
            };
            // One that began after this was asked tells what was there then, whatever has come since.
            let is_good_anyhow = flight.number() >= not_before;
            match flight.outcome().await {
                Some(landing) if is_good_anyhow || landing.is_good(&looked, self.searches.time_to_live) => {
                    return landing.found;
                }
                Some(_) => {}
                None if is_mine => return Err(abandoned()),
                None => {}
            }
        }
    }

    /// Under the key's lock.
    fn found(
        &self,
        key: Locator,
        is_registered: bool,
        found: Result<Vec<Locator>, StoreError>,
        asked: Moment,
    ) -> Landing {
        let found = found.map(|locators| Found { locators: locators.into(), asked });
        if let (Ok(found), true) = (&found, is_registered) {
            self.searches.found.insert(key, found.clone());
        }
        Landing { found, is_superseded: !is_registered }
    }
}
