//! One after the other: what either has written is the other's to read and to change.

use std::process::Stdio;
use std::time::{Duration, SystemTime};

use oauth_token_store::{ErrorKind, OAuthToken, TokenId, TokenStore};
use serde_json::json;
use tokio::io::AsyncWriteExt;

use crate::{TestResult, context::Context};

use super::python::{Python, command, repository};
use super::{BOB, Failure, PREFIX, access_token, bob, login, name_of_bob, refresh_token, value_of_bob};

const UNICODE: &str = "Jos\u{e9} \"\\\u{1F511}";

pub(crate) async fn python_reads_what_rust_saved(context: Context) -> TestResult {
    let token = OAuthToken::builder()
        .user_name(UNICODE)
        .client_id("c")
        .client_secret(UNICODE)
        .refresh_token("r\n")
        .access_token("a")
        .grant_token("g")
        .redirect_url("https://example.com/cb")
        .api_domain("https://api.example.com")
        .scope("one two")
        .token_type("Bearer")
        .expiry_time(SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123))
        .extra("instance_url", UNICODE);
    context.store(PREFIX).await.save_token(&token.build()?).await?;
    let mut python = Python::start(&context)?;
    let mut found = python.find(UNICODE).await?;
    found.as_object_mut().and_then(|members| members.remove("save")).ok_or("no save key")?;
    let expected = json!({
        "schema": "1", "user_name": UNICODE, "client_id": "c", "client_secret": UNICODE, "refresh_token": "r\n",
        "access_token": "a", "grant_token": "g", "redirect_url": "https://example.com/cb",
        "api_domain": "https://api.example.com", "scope": "one two", "token_type": "Bearer",
        "expiry_time": "1700000000123", "instance_url": UNICODE,
    });
    assert_eq!(found, expected);
    assert!(python.find("nobody").await?.is_null());
    python.end().await
}

pub(crate) async fn rust_reads_what_python_saved(context: Context) -> TestResult {
    let mut python = Python::start(&context)?;
    let changes = json!({
        "client_id": "c", "client_secret": "s", "refresh_token": "r", "access_token": "a", "grant_token": "g",
        "scope": "one two", "expiry_time": "1700000000123", "instance_url": UNICODE, "empty": "", "redirect_url": "",
    });
    python.save(UNICODE, changes).await?;
    let store = context.store(PREFIX).await;
    let by_user = store.find_by_user(UNICODE).await?.ok_or("not found by its user")?;
    assert_eq!((refresh_token(&by_user), access_token(&by_user)), ("r", "a"));
    assert_eq!((by_user.client_id(), by_user.scope()), (Some("c"), Some("one two")));
    assert_eq!(
        by_user.expiry_time(),
        Some(SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123))
    );
    assert_eq!(by_user.extra("instance_url"), Some(UNICODE));
    assert_eq!(by_user.redirect_url(), None);
    assert_eq!(by_user.assigned_id(), Some(&TokenId::of_user(UNICODE)?));

    // These are answered by tags alone: those of the first save, then those of a later one.
    let partial = || OAuthToken::builder().client_id("c");
    let finds = async |token: OAuthToken| Ok::<_, Failure>(store.find_token(&token).await?.is_some());
    assert!(finds(partial().refresh_token("r").build()?).await?);
    assert!(finds(partial().grant_token("g").build()?).await?);
    assert!(finds(OAuthToken::builder().access_token("a").build()?).await?);
    python.save(UNICODE, json!({"refresh_token": "r-2", "access_token": "a-2"})).await?;
    assert!(finds(partial().refresh_token("r-2").build()?).await?);
    assert!(finds(OAuthToken::builder().access_token("a-2").build()?).await?);
    assert!(!finds(partial().refresh_token("r").build()?).await?);
    python.end().await
}

pub(crate) async fn changes_of_both_to_one_token_stay(context: Context) -> TestResult {
    let store = context.store(PREFIX).await;
    store.save_token(&login().id("own-1").build()?).await?;
    let mut python = Python::start(&context)?;
    python.find(BOB).await?;
    let held = store.find_by_user(BOB).await?.ok_or("bob is gone")?;

    store.save_token(&held.to_builder().scope("of Rust").build()?).await?;
    // All that Python has found, and one change.
    let saved =
        json!({"client_id": "c", "client_secret": "s", "refresh_token": "first", "api_domain": "of Python"});
    let saved = python.save_found(BOB, saved).await?;
    assert_eq!((&saved["scope"], &saved["api_domain"]), (&json!("of Rust"), &json!("of Python")));
    // And Rust over Python's, based on what was found before.
    store.save_token(&held.to_builder().token_type("Bearer").build()?).await?;

    let by_own_id = OAuthToken::builder().id("own-1").build()?;
    let stored = store.find_token(&by_own_id).await?.ok_or("not found by its own id")?;
    assert_eq!(
        (stored.scope(), stored.api_domain(), stored.token_type()),
        (Some("of Rust"), Some("of Python"), Some("Bearer"))
    );
    python.end().await
}

