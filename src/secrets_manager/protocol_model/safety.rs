//! What must never happen does not: whatever two processes do, or three, in every order, from every beginning. That a test
//! ends shows that every operation does, in at most so many requests, whatever happens.

use super::process::Operation;
use super::scenes::{programs, record};
use super::token::{Content, Field};
use super::world::Scene;

/// How many processes there are where it takes long.
fn processes() -> usize {
    let processes = std::env::var("OAUTH_TOKEN_STORE_PROTOCOL_PROCESSES");
    processes.map_or(2, |processes| processes.parse().expect("2 or 3"))
}

/// Every combination of programs of so many processes: which of two does which makes no difference.
fn combinations(processes: usize) -> Vec<Vec<Vec<Operation>>> {
    let mut choices: Vec<Vec<usize>> = vec![Vec::new()];
    for _ in 0..processes {
        let longer = choices.iter().flat_map(|chosen| {
            let first = chosen.last().copied().unwrap_or_default();
            (first..programs(0).len()).map(|next| [chosen.as_slice(), &[next]].concat())
        });
        choices = longer.collect();
    }
    let numbered = |(process, choice): (u8, &usize)| programs(process)[*choice].clone();
    choices.iter().map(|chosen| (0..).zip(chosen).map(numbered).collect()).collect()
}

/// Every combination from every beginning, changed by `change`.
fn all_hold(processes: usize, change: impl Fn(&mut Scene)) {
    let beginnings: [Option<Content>; 3] = [None, Some(record()), Some(record().with(Field::OwnId, 1))];
    let (mut scenes, mut states, mut depth, mut longest) = (0, 0, 0, 0);
    for operations in combinations(processes) {
        let operations: Vec<_> = operations.iter().map(Vec::as_slice).collect();
        for record in beginnings {
            let scene = Scene::new(&operations).with(|scene| scene.record = record).with(&change);
            let exploration = scene.holds();
            scenes += 1;
            states += exploration.states;
            depth = depth.max(exploration.depth);
            longest = longest.max(scene.longest.get());
        }
    }
    println!(
        "{scenes} scenes, {states} states, {depth} steps and {longest} answers of one operation at most"
    );
    assert!(longest <= 40, "an operation with {longest} answers");
}

#[test]
fn with_nothing_in_the_way_every_operation_succeeds() {
    all_hold(processes(), |scene| {
        scene.judged.success = true;
        // It waits once for each write of another, and looks twice more for what was deleted.
        scene.patience = 6;
    });
}

#[test]
fn with_a_lost_answer() {
    all_hold(processes(), |scene| {
        scene.trouble.lost_answers = 1;
        scene.judged.own_writes = true;
    });
}

#[test]
fn with_two_lost_answers_and_no_patience() {
    all_hold(2, |scene| {
        scene.trouble.lost_answers = 2;
        scene.patience = 1;
    });
}

#[test]
fn with_a_lost_answer_and_creates_that_are_told_that_they_exist() {
    all_hold(2, |scene| {
        scene.trouble.lost_answers = 1;
        scene.creates_are_forgotten = true;
    });
}

#[test]
fn with_stale_reads() {
    all_hold(processes(), |scene| scene.trouble.stale_reads = 2);
}

#[test]
fn with_a_lost_answer_and_a_stale_read() {
    all_hold(2, |scene| (scene.trouble.lost_answers, scene.trouble.stale_reads) = (1, 1));
}

#[test]
fn with_a_crash() {
    all_hold(processes(), |scene| scene.trouble.crashes = 1);
}

#[test]
fn with_deletions_that_take_some_seconds() {
    all_hold(2, |scene| scene.deletions_linger = true);
}

#[test]
fn with_deletions_that_take_some_seconds_and_a_lost_answer() {
    all_hold(2, |scene| {
        scene.deletions_linger = true;
        scene.patience = 1;
        scene.trouble.lost_answers = 1;
    });
}

#[test]
fn with_a_roll_back_by_hand() {
    all_hold(processes(), |scene| scene.trouble.roll_backs = 1);
}

#[test]
fn with_a_roll_back_by_hand_and_a_stale_read() {
    all_hold(2, |scene| (scene.trouble.roll_backs, scene.trouble.stale_reads) = (1, 1));
}

#[test]
fn with_a_secret_that_somebody_schedules_for_deletion() {
    all_hold(2, |scene| scene.trouble.schedulings = 1);
}

#[test]
fn with_a_record_that_is_scheduled_for_deletion_and_a_lost_answer() {
    all_hold(2, |scene| {
        scene.is_scheduled = scene.record.is_some();
        scene.trouble.lost_answers = 1;
    });
}
