//! The filters of ListSecrets and BatchGetSecretValue ("Filter" in the API reference).

use super::error::{Result, ServiceError};
use super::request::{Request, missing};
use super::secret::Secret;
use super::validation::{length, size};

const FILTERS: std::ops::RangeInclusive<usize> = 0..=10;
const VALUES: std::ops::RangeInclusive<usize> = 1..=10;
const VALUE_LENGTH: std::ops::RangeInclusive<usize> = 0..=512;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attribute {
    Description,
    Name,
    TagKey,
    TagValue,
    PrimaryRegion,
    OwningService,
    All,
}

impl Attribute {
    fn parse(key: &str) -> Result<Self> {
        Ok(match key {
            "description" => Self::Description,
            "name" => Self::Name,
            "tag-key" => Self::TagKey,
            "tag-value" => Self::TagValue,
            "primary-region" => Self::PrimaryRegion,
            "owning-service" => Self::OwningService,
            "all" => Self::All,
            _ => {
                return Err(ServiceError::validation(
                    "filters",
                    "satisfy enum value set: [description, name, tag-key, tag-value, primary-region, owning-service, all]",
                ));
            }
        })
    }

    /// Whether a secret has the value, read as this key reads values.
    fn matches(self, secret: &Secret, value: &str) -> bool {
        match self {
            Self::Name => secret.name.starts_with(value),
            Self::TagKey => secret.tags().iter().any(|tag| tag.key.starts_with(value)),
            Self::TagValue => secret.tags().iter().any(|tag| tag.value.starts_with(value)),
            Self::Description => secret
                .description
                .as_deref()
                .is_some_and(|text| value.split_whitespace().all(|word| word_starts_with(text, word))),
            // Nothing here is replicated, and nothing is managed by another service.
            Self::PrimaryRegion | Self::OwningService => false,
            Self::All => {
                let found: Vec<_> = attributes(secret).flat_map(words).collect();
                words(value).iter().any(|word| found.iter().any(|found| found.starts_with(word)))
            }
        }
    }
}

/// The texts that `all` searches.
fn attributes(secret: &Secret) -> impl Iterator<Item = &str> {
    let tags = secret.tags().iter();
    [Some(secret.name.as_str()), secret.description.as_deref()]
        .into_iter()
        .flatten()
        .chain(tags.flat_map(|tag| [tag.key.as_str(), tag.value.as_str()]))
}

/// Whether `prefix` stands at the start of the text or of any word in it, in whatever case.
fn word_starts_with(text: &str, prefix: &str) -> bool {
    let (text, prefix) = (text.to_lowercase(), prefix.to_lowercase());
    text.match_indices(&prefix)
        .any(|(at, _)| text[..at].chars().next_back().is_none_or(|before| !before.is_alphanumeric()))
}

/// The words of a text, in lower case, as a search without a filter key tells them apart: by punctuation, before a
/// capital letter, and between letters and digits ("Find secrets" in the user guide).
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in text.chars() {
        let begins = !c.is_alphanumeric()
            || (before.is_lowercase() && c.is_uppercase())
            || before.is_numeric() != c.is_numeric();
        if begins {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
        before = c;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// One filter: its values are alternatives, and none of those after a `!` may match.
struct Filter {
    key: Attribute,
    wanted: Vec<String>,
    unwanted: Vec<String>,
}

impl Filter {
    fn parse(request: &Request) -> Result<Self> {
        let key = Attribute::parse(request.string("Key")?.ok_or_else(|| missing("Filters"))?)?;
        let values = request.strings("Values")?.ok_or_else(|| missing("Filters"))?;
        size("Filters", values.len(), &VALUES)?;
        let (mut wanted, mut unwanted) = (Vec::new(), Vec::new());
        for value in values {
            length("Filters", value, &VALUE_LENGTH)?;
            let allowed = |c: char| c.is_ascii_alphanumeric() || " :_@/+=.-!".contains(c);
            if !value.chars().all(allowed) {
                return Err(ServiceError::validation(
                    "filters",
                    r"satisfy regular expression pattern: ^\!?[a-zA-Z0-9 :_@\/\+\=\.\-\!]*$",
                ));
            }
            match value.strip_prefix('!') {
                Some(value) => unwanted.push(value.to_owned()),
                None => wanted.push(value.to_owned()),
            }
        }
        Ok(Self { key, wanted, unwanted })
    }

    fn matches(&self, secret: &Secret) -> bool {
        let has = |value: &String| self.key.matches(secret, value);
        (self.wanted.is_empty() || self.wanted.iter().any(has)) && !self.unwanted.iter().any(has)
    }
}

/// The filters of a request, all of which must match.
pub(super) struct Filters(Vec<Filter>);

impl Filters {
    pub(super) fn parse(request: &Request) -> Result<Self> {
        let filters = request.list("Filters")?.unwrap_or_default();
        size("Filters", filters.len(), &FILTERS)?;
        filters
            .iter()
            .map(|filter| Filter::parse(&Request::object(filter, "Filters")?))
            .collect::<Result<_>>()
            .map(Self)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn matches(&self, secret: &Secret) -> bool {
        self.0.iter().all(|filter| filter.matches(secret))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_told_apart_as_the_user_guide_says() {
        assert_eq!(words("credsDatabase#892"), ["creds", "database", "892"]);
        assert_eq!(words(" My_Secret/ÉTÉ "), ["my", "secret", "été"]);
        assert_eq!(words("user10a"), ["user", "10", "a"]);
        assert!(words("!_").is_empty());
    }
}
