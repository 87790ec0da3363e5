//! The built function, driven as Lambda drives it: a Runtime API, processes that are frozen, killed and started, an OAuth
//! server and an API on ports of this machine, and Secrets Manager in LocalStack.
//!
//! `LOCALSTACK_ENDPOINT` names a running one, as in the library's own tests.

#[path = "../../../../tests/localstack/account.rs"]
mod account;
mod api;
#[path = "../../../../tests/localstack/causes.rs"]
mod causes;
#[path = "../../../../tests/localstack/environment.rs"]
mod environment;
mod invocations;
#[path = "../../local/mod.rs"]
mod local;
#[path = "../../../../tests/localstack/lossy_proxy.rs"]
#[allow(dead_code, reason = "the library's tests need more of it")]
mod lossy_proxy;
#[path = "../../../../tests/oauth_server/mod.rs"]
mod oauth_server;
mod processes;
mod start;
#[path = "../../../../tests/localstack/trials.rs"]
mod trials;
mod world;

use std::error::Error;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use libtest_mimic::{Arguments, Completion, Failed, Trial};

use crate::environment::{Environment, Missing};
use crate::trials::{complete_within, run_all};
use crate::world::World;

/// `?` takes any error, and a failed test shows all its causes.
type Failure = Box<dyn Error + Send + Sync>;
type TestResult = Result<(), Failure>;
type Test = fn(World) -> Pin<Box<dyn Future<Output = TestResult>>>;

/// A line of it is `module::function`, which is its name in the table too.
macro_rules! table {
    ($($module:ident::$function:ident,)*) => {
        &[$((
            concat!(stringify!($module), "::", stringify!($function)),
            |world| Box::pin($module::$function(world)),
        ),)*]
    };
}

/// All tests. To add one, add a line.
const TESTS: &[(&str, Test)] = table![
    invocations::many_share_one_process_one_refresh_and_one_read,
    invocations::a_user_without_a_login_is_told_to_log_in,
    invocations::a_user_whose_refresh_token_is_refused_is_told_to_log_in,
    invocations::a_token_that_another_process_replaced_is_read_again_after_a_401,
    invocations::a_401_that_nothing_newer_helps_is_the_answer,
    invocations::a_newer_token_that_is_refused_too_is_not_tried_again,
    invocations::what_fails_is_told_by_type_and_the_process_lives_on,
    invocations::a_server_that_cannot_be_reached_is_told_without_its_address,
    invocations::no_exchange_begins_that_the_deadline_could_cut_off,
    invocations::a_token_that_could_not_be_saved_is_used_and_saved_later,
    invocations::the_log_shows_nothing_however_much_is_asked_for,
    processes::a_pause_in_which_the_token_expires_ends_in_one_refresh,
    processes::one_killed_at_its_deadline_has_lost_nothing,
    processes::one_killed_in_an_exchange_that_was_not_carried_out_has_lost_nothing,
    processes::two_that_refresh_at_once_both_have_the_token_that_is_stored,
    start::a_missing_or_wrong_setting_is_reported_by_name,
];

/// For one test; a hanging one is to fail by its name.
const DEADLINE: Duration = Duration::from_secs(120);

fn main() -> ExitCode {
    let runtime = tokio::runtime::Runtime::new().expect("a tokio runtime");
    let arguments = Arguments::from_args();
    let environment = Arc::new(Environment::new(runtime.handle().clone()));
    let trials = TESTS
        .iter()
        .map(|&(name, test)| {
            let environment = environment.clone();
            let handle = runtime.handle().clone();
            Trial::ignorable_test(name, move || run(test, &environment, &handle))
        })
        .collect();
    run_all(&arguments, trials, || environment.shut_down())
}

fn run(
    test: Test,
    environment: &Environment,
    runtime: &tokio::runtime::Handle,
) -> Result<Completion, Failed> {
    let endpoint = match environment.endpoint() {
        Ok(endpoint) => endpoint,
        Err(Missing::Unavailable(_)) => return Ok(Completion::ignored_with("no LocalStack")),
        Err(Missing::Broken(message)) => return Err(message.into()),
    };
    complete_within(DEADLINE, runtime, async { test(World::new(endpoint).await?).await })
}
