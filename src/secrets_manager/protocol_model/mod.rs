//! The write protocol as a model, of which every execution is looked at: up to three processes, each save, deletion and
//! find of theirs in every order, with answers that get lost, requests that arrive late, reads that are stale, crashes at
//! every step and hands in the console.
//!
//! | module | what it is |
//! |---|---|
//! | `token` | tokens as small numbers; what merges, hits and makes records is asked of the crate's own functions |
//! | `service` | Secrets Manager, and the flaws that a change can have |
//! | `process`, `rules` | what a process does, request by request, and each rule of the protocol as a switch |
//! | `world` | all of it together, what can happen, and what must hold in every state |
//! | `explorer` | the walk through all states, which ends only if every execution does |
//! | `scenes`, `safety` | what must never happen does not, within these bounds |
//! | `necessity` | without any one of the rules it does |
//! | `limits` | the documented limits exist: what happens where an assumption does not hold |
//!
//! What is assumed: the service carries out one change after the other and takes one content per request token; what was
//! sent arrives before the answer to its repetition or not at all. Search tags are not modelled, but that a search lags.
//!
//! There is no chance in it, and so no seed: the same traces each time. `OAUTH_TOKEN_STORE_PROTOCOL_PROCESSES=3` has three
//! processes where two are the default.

mod explorer;
mod limits;
mod necessity;
mod process;
mod request;
mod rules;
mod safety;
mod scenes;
mod service;
mod token;
mod world;
