//! Quotas: how many requests a second the service takes before it throttles.

use std::time::Duration;

use super::operation::Operation;

/// How much of its rate a bucket saves up. AWS documents rates only.
const BURST: Duration = Duration::from_secs(1);

/// How many requests a second each group of operations is allowed, for
/// [`EmbeddedSecretsManager::enforce_quotas`](super::EmbeddedSecretsManager::enforce_quotas).
///
/// Each group has a token bucket: it holds as many requests as are allowed in a second, is full at first, and is filled
/// evenly. A request that finds it empty is throttled and takes nothing out.
///
/// ```
/// use std::time::Duration;
///
/// use oauth_token_store::embedded::{Operation, Quotas};
///
/// let mut quotas = Quotas::aws();
/// let at_once = (0..100).filter(|_| quotas.admits(Operation::PutSecretValue, Duration::ZERO)).count();
/// assert_eq!(at_once, 50);
/// assert!(quotas.admits(Operation::PutSecretValue, Duration::from_millis(20)));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Quotas {
    buckets: Vec<Bucket>,
}

impl Quotas {
    /// No limits.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// What [AWS's quotas page] allows an account in a Region.
    ///
    /// [AWS's quotas page]: https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html
    #[must_use]
    pub fn aws() -> Self {
        const PUT: [Operation; 3] =
            [Operation::PutSecretValue, Operation::UpdateSecret, Operation::UpdateSecretVersionStage];
        Self::none()
            .limit(&[Operation::GetSecretValue], 10_000)
            .limit(&[Operation::DescribeSecret], 40_000)
            .limit(&[Operation::BatchGetSecretValue], 100)
            .limit(&[Operation::ListSecrets], 100)
            .limit(&PUT, 50)
            .limit(&[Operation::TagResource, Operation::UntagResource], 50)
            .limit(&[Operation::CreateSecret], 50)
            .limit(&[Operation::DeleteSecret], 50)
            .limit(&[Operation::RestoreSecret], 50)
            .limit(&[Operation::ListSecretVersionIds], 50)
    }

    /// Allows these operations so many requests a second together, from a full bucket, instead of what each was allowed
    /// before. Zero allows none.
    #[must_use]
    pub fn limit(mut self, operations: &[Operation], per_second: u32) -> Self {
        for bucket in &mut self.buckets {
            bucket.operations.retain(|operation| !operations.contains(operation));
        }
        self.buckets.retain(|bucket| !bucket.operations.is_empty());
        self.buckets.push(Bucket { operations: operations.to_vec(), per_second, full_at: Duration::ZERO });
        self
    }

    /// How many requests a second this operation is allowed, together with all others of its group; `None` if it is not
    /// limited.
    #[must_use]
    pub fn per_second(&self, operation: Operation) -> Option<u32> {
        self.buckets.iter().find(|bucket| bucket.is_of(operation)).map(|bucket| bucket.per_second)
    }

    /// Whether one more request is allowed at this time, counted from a moment of one's choice; if so, it is taken out of
    /// its bucket. A time before that of the last request counts as that.
    pub fn admits(&mut self, operation: Operation, at: Duration) -> bool {
        self.buckets.iter_mut().find(|bucket| bucket.is_of(operation)).is_none_or(|bucket| bucket.admits(at))
    }
}

/// A token bucket, as the time at which it is full again.
#[derive(Clone, Debug)]
struct Bucket {
    operations: Vec<Operation>,
    per_second: u32,
    full_at: Duration,
}

impl Bucket {
    fn is_of(&self, operation: Operation) -> bool {
        self.operations.contains(&operation)
    }

    fn admits(&mut self, at: Duration) -> bool {
        // Rounded down, so that a second's worth fits into a second.
        let Some(refill) = BURST.checked_div(self.per_second) else {
            return false;
        };
        let full_at = self.full_at.max(at) + refill;
        let is_admitted = full_at <= at + BURST;
        if is_admitted {
            self.full_at = full_at;
        }
        is_admitted
    }
}
