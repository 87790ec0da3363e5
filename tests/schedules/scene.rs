//! What a seed stands for: how many processes, users and tasks there are, how the stores are set up, how bad the days are.

use std::time::Duration;

use crate::dice::Dice;
use crate::history::Process;
use crate::world::Weather;

#[derive(Clone, Debug)]
pub(crate) struct Scene {
    pub(crate) processes: Vec<Process>,
    pub(crate) users: usize,
    pub(crate) tasks: usize,
    pub(crate) steps: u64,
    pub(crate) weather: Weather,
    pub(crate) read_lag: Duration,
    pub(crate) list_lag: Duration,
    pub(crate) deletion_linger: Duration,
    /// Whether the users have ids of the application's own.
    pub(crate) own_ids: bool,
    /// Of ten users, how many there are from the beginning on.
    pub(crate) logged_in: u64,
    /// How long tasks pause at most, in milliseconds, and now and then.
    pub(crate) pause: u64,
    pub(crate) long_pause: u64,
    /// Whether clocks jump and services fail for a while.
    pub(crate) eventful: bool,
    /// How much tasks care for each kind of step.
    pub(crate) taste: Taste,
    /// Where in a second of the service's clock it begins, in milliseconds.
    pub(crate) phase: u64,
    /// Whether the token of a failed save is kept, and saved again after something else has happened.
    pub(crate) saves_late: bool,
    /// Of three deletions of users with own ids, how many are by that id.
    pub(crate) by_own_id: u64,
}

/// Weights of the kinds of steps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taste {
    pub(crate) find: u64,
    pub(crate) save: u64,
    pub(crate) delete: u64,
    pub(crate) forget: u64,
    pub(crate) refresh: u64,
    pub(crate) list: u64,
    pub(crate) crowd: u64,
}

fn one_of<T: Copy>(dice: &mut Dice, values: &[T]) -> T {
    values[usize::try_from(dice.below(values.len() as u64)).expect("few")]
}

impl Scene {
    /// One in four has a theme: what is rare in the others.
    pub(crate) fn of(seed: u64) -> Self {
        let mut scene = Self::without_a_theme(seed);
        match Dice(seed ^ 0x0007_4E3E).below(8) {
            0 => scene.has_many_failed_saves(),
            1 => scene.has_many_deletions_by_own_id(),
            _ => {}
        }
        scene
    }

    fn has_many_failed_saves(&mut self) {
        self.saves_late = true;
        self.weather.failing = self.weather.failing.max(15);
        self.taste.save = 10;
        self.steps += 2;
    }

    fn has_many_deletions_by_own_id(&mut self) {
        self.own_ids = true;
        self.by_own_id = 2;
        self.taste.save = 10;
        self.taste.delete = 6;
    }

    fn without_a_theme(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let dice = &mut dice;
        let users = one_of(dice, &[1, 1, 1, 2, 2, 3]);
        let is_cramped = dice.below(12) == 0;
        let process = |dice: &mut Dice| {
            let millis = one_of(dice, &[0, 20, 1_000, 1_000, 10_000, 300_000, 300_000]);
            let max_capacity = if is_cramped { dice.below(3) } else { 100 };
            Process {
                time_to_live: Duration::from_millis(millis),
                miss_time_to_live: Duration::from_millis(one_of(dice, &[0, 10, 1_000, 1_000, 1_000])),
                max_stale: Duration::from_secs(one_of(dice, &[0, 5, 600])),
                max_capacity,
                may_evict: is_cramped,
            }
        };
        let processes = (0..one_of(dice, &[1, 1, 2, 2, 3])).map(|_| process(dice)).collect();
        let rarely = |dice: &mut Dice, one_in: u64, below: u64| {
            if dice.below(one_in) == 0 { dice.below(below) } else { 0 }
        };
        let millis = Duration::from_millis;
        let long_pause = rarely(dice, 3, 90_000);
        Self {
            users,
            processes,
            tasks: 3 + usize::try_from(dice.below(4)).expect("few"),
            steps: 2 + dice.below(4),
            weather: Weather {
                latency: one_of(dice, &[3, 10, 40]),
                slow: rarely(dice, 4, 4_000),
                failing: one_of(dice, &[0, 0, 0, 3, 15]),
                stale: one_of(dice, &[0, 0, 0, 10, 30]),
            },
            read_lag: millis(rarely(dice, 5, 500)),
            list_lag: millis(rarely(dice, 3, 2_000)),
            deletion_linger: millis(rarely(dice, 6, 3_000)),
            own_ids: dice.below(3) == 0,
            logged_in: one_of(dice, &[10, 10, 10, 5, 0]),
            pause: one_of(dice, &[5, 20, 60]),
            long_pause,
            eventful: dice.below(3) == 0,
            taste: Taste {
                find: 8,
                save: one_of(dice, &[3, 6, 10]),
                delete: one_of(dice, &[0, 1, 3, 6]),
                forget: one_of(dice, &[0, 1, 3]),
                refresh: one_of(dice, &[0, 1, 3]),
                list: one_of(dice, &[0, 1]),
                crowd: if is_cramped { 3 } else { 0 },
            },
            phase: dice.below(1_000),
            saves_late: false,
            by_own_id: 1,
        }
    }

    pub(crate) fn reads_lag(&self) -> bool {
        self.weather.stale > 0 || !self.read_lag.is_zero()
    }

    pub(crate) fn has_faults(&self) -> bool {
        self.weather.failing > 0 || self.weather.slow > 0 || self.eventful
    }
}
