//! Finds that memory answers.

use std::hint::black_box;

use tokio::runtime::Runtime;

use crate::contenders::{ALL, AWS_AND_PARSE, Asked, BY_ID, BY_USER, Contender, Contenders};
use crate::measure::{cpu_nanos, judged, million_per_second};
use crate::tokens::users;

const THREADS: usize = 4;

pub fn run(runtime: &Runtime) {
    for (workload, tokens, reach) in [("one hot token", 1, 2.5), ("1,000 tokens", 1000, 5.0)] {
        let (all, asked) = runtime.block_on(Contenders::filled(&users(tokens)));
        println!("\n## A cached find: {workload}\n");
        let nanos = one_thread(&all, &asked);
        let rates = four_threads(&all, &asked);
        let theirs = ALL.iter().position(|contender| contender.name == AWS_AND_PARSE).unwrap();
        println!(
            "| | CPU ns, 1 thread | of {AWS_AND_PARSE} | M finds/s, {THREADS} threads | of {AWS_AND_PARSE} |"
        );
        println!("|---|---|---|---|---|");
        for (n, contender) in ALL.iter().enumerate() {
            let (less, more) = (nanos[theirs] / nanos[n], rates[n] / rates[theirs]);
            let [less, more] = match contender.name {
                BY_USER | BY_ID => [judged(less, 8.0, reaches), judged(more, reach, reaches)],
                _ => [format!("{less:.1}x"), format!("{more:.1}x")],
            };
            println!("| {} | {:.0} | {less} | {:.1} | {more} |", contender.name, nanos[n], rates[n]);
        }
    }
}

fn reaches(reached: f64, goal: f64) -> bool {
    reached >= goal
}

fn one_thread(all: &Contenders, asked: &[Asked]) -> [f64; ALL.len()] {
    let work = ALL.each_ref().map(|contender| move |times: usize| ask(all, contender, asked, 0, times));
    cpu_nanos(60, 50_000, work.each_ref().map(|work| work as &dyn Fn(usize)))
}

fn four_threads(all: &Contenders, asked: &[Asked]) -> [f64; ALL.len()] {
    let work = ALL.each_ref().map(|contender| {
        // Each thread is somewhere else.
        move |thread: usize, times: usize| ask(all, contender, asked, thread * asked.len() / THREADS, times)
    });
    million_per_second(
        20,
        THREADS,
        200_000,
        work.each_ref().map(|work| work as &(dyn Fn(usize, usize) + Sync)),
    )
}

/// Asks for one after the other, as often as that.
fn ask(all: &Contenders, contender: &Contender, asked: &[Asked], from: usize, times: usize) {
    for asked in asked.iter().cycle().skip(from).take(times) {
        black_box((contender.find)(black_box(all), black_box(asked)));
    }
}
