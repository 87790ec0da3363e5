//! The fields of a token as plain data, and the invariants that hold for each of them.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use secrecy::{ExposeSecret, SecretString};

use super::{ErrorKind, StoreError, TokenId};

/// A text field, in the order and by the name of the stored JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    UserName,
    ClientId,
    ClientSecret,
    RefreshToken,
    AccessToken,
    GrantToken,
    RedirectUrl,
    ApiDomain,
    Scope,
    TokenType,
}

impl Field {
    pub(crate) const ALL: [Self; 10] = [
        Self::UserName,
        Self::ClientId,
        Self::ClientSecret,
        Self::RefreshToken,
        Self::AccessToken,
        Self::GrantToken,
        Self::RedirectUrl,
        Self::ApiDomain,
        Self::Scope,
        Self::TokenType,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::UserName => "user_name",
            Self::ClientId => "client_id",
            Self::ClientSecret => "client_secret",
            Self::RefreshToken => "refresh_token",
            Self::AccessToken => "access_token",
            Self::GrantToken => "grant_token",
            Self::RedirectUrl => "redirect_url",
            Self::ApiDomain => "api_domain",
            Self::Scope => "scope",
            Self::TokenType => "token_type",
        }
    }

    pub(crate) fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }
}

/// Names that a provider extra cannot have, because the stored JSON uses them for something else.
pub(crate) fn is_reserved(name: &str) -> bool {
    matches!(name, "id" | "expiry_time" | "schema" | "save") || Field::by_name(name).is_some()
}

/// What is said of a field that holds a NUL character.
pub(crate) fn holds_nul(field: &str) -> StoreError {
    StoreError::new(ErrorKind::Invalid, format!("{field} holds a NUL character: leave it out"))
}

/// A provider's own member: text, or JSON of another shape that is kept as it stands.
#[derive(Clone)]
pub(crate) enum Extra {
    Text(SecretString),
    Json(SecretString),
}

impl PartialEq for Extra {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(one), Self::Text(two)) | (Self::Json(one), Self::Json(two)) => same(one, two),
            _ => false,
        }
    }
}

/// All fields of a token. No text is empty, none holds a NUL character; the expiry is whole milliseconds.
///
/// Every text is kept as a secret, so that all of it is wiped when dropped and none of it can be printed.
#[derive(Clone, Default)]
pub(crate) struct Fields {
    pub(crate) id: Option<TokenId>,
    texts: [Option<SecretString>; Field::ALL.len()],
    expiry_time: Option<SystemTime>,
    extras: BTreeMap<String, Extra>,
}

impl Fields {
    pub(crate) fn secret(&self, field: Field) -> Option<&SecretString> {
        self.texts[field as usize].as_ref()
    }

    pub(crate) fn text(&self, field: Field) -> Option<&str> {
        self.secret(field).map(ExposeSecret::expose_secret)
    }

    /// Sets a text; an empty one counts as absent.
    pub(crate) fn set(&mut self, field: Field, value: SecretString) {
        self.texts[field as usize] = Some(value).filter(|value| !value.expose_secret().is_empty());
    }

    pub(crate) fn expiry_time(&self) -> Option<SystemTime> {
        self.expiry_time
    }

    /// Sets the expiry to the end of a lifetime; one without end to the last instant that storage can keep.
    pub(crate) fn set_lifetime(&mut self, begins: SystemTime, lifetime: Duration) {
        self.set_expiry_time(begins.checked_add(lifetime).or_else(|| from_epoch_millis(i64::MAX)));
    }

    /// Sets the expiry, truncated to milliseconds: what storage keeps is what is compared.
    pub(crate) fn set_expiry_time(&mut self, instant: Option<SystemTime>) {
        self.expiry_time = instant.and_then(|instant| from_epoch_millis(epoch_millis(instant)));
    }

    pub(crate) fn extras(&self) -> &BTreeMap<String, Extra> {
        &self.extras
    }

    /// Sets an extra; an empty text counts as absent.
    pub(crate) fn set_extra(&mut self, name: impl Into<String>, extra: Extra) {
        match &extra {
            Extra::Text(text) if text.expose_secret().is_empty() => self.extras.remove(&name.into()),
            _ => self.extras.insert(name.into(), extra),
        };
    }

    /// The name of a field that holds a NUL character, if one does.
    pub(crate) fn holding_nul(&self) -> Option<&'static str> {
        let field =
            Field::ALL.into_iter().find(|field| self.text(*field).is_some_and(|text| text.contains('\0')));
        if let Some(field) = field {
            return Some(field.name());
        }
        let extra = self.extras.iter().any(|(name, extra)| {
            name.contains('\0') || matches!(extra, Extra::Text(text) if text.expose_secret().contains('\0'))
        });
        extra.then_some("a provider extra")
    }

    /// Whether there is anything in it that a record may be made for.
    pub(crate) fn has_credential(&self) -> bool {
        [Field::RefreshToken, Field::GrantToken, Field::AccessToken]
            .into_iter()
            .any(|f| self.secret(f).is_some())
    }

    /// These fields less those that equal `known`. An access token that stays keeps its expiry with it.
    pub(crate) fn without(&self, known: &Self) -> Self {
        let mut rest = self.clone();
        for field in Field::ALL {
            if self.text(field) == known.text(field) {
                rest.texts[field as usize] = None;
            }
        }
        if rest.secret(Field::AccessToken).is_none() && self.expiry_time == known.expiry_time {
            rest.expiry_time = None;
        }
        rest.extras.retain(|name, extra| known.extras.get(name) != Some(extra));
        rest
    }

    /// Writes every field of `given` over these; the id stays.
    pub(crate) fn overlay(&mut self, given: &Self) {
        for field in Field::ALL {
            if let Some(value) = given.secret(field) {
                self.texts[field as usize] = Some(value.clone());
            }
        }
        if given.expiry_time.is_some() {
            self.expiry_time = given.expiry_time;
        }
        for (name, extra) in &given.extras {
            self.extras.insert(name.clone(), extra.clone());
        }
    }
}

impl PartialEq for Fields {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
            && Field::ALL.into_iter().all(|field| self.text(field) == other.text(field))
            && self.expiry_time == other.expiry_time
            && self.extras == other.extras
    }
}

fn same(one: &SecretString, two: &SecretString) -> bool {
    one.expose_secret() == two.expose_secret()
}

/// Milliseconds since 1970, negative before it; instants out of range saturate.
pub(crate) fn epoch_millis(instant: SystemTime) -> i64 {
    match instant.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |millis| -millis),
    }
}

/// The instant that many milliseconds after 1970, if this platform's clock can tell it.
pub(crate) fn from_epoch_millis(millis: i64) -> Option<SystemTime> {
    let distance = Duration::from_millis(millis.unsigned_abs());
    if millis < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(distance)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(distance)
    }
}
