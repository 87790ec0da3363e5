//! Lambda on this machine: what drives the built function as the service does, and what stands in for its surroundings.
#![allow(dead_code, unused_imports, reason = "each program that includes this module uses a part of it")]

mod build;
mod environment;
mod log;
mod runtime_api;
mod secrets_manager;
mod service;
mod surroundings;

pub(crate) use build::build_function;
pub(crate) use environment::{Environment, Outcome};
pub(crate) use log::Log;
pub(crate) use runtime_api::Report;
pub(crate) use secrets_manager::serve_secrets_manager;
pub(crate) use service::Lambda;
pub(crate) use surroundings::Surroundings;
