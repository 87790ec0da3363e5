//! OAuth tokens that outlive a process, for services that call an API on behalf of many users.
//!
//! [`SecretsManagerTokenStore`] keeps each token as one JSON secret in AWS Secrets Manager. Any number of processes may
//! work on the same tokens: saves are compare-and-swap and merge what others have changed, and a token that was found
//! before it was deleted is not brought back. Finds are answered from a cache that is never behind this process's own
//! changes, and a token about to expire is [refreshed once](SecretsManagerTokenStore::refresh_with), however many ask this
//! process for it. [`MemoryTokenStore`] follows the same contract in memory, for unit tests of applications.
//!
//! ```
//! use oauth_token_store::{MemoryTokenStore, OAuthToken, TokenStore, TokenStoreExt};
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let store = MemoryTokenStore::new();
//!
//! // After a login: keep what the OAuth server answered.
//! let response = r#"{"access_token": "at", "refresh_token": "rt", "expires_in": 3600}"#;
//! let login = OAuthToken::builder().user_name("bob").token_response(response)?.build()?;
//! store.save_token(&login).await?;
//!
//! // Later: use it, and save what a refresh changed.
//! let token = store.find_by_user("bob").await?.ok_or("bob has to log in")?;
//! let response = r#"{"access_token": "at-2", "expires_in": 3600}"#;
//! store.save_token(&token.to_builder().token_response(response)?.build()?).await?;
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```
//!
//! # Where to look
//!
//! - The contract: [`OAuthToken`], [`LookupPlan`] (which stored token a partial one stands for), [`TokenStore`] (the six
//!   operations), [`StoreError`] and [`ErrorKind`].
//! - The store: [`SecretsManagerTokenStore`], with its costs and limits, and [its builder](SecretsManagerTokenStoreBuilder);
//!   what it counts is [`StoreStats`].
//! - From a first deployment to an outage: the [`guide`].
//! - For tokens of Zoho's: [`zoho`], which server refreshes which token.
#![cfg_attr(feature = "embedded", doc = "- For development and tests: [`embedded::EmbeddedSecretsManager`].")]
#![cfg_attr(
    feature = "metrics",
    doc = "- For dashboards: what [`SecretsManagerTokenStore::record_metrics`] reports, and how."
)]
#![cfg_attr(feature = "conformance", doc = "- For stores of your own: [`conformance`].")]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::dbg_macro, clippy::print_stdout, clippy::print_stderr, clippy::todo, clippy::unimplemented)]

mod cache;
#[cfg(feature = "conformance")]
pub mod conformance;
mod contract;
#[cfg(feature = "embedded")]
pub mod embedded;
mod flights;
pub mod guide;
mod memory;
mod meter;
mod record;
mod refresh;
mod secrets_manager;
pub mod zoho;

pub use cache::{Clock, StoreStats};
pub use contract::{
    ErrorKind, LookupKey, LookupPlan, OAuthToken, OAuthTokenBuilder, StoreError, TokenId, TokenResponseError,
    TokenStore, TokenStoreExt,
};
pub use memory::MemoryTokenStore;
pub use refresh::RefreshError;
pub use secrets_manager::{SecretsManagerTokenStore, SecretsManagerTokenStoreBuilder, ServiceError};

#[cfg(fuzzing)]
#[doc(hidden)]
pub use secrets_manager::fuzzing;

pub use aws_sdk_secretsmanager;
pub use secrecy;

/// Compiles the snippets of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
