//! One error type for every store, with a kind that callers can act on.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::OAuthToken;

/// What went wrong, for code that acts on it.
///
/// ```
/// use oauth_token_store::ErrorKind;
///
/// assert!(ErrorKind::Throttled.is_retryable());
/// assert!(!ErrorKind::Conflict.is_retryable());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A save was asked for with a token that names no record: give it an id or a user name.
    NoLookupKey,
    /// A save would have made a record without a refresh, grant or access token in it.
    NothingToStore,
    /// What the caller gave is malformed: a NUL character, an empty id, a bad prefix.
    Invalid,
    /// The token contradicts the record it stands for: another OAuth client, another user, an id that
    /// another user's record holds, or a token that the record has rotated away from.
    Conflict,
    /// The record that the token was found as is gone: somebody has deleted it, so the user has to log in again.
    ///
    /// What an exchange at the OAuth server gave in the meantime is better revoked there. To store it all the same,
    /// save [`OAuthToken::detached`].
    Deleted,
    /// Other writers kept winning the race for the same record. Save again.
    Contended,
    /// The token's JSON is over the 65,536 bytes that Secrets Manager takes. Nothing was sent.
    TooLarge,
    /// A secret under the prefix holds something that is not a token of a schema this version reads.
    Corrupt,
    /// AWS refused the credentials, or their permissions lack something: see the source.
    AccessDenied,
    /// AWS throttled the request, and its repetitions.
    Throttled,
    /// A read was not answered in time. A write that was not is [`ErrorKind::Unavailable`].
    TimedOut,
    /// The service could not be reached or failed in a passing way, or a write's fate is unknown.
    Unavailable,
    /// A quota is used up: secrets in the Region, or the about 100 versions of one secret, of which none younger than
    /// 24 hours is dropped.
    QuotaExceeded,
    /// AWS KMS could not encrypt or decrypt the secret: check the key's state and policy.
    Kms,
    /// The store or the AWS client behind it is not set up: no region, no credentials, a bad variable.
    Configuration,
    /// The service answered with something that this version does not know: see the source.
    Unexpected,
}

impl ErrorKind {
    /// Whether the same call may succeed later without anybody changing anything.
    pub fn is_retryable(self) -> bool {
        matches!(self, Self::Contended | Self::Throttled | Self::TimedOut | Self::Unavailable)
    }

