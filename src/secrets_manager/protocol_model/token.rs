//! Tokens as small numbers, and the crate's own pure functions on them.
//!
//! What a save merges, what makes a record, what a token is looked up by and what counts as a hit is never modelled: it
//! is asked of the code. The answers are remembered, because the same few questions come millions of times.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;

use secrecy::ExposeSecret;

use crate::contract::{ErrorKind, LookupPlan, OAuthToken, OAuthTokenBuilder};

/// A field that saves give; its value is a small number, 0 where it is absent.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Field {
    User,
    OwnId,
    Refresh,
    X,
    Y,
}

impl Field {
    pub(super) const ALL: [Self; 5] = [Self::User, Self::OwnId, Self::Refresh, Self::X, Self::Y];
}

/// The fields of a token or of a record.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Content([u8; Field::ALL.len()]);

impl Content {
    pub(super) fn of(fields: &[(Field, u8)]) -> Self {
        fields.iter().fold(Self::default(), |content, (field, value)| content.with(*field, *value))
    }

    pub(super) fn get(&self, field: Field) -> u8 {
        self.0[field as usize]
    }

    pub(super) fn with(mut self, field: Field, value: u8) -> Self {
        self.0[field as usize] = value;
        self
    }

    fn from_token(token: &OAuthToken) -> Self {
        let number = |text: Option<&str>| text.map_or(0, |text| text[1..].parse().expect("a small number"));
        let own_id = token.id().filter(|id| !id.is_store_assigned());
        Self::of(&[
            (Field::User, number(token.user_name())),
            (Field::OwnId, number(own_id.map(|id| id.as_str()))),
            (Field::Refresh, number(token.refresh_token().map(ExposeSecret::expose_secret))),
            (Field::X, number(token.extra("x"))),
            (Field::Y, number(token.extra("y"))),
        ])
    }

    /// A builder in which the fields that differ from `but` are set to these.
    fn onto(&self, builder: OAuthTokenBuilder, but: &Self) -> OAuthTokenBuilder {
        Field::ALL.into_iter().filter(|field| self.get(*field) != but.get(*field)).fold(
            builder,
            |builder, field| {
                let value = self.get(field);
                match field {
                    Field::User => builder.user_name(format!("u{value}")),
                    Field::OwnId => builder.id(format!("i{value}")),
                    Field::Refresh => builder.refresh_token(format!("r{value}")),
                    Field::X => builder.extra("x", format!("x{value}")),
                    Field::Y => builder.extra("y", format!("y{value}")),
                }
            },
        )
    }

    /// The record that holds this.
    pub(super) fn stored(&self) -> OAuthToken {
        let token = self.onto(OAuthToken::builder(), &Self::default()).build().expect("valid");
        token.new_record().expect("a record")
    }
}

/// Such as `user refresh=1 x=2`.
impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = Field::ALL.into_iter().filter(|field| self.get(*field) != 0);
        let shown: Vec<_> = shown
            .map(|field| match field {
                Field::User => "user".to_owned(),
                Field::OwnId => "own-id".to_owned(),
                field => format!("{field:?}={}", self.get(field)).to_lowercase(),
            })
            .collect();
        f.write_str(&shown.join(" "))
    }
}

/// The two names that a record of these scenes can have.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Name {
    OfUser,
    OfOwnId,
}

impl Name {
    pub(super) const ALL: [Self; 2] = [Self::OfUser, Self::OfOwnId];

    fn of_locator(locator: &str) -> Self {
        if locator.starts_with('u') { Self::OfUser } else { Self::OfOwnId }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OfUser => "u_",
            Self::OfOwnId => "i_",
        })
    }
}

/// One key of a lookup: the name that it gives, and whether it is searched by, too.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) place: usize,
    pub(super) name: Name,
    pub(super) is_searchable: bool,
}

/// What is handed to a save: fields, and what it was found as, if it was.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Token {
    pub(super) fields: Content,
    pub(super) found: Option<Content>,
}

impl Token {
    pub(super) fn new(fields: Content) -> Self {
        Self { fields, found: None }
    }

    pub(super) fn found(content: Content) -> Self {
        Self { fields: content, found: Some(content) }
    }

    pub(super) fn changed(self, field: Field, value: u8) -> Self {
        Self { fields: self.fields.with(field, value), ..self }
    }

    pub(super) fn real(&self) -> OAuthToken {
        let (builder, but) = match &self.found {
            Some(found) => (found.stored().to_builder(), *found),
            None => (OAuthToken::builder(), Content::default()),
        };
        self.fields.onto(builder, &but).build().expect("valid")
    }

