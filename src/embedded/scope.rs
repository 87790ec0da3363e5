//! Which requests a fault or a gate is for.

use super::operation::Operation;
use super::request::Call;

/// Operations and a part of a secret's name; what is left empty matches everything.
#[derive(Clone)]
pub(super) struct Scope {
    operations: Vec<Operation>,
    secret: Option<String>,
}

impl Scope {
    /// Every request.
    pub(super) const ALL: Self = Self { operations: Vec::new(), secret: None };

    pub(super) fn add_operation(&mut self, operation: Operation) {
        self.operations.push(operation);
    }

    pub(super) fn set_secret(&mut self, substring: String) {
        self.secret = Some(substring);
    }

    pub(super) fn operations(&self) -> &[Operation] {
        &self.operations
    }

    pub(super) fn is_scoped_by_secret(&self) -> bool {
        self.secret.is_some()
    }

    pub(super) fn matches(&self, call: &Call) -> bool {
        self.matches_operation(call.operation) && self.secret.as_ref().is_none_or(|part| call.names(part))
    }

    /// Whether one secret of a batch is meant.
    pub(super) fn matches_entry(&self, secret_id: &str) -> bool {
        self.matches_operation(Operation::BatchGetSecretValue)
            && self.secret.as_ref().is_none_or(|part| secret_id.contains(part))
    }

    fn matches_operation(&self, operation: Operation) -> bool {
        self.operations.is_empty() || self.operations.contains(&operation)
    }
}
