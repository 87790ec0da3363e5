//! Under what names the records stand.

use crate::contract::{ErrorKind, Locator, StoreError};

pub(super) const DEFAULT_PREFIX: &str = "oauth-tokens";

const MAX_LENGTH: usize = 256;

/// The validated first part of every secret's name: the namespace of one OAuth client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Prefix(Box<str>);

impl Prefix {
    /// Takes the characters that [AWS allows in names], without an empty segment.
    ///
    /// [AWS allows in names]: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
    pub(super) fn parse(prefix: &str) -> Result<Self, StoreError> {
        let invalid = |why: &'static str| Err(StoreError::new(ErrorKind::Invalid, why));
        if prefix.len() > MAX_LENGTH {
            return invalid("the prefix is longer than 256 characters");
        }
        if prefix.split('/').any(str::is_empty) {
            return invalid("the prefix must not be empty, start or end with a slash, or hold two in a row");
        }
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"/_+=.@-".contains(&byte);
        if !prefix.bytes().all(allowed) {
            return invalid("the prefix may hold only letters, digits and / _ + = . @ -");
        }
        Ok(Self(prefix.into()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn secret_name(&self, locator: &Locator) -> String {
        [&self.0, "/", locator.as_str()].concat()
    }

    /// The locator in a secret's name; `None` for whatever else stands under the prefix, which is not ours.
    pub(super) fn locator_in(&self, secret_name: &str) -> Option<Locator> {
        Locator::parse(secret_name.strip_prefix(&*self.0)?.strip_prefix('/')?)
    }

    /// What all names under the prefix begin with.
    pub(super) fn name_filter(&self) -> String {
        format!("{}/", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::LocatorKind;

    #[test]
    fn a_prefix_is_what_aws_takes_as_a_name_in_whole_segments() {
        for good in ["oauth-tokens", "a", "prod/crm/tokens", "a_b+c=d.e@f-g/9", &"x".repeat(256)] {
            assert_eq!(Prefix::parse(good).expect(good).as_str(), good);
        }
        for bad in ["", "/", "/a", "a/", "a//b", "a b", "a*", "caf\u{e9}", "a\0", &"x".repeat(257)] {
            assert_eq!(Prefix::parse(bad).expect_err(bad).kind(), ErrorKind::Invalid, "{bad}");
        }
    }

    #[test]
    fn only_a_locator_right_under_the_prefix_is_ours() {
        let prefix = Prefix::parse("app/tokens").expect("valid");
        let locator = Locator::new(LocatorKind::User, &["bob"]);
        assert_eq!(prefix.locator_in(&prefix.secret_name(&locator)), Some(locator));
        let locator = locator.as_str();
        for name in [
            format!("app/tokens/deeper/{locator}"),
            format!("app/tokens-2/{locator}"),
            format!("app/tokens{locator}"),
            format!("app/tokens//{locator}"),
            format!("app/tokens/{locator}-AbCdEf"),
            "app/tokens/config".to_owned(),
            "app/tokens".to_owned(),
            locator.to_owned(),
        ] {
            assert_eq!(prefix.locator_in(&name), None, "{name}");
        }
    }
}
