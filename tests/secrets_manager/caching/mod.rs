//! The store with its cache on.

mod costs;
