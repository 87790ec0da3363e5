//! Paging: page sizes and the opaque tokens that lead from one page to the next.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::RangeInclusive;

use data_encoding::BASE64;
use serde_json::json;

use super::error::{Result, ServiceError};
use super::operation::Operation;
use super::request::Request;
use super::validation::range;

/// Where a page ends: the sort key of its last element and, among equal ones, its number.
pub(super) type Position = (String, u64);

/// A page that is asked for.
pub(super) struct Page {
    /// Ties tokens to the request they were given for.
    query: u64,
    /// The elements up to here were on earlier pages.
    pub(super) after: Option<Position>,
    /// The most elements of this page.
    pub(super) limit: usize,
    /// Whether the page before this one was an empty one.
    follows_empty: bool,
}

impl Page {
    /// Reads MaxResults, by default the most that `limits` allows, and NextToken.
    pub(super) fn parse(
        request: &Request,
        operation: Operation,
        limits: &RangeInclusive<i64>,
    ) -> Result<Self> {
        let limit = request.integer("MaxResults")?.unwrap_or(*limits.end());
        range("MaxResults", limit, limits)?;
        let mut hasher = DefaultHasher::new();
        (operation, request.without(&["MaxResults", "NextToken"])).hash(&mut hasher);
        let mut page = Self {
            query: hasher.finish(),
            after: None,
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
            follows_empty: false,
        };
        if let Some(token) = request.string("NextToken")? {
            page.resume(token).ok_or_else(ServiceError::invalid_next_token)?;
        }
        Ok(page)
    }

    /// Whether this page is to be an empty one that only leads to the next.
    pub(super) fn is_empty(&self, empty_pages: bool) -> bool {
        empty_pages && !self.follows_empty
    }

    /// The token of the page after this one, if this one is empty.
    pub(super) fn token_after_empty(&self) -> String {
        self.token(self.after.as_ref(), true)
    }

    /// The token of the page after this one, which ends at `last`.
    pub(super) fn token_after(&self, last: &Position) -> String {
        self.token(Some(last), false)
    }

    fn token(&self, after: Option<&Position>, follows_empty: bool) -> String {
        let content = json!([self.query, after, follows_empty]).to_string();
        BASE64.encode(format!("{:016x}{content}", checksum(&content)).as_bytes())
    }

    fn resume(&mut self, token: &str) -> Option<()> {
        let decoded = String::from_utf8(BASE64.decode(token.as_bytes()).ok()?).ok()?;
        let (sum, content) = decoded.split_at_checked(16)?;
        if u64::from_str_radix(sum, 16).ok()? != checksum(content) {
            return None;
        }
        let content: serde_json::Value = serde_json::from_str(content).ok()?;
        if content.get(0)?.as_u64()? != self.query {
            return None;
        }
        let after = content.get(1)?;
        if !after.is_null() {
            self.after = Some((after.get(0)?.as_str()?.to_owned(), after.get(1)?.as_u64()?));
        }
        self.follows_empty = content.get(2)?.as_bool()?;
        Some(())
    }
}

fn checksum(content: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    ("NextToken", content).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: RangeInclusive<i64> = 1..=10;

    fn parse(token: Option<&str>) -> Result<Page> {
        let body = json!({ "NextToken": token }).to_string();
        let request = Request::parse(body.as_bytes())?;
        Page::parse(&request, Operation::ListSecrets, &LIMITS)
    }

    #[test]
    fn a_token_leads_to_the_position_it_was_given_for() {
        let first = parse(None).unwrap();
        assert_eq!(first.after, None);
        let last = ("a".to_owned(), 7);
        let second = parse(Some(&first.token_after(&last))).unwrap();
        assert_eq!(second.after, Some(last));
    }

    #[test]
    fn a_token_with_another_position_is_refused() {
        let token = parse(None).unwrap().token_after(&("a".to_owned(), 7));
        let content = String::from_utf8(BASE64.decode(token.as_bytes()).unwrap()).unwrap();
        assert!(content.contains(",7]"), "{content}");
        let forged = BASE64.encode(content.replace(",7]", ",8]").as_bytes());
        let error = parse(Some(&forged)).err().unwrap();
        assert_eq!(error.code, "InvalidNextTokenException");
    }
}
