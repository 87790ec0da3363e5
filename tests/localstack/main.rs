//! What can only be shown against a Secrets Manager that is not our own: LocalStack.
//!
//! `LOCALSTACK_ENDPOINT` names a running one; without it, one container serves the whole run. Where neither is to be
//! had, every test is reported as ignored, or as failed under `OAUTH_TOKEN_STORE_REQUIRE_LOCALSTACK=1`.

mod account;
#[path = "../canary/canaries.rs"]
#[allow(dead_code, reason = "its own test program needs more of it")]
mod canaries;
mod canary;
#[path = "../captured_log/mod.rs"]
mod captured_log;
mod causes;
mod child;
mod conformance;
mod context;
mod environment;
mod killed;
mod lossy_proxy;
mod polyglot;
mod processes;
#[path = "../canary/reported.rs"]
#[allow(dead_code, reason = "its own test program needs more of it")]
mod reported;
#[path = "../canary/script.rs"]
mod script;
mod smoke;
#[path = "../canary/stage.rs"]
#[allow(dead_code, reason = "its own test program needs more of it")]
mod stage;
mod store;
mod trials;
#[path = "../canary/watch.rs"]
#[allow(dead_code, reason = "its own test program needs more of it")]
mod watch;

#[path = "../secrets_manager/dice.rs"]
mod dice;
#[path = "../oauth_server/mod.rs"]
mod oauth_server;

use std::{error::Error, pin::Pin, process::ExitCode, sync::Arc, time::Duration};

use libtest_mimic::{Arguments, Completion, Failed, Trial};

use crate::{
    child::Child,
    context::Context,
    environment::{Environment, Missing},
    trials::{complete_within, run_all},
};

/// `?` takes any error, and a failed test shows all its causes.
type TestResult = Result<(), Box<dyn Error + Send + Sync>>;
type TestFuture = Pin<Box<dyn Future<Output = TestResult>>>;

