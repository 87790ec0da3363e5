//! An in-process Secrets Manager for development and tests.
