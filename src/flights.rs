//! Single flight: many that want the same thing at once have it done once, in a task of its own.
//!
//! The task costs 1.5 to 6 µs, and is worth them: what is done in the future of who asked first stands still while that one is
//! not polled, as behind the other branch of a `select!`. Then all stand still who want the same thing, or something that
//! it holds, such as the SDK's place to fetch credentials.
//!
//! A flight is *registered* under its key from its start to its landing. Whoever makes its result worthless (a write to
//! what is being read) takes it off the board; then it lands without effect on those who ask from then on, and nobody joins
//! it any more. Both happen under the key's lock, so what is done under that lock happens before or after them, never in
//! between.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldhash::quality::RandomState;
use tokio::sync::SetOnce;

/// Locks enough that different keys rarely meet at one.
const STRIPES: usize = 64;

/// The flights under way, by key.
pub(crate) struct Flights<K, T> {
    stripes: Box<[Mutex<Stripe<K, T>>]>,
    hasher: RandomState,
}

struct Stripe<K, T> {
    registered: HashMap<K, Flight<T>, RandomState>,
    /// How many flights have been started.
    started: u64,
}

/// A flight that may be waited for.
pub(crate) struct Flight<T>(Arc<Shared<T>>);

struct Shared<T> {
    number: u64,
    /// `None` if there will be none.
    outcome: SetOnce<Option<T>>,
}

impl<T> Clone for Flight<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Flight<T> {
    fn end(&self, outcome: Option<T>) {
        // By its ticket alone, so once.
        let _ = self.0.outcome.set(outcome);
    }
}

impl<T: Clone + Send + Sync> Flight<T> {
    /// Waits for it to land; `None` if it never will, because its task panicked or its runtime was shut down.
    pub(crate) async fn outcome(self) -> Option<T> {
        self.0.outcome.wait().await.clone()
    }

    /// Its place in the order of all flights of its key.
    pub(crate) fn number(&self) -> u64 {
        self.0.number
    }
}

impl<K: Clone + Eq + Hash, T: Clone> Flights<K, T> {
    pub(crate) fn new() -> Arc<Self> {
        let stripe = || Mutex::new(Stripe { registered: HashMap::default(), started: 0 });
        let stripes = std::iter::repeat_with(stripe).take(STRIPES).collect();
        Arc::new(Self { stripes, hasher: RandomState::default() })
    }

    /// Takes the lock of a key. No flight under this key starts, lands or is superseded while it is held.
    pub(crate) fn lock(self: &Arc<Self>, key: K) -> Desk<'_, K, T> {
        Desk { stripe: self.stripe_of(&key), flights: self, key }
    }

    /// Takes all flights off the board.
    pub(crate) fn supersede_all(&self) {
        for stripe in &self.stripes {
            stripe.lock().unwrap_or_else(PoisonError::into_inner).registered.clear();
        }
    }

    fn stripe_of(&self, key: &K) -> MutexGuard<'_, Stripe<K, T>> {
        let number = self.hasher.hash_one(key) % STRIPES as u64;
        self.stripes[number as usize].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The lock of one key.
pub(crate) struct Desk<'a, K, T> {
    stripe: MutexGuard<'a, Stripe<K, T>>,
    flights: &'a Arc<Flights<K, T>>,
    key: K,
}

impl<K: Clone + Eq + Hash, T: Clone> Desk<'_, K, T> {
    /// The flight that is under way, if one is.
    pub(crate) fn flight(&self) -> Option<Flight<T>> {
        self.stripe.registered.get(&self.key).cloned()
    }

    /// The number that the next flight will have, at least.
    pub(crate) fn next_number(&self) -> u64 {
        self.stripe.started + 1
    }

    /// Registers a flight in the place of any other. It is under way until the ticket is used or dropped.
    pub(crate) fn start(&mut self) -> (Ticket<K, T>, Flight<T>) {
        self.stripe.started += 1;
        let flight = Flight(Arc::new(Shared { number: self.stripe.started, outcome: SetOnce::new() }));
        self.stripe.registered.insert(self.key.clone(), flight.clone());
        let (flights, key) = (Arc::clone(self.flights), self.key.clone());
        (Ticket { flights, key, flight: flight.clone() }, flight)
    }

    fn is_registered(&self, flight: &Flight<T>) -> bool {
        self.stripe.registered.get(&self.key).is_some_and(|registered| Arc::ptr_eq(&registered.0, &flight.0))
    }

    /// Takes the flight that is under way off the board: whatever it brings is worth nothing any more.
    pub(crate) fn supersede(&mut self) {
        self.stripe.registered.remove(&self.key);
    }
}