/// A name in the report, and the test, which gets an empty account of its own.
type Test = (&'static str, fn(Context) -> TestFuture);

/// Makes a table of async functions: a line of it is `module::function`, which is its name in the table too.
macro_rules! table {
    ($($module:ident::$function:ident,)*) => {
        &[$((
            concat!(stringify!($module), "::", stringify!($function)),
            |argument| Box::pin($module::$function(argument)),
        ),)*]
    };
}

/// All tests. To add one, add a line.
const TESTS: &[Test] = table![
    smoke::accounts_see_nothing_of_each_other,
    smoke::a_child_process_finds_the_account_by_its_environment,
    conformance::one_store_keeps_every_rule,
    conformance::a_fresh_store_for_each_step_keeps_every_rule,
    conformance::two_stores_in_turn_keep_every_rule,
    processes::two_that_save_the_same_new_user_leave_one_record,
    processes::two_that_change_different_fields_of_one_token_leave_both_changes,
    processes::one_that_holds_a_deleted_token_cannot_bring_it_back,
    killed::processes_killed_at_any_moment_tear_and_lose_nothing,
    store::twelve_writers_of_one_token_leave_all_their_changes,
    store::a_save_based_on_a_deleted_token_brings_nothing_of_it_back,
    store::a_version_moved_back_by_hand_is_written_over,
    store::a_name_scheduled_for_deletion_by_somebody_else_is_replaced,
    store::what_is_not_ours_is_never_touched,
    store::a_corrupt_secret_is_named_and_kept,
    store::requests_are_as_many_as_documented,
    store::a_cached_store_reads_once_and_sees_its_own_changes_at_once,
    store::an_answer_lost_after_a_put_never_lets_an_old_refresh_token_replace_a_newer_one,
    store::a_create_whose_answer_was_lost_recognises_itself,
    store::an_unreachable_endpoint_is_unavailable,
    canary::a_process_that_logs_at_trace_shows_nothing,
    canary::a_process_that_is_to_log_sensitive_bodies_does,
];

/// Those that take Python and the AWS CLI, too: `examples/python/setup` provides them.
const POLYGLOT: &[Test] = table![
    polyglot::python_reads_what_rust_saved,
    polyglot::rust_reads_what_python_saved,
    polyglot::changes_of_both_to_one_token_stay,
    polyglot::numbers_and_members_that_nobody_knows_stay_as_they_are,
    polyglot::what_is_stored_already_is_not_written_and_each_save_differs,
    polyglot::a_write_based_on_a_read_before_others_wrote_is_refused_and_merged,
    polyglot::many_of_both_that_change_one_token_lose_nothing,
    polyglot::many_of_both_that_create_the_same_users_leave_one_record_each,
    polyglot::a_create_that_comes_second_is_merged_into_the_first,
    polyglot::a_stale_refresh_token_never_comes_back,
    polyglot::a_save_without_an_answer_puts_no_old_refresh_token_over_a_newer_one,
    polyglot::a_create_whose_answer_was_lost_recognises_itself,
    polyglot::a_deleted_token_is_not_saved_again,
    polyglot::what_was_changed_before_a_logout_adds_nothing_of_the_old_login_to_a_new_one,
    polyglot::a_token_scheduled_for_deletion_is_replaced_and_not_restored,
    polyglot::a_version_moved_back_by_hand_is_written_over,
    polyglot::an_expiry_time_stays_with_its_access_token,
    polyglot::what_is_not_ours_is_refused_and_stays,
    polyglot::the_command_line_finds_saves_and_deletes,
    polyglot::the_shell_commands_of_the_guide_do_what_it_says,
    polyglot::the_shell_commands_of_the_librarys_guides_show_fingerprints_only,
    polyglot::the_python_of_the_guide_saves_what_it_says,
    polyglot::the_task_definition_of_the_guide_resolves_to_the_access_token,
];

/// What [`Context::child`] can run in a process of its own. To add one, add a line.
const CHILDREN: &[Child] = table![
    smoke::print_secret,
    processes::save_on_command,
    processes::hold_a_token_and_save_it,
    killed::work,
    canary::do_everything,
];

/// For one test; a hanging one is to fail by its name. The conformance kit takes 80 s of it, more on a busy machine.
const DEADLINE: Duration = Duration::from_secs(300);

fn main() -> ExitCode {
    let runtime = tokio::runtime::Runtime::new().expect("a tokio runtime");
    if let Some(exit_code) = child::run_if_asked(CHILDREN, &runtime) {
        return exit_code;
    }
    let arguments = Arguments::from_args();
    let environment = Arc::new(Environment::new(runtime.handle().clone()));
    let alone = TESTS.iter().map(|test| (test, NOTHING_ELSE));
    let with_python = POLYGLOT.iter().map(|test| (test, polyglot::programs as Needs));
    let trials = alone
        .chain(with_python)
        .map(|(&(name, test), needs)| {
            let environment = environment.clone();
            let handle = runtime.handle().clone();
            Trial::ignorable_test(name, move || run(test, needs, &environment, &handle))
        })
        .collect();
    run_all(&arguments, trials, || environment.shut_down())
}

/// Says whether what a test takes beside LocalStack is there.
type Needs = fn() -> Result<(), Missing>;

const NOTHING_ELSE: Needs = || Ok(());

fn run(
    test: fn(Context) -> TestFuture,
    needs: Needs,
    environment: &Environment,
    runtime: &tokio::runtime::Handle,
) -> Result<Completion, Failed> {
    let endpoint = match environment.endpoint() {
        Ok(endpoint) => endpoint,
        Err(Missing::Unavailable(_)) => return Ok(Completion::ignored_with("no LocalStack")),
        Err(Missing::Broken(message)) => return Err(message.into()),
    };
    match needs() {
        Ok(()) => {}
        Err(Missing::Unavailable(reason)) => return Ok(Completion::ignored_with(reason)),
        Err(Missing::Broken(message)) => return Err(message.into()),
    }
    complete_within(DEADLINE, runtime, async { test(Context::new(endpoint)).await })
}
