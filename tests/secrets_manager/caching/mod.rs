//! The store with its cache on.

mod bounds;
mod coherence;
mod costs;
mod freshness;
mod never_back;
mod outages;
mod scene;
mod single_flight;
mod stats;
