//! What the service says, and what lies in it: none of it is quoted.

use oauth_token_store::aws_sdk_secretsmanager::primitives::Blob;
use oauth_token_store::embedded::{EmbeddedSecretsManager, Fault, Operation};
use oauth_token_store::{ErrorKind, TokenStore};
use serde_json::{Value, json};

use crate::canaries::*;
use crate::script;
use crate::stage::{
    built, client, client_answered, id_of_user, login, name_of_user, own_id, store_on, store_with, user,
};
use crate::watch::Watch;

/// Values that are no token, each with secrets in it where a parser would quote them.
fn corrupt_values() -> Vec<String> {
    let object = |member: &str, value: Value| json!({"schema": "1", "access_token": ACCESS, member: value});
    let mut values: Vec<String> = vec![
        ACCESS.into(),
        format!("\"{REFRESH}"),
        json!(ACCESS).to_string(),
        json!([USER, {"refresh_token": REFRESH}]).to_string(),
        format!("{{\"schema\":\"1\",\"access_token\":{ACCESS}}}"),
        format!("{{\"schema\":\"1\",\"access_token\":\"{OWN_ID}\\q\"}}"),
        format!("{{{USER}:\"{REFRESH}\"}}"),
        json!({"schema": ACCESS, "access_token": ACCESS}).to_string(),
        json!({"schema": {"user_name": USER}}).to_string(),
        json!({"access_token": ACCESS, "user_name": USER}).to_string(),
    ];
    for member in ["user_name", "refresh_token", "access_token", "id", "save", "expiry_time"] {
        values.push(object(member, json!([ACCESS, USER])).to_string());
        values.push(object(member, json!(format!("{REFRESH}\0{USER}"))).to_string());
    }
    // A `save` may hold anything.
    values.retain(|value| !value.contains("\"save\":\"1000"));
    values.push(object("expiry_time", json!(ACCESS)).to_string());
    values.push(object(EXTRA_NAME, json!(format!("{EXTRA}\0"))).to_string());
    values
}

#[tokio::test(start_paused = true)]
async fn a_value_that_is_no_token_is_not_quoted() {
    let mut watch = Watch::begin();
    for value in corrupt_values() {
        let backend = EmbeddedSecretsManager::new();
        let raw = client(&backend);
        raw.create_secret().name(name_of_user()).secret_string(&value).send().await.unwrap();
        let store = store_on(&backend).await;
        let found = watch.outcome("find_token", store.find_token(&user()).await);
        assert!(found.is_none(), "this is a token: {value}");
        watch.outcome("save_token", store.save_token(&built(login())).await);
        watch.outcome("find_token_by_id", store.find_token_by_id(&id_of_user()).await);
        watch.outcome("reload", store.reload(&id_of_user()).await);
        watch.outcome("get_tokens", store.get_tokens().await);
        let exchange = |_| async { Err::<oauth_token_store::OAuthToken, _>(APPLICATION) };
        watch.refresh("refresh_with", store.refresh_with(&user(), std::time::Duration::ZERO, exchange).await);
        watch.outcome("delete_token", store.delete_token(&own_id()).await);
        watch.assert_kinds(&[ErrorKind::Corrupt]);
        watch.look();
    }
}

#[tokio::test(start_paused = true)]
async fn a_binary_value_is_not_quoted() {
    let mut watch = Watch::begin();
    let backend = EmbeddedSecretsManager::new();
    let blob = Blob::new(ACCESS);
    // Not through the client that notes requests: it is the console's.
    backend.client().create_secret().name(name_of_user()).secret_binary(blob).send().await.unwrap();
    let store = store_on(&backend).await;
    watch.outcome("find_token", store.find_token(&user()).await);
    watch.outcome("get_tokens", store.get_tokens().await);
    assert!(watch.kinds.contains("corrupt"), "{:?}", watch.kinds);
    watch.look();
}

