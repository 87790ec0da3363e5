//! What the rules are written with: operations of the store under test that turn what is unexpected into [`Broken`].

use std::fmt::Display;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::future::join_all;

use super::Broken;
use crate::contract::{
    ErrorKind, Field, Fields, OAuthToken, OAuthTokenBuilder, StoreError, TokenId, TokenStore,
};

/// How often a save that may simply be tried again is: with this many rivals, one of them wins each round.
const ATTEMPTS: usize = 20;

/// How many saves are under way at once where a rule needs many tokens.
const SAVES_AT_ONCE: usize = 10;

/// One rule against one store.
#[derive(Clone, Copy)]
pub(super) struct Case<'a> {
    rule: &'static str,
    store: &'a dyn TokenStore,
}

impl<'a> Case<'a> {
    pub(super) fn new(rule: &'static str, store: &'a dyn TokenStore) -> Self {
        Self { rule, store }
    }

    /// Breaks the rule unless `kept`.
    pub(super) fn check(
        &self,
        kept: bool,
        done: impl Into<String>,
        expected: impl Into<String>,
        got: impl Into<String>,
    ) -> Result<(), Broken> {
        if kept { Ok(()) } else { Err(Broken::new(self.rule, done, expected, got)) }
    }

    fn answered<T>(&self, done: impl Into<String>, answer: Result<T, StoreError>) -> Result<T, Broken> {
        answer.map_err(|error| Broken::failed(self.rule, done, "no error", error))
    }

    fn refused<T>(
        &self,
        done: impl Into<String>,
        answer: Result<T, StoreError>,
        kind: ErrorKind,
    ) -> Result<(), Broken> {
        let expected = format!("the error {kind:?}");
        match answer {
            Err(error) if error.kind() == kind => Ok(()),
            Err(error) => Err(Broken::failed(self.rule, done, expected, error)),
            Ok(_) => Err(Broken::new(self.rule, done, expected, "no error")),
        }
    }

    pub(super) fn build(&self, token: OAuthTokenBuilder) -> Result<OAuthToken, Broken> {
        self.answered("building a token", token.build())
    }

    // Saves.

    pub(super) async fn save(
        &self,
        what: impl Display + Send + Sync,
        token: OAuthTokenBuilder,
    ) -> Result<Arc<OAuthToken>, Broken> {
        let token = self.build(token)?;
        self.save_built(what, &token).await
    }

    pub(super) async fn save_built(
        &self,
        what: impl Display + Send + Sync,
        token: &OAuthToken,
    ) -> Result<Arc<OAuthToken>, Broken> {
        self.answered(format!("saving {what}"), self.store.save_token(token).await)
    }

    pub(super) async fn save_is_refused(
        &self,
        what: impl Display + Send + Sync,
        token: OAuthTokenBuilder,
        kind: ErrorKind,
    ) -> Result<(), Broken> {
        let token = self.build(token)?;
        let answer = self.store.save_token(&token).await;
        self.refused(format!("saving {what}"), answer, kind)
    }

    /// A save as an application with rivals does it: again, for as long as the store says that this may help.
    pub(super) async fn save_persistently(&self, token: &OAuthToken) -> Result<Arc<OAuthToken>, StoreError> {
        let mut answer = self.store.save_token(token).await;
        for _ in 1..ATTEMPTS {
            match answer {
                Err(error) if error.is_retryable() => {
                    let again = error.token().map_or(token, |token| token);
                    answer = self.store.save_token(again).await;
                }
                _ => break,
            }
        }
        answer
    }

    /// Saves all of them at once; each must succeed.
    pub(super) async fn save_at_once(
        &self,
        what: &str,
        tokens: impl IntoIterator<Item = OAuthTokenBuilder> + Send,
    ) -> Result<Vec<Arc<OAuthToken>>, Broken> {
        let tokens: Vec<OAuthToken> =
            tokens.into_iter().map(|token| self.build(token)).collect::<Result<_, _>>()?;
        join_all(tokens.iter().map(|token| self.save_persistently(token)))
            .await
            .into_iter()
            .map(|answer| self.answered(format!("saving {what}, several at once"), answer))
            .collect()
    }

    /// Saves all of them at once; each must succeed or be refused with `kind`, and one at least succeed.
    pub(super) async fn save_any(
        &self,
        what: &str,
        tokens: &[OAuthToken],
        kind: ErrorKind,
    ) -> Result<(), Broken> {
        let done = format!("saving {what}, several at once");
        let mut saved = 0;
        for answer in join_all(tokens.iter().map(|token| self.save_persistently(token))).await {
            match answer {
                Ok(_) => saved += 1,
                refused => self.refused(&done, refused, kind)?,
            }
        }
        self.check(saved > 0, done, "one of them to be stored", "none")
    }