    /// [`OAuthToken::merge_into`], beside other versions that the save has come from.
    pub(super) fn merge_into(self, stored: Content, come_from: &[Content]) -> Option<Content> {
        type Question = (Token, Content, Vec<Content>);
        thread_local!(static KNOWN: Known<Question, Option<Content>> = Known::default());
        remembered(&KNOWN, (self, stored, come_from.to_vec()), || {
            let others: Vec<_> = come_from.iter().map(Content::stored).collect();
            self.real().merge_into_later(&stored.stored(), &others).as_ref().map(Content::from_token)
        })
    }

    /// [`OAuthToken::new_record`], and the name that it gives.
    pub(super) fn new_record(self) -> Result<(Name, Content), ErrorKind> {
        type NewRecord = Result<(Name, Content), ErrorKind>;
        thread_local!(static KNOWN: Known<Token, NewRecord> = Known::default());
        remembered(&KNOWN, self, || {
            let record = self.real().new_record().map_err(|error| error.kind())?;
            let name = Name::of_locator(record.assigned_id().expect("a record has one").as_str());
            Ok((name, Content::from_token(&record)))
        })
    }

    /// The [`LookupPlan`].
    pub(super) fn keys(self) -> Vec<Key> {
        thread_local!(static KNOWN: Known<Token, Vec<Key>> = Known::default());
        remembered(&KNOWN, self, || {
            let token = self.real();
            let keys = LookupPlan::of(&token).keys().enumerate().map(|(place, key)| Key {
                place,
                name: Name::of_locator(key.locator().as_str()),
                is_searchable: key.is_searchable(),
            });
            keys.collect()
        })
    }

    /// Where among `candidates` the record is that a save by this key writes to: [`LookupPlan::save_hit`].
    pub(super) fn save_hit(self, key: Key, candidates: &[Content]) -> Result<Option<usize>, ErrorKind> {
        type Question = (Token, Key, Vec<Content>);
        type Hit = Result<Option<usize>, ErrorKind>;
        thread_local!(static KNOWN: Known<Question, Hit> = Known::default());
        remembered(&KNOWN, (self, key, candidates.to_vec()), || {
            let token = self.real();
            let plan = LookupPlan::of(&token);
            let key = plan.keys().nth(key.place).expect("its key");
            let stored: Vec<_> = candidates.iter().map(Content::stored).collect();
            let hit = plan.save_hit(key, stored.iter()).map_err(|error| error.kind())?;
            Ok(hit.and_then(|hit| stored.iter().position(|stored| std::ptr::eq(stored, hit))))
        })
    }

    /// Whether a record holds what the key asks for.
    pub(super) fn is_held(self, key: Key, by: Content) -> bool {
        let token = self.real();
        LookupPlan::of(&token).keys().nth(key.place).is_some_and(|key| key.is_held_by(&by.stored()))
    }

    /// The name that a token with an own id was found under, if that id is what it was found with.
    pub(super) fn found_with_an_own_id(self) -> Option<Name> {
        let found = self.found.filter(|found| found.get(Field::OwnId) != 0)?;
        let same = self.fields.get(Field::OwnId) == found.get(Field::OwnId);
        same.then(|| if found.get(Field::User) == 0 { Name::OfOwnId } else { Name::OfUser })
    }

    /// What it gives to a record: all that is neither as it was found nor as in another version that its save has come
    /// from. Said here once more, as the specification has it, to judge the merges by.
    pub(super) fn gives(&self, come_from: &[Content]) -> Content {
        Field::ALL.into_iter().fold(Content::default(), |given, field| {
            let value = self.fields.get(field);
            let is_old = |content: &Content| content.get(field) == value;
            let is_old = self.found.iter().chain(come_from).any(is_old);
            if is_old { given } else { given.with(field, value) }
        })
    }
}

type Known<Q, A> = RefCell<HashMap<Q, A>>;

fn remembered<Q: Eq + Hash, A: Clone>(
    known: &'static std::thread::LocalKey<Known<Q, A>>,
    question: Q,
    answer: impl FnOnce() -> A,
) -> A {
    known.with(|known| known.borrow_mut().entry(question).or_insert_with(answer).clone())
}

/// The refresh token that the OAuth server gives this process for that one, and never again: a tree of which each node
/// knows the one above it.
pub(super) fn rotated(refresh: u8, by: usize) -> u8 {
    refresh * 4 + u8::try_from(by).expect("three processes") + 1
}

/// Whether `refresh` is what `later` was rotated from, in one step or more.
pub(super) fn is_rotated_away(refresh: u8, later: u8) -> bool {
    let above = |refresh: &u8| (*refresh > 4).then(|| (refresh - 1) / 4);
    refresh != 0 && std::iter::successors(above(&later), above).any(|before| before == refresh)
}