pub(crate) async fn numbers_and_members_that_nobody_knows_stay_as_they_are(context: Context) -> TestResult {
    let unknown = r#""e":"","n":1.50,"big":12345678901234567890123,"z":null,"lone":"\ud800""#;
    let value = format!(r#"{{"schema":"1","user_name":"bob","access_token":"a",{unknown}}}"#);
    context.client().create_secret().name(name_of_bob()).secret_string(value).send().await?;
    assert!(token_store(&context, &["save", BOB], r#"{"scope": "all"}"#).await?.0);
    let stored = value_of_bob(context.client()).await.ok_or("bob is gone")?;
    assert!(stored.contains(unknown), "{stored}");
    let bob = context.store(PREFIX).await.find_by_user(BOB).await?.ok_or("bob is gone")?;
    assert_eq!(bob.scope(), Some("all"));
    Ok(())
}

pub(crate) async fn what_is_stored_already_is_not_written_and_each_save_differs(
    context: Context,
) -> TestResult {
    let mut python = Python::start(&context)?;
    let first = python.save(BOB, json!({"access_token": "a", "scope": "all"})).await?;
    assert_eq!(python.save(BOB, json!({"scope": "all"})).await?["save"], first["save"], "not written");
    let changed = python.save(BOB, json!({"scope": "none"})).await?;
    let changed_back = python.save(BOB, json!({"scope": "all"})).await?;
    assert!(changed["save"] != first["save"] && changed_back["save"] != first["save"]);
    python.end().await
}

pub(crate) async fn a_stale_refresh_token_never_comes_back(context: Context) -> TestResult {
    let store = context.store(PREFIX).await;
    store.save_token(&login().build()?).await?;
    let mut python = Python::start(&context)?;
    let found = python.find(BOB).await?;
    assert_eq!(found["refresh_token"], "first");
    store.save_token(&bob().refresh_token("of Rust").access_token("a-2").build()?).await?;
    // All that was found, and a change.
    python.save_found(BOB, json!({"refresh_token": "first", "access_token": "a", "scope": "all"})).await?;
    let held = store.find_by_user(BOB).await?.ok_or("bob is gone")?;
    assert_eq!((refresh_token(&held), access_token(&held), held.scope()), ("of Rust", "a-2", Some("all")));

    python.save(BOB, json!({"refresh_token": "of Python"})).await?;
    store.save_token(&held.to_builder().api_domain("changed").build()?).await?;
    let stored = store.find_by_user(BOB).await?.ok_or("bob is gone")?;
    assert_eq!((refresh_token(&stored), stored.api_domain()), ("of Python", Some("changed")));
    python.end().await
}

pub(crate) async fn a_deleted_token_is_not_saved_again(context: Context) -> TestResult {
    let store = context.store(PREFIX).await;
    store.save_token(&login().build()?).await?;
    let mut python = Python::start(&context)?;
    python.find(BOB).await?;
    store.delete_token(&TokenId::of_user(BOB)?).await?;
    for changes in [json!({}), json!({"access_token": "newer", "refresh_token": "newer"})] {
        let refused = python.ask(json!(["save_found", BOB, changes])).await?;
        assert_eq!(refused["error"], "Deleted");
    }
    assert!(value_of_bob(context.client()).await.is_none(), "a deleted token came back");

    // And the other way round.
    python.save(BOB, json!({"refresh_token": "second login"})).await?;
    let held = store.find_by_user(BOB).await?.ok_or("bob is gone")?;
    python.ask(json!(["delete", BOB])).await?;
    python.ask(json!(["delete", BOB])).await?; // a missing one is no error
    let refused = store.save_token(&held.to_builder().access_token("newer").build()?).await;
    assert_eq!(refused.expect_err("it was deleted").kind(), ErrorKind::Deleted);
    assert!(value_of_bob(context.client()).await.is_none(), "a deleted token came back");
    python.end().await
}

pub(crate) async fn what_was_changed_before_a_logout_adds_nothing_of_the_old_login_to_a_new_one(
    context: Context,
) -> TestResult {
    let store = context.store(PREFIX).await;
    store.save_token(&login().build()?).await?;
    let mut python = Python::start(&context)?;
    python.find(BOB).await?;
    // Based on the old login's secret, and sent when there is the new one's.
    let save = json!(["save_found", BOB, {"scope": "all"}]);
    python.stop_before("PutSecretValue", save).await?;
    store.delete_token(&TokenId::of_user(BOB)?).await?;
    store.save_token(&bob().refresh_token("new login").build()?).await?;
    python.go_on().await?;
    let stored = store.find_by_user(BOB).await?.ok_or("bob is gone")?;
    assert_eq!((refresh_token(&stored), stored.scope()), ("new login", Some("all")));
    assert!(stored.client_secret().is_none() && stored.access_token().is_none());
    python.end().await
}

pub(crate) async fn a_token_scheduled_for_deletion_is_replaced_and_not_restored(
    context: Context,
) -> TestResult {
    let store = context.store(PREFIX).await;
    store.save_token(&login().build()?).await?;
    let mut python = Python::start(&context)?;
    python.find(BOB).await?;
    context.client().delete_secret().secret_id(name_of_bob()).recovery_window_in_days(7).send().await?;
    let refused = python.ask(json!(["save_found", BOB, {"scope": "all"}])).await?;
    assert_eq!(refused["error"], "Deleted");
    assert!(python.find(BOB).await?.is_null());
    python.save(BOB, json!({"refresh_token": "again"})).await?;
    let stored = store.find_by_user(BOB).await?.ok_or("bob is gone")?;
    assert_eq!(refresh_token(&stored), "again");
    assert!(stored.client_secret().is_none());
    python.end().await
}

pub(crate) async fn a_version_moved_back_by_hand_is_written_over(context: Context) -> TestResult {
    let client = context.client();
    let mut python = Python::start(&context)?;
    python.save(BOB, json!({"refresh_token": "first"})).await?;
    let current = || async {
        let answer = client.get_secret_value().secret_id(name_of_bob()).send().await?;
        Ok::<_, Failure>(answer.version_id.ok_or("no version")?)
    };
    let first = current().await?;
    // One, since LocalStack forgets a version that has no label, and its slot with it.
    python.save(BOB, json!({"x": "1"})).await?;
    let last = current().await?;
    let roll_back = client.update_secret_version_stage().secret_id(name_of_bob()).version_stage("AWSCURRENT");
    roll_back.move_to_version_id(&first).remove_from_version_id(&last).send().await?;

    let saved = python.save(BOB, json!({"y": "1"})).await?;
    assert!(saved.get("x").is_none() && saved["y"] == "1", "{saved}");
    let stored = context.store(PREFIX).await.find_by_user(BOB).await?.ok_or("bob is gone")?;
    assert_eq!((stored.extra("x"), stored.extra("y")), (None, Some("1")));
    python.end().await
}

pub(crate) async fn an_expiry_time_stays_with_its_access_token(context: Context) -> TestResult {
    let store = context.store(PREFIX).await;
    let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    let mut python = Python::start(&context)?;
    let stored = async || store.find_by_user(BOB).await?.ok_or_else(|| Failure::from("bob is gone"));
    python.save(BOB, json!({"access_token": "a", "expiry_time": "1000"})).await?;
    assert_eq!(stored().await?.expiry_time(), Some(at(1)));
    // An access token without an expiry time ends that of the one before it.
    python.save(BOB, json!({"access_token": "a-2"})).await?;
    assert_eq!(stored().await?.expiry_time(), None);

    // A correction of an expiry time is not one of a later access token's, and another field does not touch it.
    python.find(BOB).await?;
    store.save_token(&bob().access_token("a-3").expiry_time(at(3)).build()?).await?;
    python.save_found(BOB, json!({"expiry_time": "2000", "scope": "all"})).await?;
    let token = stored().await?;
    assert_eq!((access_token(&token), token.scope(), token.expiry_time()), ("a-3", Some("all"), Some(at(3))));

    // The same expiry time with another access token is that one's.
    python.find(BOB).await?;
    store.save_token(&bob().access_token("a-4").expiry_time(at(4)).build()?).await?;
    python.save_found(BOB, json!({"access_token": "a-5", "expiry_time": "3000"})).await?;
    let token = stored().await?;
    assert_eq!((access_token(&token), token.expiry_time()), ("a-5", Some(at(3))));
    python.end().await
}

pub(crate) async fn what_is_not_ours_is_refused_and_stays(context: Context) -> TestResult {
    let client = context.client();
    let mut python = Python::start(&context)?;
    client.create_secret().name(name_of_bob()).secret_string("hunter2").send().await?;
    for value in [
        "hunter2",
        "[]",
        r#"{"schema":"2","user_name":"bob"}"#,
        r#"{"user_name":"bob"}"#,
        r#"{"schema":1,"user_name":"bob"}"#,
        r#"{"schema":"1","user_name":"bob","access_token":7}"#,
        r#"{"schema":"1","user_name":"bob","access_token":null}"#,
        r#"{"schema":"1","user_name":"bob","expiry_time":"soon"}"#,
        r#"{"schema":"1","user_name":"bob","x":NaN}"#,
        r#"{"schema":"1","user_name":"bob","access_token":"\ud800"}"#,
        r#"{"schema":"1","user_name":"bob","x":"\u0000"}"#,
    ] {
        client.put_secret_value().secret_id(name_of_bob()).secret_string(value).send().await?;
        for request in [json!(["find", BOB]), json!(["save", BOB, {"access_token": "a"}])] {
            let refused = python.ask(request).await?;
            assert_eq!(refused["error"], "TokenError", "{value}");
            let message = refused["message"].as_str().unwrap_or_default();
            assert!(message.contains(&name_of_bob()) && !message.contains("hunter2"), "{message}");
        }
        assert_eq!(value_of_bob(client).await.as_deref(), Some(value));
    }

    // A record that does not hold what it was asked for is none, and is not written over.
    let of_eve = r#"{"schema":"1","user_name":"eve","access_token":"a"}"#;
    client.put_secret_value().secret_id(name_of_bob()).secret_string(of_eve).send().await?;
    assert!(python.find(BOB).await?.is_null());
    let refused = python.ask(json!(["save", BOB, {"access_token": "b"}])).await?;
    assert_eq!(refused["error"], "TokenError");
    assert_eq!(value_of_bob(client).await.as_deref(), Some(of_eve));

    // Nor is another OAuth client's, and what could not be read again is not written.
    let of_another_client = r#"{"schema":"1","user_name":"bob","client_id":"c","access_token":"a"}"#;
    client.put_secret_value().secret_id(name_of_bob()).secret_string(of_another_client).send().await?;
    for (changes, error) in [
        (json!({"client_id": "other", "access_token": "b"}), "TokenError"),
        (json!({"access_token": "x".repeat(70_000)}), "TokenError"),
        (json!({"access_token": "x\0"}), "ValueError"),
        (json!({"access_token": "\u{fffd}", "expiry_time": "soon"}), "ValueError"),
        (json!({"access_token": 7}), "ValueError"),
        (json!({"user_name": "eve"}), "ValueError"),
        (json!({"schema": "2"}), "ValueError"),
    ] {
        let refused = python.ask(json!(["save", BOB, changes])).await?;
        assert_eq!(refused["error"], error, "{changes}");
    }
    let refused = python.ask(json!(["save", "alice", {"scope": "all"}])).await?;
    assert_eq!(refused["error"], "TokenError", "there is no token to store");
    assert_eq!(value_of_bob(client).await.as_deref(), Some(of_another_client));
    python.end().await
}

/// Runs it as a program; returns whether it succeeded, and what it printed.
async fn token_store(context: &Context, arguments: &[&str], input: &str) -> Result<(bool, String), Failure> {
    let mut command = command(context, "python")?;
    command.arg(repository("examples/python/token_store.py")).args(arguments);
    command.env("OAUTH_TOKEN_STORE_PREFIX", PREFIX);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let mut stdin = child.stdin.take().ok_or("no stdin")?;
    stdin.write_all(input.as_bytes()).await?;
    drop(stdin);
    let output = child.wait_with_output().await?;
    Ok((output.status.success(), String::from_utf8(output.stdout)?))
}

pub(crate) async fn the_command_line_finds_saves_and_deletes(context: Context) -> TestResult {
    let store = context.store(PREFIX).await;
    let run = async |arguments: &[&str], input| token_store(&context, arguments, input).await;
    assert_eq!(run(&["find", BOB], "").await?, (false, String::new()));
    assert_eq!(run(&["save", BOB], r#"{"refresh_token": "r"}"#).await?, (true, String::new()));
    let stored = store.find_by_user(BOB).await?.ok_or("bob is gone")?;
    assert_eq!(refresh_token(&stored), "r");
    let (found, shown) = run(&["find", BOB], "").await?;
    assert!(found && serde_json::from_str::<serde_json::Value>(&shown)?["refresh_token"] == "r", "{shown}");
    assert_eq!(run(&["delete", BOB], "").await?, (true, String::new()));
    assert!(store.find_by_user(BOB).await?.is_none());
    assert!(!run(&[], "").await?.0 && !run(&["forget", BOB], "").await?.0);
    Ok(())
}
