//! Reads of one record: from memory, or by one load for all who want it at once.

use std::future::Future;
use std::sync::Arc;

use tracing::{Instrument, debug, warn};

use crate::contract::{ErrorKind, Locator, StoreError};
use crate::flights::{Flight, Ticket};
use crate::record::Record;

use super::Cache;
use super::clock::Moment;
use super::counters::add_one;
use super::entry::{Entry, Source};
use super::settings::{SHORT, fresh_for};

/// What a read wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Demand {
    /// What is known, if it is fresh.
    Cached,
    /// A load that begins from now on.
    Current,
    /// A load that begins from now on, to be believed whatever has been seen before.
    Reload,
}

/// How a load ended, for all who wait for it.
#[derive(Clone)]
pub(super) enum Landing {
    Known {
        record: Option<Record>,
        /// When it was asked for.
        asked: Moment,
    },
    Failed(StoreError),
    /// Something was written meanwhile: look again.
    Superseded,
}

/// What a look at a record gives.
enum Look {
    Answer(Option<Record>),
    Stale(Record),
    Lead(Flight<Landing>),
    Join(Flight<Landing>),
    /// A load that began too early is under way.
    WaitInVain(Flight<Landing>),
}

impl Cache {
    /// The record of this name. `load` reads it from the service; it runs in a task of its own, so that a caller who goes
    /// away, or is not polled, harms nobody who waits for it, or for what it holds.
    pub(crate) async fn read<L, F>(
        self: &Arc<Self>,
        locator: Locator,
        demand: Demand,
        load: L,
    ) -> Result<Option<Record>, StoreError>
    where
        L: Fn() -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<Option<Record>, StoreError>> + Send + 'static,
    {
        let mut not_before = None;
        let mut is_miss = false;
        loop {
            let looked = self.now();
            let look = self.look(locator, demand, &mut not_before, &load);
            if !is_miss {
                if let Look::Answer(_) = look {
                    self.counters.hit();
                } else {
                    is_miss = true;
                    add_one(&self.counters.misses);
                }
            }
            let landing = match look {
                Look::Answer(record) => return Ok(record),
                Look::Stale(record) => return Ok(Some(self.served_stale(record))),
                Look::Lead(flight) => flight.outcome().await.ok_or_else(abandoned)?,
                Look::Join(flight) => {
                    let is_from_before = not_before.is_some_and(|first| flight.number() < first);
                    match flight.outcome().await {
                        Some(Landing::Known { record, asked })
                            if is_from_before && self.is_over(record.as_ref(), &asked, &looked) =>
                        {
                            Landing::Superseded
                        }
                        landing => landing.unwrap_or(Landing::Superseded),
                    }
                }
                Look::WaitInVain(flight) => {
                    flight.outcome().await;
                    Landing::Superseded
                }
            };
            match landing {
                Landing::Known { record, .. } => return Ok(record),
                Landing::Superseded => {}
                Landing::Failed(error) => return self.after_failure(&locator, demand, error),
            }
        }
    }

    /// Whether what was asked for then was not fresh any more when somebody joined: the process may have been frozen since.
    fn is_over(&self, record: Option<&Record>, asked: &Moment, joined: &Moment) -> bool {
        let fresh_for = match record {
            Some(record) => fresh_for(&record.token, asked, self.settings.time_to_live),
            None => self.settings.miss_time_to_live(),
        };
        joined.since(asked) >= fresh_for.max(SHORT)
    }

    /// Looks at what is known, and starts a load if one is needed. The first look puts down which loads come `not_before` it.
    fn look<L, F>(
        self: &Arc<Self>,
        locator: Locator,
        demand: Demand,
        not_before: &mut Option<u64>,
        load: &L,
    ) -> Look
    where
        L: Fn() -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<Option<Record>, StoreError>> + Send + 'static,
    {
        let now = self.now();
        let mut desk = self.flights.lock(locator);
        let not_before = *not_before.get_or_insert_with(|| desk.next_number());
        let entry = self.index.of(&locator);
        let cached = entry.as_deref().filter(|_| demand == Demand::Cached);
        if let Some(entry) = cached.filter(|entry| entry.is_fresh(&now)) {
            if entry.is_due_for_a_touch(&now) {
                self.bound.touch(&locator);
            }
            return Look::Answer(entry.record().cloned());
        }
        let stale = cached.filter(|entry| entry.is_in_outage(&now)).and_then(Entry::record);
        match (desk.flight(), stale) {
            (Some(_), Some(stale)) => return Look::Stale(stale.clone()),
            (None, Some(stale)) if !cached.is_some_and(|entry| entry.is_due_for_a_try(&now)) => {
                return Look::Stale(stale.clone());
            }
            (Some(flight), None) if demand == Demand::Cached || flight.number() >= not_before => {
                if let Some(entry) = entry.as_deref().filter(|_| demand == Demand::Reload) {
                    entry.believe_the_next(true);
                }
                return Look::Join(flight);
            }
            // A second one beside it would be one for each who asks for the current state: after it, one does for all.
            (Some(flight), None) => return Look::WaitInVain(flight),
            (None, _) => {}
        }
        let reason = match demand {
            Demand::Cached => entry.as_deref().map_or("cold", |entry| entry.reason(&now)),
            Demand::Current | Demand::Reload => "forced",
        };
        if let Some(entry) = entry.as_deref() {
            // Nor is a reload believed any more that has come to nothing.
            entry.believe_the_next(demand == Demand::Reload);
        }
        let (ticket, flight) = desk.start();
        // Before the lock is let go: what is admitted after that ends the outage.
        if let Some(entry) = cached.filter(|_| stale.is_some()) {
            entry.note_try(&now);
        }
        drop(desk);
        let load = Arc::clone(self).load(ticket, locator, reason, load.clone());
        tokio::spawn(load.in_current_span());
        match stale {
            Some(stale) => Look::Stale(stale.clone()),
            None => Look::Lead(flight),
        }
    }

