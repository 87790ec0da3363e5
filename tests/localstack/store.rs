//! The store's protocol where the service is not our own.

use aws_sdk_secretsmanager::Client;
use futures_util::future::try_join_all;
use oauth_token_store::secrecy::ExposeSecret;
use oauth_token_store::{ErrorKind, OAuthToken, OAuthTokenBuilder, TokenId, TokenStore};

use crate::{
    TestResult,
    context::{Context, store_with},
    lossy_proxy::LossyProxy,
};

const PREFIX: &str = "app/tokens";

fn bob() -> OAuthTokenBuilder {
    OAuthToken::builder().user_name("bob")
}

fn login() -> OAuthTokenBuilder {
    bob().client_id("c").client_secret("s").refresh_token("first").access_token("a")
}

fn name_of_bob() -> String {
    format!("{PREFIX}/{}", TokenId::of_user("bob").expect("valid").as_str())
}

fn refresh_token(token: &OAuthToken) -> &str {
    token.refresh_token().map_or("none", |token| token.expose_secret())
}

async fn value_of_bob(client: &Client) -> Option<String> {
    client.get_secret_value().secret_id(name_of_bob()).send().await.ok()?.secret_string
}

pub(crate) async fn twelve_writers_of_one_token_leave_all_their_changes(context: Context) -> TestResult {
    const WRITERS: usize = 12;
    const ROUNDS: usize = 5;
    let store = context.store(PREFIX).await;
    store.save_token(&login().build()?).await?;
    for round in 0..ROUNDS {
        let saves = (0..WRITERS).map(|writer| {
            let context = &context;
            async move {
                let token = bob().extra(format!("{round}-{writer}"), "1").build()?;
                context.store(PREFIX).await.save_token(&token).await
            }
        });
        try_join_all(saves).await?;
    }
    let bob = store.find_by_user("bob").await?.ok_or("bob is gone")?;
    assert_eq!(bob.extras().count(), WRITERS * ROUNDS);
    Ok(())
}

pub(crate) async fn a_save_based_on_a_deleted_token_brings_nothing_of_it_back(
    context: Context,
) -> TestResult {
    let (one, two) = (context.store(PREFIX).await, context.store(PREFIX).await);
    one.save_token(&login().build()?).await?;
    let held = one.find_by_user("bob").await?.ok_or("bob is gone")?;
    two.delete_token(&TokenId::of_user("bob")?).await?;
    two.save_token(&bob().refresh_token("new login").build()?).await?;
    one.save_token(&held.to_builder().scope("all").build()?).await?;
    let stored = two.find_by_user("bob").await?.ok_or("bob is gone")?;
    assert_eq!((refresh_token(&stored), stored.scope()), ("new login", Some("all")));
    assert!(stored.client_secret().is_none());
    Ok(())
}

pub(crate) async fn a_version_moved_back_by_hand_is_written_over(context: Context) -> TestResult {
    let store = context.store(PREFIX).await;
    let client = context.client();
    store.save_token(&login().build()?).await?;
    let current = || async {
        let answer = client.get_secret_value().secret_id(name_of_bob()).send().await?;
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(answer.version_id.ok_or("no version")?)
    };
    let first = current().await?;
    for n in 0..3 {
        store.save_token(&bob().extra("x", n.to_string()).build()?).await?;
    }
    let last = current().await?;
    let roll_back = client.update_secret_version_stage().secret_id(name_of_bob()).version_stage("AWSCURRENT");
    roll_back.move_to_version_id(&first).remove_from_version_id(&last).send().await?;

    store.save_token(&bob().extra("y", "1").build()?).await?;
    let stored = store.find_by_user("bob").await?.ok_or("bob is gone")?;
    assert_eq!((stored.extra("x"), stored.extra("y")), (None, Some("1")));
    Ok(())
}

