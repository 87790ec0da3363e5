//! Processes that are frozen, killed, and beside each other.

use std::time::{Duration, SystemTime};

use serde_json::json;

use crate::local::Outcome;
use crate::world::{LEEWAY, World, answer, bob, good_answer, login_needed};
use crate::{Failure, TestResult};

const SOON: Duration = Duration::from_secs(30);

pub(crate) async fn a_pause_in_which_the_token_expires_ends_in_one_refresh(world: World) -> TestResult {
    let mut lambda = world.lambda()?;
    // Its start is not to count as use of the token's life.
    assert_eq!(answer(lambda.invoke(&json!({ "user": "nobody" })).await?)?, login_needed());
    world.log_in(LEEWAY + Duration::from_secs(10)).await?;
    assert_eq!(answer(lambda.invoke(&bob()).await?)?, good_answer());
    assert_eq!(world.server.exchanges(), 0, "the machine takes ten seconds for an invocation");

    // The store's clock is a coarse one, some milliseconds behind.
    let due =
        world.stored().await?.expiry_time().ok_or("no expiry time")? - LEEWAY + Duration::from_millis(100);
    while let Ok(left) = due.duration_since(SystemTime::now()) {
        tokio::time::sleep(left).await;
    }
    assert_eq!(answer(lambda.invoke(&bob()).await?)?, good_answer());
    assert_eq!((lambda.starts(), world.server.exchanges()), (1, 1));
    world.nothing_is_lost().await
}

pub(crate) async fn one_killed_at_its_deadline_has_lost_nothing(world: World) -> TestResult {
    world.log_in(SOON).await?;
    let mut lambda = world.lambda()?;
    world.api.set_silent(true);
    let outcome = lambda.invoke_until(&bob(), world.api.called()).await?;
    assert!(matches!(outcome, Outcome::TimedOut), "{outcome:?}");
    world.api.set_silent(false);
    assert_eq!(answer(lambda.invoke(&bob()).await?)?, good_answer());
    // What the killed one had got before was good for the next.
    assert_eq!((lambda.starts(), world.server.exchanges()), (2, 1));
    world.nothing_is_lost().await
}

pub(crate) async fn one_killed_in_an_exchange_that_was_not_carried_out_has_lost_nothing(
    world: World,
) -> TestResult {
    world.log_in(SOON).await?;
    let mut lambda = world.lambda()?;
    let hold = world.server.hold();
    let outcome = lambda.invoke_until(&bob(), hold.arrived(1)).await?;
    assert!(matches!(outcome, Outcome::TimedOut), "{outcome:?}");
    // The server hears of its end a moment later.
    while hold.held() > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    drop(hold);
    assert_eq!(answer(lambda.invoke(&bob()).await?)?, good_answer());
    assert_eq!(lambda.starts(), 2);
    world.nothing_is_lost().await
}

pub(crate) async fn two_that_refresh_at_once_both_have_the_token_that_is_stored(world: World) -> TestResult {
    world.log_in(SOON).await?;
    let before = world.stored().await?;
    let (mut one, mut two) = (world.lambda()?, world.lambda()?);
    let hold = world.server.hold();
    let event = bob();
    let first = async {
        hold.arrived(2).await;
        hold.release_one();
        // The winner saves before the loser hears that it has lost.
        while world.stored().await?.expiry_time() == before.expiry_time() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        hold.open();
        Ok::<_, Failure>(())
    };
    let (one, two, released) = tokio::join!(one.invoke(&event), two.invoke(&event), first);
    released?;
    assert_eq!((answer(one?)?, answer(two?)?), (good_answer(), good_answer()));
    assert_eq!((world.server.exchanges(), world.server.refused_exchanges()), (1, 1));
    world.nothing_is_lost().await
}
