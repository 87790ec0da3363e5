//! What a run of the kit ends with.

use std::error::Error;
use std::fmt;

use crate::contract::StoreError;

/// A rule that a store breaks.
///
/// Says in a sentence what was done, what should have come of it and what did. It names fields, never what is in
/// them. `Debug` shows the same text as `Display`, so that an `unwrap` in a test can be read.
pub struct Broken(Box<Inner>);

struct Inner {
    rule: &'static str,
    done: String,
    expected: String,
    got: String,
    found_tokens_of_others: bool,
    source: Option<StoreError>,
}

impl Broken {
    pub(super) fn new(
        rule: &'static str,
        done: impl Into<String>,
        expected: impl Into<String>,
        got: impl Into<String>,
    ) -> Self {
        Self(Box::new(Inner {
            rule,
            done: done.into(),
            expected: expected.into(),
            got: got.into(),
            found_tokens_of_others: false,
            source: None,
        }))
    }

    pub(super) fn failed(
        rule: &'static str,
        done: impl Into<String>,
        expected: impl Into<String>,
        error: StoreError,
    ) -> Self {
        let mut broken = Self::new(rule, done, expected, format!("{:?}", error.kind()));
        broken.0.source = Some(error);
        broken
    }

    pub(super) fn not_empty(rule: &'static str, tokens: usize) -> Self {
        let mut broken = Self::new(
            rule,
            "listing the store before anything was saved",
            "an empty store, because the rules delete everything in it",
            format!("{tokens} tokens"),
        );
        broken.0.found_tokens_of_others = true;
        broken
    }

    /// The broken rule, by the name that it has in [`RULES`](super::RULES).
    pub fn rule(&self) -> &'static str {
        self.0.rule
    }

    pub(super) fn found_tokens_of_others(&self) -> bool {
        self.0.found_tokens_of_others
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { rule, done, expected, got, .. } = &*self.0;
        write!(f, "{rule}: {done}: expected {expected}, got {got}")
    }
}

impl fmt::Debug for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)?;
        match &self.0.source {
            Some(source) => write!(f, " ({source})"),
            None => Ok(()),
        }
    }
}

impl Error for Broken {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source.as_ref().map(|source| source as _)
    }
}

/// All rules that a store was seen to break.
///
/// `Debug` and `Display` both list them, one on a line.
pub struct BrokenRules(Vec<Broken>);

impl BrokenRules {
    pub(super) fn unless_none(broken: Vec<Broken>) -> Result<(), Self> {
        if broken.is_empty() { Ok(()) } else { Err(Self(broken)) }
    }

    /// The broken rules, in the order in which they were run.
    pub fn iter(&self) -> impl Iterator<Item = &Broken> {
        self.0.iter()
    }
}

impl fmt::Display for BrokenRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules = if self.0.len() == 1 { "rule" } else { "rules" };
        write!(f, "{} broken {rules}:", self.0.len())?;
        // `Debug` of each has its cause with it: a list has no single source to give.
        self.iter().try_for_each(|broken| write!(f, "\n  {broken:?}"))
    }
}

impl fmt::Debug for BrokenRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for BrokenRules {}
