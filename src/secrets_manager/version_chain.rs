//! The chain of versions: each version id names the slot of the one written after it.

use uuid::Uuid;

const NAMESPACE: Uuid = Uuid::from_u128(0xd9ae17dd_6386_5eab_aa9a_1bb1bd39ea6e);

/// The `ClientRequestToken` of a write based on `version_id`: UUIDv5 of it (RFC 9562 §5.5).
///
/// Secrets Manager accepts one content per token, so of several writers on one base one wins.
pub(super) fn slot_after(version_id: &str) -> String {
    Uuid::new_v5(&NAMESPACE, version_id.as_bytes()).hyphenated().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_that_of_the_published_vector() {
        assert_eq!(
            slot_after("11111111-1111-1111-1111-111111111111"),
            "81c974d8-51d3-506c-8313-073219b30fe3"
        );
    }
}
