//! GetSecretValue and DescribeSecret.

use aws_sdk_secretsmanager::operation::RequestId;

use crate::behaviour::Source::{Api, Guide, Measured, Recorded, Undocumented};
use crate::behaviour::behaviours;
use crate::service::*;

behaviours! { reading:
    a_missing_secret_is_not_found: Recorded("test_secret_not_found");
    a_missing_secret_is_a_modelled_error_of_http_400: Recorded("test_secret_not_found");
    a_secret_without_a_version_has_no_value: Recorded("test_secret_version_not_found");
    an_unknown_version_id_is_not_found: Recorded("test_secret_version_not_found");
    an_unknown_label_is_not_found: Recorded("test_secret_version_not_found");
    a_fresh_secret_has_no_previous_version: Recorded("test_get_secret_value_errors");
    a_version_id_that_does_not_carry_the_given_label_is_an_invalid_request: Recorded("test_get_secret_value_errors");
    a_version_id_and_a_label_it_carries_are_one_version: Api("GetSecretValue", "VersionId");
    a_version_is_read_by_its_id_alone: Api("GetSecretValue", "VersionId");
    an_unlabelled_version_is_read_without_labels: Undocumented("its labels have moved on");
    a_version_is_read_by_any_of_its_labels: Api("GetSecretValue", "VersionStage");
    a_secret_is_found_by_its_full_arn: Recorded("test_create_and_update_secret");
    a_secret_is_found_by_its_arn_without_the_suffix: Guide("troubleshoot", "Can't find a secret from a partial ARN");
    an_arn_with_another_suffix_finds_nothing: Guide("troubleshoot", "Can't find a secret from a partial ARN");
    the_arn_of_another_account_or_service_finds_nothing: Undocumented("on AWS a policy decides first"), on NotOnAws;
    a_secret_id_that_can_be_no_name_is_refused: Recorded("test_invalid_secret_name");
    describe_shows_everything_but_the_value: Recorded("test_update_secret_description");
    describe_of_a_missing_secret_is_not_found: Api("DescribeSecret", "Errors");
    describe_leaves_out_what_has_no_value: Recorded("test_secret_tags");
    describe_does_not_show_an_unlabelled_version: Measured("a version without labels is not in VersionIdsToStages");
    a_secret_that_nobody_has_read_has_no_last_access: Recorded("test_last_accessed_date");
    a_read_sets_the_last_access_to_a_midnight: Api("DescribeSecret", "Response Elements, LastAccessedDate");
    a_second_read_on_the_same_day_changes_no_date: Recorded("test_last_accessed_date");
    describing_is_no_access: Recorded("test_last_accessed_date");
    a_version_keeps_the_date_of_its_creation: Api("GetSecretValue", "Response Elements, CreatedDate");
    every_answer_has_a_request_id_of_its_own: Api("CommonErrors", "request ids of the protocol");
}

async fn a_missing_secret_is_not_found(aws: Service) {
    let missing = aws.reading("a").send().await;
    assert_eq!(message(missing), "Secrets Manager can't find the specified secret.");
}

async fn a_missing_secret_is_a_modelled_error_of_http_400(aws: Service) {
    let error = aws.reading("a").send().await.expect_err("nothing is there");
    assert_eq!(error.raw_response().expect("an answer").status().as_u16(), 400);
    assert!(error.as_service_error().is_some_and(|error| error.is_resource_not_found_exception()));
}

async fn a_secret_without_a_version_has_no_value(aws: Service) {
    aws.create_empty("a").await;
    assert_eq!(code(aws.reading("a").send().await), NOT_FOUND);
    assert_eq!(
        message(aws.reading("a").send().await),
        "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT"
    );
}

async fn an_unknown_version_id_is_not_found(aws: Service) {
    aws.create("a", "v1").await;
    let unknown = || aws.reading("a").version_id(token(9)).send();
    assert_eq!(code(unknown().await), NOT_FOUND);
    assert_eq!(
        message(unknown().await),
        format!("Secrets Manager can't find the specified secret value for VersionId: {}", token(9))
    );
}

