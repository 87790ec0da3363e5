//! Other programs on the same secrets: `examples/python/token_store.py`, the shell, an ECS task definition.

mod guide;
mod lost_answers;
mod python;
mod races;
mod together;

pub(crate) use guide::{
    the_python_of_the_guide_saves_what_it_says, the_shell_commands_of_the_guide_do_what_it_says,
    the_shell_commands_of_the_librarys_guides_show_fingerprints_only,
    the_task_definition_of_the_guide_resolves_to_the_access_token,
};
pub(crate) use lost_answers::{
    a_create_whose_answer_was_lost_recognises_itself,
    a_save_without_an_answer_puts_no_old_refresh_token_over_a_newer_one,
};
pub(crate) use python::programs;
pub(crate) use races::{
    a_create_that_comes_second_is_merged_into_the_first,
    a_write_based_on_a_read_before_others_wrote_is_refused_and_merged,
    many_of_both_that_change_one_token_lose_nothing,
    many_of_both_that_create_the_same_users_leave_one_record_each,
};
pub(crate) use together::{
    a_deleted_token_is_not_saved_again, a_stale_refresh_token_never_comes_back,
    a_token_scheduled_for_deletion_is_replaced_and_not_restored,
    a_version_moved_back_by_hand_is_written_over, an_expiry_time_stays_with_its_access_token,
    changes_of_both_to_one_token_stay, numbers_and_members_that_nobody_knows_stay_as_they_are,
    python_reads_what_rust_saved, rust_reads_what_python_saved, the_command_line_finds_saves_and_deletes,
    what_is_not_ours_is_refused_and_stays, what_is_stored_already_is_not_written_and_each_save_differs,
    what_was_changed_before_a_logout_adds_nothing_of_the_old_login_to_a_new_one,
};

use aws_sdk_secretsmanager::Client;
use oauth_token_store::secrecy::ExposeSecret;
use oauth_token_store::{OAuthToken, OAuthTokenBuilder, TokenId};

const PREFIX: &str = "app/tokens";
const BOB: &str = "bob";

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn bob() -> OAuthTokenBuilder {
    OAuthToken::builder().user_name(BOB)
}

fn login() -> OAuthTokenBuilder {
    bob().client_id("c").client_secret("s").refresh_token("first").access_token("a")
}

fn name_of_bob() -> String {
    format!("{PREFIX}/{}", TokenId::of_user(BOB).expect("valid").as_str())
}

fn refresh_token(token: &OAuthToken) -> &str {
    token.refresh_token().map_or("none", |token| token.expose_secret())
}

fn access_token(token: &OAuthToken) -> &str {
    token.access_token().map_or("none", |token| token.expose_secret())
}

/// The secret's value; none if it cannot be read.
async fn value_of_bob(client: &Client) -> Option<String> {
    client.get_secret_value().secret_id(name_of_bob()).send().await.ok()?.secret_string
}
