//! Why a refresh failed.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use crate::contract::{ErrorKind, OAuthToken, StoreError};

/// Why [`refresh_with`](crate::SecretsManagerTokenStore::refresh_with) failed.
///
/// Its `Display` says what to do next and, where one is concerned, names the secret. Its [`source`](Error::source) is
/// the store's error or the one that the exchange returned. Neither `Display` nor `Debug` shows a token, a user name, an
/// id of the application's own, or the exchange's error: what *that* shows is up to the application.
///
/// Everybody who waited for the same exchange gets a clone of the same error.
///
/// ```
/// use std::sync::Arc;
///
/// use oauth_token_store::{OAuthToken, RefreshError, StoreError, TokenStore};
///
/// /// What to do after a failed refresh, so that no refresh token is lost.
/// async fn recover(store: &dyn TokenStore, error: RefreshError) -> Result<Arc<OAuthToken>, RefreshError> {
///     match error.token() {
///         // The exchange has happened, only its save has failed, and saving again may help.
///         Some(token) if error.is_retryable() => Ok(store.save_token(token).await?),
///         _ => Err(error),
///     }
/// }
/// ```
#[derive(Clone)]
pub struct RefreshError(Arc<Inner>);

struct Inner {
    cause: Cause,
    token: Option<Arc<OAuthToken>>,
    secret_name: Option<String>,
}

enum Cause {
    /// The token could not be found or read: nothing was exchanged.
    Read(StoreError),
    /// What the exchange gave could not be saved.
    Save(StoreError),
    Exchange(Arc<dyn Error + Send + Sync>),
    /// The exchange's task ended without a word.
    Abandoned,
}

impl RefreshError {
    fn new(cause: Cause, token: Option<Arc<OAuthToken>>, secret_name: Option<&str>) -> Self {
        Self(Arc::new(Inner { cause, token, secret_name: secret_name.map(str::to_owned) }))
    }

    /// The save of `token` failed, or was refused.
    pub(super) fn not_saved(error: StoreError, token: OAuthToken, secret_name: &str) -> Self {
        // The store's remembers the write of unknown fate.
        let token = error.token().cloned().unwrap_or_else(|| Arc::new(token));
        Self::new(Cause::Save(error), Some(token), Some(secret_name))
    }

    pub(super) fn not_exchanged(error: Arc<dyn Error + Send + Sync>, secret_name: &str) -> Self {
        Self::new(Cause::Exchange(error), None, Some(secret_name))
    }

    pub(super) fn abandoned(secret_name: &str) -> Self {
        Self::new(Cause::Abandoned, None, Some(secret_name))
    }

    /// The token to save, if the exchange succeeded and its save failed.
    ///
    /// The OAuth server may have spent the old refresh token for it, so do not lose it: give it to
    /// [`save_token`](crate::TokenStore::save_token), now if the error [is retryable](Self::is_retryable), else once the
    /// cause is mended. If a write ended without an answer, the token remembers it: see [`StoreError::token`]. After a
    /// logout ([`ErrorKind::Deleted`]) revoke it at the OAuth server. One that is not the record's
    /// ([`ErrorKind::Conflict`]) would be saved to another record: see to the exchange first.
    ///
    /// The next refresh in this process that reads the record again saves it, too, before it exchanges anything, if nobody
    /// has stored other tokens in it since; after [`ErrorKind::Deleted`] and [`ErrorKind::Conflict`] it doesn't. If it still
    /// cannot be saved and is not fresh any more, it is exchanged in its turn.
    pub fn token(&self) -> Option<&Arc<OAuthToken>> {
        self.0.token.as_ref()
    }

    /// The store's error, if it is the store that failed. With a [`token`](Self::token) it is the save that did, or a read
    /// after an earlier exchange whose save had failed.
    ///
    /// A token of another user, id or OAuth client than the record's is refused as [`ErrorKind::Conflict`].
    pub fn store_error(&self) -> Option<&StoreError> {
        match &self.0.cause {
            Cause::Read(error) | Cause::Save(error) => Some(error),
            Cause::Exchange(_) | Cause::Abandoned => None,
        }
    }

    /// The error that the exchange returned, for `downcast_ref`.
    pub fn exchange_error(&self) -> Option<&(dyn Error + Send + Sync + 'static)> {
        match &self.0.cause {
            Cause::Exchange(error) => Some(&**error),
            _ => None,
        }
    }

    /// Whether what the store failed at may succeed later without anybody changing anything: saving the
    /// [`token`](Self::token) if there is one, else the same refresh.
    ///
    /// `false` if the exchange failed: only the application can tell from
    /// [`exchange_error`](Self::exchange_error) whether another one may succeed.
    pub fn is_retryable(&self) -> bool {
        self.store_error().is_some_and(StoreError::is_retryable)
    }

