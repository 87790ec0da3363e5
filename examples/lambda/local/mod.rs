//! Lambda on this machine: what drives the built function as the service does, and what stands in for its surroundings.
#![allow(dead_code, unused_imports, reason = "each program that includes this module uses a part of it")]

mod environment;
mod runtime_api;
mod secrets_manager;
mod service;

pub(crate) use environment::{Environment, Log, Outcome};
pub(crate) use runtime_api::Report;
pub(crate) use secrets_manager::serve_secrets_manager;
pub(crate) use service::Lambda;
