//! How tokens are made.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use secrecy::SecretString;

use super::fields::{Extra, Field, Fields, holds_nul, is_reserved};
use super::{ErrorKind, OAuthToken, StoreError, TokenId, TokenResponseError, UnfinishedSave, token_response};

/// Builds an [`OAuthToken`]. An empty string counts as absent in every field.
///
/// In a builder made with [`OAuthToken::to_builder`] an absent field keeps what is stored when the token
/// is saved: a save never erases a field.
#[derive(Clone)]
#[must_use = "nothing is made until `build`"]
pub struct OAuthTokenBuilder {
    id: String,
    fields: Fields,
    /// Those of the token that it was made from.
    copied: Option<Arc<Fields>>,
    found: Option<Arc<Fields>>,
    assigned_id: Option<TokenId>,
    unfinished: Option<UnfinishedSave>,
    reserved_extra: bool,
    /// Whether the expiry time was set here, and not copied along.
    is_expiry_set: bool,
}

macro_rules! text_setters {
    ($($(#[$doc:meta])* $name:ident: $type:ty => $field:ident;)*) => {$(
        $(#[$doc])*
        pub fn $name(mut self, $name: impl Into<$type>) -> Self {
            let value: $type = $name.into();
            self.fields.set(Field::$field, SecretString::from(value));
            self
        }
    )*};
}

impl OAuthTokenBuilder {
    pub(super) fn new() -> Self {
        Self {
            id: String::new(),
            fields: Fields::default(),
            copied: None,
            found: None,
            assigned_id: None,
            unfinished: None,
            reserved_extra: false,
            is_expiry_set: false,
        }
    }

    pub(super) fn from_token(token: &OAuthToken) -> Self {
        Self {
            id: token.id().map(String::from).unwrap_or_default(),
            fields: Fields::clone(token.fields()),
            copied: Some(Arc::clone(token.fields())),
            found: token.found().cloned(),
            assigned_id: token.assigned_id().cloned(),
            unfinished: token.unfinished().cloned(),
            reserved_extra: false,
            is_expiry_set: false,
        }
    }

    /// The id, store-assigned or of the application's own: see [`TokenId`].
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = id.into();
        self
    }

    text_setters! {
        /// Whose token it is: the resource owner (RFC 6749 §1.1).
        user_name: String => UserName;
        /// The client identifier (RFC 6749 §2.2).
        client_id: String => ClientId;
        /// The client secret (RFC 6749 §2.3.1).
        client_secret: SecretString => ClientSecret;
        /// The refresh token (RFC 6749 §1.5).
        refresh_token: SecretString => RefreshToken;
        /// The access token (RFC 6749 §1.4). A new one does not take over the expiry time of the token that the builder was
        /// made from.
        access_token: SecretString => AccessToken;
        /// The grant token: the authorization code (RFC 6749 §1.3.1).
        grant_token: SecretString => GrantToken;
        /// The redirection URI (RFC 6749 §3.1.2).
        redirect_url: String => RedirectUrl;
        /// The base URL of the API that the token is for.
        api_domain: String => ApiDomain;
        /// The scope (RFC 6749 §3.3), space-separated.
        scope: String => Scope;
        /// The access token's type (RFC 6749 §7.1), such as `Bearer`.
        token_type: String => TokenType;
    }

    /// When the access token expires, truncated to milliseconds.
    pub fn expiry_time(mut self, instant: SystemTime) -> Self {
        self.fields.set_expiry_time(Some(instant));
        self.is_expiry_set = true;
        self
    }

    /// How long from now the access token is valid: `expires_in` of RFC 6749 §5.1. A lifetime beyond what the clock can tell
    /// ends there.
    pub fn expires_in(mut self, lifetime: Duration) -> Self {
        self.fields.set_lifetime(SystemTime::now(), lifetime);
        self.is_expiry_set = true;
        self
    }

    /// Something that the provider sends beyond the fields above, such as `instance_url`.
    pub fn extra(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let name = name.into();
        if is_reserved(&name) || name.is_empty() {
            self.reserved_extra = true;
        } else {
            self.fields.set_extra(name, Extra::Text(value.into().into()));
        }
        self
    }

    /// Takes in the body of a token endpoint's response (RFC 6749 §5.1), received now.
    ///
    /// - `access_token`, `refresh_token`, `token_type`, `scope` and `api_domain` go to their fields; what the
    ///   response leaves out stays as it was in the builder, but the expiry time goes with the old access token.
    /// - `expires_in` is seconds from now, as a number or a string. Zoho's older servers send milliseconds there
    ///   and the seconds in `expires_in_sec`, which wins. One that cannot be read counts as absent: a good token
    ///   is not thrown away for it.
    /// - A token that is no string counts as absent, and a scope that is an array of strings is joined with spaces.
    /// - Everything else becomes an extra; what is no string is kept as its JSON text. Members with a name that
    ///   the stored format uses otherwise (such as Salesforce's `id`) are left out.
    ///
    /// ```
    /// use oauth_token_store::OAuthToken;
    ///
    /// let token = OAuthToken::builder()
    ///     .user_name("bob")
    ///     .token_response(r#"{"access_token": "a", "expires_in": 3600, "instance_url": "https://example.com"}"#)?
    ///     .build()?;
    /// assert_eq!(token.extra("instance_url"), Some("https://example.com"));
    /// assert!(token.expiry_time().is_some());
    ///
    /// let refused = OAuthToken::from_token_response(r#"{"error": "invalid_grant"}"#).unwrap_err();
    /// assert_eq!(refused.oauth_error(), Some("invalid_grant"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`TokenResponseError`] if there is an `error` in the body, whatever the HTTP status was, or if the body is
    /// not a token response.
    pub fn token_response(self, body: &str) -> Result<Self, TokenResponseError> {
        self.token_response_at(body, SystemTime::now())
    }

    /// [`token_response`](Self::token_response) for a body that was received at another time.
    ///
    /// # Errors
    /// As [`token_response`](Self::token_response).
    pub fn token_response_at(
        mut self,
        body: &str,
        received_at: SystemTime,
    ) -> Result<Self, TokenResponseError> {
        let response = token_response::parse(body, received_at)?;
        self.fields.set_expiry_time(None);
        self.fields.overlay(&response);
        self.is_expiry_set = true;
        Ok(self)
    }

    /// The token.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] if a field holds a NUL character, or an extra has no name, or that of a field, `schema` or
    /// `save`.
    pub fn build(mut self) -> Result<OAuthToken, StoreError> {
        if let Some(field) = self.fields.holding_nul() {
            return Err(holds_nul(field));
        }
        if self.reserved_extra {
            let message = "a provider extra needs a name, and not that of a token field, `schema` or `save`";
            return Err(StoreError::new(ErrorKind::Invalid, message));
        }
        self.fields.id = if self.id.is_empty() { None } else { Some(TokenId::new(self.id)?) };
        if let Some(copied) = self.copied.as_ref().filter(|_| !self.is_expiry_set)
            && self.fields.text(Field::AccessToken) != copied.text(Field::AccessToken)
        {
            // It was copied along with the access token that it belonged to.
            self.fields.set_expiry_time(None);
        }
        let token = OAuthToken::from_parts(Arc::new(self.fields), self.found, self.assigned_id);
        Ok(token.with_unfinished(self.unfinished))
    }
}

impl Default for OAuthTokenBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for OAuthTokenBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuthTokenBuilder").finish_non_exhaustive()
    }
}
