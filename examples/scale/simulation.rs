//! The simulation: from event to event in virtual time, with the requests that the stores would send.
//!
//! What a store does while reads are throttled for long, serving what it knows past its time to live, is left out, and so
//! is the SDK's retry budget: far beyond the quotas the figures are a rough guide.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use oauth_token_store::embedded::{Operation, Quotas};

use crate::arrivals::{Arrival, Arrivals, below, unit};
use crate::dice::Dice;
use crate::memory::{Memory, Pair};
use crate::scenario::{Millis, SECOND, Scenario};
use crate::service::{OPERATIONS, Service, Stored, Tally};

/// How long a save may take, and how long it goes on for its tags.
const WRITE_DEADLINE: Millis = 10 * SECOND;
const TAGGING: Millis = 3 * SECOND;

/// The SDK's attempts, and the ceiling of its first pause.
const ATTEMPTS: u32 = 3;
const FIRST_PAUSE: Millis = 100;

/// Bulk work sends a request every so often, at most, and tries it so often.
const BULK_PACE: Millis = 20;
const BULK_TRIES: u32 = 6;
const BULK_PAUSE: Millis = 500;

/// What came of it, over the time that counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    /// Requests for a token.
    pub(crate) finds: u64,
    /// Those that began without a request to Secrets Manager.
    pub(crate) hits: u64,
    pub(crate) exchanges: u64,
    /// Saves that came second and were merged over the first.
    pub(crate) collisions: u64,
    /// Who got an error, because of throttling.
    pub(crate) failures: u64,
    /// In the order of [`OPERATIONS`].
    pub(crate) requests: [Tally; OPERATIONS.len()],
}

/// How long before a token's expiry the simulation begins: anything up to its whole life.
pub(crate) fn first_expiries(scenario: &Scenario) -> impl Iterator<Item = Millis> {
    let mut dice = Dice(scenario.seed.wrapping_add(1 << 32));
    let life = scenario.refresh_every * SECOND;
    (0..scenario.tokens).map(move |_| dice.below(life))
}

/// Simulates a scenario from a cold start.
pub(crate) fn simulate(scenario: &Scenario, quotas: Quotas) -> Outcome {
    Simulation::new(scenario, quotas).run()
}

/// What happens at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// A request gets to the service, which answers at once: the whole latency lies before it.
    Reaches(Request),
    /// The OAuth server has answered.
    Exchanged { pair: Pair, version: u32 },
    /// An operator wants all tokens.
    GetTokens,
    /// One of the requests for that.
    Bulk { operation: Operation, attempt: u32 },
}

/// A request of one instance about one user's token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Request {
    pair: Pair,
    purpose: Purpose,
    /// When it was sent for the first time.
    since: Millis,
    attempt: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Purpose {
    Find,
    /// Before an exchange: another instance may have made one.
    ReRead,
    /// What a save is to be based on is not in memory.
    Base(Save),
    Put(Save, u32),
    /// The slot after the base was taken.
    AfterRefusal(Save),
    Tag(Save),
}

/// What an exchange gave, on its way into the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Save {
    /// The version that was exchanged.
    exchanged: u32,
    expiry: Millis,
    refusals: u32,
    /// An earlier refresh could not save it.
    is_left_over: bool,
}

struct Simulation<'a> {
    scenario: &'a Scenario,
    service: Service,
    memory: Memory,
    /// What is to come, by time, and at the same time in the order in which it was caused.
    queue: BinaryHeap<Reverse<(Millis, u64, Event)>>,
    caused: u64,
    dice: Dice,
    outcome: Outcome,
}

impl<'a> Simulation<'a> {
    fn new(scenario: &'a Scenario, quotas: Quotas) -> Self {
        Self {
            scenario,
            service: Service::new(scenario, quotas, first_expiries(scenario)),
            memory: Memory::new(scenario),
            queue: BinaryHeap::new(),
            caused: 0,
            dice: Dice(scenario.seed ^ 1 << 63),
            outcome: Outcome::default(),
        }
    }

    fn run(mut self) -> Outcome {
        if self.scenario.list_every > 0 {
            self.after(0, self.scenario.list_every * SECOND, Event::GetTokens);
        }
        for arrival in Arrivals::new(self.scenario) {
            self.advance(arrival.at);
            self.arrive(arrival);
        }
        self.advance(Millis::MAX);
        Outcome { requests: self.service.tallies(), ..self.outcome }
    }

