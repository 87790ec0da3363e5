//! A request as the service sees it: an operation and a JSON object.

use data_encoding::BASE64;
use serde_json::{Map, Value};

use super::error::{Result, ServiceError};
use super::operation::Operation;

/// The members of a request, read with the errors that AWS gives for a wrong type or a missing member.
///
/// No `Debug`: the members hold secret values.
#[derive(Default)]
pub(super) struct Request {
    members: Map<String, Value>,
}

impl Request {
    pub(super) fn parse(body: &[u8]) -> Result<Self> {
        match serde_json::from_slice(body) {
            Ok(Value::Object(members)) => Ok(Self { members }),
            // serde_json's own message can quote the body.
            Ok(_) | Err(_) => Err(ServiceError::serialization("The body is not a JSON object")),
        }
    }

    pub(super) fn object(value: &Value, member: &str) -> Result<Self> {
        match value {
            Value::Object(members) => Ok(Self { members: members.clone() }),
            _ => Err(wrong_type(member, "a structure")),
        }
    }

    /// A member, where JSON's null counts as absent.
    fn member(&self, name: &str) -> Option<&Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn string(&self, name: &str) -> Result<Option<&str>> {
        self.typed(name, "a string", Value::as_str)
    }

    pub(super) fn required_string(&self, name: &str) -> Result<&str> {
        self.string(name)?.ok_or_else(|| missing(name))
    }

    pub(super) fn boolean(&self, name: &str) -> Result<Option<bool>> {
        self.typed(name, "a boolean", Value::as_bool)
    }

    pub(super) fn integer(&self, name: &str) -> Result<Option<i64>> {
        self.typed(name, "an integer", Value::as_i64)
    }

    pub(super) fn list(&self, name: &str) -> Result<Option<&[Value]>> {
        self.typed(name, "a list", |value| value.as_array().map(Vec::as_slice))
    }

    pub(super) fn strings(&self, name: &str) -> Result<Option<Vec<&str>>> {
        self.list(name)?
            .map(|values| {
                values
                    .iter()
                    .map(|value| value.as_str().ok_or_else(|| wrong_type(name, "a string")))
                    .collect()
            })
            .transpose()
    }

    pub(super) fn blob(&self, name: &str) -> Result<Option<Vec<u8>>> {
        self.string(name)?
            .map(|text| BASE64.decode(text.as_bytes()).map_err(|_| wrong_type(name, "a blob")))
            .transpose()
    }

    /// All members but some, as text that is equal for equal requests.
    pub(super) fn without(&self, names: &[&str]) -> String {
        let mut members = self.members.clone();
        members.retain(|name, _| !names.contains(&name.as_str()));
        Value::Object(members).to_string()
    }

    fn typed<'a, T>(
        &'a self,
        name: &str,
        expected: &'static str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>> {
        self.member(name).map(|value| read(value).ok_or_else(|| wrong_type(name, expected))).transpose()
    }

    /// The secrets that the request names, by name or ARN: what faults and gates are scoped by.
    fn named_secrets(&self) -> impl Iterator<Item = &str> {
        let batch = self.member("SecretIdList").and_then(Value::as_array);
        ["SecretId", "Name"]
            .into_iter()
            .filter_map(|name| self.member(name))
            .chain(batch.into_iter().flatten())
            .filter_map(Value::as_str)
    }
}

/// One HTTP request that has arrived.
pub(super) struct Call {
    pub(super) operation: Operation,
    /// The members, or the error that a body which is no JSON object comes to.
    pub(super) request: Result<Request>,
}

impl Call {
    /// Whether the request names a secret whose name or ARN contains `substring`.
    pub(super) fn names(&self, substring: &str) -> bool {
        self.request
            .as_ref()
            .is_ok_and(|request| request.named_secrets().any(|name| name.contains(substring)))
    }

    /// What an AccessDenied message gives as the resource.
    pub(super) fn resource(&self) -> &str {
        self.request.as_ref().ok().and_then(|request| request.named_secrets().next()).unwrap_or("*")
    }
}

/// A required member that isn't there.
pub(super) fn missing(name: &str) -> ServiceError {
    ServiceError::validation(&camel_case(name), "not be null")
}

fn wrong_type(name: &str, expected: &str) -> ServiceError {
    ServiceError::serialization(format!("{name} is not {expected}"))
}

/// `SecretId` as validation messages write it: `secretId`.
pub(super) fn camel_case(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}
