//! The token.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use secrecy::{ExposeSecret, SecretString};

use super::fields::{Extra, Field, Fields};
use super::{OAuthTokenBuilder, TokenId, TokenResponseError};

/// An OAuth token with everything that is needed to use and to refresh it.
///
/// All fields are optional, so a token also serves as the question in a lookup. Where the names differ
/// from those of [RFC 6749], they are the ones of the contract (the Zoho CRM SDKs' custom token
/// persistence), and each accessor gives the RFC's term.
///
/// A token that a store returned, and every token built from it with [`to_builder`](Self::to_builder),
/// remembers what was found: when it is saved, fields that still equal what was found count as not given.
/// So *find, change one field, save* changes one field, and never puts an old refresh token back.
///
/// Secrets and all other texts are wiped from memory when dropped, but for ids and the names of extras. `Debug` shows
/// which fields are set, the expiry time and a store-assigned id; there is no `Display` and no `Serialize`. `==` compares
/// contents only.
///
/// ```
/// use oauth_token_store::{OAuthToken, secrecy::ExposeSecret};
///
/// let token = OAuthToken::builder()
///     .user_name("bob@example.com")
///     .client_id("1000.ABC")
///     .refresh_token("1000.refresh")
///     .build()?;
/// assert_eq!(token.refresh_token().unwrap().expose_secret(), "1000.refresh");
/// assert!(!format!("{token:?}").contains("1000.refresh"));
/// # Ok::<(), oauth_token_store::StoreError>(())
/// ```
///
/// [RFC 6749]: https://www.rfc-editor.org/rfc/rfc6749
#[derive(Clone)]
pub struct OAuthToken {
    fields: Arc<Fields>,
    /// What a store returned, if this token is that or was built from it.
    found: Option<Arc<Fields>>,
    assigned_id: Option<TokenId>,
    unfinished: Option<UnfinishedSave>,
}

/// What the store that was to save it left in a token: opaque to everything else.
#[derive(Clone)]
pub(crate) struct UnfinishedSave(pub(crate) Arc<dyn Any + Send + Sync>);

impl OAuthToken {
    /// A builder with no field set.
    pub fn builder() -> OAuthTokenBuilder {
        OAuthTokenBuilder::new()
    }

    /// A builder filled from the body of a token endpoint's response, received now.
    ///
    /// See [`OAuthTokenBuilder::token_response`].
    ///
    /// # Errors
    /// [`TokenResponseError`] if the body is an OAuth error or not a token response at all.
    pub fn from_token_response(body: &str) -> Result<OAuthTokenBuilder, TokenResponseError> {
        Self::builder().token_response(body)
    }

    /// A builder with these fields, which remembers what this token was found as.
    pub fn to_builder(&self) -> OAuthTokenBuilder {
        OAuthTokenBuilder::from_token(self)
    }

    /// A copy that no longer remembers being found: when it is saved, every field counts as given.
    ///
    /// For copying tokens to another store. Saved to the store it came from, it overwrites what others
    /// have stored since, so don't. As with every save of a new record, something in the token must name it: one
    /// without a user, an id of the application's own or a token that it can be looked up by is
    /// [`ErrorKind::NoLookupKey`](crate::ErrorKind::NoLookupKey).
    #[must_use]
    pub fn detached(&self) -> Self {
        Self::from_parts(Arc::clone(&self.fields), None, None)
    }

    pub(crate) fn from_parts(
        fields: Arc<Fields>,
        found: Option<Arc<Fields>>,
        assigned_id: Option<TokenId>,
    ) -> Self {
        Self { fields, found, assigned_id, unfinished: None }
    }

    /// This token as a store returns it: from now on it remembers its fields as found.
    ///
    /// For stores that build their tokens from what they have read. `assigned_id` is the id that the store assigned,
    /// if it keeps one beside an id of the application's own; without it, the token's id is taken if it has the form of
    /// an assigned one.
    #[must_use]
    pub fn into_found(self, assigned_id: Option<TokenId>) -> Self {
        let id = self.fields.id.clone().filter(TokenId::is_store_assigned);
        let assigned_id = assigned_id.or(self.assigned_id).or(id);
        Self::from_parts(Arc::clone(&self.fields), Some(self.fields), assigned_id)
    }

    /// A found token whose id is the application's own if it has one, else `assigned_id`.
    pub(crate) fn stored(mut fields: Fields, assigned_id: Option<TokenId>) -> Self {
        fields.id = fields.id.or_else(|| assigned_id.clone());
        let fields = Arc::new(fields);
        Self::from_parts(Arc::clone(&fields), Some(fields), assigned_id)
    }

    pub(crate) fn fields(&self) -> &Arc<Fields> {
        &self.fields
    }

    pub(crate) fn found(&self) -> Option<&Arc<Fields>> {
        self.found.as_ref()
    }

    pub(crate) fn unfinished(&self) -> Option<&UnfinishedSave> {
        self.unfinished.as_ref()
    }

    pub(crate) fn with_unfinished(&self, unfinished: Option<UnfinishedSave>) -> Self {
        Self { unfinished, ..self.clone() }
    }