    /// The name in snake case, such as `no_lookup_key`: for metrics and structured logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoLookupKey => "no_lookup_key",
            Self::NothingToStore => "nothing_to_store",
            Self::Invalid => "invalid",
            Self::Conflict => "conflict",
            Self::Deleted => "deleted",
            Self::Contended => "contended",
            Self::TooLarge => "too_large",
            Self::Corrupt => "corrupt",
            Self::AccessDenied => "access_denied",
            Self::Throttled => "throttled",
            Self::TimedOut => "timed_out",
            Self::Unavailable => "unavailable",
            Self::QuotaExceeded => "quota_exceeded",
            Self::Kms => "kms",
            Self::Configuration => "configuration",
            Self::Unexpected => "unexpected",
        }
    }

    fn advice(self) -> &'static str {
        match self {
            Self::NoLookupKey => {
                "the token names no record: give it an id or a user name \
                 (or a refresh or grant token together with its client id)"
            }
            Self::NothingToStore => {
                "the token carries no refresh, grant or access token of its own, so there is nothing to store"
            }
            Self::Invalid => "the input is malformed",
            Self::Conflict => "the token contradicts the stored record it stands for",
            Self::Deleted => {
                "the record that this token was found as is gone: the user has to log in again \
                 (to store the token as a new one, save `detached()`)"
            }
            Self::Contended => "other writers kept winning the race for this record: save again",
            Self::TooLarge => {
                "the token's JSON is over the 65,536 bytes that Secrets Manager takes: store less in it"
            }
            Self::Corrupt => {
                "the secret does not hold a token that this version reads: repair it, or delete the token by its id"
            }
            Self::AccessDenied => "access denied: grant the missing permission to the role that runs this",
            Self::Throttled => "AWS throttled the request: try again later, or ask for less at once",
            Self::TimedOut => "no answer in time: try again",
            Self::Unavailable => "the service could not be reached or failed in a passing way: try again",
            Self::QuotaExceeded => {
                "a Secrets Manager quota is used up: too many secrets in the Region, or too many writes to one secret in 24 hours"
            }
            Self::Kms => {
                "AWS KMS could not encrypt or decrypt the secret: check the key's state and its policy"
            }
            Self::Configuration => "the AWS client is not set up",
            Self::Unexpected => "Secrets Manager answered with something unknown to this version",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why an operation of a [`TokenStore`](super::TokenStore) failed.
///
/// Its `Display` says what to do next and, where one is concerned, names the secret. Neither it nor its
/// `Debug`, nor any error in its [`source`](Error::source) chain, shows a token, a user name or an id
/// that the application chose.
///
/// A missing token is not an error: finds return `None`. A clone has the same source, so that many who waited for one
/// thing can be told alike why it failed.
///
/// ```
/// use oauth_token_store::{ErrorKind, MemoryTokenStore, OAuthToken, TokenStore};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let store = MemoryTokenStore::new();
/// let nobody = OAuthToken::builder().access_token("a").client_id("c").build()?;
/// let error = store.save_token(&nobody).await.unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::NoLookupKey);
/// assert!(!error.is_retryable());
/// # Ok::<(), oauth_token_store::StoreError>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct StoreError(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: Cow<'static, str>,
    secret_name: Option<String>,
    token: Option<Arc<OAuthToken>>,
    /// Shared, so that all who wait for the same thing can be told.
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl StoreError {
    /// An error of `kind`; `message` should say what to do next and must show nothing secret.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner { kind, message: message.into(), secret_name: None, token: None, source: None }))
    }

    /// Adds the error that caused this one. It must show nothing secret in `Display` or `Debug`.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.0.source = Some(Arc::from(source.into()));
        self
    }

    /// Names the secret, or whatever the record lies in. The name must show no user and no token.
    #[must_use]
    pub fn with_secret_name(mut self, name: impl Into<String>) -> Self {
        self.0.secret_name = Some(name.into());
        self
    }

    /// Adds the token to save again: see [`token`](Self::token).
    #[must_use]
    pub fn with_token(mut self, token: Arc<OAuthToken>) -> Self {
        self.0.token = Some(token);
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether the same call may succeed later without anybody changing anything.
    pub fn is_retryable(&self) -> bool {
        self.0.kind.is_retryable()
    }

    /// The secret that the error is about. A name holds no user name and no token, only a fingerprint.
    pub fn secret_name(&self) -> Option<&str> {
        self.0.secret_name.as_deref()
    }

    /// The token to save again instead of one's own, after a save that failed in a passing way.
    ///
    /// It remembers how far the save came. A write that ended without an answer ([`ErrorKind::Unavailable`]) is sent
    /// again as it was: if it had landed, nothing is written twice, whoever has written since. If it had not, the changes
    /// are merged over what is stored by now, and what the token shares with the record that the save started from does
    /// not count as given.
    ///
    /// `None` for other operations and for final failures, unless a write's fate is unknown.
    pub fn token(&self) -> Option<&Arc<OAuthToken>> {
        self.0.token.as_ref()
    }
}

impl From<ErrorKind> for StoreError {
    fn from(kind: ErrorKind) -> Self {
        Self::new(kind, kind.advice())
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        match &self.0.secret_name {
            Some(name) => write!(f, " (secret {name})"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, message, secret_name, token, source } = &*self.0;
        let mut shown = f.debug_struct("StoreError");
        shown.field("kind", kind).field("message", message);
        if let Some(name) = secret_name {
            shown.field("secret_name", name);
        }
        if let Some(token) = token {
            shown.field("token", token);
        }
        if let Some(source) = source {
            shown.field("source", source);
        }
        shown.finish()
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
