//! The example as a program, and what it can be told.

use oauth_token_store::embedded::Quotas;

use crate::example_programs::{built, story_of};
use crate::report::{HEADER, Report};
use crate::scenario::Scenario;
use crate::simulation::simulate;

fn scenario(arguments: &str) -> Result<Scenario, String> {
    let arguments: Vec<_> = arguments.split_whitespace().map(str::to_owned).collect();
    Scenario::from_arguments(&arguments)
}

#[test]
fn it_prints_the_figures_of_what_it_is_told_and_says_what_is_wrong_with_it() {
    let arguments = "--tokens 500 --instances 7 --rate 20 --duration 600 --refresh-every 700";
    let mut program = built("scale");
    program.args(arguments.split(' '));
    let story = story_of(program);
    let scenario = scenario(arguments).expect("valid");
    let outcome = simulate(&scenario, Quotas::aws());
    let report = Report::of(&scenario, &outcome);
    assert_eq!(story, format!("{HEADER}\n{}\n{}", report.row(), lines(&report)));
    let figures: Vec<_> = report.row().split_whitespace().map(str::to_owned).collect();
    assert_eq!(figures[..3], ["500", "7", "20"]);
    assert!(figures.contains(&"PutSecretValue".to_owned()), "{story}");
    // $200 for the secrets, and what the requests cost.
    let cost: f64 = figures.last().expect("figures").parse().expect("a number");
    assert!((201.0..400.0).contains(&cost), "{story}");
}

fn lines(report: &Report<'_>) -> String {
    let notes = report.notes();
    assert!(notes.len() == 2 && notes[1].contains("every 640 s"), "{notes:?}");
    notes.iter().map(|note| format!("          {note}\n")).collect()
}

#[test]
fn it_says_what_is_wrong_and_what_it_understands() {
    let output = built("scale").args(["--tokens", "many"]).output().expect("it runs");
    assert!(!output.status.success());
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.starts_with("--tokens can't be many\n"), "{text}");
    assert!(text.contains(&Scenario::help()), "{text}");
}

#[test]
fn options_are_what_the_fields_are_called() {
    let told = scenario("--time-to-live 60 --zipf 0.9 --index-access-tokens false").expect("valid");
    assert_eq!((told.time_to_live, told.zipf, told.index_access_tokens), (60, 0.9, false));
    assert_eq!(told.tokens, Scenario::default().tokens);
    for (wrong, error) in [
        ("--users 1", "there is no --users"),
        ("tokens 1", "tokens is no option"),
        ("--tokens", "--tokens has no value"),
        ("--instances 0", "these settings make no sense together"),
        ("--refresh-every 60", "these settings make no sense together"),
    ] {
        assert_eq!(scenario(wrong).expect_err(wrong), error);
    }
}