pub(crate) async fn a_name_scheduled_for_deletion_by_somebody_else_is_replaced(
    context: Context,
) -> TestResult {
    let store = context.store(PREFIX).await;
    store.save_token(&login().build()?).await?;
    context.client().delete_secret().secret_id(name_of_bob()).recovery_window_in_days(7).send().await?;
    assert!(store.find_by_user("bob").await?.is_none());
    assert!(store.get_tokens().await?.is_empty());
    store.save_token(&bob().refresh_token("again").build()?).await?;
    let stored = store.find_by_user("bob").await?.ok_or("bob is gone")?;
    assert_eq!(refresh_token(&stored), "again");
    assert!(stored.client_secret().is_none());
    Ok(())
}

pub(crate) async fn what_is_not_ours_is_never_touched(context: Context) -> TestResult {
    let store = context.store(PREFIX).await;
    let client = context.client();
    let foreign = [
        format!("{PREFIX}/config"),
        format!("{PREFIX}/deeper/{}", TokenId::of_user("bob")?.as_str()),
        format!("{PREFIX}-2/{}", TokenId::of_user("bob")?.as_str()),
    ];
    for name in &foreign {
        client.create_secret().name(name).secret_string("theirs").send().await?;
    }
    store.save_token(&login().build()?).await?;
    assert_eq!(store.get_tokens().await?.len(), 1);
    store.delete_tokens().await?;
    assert!(value_of_bob(client).await.is_none());
    for name in &foreign {
        let left = client.get_secret_value().secret_id(name).send().await?;
        assert_eq!(left.secret_string(), Some("theirs"));
    }
    Ok(())
}

pub(crate) async fn a_corrupt_secret_is_named_and_kept(context: Context) -> TestResult {
    let store = context.store(PREFIX).await;
    context.client().create_secret().name(name_of_bob()).secret_string("hunter2").send().await?;
    for error in [
        store.find_by_user("bob").await.expect_err("corrupt"),
        store.save_token(&login().build()?).await.expect_err("corrupt"),
        store.get_tokens().await.expect_err("corrupt"),
    ] {
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert_eq!(error.secret_name(), Some(name_of_bob().as_str()));
        assert!(!format!("{error:?}").contains("hunter2"));
    }
    assert_eq!(value_of_bob(context.client()).await.as_deref(), Some("hunter2"));
    store.delete_token(&TokenId::of_user("bob")?).await?;
    assert!(value_of_bob(context.client()).await.is_none());
    Ok(())
}

/// The embedded backend counts requests everywhere; this is that LocalStack needs no more of them.
pub(crate) async fn requests_are_as_many_as_documented(context: Context) -> TestResult {
    let counting = LossyProxy::before(context.endpoint(), "PutSecretValue").await?;
    let store = store_with(context.client_through(counting.endpoint()), PREFIX).await;
    store.save_token(&login().build()?).await?;
    assert_eq!(counting.requests(), ["getsecretvalue", "createsecret"]);
    store.find_by_user("bob").await?.ok_or("bob is gone")?;
    assert_eq!(counting.requests(), ["getsecretvalue"]);
    store.save_token(&bob().scope("all").build()?).await?;
    assert_eq!(counting.requests(), ["getsecretvalue", "putsecretvalue"]);
    store.get_tokens().await?;
    assert_eq!(counting.requests(), ["listsecrets", "batchgetsecretvalue"]);
    store.delete_token(&TokenId::of_user("bob")?).await?;
    assert_eq!(counting.requests(), ["deletesecret"]);
    Ok(())
}