    fn advice(&self) -> &'static str {
        match &self.0.cause {
            Cause::Read(error) if error.is_retryable() => {
                "the token could not be read, and nothing was exchanged: try again"
            }
            Cause::Read(_) => {
                "the token could not be read, and nothing was exchanged: do what the source says"
            }
            Cause::Save(error) if error.kind() == ErrorKind::Deleted => {
                "the token was deleted while it was exchanged: revoke the one inside this error at the OAuth server"
            }
            Cause::Save(error) if error.kind() == ErrorKind::Conflict => {
                "the token inside this error is not this record's: do what the source says before you save it anywhere"
            }
            Cause::Save(error) if error.is_retryable() => {
                "the exchange succeeded, but not its save: save the token inside this error"
            }
            Cause::Save(_) => {
                "the exchange succeeded, but not its save: do what the source says and save the token inside this error"
            }
            Cause::Exchange(_) => {
                "the exchange failed: the source says why; if the OAuth server refused the refresh token, the user \
                 has to log in again"
            }
            Cause::Abandoned => {
                "the exchange did not end, because it panicked or the runtime was shut down: if the OAuth server had \
                 answered, its answer is lost"
            }
        }
    }
}

/// The token could not be found or read, or a save of what an exchange gave failed.
impl From<StoreError> for RefreshError {
    fn from(error: StoreError) -> Self {
        let token = error.token().cloned();
        let cause = if token.is_some() { Cause::Save(error) } else { Cause::Read(error) };
        Self::new(cause, token, None)
    }
}

impl fmt::Display for RefreshError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.advice())?;
        match &self.0.secret_name {
            Some(name) => write!(f, " (secret {name})"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for RefreshError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("RefreshError");
        shown.field("message", &self.advice());
        if let Some(name) = &self.0.secret_name {
            shown.field("secret_name", name);
        }
        if let Some(token) = &self.0.token {
            shown.field("token", token);
        }
        if let Some(error) = self.store_error() {
            shown.field("source", error);
        }
        shown.finish_non_exhaustive()
    }
}

impl Error for RefreshError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0.cause {
            Cause::Read(error) | Cause::Save(error) => Some(error),
            Cause::Exchange(error) => Some(&**error),
            Cause::Abandoned => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "app/u_x";

    fn token() -> OAuthToken {
        OAuthToken::builder().user_name("canary-user").access_token("canary").build().expect("valid")
    }

    /// Such as an HTTP client's, which shows the URL with everything in it.
    fn callers_own() -> Arc<dyn Error + Send + Sync> {
        Arc::from(Box::<dyn Error + Send + Sync>::from("canary"))
    }

    #[test]
    fn each_cause_says_what_to_do_and_shows_nothing() {
        let store_error = |kind: ErrorKind| StoreError::from(kind);
        let not_saved = |kind| RefreshError::not_saved(store_error(kind), token(), NAME);
        let mut texts = Vec::new();
        for (error, retryable, has_token, what_to_do) in [
            (store_error(ErrorKind::Throttled).into(), true, false, "try again"),
            (store_error(ErrorKind::AccessDenied).into(), false, false, "do what the source says"),
            (not_saved(ErrorKind::Unavailable), true, true, "save the token inside this error"),
            (not_saved(ErrorKind::AccessDenied), false, true, "do what the source says and save the token"),
            (not_saved(ErrorKind::Deleted), false, true, "revoke"),
            (not_saved(ErrorKind::Conflict), false, true, "not this record's"),
            (RefreshError::not_exchanged(callers_own(), NAME), false, false, "log in again"),
            (RefreshError::abandoned(NAME), false, false, "panicked"),
        ] {
            let text = error.to_string();
            assert!(text.contains(what_to_do), "{text}");
            assert_eq!((error.is_retryable(), error.token().is_some()), (retryable, has_token), "{text}");
            let shown = format!("{text} {error:?} {:?}", error.clone());
            assert!(!shown.contains("canary"), "{shown}");
            assert!(format!("{error:?}").contains(what_to_do), "{error:?}");
            texts.push(text);
        }
        texts.sort();
        texts.dedup();
        assert_eq!(texts.len(), 8);
    }

    #[test]
    fn the_source_is_the_stores_error_or_the_callers_own() {
        let error = RefreshError::from(StoreError::from(ErrorKind::Throttled));
        let source = error.source().and_then(|source| source.downcast_ref::<StoreError>());
        assert_eq!(source.map(StoreError::kind), Some(ErrorKind::Throttled));
        assert_eq!(error.store_error().map(StoreError::kind), Some(ErrorKind::Throttled));
        assert!(error.exchange_error().is_none());

        let error = RefreshError::not_exchanged(Arc::new(fmt::Error), NAME);
        assert!(error.source().is_some_and(|source| source.is::<fmt::Error>()));
        assert!(error.exchange_error().is_some_and(|source| source.is::<fmt::Error>()));
        assert!(error.store_error().is_none());
        assert!(error.to_string().ends_with("(secret app/u_x)"), "{error}");

        assert!(RefreshError::abandoned(NAME).source().is_none());
    }

    #[test]
    fn the_token_is_the_one_that_the_store_remembers_a_write_in() {
        let remembering = Arc::new(token());
        let store_error = StoreError::from(ErrorKind::Unavailable).with_token(Arc::clone(&remembering));
        for error in [
            RefreshError::not_saved(store_error.clone(), token(), NAME),
            // Of a save that the application made after a refresh.
            RefreshError::from(store_error),
        ] {
            assert!(error.token().is_some_and(|token| Arc::ptr_eq(token, &remembering)));
            assert!(error.to_string().contains("save the token inside this error"), "{error}");
        }
    }
}
