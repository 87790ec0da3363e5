//! A version of a secret and the value in it.

use std::fmt;

use data_encoding::BASE64;
use serde_json::{Map, Value};

use super::clock::Timestamp;

/// What a version holds.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum SecretValue {
    Text(String),
    Binary(Vec<u8>),
}

impl SecretValue {
    /// Adds the value to an answer, in the member of its kind.
    pub(super) fn write_to(&self, answer: &mut Map<String, Value>) {
        let (member, value) = match self {
            Self::Text(text) => ("SecretString", text.clone()),
            Self::Binary(bytes) => ("SecretBinary", BASE64.encode(bytes)),
        };
        answer.insert(member.to_owned(), Value::String(value));
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretValue(..)")
    }
}

/// A version: immutable once written. Its labels are the secret's, because they move.
#[derive(Debug)]
pub(super) struct Version {
    pub(super) id: String,
    pub(super) value: SecretValue,
    pub(super) created: Timestamp,
}
