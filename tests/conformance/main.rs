//! The conformance kit: green on the model store, and red on every store that is broken on purpose.
#![cfg(feature = "conformance")]

mod broken_stores;
mod model;
