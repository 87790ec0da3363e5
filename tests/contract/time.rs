//! Expiry times.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::{built, token};

fn expiry(instant: SystemTime) -> Option<SystemTime> {
    built(token().expiry_time(instant)).expiry_time()
}

#[test]
fn an_expiry_is_truncated_to_milliseconds() {
    let whole = UNIX_EPOCH + Duration::from_millis(1_700_000_000_123);
    assert_eq!(expiry(whole), Some(whole));
    assert_eq!(expiry(whole + Duration::from_nanos(999_999)), Some(whole));
    assert_eq!(expiry(UNIX_EPOCH), Some(UNIX_EPOCH));
    assert_eq!(expiry(UNIX_EPOCH + Duration::from_nanos(1)), Some(UNIX_EPOCH));
}

#[test]
fn before_1970_too() {
    let whole = UNIX_EPOCH - Duration::from_millis(1_500);
    assert_eq!(expiry(whole), Some(whole));
    let between = expiry(whole - Duration::from_nanos(1)).unwrap();
    let off = whole.duration_since(between).unwrap_or_default();
    assert!(between <= whole && off <= Duration::from_millis(1));
    assert_eq!(expiry(between), Some(between), "truncating twice is truncating once");
}

/// Whatever the platform's clock can tell: no panic, and what is kept can be kept again.
#[test]
fn instants_out_of_range_do_no_harm() {
    let mut distance = Duration::MAX;
    while distance > Duration::from_secs(1) {
        for instant in [UNIX_EPOCH.checked_add(distance), UNIX_EPOCH.checked_sub(distance)] {
            if let Some(kept) = instant.and_then(expiry) {
                assert_eq!(expiry(kept), Some(kept));
            }
        }
        distance /= 2;
    }
}

/// One that had no expiry would be fresh for ever, whoever asks for another one.
#[test]
fn a_lifetime_without_end_ends_with_what_can_be_stored() {
    let for_ever = built(token().access_token("a").expires_in(Duration::MAX));
    assert_eq!(for_ever.expiry_time().and_then(expiry), for_ever.expiry_time());
    assert!(!for_ever.expires_within(Duration::from_secs(u32::MAX.into())));
    assert!(for_ever.expires_within(Duration::MAX));
}

#[test]
fn expires_within_counts_from_now() {
    let token = built(token().access_token("a").expires_in(Duration::from_secs(3600)));
    assert!(!token.expires_within(Duration::ZERO));
    assert!(!token.expires_within(Duration::from_secs(3500)));
    assert!(token.expires_within(Duration::from_secs(3600)));
    assert!(token.expires_within(Duration::MAX));
}

#[test]
fn what_has_expired_expires_within_anything() {
    let token = built(token().access_token("a").expiry_time(UNIX_EPOCH));
    assert!(token.expires_within(Duration::ZERO));
    assert!(token.expires_within(Duration::MAX));
}

#[test]
fn what_has_no_expiry_never_expires() {
    let token = built(token().access_token("a"));
    assert!(!token.expires_within(Duration::ZERO));
    assert!(!token.expires_within(Duration::MAX));
}
