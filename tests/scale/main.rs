//! The simulation of `examples/scale` says what real stores do: the same people ask for the same tokens at the same times
//! in both, and both send the same requests to Secrets Manager, up to a few in a hundred that come of random pauses and
//! times to live. What can be said without a simulation, it says too.
//!
//! `OAUTH_TOKEN_STORE_SCALE_SEEDS` is how many seeds each comparison goes through (1), and
//! `OAUTH_TOKEN_STORE_SCALE_SEED` the first of them (1); a failure names its seed.

#[path = "../../examples/scale/arrivals.rs"]
mod arrivals;
#[path = "../secrets_manager/dice.rs"]
mod dice;
#[path = "../example_programs/mod.rs"]
mod example_programs;
#[path = "../../examples/scale/formula.rs"]
mod formula;
#[path = "../../examples/scale/memory.rs"]
mod memory;
#[path = "../../examples/scale/report.rs"]
mod report;
#[path = "../../examples/scale/scenario.rs"]
mod scenario;
#[path = "../../examples/scale/service.rs"]
mod service;
#[path = "../../examples/scale/simulation.rs"]
mod simulation;

mod formulas;
mod program;
mod real;
mod same_requests;
