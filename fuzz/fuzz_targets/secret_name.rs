//! The names of secrets, which anybody in the account may choose, and the prefix: a line each.
//!
//! A locator is `[ugrai]_[a-z2-7]{26}` directly under the prefix, and everything else is not ours.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oauth_token_store::fuzzing::locator_in;
use oauth_token_store::{ErrorKind, TokenId};

fuzz_target!(|text: &str| {
    let (prefix, name) = text.split_once('\n').unwrap_or(("app", text));
    match locator_in(prefix, name) {
        Err(error) => {
            assert!(!is_prefix(prefix), "refused: {prefix}");
            assert_eq!(error.kind(), ErrorKind::Invalid);
            assert!(error.to_string().starts_with("the prefix "), "{error}");
            assert!(error.secret_name().is_none());
        }
        Ok(locator) => {
            assert!(is_prefix(prefix), "taken: {prefix}");
            let expected = name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('/'));
            assert_eq!(locator.as_deref(), expected.filter(|rest| is_locator(rest)), "{name}");
        }
    }
    if let Ok(id) = TokenId::new(name) {
        assert_eq!(id.is_store_assigned(), is_locator(name), "{name}");
        let shown = if is_locator(name) { name } else { "[REDACTED]" };
        assert_eq!(format!("{id:?}"), format!("TokenId({shown})"));
    } else {
        assert!(name.is_empty() || name.contains('\0'));
    }
});

fn is_locator(text: &str) -> bool {
    let mut characters = text.chars();
    matches!(characters.next(), Some('u' | 'g' | 'r' | 'a' | 'i'))
        && characters.next() == Some('_')
        && characters.clone().count() == 26
        && characters.all(|c| matches!(c, 'a'..='z' | '2'..='7'))
}

fn is_prefix(text: &str) -> bool {
    text.chars().count() <= 256
        && text.split('/').all(|segment| {
            !segment.is_empty() && segment.chars().all(|c| c.is_ascii_alphanumeric() || "_+=.@-".contains(c))
        })
}
