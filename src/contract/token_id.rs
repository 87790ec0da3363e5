//! The id of a stored token.

use std::fmt;
use std::str::FromStr;

use super::{ErrorKind, Locator, LocatorKind, StoreError};

/// The id of a stored token: one that the store assigned, or one that the application chose.
///
/// A store-assigned id is a letter and a fingerprint, such as `u_52rqhupjinfczuwzz6qnyv2s6a`. It answers in
/// one request, is exact, and shows nothing about the user by itself, so prefer it to ids of your own.
/// An id of that form is always taken for a store-assigned one.
///
/// `Debug` shows a store-assigned id and hides one that the application chose; there is no `Display`.
///
/// ```
/// use oauth_token_store::TokenId;
///
/// let id = TokenId::of_user("bob@example.com")?;
/// assert_eq!(id.as_str(), "u_52rqhupjinfczuwzz6qnyv2s6a");
/// assert!(id.is_store_assigned());
/// assert_eq!(format!("{:?}", TokenId::new("crm-bob-1")?), "TokenId([REDACTED])");
/// # Ok::<(), oauth_token_store::StoreError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenId(Box<str>);

impl TokenId {
    /// Takes an id as it stands.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] if it is empty or holds a NUL character.
    pub fn new(id: impl Into<String>) -> Result<Self, StoreError> {
        let id = id.into();
        if id.is_empty() {
            return Err(StoreError::new(ErrorKind::Invalid, "a token id must not be empty"));
        }
        if id.contains('\0') {
            return Err(StoreError::new(ErrorKind::Invalid, "a token id must not hold a NUL character"));
        }
        Ok(Self(id.into()))
    }

    /// The id that the store assigns to the record of this user, whether there is one or not.
    ///
    /// So a logout needs no find before it: `store.delete_token(&TokenId::of_user(user)?)`. A store of another make that
    /// assigns ids of its own kind knows nothing of it: there, find the token first.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] if the name is empty or holds a NUL character.
    pub fn of_user(user_name: &str) -> Result<Self, StoreError> {
        if user_name.is_empty() || user_name.contains('\0') {
            return Err(StoreError::new(
                ErrorKind::Invalid,
                "a user name must not be empty and must not hold a NUL character",
            ));
        }
        Ok(Locator::new(LocatorKind::User, &[user_name]).into())
    }

    /// The id as text. For an id of the application's own this may name a person: keep it out of logs.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the id has the form that only stores assign: `[ugrai]_[a-z2-7]{26}`.
    pub fn is_store_assigned(&self) -> bool {
        Locator::parse(&self.0).is_some()
    }
}

impl fmt::Debug for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = if self.is_store_assigned() { self.as_str() } else { "[REDACTED]" };
        write!(f, "TokenId({shown})")
    }
}

impl AsRef<str> for TokenId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl FromStr for TokenId {
    type Err = StoreError;

    fn from_str(id: &str) -> Result<Self, StoreError> {
        Self::new(id)
    }
}

impl TryFrom<&str> for TokenId {
    type Error = StoreError;

    fn try_from(id: &str) -> Result<Self, StoreError> {
        Self::new(id)
    }
}

impl TryFrom<String> for TokenId {
    type Error = StoreError;

    fn try_from(id: String) -> Result<Self, StoreError> {
        Self::new(id)
    }
}

impl From<TokenId> for String {
    fn from(id: TokenId) -> Self {
        id.0.into()
    }
}

impl From<&TokenId> for String {
    fn from(id: &TokenId) -> Self {
        id.as_str().to_owned()
    }
}

impl From<Locator> for TokenId {
    fn from(locator: Locator) -> Self {
        Self(locator.as_str().into())
    }
}
