//! Is Secrets Manager the right place for so many tokens and instances? A simulation of what stores would ask of it,
//! against its quotas and prices.
//!
//! ```sh
//! cargo run --release --example scale
//! cargo run --release --example scale -- --tokens 100000 --instances 1000 --rate 500 --recycle-after 900
//! ```
//!
//! Without arguments it goes through a table of sizes. `tests/scale` compares it with real stores.

mod arrivals;
#[path = "../../tests/secrets_manager/dice.rs"]
mod dice;
mod formula;
mod memory;
mod report;
mod scenario;
mod service;
mod simulation;

use std::process::ExitCode;

use oauth_token_store::embedded::Quotas;

use report::Report;
use scenario::Scenario;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    if arguments.is_empty() {
        tour();
        return ExitCode::SUCCESS;
    }
    match Scenario::from_arguments(&arguments) {
        Ok(scenario) => {
            println!("{}", report::HEADER);
            print(&scenario, true);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}\n\n{}", Scenario::help());
            ExitCode::FAILURE
        }
    }
}

fn print(scenario: &Scenario, with_notes: bool) {
    let outcome = simulation::simulate(scenario, Quotas::aws());
    let report = Report::of(scenario, &outcome);
    println!("{}", report.row());
    if with_notes {
        for note in report.notes() {
            println!("          {note}");
        }
    }
}

/// From what Secrets Manager hardly notices to what it does not take.
fn tour() {
    // Not less than it takes for the caches to fill, and for hundreds of tokens to expire.
    let standard = Scenario { warm_up: 600, duration: 1_800, ..Scenario::default() };
    let of_size = |tokens, instances| {
        let rate = f64::from(tokens) / 300.0;
        Scenario { tokens, instances, rate, ..standard.clone() }
    };
    println!(
        "Each token is wanted once in five minutes, and lives for an hour. What goes beyond a quota is counted"
    );
    println!("and answered, so these are the rates that are needed.\n\n{}", report::HEADER);
    for tokens in [1_000, 10_000, 100_000, 500_000] {
        for instances in [10, 100, 1_000, 10_000] {
            print(&Scenario { enforce_quotas: false, ..of_size(tokens, instances) }, false);
        }
    }

    let large = Scenario { enforce_quotas: false, ..of_size(100_000, 100) };
    println!("\nWhat else there is to choose, for the 100000 tokens of 100 instances:");
    let hourly = 3_600;
    for (choice, scenario) in [
        ("without the index of access tokens", Scenario { index_access_tokens: false, ..large.clone() }),
        ("access tokens live for a day", Scenario { refresh_every: 24 * hourly, ..large.clone() }),
        ("... and the time to live is an hour", {
            Scenario { refresh_every: 24 * hourly, time_to_live: hourly, warm_up: hourly, ..large.clone() }
        }),
        ("no cache", Scenario { time_to_live: 0, ..large.clone() }),
        ("instances live for 15 minutes", Scenario { recycle_after: 900, ..large.clone() }),
        ("some users come often", Scenario { zipf: 1.0, ..large.clone() }),
        ("an operator lists all tokens every 20 minutes", Scenario { list_every: 1_200, ..large.clone() }),
    ] {
        println!("\n{choice}\n{}", report::HEADER);
        print(&scenario, false);
    }

    println!(
        "\nBeyond the quota of 50 Puts a second, and what is beyond is throttled:\n\n{}",
        report::HEADER
    );
    for tokens in [150_000, 180_000, 200_000, 250_000] {
        print(&of_size(tokens, 100), false);
    }
}
