//! The embedded backend is held to AWS: one suite of behaviours, with AWS's word for each where there is one, and three
//! sides to run it.
//!
//! - `embedded`: the backend of this crate, on a paused clock. It has to keep every behaviour.
//! - `localstack`: LocalStack 4.14, found or started as `tests/localstack` does it. Where it does not do what AWS says,
//!   the behaviour is in the table of [`differences`], and has to fail as that says, so that the table stays true.
//! - `aws`: a real account, only if asked for by `--ignored` and `OAUTH_TOKEN_STORE_AWS_PREFIX`: see [`sides::aws`].
//!
//! `-- --list` shows every behaviour on every side; `OAUTH_TOKEN_STORE_BEHAVIOURS=1` prints the source of each instead of
//! running it.

#[path = "../localstack/account.rs"]
mod account;
mod behaviour;
#[path = "../localstack/causes.rs"]
mod causes;
mod differences;
#[path = "../localstack/environment.rs"]
mod environment;
mod only_aws;
mod service;
mod shown;
mod sides;
mod suite;
#[path = "../localstack/trials.rs"]
#[allow(dead_code, reason = "each side has deadlines of its own")]
mod trials;

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::Arguments;

use crate::environment::Environment;
use crate::sides::aws::RealAccount;

/// The least number of behaviours: the suite does not shrink unnoticed.
const LEAST: usize = 308;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    let count = suite::behaviours().count();
    assert!(count >= LEAST, "{count} behaviours, and once there were {LEAST}");
    differences::check();
    if std::env::var_os("OAUTH_TOKEN_STORE_BEHAVIOURS").is_some() {
        print_sources();
        return ExitCode::SUCCESS;
    }
    shown::keep_panics_for_the_report();

    let runtime = tokio::runtime::Runtime::new().expect("a tokio runtime");
    let environment = Arc::new(Environment::new(runtime.handle().clone()));
    let real = (arguments.ignored || arguments.include_ignored) && !arguments.list;
    let account = match real.then(|| RealAccount::open(&runtime)).transpose() {
        Ok(account) => account,
        Err(refusal) => {
            eprintln!("no behaviour is shown on AWS: {refusal}");
            return ExitCode::FAILURE;
        }
    };
    // Two keep within AWS's 50 writes a second, and LocalStack answers one request at a time, whoever asks.
    arguments.test_threads.get_or_insert(if real { 2 } else { 4 });
    let mut trials = Vec::new();
    for behaviour in suite::behaviours() {
        trials.push(sides::embedded::trial(behaviour));
        trials.extend(sides::localstack::trial(behaviour, &environment));
        trials.extend(sides::aws::trial(behaviour, &account));
    }
    trials
        .extend(only_aws::MEASUREMENTS.iter().map(|measurement| sides::aws::measure(measurement, &account)));

    trials::run_all(&arguments, trials, || {
        let cleaned = account.map_or(Ok(()), |account| account.clean_up());
        environment.shut_down().and(cleaned)
    })
}

/// Each behaviour with AWS's word for it, and what LocalStack does instead if it does.
fn print_sources() {
    for behaviour in suite::behaviours() {
        println!("{} ({:?})\n    {}", behaviour.full_name(), behaviour.runs, behaviour.source);
        if let Some(difference) = differences::of(behaviour) {
            println!("    {:?} deviates: {}", difference.deviates, difference.instead);
        }
    }
    println!(
        "{} behaviours, {} differences of LocalStack",
        suite::behaviours().count(),
        differences::DIFFERENCES.len()
    );
}
