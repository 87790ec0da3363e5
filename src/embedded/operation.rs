//! The operations of Secrets Manager that the backend answers.

use std::fmt;

/// An operation of the Secrets Manager API, by the name that AWS gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Operation {
    /// Reads the value of one secret.
    GetSecretValue,
    /// Reads the values of up to 20 secrets, by their ids or by filters.
    BatchGetSecretValue,
    /// Lists secrets, without their values.
    ListSecrets,
    /// Reads everything of one secret but its value.
    DescribeSecret,
    /// Lists the versions of one secret.
    ListSecretVersionIds,
    /// Creates a secret.
    CreateSecret,
    /// Adds a version to a secret.
    PutSecretValue,
    /// Changes a secret's description or key, or adds a version.
    UpdateSecret,
    /// Moves a staging label between the versions of a secret.
    UpdateSecretVersionStage,
    /// Adds tags to a secret, or overwrites their values.
    TagResource,
    /// Removes tags from a secret.
    UntagResource,
    /// Deletes a secret, at once or after a recovery window.
    DeleteSecret,
    /// Cancels a scheduled deletion.
    RestoreSecret,
}

impl Operation {
    /// Every operation, in the order that [`RequestCounts`](super::RequestCounts) prints them.
    pub(super) const ALL: [Self; 13] = [
        Self::GetSecretValue,
        Self::BatchGetSecretValue,
        Self::ListSecrets,
        Self::DescribeSecret,
        Self::ListSecretVersionIds,
        Self::CreateSecret,
        Self::PutSecretValue,
        Self::UpdateSecret,
        Self::UpdateSecretVersionStage,
        Self::TagResource,
        Self::UntagResource,
        Self::DeleteSecret,
        Self::RestoreSecret,
    ];

    /// The name as it stands in the API reference and in IAM actions, such as `GetSecretValue`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::GetSecretValue => "GetSecretValue",
            Self::BatchGetSecretValue => "BatchGetSecretValue",
            Self::ListSecrets => "ListSecrets",
            Self::DescribeSecret => "DescribeSecret",
            Self::ListSecretVersionIds => "ListSecretVersionIds",
            Self::CreateSecret => "CreateSecret",
            Self::PutSecretValue => "PutSecretValue",
            Self::UpdateSecret => "UpdateSecret",
            Self::UpdateSecretVersionStage => "UpdateSecretVersionStage",
            Self::TagResource => "TagResource",
            Self::UntagResource => "UntagResource",
            Self::DeleteSecret => "DeleteSecret",
            Self::RestoreSecret => "RestoreSecret",
        }
    }

    /// The operation that an `x-amz-target` header names, such as `secretsmanager.GetSecretValue`.
    pub(super) fn from_target(target: &str) -> Option<Self> {
        let name = target.strip_prefix("secretsmanager.")?;
        Self::ALL.into_iter().find(|operation| operation.name() == name)
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