    /// Saves a token each for `count` users named by [`numbered_user`].
    pub(super) async fn save_users(&self, count: usize) -> Result<Vec<Arc<OAuthToken>>, Broken> {
        let mut saved = Vec::with_capacity(count);
        for first in (0..count).step_by(SAVES_AT_ONCE) {
            let some = first..count.min(first + SAVES_AT_ONCE);
            let tokens = some.map(|number| of_user(&numbered_user(number)));
            saved.extend(self.save_at_once("a token for each of many users", tokens).await?);
        }
        Ok(saved)
    }

    // Finds.

    pub(super) async fn find(
        &self,
        how: impl Display + Send + Sync,
        partial: OAuthTokenBuilder,
    ) -> Result<Option<Arc<OAuthToken>>, Broken> {
        let partial = self.build(partial)?;
        self.answered(format!("finding {how}"), self.store.find_token(&partial).await)
    }

    /// The find gives a token.
    pub(super) async fn found(
        &self,
        how: impl Display + Send + Sync,
        partial: OAuthTokenBuilder,
    ) -> Result<Arc<OAuthToken>, Broken> {
        let got = self.find(&how, partial).await?;
        got.ok_or_else(|| Broken::new(self.rule, format!("finding {how}"), "a token", "nothing"))
    }

    /// The find gives `expected`, in every field.
    pub(super) async fn finds(
        &self,
        how: impl Display + Send + Sync,
        partial: OAuthTokenBuilder,
        expected: &OAuthToken,
    ) -> Result<(), Broken> {
        let got = self.find(&how, partial).await?;
        self.is_exactly(format!("finding {how}"), got.as_deref(), expected)
    }

    pub(super) async fn finds_nothing(
        &self,
        how: impl Display + Send + Sync,
        partial: OAuthTokenBuilder,
    ) -> Result<(), Broken> {
        let got = self.find(&how, partial).await?;
        self.check(got.is_none(), format!("finding {how}"), "nothing", "a token")
    }

    pub(super) async fn find_is_refused(
        &self,
        how: impl Display + Send + Sync,
        partial: OAuthTokenBuilder,
        kind: ErrorKind,
    ) -> Result<(), Broken> {
        let partial = self.build(partial)?;
        let answer = self.store.find_token(&partial).await;
        self.refused(format!("finding {how}"), answer, kind)
    }

    pub(super) async fn by_id(
        &self,
        which: impl Display + Send + Sync,
        id: &TokenId,
    ) -> Result<Option<Arc<OAuthToken>>, Broken> {
        let answer = self.store.find_token_by_id(id).await;
        self.answered(format!("finding by {which}"), answer)
    }

    /// This id leads to `expected`, asked for alone and as part of a token.
    pub(super) async fn id_leads_to(
        &self,
        which: impl Display + Send + Sync,
        id: &TokenId,
        expected: &OAuthToken,
    ) -> Result<(), Broken> {
        let got = self.by_id(&which, id).await?;
        self.is_exactly(format!("finding by {which}"), got.as_deref(), expected)?;
        let how = format!("with {which} in a token");
        self.finds(how, token().id(id), expected).await
    }

    /// This id leads nowhere, asked for alone and as part of a token.
    pub(super) async fn id_leads_nowhere(
        &self,
        which: impl Display + Send + Sync,
        id: &TokenId,
    ) -> Result<(), Broken> {
        let got = self.by_id(&which, id).await?;
        let done = format!("finding by {which}");
        self.check(got.is_none(), done, "nothing", "a token")?;
        let how = format!("with {which} in a token");
        self.finds_nothing(how, token().id(id)).await
    }

    /// The store holds this token, as it is, under its own id.
    pub(super) async fn still_holds(&self, what: &str, expected: &OAuthToken) -> Result<(), Broken> {
        let id = self.id_of(expected)?;
        let which = format!("the id of {what}");
        let got = self.by_id(&which, &id).await?;
        self.is_exactly(format!("finding by {which}"), got.as_deref(), expected)
    }

    // The rest.

    pub(super) async fn delete(&self, which: impl Display + Send + Sync, id: &TokenId) -> Result<(), Broken> {
        let answer = self.store.delete_token(id).await;
        self.answered(format!("deleting by {which}"), answer)
    }

    pub(super) async fn delete_all(&self) -> Result<(), Broken> {
        let answer = self.store.delete_tokens().await;
        self.answered("deleting all tokens", answer)
    }

    pub(super) async fn list(&self) -> Result<Vec<Arc<OAuthToken>>, Broken> {
        let answer = self.store.get_tokens().await;
        self.answered("listing all tokens", answer)
    }

