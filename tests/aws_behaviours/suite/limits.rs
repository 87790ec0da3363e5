//! What is refused before any secret is looked at.

use aws_sdk_secretsmanager::primitives::Blob;
use aws_smithy_types::body::SdkBody;

use crate::behaviour::Source::{Api, Guide, Model, Recorded, Undocumented};
use crate::behaviour::behaviours;
use crate::service::*;

behaviours! { limits:
    a_name_has_letters_digits_and_some_punctuation: Recorded("test_invalid_secret_name");
    a_name_has_at_most_512_characters: Guide("reference_limits", "Secret name");
    a_name_is_not_empty: Api("CreateSecret", "Name, Length Constraints");
    a_text_has_at_most_65536_bytes: Guide("reference_limits", "Secret value");
    the_bytes_of_a_text_count_and_not_its_characters: Guide("reference_limits", "Secret value");
    a_created_text_has_at_most_65536_bytes: Guide("reference_limits", "Secret value");
    an_updated_text_has_at_most_65536_bytes: Guide("reference_limits", "Secret value");
    a_text_is_not_empty: Model("SecretStringType, min 1");
    a_binary_has_at_most_65536_bytes_before_its_encoding: Model("SecretBinaryType, max 65536");
    a_refused_value_stands_in_no_message: Guide("reference_limits", "Secret value");
    a_description_has_at_most_2048_characters: Guide("reference_limits", "Description");
    a_request_token_has_32_to_64_characters: Model("ClientRequestTokenType, 32 to 64");
    a_write_without_a_request_token_is_refused: Recorded("test_no_client_request_token");
    a_version_id_has_32_to_64_characters: Model("SecretVersionIdType, 32 to 64");
    a_label_has_1_to_256_characters: Model("SecretVersionStageType, 1 to 256");
    a_put_has_at_most_twenty_labels: Model("SecretVersionStagesType, 1 to 20");
    a_put_has_a_label_if_it_has_a_list_of_them: Model("SecretVersionStagesType, 1 to 20");
    a_secret_id_is_required: Model("SecretIdType, required");
    a_secret_id_is_not_empty: Model("SecretIdType, 1 to 2048");
    a_secret_id_has_at_most_2048_characters: Model("SecretIdType, 1 to 2048");
    a_body_that_is_no_json_object_is_not_understood: Undocumented("as other services of AWS that speak JSON 1.1");
    a_member_of_a_wrong_type_is_not_understood: Undocumented("as other services of AWS that speak JSON 1.1");
    an_unknown_operation_is_refused: Undocumented("as other services of AWS that speak JSON 1.1");
    unicode_survives_in_a_value: Model("SecretStringType, any characters");
}

async fn create(aws: &Service, id: String) -> Result<(), String> {
    outcome(aws.client().create_secret().name(id).secret_string("v").send().await)
}

async fn a_name_has_letters_digits_and_some_punctuation(aws: Service) {
    for name in ["a b", "a:b", "a!", "é", "a\n", "a*"] {
        assert_eq!(create(&aws, aws.id(name)).await, Err(VALIDATION.to_owned()), "{name}");
    }
}

async fn a_name_has_at_most_512_characters(aws: Service) {
    assert_eq!(create(&aws, aws.id_of_length(512)).await, Ok(()));
    assert_eq!(create(&aws, aws.id_of_length(513)).await, Err(VALIDATION.to_owned()));
}

async fn a_name_is_not_empty(aws: Service) {
    assert_eq!(create(&aws, String::new()).await, Err(VALIDATION.to_owned()));
}

async fn a_text_has_at_most_65536_bytes(aws: Service) {
    aws.create("a", "v").await;
    answer(aws.putting("a", 2, &"v".repeat(65_536)).send().await);
    assert_eq!(code(aws.putting("a", 3, &"v".repeat(65_537)).send().await), VALIDATION);
}

async fn the_bytes_of_a_text_count_and_not_its_characters(aws: Service) {
    aws.create("a", "v").await;
    assert_eq!(code(aws.putting("a", 2, &"é".repeat(32_769)).send().await), VALIDATION);
}

async fn a_created_text_has_at_most_65536_bytes(aws: Service) {
    assert_eq!(code(aws.creation("a", &"v".repeat(65_537)).send().await), VALIDATION);
}

async fn an_updated_text_has_at_most_65536_bytes(aws: Service) {
    aws.create("a", "v").await;
    let update = aws.updating("a", 2).secret_string("v".repeat(65_537)).send().await;
    assert_eq!(code(update), VALIDATION);
}

async fn a_text_is_not_empty(aws: Service) {
    aws.create("a", "v").await;
    assert_eq!(code(aws.putting("a", 2, "").send().await), VALIDATION);
}

async fn a_binary_has_at_most_65536_bytes_before_its_encoding(aws: Service) {
    let create = |name, size| aws.creation_of_nothing(name).secret_binary(Blob::new(vec![0; size])).send();
    answer(create("a", 65_536).await);
    assert_eq!(code(create("b", 65_537).await), VALIDATION);
}

async fn a_refused_value_stands_in_no_message(aws: Service) {
    let message = message(aws.creation("a", &"hunter2".repeat(10_000)).send().await);
    assert!(message.contains("secretString"), "{message}");
    assert!(!message.contains("hunter2"), "{message}");
}

async fn a_description_has_at_most_2048_characters(aws: Service) {
    let create = |length| aws.creation_of_nothing("a").description("d".repeat(length)).send();
    assert_eq!(code(create(2_049).await), VALIDATION);
    answer(create(2_048).await);
}

