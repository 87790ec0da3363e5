//! Locators: what names a record without showing whose it is.

use std::fmt;

use data_encoding::BASE32_NOPAD;
use sha2::{Digest, Sha256};

/// What a fingerprint was taken of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LocatorKind {
    User,
    OwnId,
    Grant,
    Refresh,
    Access,
}

impl LocatorKind {
    pub(crate) const ALL: [Self; 5] = [Self::User, Self::OwnId, Self::Grant, Self::Refresh, Self::Access];

    /// The name that goes into the hash and into tag keys.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::OwnId => "id",
            Self::Grant => "grant",
            Self::Refresh => "refresh",
            Self::Access => "access",
        }
    }

    fn letter(self) -> char {
        match self {
            Self::User => 'u',
            Self::OwnId => 'i',
            Self::Grant => 'g',
            Self::Refresh => 'r',
            Self::Access => 'a',
        }
    }
}

const FINGERPRINT_LENGTH: usize = 26;

/// `[ugrai]_[a-z2-7]{26}`: the last segment of a secret's name, and the id that a store assigns.
///
/// One fixed-size value: a lookup needs no heap for it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Locator([u8; 2 + FINGERPRINT_LENGTH]);

impl Locator {
    /// The locator of a value: the client id, where the kind needs one, then the value itself.
    pub(crate) fn new(kind: LocatorKind, parts: &[&str]) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"oauth-token-store\x001\0");
        hash.update(kind.name());
        for part in parts {
            hash.update(b"\0");
            hash.update(part);
        }
        let digest = hash.finalize();
        let mut bytes = [b'_'; 2 + FINGERPRINT_LENGTH];
        bytes[0] = kind.letter() as u8;
        BASE32_NOPAD.encode_mut(&digest[..16], &mut bytes[2..]);
        bytes.make_ascii_lowercase();
        Self(bytes)
    }

    /// Reads a locator; anything of another form is not one.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 2 + FINGERPRINT_LENGTH] = text.as_bytes().try_into().ok()?;
        let letter = LocatorKind::ALL.iter().any(|kind| kind.letter() as u8 == bytes[0]);
        // Without a way out before the end: that takes a third of the time.
        let of_base32 = |byte: &u8| matches!(byte, b'a'..=b'z' | b'2'..=b'7');
        let fingerprint = bytes[2..].iter().fold(true, |all, byte| all & of_base32(byte));
        (letter && bytes[1] == b'_' && fingerprint).then_some(Self(bytes))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn as_str(&self) -> &str {
        // Only ASCII ever gets in.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Whether it was taken of a value of this kind.
    pub(crate) fn is_of(&self, kind: LocatorKind) -> bool {
        self.0[0] == kind.letter() as u8
    }

    /// The part after the letter: what stands in a tag.
    pub(crate) fn fingerprint(&self) -> &str {
        &self.as_str()[2..]
    }
}

impl fmt::Debug for Locator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_those_of_the_published_vectors() {
        for (kind, parts, fingerprint) in [
            (LocatorKind::User, &["bob@example.com"][..], "52rqhupjinfczuwzz6qnyv2s6a"),
            (LocatorKind::User, &["Jos\u{e9}"], "g24zhkjspihwqojgnqx7w3bd4y"),
            (LocatorKind::OwnId, &["php_abc_us_prd_1"], "acdhhxz4wmt7hkiibb4rikj5fm"),
            (LocatorKind::Refresh, &["1000.ABC", "1000.refresh"], "igqluxon3kkgw3mtfrl4lmc2v4"),
            (LocatorKind::Grant, &["1000.ABC", "1000.grant"], "k7cw4wqxskful256cysotn4cpu"),
            (LocatorKind::Access, &["1000.access"], "s34zovescm5kbfnfam5gjkmvve"),
        ] {
            assert_eq!(Locator::new(kind, parts).fingerprint(), fingerprint, "{kind:?}");
        }
    }

    #[test]
    fn only_the_exact_form_is_a_locator() {
        let locator = Locator::new(LocatorKind::Grant, &["c", "g"]);
        assert_eq!(Locator::parse(locator.as_str()), Some(locator));
        for other in [
            "",
            "u_",
            "u_52rqhupjinfczuwzz6qnyv2s6",
            "u_52rqhupjinfczuwzz6qnyv2s6aa",
            "x_52rqhupjinfczuwzz6qnyv2s6a",
            "u-52rqhupjinfczuwzz6qnyv2s6a",
            "U_52rqhupjinfczuwzz6qnyv2s6a",
            "u_52RQHUPJINFCZUWZZ6QNYV2S6A",
            "u_02rqhupjinfczuwzz6qnyv2s6a",
            "u_52rqhupjinfczuwzz6qnyv2s\u{e9}",
        ] {
            assert_eq!(Locator::parse(other), None, "{other}");
        }
    }

    #[test]
    fn a_value_cannot_be_shifted_into_the_client_id() {
        assert_ne!(
            Locator::new(LocatorKind::Refresh, &["ab", "c"]),
            Locator::new(LocatorKind::Refresh, &["a", "bc"])
        );
    }
}
