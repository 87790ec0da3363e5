//! Answers that are lost on the way to Python.

use oauth_token_store::{OAuthToken, TokenStore};
use serde_json::json;

use crate::{TestResult, context::Context, lossy_proxy::LossyProxy};

use super::python::{Python, saved};
use super::{BOB, PREFIX, bob, login, name_of_bob, refresh_token};

pub(crate) async fn a_save_without_an_answer_puts_no_old_refresh_token_over_a_newer_one(
    context: Context,
) -> TestResult {
    let store = context.store(PREFIX).await;
    store.save_token(&login().build()?).await?;
    let proxy = LossyProxy::before(context.endpoint(), "PutSecretValue").await?;
    let mut python = Python::through(&context, proxy.endpoint())?;

    // boto3 repeats it by itself, with the same token and the same content.
    proxy.lose_next_answers(1);
    python.save(BOB, json!({"scope": "one answer lost"})).await?;
    assert_eq!(proxy.lost(), 1);

    // It lands, but boto3 gives up.
    proxy.lose_next_answers(usize::MAX);
    let failed = python.ask(json!(["save", BOB, {"refresh_token": "second", "access_token": "a-2"}])).await?;
    assert_eq!(failed["error"], "Unfinished");
    let landed = store.find_by_user(BOB).await?.ok_or("bob is gone")?;
    assert_eq!(refresh_token(&landed), "second");
    store.save_token(&landed.to_builder().refresh_token("third").build()?).await?;
    let failed = python.ask(json!(["again"])).await?;
    assert_eq!(failed["error"], "Unfinished");
    proxy.lose_next_answers(0);
    saved(&python.ask(json!(["again"])).await?)?;
    let stored = store.find_by_user(BOB).await?.ok_or("bob is gone")?;
    assert_eq!((refresh_token(&stored), stored.scope()), ("third", Some("one answer lost")));
    // Nor does it put its fingerprint over that of the later one: who has written nothing finds it by its tag alone.
    let by_refresh_token = OAuthToken::builder().client_id("c").refresh_token("third").build()?;
    assert!(context.store(PREFIX).await.find_token(&by_refresh_token).await?.is_some());
    python.end().await
}

pub(crate) async fn a_create_whose_answer_was_lost_recognises_itself(context: Context) -> TestResult {
    let proxy = LossyProxy::before(context.endpoint(), "CreateSecret").await?;
    let mut python = Python::through(&context, proxy.endpoint())?;
    // boto3 sends it again, and LocalStack answers «exists», where AWS answers as if it were the first.
    proxy.lose_next_answers(1);
    python.save(BOB, json!({"refresh_token": "r"})).await?;
    assert_eq!(proxy.lost(), 1);
    let versions = context.client().list_secret_version_ids().secret_id(name_of_bob());
    assert_eq!(versions.include_deprecated(true).send().await?.versions().len(), 1);

    // boto3 gives up, and by then others have logged the user in anew.
    let store = context.store(PREFIX).await;
    python.ask(json!(["delete", BOB])).await?;
    proxy.lose_next_answers(usize::MAX);
    let failed = python.ask(json!(["save", BOB, {"refresh_token": "second"}])).await?;
    assert_eq!(failed["error"], "Unfinished");
    store.save_token(&bob().refresh_token("third").build()?).await?;
    proxy.lose_next_answers(0);
    saved(&python.ask(json!(["again"])).await?)?;
    let stored = store.find_by_user(BOB).await?.ok_or("bob is gone")?;
    assert_eq!(refresh_token(&stored), "third");
    python.end().await
}
