//! ARNs, version ids and dates, of which the service promises nothing but text and numbers: two of each, a line each.
//!
//! Every version id has a slot after it, in the form of a request token; and of two versions at most one is the older.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oauth_token_store::fuzzing::{is_older, next_slot};

fuzz_target!(|text: &str| {
    let mut lines = text.split('\n');
    let mut version = || {
        let mut text = || lines.next().unwrap_or_default();
        (text(), text(), text().parse::<f64>().unwrap_or_default())
    };
    let (one, two) = (version(), version());
    assert!(!is_older(one, one), "older than itself");
    assert!(!(is_older(one, two) && is_older(two, one)), "each is older than the other");
    let slot = next_slot(one.1);
    assert!(slot.len() == 36 && slot.as_bytes()[14] == b'5', "no UUIDv5: {slot}");
    assert!(
        is_older(one, (one.0, &slot, two.2)),
        "what is written on top of it is newer, whatever the dates say"
    );
});