    /// Lets everything happen that is due before `until`.
    fn advance(&mut self, until: Millis) {
        while let Some(Reverse((at, _, event))) = self.queue.peek().copied()
            && at <= until
        {
            self.queue.pop();
            match event {
                Event::Reaches(request) => self.reach(request, at),
                Event::Exchanged { pair, version } => {
                    let expiry = at + self.scenario.refresh_every * SECOND;
                    self.save(
                        pair,
                        Save { exchanged: version, expiry, refusals: 0, is_left_over: false },
                        at,
                    );
                }
                Event::GetTokens => self.get_tokens(at),
                Event::Bulk { operation, attempt } => self.reach_in_bulk(operation, attempt, at),
            }
        }
    }

    fn after(&mut self, at: Millis, pause: Millis, event: Event) {
        self.caused += 1;
        self.queue.push(Reverse((at + pause, self.caused, event)));
    }

    fn send(&mut self, pair: Pair, purpose: Purpose, at: Millis) {
        let request = Request { pair, purpose, since: at, attempt: 1 };
        self.after(at, self.scenario.latency, Event::Reaches(request));
    }

    fn counts(&self, at: Millis) -> u64 {
        u64::from(at >= self.scenario.warm_up * SECOND)
    }

    /// Somebody wants a token, fresh.
    fn arrive(&mut self, arrival: Arrival) {
        let Arrival { at, instance, user } = arrival;
        self.memory.forget_old(at);
        let pair = self.memory.pair(instance, user, at);
        let counts = self.counts(at);
        self.outcome.finds += counts;
        let known = self.memory.used(pair, at);
        if at < known.fresh_until {
            let found = known.stored;
            self.outcome.hits += counts;
            self.use_found(pair, found, 1, at);
        } else {
            known.finders += 1;
            if known.finders == 1 {
                self.send(pair, Purpose::Find, at);
            }
        }
    }

    /// What finds gave is refreshed if it has to be, once for all who want that.
    fn use_found(&mut self, pair: Pair, found: Stored, finders: u64, at: Millis) {
        if found.version == 0 || self.is_fresh(found, at) {
            return;
        }
        let known = self.memory.of(pair);
        known.refreshers += finders;
        if known.refreshers == finders {
            self.send(pair, Purpose::ReRead, at);
        }
    }

    fn is_fresh(&self, stored: Stored, at: Millis) -> bool {
        stored.expiry > at + self.scenario.leeway * SECOND
    }

    fn reach(&mut self, request: Request, at: Millis) {
        let operation = match request.purpose {
            Purpose::Find | Purpose::ReRead | Purpose::Base(_) | Purpose::AfterRefusal(_) => {
                Operation::GetSecretValue
            }
            Purpose::Put(..) => Operation::PutSecretValue,
            Purpose::Tag(_) => Operation::TagResource,
        };
        if !self.service.admits(operation, at) {
            return self.try_again(request, at);
        }
        let Request { pair, purpose, since, .. } = request;
        let stored = self.service.get(pair.user());
        match purpose {
            Purpose::Find => {
                let known = self.memory.of(pair);
                let finders = std::mem::take(&mut known.finders);
                // What was written meanwhile stays.
                if known.stored.version <= stored.version {
                    self.memory.learn(pair, stored, since, at);
                }
                self.use_found(pair, stored, finders, at);
            }
            Purpose::ReRead => {
                self.memory.learn(pair, stored, since, at);
                self.exchange(pair, stored, at);
            }
            Purpose::Base(save) => self.send(pair, Purpose::Put(save, stored.version), at),
            Purpose::AfterRefusal(save) => {
                let pause = self.backoff(save.refusals);
                self.send(pair, Purpose::Put(save, stored.version), at + pause);
            }
            Purpose::Put(save, base) => {
                if self.service.put(pair.user(), base, save.expiry) {
                    let written = Stored { version: base + 1, expiry: save.expiry };
                    self.memory.learn(pair, written, since, at);
                    if self.scenario.index_access_tokens {
                        self.send(pair, Purpose::Tag(save), at);
                    } else {
                        self.saved(pair, save, at);
                    }
                } else {
                    self.outcome.collisions += self.counts(at);
                    self.memory.doubt(pair);
                    let save = Save { refusals: save.refusals + 1, ..save };
                    self.send(pair, Purpose::AfterRefusal(save), at);
                }
            }
            Purpose::Tag(save) => self.saved(pair, save, at),
        }
    }

