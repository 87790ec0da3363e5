//! The ARNs of secrets.

use uuid::Uuid;

const PREFIX: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:";
/// The hyphen and the six random characters that end a full ARN.
const SUFFIX_LENGTH: usize = 7;

/// The ARN of a new secret, with a random suffix that dies with the secret.
pub(super) fn generate(name: &str) -> String {
    const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut suffix = String::with_capacity(6);
    for byte in Uuid::new_v4().as_bytes().iter().rev().take(6) {
        suffix.push(char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]));
    }
    format!("{PREFIX}{name}-{suffix}")
}

/// The ARN of a name without a suffix, as IAM evaluates a secret that doesn't exist.
pub(super) fn without_suffix(name: &str) -> String {
    format!("{PREFIX}{name}")
}

/// What a SecretId can stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SecretId<'a> {
    /// A name.
    Name(&'a str),
    /// An ARN, full or without the suffix.
    Arn {
        arn: &'a str,
        /// The name if the ARN has no suffix.
        name: &'a str,
    },
    /// An ARN of something else.
    Foreign,
}

impl<'a> SecretId<'a> {
    pub(super) fn parse(id: &'a str) -> Self {
        if !id.starts_with("arn:") {
            return Self::Name(id);
        }
        id.strip_prefix(PREFIX).map_or(Self::Foreign, |name| Self::Arn { arn: id, name })
    }

    /// The name, if what follows it is a suffix.
    pub(super) fn name_before_suffix(name: &'a str) -> Option<&'a str> {
        let at = name.len().checked_sub(SUFFIX_LENGTH)?;
        let (name, suffix) = name.split_at_checked(at)?;
        suffix.starts_with('-').then_some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_arn_ends_with_a_hyphen_and_six_characters() {
        let arn = generate("app/token");
        let SecretId::Arn { name, .. } = SecretId::parse(&arn) else {
            panic!("{arn} should be an ARN of this account");
        };
        assert_eq!(SecretId::name_before_suffix(name), Some("app/token"));
    }

    #[test]
    fn odd_ids_are_parsed_without_panicking() {
        for name in ["", "-", "é", "aé-bcdef", "ééééééé"] {
            assert_eq!(SecretId::parse(name), SecretId::Name(name));
            SecretId::name_before_suffix(name);
        }
        assert_eq!(SecretId::name_before_suffix("name-without"), None);
        assert_eq!(SecretId::parse("arn:aws:s3:::bucket"), SecretId::Foreign);
    }
}
