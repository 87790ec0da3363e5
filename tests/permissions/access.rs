//! What IAM is asked about a request: actions, resources and condition keys.
//!
//! A request that names its secret is taken for one of an existing secret, authorized by its full ARN, and for one of a
//! missing secret, authorized by the bare name: AWS doesn't document which of the two a caller may rely on.

use std::collections::BTreeMap;

use oauth_token_store::embedded::Operation;
use serde_json::Value;

/// The account and Region of the embedded backend, and a key of its own.
pub(crate) const KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/0f3c8a52-6b1e-4d0a-9a7e-2f6d8c1b4e90";
const SECRETS: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:";
const VIA_SERVICE: &str = "secretsmanager.us-east-1.amazonaws.com";
/// Stands for the random one of a secret that is named by its name.
const SUFFIX: &str = "-AbCdEf";

/// One question to IAM.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Access {
    pub(crate) action: String,
    pub(crate) resource: String,
    /// The values of each condition key; most have one.
    pub(crate) context: BTreeMap<String, Vec<String>>,
}

impl Access {
    pub(crate) fn new(action: impl Into<String>, resource: impl Into<String>) -> Self {
        Self { action: action.into(), resource: resource.into(), context: BTreeMap::new() }
    }

    pub(crate) fn with(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.context.entry(key.into()).or_default().push(value.into());
        self
    }
}

/// What has to be allowed before a request is carried out.
pub(crate) fn asked_by(operation: Operation, request: &Value) -> Vec<Access> {
    let action = format!("secretsmanager:{operation}");
    let Some(id) = secret_id(request) else {
        return vec![Access::new(action, "*")];
    };
    let mut asked = Vec::new();
    for resource in resources(id) {
        let mut access = Access::new(&action, &resource);
        if let Some(name) = request["Name"].as_str() {
            access = access.with("secretsmanager:Name", name);
        }
        let tags = tags(request);
        for (key, value) in &tags {
            access = access.with("aws:TagKeys", *key).with(format!("aws:RequestTag/{key}"), *value);
        }
        let tagging = Access { action: "secretsmanager:TagResource".to_owned(), ..access.clone() };
        asked.push(access);
        if operation == Operation::CreateSecret && !tags.is_empty() {
            asked.push(tagging);
        }
    }
    asked
}

/// What KMS asks for before a value is stored under a key: for a new secret both, to see that the caller may use it.
pub(crate) fn asked_by_kms_before(operation: Operation, request: &Value) -> Vec<Access> {
    let actions: &[&str] = match operation {
        Operation::CreateSecret => &["kms:GenerateDataKey", "kms:Decrypt"],
        Operation::PutSecretValue => &["kms:GenerateDataKey"],
        _ => &[],
    };
    let arn = secret_id(request).map(full_arn).unwrap_or_default();
    actions.iter().map(|action| of_the_key(action, &arn)).collect()
}

/// Reading the value of a secret: its own action in a batch, and decryption.
pub(crate) fn asked_by_a_value_of_a_batch(arn: &str) -> Access {
    Access::new("secretsmanager:GetSecretValue", arn)
}

pub(crate) fn asked_by_decryption(arn: &str) -> Access {
    of_the_key("kms:Decrypt", arn)
}

fn of_the_key(action: &str, secret_arn: &str) -> Access {
    let access = Access::new(action, KEY).with("kms:ViaService", VIA_SERVICE);
    access.with("kms:EncryptionContext:SecretARN", secret_arn)
}

/// The secret that a request names, by name or ARN.
pub(crate) fn secret_id(request: &Value) -> Option<&str> {
    request["SecretId"].as_str().or_else(|| request["Name"].as_str())
}

pub(crate) fn full_arn(id: &str) -> String {
    if id.starts_with("arn:") { id.to_owned() } else { format!("{SECRETS}{id}{SUFFIX}") }
}

fn resources(id: &str) -> Vec<String> {
    if id.starts_with("arn:") { vec![id.to_owned()] } else { vec![full_arn(id), format!("{SECRETS}{id}")] }
}

fn tags(request: &Value) -> Vec<(&str, &str)> {
    let tags = request["Tags"].as_array().map(Vec::as_slice).unwrap_or_default();
    tags.iter().filter_map(|tag| tag["Key"].as_str().zip(tag["Value"].as_str())).collect()
}
