//! Proof that nothing that goes wrong on the way to Secrets Manager, and nobody who stops waiting, does harm.
//!
//! - `matrix`: each operation in each starting state is run without a fault first; then each fault strikes each of its
//!   requests, once, three times and for good. What comes of it is foretold by a pure function, [`foretold`].
//! - `drops`: each public future is dropped at each of its await points, in front of and behind each of its requests.
//! - `sendable`: each public future can be sent to another thread.
//!
//! Plain `cargo test` runs an even selection of the matrix; `OAUTH_TOKEN_STORE_FAULTS` is how many of its runs to make at
//! most, `all` for all. A failure is printed with its name: `OAUTH_TOKEN_STORE_FAULT` runs only those whose name has that
//! text in it. All jitter is seeded, so that a run is the same each time; `OAUTH_TOKEN_STORE_SEED` is another seed, and
//! selects others.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod action;
mod cases;
mod drops;
mod fault;
mod foretold;
mod matrix;
mod report;
mod sendable;
mod state;
mod step;
mod verdict;
mod world;

#[allow(dead_code, reason = "shared with another test program")]
#[path = "../secrets_manager/caching/scene.rs"]
mod scene;
#[allow(dead_code, unused_imports, unused_macros, reason = "shared with another test program")]
#[path = "../secrets_manager/support.rs"]
mod support;
