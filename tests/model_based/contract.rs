//! The contract once more, written from its text over plain maps, so that a mistake in the library's own cannot hide by
//! being in the model, too.

use std::collections::BTreeMap;

use data_encoding::BASE32_NOPAD;
use oauth_token_store::secrecy::ExposeSecret;
use oauth_token_store::{ErrorKind, OAuthToken, TokenId};
use sha2::{Digest, Sha256};

/// What a token or record holds: field or extra by name. An id is in it only if it is the application's own.
pub(crate) type Content = BTreeMap<String, String>;

/// Everything in a token that counts when it is compared.
pub(crate) fn content_of(token: &OAuthToken) -> Content {
    let mut content: Content = token.extras().map(|(name, value)| (name.into(), value.into())).collect();
    let own_id = token.id().filter(|id| !id.is_store_assigned()).map(TokenId::as_str);
    let texts = [
        ("id", own_id),
        ("user_name", token.user_name()),
        ("client_id", token.client_id()),
        ("client_secret", token.client_secret().map(ExposeSecret::expose_secret)),
        ("refresh_token", token.refresh_token().map(ExposeSecret::expose_secret)),
        ("access_token", token.access_token().map(ExposeSecret::expose_secret)),
        ("grant_token", token.grant_token().map(ExposeSecret::expose_secret)),
        ("scope", token.scope()),
    ];
    content.extend(texts.into_iter().filter_map(|(name, text)| Some((name.into(), text?.into()))));
    if let Some(expiry) = token.expiry_time() {
        let millis = expiry.duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_millis();
        content.insert("expiry_time".into(), millis.to_string());
    }
    content
}

/// One thing to look a record up by.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Key {
    Id(String),
    User(String),
    Grant(String, String),
    Refresh(String, String),
    Access(String),
}

impl Key {
    /// The name, below the prefix, of the record that is made by it.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Id(id) if is_assigned(id) => id.clone(),
            _ => format!("{}_{}", &self.kind()[..1], self.fingerprint()),
        }
    }

    pub(crate) fn tag(&self) -> String {
        format!("oauth-token-store:{}", self.kind())
    }

    pub(crate) fn fingerprint(&self) -> String {
        let value = match self {
            Self::Id(value) | Self::User(value) | Self::Access(value) => value.clone(),
            Self::Grant(client, token) | Self::Refresh(client, token) => format!("{client}\0{token}"),
        };
        let digest = Sha256::digest(format!("oauth-token-store\x001\0{}\0{value}", self.kind()));
        BASE32_NOPAD.encode(&digest[..16]).to_lowercase()
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Id(_) => "id",
            Self::User(_) => "user",
            Self::Grant(..) => "grant",
            Self::Refresh(..) => "refresh",
            Self::Access(_) => "access",
        }
    }

    /// Whether a record of another name may hold it.
    pub(crate) fn is_searched(&self) -> bool {
        !matches!(self, Self::User(_)) && !matches!(self, Self::Id(id) if is_assigned(id))
    }

    pub(crate) fn is_held_by(&self, name: &str, content: &Content) -> bool {
        let holds = |field: &str, value: &String| content.get(field) == Some(value);
        match self {
            Self::Id(id) => id == name || holds("id", id),
            Self::User(user) => holds("user_name", user),
            Self::Grant(client, token) => holds("client_id", client) && holds("grant_token", token),
            Self::Refresh(client, token) => holds("client_id", client) && holds("refresh_token", token),
            Self::Access(token) => holds("access_token", token),
        }
    }

    /// Every key that a record can be searched by.
    pub(crate) fn searched_of(content: &Content) -> Vec<Self> {
        let get = |field: &str| content.get(field).cloned();
        let keys = [
            get("id").map(Self::Id),
            get("client_id").zip(get("grant_token")).map(|(client, token)| Self::Grant(client, token)),
            get("client_id").zip(get("refresh_token")).map(|(client, token)| Self::Refresh(client, token)),
            get("access_token").map(Self::Access),
        ];
        keys.into_iter().flatten().collect()
    }
}

fn is_assigned(id: &str) -> bool {
    TokenId::new(id).is_ok_and(|id| id.is_store_assigned())
}

/// What an operation is given: a token's content, its id, and what it was found as.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    id: Option<String>,
    fields: Content,
    found: Option<Content>,
    /// The name of the record that it was found as.
    pub(crate) found_as: Option<String>,
}

/// What a record is to a key: not meant, meant, or refused.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Judgement {
    Pass,
    Hit,
    Conflict,
}

impl Asked {
    /// `found`: what the store returned that the token was built from.
    pub(crate) fn new(token: &OAuthToken, found: Option<&OAuthToken>) -> Self {
        let id = token.id().map(|id| id.as_str().to_owned());
        let found_as = found.and_then(|found| found.assigned_id()).map(|id| id.as_str().to_owned());
        Self { id, fields: content_of(token), found: found.map(content_of), found_as }
    }

    /// The same token with other fields.
    pub(crate) fn with_fields_of(&self, token: &OAuthToken) -> Self {
        Self { fields: content_of(token), ..self.clone() }
    }

