//! Which runs are made, on which clock, and what is told of them.

use std::fmt::Display;

/// Runs something on a clock of its own, with jitter of its own.
pub(crate) fn simulated<T>(seed: u64, run: impl Future<Output = T>) -> T {
    fastrand::seed(seed);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime").block_on(run)
}

/// What the jitter and the selection of runs go by.
pub(crate) fn seed() -> u64 {
    set("OAUTH_TOKEN_STORE_SEED").map_or(1, |seed| seed.parse().expect("OAUTH_TOKEN_STORE_SEED: a number"))
}

/// The value of an environment variable, if it is set.
fn set(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|value| !value.is_empty())
}

/// Of many runs, all that went wrong.
pub(crate) struct Report {
    what: &'static str,
    at_least: usize,
    there_are: usize,
    made: usize,
    wrong: Vec<String>,
}

impl Report {
    /// There are to be so many runs at least: where there are fewer, the table has lost some.
    pub(crate) fn new(what: &'static str, at_least: usize) -> Self {
        Self { what, at_least, there_are: 0, made: 0, wrong: Vec::new() }
    }

    /// Of all runs those that are to be made: so many, evenly, if nobody has said how many.
    pub(crate) fn selected<T: Display>(&mut self, all: Vec<T>, quick: usize) -> Vec<T> {
        let there_are = all.len();
        self.there_are = there_are;
        assert!(
            there_are >= self.at_least,
            "only {there_are} {}, where there were {}",
            self.what,
            self.at_least
        );
        if let Some(text) = set("OAUTH_TOKEN_STORE_FAULT") {
            return all.into_iter().filter(|run| run.to_string().contains(&text)).collect();
        }
        let most = match set("OAUTH_TOKEN_STORE_FAULTS").as_deref() {
            None => quick,
            Some("all") => there_are,
            Some(number) => number.parse().expect("OAUTH_TOKEN_STORE_FAULTS: `all` or a number"),
        };
        let made = most.min(there_are) as u64;
        let shift = seed() % there_are as u64;
        // Of `there_are` places `made` are taken, at even distances.
        let is_taken = |place: u64| (place + 1) * made / there_are as u64 > place * made / there_are as u64;
        let places = (0..).map(|place: u64| (place + shift) % there_are as u64);
        all.into_iter().zip(places).filter_map(|(run, place)| is_taken(place).then_some(run)).collect()
    }

    pub(crate) fn add(&mut self, run: &impl Display, outcome: Result<(), String>) {
        self.made += 1;
        if let Err(complaint) = outcome {
            eprintln!("{run}\n    {complaint}");
            self.wrong.push(format!("{run}\n    {complaint}"));
        }
    }

    pub(crate) fn end(self) {
        println!("{} of {} {} made", self.made, self.there_are, self.what);
        let (wrong, made) = (self.wrong.len(), self.made);
        assert!(wrong == 0, "{wrong} of {made} went wrong:\n{}", self.wrong.join("\n"));
        assert!(made > 0, "no run was selected");
    }
}
