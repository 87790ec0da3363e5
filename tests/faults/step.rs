//! The requests of an operation, and what the operation does if one of them fails.

use oauth_token_store::embedded::Operation;

/// One request that an operation makes where nothing goes wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) operation: Operation,
    pub(crate) role: Role,
    /// Whether it changes what is stored.
    pub(crate) lands: bool,
    /// Whether the fate of a write before it depends on its answer, so that an error keeps the token to save again.
    pub(crate) tells_a_fate: bool,
}

/// What a failure of it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The operation fails.
    Read,
    /// It is sent again until the write deadline; then the operation fails.
    Write,
    /// It is sent again for three seconds; then the operation goes on without.
    Tag,
    /// The operation goes on without.
    Optional,
    /// A passing failure is answered from memory.
    OrStale,
    /// The rest is done, and the failure told in the end; what is throttled is asked again later, five times.
    Bulk,
    /// The same, for what is sent again until the write deadline each time.
    BulkWrite,
}

const fn step(operation: Operation, role: Role, lands: bool) -> Step {
    Step { operation, role, lands, tells_a_fate: false }
}

pub(crate) const GET: Step = step(Operation::GetSecretValue, Role::Read, false);
pub(crate) const LIST: Step = step(Operation::ListSecrets, Role::Read, false);
pub(crate) const DESCRIBE: Step = step(Operation::DescribeSecret, Role::Read, false);
pub(crate) const VERSIONS: Step = step(Operation::ListSecretVersionIds, Role::Read, false);
pub(crate) const CREATE: Step = step(Operation::CreateSecret, Role::Write, true);
pub(crate) const PUT: Step = step(Operation::PutSecretValue, Role::Write, true);
pub(crate) const TAG: Step = step(Operation::TagResource, Role::Tag, false);
pub(crate) const DELETE: Step = step(Operation::DeleteSecret, Role::Write, true);
pub(crate) const PAGE: Step = step(Operation::ListSecrets, Role::Bulk, false);
pub(crate) const BATCH: Step = step(Operation::BatchGetSecretValue, Role::Bulk, false);
pub(crate) const BULK_DELETE: Step = step(Operation::DeleteSecret, Role::BulkWrite, true);

impl Step {
    pub(crate) const fn optional(self) -> Self {
        Self { role: Role::Optional, ..self }
    }

    pub(crate) const fn or_stale(self) -> Self {
        Self { role: Role::OrStale, ..self }
    }

    /// The service refuses it, or there is nothing to be done.
    pub(crate) const fn refused(self) -> Self {
        Self { lands: false, ..self }
    }

    pub(crate) const fn tells_a_fate(self) -> Self {
        Self { tells_a_fate: true, ..self }
    }

    /// Whether the SDK sends it only once.
    pub(crate) const fn is_sent_once(self) -> bool {
        use Operation::{CreateSecret, DeleteSecret, PutSecretValue};
        matches!(self.operation, CreateSecret | PutSecretValue | DeleteSecret)
    }
}
