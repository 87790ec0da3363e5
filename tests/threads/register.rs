//! What a record with one writer may show to many readers: the rules of a linearizable register, checked step by step.

use std::sync::atomic::{AtomicU64, Ordering};

/// Each step with this divisor is a deletion. Step 0 is the state before anything was saved.
const DELETIONS: u64 = 5;

/// Whether the record is there after this step.
pub(crate) fn is_there(step: u64) -> bool {
    !step.is_multiple_of(DELETIONS)
}

/// How far the one writer of a record has come, and what its readers have seen of that.
#[derive(Default)]
pub(crate) struct Register {
    /// The step whose write was begun last.
    begun: AtomicU64,
    /// The step whose write has returned last.
    published: AtomicU64,
    /// No reader that has returned has seen less.
    seen: AtomicU64,
}

/// What holds before a read begins.
#[derive(Clone, Copy)]
pub(crate) struct Before {
    pub(crate) published: u64,
    floor: u64,
}

/// By what a record was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// By what names it: the answer is the state of the record, at some moment of the read.
    Name,
    /// By what it holds all the time, and a search finds: what others have seen it may miss, but nothing that was
    /// published.
    Search,
    /// By what only this step has given it.
    SearchForStep(u64),
}

impl Register {
    /// The writer takes the next step.
    pub(crate) fn begin(&self) -> u64 {
        1 + self.begun.fetch_add(1, Ordering::AcqRel)
    }

    /// The write has returned: from now on nobody may see less.
    pub(crate) fn publish(&self, step: u64) {
        self.published.store(step, Ordering::Release);
    }

    pub(crate) fn before(&self) -> Before {
        let published = self.published.load(Ordering::Acquire);
        Before { published, floor: published.max(self.seen.load(Ordering::Acquire)) }
    }

    /// Takes in what a read has shown, the step or nothing, and says what is wrong with it.
    pub(crate) fn after(&self, before: Before, way: Way, shown: Option<u64>) -> Result<(), String> {
        let begun = self.begun.load(Ordering::Acquire);
        let Before { published, floor } = before;
        let problem = match shown {
            Some(step) if matches!(way, Way::SearchForStep(asked) if asked != step) => {
                "not what was asked for"
            }
            Some(step) if step > begun => "from the future",
            Some(step) if !is_there(step) => "of a step that deletes",
            Some(step) if step < published && next_deletion(step) <= published => "deleted, and back again",
            Some(step) if step < published => "older than what was written",
            Some(step) if step < floor => "older than what others have seen",
            Some(step) => {
                self.seen.fetch_max(step, Ordering::AcqRel);
                return Ok(());
            }
            None => match way {
                Way::Name if next_deletion(floor) > begun => "missing",
                Way::Name => {
                    self.seen.fetch_max(next_deletion(floor), Ordering::AcqRel);
                    return Ok(());
                }
                Way::Search if next_deletion(published) > begun => "not found",
                Way::SearchForStep(asked) if published == asked && begun == asked && is_there(asked) => {
                    "not found"
                }
                Way::Search | Way::SearchForStep(_) => return Ok(()),
            },
        };
        let shown = shown.map_or_else(|| "nothing".to_owned(), |step| format!("step {step}"));
        Err(format!(
            "{shown} is {problem}: {way:?}, after step {published} was written and {floor} seen, and step {begun} begun"
        ))
    }
}

/// The first step from this one on that deletes the record.
fn next_deletion(step: u64) -> u64 {
    step.next_multiple_of(DELETIONS)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A register whose writer has published one step and begun another, of which a reader may have seen something.
    fn at(published: u64, seen: u64, begun: u64) -> Register {
        Register { begun: begun.into(), published: published.into(), seen: seen.into() }
    }

    fn judged(register: &Register, way: Way, shown: Option<u64>) -> Result<(), String> {
        register.after(register.before(), way, shown)
    }

    #[track_caller]
    fn assert_wrong(register: &Register, way: Way, shown: Option<u64>, problem: &str) {
        let judged = judged(register, way, shown).expect_err(problem);
        assert!(judged.contains(problem), "{judged}");
    }

    #[test]
    fn what_was_written_or_is_being_written_is_right() {
        for shown in [Some(6), Some(7)] {
            for way in [Way::Name, Way::Search] {
                assert_eq!(judged(&at(6, 0, 7), way, shown), Ok(()));
            }
        }
        for shown in [None, Some(9)] {
            assert_eq!(judged(&at(9, 0, 10), Way::Name, shown), Ok(()));
        }
        assert_eq!(judged(&at(6, 0, 6), Way::SearchForStep(6), Some(6)), Ok(()));
        assert_eq!(judged(&at(6, 0, 7), Way::SearchForStep(6), None), Ok(()));
    }

    #[test]
    fn what_no_read_shows_is_told_apart() {
        assert_wrong(&at(7, 0, 8), Way::Name, Some(6), "older than what was written");
        assert_wrong(&at(10, 0, 11), Way::Name, Some(9), "deleted, and back again");
        assert_wrong(&at(6, 0, 7), Way::Name, Some(8), "from the future");
        assert_wrong(&at(9, 0, 10), Way::Name, Some(10), "of a step that deletes");
        assert_wrong(&at(6, 0, 7), Way::Name, None, "missing");
        assert_wrong(&at(6, 0, 7), Way::Search, None, "not found");
        assert_wrong(&at(6, 0, 6), Way::SearchForStep(6), None, "not found");
        assert_wrong(&at(6, 0, 7), Way::SearchForStep(6), Some(7), "not what was asked for");
    }

    #[test]
    fn what_one_reader_has_seen_binds_those_who_come_after_it() {
        let register = at(6, 0, 7);
        let before = register.before();
        assert_eq!(judged(&register, Way::Search, Some(7)), Ok(()));
        assert_wrong(&register, Way::Name, Some(6), "older than what others have seen");
        assert_eq!(register.after(before, Way::Name, Some(6)), Ok(()), "it came before");

        let register = at(9, 0, 10);
        assert_eq!(judged(&register, Way::Name, None), Ok(()));
        assert_wrong(&register, Way::Name, Some(9), "older than what others have seen");
    }
}