    /// The id: the application's own, if the record was made with one, else the store-assigned one.
    pub fn id(&self) -> Option<&TokenId> {
        self.fields.id.as_ref()
    }

    /// The id that the store assigned, also where the application chose one of its own.
    ///
    /// Lookups and deletions by it are exact and take one request. `None` for a token that no store
    /// has returned.
    pub fn assigned_id(&self) -> Option<&TokenId> {
        self.assigned_id.as_ref()
    }

    /// Whose token it is: the resource owner (RFC 6749 §1.1). Compared as raw UTF-8, case-sensitive.
    pub fn user_name(&self) -> Option<&str> {
        self.fields.text(Field::UserName)
    }

    /// The client identifier (RFC 6749 §2.2).
    pub fn client_id(&self) -> Option<&str> {
        self.fields.text(Field::ClientId)
    }

    /// The client secret (RFC 6749 §2.3.1). Better kept out of tokens, and configured once instead.
    pub fn client_secret(&self) -> Option<&SecretString> {
        self.fields.secret(Field::ClientSecret)
    }

    /// The refresh token (RFC 6749 §1.5).
    pub fn refresh_token(&self) -> Option<&SecretString> {
        self.fields.secret(Field::RefreshToken)
    }

    /// The access token (RFC 6749 §1.4).
    pub fn access_token(&self) -> Option<&SecretString> {
        self.fields.secret(Field::AccessToken)
    }

    /// The grant token: the authorization code (RFC 6749 §1.3.1).
    pub fn grant_token(&self) -> Option<&SecretString> {
        self.fields.secret(Field::GrantToken)
    }

    /// When the access token expires: the absolute form of `expires_in` (RFC 6749 §5.1), in whole
    /// milliseconds.
    pub fn expiry_time(&self) -> Option<SystemTime> {
        self.fields.expiry_time()
    }

    /// The redirection URI (RFC 6749 §3.1.2).
    pub fn redirect_url(&self) -> Option<&str> {
        self.fields.text(Field::RedirectUrl)
    }

    /// The base URL of the API that the token is for; a provider's addition (Zoho) to RFC 6749.
    pub fn api_domain(&self) -> Option<&str> {
        self.fields.text(Field::ApiDomain)
    }

    /// The scope (RFC 6749 §3.3), space-separated.
    pub fn scope(&self) -> Option<&str> {
        self.fields.text(Field::Scope)
    }

    /// The access token's type (RFC 6749 §7.1), such as `Bearer`.
    pub fn token_type(&self) -> Option<&str> {
        self.fields.text(Field::TokenType)
    }

    /// What the provider sent by this name beyond the fields above, such as `instance_url`.
    ///
    /// `None` also for a member of the stored value that another program wrote and that is no string.
    pub fn extra(&self, name: &str) -> Option<&str> {
        match self.fields.extras().get(name)? {
            Extra::Text(text) => Some(text.expose_secret()),
            Extra::Json(_) => None,
        }
    }

    /// All provider extras that are text, sorted by name.
    pub fn extras(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.extras().iter().filter_map(|(name, extra)| match extra {
            Extra::Text(text) => Some((name.as_str(), text.expose_secret())),
            Extra::Json(_) => None,
        })
    }

    /// Whether the access token expires within `leeway` from now, or already has.
    ///
    /// A token without an expiry time never does.
    ///
    /// ```
    /// use std::time::Duration;
    /// use oauth_token_store::OAuthToken;
    ///
    /// let token = OAuthToken::builder().access_token("a").expires_in(Duration::from_secs(3600)).build()?;
    /// assert!(!token.expires_within(Duration::from_secs(60)));
    /// assert!(token.expires_within(Duration::from_secs(3601)));
    /// # Ok::<(), oauth_token_store::StoreError>(())
    /// ```
    pub fn expires_within(&self, leeway: Duration) -> bool {
        self.expires_within_of(SystemTime::now(), leeway)
    }

    /// Whether the access token expires within `leeway` from this time on.
    pub(crate) fn expires_within_of(&self, now: SystemTime, leeway: Duration) -> bool {
        let Some(expiry) = self.expiry_time() else {
            return false;
        };
        // A leeway beyond the end of the clock covers every expiry.
        now.checked_add(leeway).is_none_or(|horizon| expiry <= horizon)
    }
}

impl AsRef<Self> for OAuthToken {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl PartialEq for OAuthToken {
    fn eq(&self, other: &Self) -> bool {
        self.fields == other.fields
    }
}

impl Eq for OAuthToken {}

impl fmt::Debug for OAuthToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("OAuthToken");
        if let Some(id) = self.id() {
            shown.field("id", id);
        }
        for field in Field::ALL {
            if self.fields.secret(field).is_some() {
                shown.field(field.name(), &format_args!("[REDACTED]"));
            }
        }
        if let Some(expiry) = self.expiry_time() {
            shown.field("expiry_time", &expiry);
        }
        if !self.fields.extras().is_empty() {
            shown.field("extras", &self.fields.extras().len());
        }
        shown.finish()
    }
}
