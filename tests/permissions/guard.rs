//! What stands between the SDK client and the embedded backend: it notes what IAM is asked, and refuses what a policy
//! doesn't allow, in AWS's words.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use oauth_token_store::aws_sdk_secretsmanager::Client;
use oauth_token_store::embedded::{EmbeddedSecretsManager, Operation};
use serde_json::{Value, json};

use crate::access::{
    Access, asked_by, asked_by_a_value_of_a_batch, asked_by_decryption, asked_by_kms_before, full_arn,
    secret_id,
};
use crate::policy::Policy;
use crate::world::operation_named;

/// The role session that AWS names in its refusals.
pub(crate) const SESSION: &str = "jane@example.com";

#[derive(Clone)]
pub(crate) struct Guard(Arc<Mutex<Watched>>);

#[derive(Default)]
struct Watched {
    /// Without one everything is allowed.
    policy: Option<Policy>,
    /// Whether the secrets are under a key of the account's own.
    is_keyed: bool,
    sent: Vec<Operation>,
    asked: Vec<Access>,
    /// The request tokens of Puts.
    tokens: HashSet<String>,
}

impl Guard {
    pub(crate) fn new(is_keyed: bool) -> Self {
        Self(Arc::new(Mutex::new(Watched { is_keyed, ..Watched::default() })))
    }

    /// A client whose requests it sees.
    pub(crate) fn client(&self, backend: &EmbeddedSecretsManager) -> Client {
        let http_client = Guarded { guard: self.clone(), backend: backend.clone() };
        Client::from_conf(backend.client().config().to_builder().http_client(http_client).build())
    }

    /// Forgets what was asked so far, and goes by this policy.
    pub(crate) fn begin(&self, policy: Option<Policy>) {
        let mut watched = self.lock();
        watched.policy = policy;
        watched.asked.clear();
        watched.sent.clear();
    }

    pub(crate) fn asked(&self) -> Vec<Access> {
        self.lock().asked.clone()
    }

    pub(crate) fn sent(&self) -> Vec<Operation> {
        self.lock().sent.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Watched> {
        self.0.lock().expect("no panic while it is held")
    }

    /// The first of these that is not allowed.
    fn ask(&self, accesses: Vec<Access>) -> Result<(), Access> {
        let mut watched = self.lock();
        for access in accesses {
            watched.asked.push(access.clone());
            if watched.policy.as_ref().is_some_and(|policy| !policy.allows(&access)) {
                return Err(access);
            }
        }
        Ok(())
    }

    /// What is refused before the request is carried out.
    fn refusal_of(&self, operation: Operation, request: &Value) -> Result<(), Value> {
        let resource = secret_id(request).unwrap_or("*");
        self.ask(asked_by(operation, request)).map_err(|access| denied(&access.action, resource))?;
        let is_keyed = self.lock().is_keyed;
        let keyed = if is_keyed { asked_by_kms_before(operation, request) } else { Vec::new() };
        self.ask(keyed).map_err(|_| denied_by_kms())
    }

    /// What is refused once it is known what the request leads to; of a batch, single values.
    fn review(&self, operation: Operation, request: &Value, answer: &mut Value) -> Result<(), Value> {
        let is_keyed = self.lock().is_keyed;
        let decrypts = |arn: &str| if is_keyed { vec![asked_by_decryption(arn)] } else { Vec::new() };
        match operation {
            Operation::GetSecretValue => match answer["ARN"].as_str() {
                Some(arn) => self.ask(decrypts(arn)).map_err(|_| denied_by_kms()),
                None => Ok(()),
            },
            Operation::PutSecretValue => {
                // The version is there: AWS compares the values.
                let token = request["ClientRequestToken"].as_str().unwrap_or_default();
                let is_new = self.lock().tokens.insert(token.to_owned());
                if is_new && answer["__type"] != "ResourceExistsException" {
                    return Ok(());
                }
                let arn = secret_id(request).map(full_arn).unwrap_or_default();
                self.ask(decrypts(&arn)).map_err(|_| denied_by_kms())
            }
            Operation::BatchGetSecretValue => {
                let Some(values) = answer["SecretValues"].as_array().cloned() else {
                    return Ok(());
                };
                let mut allowed = Vec::new();
                for value in values {
                    let (arn, name) = (value["ARN"].as_str().unwrap_or_default(), value["Name"].clone());
                    let single = asked_by_a_value_of_a_batch(arn);
                    let refusal = self.ask(vec![single]).map_err(|access| denied(&access.action, arn));
                    match refusal.and_then(|()| self.ask(decrypts(arn)).map_err(|_| denied_by_kms())) {
                        Ok(()) => allowed.push(value),
                        Err(refusal) => {
                            let error = json!({
                                "SecretId": name,
                                "ErrorCode": refusal["__type"],
                                "Message": refusal["Message"],
                            });
                            match answer["Errors"].as_array_mut() {
                                Some(errors) => errors.push(error),
                                None => answer["Errors"] = json!([error]),
                            }
                        }
                    }
                }
                answer["SecretValues"] = allowed.into();
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

fn denied(action: &str, resource: &str) -> Value {
    json!({
        "__type": "AccessDeniedException",
        "Message": format!(
            "User: arn:aws:sts::123456789012:assumed-role/app/{SESSION} is not authorized to perform: {action} on \
             resource: {resource} because no identity-based policy allows the {action} action"
        ),
    })
}

/// AWS does not say which action it was.
fn denied_by_kms() -> Value {
    json!({ "__type": "AccessDeniedException", "Message": "Access to KMS is not allowed" })
}

struct Guarded {
    guard: Guard,
    backend: EmbeddedSecretsManager,
}

impl std::fmt::Debug for Guarded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Guarded")
    }
}

impl HttpClient for Guarded {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let inner = self.backend.http_client().http_connector(settings, components);
        SharedHttpConnector::new(GuardedConnector { guard: self.guard.clone(), inner })
    }
}

struct GuardedConnector {
    guard: Guard,
    inner: SharedHttpConnector,
}

impl std::fmt::Debug for GuardedConnector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GuardedConnector")
    }
}

impl HttpConnector for GuardedConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (guard, inner) = (self.guard.clone(), self.inner.clone());
        HttpConnectorFuture::new(async move { handle(&guard, &inner, request).await })
    }
}

async fn handle(
    guard: &Guard,
    inner: &SharedHttpConnector,
    request: HttpRequest,
) -> Result<HttpResponse, ConnectorError> {
    let target = request.headers().get("x-amz-target").and_then(|target| target.split('.').next_back());
    let operation = operation_named(target.unwrap_or_default());
    let body: Value = serde_json::from_slice(request.body().bytes().unwrap_or_default()).expect("JSON");
    guard.lock().sent.push(operation);
    if let Err(refusal) = guard.refusal_of(operation, &body) {
        return Ok(respond(400, &refusal));
    }
    let answer = inner.call(request).await?;
    let status = answer.status().as_u16();
    let content = ByteStream::new(answer.into_body()).collect().await.expect("it is in memory");
    let mut content = serde_json::from_slice(&content.into_bytes()).expect("JSON");
    match guard.review(operation, &body, &mut content) {
        Ok(()) => Ok(respond(status, &content)),
        Err(refusal) => Ok(respond(400, &refusal)),
    }
}

fn respond(status: u16, content: &Value) -> HttpResponse {
    let status = StatusCode::try_from(status).expect("a status");
    let mut response = HttpResponse::new(status, SdkBody::from(content.to_string()));
    response.headers_mut().insert("x-amzn-requestid", "0f3c8a52-6b1e-4d0a-9a7e-2f6d8c1b4e90");
    response
}
