//! What the instances remember: for each instance and user what its store's cache would know, and nothing for the many pairs
//! that have not met lately.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

use crate::arrivals::unit;
use crate::dice::Dice;
use crate::scenario::{Millis, SECOND, Scenario};
use crate::service::Stored;

/// The library's: an expired token is read again on use, at most once a second, and counts as expired five seconds before.
const EXPIRY_LEEWAY: Millis = 5 * SECOND;
const SHORT: Millis = SECOND;

/// One life of one instance, and a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Pair(u64);

impl Pair {
    fn new(instance: u32, life: u64, user: u32) -> Self {
        Self(u64::from(user) | u64::from(instance) << 24 | life << 48)
    }

    pub(crate) fn user(self) -> u32 {
        (self.0 & 0xFF_FFFF) as u32
    }

    fn instance(self) -> usize {
        (self.0 >> 24 & 0xFF_FFFF) as usize
    }

    fn life(self) -> u64 {
        self.0 >> 48
    }
}

/// What an instance knows of a user's token, and what it is doing about it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Known {
    pub(crate) stored: Stored,
    pub(crate) fresh_until: Millis,
    pub(crate) base_until: Millis,
    /// How many wait for a load that is under way, and for a refresh.
    pub(crate) finders: u64,
    pub(crate) refreshers: u64,
    /// What an exchange gave and could not be saved: the version that was exchanged, and the new expiry.
    pub(crate) unsaved: Option<Stored>,
    is_counted: bool,
    /// The second of the last use, one more than that.
    used: Millis,
}

impl Known {
    fn is_busy(&self) -> bool {
        self.finders > 0 || self.refreshers > 0
    }
}

/// The memory of all instances.
pub(crate) struct Memory {
    known: HashMap<Pair, Known, BuildHasherDefault<Mixer>>,
    instances: Vec<Instance>,
    /// When what was learnt, oldest first: what is older than the time to live is forgotten.
    learnt: VecDeque<(Millis, Pair)>,
    dice: Dice,
    time_to_live: Millis,
    miss_time_to_live: Millis,
    max_capacity: u64,
    recycle_after: Millis,
}

/// One instance's part of it.
#[derive(Default)]
struct Instance {
    life: u64,
    tokens: u64,
    /// Uses in their order; one that was followed by another use of the same token is void.
    uses: VecDeque<(Millis, Pair)>,
}

impl Memory {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let time_to_live = scenario.time_to_live * SECOND;
        Self {
            known: HashMap::default(),
            instances: (0..scenario.instances).map(|_| Instance::default()).collect(),
            learnt: VecDeque::new(),
            dice: Dice(!scenario.seed),
            time_to_live,
            miss_time_to_live: time_to_live.min(scenario.miss_time_to_live * SECOND),
            max_capacity: scenario.max_capacity,
            recycle_after: scenario.recycle_after * SECOND,
        }
    }

    /// The pair that a request is about: with the instance as it lives now.
    pub(crate) fn pair(&self, instance: u32, user: u32, at: Millis) -> Pair {
        Pair::new(instance, life(instance, self.instances.len(), self.recycle_after, at), user)
    }

    pub(crate) fn of(&mut self, pair: Pair) -> &mut Known {
        self.known.entry(pair).or_default()
    }

    /// Like [`of`](Self::of), for a use: what was not used for longest is the first to go.
    pub(crate) fn used(&mut self, pair: Pair, at: Millis) -> &mut Known {
        let (second, instance) = (1 + at / SECOND, &mut self.instances[pair.instance()]);
        if instance.life != pair.life() {
            *instance = Instance { life: pair.life(), ..Instance::default() };
        }
        let known = self.known.entry(pair).or_default();
        if known.used < second {
            known.used = second;
            instance.uses.push_back((second, pair));
        }
        // What was not used for so long is not in memory any more.
        while instance.uses.front().is_some_and(|(used, _)| used * SECOND + self.time_to_live < at) {
            instance.uses.pop_front();
        }
        known
    }

    /// Takes in what was asked for, or sent, at `since`.
    pub(crate) fn learn(&mut self, pair: Pair, stored: Stored, since: Millis, at: Millis) {
        let jitter = unit(&mut self.dice) / 10.0;
        let (fresh_for, base_for) = if stored.version == 0 {
            (self.miss_time_to_live, self.miss_time_to_live)
        } else {
            let time_to_live = (self.time_to_live as f64 * (1.0 - jitter)) as Millis;
            let left = stored.expiry.saturating_sub(EXPIRY_LEEWAY).saturating_sub(since);
            (time_to_live.min(left.max(SHORT)), time_to_live)
        };
        let known = self.known.entry(pair).or_default();
        (known.stored, known.fresh_until, known.base_until) = (stored, since + fresh_for, since + base_for);
        if self.max_capacity == 0 {
            (known.fresh_until, known.base_until) = (0, 0);
        }
        let instance = &mut self.instances[pair.instance()];
        // Answers that there is no token have room of their own.
        if stored.version > 0 && !known.is_counted && instance.life == pair.life() {
            known.is_counted = true;
            instance.tokens += 1;
        }
        self.learnt.push_back((at, pair));
        self.evict(pair.instance());
    }

    /// A write of this instance was refused: what it knows is of the past.
    pub(crate) fn doubt(&mut self, pair: Pair) {
        let known = self.of(pair);
        (known.fresh_until, known.base_until) = (0, 0);
    }

    /// Forgets what is too old to be of use.
    pub(crate) fn forget_old(&mut self, at: Millis) {
        while self.learnt.front().is_some_and(|(learnt, _)| learnt + self.time_to_live < at) {
            let Some((_, pair)) = self.learnt.pop_front() else { return };
            let Some(known) = self.known.get(&pair) else { continue };
            if known.is_busy() || known.unsaved.is_some() {
                self.learnt.push_back((at, pair));
            } else if known.fresh_until.max(known.base_until) <= at {
                self.forget(pair);
            }
        }
    }

    fn evict(&mut self, instance: usize) {
        while self.instances[instance].tokens > self.max_capacity {
            let Some((used, pair)) = self.instances[instance].uses.pop_front() else { return };
            if let Some(known) = self.known.get_mut(&pair)
                && known.used == used
                && known.is_counted
            {
                if known.is_busy() {
                    known.is_counted = false;
                    self.instances[instance].tokens -= 1;
                    self.doubt(pair);
                } else {
                    self.forget(pair);
                }
            }
        }
    }

    fn forget(&mut self, pair: Pair) {
        let instance = &mut self.instances[pair.instance()];
        if let Some(known) = self.known.remove(&pair)
            && known.is_counted
            && instance.life == pair.life()
        {
            instance.tokens -= 1;
        }
    }
}

/// How often an instance has been replaced by now. They are replaced one after the other, not together.
pub(crate) fn life(instance: u32, instances: usize, recycle_after: Millis, at: Millis) -> u64 {
    if recycle_after == 0 {
        return 0;
    }
    let phase = recycle_after as u128 * u128::from(instance) / instances as u128;
    (at + phase as Millis) / recycle_after
}

/// Mixes the bits of a pair: the standard hash function is for keys that an enemy chooses.
#[derive(Default)]
pub(crate) struct Mixer(u64);

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, value: u64) {
        let mixed = (self.0 ^ value).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = mixed ^ (mixed >> 32);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
