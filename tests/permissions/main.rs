//! Proof that the policies of `examples/iam` allow what each role needs and nothing else, and that what one lacks is named.
//!
//! The operations are those of the fault tests: each in every state that changes its way. Each is run on the embedded
//! backend with the real SDK client, whose connection notes what IAM and KMS are asked for (`access`), and refuses what a
//! policy doesn't allow (`guard`). Policies are evaluated by `policy`.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod access;
mod guard;
mod missing;
mod policies;
mod policy;
mod role;
mod run;
mod table;

#[allow(dead_code, reason = "shared with another test program")]
#[path = "../faults/action.rs"]
mod action;
#[path = "../captured_log/mod.rs"]
mod captured_log;
#[allow(dead_code, reason = "shared with another test program")]
#[path = "../faults/cases.rs"]
mod cases;
#[allow(dead_code, reason = "shared with another test program")]
#[path = "../secrets_manager/caching/scene.rs"]
mod scene;
#[allow(dead_code, reason = "shared with another test program")]
#[path = "../faults/state.rs"]
mod state;
#[allow(dead_code, reason = "shared with another test program")]
#[path = "../faults/step.rs"]
mod step;
#[allow(dead_code, unused_imports, unused_macros, reason = "shared with another test program")]
#[path = "../secrets_manager/support.rs"]
mod support;
#[allow(dead_code, reason = "shared with another test program")]
#[path = "../faults/verdict.rs"]
mod verdict;
#[allow(dead_code, reason = "shared with another test program")]
#[path = "../faults/world.rs"]
mod world;
