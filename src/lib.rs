//! OAuth tokens that outlive a process.
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "embedded")]
pub mod embedded;

pub use aws_sdk_secretsmanager;
