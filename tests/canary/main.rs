//! The canary: what must not come out does not, whatever is done and whatever goes wrong.
//!
//! Every text of a token is a value of its own here, and so is what AWS's messages name people by. All operations run on
//! every way there is, with the log at TRACE, the SDK's own included. Whatever can be seen from outside is then searched
//! for these values, whole or any eight characters of them, in every form of `canaries::FORMS`: the log and its spans,
//! panics, metrics, errors down their chain of sources, `Debug`, and every byte that the service is sent but for `SecretString`,
//! which CloudTrail leaves out too. No value is random, so nothing needs a seed: a failure says what was found, in what
//! form, and where.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod answers;
mod canaries;
#[path = "../captured_log/mod.rs"]
mod captured_log;
mod faults;
mod inputs;
mod kinds;
mod kit;
mod operations;
mod refreshing;
mod reported;
mod script;
mod shown;
mod stage;
mod watch;