    /// What was left over may not be fresh any more: then there is another exchange.
    fn saved(&mut self, pair: Pair, save: Save, at: Millis) {
        let saved = Stored { version: save.exchanged + 1, expiry: save.expiry };
        if save.is_left_over && !self.is_fresh(saved, at) {
            self.send(pair, Purpose::ReRead, at);
        } else {
            self.memory.of(pair).refreshers = 0;
        }
    }

    /// The token was read again. What an earlier exchange gave is saved before there is another one.
    fn exchange(&mut self, pair: Pair, stored: Stored, at: Millis) {
        if self.is_fresh(stored, at) {
            self.memory.of(pair).refreshers = 0;
            return;
        }
        match self.memory.of(pair).unsaved.take() {
            Some(unsaved) if unsaved.version == stored.version => {
                let (exchanged, expiry) = (unsaved.version, unsaved.expiry);
                let save = Save { exchanged, expiry, refusals: 0, is_left_over: true };
                self.save(pair, save, at);
            }
            _ => {
                self.outcome.exchanges += self.counts(at);
                self.after(at, self.scenario.exchange, Event::Exchanged { pair, version: stored.version });
            }
        }
    }

    fn save(&mut self, pair: Pair, save: Save, at: Millis) {
        let known = *self.memory.of(pair);
        if at < known.base_until {
            self.send(pair, Purpose::Put(save, known.stored.version), at);
        } else {
            self.send(pair, Purpose::Base(save), at);
        }
    }

    /// A throttled request is sent again some time later, or given up.
    fn try_again(&mut self, request: Request, at: Millis) {
        let Request { pair, purpose, since, attempt } = request;
        let by_the_sdk = (attempt % ATTEMPTS != 0).then(|| self.pause_of_the_sdk(attempt % ATTEMPTS));
        let until = |deadline: Millis, pause: Millis| (at + pause <= since + deadline).then_some(pause);
        let pause = match purpose {
            Purpose::Put(..) => until(WRITE_DEADLINE, self.backoff(attempt)),
            Purpose::Tag(_) => {
                let pause = by_the_sdk.unwrap_or_else(|| self.backoff(attempt / ATTEMPTS));
                until(TAGGING, pause)
            }
            _ => by_the_sdk,
        };
        if let Some(pause) = pause {
            let request = Request { attempt: attempt + 1, ..request };
            self.after(at, pause + self.scenario.latency, Event::Reaches(request));
            return;
        }
        let known = self.memory.of(pair);
        if let Purpose::Base(save) | Purpose::AfterRefusal(save) | Purpose::Put(save, _) = purpose {
            known.unsaved = Some(Stored { version: save.exchanged, expiry: save.expiry });
        }
        let waiting = if purpose == Purpose::Find { &mut known.finders } else { &mut known.refreshers };
        let waiting = std::mem::take(waiting);
        // Without its tags a token is saved all the same.
        if !matches!(purpose, Purpose::Tag(_)) {
            self.outcome.failures += waiting * self.counts(at);
        }
    }

    /// A random pause below a ceiling that doubles with each attempt.
    fn pause_of_the_sdk(&mut self, attempt: u32) -> Millis {
        let ceiling = FIRST_PAUSE << (attempt - 1);
        (unit(&mut self.dice) * ceiling as f64) as Millis
    }

    /// The store's own pauses.
    fn backoff(&mut self, attempt: u32) -> Millis {
        let ceiling = (10 << (attempt - 1).min(6)).min(640);
        Millis::from(ceiling / 2 + below(&mut self.dice, ceiling / 2 + 1))
    }

    fn get_tokens(&mut self, at: Millis) {
        let (tokens, pace) = (self.scenario.tokens, self.scenario.latency.max(BULK_PACE));
        for (operation, page) in [(Operation::ListSecrets, 100), (Operation::BatchGetSecretValue, 20)] {
            for number in 0..tokens.div_ceil(page) {
                let pause = self.scenario.latency + Millis::from(number) * pace;
                self.after(at, pause, Event::Bulk { operation, attempt: 1 });
            }
        }
        let next = self.scenario.list_every * SECOND;
        if at + next < self.scenario.end() {
            self.after(at, next, Event::GetTokens);
        }
    }

    fn reach_in_bulk(&mut self, operation: Operation, attempt: u32, at: Millis) {
        if self.service.admits(operation, at) {
            return;
        }
        if attempt < BULK_TRIES {
            let pause = self.scenario.latency + (BULK_PAUSE << (attempt - 1));
            self.after(at, pause, Event::Bulk { operation, attempt: attempt + 1 });
        } else {
            self.outcome.failures += self.counts(at);
        }
    }
}
