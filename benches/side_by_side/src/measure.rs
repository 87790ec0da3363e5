//! How long something takes: the best of many rounds in turn, because all that disturbs only adds.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use cpu_time::ThreadTime;

/// The CPU time of one of `times` calls, in nanoseconds, of each piece of work: the least of so many rounds. All are
/// measured in turn, so that no change of the machine's pace meets one alone.
pub fn cpu_nanos<const N: usize>(rounds: usize, times: usize, work: [&dyn Fn(usize); N]) -> [f64; N] {
    let mut least = [f64::INFINITY; N];
    for _ in 0..rounds {
        for (work, least) in work.iter().zip(&mut least) {
            // What the one before it has driven out of the processor's caches is not its fault.
            work(times / 10);
            let started = ThreadTime::now();
            work(times);
            *least = least.min(started.elapsed().as_nanos() as f64 / times as f64);
        }
    }
    least
}

/// Millions of calls a second, of all threads together, of each piece of work: the most of so many rounds. The work is
/// told the thread's number and how often to call.
pub fn million_per_second<const N: usize>(
    rounds: usize,
    threads: usize,
    times: usize,
    work: [&(dyn Fn(usize, usize) + Sync); N],
) -> [f64; N] {
    let mut most = [0.0_f64; N];
    for _ in 0..rounds {
        for (work, most) in work.iter().zip(&mut most) {
            let taken = on_threads(threads, |thread| work(thread, times));
            *most = most.max((threads * times) as f64 / taken.as_secs_f64() / 1e6);
        }
    }
    most
}

/// From the first one's start to the last one's end.
fn on_threads(threads: usize, work: impl Fn(usize) + Sync) -> Duration {
    let start = Barrier::new(threads);
    let one = |thread: usize| {
        start.wait();
        let started = Instant::now();
        work(thread);
        (started, Instant::now())
    };
    let one = &one;
    let times: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|thread| scope.spawn(move || one(thread))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let started = times.iter().map(|(started, _)| *started).min().unwrap();
    let ended = times.iter().map(|(_, ended)| *ended).max().unwrap();
    ended - started
}

/// A ratio, and whether it is as good as its goal.
pub fn judged(reached: f64, goal: f64, is_as_good: impl Fn(f64, f64) -> bool) -> String {
    let verdict = if is_as_good(reached, goal) { "reached" } else { "MISSED" };
    format!("{reached:.2}x (goal {goal}x: {verdict})")
}
