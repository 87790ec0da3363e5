//! The contract of [`TokenStore`] as functions that any store can be run through.
//!
//! Every rule is an `async` function that takes an *empty* store and says whether the store keeps the rule.
//! [`RULES`] is the table of all of them, and [`check_all`] runs the whole table:
//!
//! ```
//! use oauth_token_store::{MemoryTokenStore, conformance};
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! conformance::check_all(|| async { MemoryTokenStore::new() }).await?;
//! # Ok::<(), conformance::BrokenRules>(()) }).unwrap();
//! ```
//!
//! Not every store can keep every rule, and one that leaves some out should say so in its tests. A rule tells what
//! it rests on ([`Rule::needs_search`], [`Rule::needs_locators`], [`Rule::stores_many`]), and [`check`] takes any
//! selection:
//!
//! ```
//! # use oauth_token_store::{MemoryTokenStore, conformance};
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! // A store that numbers its records itself:
//! let rules = conformance::RULES.iter().filter(|rule| !rule.needs_locators());
//! conformance::check(rules, || async { MemoryTokenStore::new() }).await?;
//! # Ok::<(), conformance::BrokenRules>(()) }).unwrap();
//! ```
//!
//! Several processes that share one place are put through the same rules by wrapping their stores: [`InTurn`] asks
//! several stores in turn, [`FreshEachTime`] makes a new one for every operation.
//!
//! The kit needs no runtime of its own. No secret is among what it stores, but treat the place as a test's: the
//! rules delete everything in it.

mod case;
pub mod delete;
pub mod identity;
pub mod list;
pub mod lookup;
pub mod merge;
mod outcome;
mod rules;
pub mod save;
mod wrappers;

use std::future::Future;

use crate::contract::TokenStore;

pub use outcome::{Broken, BrokenRules};
pub use rules::{RULES, Rule};
pub use wrappers::{FreshEachTime, InTurn};

/// Runs every rule of [`RULES`], each on a new store from `new_empty_store`.
///
/// # Errors
/// All rules that the store breaks.
pub async fn check_all<S, F, Fut>(new_empty_store: F) -> Result<(), BrokenRules>
where
    S: TokenStore,
    F: FnMut() -> Fut + Send,
    Fut: Future<Output = S> + Send,
{
    check(RULES, new_empty_store).await
}

/// Runs the rules given, one after the other, each on a new store from `new_empty_store`.
///
/// A rule's tokens are deleted with [`TokenStore::delete_tokens`] when it has run.
///
/// # Errors
/// All rules that the store breaks.
pub async fn check<'a, S, F, Fut>(
    rules: impl IntoIterator<Item = &'a Rule>,
    mut new_empty_store: F,
) -> Result<(), BrokenRules>
where
    S: TokenStore,
    F: FnMut() -> Fut + Send,
    Fut: Future<Output = S> + Send,
{
    // Collected, so that this future is `Send` whatever the iterator is.
    let rules: Vec<&Rule> = rules.into_iter().collect();
    let mut broken = Vec::new();
    for rule in rules {
        let store = new_empty_store().await;
        match rule.run(&store).await {
            // What a rule leaves behind costs money in some places. That deleting works is a rule of its own.
            Ok(()) => drop(store.delete_tokens().await),
            Err(error) => {
                // A store that was not empty is not the kit's to empty.
                if !error.found_tokens_of_others() {
                    drop(store.delete_tokens().await);
                }
                broken.push(error);
            }
        }
    }
    BrokenRules::unless_none(broken)
}
