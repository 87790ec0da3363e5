//! The pages of ListSecrets.

use crate::behaviour::Source::{Api, Undocumented};
use crate::behaviour::behaviours;
use crate::service::*;

behaviours! { paging:
    a_page_has_as_many_secrets_as_asked_for_and_a_token: Api("ListSecrets", "MaxResults");
    pages_together_show_every_secret_once: Api("ListSecrets", "NextToken");
    a_full_last_page_has_no_token: Undocumented("AWS may send an empty last page"), on NotOnAws;
    a_page_of_none_is_refused: Api("ListSecrets", "MaxResults, Valid Range");
    a_page_of_more_than_a_hundred_is_refused: Api("ListSecrets", "MaxResults, Valid Range");
    a_token_that_was_not_given_is_refused: Api("ListSecrets", "Errors, InvalidNextTokenException");
    a_token_of_another_listing_is_refused: Undocumented("a token belongs to its request");
    a_token_of_another_operation_is_refused: Undocumented("a token belongs to its request");
    paging_survives_deletions_and_creations_in_between: Undocumented("a token says where, not how many"), on NotOnAws;
    a_page_may_have_another_size_than_the_one_before: Undocumented("MaxResults is of one call"), on NotOnAws;
    two_hundred_secrets_and_one_are_listed_on_three_pages: Api("ListSecrets", "MaxResults, Valid Range"), on NotOnAws;
}

async fn secrets(aws: &Service, names: &[&str]) {
    for name in names {
        aws.create_empty(name).await;
    }
    aws.all_listed(names.len()).await;
}

async fn a_page_has_as_many_secrets_as_asked_for_and_a_token(aws: Service) {
    secrets(&aws, &["a", "b", "c"]).await;
    let page = answer(aws.listing().max_results(2).send().await);
    assert_eq!(page.secret_list().len(), 2);
    assert!(page.next_token().is_some());
}

async fn pages_together_show_every_secret_once(aws: Service) {
    secrets(&aws, &["a", "b", "c", "d", "e"]).await;
    let mut names = aws.names(aws.listing().max_results(2)).await;
    names.sort();
    assert_eq!(names, ["a", "b", "c", "d", "e"]);
}

async fn a_full_last_page_has_no_token(aws: Service) {
    secrets(&aws, &["a", "b"]).await;
    let page = answer(aws.listing().max_results(2).send().await);
    assert_eq!(page.secret_list().len(), 2);
    assert_eq!(page.next_token, None);
}

async fn a_page_of_none_is_refused(aws: Service) {
    for size in [-1, 0] {
        assert_eq!(code(aws.listing().max_results(size).send().await), VALIDATION, "{size}");
    }
}

async fn a_page_of_more_than_a_hundred_is_refused(aws: Service) {
    answer(aws.listing().max_results(100).send().await);
    assert_eq!(code(aws.listing().max_results(101).send().await), VALIDATION);
}

async fn a_token_that_was_not_given_is_refused(aws: Service) {
    secrets(&aws, &["a", "b", "c"]).await;
    let page = answer(aws.listing().max_results(1).send().await);
    let given = page.next_token.expect("a token");
    for forged in ["x", "é", &given[1..]] {
        assert_eq!(code(aws.listing().next_token(forged).send().await), INVALID_TOKEN, "{forged}");
    }
}

async fn a_token_of_another_listing_is_refused(aws: Service) {
    secrets(&aws, &["a", "b", "c"]).await;
    let page = answer(aws.listing().max_results(1).send().await);
    let other = aws.client().list_secrets().set_next_token(page.next_token).send().await;
    assert_eq!(code(other), INVALID_TOKEN);
}

async fn a_token_of_another_operation_is_refused(aws: Service) {
    secrets(&aws, &["a", "b", "c"]).await;
    let page = answer(aws.listing().max_results(1).send().await);
    let versions = aws.client().list_secret_version_ids().secret_id(aws.id("a"));
    assert_eq!(code(versions.set_next_token(page.next_token).send().await), INVALID_TOKEN);
}

async fn paging_survives_deletions_and_creations_in_between(aws: Service) {
    secrets(&aws, &["a", "b", "c", "d"]).await;
    let first = answer(aws.listing().max_results(2).send().await);
    aws.force_delete("b").await;
    aws.create_empty("e").await;
    let rest = aws.listing().max_results(2).set_next_token(first.next_token);
    assert_eq!(aws.names(rest).await, ["c", "d", "e"]);
}

async fn a_page_may_have_another_size_than_the_one_before(aws: Service) {
    secrets(&aws, &["a", "b", "c", "d"]).await;
    let first = answer(aws.listing().max_results(1).send().await);
    let second = answer(aws.listing().max_results(3).set_next_token(first.next_token).send().await);
    assert_eq!(second.secret_list().len(), 3);
}

async fn two_hundred_secrets_and_one_are_listed_on_three_pages(aws: Service) {
    for n in 0..201 {
        aws.create_empty(&format!("p/{n}")).await;
    }
    let mut pages = aws.listing().into_paginator().send();
    let mut sizes = Vec::new();
    while let Some(page) = pages.next().await {
        sizes.push(answer(page).secret_list().len());
    }
    assert_eq!(sizes, [100, 100, 1]);
}