/// AWS's own, and those of proxies on the way, which may say anything.
fn answers() -> Vec<(u16, String)> {
    let denied = format!(
        "User: arn:aws:sts::123456789012:assumed-role/app/{ROLE_SESSION} is not authorized to perform: \
         secretsmanager:GetSecretValue on resource: x because no identity-based policy allows it"
    );
    let error = |code: &str, message: &str| json!({"__type": code, "Message": message}).to_string();
    let whole = json!({"ARN": "arn", "Name": name_of_user(), "VersionId": "v", "SecretString": ACCESS});
    let without = |member: &str| {
        let mut answer = whole.clone();
        answer.as_object_mut().unwrap().remove(member);
        answer.to_string()
    };
    let with = |member: &str, value: Value| {
        let mut answer = whole.clone();
        answer[member] = value;
        answer.to_string()
    };
    vec![
        (400, error("AccessDeniedException", &denied)),
        (400, error("AccessDeniedException", &format!("is not authorized to perform: {ROLE_SESSION} on"))),
        (400, error("AccessDeniedException", &format!("to perform: kms:{ROLE_SESSION}"))),
        (400, error("ThrottlingException", ROLE_SESSION)),
        (400, error("InvalidRequestException", ROLE_SESSION)),
        (400, error("InvalidParameterException", ROLE_SESSION)),
        (400, error("ResourceNotFoundException", ROLE_SESSION)),
        (400, error("ResourceExistsException", ROLE_SESSION)),
        (400, error("LimitExceededException", ROLE_SESSION)),
        (400, error("DecryptionFailure", ROLE_SESSION)),
        (400, error("SomethingNewException", ROLE_SESSION)),
        (400, error(ROLE_SESSION, ROLE_SESSION)),
        (500, error("InternalServiceError", ROLE_SESSION)),
        (502, format!("<html>{ROLE_SESSION}</html>")),
        (400, format!("{{\"__type\":\"{ROLE_SESSION}")),
        (200, without("ARN")),
        (200, without("Name")),
        (200, without("VersionId")),
        (200, without("SecretString")),
        (200, whole.to_string()),
        (200, with("ARN", json!({"ARN": [ACCESS]}))),
        (200, with("SecretString", json!(17))),
        (200, with("SecretString", json!([ACCESS]))),
        // No secret: what stands in the place of a date, the SDK quotes at TRACE.
        (200, with("CreatedDate", json!(ROLE_SESSION))),
        (200, with("SecretBinary", json!(ACCESS))),
        (200, with("VersionStages", json!({"a": ACCESS}))),
        (200, with("VersionStages", json!(ACCESS))),
        (200, whole.to_string().replace(&ACCESS[..4], "\\q")),
        (200, whole.to_string().replace('{', "")),
        (200, whole.to_string().replace("\"SecretString\":\"", "\"SecretString\":")),
        (200, format!("{whole}{ACCESS}")),
        (200, json!({"SecretValues": [whole], "Errors": [{"SecretId": "x", "ErrorCode": ROLE_SESSION, "Message": ROLE_SESSION}]}).to_string()),
        (200, ACCESS.to_owned()),
        (200, json!(ACCESS).to_string()),
    ]
}

#[tokio::test(start_paused = true)]
async fn no_answer_of_the_service_is_quoted() {
    let mut watch = Watch::begin();
    for (status, body) in answers() {
        let backend = EmbeddedSecretsManager::new();
        let login = built(login());
        watch.outcome("save_token before", store_on(&backend).await.save_token(&login).await);
        let fault = Fault::http_status(status);
        let reads = fault.clone().on(Operation::GetSecretValue).on(Operation::BatchGetSecretValue);
        // A list holds no value: the SDK logs all of it at TRACE.
        backend.inject(if status == 200 { reads } else { reads.on(Operation::ListSecrets) });
        let store = store_with(client_answered(&backend, body)).await;
        watch.outcome("find_token", store.find_token(&user()).await);
        watch.outcome("find_token_by_id", store.find_token_by_id(&own_id()).await);
        watch.outcome("save_token", store.save_token(&login).await);
        watch.outcome("get_tokens", store.get_tokens().await);
        watch.look();
    }
    for kind in
        ["access_denied", "throttled", "unexpected", "quota_exceeded", "kms", "unavailable", "corrupt"]
    {
        assert!(watch.kinds.contains(kind), "nothing came to {kind}: {:?}", watch.kinds);
    }
}

/// The same for everything that is written.
#[tokio::test(start_paused = true)]
async fn no_refusal_of_a_write_is_quoted() {
    let mut watch = Watch::begin();
    for code in ["AccessDeniedException", "InvalidRequestException", "ResourceExistsException", ROLE_SESSION]
    {
        let backend = EmbeddedSecretsManager::new();
        for operation in [Operation::CreateSecret, Operation::PutSecretValue, Operation::DeleteSecret] {
            backend.inject(Fault::http_status(400).on(operation).skip(1));
        }
        let body = json!({"__type": code, "Message": ROLE_SESSION}).to_string();
        script::of_this_store(&mut watch, &store_with(client_answered(&backend, body)).await).await;
        watch.look();
    }
    assert!(watch.kinds.contains("access_denied"), "{:?}", watch.kinds);
}
