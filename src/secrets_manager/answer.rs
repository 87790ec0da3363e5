//! From what the service answers to a record.

use std::sync::Arc;

use crate::contract::{ErrorKind, Locator, OAuthToken, StoreError, TokenId};
use crate::record::{Record, Version};

use super::prefix::Prefix;
use super::value;

/// What the service says of a secret's version.
pub(super) struct Answer {
    pub(super) name: String,
    pub(super) version: Version,
    pub(super) value: Option<secrecy::zeroize::Zeroizing<String>>,
}

impl Answer {
    /// The record that it is; `None` if the secret is not one of ours.
    pub(super) fn into_record(self, prefix: &Prefix) -> Option<Result<Record, StoreError>> {
        let locator = prefix.locator_in(&self.name)?;
        Some(self.decode(locator))
    }

    fn decode(self, locator: Locator) -> Result<Record, StoreError> {
        let Self { name, version, value } = self;
        let fields = match value {
            Some(value) => value::decode(&value).map_err(|corruption| corruption.message()),
            None => Err("the secret holds binary data".to_owned()),
        };
        match fields {
            Ok(fields) => {
                let token = Arc::new(OAuthToken::stored(fields, Some(TokenId::from(locator))));
                Ok(Record { version: Arc::new(version), name: name.into(), token })
            }
            Err(message) => {
                let message = format!("{message}: repair it, or delete the token by its id");
                Err(StoreError::new(ErrorKind::Corrupt, message).with_secret_name(name))
            }
        }
    }
}
