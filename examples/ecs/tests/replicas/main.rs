//! What `compose.yaml` starts: two replicas of the service, LocalStack and an OAuth server on one Docker network, and what
//! becomes of requests when one of them is cut off, stopped or killed.
//!
//! Without Docker every test is reported as ignored, or as failed under `OAUTH_TOKEN_STORE_REQUIRE_LOCALSTACK=1`.

#[path = "../../../../tests/localstack/causes.rs"]
mod causes;
mod deployment;
mod docker;
mod environment;
mod replica;
mod scenes;
#[path = "../../../../tests/localstack/trials.rs"]
mod trials;

use std::error::Error;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use libtest_mimic::{Arguments, Completion, Failed, Trial};

use deployment::Deployment;
use environment::{Environment, Missing};
use trials::{complete_within, run_all};

type Failure = Box<dyn Error + Send + Sync>;
type TestResult = Result<(), Failure>;
type Scene = for<'a> fn(&'a Deployment) -> Pin<Box<dyn Future<Output = TestResult> + 'a>>;

macro_rules! table {
    ($($function:ident,)*) => {
        &[$((stringify!($function), |deployment| Box::pin(scenes::$function(deployment))),)*]
    };
}

/// All tests, one after the other on one deployment: each leaves it as it was. To add one, add a line.
const TESTS: &[(&str, Scene)] = table![
    a_token_saved_through_one_is_served_by_the_other,
    a_token_rotated_by_one_is_seen_by_the_other,
    a_token_that_an_api_has_refused_is_read_anew,
    a_logout_through_one_is_seen_by_the_other,
    each_failure_has_its_status,
    a_replica_that_is_cut_off_harms_nobody_and_comes_back,
    a_replica_that_is_stopped_and_started_harms_nobody,
    an_outage_of_secrets_manager_stops_no_token_that_is_in_memory,
    what_is_under_way_at_a_stop_is_answered,
    what_nobody_waits_for_at_a_stop_is_saved,
    what_could_not_be_saved_is_saved_before_a_stop,
    probes_and_scrapes_ask_secrets_manager_for_nothing,
    logs_and_metrics_tell_of_requests_and_of_nobody,
];

/// For one test; a hanging one is to fail by its name.
const DEADLINE: Duration = Duration::from_secs(120);

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let runtime = Arc::new(tokio::runtime::Runtime::new().expect("a tokio runtime"));
    let environment = Arc::new(Environment::new(Arc::clone(&runtime)));
    let trials = TESTS
        .iter()
        .map(|&(name, test)| {
            let (environment, runtime) = (Arc::clone(&environment), Arc::clone(&runtime));
            Trial::ignorable_test(name, move || run(test, &environment, &runtime))
        })
        .collect();
    run_all(&arguments, trials, || environment.shut_down())
}

fn run(
    test: Scene,
    environment: &Environment,
    runtime: &tokio::runtime::Runtime,
) -> Result<Completion, Failed> {
    let deployment = match environment.deployment() {
        Ok(deployment) => deployment,
        Err(Missing::Unavailable(_)) => return Ok(Completion::ignored_with("no Docker")),
        Err(Missing::Broken(reason)) => return Err(reason.as_str().into()),
    };
    complete_within(DEADLINE, runtime.handle(), test(deployment))
}
