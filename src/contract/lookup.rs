//! Which stored token a partly filled one stands for: the strict reading of the contract, for every store.

use std::fmt;

use secrecy::ExposeSecret;

use super::fields::{Field, holds_nul};
use super::{ErrorKind, Locator, LocatorKind, OAuthToken, StoreError, TokenId};

/// One thing to look a stored token up by.
///
/// `Debug` shows the kind and a fingerprint, never the value.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LookupKey<'a> {
    /// The token's id, store-assigned or the application's own.
    Id(&'a TokenId),
    /// Exactly this user, case-sensitive, as raw UTF-8.
    User(&'a str),
    /// This grant token of this client.
    #[non_exhaustive]
    Grant {
        /// The client identifier.
        client_id: &'a str,
        /// The authorization code.
        grant_token: &'a str,
    },
    /// This refresh token of this client.
    #[non_exhaustive]
    Refresh {
        /// The client identifier.
        client_id: &'a str,
        /// The refresh token.
        refresh_token: &'a str,
    },
    /// Exactly this access token.
    Access(&'a str),
}

impl<'a> LookupKey<'a> {
    /// The key of a grant token: the authorization code of RFC 6749 §1.3.1 that this client was given.
    pub const fn grant(client_id: &'a str, grant_token: &'a str) -> Self {
        Self::Grant { client_id, grant_token }
    }

    /// The key of a refresh token (RFC 6749 §1.5) of this client.
    pub const fn refresh(client_id: &'a str, refresh_token: &'a str) -> Self {
        Self::Refresh { client_id, refresh_token }
    }
}

impl LookupKey<'_> {
    /// Whether a stored token holds what is asked for. A name, an index or a tag that led to it proves nothing.
    pub fn is_held_by(&self, stored: &OAuthToken) -> bool {
        let client_is = |client_id: &str| stored.client_id() == Some(client_id);
        match *self {
            Self::Id(id) => stored.id() == Some(id) || stored.assigned_id() == Some(id),
            Self::User(user) => stored.user_name() == Some(user),
            Self::Grant { client_id, grant_token } => {
                client_is(client_id)
                    && stored.grant_token().is_some_and(|token| token.expose_secret() == grant_token)
            }
            Self::Refresh { client_id, refresh_token } => {
                client_is(client_id)
                    && stored.refresh_token().is_some_and(|token| token.expose_secret() == refresh_token)
            }
            Self::Access(access_token) => {
                stored.access_token().is_some_and(|token| token.expose_secret() == access_token)
            }
        }
    }

    /// The locator of the record that this key names.
    pub(crate) fn locator(&self) -> Locator {
        let new = |parts: &[&str]| Locator::new(self.kind(), parts);
        match *self {
            Self::Id(id) => Locator::parse(id.as_str()).unwrap_or_else(|| new(&[id.as_str()])),
            Self::User(user) => new(&[user]),
            Self::Grant { client_id, grant_token } => new(&[client_id, grant_token]),
            Self::Refresh { client_id, refresh_token } => new(&[client_id, refresh_token]),
            Self::Access(access_token) => new(&[access_token]),
        }
    }

    /// What its fingerprint is taken of, unless it is a store-assigned id, which is a fingerprint already.
    pub(crate) fn kind(&self) -> LocatorKind {
        match self {
            Self::Id(_) => LocatorKind::OwnId,
            Self::User(_) => LocatorKind::User,
            Self::Grant { .. } => LocatorKind::Grant,
            Self::Refresh { .. } => LocatorKind::Refresh,
            Self::Access(_) => LocatorKind::Access,
        }
    }

    /// Whether a record of another name may hold it, so that a search is worth its requests.
    pub(crate) fn is_searchable(&self) -> bool {
        match self {
            Self::Id(id) => !id.is_store_assigned(),
            Self::User(_) => false,
            Self::Grant { .. } | Self::Refresh { .. } | Self::Access(_) => true,
        }
    }
}

impl<'a> LookupKey<'a> {
    /// Each text in it, with the name of its field.
    fn texts(&self) -> [Option<(&'static str, &'a str)>; 2] {
        let client = |client_id| Some((Field::ClientId.name(), client_id));
        match *self {
            Self::Id(id) => [Some(("id", id.as_str())), None],
            Self::User(user) => [Some((Field::UserName.name(), user)), None],
            Self::Grant { client_id, grant_token } => {
                [client(client_id), Some((Field::GrantToken.name(), grant_token))]
            }
            Self::Refresh { client_id, refresh_token } => {
                [client(client_id), Some((Field::RefreshToken.name(), refresh_token))]
            }
            Self::Access(access_token) => [Some((Field::AccessToken.name(), access_token)), None],
        }
    }

    /// Everything that a token can be looked up by, but for the id that the store assigned.
    pub(crate) fn all_of(token: &'a OAuthToken) -> impl Iterator<Item = Self> + use<'a> {
        let keys = [
            token.user_name().map(Self::User),
            token.id().filter(|id| !id.is_store_assigned()).map(Self::Id),
            Self::grant_of(token),
            Self::refresh_of(token),
            Self::access_of(token),
        ];
        keys.into_iter().flatten()
    }

    pub(crate) fn grant_of(token: &'a OAuthToken) -> Option<Self> {
        Some(Self::grant(token.client_id()?, token.grant_token()?.expose_secret()))
    }

    pub(crate) fn refresh_of(token: &'a OAuthToken) -> Option<Self> {
        Some(Self::refresh(token.client_id()?, token.refresh_token()?.expose_secret()))
    }

    pub(crate) fn access_of(token: &'a OAuthToken) -> Option<Self> {
        Some(Self::Access(token.access_token()?.expose_secret()))
    }
}

impl fmt::Debug for LookupKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple(self.kind().name()).field(&self.locator()).finish()
    }
}