    /// The store holds these tokens, each once and with exactly these contents, and no others.
    pub(super) async fn holds(
        &self,
        when: impl Display + Send + Sync,
        expected: &[Arc<OAuthToken>],
    ) -> Result<(), Broken> {
        let done = format!("listing all tokens {when}");
        let mut listed = self.list().await?;
        let count = |tokens: usize| match tokens {
            0 => "no token".to_owned(),
            1 => "1 token".to_owned(),
            many => format!("{many} tokens"),
        };
        self.check(listed.len() == expected.len(), &done, count(expected.len()), count(listed.len()))?;
        for token in expected {
            match listed.iter().position(|other| other == token) {
                Some(position) => drop(listed.swap_remove(position)),
                None => {
                    let lacks = "a list that lacks one of them as it was last saved";
                    return self.check(false, done, "each of the tokens saved, once", lacks);
                }
            }
        }
        Ok(())
    }

    /// An id of the application's own.
    pub(super) fn own_id(&self, text: &str) -> Result<TokenId, Broken> {
        self.answered("making an id", TokenId::new(text))
    }

    /// The id that a store of locators gives to a user's record.
    pub(super) fn id_of_user(&self, name: &str) -> Result<TokenId, Broken> {
        self.answered("making a user's id", TokenId::of_user(name))
    }

    /// The id that the store gave to a record.
    pub(super) fn id_of(&self, stored: &OAuthToken) -> Result<TokenId, Broken> {
        stored
            .id()
            .cloned()
            .ok_or_else(|| Broken::new(self.rule, "asking a returned token for its id", "an id", "none"))
    }

    /// The token is `expected` in every field, its id included.
    pub(super) fn is_exactly(
        &self,
        done: impl Into<String>,
        got: Option<&OAuthToken>,
        expected: &OAuthToken,
    ) -> Result<(), Broken> {
        let Some(got) = got else {
            return self.check(false, done, "a token", "nothing");
        };
        let mut wrong = wrong_fields(got.fields(), expected.fields());
        if got.id() != expected.id() {
            wrong.insert(0, "another id".to_owned());
        }
        let expected = "the token as it is stored";
        self.check(wrong.is_empty(), done, expected, wrong.join(", "))
    }

    /// The token holds what `expected` does, whatever its id is.
    pub(super) fn contents_are(
        &self,
        of: impl Display + Send + Sync,
        got: &OAuthToken,
        expected: OAuthTokenBuilder,
    ) -> Result<(), Broken> {
        let expected = self.build(expected)?;
        let wrong = wrong_fields(got.fields(), expected.fields());
        let done = format!("looking at the contents of {of}");
        self.check(wrong.is_empty(), done, "what was saved", wrong.join(", "))
    }
}

/// What is wrong with `got`, field by field, ids aside.
fn wrong_fields(got: &Fields, expected: &Fields) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut compare = |name: &str, got: bool, expected: bool, same: bool| match (got, expected) {
        (true, false) => wrong.push(format!("{name} that should be absent")),
        (false, true) => wrong.push(format!("no {name}")),
        _ if !same => wrong.push(format!("another {name}")),
        _ => {}
    };
    for field in Field::ALL {
        let (got, expected) = (got.text(field), expected.text(field));
        compare(field.name(), got.is_some(), expected.is_some(), got == expected);
    }
    let expiries = (got.expiry_time(), expected.expiry_time());
    compare("expiry_time", expiries.0.is_some(), expiries.1.is_some(), expiries.0 == expiries.1);
    let extras = (got.extras(), expected.extras());
    for name in extras.0.keys().chain(extras.1.keys().filter(|name| !extras.0.contains_key(*name))) {
        let (got, expected) = (extras.0.get(name), extras.1.get(name));
        compare(&format!("extra {name:?}"), got.is_some(), expected.is_some(), got == expected);
    }
    wrong
}

// Tokens to ask and to save with.

pub(super) const CLIENT: &str = "1000.CLIENT";

pub(super) fn token() -> OAuthTokenBuilder {
    OAuthToken::builder()
}

/// What asks for a user.
pub(super) fn user(name: &str) -> OAuthTokenBuilder {
    token().user_name(name)
}

/// What asks for a refresh token of [`CLIENT`].
pub(super) fn refresh(refresh_token: &str) -> OAuthTokenBuilder {
    token().client_id(CLIENT).refresh_token(refresh_token)
}

/// What asks for a grant token of [`CLIENT`].
pub(super) fn grant(grant_token: &str) -> OAuthTokenBuilder {
    token().client_id(CLIENT).grant_token(grant_token)
}

/// What asks for an access token.
pub(super) fn access(access_token: &str) -> OAuthTokenBuilder {
    token().access_token(access_token)
}

/// A user's token worth storing.
pub(super) fn of_user(name: &str) -> OAuthTokenBuilder {
    user(name).client_id(CLIENT).refresh_token(format!("1000.refresh of {name}"))
}

pub(super) fn numbered_user(number: usize) -> String {
    format!("user-{number}@example.com")
}

/// An instant in the future, in whole milliseconds, that is another one for each number.
pub(super) fn expiry(number: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(4_102_444_800_123 + 1000 * number)
}