async fn a_request_token_has_32_to_64_characters(aws: Service) {
    aws.create("a", "v").await;
    for (length, accepted) in [(31, false), (32, true), (64, true), (65, false)] {
        let put = aws.putting("a", 1, "v").client_request_token("t".repeat(length)).send().await;
        let expected = if accepted { Ok(()) } else { Err(INVALID_PARAMETER.to_owned()) };
        assert_eq!(outcome(put), expected, "{length}");
    }
}

async fn a_version_id_has_32_to_64_characters(aws: Service) {
    aws.create("a", "v").await;
    assert_eq!(code(aws.reading("a").version_id("short").send().await), VALIDATION);
}

async fn a_label_has_1_to_256_characters(aws: Service) {
    aws.create("a", "v").await;
    assert_eq!(code(aws.reading("a").version_stage("").send().await), VALIDATION);
    let longer = "L".repeat(257);
    assert_eq!(aws.move_label("a", &longer, None, Some(1)).await, Err(VALIDATION.to_owned()));
    let longest = "L".repeat(256);
    assert_eq!(aws.move_label("a", &longest, None, Some(1)).await, Ok(()));
}

async fn a_put_has_at_most_twenty_labels(aws: Service) {
    aws.create("a", "v").await;
    let labels: Vec<_> = (1..=21).map(|n| format!("L{n}")).collect();
    let labels: Vec<_> = labels.iter().map(String::as_str).collect();
    assert_eq!(aws.put_with("a", 2, &labels).await, Err(VALIDATION.to_owned()));
}

async fn a_put_has_a_label_if_it_has_a_list_of_them(aws: Service) {
    aws.create("a", "v").await;
    assert_eq!(aws.put_with("a", 2, &[]).await, Err(VALIDATION.to_owned()));
    assert_eq!(aws.put_with("a", 2, &[""]).await, Err(VALIDATION.to_owned()));
}

async fn a_secret_id_is_required(aws: Service) {
    assert_eq!(code(aws.client().get_secret_value().send().await), VALIDATION);
}

async fn a_secret_id_is_not_empty(aws: Service) {
    assert_eq!(code(aws.client().get_secret_value().secret_id("").send().await), VALIDATION);
}

async fn a_secret_id_has_at_most_2048_characters(aws: Service) {
    let longer = aws.client().get_secret_value().secret_id("i".repeat(2_049)).send().await;
    assert_eq!(code(longer), VALIDATION);
}

/// Sends a body that the SDK would never send; returns status and error code.
async fn send_raw(aws: &Service, target: &'static str, body: &str) -> (u16, String) {
    let body = body.to_owned();
    let request = aws.reading("a").customize().mutate_request(move |request| {
        *request.body_mut() = SdkBody::from(body.as_str());
        let length = body.len().to_string();
        request.headers_mut().insert("content-length", length);
        request.headers_mut().insert("x-amz-target", target);
    });
    let error = request.send().await.expect_err("accepted, and should be refused");
    let status = error.raw_response().expect("an answer").status().as_u16();
    let code = aws_sdk_secretsmanager::error::ProvideErrorMetadata::code(&error);
    (status, code.unwrap_or("no code").to_owned())
}

async fn a_write_without_a_request_token_is_refused(aws: Service) {
    let body = format!(r#"{{"SecretId": "{}", "SecretString": "v"}}"#, aws.id("a"));
    for operation in ["secretsmanager.PutSecretValue", "secretsmanager.UpdateSecret"] {
        let answer = send_raw(&aws, operation, &body).await;
        assert_eq!(answer, (400, INVALID_REQUEST.to_owned()), "{operation}");
    }
}

const SERIALIZATION: &str = "SerializationException";

async fn a_body_that_is_no_json_object_is_not_understood(aws: Service) {
    for body in ["{", "[]"] {
        let answer = send_raw(&aws, "secretsmanager.GetSecretValue", body).await;
        assert_eq!(answer, (400, SERIALIZATION.to_owned()), "{body}");
    }
}

async fn a_member_of_a_wrong_type_is_not_understood(aws: Service) {
    for body in [r#"{"SecretId": 1}"#, r#"{"SecretId": ["a"]}"#] {
        let answer = send_raw(&aws, "secretsmanager.GetSecretValue", body).await;
        assert_eq!(answer, (400, SERIALIZATION.to_owned()), "{body}");
    }
    let put = format!(r#""SecretId": "{}", "ClientRequestToken": "{}""#, aws.id("a"), token(1));
    for value in [r#""SecretBinary": "no base64!""#, r#""SecretString": "v", "VersionStages": [1]"#] {
        let body = format!("{{{put}, {value}}}");
        let answer = send_raw(&aws, "secretsmanager.PutSecretValue", &body).await;
        assert_eq!(answer, (400, SERIALIZATION.to_owned()), "{body}");
    }
    for body in [r#"{"Filters": [1]}"#, r#"{"MaxResults": 1.5}"#, r#"{"NextToken": {}}"#] {
        let answer = send_raw(&aws, "secretsmanager.ListSecrets", body).await;
        assert_eq!(answer, (400, SERIALIZATION.to_owned()), "{body}");
    }
}

async fn an_unknown_operation_is_refused(aws: Service) {
    let answer = send_raw(&aws, "secretsmanager.GetTheSecretValue", "{}").await;
    assert_eq!(answer, (400, "UnknownOperationException".to_owned()));
}

async fn unicode_survives_in_a_value(aws: Service) {
    let value = "José \u{1f511} \u{0} \"\\\n\u{feff}";
    aws.create("a", value).await;
    assert_eq!(aws.value("a").await, value);
}
