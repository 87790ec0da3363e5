//! Invocations of one process.

use std::time::Duration;

use serde_json::json;

use crate::TestResult;
use crate::local::Outcome;
use crate::oauth_server::ExchangeFault;
use crate::world::{BOB, World, answer, bob, good_answer, login_needed, shows_nothing};

const HOUR: Duration = Duration::from_secs(3600);
/// Less than the function wants.
const SOON: Duration = Duration::from_secs(30);

pub(crate) async fn many_share_one_process_one_refresh_and_one_read(world: World) -> TestResult {
    world.log_in(SOON).await?;
    let mut lambda = world.lambda()?;
    assert_eq!(answer(lambda.invoke(&bob()).await?)?, good_answer());
    // The process is frozen: what it has not sent by now it never sends.
    assert!(world.secrets_manager.under_way().is_empty());
    assert_eq!(
        world.secrets_manager.requests(),
        ["getsecretvalue", "getsecretvalue", "putsecretvalue", "tagresource"]
    );
    for _ in 0..100 {
        assert_eq!(answer(lambda.invoke(&bob()).await?)?, good_answer());
    }
    assert!(world.secrets_manager.requests().is_empty());
    assert_eq!((lambda.starts(), world.server.exchanges(), world.api.calls()), (1, 1, 101));
    world.nothing_is_lost().await
}

pub(crate) async fn a_user_without_a_login_is_told_to_log_in(world: World) -> TestResult {
    world.log_in(HOUR).await?;
    let mut lambda = world.lambda()?;
    assert_eq!(answer(lambda.invoke(&json!({ "user": "alice@example.com" })).await?)?, login_needed());
    assert_eq!((world.server.exchanges(), world.api.calls()), (0, 0));
    assert_eq!(answer(lambda.invoke(&bob()).await?)?, good_answer());
    Ok(())
}

pub(crate) async fn a_user_whose_refresh_token_is_refused_is_told_to_log_in(world: World) -> TestResult {
    world.log_in(SOON).await?;
    world.server.revoke_logins(BOB);
    let mut lambda = world.lambda()?;
    assert_eq!(answer(lambda.invoke(&bob()).await?)?, login_needed());
    assert_eq!((world.server.refused_exchanges(), world.api.calls()), (1, 0));
    // The new login may be in another process.
    world.log_in(HOUR).await?;
    assert_eq!(answer(lambda.invoke(&bob()).await?)?, good_answer());
    Ok(())
}

pub(crate) async fn a_token_that_another_process_replaced_is_read_again_after_a_401(
    world: World,
) -> TestResult {
    world.log_in(HOUR).await?;
    let mut lambda = world.lambda()?;
    assert_eq!(answer(lambda.invoke(&bob()).await?)?, good_answer());
    world.server.revoke_access_tokens(BOB);
    world.refresh_elsewhere().await?;
    assert_eq!(world.secrets_manager.requests(), ["getsecretvalue"]);
    assert_eq!(answer(lambda.invoke(&bob()).await?)?, good_answer());
    assert_eq!(world.secrets_manager.requests(), ["getsecretvalue"]);
    assert_eq!((world.server.exchanges(), world.api.calls()), (1, 3));
    Ok(())
}

pub(crate) async fn a_401_that_nothing_newer_helps_is_the_answer(world: World) -> TestResult {
    world.log_in(HOUR).await?;
    world.server.revoke_access_tokens(BOB);
    let refused = answer(world.lambda()?.invoke(&bob()).await?)?;
    assert_eq!((&refused["outcome"], &refused["status"]), (&json!("api_answered"), &json!(401)));
    assert_eq!((world.server.exchanges(), world.api.calls()), (0, 1));
    Ok(())
}

pub(crate) async fn a_newer_token_that_is_refused_too_is_not_tried_again(world: World) -> TestResult {
    world.log_in(HOUR).await?;
    let mut lambda = world.lambda()?;
    assert_eq!(answer(lambda.invoke(&bob()).await?)?, good_answer());
    world.refresh_elsewhere().await?;
    world.server.revoke_access_tokens(BOB);
    assert_eq!(answer(lambda.invoke(&bob()).await?)?["status"], json!(401));
    assert_eq!((world.server.exchanges(), world.api.calls()), (1, 3));
    Ok(())
}

