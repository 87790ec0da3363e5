//! Walks through every state that a model can come to, breadth first, so that the trace of a flaw is a shortest one.
//!
//! It ends only if no execution goes on for ever. (The crate `stateright` does not check that, and would bring an HTTP
//! server and fourteen more crates.)

use std::collections::HashSet;
use std::hash::{BuildHasher, Hash, RandomState};

/// What is explored: states, and from each the steps that can be taken, always in the same order.
pub(super) trait Model {
    type State: Hash + Clone;

    fn initial(&self) -> Self::State;

    /// The steps; each is told about only if `narrated`.
    fn steps(&self, state: &Self::State, narrated: bool) -> Vec<Step<Self::State>>;
}

/// One step, and where it leads: to a state, or to a flaw.
pub(super) struct Step<S> {
    pub(super) narration: String,
    pub(super) next: Result<S, String>,
}

/// All that can happen has been looked at, or a flaw was found.
pub(super) struct Exploration {
    pub(super) states: usize,
    pub(super) depth: usize,
    pub(super) flaw: Option<Trace>,
}

/// The way to a flaw.
pub(super) struct Trace {
    pub(super) steps: Vec<String>,
    pub(super) flaw: String,
}

impl std::fmt::Display for Trace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (number, step) in self.steps.iter().enumerate() {
            writeln!(f, "{:4}. {step}", number + 1)?;
        }
        write!(f, "   => {}", self.flaw)
    }
}

/// How a state was first come to: from which one, by its how many-th step.
type Origin = (u32, u16);

pub(super) fn explore<M: Model>(model: &M) -> Exploration {
    // Of a state only its fingerprint is kept: 128 bits, so that two of millions are never taken for one.
    let hashers = [RandomState::new(), RandomState::new()];
    let fingerprint = |state: &M::State| hashers.each_ref().map(|hasher| hasher.hash_one(state));
    let initial = model.initial();
    let mut seen = HashSet::from([fingerprint(&initial)]);
    let mut origins: Vec<Origin> = vec![(0, 0)];
    let mut level = vec![(0, initial)];
    let mut depth = 0;
    while !level.is_empty() {
        let mut next_level = Vec::new();
        for (number, state) in level {
            for (choice, step) in model.steps(&state, false).into_iter().enumerate() {
                let choice = u16::try_from(choice).expect("few steps");
                match step.next {
                    Ok(next) => {
                        if seen.insert(fingerprint(&next)) {
                            next_level.push((u32::try_from(origins.len()).expect("few states"), next));
                            origins.push((number, choice));
                        }
                    }
                    Err(flaw) => {
                        let steps = narrate(model, &origins, (number, choice));
                        let flaw = Some(Trace { steps, flaw });
                        return Exploration { states: origins.len(), depth, flaw };
                    }
                }
            }
        }
        level = next_level;
        depth += usize::from(!level.is_empty());
    }
    Exploration { states: origins.len(), depth, flaw: None }
}

fn narrate<M: Model>(model: &M, origins: &[Origin], last: Origin) -> Vec<String> {
    let mut choices = vec![last.1];
    let mut state = last.0;
    while state != 0 {
        let (before, choice) = origins[state as usize];
        choices.push(choice);
        state = before;
    }
    let mut state = model.initial();
    let steps = choices.iter().rev().map(|choice| {
        let step = model.steps(&state, true).swap_remove(usize::from(*choice));
        if let Ok(next) = step.next {
            state = next;
        }
        step.narration
    });
    steps.collect()
}
