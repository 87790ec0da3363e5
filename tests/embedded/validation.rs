//! What is refused before any secret is looked at.

use aws_sdk_secretsmanager::primitives::Blob;
use aws_smithy_types::body::SdkBody;

use crate::*;

async fn create_named(client: &Client, name: &str) -> Result<(), String> {
    client
        .create_secret()
        .name(name)
        .secret_string("v")
        .send()
        .await
        .map(drop)
        .map_err(|error| error.code().unwrap().to_owned())
}

#[tokio::test]
async fn a_name_has_letters_digits_and_some_punctuation() {
    let (_, client) = setup();
    create_named(&client, "Az09/_+=.@-").await.unwrap();
    for name in ["a b", "a:b", "a!", "é", "a\n", "a*"] {
        assert_eq!(create_named(&client, name).await.unwrap_err(), VALIDATION, "{name}");
    }
}

#[tokio::test]
async fn a_name_has_1_to_512_characters() {
    let (_, client) = setup();
    create_named(&client, &"n".repeat(512)).await.unwrap();
    create_named(&client, "n").await.unwrap();
    assert_eq!(create_named(&client, &"n".repeat(513)).await.unwrap_err(), VALIDATION);
    assert_eq!(create_named(&client, "").await.unwrap_err(), VALIDATION);
}

#[tokio::test]
async fn a_value_has_1_to_65536_bytes() {
    let (_, client) = setup();
    create(&client, "a", "v").await;
    let put = |value: String| client.put_secret_value().secret_id("a").secret_string(value).send();
    put("v".repeat(65_536)).await.unwrap();
    assert_eq!(code(put("v".repeat(65_537)).await), VALIDATION);
    // Bytes count, not characters.
    assert_eq!(code(put("é".repeat(32_769)).await), VALIDATION);
    assert_eq!(code(put(String::new()).await), VALIDATION);
    let created = client.create_secret().name("b").secret_string("v".repeat(65_537)).send().await;
    assert_eq!(code(created), VALIDATION);
    let updated = client.update_secret().secret_id("a").secret_string("v".repeat(65_537)).send().await;
    assert_eq!(code(updated), VALIDATION);
}

#[tokio::test]
async fn a_binary_value_is_measured_before_its_encoding() {
    let (_, client) = setup();
    let create =
        |name: &str, size| client.create_secret().name(name).secret_binary(Blob::new(vec![0; size])).send();
    create("a", 65_536).await.unwrap();
    assert_eq!(code(create("b", 65_537).await), VALIDATION);
}

#[tokio::test]
async fn a_refused_value_stands_in_no_message() {
    let (_, client) = setup();
    let value = "hunter2".repeat(10_000);
    let result = client.create_secret().name("a").secret_string(value).send().await;
    let message = message(result);
    assert!(message.contains("secretString"), "{message}");
    assert!(!message.contains("hunter2"), "{message}");
}

#[tokio::test]
async fn text_and_binary_exclude_each_other_and_a_put_needs_one() {
    let (_, client) = setup();
    create(&client, "a", "v").await;
    let put = client.put_secret_value().secret_id("a");
    assert_eq!(code(put.clone().send().await), INVALID_REQUEST);
    let both = put.secret_string("v").secret_binary(Blob::new("v")).send().await;
    assert_eq!(code(both), INVALID_PARAMETER);
}

#[tokio::test]
async fn a_description_has_at_most_2048_characters() {
    let (_, client) = setup();
    let create = client.create_secret().name("a");
    let longest = create.clone().description("d".repeat(2_048));
    let longer = create.description("d".repeat(2_049));
    assert_eq!(code(longer.send().await), VALIDATION);
    longest.send().await.unwrap();
}

#[tokio::test]
async fn a_request_token_has_32_to_64_characters() {
    let (_, client) = setup();
    create(&client, "a", "v").await;
    for (length, accepted) in [(31, false), (32, true), (64, true), (65, false)] {
        let put = client
            .put_secret_value()
            .secret_id("a")
            .secret_string("v")
            .client_request_token("t".repeat(length))
            .send()
            .await;
        assert_eq!(put.is_ok(), accepted, "{length}");
        if let Err(error) = put {
            assert_eq!(error.code(), Some(INVALID_PARAMETER));
        }
    }
}

#[tokio::test]
async fn a_version_id_has_32_to_64_characters() {
    let (_, client) = setup();
    create(&client, "a", "v").await;
    let result = client.get_secret_value().secret_id("a").version_id("short").send().await;
    assert_eq!(code(result), VALIDATION);
}

#[tokio::test]
async fn a_secret_id_is_required() {
    let (_, client) = setup();
    assert_eq!(code(client.get_secret_value().send().await), VALIDATION);
    assert_eq!(code(client.get_secret_value().secret_id("").send().await), VALIDATION);
    let long = client.get_secret_value().secret_id("i".repeat(2_049)).send().await;
    assert_eq!(code(long), VALIDATION);
}

/// Sends a body that the SDK would never send; returns status and error code.
async fn send_raw(client: &Client, target: &'static str, body: &str) -> (u16, String) {
    let body = body.to_owned();
    let request = client.get_secret_value().customize().mutate_request(move |request| {
        *request.body_mut() = SdkBody::from(body.as_str());
        let length = body.len().to_string();
        request.headers_mut().insert("content-length", length);
        request.headers_mut().insert("x-amz-target", target);
    });
    let error = request.send().await.expect_err("the request should be refused");
    let status = error.raw_response().unwrap().status().as_u16();
    (status, error.code().unwrap().to_owned())
}

#[tokio::test]
async fn a_malformed_request_is_an_error_of_the_service() {
    let (_, client) = setup();
    let serialization = (400, "SerializationException".to_owned());
    for body in ["", "{", "[]", "null", r#"{"SecretId": 1}"#, r#"{"SecretId": ["a"]}"#] {
        let answer = send_raw(&client, "secretsmanager.GetSecretValue", body).await;
        assert_eq!(answer, serialization, "{body}");
    }
    for body in [
        r#"{"SecretId": "a", "SecretBinary": "no base64!"}"#,
        r#"{"SecretId": "a", "SecretString": "v", "VersionStages": [1]}"#,
    ] {
        let body = body.replacen('{', &format!(r#"{{"ClientRequestToken": "{}","#, token(1)), 1);
        let answer = send_raw(&client, "secretsmanager.PutSecretValue", &body).await;
        assert_eq!(answer, serialization, "{body}");
    }
    for body in [r#"{"Filters": [1]}"#, r#"{"MaxResults": 1.5}"#, r#"{"NextToken": {}}"#] {
        let answer = send_raw(&client, "secretsmanager.ListSecrets", body).await;
        assert_eq!(answer, serialization, "{body}");
    }
}

#[tokio::test]
async fn a_write_without_a_request_token_is_refused() {
    let (_, client) = setup();
    let body = r#"{"SecretId": "a", "SecretString": "v"}"#;
    let answer = send_raw(&client, "secretsmanager.PutSecretValue", body).await;
    assert_eq!(answer, (400, INVALID_REQUEST.to_owned()));
}

#[tokio::test]
async fn an_unknown_target_is_an_unknown_operation() {
    let (_, client) = setup();
    for target in ["", "GetSecretValue", "secretsmanager.getsecretvalue", "other.GetSecretValue"] {
        let answer = send_raw(&client, target, "{}").await;
        assert_eq!(answer, (400, "UnknownOperationException".to_owned()), "{target}");
    }
}
