//! Tokens as JSON secrets in AWS Secrets Manager, written by compare-and-swap.
//!
//! | module | one idea |
//! |---|---|
//! | `store`, `builder`, `environment` | the public store and how it is set up |
//! | `prefix`, `tags`, `value` | the storage layout, schema 1: pure functions |
//! | `storage`, `answer` | what all parts share, the cache among it; from an answer of the service to a record |
//! | `lookup` | from a [`LookupPlan`](crate::LookupPlan) to the record it means |
//! | `compare_and_swap`, `write` | the write protocol; nothing else writes a value |
//! | `delete`, `listing`, `recent_writes`, `pace` | deletion and bulk work |
//! | `refreshing` | what a [refresh](SecretsManagerTokenStore::refresh_with) needs of the store |
//! | `service`, `service_error` | the edge: one function a request, one error type |

mod answer;
mod builder;
mod compare_and_swap;
mod delete;
mod environment;
#[cfg(fuzzing)]
pub mod fuzzing;
mod listing;
mod lookup;
mod pace;
mod prefix;
#[cfg(test)]
mod protocol_model;
mod recent_writes;
mod refreshing;
mod service;
mod service_error;
mod storage;
mod store;
mod tags;
mod value;
mod write;

pub use builder::SecretsManagerTokenStoreBuilder;
pub use service_error::ServiceError;
pub use store::SecretsManagerTokenStore;
