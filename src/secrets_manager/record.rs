//! A secret as it was read.

use std::sync::Arc;

use crate::contract::ErrorKind;
use crate::contract::{Locator, OAuthToken, StoreError, TokenId};

use super::prefix::Prefix;
use super::value;

/// A token together with where and in which version it was found.
#[derive(Clone, Debug)]
pub(super) struct Record {
    /// The full ARN: it dies with the secret, so a write to it never reaches a re-created one.
    pub(super) arn: String,
    pub(super) name: String,
    pub(super) version_id: String,
    pub(super) token: Arc<OAuthToken>,
}

impl Record {
    /// Reads an answer of the service; `None` if the secret is not one of ours.
    pub(super) fn from_answer(prefix: &Prefix, answer: Answer) -> Option<Result<Self, StoreError>> {
        let locator = prefix.locator_in(&answer.name)?;
        Some(Self::decode(locator, answer))
    }

    fn decode(locator: Locator, answer: Answer) -> Result<Self, StoreError> {
        let Answer { arn, name, version_id, value } = answer;
        let fields = match value {
            Some(value) => value::decode(&value).map_err(|corruption| corruption.message()),
            None => Err("the secret holds binary data".to_owned()),
        };
        match fields {
            Ok(fields) => {
                let token = Arc::new(OAuthToken::stored(fields, Some(TokenId::from(locator))));
                Ok(Self { arn, name, version_id, token })
            }
            Err(message) => {
                let message = format!("{message}: repair it, or delete the token by its id");
                Err(StoreError::new(ErrorKind::Corrupt, message).with_secret_name(name))
            }
        }
    }
}

impl AsRef<OAuthToken> for Record {
    fn as_ref(&self) -> &OAuthToken {
        &self.token
    }
}

/// What the service says of a secret's version.
pub(super) struct Answer {
    pub(super) arn: String,
    pub(super) name: String,
    pub(super) version_id: String,
    pub(super) value: Option<secrecy::zeroize::Zeroizing<String>>,
}
