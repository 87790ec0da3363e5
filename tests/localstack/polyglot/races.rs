//! At the same time: by chance, many times over, and stopped on purpose where it matters.

use futures_util::future::try_join_all;
use oauth_token_store::{SecretsManagerTokenStore, TokenStore};
use serde_json::json;

use crate::{TestResult, context::Context};

use super::python::Python;
use super::{BOB, Failure, PREFIX, bob, login, refresh_token};

/// Of each language.
const WRITERS: usize = 4;
/// Eighty versions in all: LocalStack keeps a hundred, and a base must not be older than what is kept.
const CHANGES: usize = 10;

fn python_writers(context: &Context) -> Result<Vec<Python>, Failure> {
    (0..WRITERS).map(|_| Python::start(context)).collect()
}

pub(crate) async fn a_write_based_on_a_read_before_others_wrote_is_refused_and_merged(
    context: Context,
) -> TestResult {
    let store = context.store(PREFIX).await;
    store.save_token(&login().build()?).await?;
    let mut python = Python::start(&context)?;
    // It has read, and is about to write, when others rotate the refresh token.
    python.stop_before("PutSecretValue", json!(["save", BOB, {"scope": "all"}])).await?;
    store.save_token(&bob().refresh_token("second").extra("of", "Rust").build()?).await?;
    python.go_on().await?;
    let stored = store.find_by_user(BOB).await?.ok_or("bob is gone")?;
    assert_eq!(
        (refresh_token(&stored), stored.scope(), stored.extra("of")),
        ("second", Some("all"), Some("Rust"))
    );

    // Refused twice: what a version on the way had already is not set once more in a later one.
    python.stop_before("PutSecretValue", json!(["save", BOB, {"scope": "some", "of": "Python"}])).await?;
    store.save_token(&bob().scope("some").build()?).await?;
    python.stop_again().await?;
    store.save_token(&bob().scope("later").build()?).await?;
    python.go_on().await?;
    let stored = store.find_by_user(BOB).await?.ok_or("bob is gone")?;
    assert_eq!((stored.scope(), stored.extra("of")), (Some("later"), Some("Python")));
    python.end().await
}

pub(crate) async fn many_of_both_that_change_one_token_lose_nothing(context: Context) -> TestResult {
    context.store(PREFIX).await.save_token(&login().build()?).await?;
    let mut writers = python_writers(&context)?;
    for python in &mut writers {
        python.find(BOB).await?; // it is there, and runs
    }
    let in_python = writers.iter_mut().enumerate().map(|(number, python)| async move {
        let done = python.ask(json!(["race", BOB, format!("python-{number}"), CHANGES])).await?;
        if done == json!({}) { Ok(()) } else { Err(Failure::from(done.to_string())) }
    });
    let in_rust = (0..WRITERS).map(|number| {
        let context = &context;
        async move {
            let store = context.store(PREFIX).await;
            for change in 0..CHANGES {
                store.save_token(&bob().extra(format!("rust-{number}-{change}"), "1").build()?).await?;
            }
            Ok::<_, Failure>(())
        }
    });
    futures_util::try_join!(try_join_all(in_python), try_join_all(in_rust))?;
    let bob = context.store(PREFIX).await.find_by_user(BOB).await?.ok_or("bob is gone")?;
    assert_eq!(bob.extras().count(), 2 * WRITERS * CHANGES, "a change is lost");
    for python in writers {
        python.end().await?;
    }
    Ok(())
}

pub(crate) async fn many_of_both_that_create_the_same_users_leave_one_record_each(
    context: Context,
) -> TestResult {
    const USERS: usize = 20;
    let mut writers = python_writers(&context)?;
    let stores: Vec<SecretsManagerTokenStore> =
        futures_util::future::join_all((0..WRITERS).map(|_| context.store(PREFIX))).await;
    for user in (0..USERS).map(|user| format!("user-{user}")) {
        let user = user.as_str();
        let in_python = writers.iter_mut().enumerate().map(|(number, python)| async move {
            let login = json!({"refresh_token": "r", format!("python-{number}"): "1"});
            python.save(user, login).await
        });
        let in_rust = stores.iter().enumerate().map(|(number, store)| async move {
            let login = oauth_token_store::OAuthToken::builder().user_name(user).refresh_token("r");
            store.save_token(&login.extra(format!("rust-{number}"), "1").build()?).await?;
            Ok::<_, Failure>(())
        });
        futures_util::try_join!(try_join_all(in_python), try_join_all(in_rust))?;
    }
    let tokens = stores[0].get_tokens().await?;
    assert_eq!(tokens.len(), USERS, "one record a user");
    for token in tokens {
        assert_eq!(token.extras().count(), 2 * WRITERS, "a change is lost");
    }
    for python in writers {
        python.end().await?;
    }
    Ok(())
}

pub(crate) async fn a_create_that_comes_second_is_merged_into_the_first(context: Context) -> TestResult {
    let store = context.store(PREFIX).await;
    let mut python = Python::start(&context)?;
    python.stop_before("CreateSecret", json!(["save", BOB, {"refresh_token": "r", "of": "Python"}])).await?;
    store.save_token(&login().extra("also", "Rust").build()?).await?;
    python.go_on().await?;
    let tokens = store.get_tokens().await?;
    assert_eq!(tokens.len(), 1);
    assert_eq!((refresh_token(&tokens[0]), tokens[0].client_id()), ("r", Some("c")));
    assert_eq!((tokens[0].extra("of"), tokens[0].extra("also")), (Some("Python"), Some("Rust")));
    python.end().await
}
