//! OAuth tokens that outlive a process.
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::dbg_macro, clippy::print_stdout, clippy::print_stderr, clippy::todo, clippy::unimplemented)]

#[cfg(feature = "conformance")]
pub mod conformance;
mod contract;
#[cfg(feature = "embedded")]
pub mod embedded;
mod memory;
mod secrets_manager;

pub use contract::{
    ErrorKind, LookupKey, LookupPlan, OAuthToken, OAuthTokenBuilder, StoreError, TokenId, TokenResponseError,
    TokenStore, TokenStoreExt,
};
pub use memory::MemoryTokenStore;
pub use secrets_manager::{SecretsManagerTokenStore, SecretsManagerTokenStoreBuilder, ServiceError};

pub use aws_sdk_secretsmanager;
pub use secrecy;
