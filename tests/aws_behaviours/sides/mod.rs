//! Who is asked to show a behaviour.

pub(crate) mod aws;
pub(crate) mod embedded;
pub(crate) mod localstack;