/// What to look a partly filled token up by: at most three keys, in order, and what counts as a hit.
///
/// | the partial token has | keys, in order |
/// |---|---|
/// | `id` | the id first, then what the rows below give |
/// | `user_name` | that user |
/// | else `access_token`, and no `client_id` or `client_secret` | that access token |
/// | else `client_id`, and `grant_token` or `refresh_token` | the grant token, then the refresh token, of that client |
/// | else nothing usable | none: never somebody's record |
///
/// A store tries the keys one after the other and lets [`find_hit`](Self::find_hit) or
/// [`save_hit`](Self::save_hit) judge what it has for each; the first hit is the record.
///
/// ```
/// use oauth_token_store::{LookupKey, LookupPlan, OAuthToken};
///
/// let partial = OAuthToken::builder().client_id("1000.ABC").refresh_token("1000.r").build()?;
/// let plan = LookupPlan::of(&partial);
/// assert!(matches!(plan.keys().collect::<Vec<_>>()[..], [LookupKey::Refresh { .. }]));
///
/// assert!(LookupPlan::of(&OAuthToken::builder().scope("all").build()?).is_empty());
/// # Ok::<(), oauth_token_store::StoreError>(())
/// ```
#[derive(Clone, Debug)]
pub struct LookupPlan<'a> {
    /// The partial token, unless the plan is for a key alone.
    token: Option<&'a OAuthToken>,
    keys: [Option<LookupKey<'a>>; 3],
}

impl<'a> LookupPlan<'a> {
    /// The plan for a token. It takes no memory and computes no fingerprint.
    pub fn of(token: &'a OAuthToken) -> Self {
        let [second, third] = Self::keys_beside_id(token);
        Self { token: Some(token), keys: [token.id().map(LookupKey::Id), second, third] }
    }

    /// The plan for a partial token that has this key and nothing else in it, without making one. A key with an empty text
    /// in it is none.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] if a text in it holds a NUL character.
    pub fn by(key: LookupKey<'a>) -> Result<Self, StoreError> {
        let mut key = Some(key);
        for (field, text) in key.map_or([None; 2], |key| key.texts()).into_iter().flatten() {
            if text.contains('\0') {
                return Err(holds_nul(field));
            }
            key = key.filter(|_| !text.is_empty());
        }
        Ok(Self { token: None, keys: [key, None, None] })
    }