    /// The keys, in the order in which they are tried.
    pub(crate) fn keys(&self) -> Vec<Key> {
        let get = |field: &str| self.fields.get(field).cloned();
        let mut keys: Vec<Key> = self.id.clone().map(Key::Id).into_iter().collect();
        if let Some(user) = get("user_name") {
            keys.push(Key::User(user));
        } else if let Some(client) = get("client_id") {
            keys.extend(get("grant_token").map(|token| Key::Grant(client.clone(), token)));
            keys.extend(get("refresh_token").map(|token| Key::Refresh(client.clone(), token)));
        } else if get("client_secret").is_none() {
            keys.extend(get("access_token").map(Key::Access));
        }
        keys
    }

    /// A bare answer says itself when its access token expires, even if that is when the old one does.
    pub(crate) fn with_expiry_of(mut self, answer: &OAuthToken) -> Self {
        let (answer, found) = (content_of(answer), self.found.clone().unwrap_or_default());
        let is_new =
            answer.contains_key("access_token") && answer.get("access_token") != found.get("access_token");
        if is_new {
            self.fields.remove("expiry_time");
            self.fields.extend(answer.get("expiry_time").map(|at| ("expiry_time".to_owned(), at.clone())));
        }
        self
    }

    pub(crate) fn fields(&self) -> Content {
        self.fields.clone()
    }

    pub(crate) fn is_found(&self) -> bool {
        self.found.is_some()
    }

    /// The own id of a found token that still has the one that it was found with: its record is known by name.
    pub(crate) fn own_id_as_found(&self) -> Option<Key> {
        let own_id = self.fields.get("id")?;
        let is_as_found = self.found.as_ref()?.get("id") == Some(own_id);
        is_as_found.then(|| Key::Id(own_id.clone()))
    }

    pub(crate) fn find(&self, key: &Key, name: &str, content: &Content) -> Judgement {
        if !key.is_held_by(name, content) || self.is_of_another_user(content) {
            return Judgement::Pass;
        }
        self.hit_unless_of_another_client(content)
    }

    pub(crate) fn save_over(&self, key: &Key, name: &str, content: &Content) -> Judgement {
        if !key.is_held_by(name, content) {
            return Judgement::Pass;
        }
        let takes_a_record_over = self.fields.contains_key("user_name") && !content.contains_key("user_name");
        if self.is_of_another_user(content) || takes_a_record_over {
            return Judgement::Conflict;
        }
        self.hit_unless_of_another_client(content)
    }

    fn hit_unless_of_another_client(&self, content: &Content) -> Judgement {
        if self.contradicts(content, "client_id") { Judgement::Conflict } else { Judgement::Hit }
    }

    fn is_of_another_user(&self, content: &Content) -> bool {
        self.contradicts(content, "user_name")
    }

    fn contradicts(&self, content: &Content, field: &str) -> bool {
        matches!((self.fields.get(field), content.get(field)), (Some(given), Some(stored)) if given != stored)
    }

    /// What a save makes of a record; the same if there is nothing to write. `started_from`: what the store took the record
    /// to hold when the save began, if that was another version.
    pub(crate) fn merged_over(&self, stored: &Content, started_from: Option<&Content>) -> Content {
        let mut given = self.fields.clone();
        given.remove("id");
        for known in [self.found.as_ref(), started_from].into_iter().flatten() {
            let expiry = given.get("expiry_time").cloned();
            given.retain(|field, value| known.get(field) != Some(value));
            // An expiry time belongs to its access token.
            if given.contains_key("access_token") {
                given.extend(expiry.map(|expiry| ("expiry_time".to_owned(), expiry)));
            }
        }
        let mut merged = stored.clone();
        merged.extend(given.clone());
        let other_access_token = |than: &Content| than.get("access_token") != stored.get("access_token");
        if given.contains_key("access_token") {
            if !given.contains_key("expiry_time") && other_access_token(&given) {
                merged.remove("expiry_time");
            }
        } else if self.fields.contains_key("access_token") && other_access_token(&self.fields) {
            merged.remove("expiry_time");
            merged.extend(stored.get("expiry_time").map(|at| ("expiry_time".to_owned(), at.clone())));
        }
        merged
    }

    /// The name and content of the record that a save makes where there is none.
    pub(crate) fn new_record(&self) -> Result<(String, Content), ErrorKind> {
        let mut keys = self.keys();
        if keys.is_empty() {
            return Err(ErrorKind::NoLookupKey);
        }
        if self.is_found() {
            return Err(ErrorKind::Deleted);
        }
        let credentials = ["refresh_token", "grant_token", "access_token"];
        if !credentials.iter().any(|credential| self.fields.contains_key(*credential)) {
            return Err(ErrorKind::NothingToStore);
        }
        keys.retain(|key| !matches!(key, Key::Id(id) if is_assigned(id)));
        let by_user = keys.iter().find(|key| matches!(key, Key::User(_)));
        let named_by = by_user.or(keys.first()).ok_or(ErrorKind::NoLookupKey)?;
        Ok((named_by.name(), self.fields.clone()))
    }
}
