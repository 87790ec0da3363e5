//! `SecretsManagerTokenStore` on the embedded backend: the protocol, what it costs, and what it does when things go
//! wrong.

mod compare_and_swap;
mod conformance;
mod deletion;
mod failures;
mod layout;
mod listing;
mod lookup;
mod lost_answers;
mod requests;
mod setup;
mod support;
