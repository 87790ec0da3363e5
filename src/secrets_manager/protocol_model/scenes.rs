//! What is walked through, and how it is told.

use super::explorer::{Exploration, Trace, explore};
use super::process::Operation::{self, *};
use super::rules::Rules;
use super::token::{Content, Field};
use super::world::{Judged, Scene, Trouble};

/// The record that is there at the beginning.
pub(super) fn record() -> Content {
    Content::of(&[(Field::User, 1), (Field::Refresh, 1), (Field::X, 1)])
}

/// What a login of this process gives.
pub(super) fn login(process: u8) -> Content {
    Content::of(&[(Field::User, 1), (Field::Refresh, 2 + process), (Field::X, 20 + process)])
}

/// Everything that a process may do, each with values of its own.
pub(super) fn programs(process: u8) -> Vec<Vec<Operation>> {
    let part = Content::of(&[(Field::User, 1), (Field::Y, 30 + process)]);
    let own_id = Content::of(&[(Field::OwnId, 1), (Field::Refresh, 2 + process), (Field::X, 40 + process)]);
    vec![
        vec![Find, Change(Field::X, 10 + process), SaveAgain],
        vec![Find, Rotate, SaveAgain],
        vec![Find, SaveWhole(Field::Y, 50 + process), SaveAgainWith(Field::X, 60 + process)],
        vec![Save(login(process)), SaveAgain],
        vec![Save(part), SaveAgain],
        vec![Save(own_id), SaveAgain],
        vec![Delete],
        vec![Delete, Save(login(process)), SaveAgain],
        vec![DeleteByOwnId],
    ]
}

impl Scene {
    pub(super) fn new(processes: &[&[Operation]]) -> Self {
        Self {
            record: Some(record()),
            is_scheduled: false,
            processes: processes.iter().map(|operations| operations.to_vec()).collect(),
            trouble: Trouble::default(),
            staleness: 2,
            patience: 3,
            deletions_linger: false,
            creates_are_forgotten: false,
            overtaking: false,
            rules: Rules::ALL,
            judged: Judged::default(),
            longest: Default::default(),
        }
    }

    pub(super) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// Walks through it and finds no flaw.
    #[track_caller]
    pub(super) fn holds(&self) -> Exploration {
        let exploration = explore(self);
        if let Some(trace) = &exploration.flaw {
            panic!("from {}:\n{trace}", self.beginning());
        }
        exploration
    }

    /// Walks through it and finds this flaw, by a shortest way.
    #[track_caller]
    pub(super) fn fails(&self, flaw: &str) -> Trace {
        let exploration = explore(self);
        let trace = exploration.flaw.expect("a flaw");
        println!("{} states; from {}:\n{trace}\n", exploration.states, self.beginning());
        assert!(trace.flaw.contains(flaw), "another flaw: {trace}");
        trace
    }

    fn beginning(&self) -> String {
        let record = self.record.map_or("nothing".into(), |record| format!("u_#0 v0.0 {{{record}}}"));
        if self.is_scheduled { format!("{record}, scheduled for deletion") } else { record }
    }
}
