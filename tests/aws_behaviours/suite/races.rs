//! Requests that arrive together. AWS documents idempotency and no atomicity: these are what the store's protocol needs.

use futures_util::future::join_all;

use crate::behaviour::Source::{Api, Undocumented};
use crate::behaviour::behaviours;
use crate::service::*;

const WRITERS: u32 = 12;
const ROUNDS: u32 = 20;

behaviours! { races:
    of_twelve_puts_with_one_token_one_wins_in_each_of_twenty_rounds: Undocumented("one content for one token");
    of_twelve_updates_with_one_token_one_wins: Undocumented("one content for one token");
    of_twelve_creates_of_one_name_one_wins: Undocumented("one secret for one name");
    twelve_creates_with_one_token_and_content_are_one: Api("CreateSecret", "ClientRequestToken");
    twelve_puts_with_one_token_and_content_are_one: Undocumented("idempotent under races");
    twelve_puts_with_tokens_of_their_own_leave_one_current_and_one_previous: Undocumented("one holder for a label");
    of_twelve_that_move_current_from_one_version_one_wins: Undocumented("RemoveFromVersionId is compared");
    a_put_that_races_a_deletion_brings_nothing_back: Undocumented("a put creates no secret");
}

async fn of_twelve_puts_with_one_token_one_wins_in_each_of_twenty_rounds(aws: Service) {
    aws.create("a", "0").await;
    for round in 0..ROUNDS {
        let slot = 2 + round;
        let puts = join_all((0..WRITERS).map(|writer| {
            let aws = aws.clone();
            async move {
                let value = format!("round {round} writer {writer}");
                let put = outcome(aws.putting("a", slot, &value).send().await);
                (value, put)
            }
        }));
        let (won, lost): (Vec<_>, Vec<_>) = puts.await.into_iter().partition(|(_, put)| put.is_ok());
        let won: Vec<_> = won.into_iter().map(|(value, _)| value).collect();
        assert_eq!(won, [aws.value("a").await], "round {round}: who won, and what is stored");
        for (value, refusal) in lost {
            assert_eq!(refusal, Err(EXISTS.to_owned()), "{value}");
        }
        aws.rest().await;
    }
}

async fn of_twelve_updates_with_one_token_one_wins(aws: Service) {
    aws.create("a", "0").await;
    let updates = join_all((0..WRITERS).map(|writer| {
        let aws = aws.clone();
        async move { outcome(aws.updating("a", 2).secret_string(writer.to_string()).send().await).is_ok() }
    }));
    let won: Vec<_> =
        (0..WRITERS).zip(updates.await).filter(|(_, won)| *won).map(|(n, _)| n.to_string()).collect();
    assert_eq!(won, [aws.value("a").await]);
}

async fn of_twelve_creates_of_one_name_one_wins(aws: Service) {
    let creates = join_all((0..WRITERS).map(|writer| {
        let aws = aws.clone();
        async move {
            let create = aws.creation("a", &writer.to_string()).client_request_token(token(100 + writer));
            outcome(create.send().await)
        }
    }));
    let creates = creates.await;
    let won: Vec<_> = (0..WRITERS).filter(|&n| creates[n as usize].is_ok()).map(|n| n.to_string()).collect();
    assert_eq!(won, [aws.value("a").await]);
    let refused = creates.iter().filter(|create| **create == Err(EXISTS.to_owned())).count();
    assert_eq!(refused, 11, "{creates:?}");
}

async fn twelve_creates_with_one_token_and_content_are_one(aws: Service) {
    let creates = join_all((0..WRITERS).map(|_| aws.creation("a", "v").send())).await;
    let arns: std::collections::BTreeSet<_> =
        creates.into_iter().map(|create| answer(create).arn.expect("an ARN")).collect();
    assert_eq!(arns.len(), 1, "{arns:?}");
}

async fn twelve_puts_with_one_token_and_content_are_one(aws: Service) {
    aws.create("a", "v1").await;
    for put in join_all((0..WRITERS).map(|_| aws.putting("a", 2, "v2").send())).await {
        assert_eq!(answer(put).version_id(), Some(token(2).as_str()));
    }
    assert_eq!(aws.version_ids("a", true).await, [token(1), token(2)]);
    assert_eq!(aws.labels("a", 1).await, ["AWSPREVIOUS"]);
}

async fn twelve_puts_with_tokens_of_their_own_leave_one_current_and_one_previous(aws: Service) {
    aws.create("a", "v1").await;
    for put in join_all((2..2 + WRITERS).map(|n| aws.putting("a", n, "v").send())).await {
        answer(put);
    }
    assert_eq!(aws.version_ids("a", true).await.len(), 13);
    let labelled = aws.describe("a").await.version_ids_to_stages.expect("versions");
    let mut labels: Vec<_> = labelled.into_values().collect();
    labels.sort();
    assert_eq!(labels, [["AWSCURRENT"], ["AWSPREVIOUS"]]);
}

async fn of_twelve_that_move_current_from_one_version_one_wins(aws: Service) {
    aws.create("a", "v1").await;
    for n in 2..2 + WRITERS {
        aws.put_with("a", n, &[&format!("L{n}")]).await.expect("a version with a label");
        if n % 4 == 0 {
            aws.rest().await;
        }
    }
    let moves = join_all((2..2 + WRITERS).map(|n| {
        let aws = aws.clone();
        async move { aws.move_label("a", "AWSCURRENT", Some(1), Some(n)).await }
    }));
    let moves = moves.await;
    let won: Vec<_> = (2..).zip(&moves).filter(|(_, moved)| moved.is_ok()).map(|(n, _)| token(n)).collect();
    assert_eq!(won, [aws.get("a").await.version_id.expect("a version")]);
    let refused = moves.iter().filter(|moved| **moved == Err(INVALID_PARAMETER.to_owned())).count();
    assert_eq!(refused, 11, "{moves:?}");
}

async fn a_put_that_races_a_deletion_brings_nothing_back(aws: Service) {
    let arn = aws.create("a", "v1").await;
    let forced = aws.deletion("a").force_delete_without_recovery(true).send();
    let (deleted, _whichever_was_first) = tokio::join!(forced, aws.putting(&arn, 2, "v2").send());
    answer(deleted);
    aws.until(NOT_FOUND.to_owned(), || aws.value("a")).await;
}
