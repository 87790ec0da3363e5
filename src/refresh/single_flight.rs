//! One refresh per record at a time: who leads, who joins, and what the latter do with what they get.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use tracing::Instrument;

use crate::contract::{Locator, OAuthToken};
use crate::flights::{Flight, Flights, Ticket};

use super::RefreshError;
use super::counters::Counters;
use super::decision::Reason;
use super::flight::{Exchange, Refresh, erased};
use super::outcome::Outcome;
use super::records::Records;
use super::unsaved::Unsaved;

/// The refreshes under way in this process. A clone is a handle to the same ones.
#[derive(Clone)]
pub(crate) struct Refreshes {
    flights: Arc<Flights<Locator, Outcome>>,
    counters: Arc<Counters>,
    unsaved: Arc<Unsaved>,
}

enum Place {
    Lead(Ticket<Locator, Outcome>, Flight<Outcome>),
    Join(Flight<Outcome>),
}

impl Refreshes {
    pub(crate) fn new() -> Self {
        Self { flights: Flights::new(), counters: Arc::default(), unsaved: Arc::default() }
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The token that `partial` stands for, fresh for `leeway`, by an exchange if need be.
    pub(crate) async fn refresh<R, F, Fut, E>(
        &self,
        records: &R,
        partial: &OAuthToken,
        leeway: Duration,
        exchange: F,
    ) -> Result<Option<Arc<OAuthToken>>, RefreshError>
    where
        R: Records,
        F: FnOnce(Arc<OAuthToken>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<OAuthToken, E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let Some(found) = records.find(partial).await? else {
            return Ok(None);
        };
        match Reason::to_refresh(&found.record.token, records.now(), leeway) {
            None => Ok(Some(found.record.token)),
            Some(reason) => {
                let refresh = Refresh {
                    records: records.clone(),
                    counters: Arc::clone(&self.counters),
                    unsaved: Arc::clone(&self.unsaved),
                    found,
                    reason,
                    leeway,
                };
                self.lead_or_join(refresh, erased(exchange)).await
            }
        }
    }

    /// Joins the flights that are under way until one of them answers, or makes one.
    async fn lead_or_join<R: Records>(
        &self,
        refresh: Refresh<R>,
        exchange: Exchange,
    ) -> Result<Option<Arc<OAuthToken>>, RefreshError> {
        loop {
            match self.place(refresh.found.locator) {
                Place::Join(flight) => {
                    let outcome = flight.outcome().await;
                    let refreshed = outcome
                        .and_then(|it| it.for_who_joined(&refresh.records, &refresh.found, refresh.leeway));
                    // Else it is of no use to us, or abandoned. Whoever led it has had its answer and does not come back.
                    if let Some(refreshed) = refreshed {
                        return refreshed;
                    }
                }
                Place::Lead(ticket, flight) => {
                    let name = refresh.found.record.name.clone();
                    let task = async move {
                        let outcome = refresh.run(exchange).await;
                        // It cannot be refused: a refresh lands whatever else has happened to the record.
                        let _ = ticket.land(|_| Some(outcome));
                    };
                    tokio::spawn(task.in_current_span());
                    return match flight.outcome().await {
                        Some(outcome) => outcome.for_who_led(),
                        None => Err(RefreshError::abandoned(&name)),
                    };
                }
            }
        }
    }

    fn place(&self, locator: Locator) -> Place {
        let mut desk = self.flights.lock(locator);
        match desk.flight() {
            Some(flight) => Place::Join(flight),
            None => {
                let (ticket, flight) = desk.start();
                Place::Lead(ticket, flight)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, PoisonError};
    use std::time::SystemTime;

    use tokio::time::timeout;

    use super::*;
    use crate::contract::{ErrorKind, LocatorKind, StoreError};
    use crate::record::{Record, Version};
    use crate::refresh::Stored;

    /// One record, which is whoever's it is asked for.
    #[derive(Clone)]
    struct OneRecord(Arc<Mutex<Arc<OAuthToken>>>);

    impl OneRecord {
        fn new() -> Self {
            let token = OAuthToken::builder().user_name("bob").refresh_token("r").build();
            let record = token.and_then(|token| token.new_record()).expect("a record");
            Self(Arc::new(Mutex::new(Arc::new(record))))
        }

        fn stored(&self) -> Stored {
            let token = Arc::clone(&*self.0.lock().unwrap_or_else(PoisonError::into_inner));
            let locator = Locator::new(LocatorKind::User, &["bob"]);
            let version = Version { arn: "arn:x".to_owned(), id: "1".to_owned(), created: None };
            Stored { locator, record: Record { name: "app/x".into(), version: Arc::new(version), token } }
        }
    }

    impl Records for OneRecord {
        fn now(&self) -> SystemTime {
            SystemTime::now()
        }

        async fn find(&self, _: &OAuthToken) -> Result<Option<Stored>, StoreError> {
            Ok(Some(self.stored()))
        }

        fn known(&self, _: &Locator) -> Option<Arc<OAuthToken>> {
            None
        }

        async fn re_read(&self, _: &Locator) -> Result<Option<Stored>, StoreError> {
            Ok(Some(self.stored()))
        }

        async fn save(&self, token: &OAuthToken, _: &Stored) -> Result<Stored, StoreError> {
            if token.extra("refuse").is_some() {
                return Err(ErrorKind::AccessDenied.into());
            }
            let stored = Arc::new(token.clone().into_found(None));
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = stored;
            Ok(self.stored())
        }

        async fn save_over(&self, token: &OAuthToken, over: &Stored) -> Result<Option<Stored>, StoreError> {
            self.save(token, over).await.map(Some)
        }

        fn not_older(&self, stored: Stored) -> Option<Option<Arc<OAuthToken>>> {
            Some(Some(stored.record.token))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn exchanges_and_those_that_gave_no_token_are_counted() {
        let (refreshes, records) = (Refreshes::new(), OneRecord::new());
        let anybody = OAuthToken::builder().build().expect("valid");
        // Whether it succeeds, and the counts after it.
        let refresh = async |exchange: fn(Arc<OAuthToken>) -> Result<OAuthToken, StoreError>| {
            let exchange = move |current| async move { exchange(current) };
            let refresh = refreshes.refresh(&records, &anybody, Duration::ZERO, exchange);
            let refreshed = timeout(Duration::from_secs(1), refresh).await.expect("nothing hangs");
            let counters = refreshes.counters();
            (refreshed.is_ok(), counters.exchanges(), counters.failed_exchanges())
        };
        assert_eq!(refresh(|_| Err(ErrorKind::Invalid.into())).await, (false, 1, 1));
        assert_eq!(refresh(|_| panic!("an exchange panics")).await, (false, 2, 2));
        // It is the save that fails.
        let refused =
            |current: Arc<OAuthToken>| current.to_builder().access_token("a").extra("refuse", "1").build();
        assert_eq!(refresh(refused).await, (false, 3, 2));
        // What could not be saved is saved before another exchange is made.
        assert_eq!(refresh(|_| panic!("not exchanged")).await, (false, 3, 2));
    }

    /// A record that another refresh has saved since it was found.
    #[derive(Clone)]
    struct SavedSince(OneRecord);

    impl Records for SavedSince {
        fn now(&self) -> SystemTime {
            SystemTime::now()
        }

        async fn find(&self, _: &OAuthToken) -> Result<Option<Stored>, StoreError> {
            Ok(Some(self.0.stored()))
        }

        fn known(&self, _: &Locator) -> Option<Arc<OAuthToken>> {
            let token = self.0.stored().record.token.to_builder().access_token("a").build();
            Some(Arc::new(token.expect("valid")))
        }

        async fn re_read(&self, _: &Locator) -> Result<Option<Stored>, StoreError> {
            panic!("it is in memory")
        }

        async fn save(&self, _: &OAuthToken, _: &Stored) -> Result<Stored, StoreError> {
            panic!("there is nothing to save")
        }

        async fn save_over(&self, _: &OAuthToken, _: &Stored) -> Result<Option<Stored>, StoreError> {
            panic!("there is nothing to save")
        }

        fn not_older(&self, _: Stored) -> Option<Option<Arc<OAuthToken>>> {
            panic!("nothing is exchanged")
        }
    }

    #[tokio::test]
    async fn who_comes_too_late_to_join_needs_no_request_for_what_is_in_memory() {
        let anybody = OAuthToken::builder().build().expect("valid");
        let unwanted = |_| async { panic!("it is fresh") as Result<OAuthToken, StoreError> };
        let records = SavedSince(OneRecord::new());
        let refreshed = Refreshes::new().refresh(&records, &anybody, Duration::ZERO, unwanted).await;
        assert!(refreshed.is_ok_and(|token| token.is_some_and(|token| token.access_token().is_some())));
    }
}