/// The duty to land a flight. Dropped, it lets those who wait know that there will be no outcome.
pub(crate) struct Ticket<K: Clone + Eq + Hash, T: Clone> {
    flights: Arc<Flights<K, T>>,
    key: K,
    flight: Flight<T>,
}

impl<K: Clone + Eq + Hash, T: Clone> Ticket<K, T> {
    /// Looks at the board under the key's lock. `look` is told whether the flight is still registered; with an outcome
    /// from it the flight lands, without one it goes on.
    pub(crate) fn land(self, look: impl FnOnce(bool) -> Option<T>) -> Result<(), Self> {
        let mut desk = self.flights.lock(self.key.clone());
        let registered = desk.is_registered(&self.flight);
        let Some(outcome) = look(registered) else {
            drop(desk);
            return Err(self);
        };
        if registered {
            desk.supersede();
        }
        drop(desk);
        self.flight.end(Some(outcome));
        Ok(())
    }
}

impl<K: Clone + Eq + Hash, T: Clone> Drop for Ticket<K, T> {
    fn drop(&mut self) {
        if self.flight.0.outcome.initialized() {
            return;
        }
        let mut desk = self.flights.lock(self.key.clone());
        if desk.is_registered(&self.flight) {
            desk.supersede();
        }
        drop(desk);
        self.flight.end(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flights() -> Arc<Flights<&'static str, u32>> {
        Flights::new()
    }

    #[tokio::test]
    async fn all_who_join_a_flight_have_its_outcome() {
        let flights = flights();
        let (ticket, first) = flights.lock("bob").start();
        let second = flights.lock("bob").flight().expect("under way");
        assert!(flights.lock("eve").flight().is_none());
        assert!(ticket.land(|registered| registered.then_some(7)).is_ok());
        assert!(flights.lock("bob").flight().is_none());
        assert_eq!((first.outcome().await, second.outcome().await), (Some(7), Some(7)));
    }

    #[tokio::test]
    async fn a_superseded_flight_is_told_so_and_leaves_its_successor_alone() {
        let flights = flights();
        let (ticket, _) = flights.lock("bob").start();
        flights.lock("bob").supersede();
        assert!(flights.lock("bob").flight().is_none());
        let (successor, _) = flights.lock("bob").start();
        assert!(ticket.land(|registered| (!registered).then_some(1)).is_ok());
        assert!(flights.lock("bob").flight().is_some());
        assert!(successor.land(|registered| registered.then_some(2)).is_ok());

        let (ticket, _) = flights.lock("bob").start();
        flights.supersede_all();
        assert!(ticket.land(|registered| (!registered).then_some(3)).is_ok());
    }

    #[tokio::test]
    async fn a_flight_without_an_outcome_yet_goes_on() {
        let flights = flights();
        let (ticket, flight) = flights.lock("bob").start();
        let Err(ticket) = ticket.land(|_| None) else { panic!("landed without an outcome") };
        assert!(flights.lock("bob").flight().is_some());
        assert!(ticket.land(|_| Some(4)).is_ok());
        assert_eq!(flight.outcome().await, Some(4));
    }

    #[tokio::test]
    async fn a_dropped_ticket_ends_the_waiting() {
        let flights = flights();
        let (ticket, flight) = flights.lock("bob").start();
        drop(ticket);
        assert_eq!(flight.outcome().await, None);
        assert!(flights.lock("bob").flight().is_none());
    }

    #[tokio::test]
    async fn numbers_tell_what_was_started_after_a_look() {
        let flights = flights();
        let next = flights.lock("bob").next_number();
        let (_ticket, flight) = flights.lock("bob").start();
        assert!(flight.number() >= next);
        assert!(flights.lock("bob").next_number() > flight.number());
    }
}