async fn an_unknown_label_is_not_found(aws: Service) {
    aws.create("a", "v1").await;
    let unknown = || aws.reading("a").version_stage("MINE").send();
    assert_eq!(code(unknown().await), NOT_FOUND);
    assert_eq!(
        message(unknown().await),
        "Secrets Manager can't find the specified secret value for staging label: MINE"
    );
}

async fn a_fresh_secret_has_no_previous_version(aws: Service) {
    let arn = aws.create("a", "v1").await;
    let previous = aws.reading(&arn).version_stage("AWSPREVIOUS").send().await;
    assert_eq!(code(previous), NOT_FOUND);
}

async fn a_version_id_that_does_not_carry_the_given_label_is_an_invalid_request(aws: Service) {
    aws.create("a", "v1").await;
    aws.put("a", 2, "v2").await;
    let mismatch = || aws.reading("a").version_id(token(1)).version_stage("AWSCURRENT").send();
    assert_eq!(code(mismatch().await), INVALID_REQUEST);
    assert_eq!(
        message(mismatch().await),
        "You provided a VersionStage that is not associated to the provided VersionId."
    );
}

async fn a_version_id_and_a_label_it_carries_are_one_version(aws: Service) {
    aws.create("a", "v1").await;
    aws.put("a", 2, "v2").await;
    let both = answer(aws.reading("a").version_id(token(1)).version_stage("AWSPREVIOUS").send().await);
    assert_eq!(both.secret_string(), Some("v1"));
}

async fn a_version_is_read_by_its_id_alone(aws: Service) {
    aws.create("a", "v1").await;
    for n in 2..=4 {
        aws.put("a", n, "later").await;
    }
    let found = answer(aws.reading("a").version_id(token(1)).send().await);
    assert_eq!(found.secret_string(), Some("v1"));
    assert_eq!(found.version_id(), Some(token(1).as_str()));
}

async fn an_unlabelled_version_is_read_without_labels(aws: Service) {
    aws.create("a", "v1").await;
    aws.put("a", 2, "v2").await;
    aws.put("a", 3, "v3").await;
    let found = answer(aws.reading("a").version_id(token(1)).send().await);
    assert_eq!(found.version_stages(), [""; 0]);
}

async fn a_version_is_read_by_any_of_its_labels(aws: Service) {
    aws.create("a", "v1").await;
    aws.put_with("a", 2, &["ONE", "TWO"]).await.expect("two labels");
    for label in ["ONE", "TWO"] {
        let found = answer(aws.reading("a").version_stage(label).send().await);
        assert_eq!(found.secret_string(), Some("v2"));
        assert_eq!(found.version_id(), Some(token(2).as_str()));
    }
}

async fn a_secret_is_found_by_its_full_arn(aws: Service) {
    let arn = aws.create("app/a", "v1").await;
    assert_eq!(aws.value(&arn).await, "v1");
    assert_eq!(aws.describe(&arn).await.name(), Some(aws.id("app/a").as_str()));
}

async fn a_secret_is_found_by_its_arn_without_the_suffix(aws: Service) {
    let arn = aws.create("app/a", "v1").await;
    assert_eq!(aws.value(&arn[..arn.len() - 7]).await, "v1");
}

async fn an_arn_with_another_suffix_finds_nothing(aws: Service) {
    let arn = aws.create("app/a", "v1").await;
    let other = format!("{}aaaaaa", &arn[..arn.len() - 6]);
    assert_eq!(aws.value(&other).await, NOT_FOUND);
}

async fn the_arn_of_another_account_or_service_finds_nothing(aws: Service) {
    let arn = aws.create("app/a", "v1").await;
    let account = arn.split(':').nth(4).expect("an account").to_owned();
    for id in [arn.replace(&account, "999999999999"), "arn:aws:s3:::app/a".into()] {
        assert_eq!(aws.value(&id).await, NOT_FOUND, "{id}");
    }
}