    /// The partial token, unless the plan is for a key alone.
    pub(crate) fn token(&self) -> Option<&'a OAuthToken> {
        self.token
    }

    fn keys_beside_id(token: &'a OAuthToken) -> [Option<LookupKey<'a>>; 2] {
        if let Some(user) = token.user_name() {
            return [Some(LookupKey::User(user)), None];
        }
        if token.client_id().is_some() {
            return [LookupKey::grant_of(token), LookupKey::refresh_of(token)];
        }
        if token.client_secret().is_none() {
            return [LookupKey::access_of(token), None];
        }
        [None, None]
    }

    /// The keys, in the order in which they are to be tried.
    pub fn keys(&self) -> impl Iterator<Item = LookupKey<'a>> + use<'a> {
        // Not flattened, which would take twice the memory.
        let keys = self.keys;
        (0..keys.len()).filter_map(move |place| keys[place])
    }

    /// Whether there is nothing to look up by: a find gives none, a save [`ErrorKind::NoLookupKey`].
    pub fn is_empty(&self) -> bool {
        self.keys().next().is_none()
    }

    /// The stored token among `candidates` that a find by `key` means.
    ///
    /// Give candidates in a stable order: the record that the key names first. What does not hold the key, and
    /// for a key that is an id, what belongs to another user than the one given, is passed over.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] if the hit is of another OAuth client than the `client_id` given.
    pub fn find_hit<R: AsRef<OAuthToken>>(
        &self,
        key: LookupKey<'_>,
        candidates: impl IntoIterator<Item = R>,
    ) -> Result<Option<R>, StoreError> {
        let hit = candidates.into_iter().find(|candidate| {
            let stored = candidate.as_ref();
            key.is_held_by(stored) && !self.is_of_another_user(stored)
        });
        match hit {
            Some(hit) => self.check_client(hit.as_ref()).map(|()| Some(hit)),
            None => Ok(None),
        }
    }

    /// The stored token among `candidates` that a save over `key` writes to.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] as for [`find_hit`](Self::find_hit), and also if the id given is held by another
    /// user's record, or if a user is given for a record that has none.
    pub fn save_hit<R: AsRef<OAuthToken>>(
        &self,
        key: LookupKey<'_>,
        candidates: impl IntoIterator<Item = R>,
    ) -> Result<Option<R>, StoreError> {
        let mut hit = None;
        for candidate in candidates {
            let stored = candidate.as_ref();
            if !key.is_held_by(stored) {
                continue;
            }
            if self.is_of_another_user(stored) {
                let message = "the id given is held by another user's record: save the token without an id";
                return Err(StoreError::new(ErrorKind::Conflict, message));
            }
            if stored.user_name().is_none() && self.user_name().is_some() {
                let message = "the record that this id names belongs to no user: save a detached copy by the user, without \
                               the id, then delete the old record";
                return Err(StoreError::new(ErrorKind::Conflict, message));
            }
            self.check_client(stored)?;
            hit = hit.or(Some(candidate));
        }
        Ok(hit)
    }

    fn user_name(&self) -> Option<&str> {
        self.token?.user_name()
    }

    fn is_of_another_user(&self, stored: &OAuthToken) -> bool {
        matches!((self.user_name(), stored.user_name()), (Some(given), Some(stored)) if given != stored)
    }

    fn check_client(&self, stored: &OAuthToken) -> Result<(), StoreError> {
        match (self.token.and_then(OAuthToken::client_id), stored.client_id()) {
            (Some(given), Some(stored)) if given != stored => Err(StoreError::new(
                ErrorKind::Conflict,
                "the record belongs to another OAuth client: use one prefix per client, or delete the record first",
            )),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OAuthTokenBuilder;

    fn token() -> OAuthTokenBuilder {
        OAuthToken::builder()
    }

    fn keys(token: &OAuthToken) -> String {
        let keys = LookupPlan::of(token).keys().map(|key| match key {
            LookupKey::Id(_) => "id",
            LookupKey::User(_) => "user",
            LookupKey::Grant { .. } => "grant",
            LookupKey::Refresh { .. } => "refresh",
            LookupKey::Access(_) => "access",
        });
        keys.collect::<Vec<_>>().join(" ")
    }

    /// Every combination of the fields that matter against the table, written down a second time as a table.
    #[test]
    fn every_combination_gives_the_keys_of_its_row() {
        for bits in 0u32..128 {
            let has = |bit: u32| bits & (1 << bit) != 0;
            let (id, user, access, client, secret, grant, refresh) =
                (has(0), has(1), has(2), has(3), has(4), has(5), has(6));
            let fill = |given: bool, value: &'static str| if given { value } else { "" };
            let token = token()
                .id(fill(id, "7"))
                .user_name(fill(user, "bob"))
                .access_token(fill(access, "a"))
                .client_id(fill(client, "c"))
                .client_secret(fill(secret, "s"))
                .grant_token(fill(grant, "g"))
                .refresh_token(fill(refresh, "r"))
                .build()
                .expect("valid");
            let row = match (user, access && !client && !secret, client, grant, refresh) {
                (true, ..) => "user",
                (_, true, ..) => "access",
                (_, _, true, true, true) => "grant refresh",
                (_, _, true, true, false) => "grant",
                (_, _, true, false, true) => "refresh",
                _ => "",
            };
            let expected = format!("{}{row}", if id { "id " } else { "" });
            assert_eq!(keys(&token), expected.trim(), "{bits:07b}");
        }
    }

    /// Two records with one id exist only where a search missed one of them: then the id says nothing for sure.
    #[test]
    fn an_id_that_another_users_record_holds_too_is_a_conflict_in_any_order() {
        let of = |user: &str| {
            let token = token().id("7").user_name(user).access_token("a").build();
            token.and_then(|token| token.new_record()).expect("valid")
        };
        let bob = token().id("7").user_name("bob").build().expect("valid");
        let plan = LookupPlan::of(&bob);
        let key = plan.keys().next().expect("the id");
        for candidates in [[of("bob"), of("eve")], [of("eve"), of("bob")]] {
            let error = plan.save_hit(key, candidates.iter()).expect_err("a conflict");
            assert_eq!(error.kind(), ErrorKind::Conflict);
            let hit = plan.find_hit(key, candidates.iter()).expect("no conflict");
            assert_eq!(hit.and_then(|hit| hit.user_name()), Some("bob"));
        }
    }

    #[test]
    fn debug_shows_fingerprints_only() {
        let token = token().id("own-id-1").user_name("bob@example.com").build().expect("valid");
        let shown = format!("{:?}", LookupPlan::of(&token));
        assert!(shown.contains("user(u_52rqhupjinfczuwzz6qnyv2s6a)"), "{shown}");
        assert!(!shown.contains("bob") && !shown.contains("own-id"), "{shown}");
    }

    #[test]
    fn a_key_alone_means_what_a_partial_token_with_nothing_else_means() {
        let id = TokenId::new("own").expect("valid");
        let keys = |text: &'static str| {
            [
                (LookupKey::User(text), token().user_name(text)),
                (LookupKey::Access(text), token().access_token(text)),
                (LookupKey::refresh("c", text), token().client_id("c").refresh_token(text)),
                (LookupKey::refresh(text, "r"), token().client_id(text).refresh_token("r")),
                (LookupKey::grant("c", text), token().client_id("c").grant_token(text)),
                (LookupKey::grant(text, "g"), token().client_id(text).grant_token("g")),
            ]
        };
        let all = ["x", "", "a\0b"].into_iter().flat_map(keys);
        for (key, partial) in all.chain([(LookupKey::Id(&id), token().id("own"))]) {
            match (LookupPlan::by(key), partial.build()) {
                (Ok(plan), Ok(partial)) => {
                    assert_eq!(Vec::from_iter(plan.keys()), Vec::from_iter(LookupPlan::of(&partial).keys()));
                }
                (plan, partial) => {
                    let [one, other] =
                        [plan.map(drop), partial.map(drop)].map(|result| result.expect_err("NUL"));
                    assert_eq!((one.kind(), one.to_string()), (other.kind(), other.to_string()));
                }
            }
        }
    }
}
