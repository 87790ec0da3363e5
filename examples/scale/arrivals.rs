//! Who asks for which token where and when: a Poisson process over all instances.

use crate::dice::Dice;
use crate::scenario::{Millis, Scenario};

/// A request for a user's token, fresh. Users from `tokens` on have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arrival {
    pub(crate) at: Millis,
    pub(crate) instance: u32,
    pub(crate) user: u32,
}

/// The arrivals of a scenario in their order, the same ones for each seed.
pub(crate) struct Arrivals {
    dice: Dice,
    scenario: Scenario,
    /// How many of all requests are for this user or one before it; empty if all users are alike.
    cumulated: Vec<f64>,
    at: f64,
}

impl Arrivals {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let (mut sum, mut cumulated) = (0.0, Vec::new());
        if scenario.zipf > 0.0 {
            for share in weights(scenario) {
                sum += share;
                cumulated.push(sum);
            }
        }
        Self { dice: Dice(scenario.seed), scenario: scenario.clone(), cumulated, at: 0.0 }
    }

    fn user(&mut self) -> u32 {
        let tokens = self.scenario.tokens;
        if unit(&mut self.dice) < self.scenario.unknown {
            return tokens + below(&mut self.dice, tokens);
        }
        match self.cumulated.last() {
            None => below(&mut self.dice, tokens),
            Some(sum) => {
                let chosen = unit(&mut self.dice) * sum;
                let user = self.cumulated.partition_point(|cumulated| *cumulated <= chosen);
                u32::try_from(user).unwrap_or(u32::MAX).min(tokens - 1)
            }
        }
    }
}

impl Iterator for Arrivals {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        self.at += -1_000.0 * (1.0 - unit(&mut self.dice)).ln() / self.scenario.rate;
        let at = self.at as Millis;
        let (instance, user) = (below(&mut self.dice, self.scenario.instances), self.user());
        (at < self.scenario.end()).then_some(Arrival { at, instance, user })
    }
}

/// How active each user is, in no unit.
pub(crate) fn weights(scenario: &Scenario) -> impl Iterator<Item = f64> {
    let zipf = scenario.zipf;
    (0..scenario.tokens).map(move |user| f64::from(user + 1).powf(-zipf))
}

/// A number from 0 to below 1.
pub(crate) fn unit(dice: &mut Dice) -> f64 {
    const STEPS: u64 = 1 << 53;
    dice.below(STEPS) as f64 / STEPS as f64
}

pub(crate) fn below(dice: &mut Dice, bound: u32) -> u32 {
    u32::try_from(dice.below(u64::from(bound))).unwrap_or(0)
}