/// What the cache saves where the service is not our own, and that it never hides a change of one's own.
pub(crate) async fn a_cached_store_reads_once_and_sees_its_own_changes_at_once(
    context: Context,
) -> TestResult {
    let counting = LossyProxy::before(context.endpoint(), "PutSecretValue").await?;
    let client = context.client_through(counting.endpoint());
    let store = oauth_token_store::SecretsManagerTokenStore::builder().prefix(PREFIX).client(client);
    let store = store.build().await?;
    let other = context.store(PREFIX).await;
    other.save_token(&login().build()?).await?;

    for _ in 0..3 {
        store.find_by_user("bob").await?.ok_or("bob is gone")?;
    }
    assert_eq!(counting.requests(), ["getsecretvalue"]);
    store.save_token(&bob().scope("all").build()?).await?;
    let seen = store.find_by_user("bob").await?.ok_or("bob is gone")?;
    assert_eq!((seen.scope(), counting.requests()), (Some("all"), vec!["putsecretvalue".to_owned()]));

    // Another process's change shows when it is asked for, and what is saved next is merged into it.
    other.save_token(&bob().extra("other", "1").build()?).await?;
    assert_eq!(store.find_by_user("bob").await?.and_then(|bob| bob.extra("other").map(str::to_owned)), None);
    let reloaded = store.reload(&TokenId::of_user("bob")?).await?.ok_or("bob is gone")?;
    assert_eq!(reloaded.extra("other"), Some("1"));
    other.save_token(&bob().extra("more", "1").build()?).await?;
    let merged = store.save_token(&bob().extra("own", "1").build()?).await?;
    assert_eq!(merged.extras().count(), 3);

    // A logout and a new login by others: nothing of the old record is written or shown.
    counting.requests();
    store.delete_token(&TokenId::of_user("bob")?).await?;
    assert!(store.find_by_user("bob").await?.is_none());
    assert_eq!(counting.requests(), ["deletesecret"]);
    other.save_token(&login().refresh_token("anew").build()?).await?;
    let found = store.reload(&TokenId::of_user("bob")?).await?.ok_or("bob is gone")?;
    assert_eq!(refresh_token(&found), "anew");
    Ok(())
}

pub(crate) async fn an_answer_lost_after_a_put_never_lets_an_old_refresh_token_replace_a_newer_one(
    context: Context,
) -> TestResult {
    let proxy = LossyProxy::before(context.endpoint(), "PutSecretValue").await?;
    let client = context.client_through(proxy.endpoint());
    let builder = oauth_token_store::SecretsManagerTokenStore::builder().prefix(PREFIX).client(client);
    let one = builder.write_deadline(std::time::Duration::from_secs(2)).build().await?;
    let two = context.store(PREFIX).await;
    one.save_token(&login().build()?).await?;

    proxy.lose_next_answers(usize::MAX);
    let error = one.save_token(&bob().refresh_token("second").build()?).await.expect_err("no answer");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(proxy.lost() > 1, "sent again");
    proxy.lose_next_answers(0);

    // It had landed, and another process went on from there.
    let landed = two.find_by_user("bob").await?.ok_or("bob is gone")?;
    assert_eq!(refresh_token(&landed), "second");
    two.save_token(&landed.to_builder().refresh_token("third").build()?).await?;

    one.save_token(error.token().ok_or("no token to save again")?).await?;
    let stored = two.find_by_user("bob").await?.ok_or("bob is gone")?;
    assert_eq!(refresh_token(&stored), "third");
    Ok(())
}

/// LocalStack answers a repeated Create with «exists», so the store has to look for its own version.
pub(crate) async fn a_create_whose_answer_was_lost_recognises_itself(context: Context) -> TestResult {
    let proxy = LossyProxy::before(context.endpoint(), "CreateSecret").await?;
    let store = store_with(context.client_through(proxy.endpoint()), PREFIX).await;
    proxy.lose_next_answers(1);
    let stored = store.save_token(&login().build()?).await?;
    assert_eq!(proxy.lost(), 1);
    assert_eq!(refresh_token(&stored), "first");
    let versions = context.client().list_secret_version_ids().secret_id(name_of_bob());
    assert_eq!(versions.include_deprecated(true).send().await?.versions().len(), 1);
    Ok(())
}

pub(crate) async fn an_unreachable_endpoint_is_unavailable(context: Context) -> TestResult {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let nobody = format!("http://{}", listener.local_addr()?);
    drop(listener);
    let store = store_with(context.client_through(&nobody), PREFIX).await;
    let error = store.find_by_user("bob").await.expect_err("unreachable");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.is_retryable());
    Ok(())
}
