//! Tags: what a record can be searched by beyond its name.

use std::collections::BTreeMap;

use crate::contract::{ErrorKind, LocatorKind, LookupKey, OAuthToken, StoreError};
use aws_sdk_secretsmanager::types::Tag;

const NAMESPACE: &str = "oauth-token-store:";

/// AWS allows 50 tags; seven are the library's.
const MAX_OWN_TAGS: usize = 43;

/// The key of the tag that holds fingerprints of this kind.
pub(super) fn key(kind: LocatorKind) -> String {
    format!("{NAMESPACE}{}", kind.name())
}

/// The fingerprints that a record's tags hold, by tag key: pure, so that two states can be compared.
pub(super) fn fingerprints(token: &OAuthToken, index_access_tokens: bool) -> BTreeMap<String, String> {
    let keys =
        LookupKey::all_of(token).filter(|key| index_access_tokens || key.kind() != LocatorKind::Access);
    let tag = |lookup: LookupKey<'_>| (key(lookup.kind()), lookup.locator().fingerprint().to_owned());
    keys.map(tag).collect()
}

/// All tags of a new record: what it is, its fingerprints, and the builder's own.
pub(super) fn of_new_record(
    token: &OAuthToken,
    index_access_tokens: bool,
    own: &BTreeMap<String, String>,
) -> Vec<Tag> {
    let mut tags = fingerprints(token, index_access_tokens);
    tags.insert(format!("{NAMESPACE}kind"), "token".to_owned());
    tags.insert(format!("{NAMESPACE}schema"), "1".to_owned());
    tags.extend(own.clone());
    to_sdk(tags)
}

pub(super) fn to_sdk(tags: BTreeMap<String, String>) -> Vec<Tag> {
    tags.into_iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}

/// Whether AWS takes these as tags beside the library's ([quotas]).
///
/// [quotas]: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_TagResource.html
pub(super) fn validate_own(tags: &BTreeMap<String, String>) -> Result<(), StoreError> {
    let invalid = |why: &'static str| Err(StoreError::new(ErrorKind::Invalid, why));
    if tags.len() > MAX_OWN_TAGS {
        return invalid("at most 43 tags can be given: AWS allows 50, and seven are the library's");
    }
    for (key, value) in tags {
        if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 {
            return invalid("a tag's key has 1 to 128 characters and its value at most 256");
        }
        if key.starts_with(NAMESPACE) || key.to_ascii_lowercase().starts_with("aws:") {
            return invalid("tag keys that begin with `aws:` or `oauth-token-store:` are reserved");
        }
        let allowed = |c: char| c.is_alphanumeric() || " _.:/=+-@".contains(c);
        if !key.chars().chain(value.chars()).all(allowed) {
            return invalid("tags may hold only letters, digits, spaces and _ . : / = + - @");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_those_of_the_published_vectors() {
        let token = OAuthToken::builder()
            .id("php_abc_us_prd_1")
            .user_name("bob@example.com")
            .client_id("1000.ABC")
            .refresh_token("1000.refresh")
            .grant_token("1000.grant")
            .access_token("1000.access")
            .build()
            .expect("valid");
        let shown: Vec<_> = fingerprints(&token, true).into_iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(
            shown,
            [
                "oauth-token-store:access=s34zovescm5kbfnfam5gjkmvve",
                "oauth-token-store:grant=k7cw4wqxskful256cysotn4cpu",
                "oauth-token-store:id=acdhhxz4wmt7hkiibb4rikj5fm",
                "oauth-token-store:refresh=igqluxon3kkgw3mtfrl4lmc2v4",
                "oauth-token-store:user=52rqhupjinfczuwzz6qnyv2s6a",
            ]
        );
        assert_eq!(fingerprints(&token, false).len(), 4);
    }

    #[test]
    fn an_id_that_the_store_assigned_stands_in_the_name_and_in_no_tag() {
        let token = OAuthToken::builder().user_name("bob").access_token("a").build().expect("valid");
        let record = token.new_record().expect("valid");
        assert!(record.id().is_some());
        let tags = fingerprints(&record, true);
        assert_eq!(tags.keys().collect::<Vec<_>>(), ["oauth-token-store:access", "oauth-token-store:user"]);
    }

    #[test]
    fn own_tags_are_checked_before_aws_refuses_them() {
        let check =
            |key: &str, value: &str| validate_own(&BTreeMap::from([(key.into(), value.into())])).is_ok();
        assert!(check("cost-centre", "crm: eu/1 +x=y@z_"));
        assert!(check(&"k".repeat(128), &"v".repeat(256)));
        assert!(!check("", "x") && !check(&"k".repeat(129), "x") && !check("k", &"v".repeat(257)));
        assert!(!check("aws:x", "x") && !check("AWS:x", "x") && !check("oauth-token-store:user", "x"));
        assert!(!check("k", "a;b") && !check("k\0", "x"));
        let many = |n: u32| (0..n).map(|n| (n.to_string(), String::new())).collect();
        assert!(validate_own(&many(43)).is_ok() && validate_own(&many(44)).is_err());
    }
}
