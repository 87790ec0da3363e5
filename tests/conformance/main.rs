//! The conformance kit: green on the model store, and red on every store that is broken on purpose.
#![cfg(feature = "conformance")]
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod broken_stores;
mod model;