    async fn load<L, F>(
        self: Arc<Self>,
        mut ticket: Ticket<Locator, Landing>,
        locator: Locator,
        reason: &'static str,
        load: L,
    ) where
        L: Fn() -> F + Send + Sync,
        F: Future<Output = Result<Option<Record>, StoreError>> + Send,
    {
        for is_repeated in [false, true] {
            debug!(record = locator.as_str(), reason, is_repeated, "loading");
            add_one(&self.counters.loads);
            let asked = self.now();
            let loaded = load().await;
            if let Err(error) = &loaded {
                add_one(&self.counters.load_failures);
                warn!(record = locator.as_str(), kind = error.kind().as_str(), "a load failed");
            }
            let admit = |is_registered| self.admit(locator, is_registered, is_repeated, loaded, asked);
            match ticket.land(admit) {
                Ok(()) => return,
                Err(again) => {
                    debug!(record = locator.as_str(), "an older version was read than one already seen");
                    ticket = again;
                }
            }
        }
    }

    /// Under the locator's lock: takes in what a load has brought; `None` if it is to be repeated.
    fn admit(
        &self,
        locator: Locator,
        is_registered: bool,
        is_repeated: bool,
        loaded: Result<Option<Record>, StoreError>,
        asked: Moment,
    ) -> Option<Landing> {
        let (current, now) = (self.index.of(&locator), self.now());
        let record = match loaded {
            Err(error) => {
                if let Some(entry) = current.filter(|_| is_registered) {
                    entry.note_failure(error.is_retryable(), &now);
                }
                return Some(if is_registered { Landing::Failed(error) } else { Landing::Superseded });
            }
            Ok(_) if !is_registered => return Some(Landing::Superseded),
            Ok(record) => record,
        };
        let known = current.as_deref().filter(|known| known.has_a_say());
        if let (Some(known), Some(record)) = (known, &record)
            && known.is_confirmed_by(record)
        {
            known.renew(asked, now, &self.settings);
            if known.is_due_for_a_touch(&now) {
                self.bound.touch(&locator);
            }
            return Some(Landing::Known { record: known.record().cloned(), asked });
        }
        let entry = match known {
            Some(known) if known.is_ahead_of(record.as_ref(), &now) => {
                add_one(&self.counters.backward_reads);
                if !is_repeated {
                    return None;
                }
                known.kept(now, &self.settings)
            }
            known => match record {
                Some(record) => {
                    Entry::present(locator, record, known, Source::Loaded, asked, now, &self.settings)
                }
                // What was seen before it is still not to come back, whoever was to be believed.
                None => Entry::missing(locator, current.as_deref(), asked, now, &self.settings),
            },
        };
        let entry = self.install(entry, current.as_ref());
        Some(Landing::Known { record: entry.record().cloned(), asked })
    }

    fn after_failure(
        &self,
        locator: &Locator,
        demand: Demand,
        error: StoreError,
    ) -> Result<Option<Record>, StoreError> {
        let known = self.index.of(locator).filter(|_| demand == Demand::Cached && error.is_retryable());
        match known.filter(|entry| entry.outlives_failures(&self.now())).as_deref().and_then(Entry::record) {
            Some(record) => Ok(Some(self.served_stale(record.clone()))),
            None => Err(error),
        }
    }

    fn served_stale(&self, record: Record) -> Record {
        add_one(&self.counters.stale_reads);
        debug!(secret = &*record.name, "served past its time to live, because the service fails");
        record
    }
}

/// The task of a load is gone.
pub(super) fn abandoned() -> StoreError {
    let message = "the read was given up, because it panicked or its runtime was shut down: try again";
    StoreError::new(ErrorKind::Unavailable, message)
}
