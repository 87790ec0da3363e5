//! `SecretsManagerTokenStore` on the embedded backend: the protocol, what it costs, and what it does when things go
//! wrong.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod bounds;
mod caching;
mod compare_and_swap;
mod conformance;
mod deletion;
mod failures;
mod fate;
mod layout;
mod listing;
mod lookup;
mod lost_answers;
mod refreshing;
mod remembered;
mod requests;
mod search_tags;
mod setup;
mod stale_reads;
mod support;