pub(crate) async fn what_fails_is_told_by_type_and_the_process_lives_on(world: World) -> TestResult {
    world.log_in(SOON).await?;
    let mut lambda = world.lambda()?;
    for event in [
        json!({ "user": 7, "bob@example.com": "1000." }),
        json!({ "user": "" }),
        json!({ "user": "bob@example.com\0" }),
        json!("bob@example.com"),
    ] {
        failed_with(lambda.invoke(&event).await?, "BadEvent");
    }
    world.server.inject(ExchangeFault::ServerError);
    let message = failed_with(lambda.invoke(&bob()).await?, "RefreshFailed");
    assert!(message.contains("HTTP 500"), "{message}");
    // Then the OAuth server is well again.
    assert_eq!(answer(lambda.invoke(&bob()).await?)?, good_answer());
    assert_eq!(lambda.starts(), 1);
    shows_nothing(&lambda.log()?);
    world.nothing_is_lost().await
}

pub(crate) async fn a_server_that_cannot_be_reached_is_told_without_its_address(world: World) -> TestResult {
    world.log_in(SOON).await?;
    // Nobody listens there.
    let nowhere = "http://127.0.0.1:1/bob@example.com?key=1000.key";
    for (variable, error_type) in [("OAUTH_TOKEN_URL", "RefreshFailed"), ("API_URL", "ApiUnreachable")] {
        let mut lambda = world.lambda_with(&[(variable, nowhere)], Duration::from_secs(100))?;
        let message = failed_with(lambda.invoke(&bob()).await?, error_type);
        assert!(message.contains("Connection refused"), "{message}");
        shows_nothing(&lambda.log()?);
    }
    world.nothing_is_lost().await
}

pub(crate) async fn no_exchange_begins_that_the_deadline_could_cut_off(world: World) -> TestResult {
    world.log_in(SOON).await?;
    let mut hasty = world.lambda_with(&[], Duration::from_secs(20))?;
    let message = failed_with(hasty.invoke(&bob()).await?, "RefreshFailed");
    assert!(message.contains("longer timeout"), "{message}");
    assert_eq!(world.server.exchanges(), 0);
    assert_eq!(answer(world.lambda()?.invoke(&bob()).await?)?, good_answer());
    Ok(())
}

pub(crate) async fn a_token_that_could_not_be_saved_is_used_and_saved_later(world: World) -> TestResult {
    world.log_in(SOON).await?;
    let mut lambda =
        world.lambda_with(&[("OAUTH_TOKEN_STORE_WRITE_DEADLINE_SECONDS", "1")], Duration::from_secs(100))?;
    world.secrets_manager.lose_next_answers(usize::MAX);
    assert_eq!(answer(lambda.invoke(&bob()).await?)?, good_answer());
    assert!(lambda.log()?.contains("is in this process alone"), "{}", lambda.log()?);
    world.secrets_manager.lose_next_answers(0);
    assert_eq!(answer(lambda.invoke(&bob()).await?)?, good_answer());
    // The spent refresh token was not sent again.
    assert_eq!((world.server.exchanges(), world.server.refused_exchanges()), (1, 0));
    shows_nothing(&lambda.log()?);
    world.nothing_is_lost().await
}

pub(crate) async fn the_log_shows_nothing_however_much_is_asked_for(world: World) -> TestResult {
    for (level, format) in [("TRACE", "JSON"), ("DEBUG", "Text"), ("nonsense", "")] {
        world.log_in(SOON).await?;
        let mut lambda = world.lambda_with(
            &[("AWS_LAMBDA_LOG_LEVEL", level), ("AWS_LAMBDA_LOG_FORMAT", format)],
            Duration::from_secs(100),
        )?;
        assert_eq!(answer(lambda.invoke(&bob()).await?)?, good_answer());
        world.server.revoke_access_tokens(BOB);
        assert_eq!(answer(lambda.invoke(&bob()).await?)?["status"], json!(401));
        failed_with(lambda.invoke(&json!({ "User": BOB })).await?, "BadEvent");
        let log = lambda.log()?;
        shows_nothing(&log);
        // Something is in it, or nothing would be shown by that.
        assert!(log.contains("refreshed"), "{log}");
        assert_eq!(log.contains("DEBUG"), level != "nonsense", "{log}");
    }
    Ok(())
}

/// The message of a failure of this type, which names nobody.
fn failed_with(outcome: Outcome, error_type: &str) -> String {
    let Outcome::Failed(report) = outcome else { panic!("{outcome:?} is not {error_type}") };
    assert_eq!(report.error_type, error_type, "{}", report.error_message);
    shows_nothing(&report.error_message);
    report.error_message
}
