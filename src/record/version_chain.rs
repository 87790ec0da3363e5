//! The chain of versions: each version id names the slot of the one written after it.

use uuid::Uuid;

const NAMESPACE: Uuid = Uuid::from_u128(0xd9ae17dd_6386_5eab_aa9a_1bb1bd39ea6e);

/// The `ClientRequestToken` of a write based on `version_id`: UUIDv5 of it (RFC 9562 §5.5).
///
/// Secrets Manager accepts one content per token, so of several writers on one base one wins.
pub(crate) fn slot_after(version_id: &str) -> String {
    Uuid::new_v5(&NAMESPACE, version_id.as_bytes()).hyphenated().to_string()
}

/// How far a chain is followed: Secrets Manager keeps about 100 versions.
const LONGEST: usize = 128;

/// The slots after a version, in order.
pub(crate) fn slots_after(version_id: &str) -> impl Iterator<Item = String> {
    std::iter::successors(Some(slot_after(version_id)), |slot| Some(slot_after(slot))).take(LONGEST)
}

/// Whether `later` was written on top of `version_id`, or on top of what was.
pub(crate) fn leads_to(version_id: &str, later: &str) -> bool {
    if version_id == later {
        return false;
    }
    // Both ways at once: which of two versions is the later one a step or two tells, as a rule.
    let mut slots = slots_after(version_id).zip(slots_after(later));
    slots
        .find(|(after, after_later)| after == later || after_later == version_id)
        .is_some_and(|(after, _)| after == later)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_leads_to_what_was_written_on_top_of_it_and_not_back() {
        let base = "11111111-1111-1111-1111-111111111111";
        let third = slots_after(base).nth(2).expect("a chain");
        assert!(leads_to(base, &third));
        let as_many_as_are_kept = slots_after(base).nth(99).expect("a chain");
        assert!(leads_to(base, &as_many_as_are_kept));
        assert!(!leads_to(&third, base) && !leads_to(base, base));
        assert!(!leads_to(base, "22222222-2222-2222-2222-222222222222"));
    }

    #[test]
    fn a_slot_is_that_of_the_published_vector() {
        assert_eq!(
            slot_after("11111111-1111-1111-1111-111111111111"),
            "81c974d8-51d3-506c-8313-073219b30fe3"
        );
    }
}