async fn a_secret_id_that_can_be_no_name_is_refused(aws: Service) {
    for name in ["Inv Name", "Inv*Name? ", "*?!]Name\\-"] {
        assert_eq!(aws.value(name).await, VALIDATION, "{name}");
        let described = aws.client().describe_secret().secret_id(aws.id(name)).send().await;
        assert_eq!(code(described), VALIDATION, "{name}");
        let versions = aws.client().list_secret_version_ids().secret_id(aws.id(name)).send().await;
        assert_eq!(code(versions), VALIDATION, "{name}");
    }
}

async fn describe_shows_everything_but_the_value(aws: Service) {
    let arn = aws.create("a", "v1").await;
    aws.put("a", 2, "v2").await;
    let described = aws.describe("a").await;
    assert_eq!(described.arn(), Some(arn.as_str()));
    assert_eq!(described.name(), Some(aws.id("a").as_str()));
    let versions = described.version_ids_to_stages().expect("versions");
    assert_eq!(versions[&token(1)], ["AWSPREVIOUS"]);
    assert_eq!(versions[&token(2)], ["AWSCURRENT"]);
    assert!(described.created_date().is_some());
    assert!(described.created_date() <= described.last_changed_date());
}

async fn describe_of_a_missing_secret_is_not_found(aws: Service) {
    let missing = aws.client().describe_secret().secret_id(aws.id("a")).send().await;
    assert_eq!(code(missing), NOT_FOUND);
}

async fn describe_leaves_out_what_has_no_value(aws: Service) {
    aws.create_empty("a").await;
    let described = aws.describe("a").await;
    assert_eq!(described.description(), None);
    assert_eq!(described.kms_key_id(), None);
    assert_eq!(described.deleted_date(), None);
    assert_eq!(described.last_accessed_date(), None);
    assert_eq!(described.rotation_enabled(), None);
    assert_eq!(described.tags, None);
    assert_eq!(described.version_ids_to_stages, None);
}

async fn describe_does_not_show_an_unlabelled_version(aws: Service) {
    aws.create("a", "v1").await;
    aws.put("a", 2, "v2").await;
    aws.put("a", 3, "v3").await;
    let described = aws.describe("a").await;
    let mut versions: Vec<_> = described.version_ids_to_stages().expect("versions").keys().collect();
    versions.sort();
    assert_eq!(versions, [&token(2), &token(3)]);
}

async fn a_secret_that_nobody_has_read_has_no_last_access(aws: Service) {
    aws.create("a", "v1").await;
    assert_eq!(aws.describe("a").await.last_accessed_date(), None);
}

async fn a_read_sets_the_last_access_to_a_midnight(aws: Service) {
    aws.create("a", "v1").await;
    aws.get("a").await;
    let accessed = aws.describe("a").await.last_accessed_date.expect("a date");
    assert_eq!((accessed.secs() % 86_400, accessed.subsec_nanos()), (0, 0));
}

async fn a_second_read_on_the_same_day_changes_no_date(aws: Service) {
    aws.create("a", "v1").await;
    aws.get("a").await;
    let first = aws.describe("a").await.last_accessed_date.expect("a date");
    aws.get("a").await;
    let second = aws.describe("a").await.last_accessed_date.expect("a date");
    // A day later only if midnight has passed in between.
    assert!([0, 86_400].contains(&(second.secs() - first.secs())), "{first}, then {second}");
}

async fn describing_is_no_access(aws: Service) {
    aws.create("a", "v1").await;
    aws.describe("a").await;
    assert_eq!(aws.describe("a").await.last_accessed_date(), None);
}

async fn a_version_keeps_the_date_of_its_creation(aws: Service) {
    aws.create("a", "v1").await;
    let first = aws.get("a").await.created_date;
    aws.put("a", 2, "v2").await;
    let found = answer(aws.reading("a").version_id(token(1)).send().await);
    assert_eq!(found.created_date, first);
    assert!(aws.get("a").await.created_date >= first);
}

async fn every_answer_has_a_request_id_of_its_own(aws: Service) {
    aws.create("a", "v1").await;
    let first = aws.get("a").await;
    let second = aws.get("a").await;
    assert_eq!(first.request_id().expect("an id").len(), 36);
    assert_ne!(first.request_id(), second.request_id());
    let error = aws.reading("b").send().await.expect_err("nothing is there");
    assert!(error.request_id().is_some());
}
