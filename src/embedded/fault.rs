//! Faults: answers that the service gives on a bad day, and connections that break.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::error::ServiceError;
use super::operation::Operation;
use super::request::Call;
use super::scope::Scope;

/// What goes wrong with the requests that match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Latency(Duration),
    Throttling,
    ServerError,
    HttpStatus(u16),
    LostAnswer,
    LostAnswerHang,
    Unreachable,
    Hang,
    AccessDenied,
    KmsAccessDenied,
    DecryptionFailure,
    EncryptionFailure,
    LimitExceeded,
    MalformedAnswer,
}

/// Something that goes wrong, for
/// [`EmbeddedSecretsManager::inject`](super::EmbeddedSecretsManager::inject).
///
/// A fault strikes every matching request until it is removed, unless [`times`](Self::times) says otherwise.
/// Each attempt of the SDK is a request of its own: by default a throttled call makes three.
///
/// ```
/// # use std::time::Duration;
/// # use oauth_token_store::embedded::{EmbeddedSecretsManager, Fault, Operation};
/// let backend = EmbeddedSecretsManager::new();
/// // The second PutSecretValue is carried out, but its answer gets lost.
/// backend.inject(Fault::lost_answer().on(Operation::PutSecretValue).skip(1).times(1));
/// ```
#[derive(Clone)]
#[must_use = "a fault does nothing until it is injected"]
pub struct Fault {
    kind: Kind,
    scope: Scope,
    skip: usize,
    times: Option<usize>,
    per_secret: bool,
}

impl Fault {
    const fn new(kind: Kind) -> Self {
        Self { kind, scope: Scope::ALL, skip: 0, times: None, per_secret: false }
    }

    /// The request waits this long, by tokio's clock, before it is carried out or another fault strikes.
    pub const fn latency(latency: Duration) -> Self {
        Self::new(Kind::Latency(latency))
    }

    /// `ThrottlingException`, HTTP status 400: the rate quota is exceeded. Nothing is carried out.
    pub const fn throttling() -> Self {
        Self::new(Kind::Throttling)
    }

    /// `InternalServiceError`, HTTP status 500. Nothing is carried out.
    pub const fn server_error() -> Self {
        Self::new(Kind::ServerError)
    }

    /// An HTTP status with an empty body, as a proxy gives it: 502, 503. Nothing is carried out.
    ///
    /// A number outside of 100–999 is no HTTP status; 500 is answered instead.
    pub const fn http_status(status: u16) -> Self {
        Self::new(Kind::HttpStatus(status))
    }

    /// The request is carried out, then the connection breaks before the answer arrives.
    pub const fn lost_answer() -> Self {
        Self::new(Kind::LostAnswer)
    }

    /// The request is carried out, and the answer never arrives.
    pub const fn lost_answer_hang() -> Self {
        Self::new(Kind::LostAnswerHang)
    }

    /// No connection is made. Nothing is carried out.
    pub const fn unreachable() -> Self {
        Self::new(Kind::Unreachable)
    }

    /// The request is never answered. Nothing is carried out.
    pub const fn hang() -> Self {
        Self::new(Kind::Hang)
    }

    /// `AccessDeniedException` because no IAM policy allows the action; as on AWS, the message names the role
    /// session, which is often a person's e-mail address. Nothing is carried out.
    pub const fn access_denied() -> Self {
        Self::new(Kind::AccessDenied)
    }

    /// `AccessDeniedException` because the caller may not use the KMS key. Nothing is carried out.
    pub const fn kms_access_denied() -> Self {
        Self::new(Kind::KmsAccessDenied)
    }

    /// `DecryptionFailure`: the KMS key can't decrypt the value. Nothing is carried out.
    pub const fn decryption_failure() -> Self {
        Self::new(Kind::DecryptionFailure)
    }

    /// `EncryptionFailure`: the KMS key is disabled or unavailable. Nothing is carried out.
    pub const fn encryption_failure() -> Self {
        Self::new(Kind::EncryptionFailure)
    }

    /// `LimitExceededException`: a quota other than the rate is used up. Nothing is carried out.
    pub const fn limit_exceeded() -> Self {
        Self::new(Kind::LimitExceeded)
    }

    /// The request is carried out, and the answer, status 200, lacks its last byte: JSON that doesn't parse and
    /// has everything in it, the secret value of a read included.
    pub const fn malformed_answer() -> Self {
        Self::new(Kind::MalformedAnswer)
    }

    /// Only requests for this operation; called repeatedly, for any of these operations.
    pub fn on(mut self, operation: Operation) -> Self {
        self.scope.add_operation(operation);
        self
    }

    /// Only requests that name a secret, by name or ARN, that contains `substring`; of a batch, any of its ids.
    ///
    /// Requests that name no secret, such as ListSecrets and a batch by filters, then never match.
    pub fn on_secret(mut self, substring: impl Into<String>) -> Self {
        self.scope.set_secret(substring.into());
        self
    }

    /// Lets `requests` matching requests pass first.
    pub const fn skip(mut self, requests: usize) -> Self {
        self.skip = requests;
        self
    }

    /// Strikes `requests` matching requests, then no more.
    pub const fn times(mut self, requests: usize) -> Self {
        self.times = Some(requests);
        self
    }

    /// In a BatchGetSecretValue, strikes the single secrets that match, by ids as well as by filters, and not the
    /// request: they stand among the answer's `Errors`, as on AWS what fails for one secret of a batch.
    ///
    /// [`skip`](Self::skip) and [`times`](Self::times) then count secrets. Only for faults that are an error of
    /// the service: those of the connection and [`latency`](Self::latency) strike no part of a request.
    pub const fn per_secret(mut self) -> Self {
        self.per_secret = true;
        self
    }
}

/// Without the substring of the name.
impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fault")
            .field("kind", &self.kind)
            .field("operations", &self.scope.operations())
            .field("scoped_by_secret", &self.scope.is_scoped_by_secret())
            .field("skip", &self.skip)
            .field("times", &self.times)
            .field("per_secret", &self.per_secret)
            .finish()
    }
}

/// An injected fault, to be removed by
/// [`EmbeddedSecretsManager::remove_fault`](super::EmbeddedSecretsManager::remove_fault).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FaultId(u64);

/// What becomes of one request.
pub(super) enum Outcome {
    /// It is carried out and answered.
    Answer,
    /// It is refused with an error.
    Refuse(ServiceError),
    /// It is refused with a status and no body.
    Status(u16),
    /// It is carried out; the connection breaks.
    LoseAnswer,
    /// It is carried out; the answer never comes.
    LoseAnswerSilently,
    /// It never gets there.
    Unreachable,
    /// It is never answered.
    Hang,
    /// It is carried out; the answer lacks its end.
    Malform,
}

/// The faults that are injected now.
#[derive(Default)]
pub(super) struct Faults(Mutex<Injected>);

#[derive(Default)]
struct Injected {
    last_id: u64,
    faults: Vec<(FaultId, Fault)>,
}

impl Faults {
    pub(super) fn inject(&self, fault: Fault) -> FaultId {
        let mut injected = self.lock();
        injected.last_id += 1;
        let id = FaultId(injected.last_id);
        injected.faults.push((id, fault));
        id
    }

    pub(super) fn remove(&self, id: FaultId) -> bool {
        let mut injected = self.lock();
        let before = injected.faults.len();
        injected.faults.retain(|(other, _)| *other != id);
        injected.faults.len() < before
    }

    pub(super) fn clear(&self) {
        self.lock().faults.clear();
    }

    /// What the faults make of a request, in the order of their injection: latencies add up, the first other
    /// one decides. One that doesn't get its turn isn't used up.
    pub(super) fn decide(&self, call: &Call) -> (Duration, Outcome) {
        let mut latency = Duration::ZERO;
        let outcome = self.first(
            |fault| {
                let batch = call.operation == Operation::BatchGetSecretValue;
                !(fault.per_secret && batch) && fault.scope.matches(call)
            },
            |fault| match fault.kind {
                Kind::Latency(more) => {
                    latency = latency.saturating_add(more);
                    None
                }
                kind => Some(outcome(kind, call)),
            },
        );
        (latency, outcome.unwrap_or(Outcome::Answer))
    }

    /// The error for one secret of a batch.
    pub(super) fn decide_entry(&self, call: &Call, secret_id: &str) -> Option<ServiceError> {
        self.first(
            |fault| fault.per_secret && fault.scope.matches_entry(secret_id),
            |fault| match outcome(fault.kind, call) {
                Outcome::Refuse(error) => Some(error),
                _ => None,
            },
        )
    }

    /// Applies the matching faults in order until one comes to something, using them up.
    fn first<T>(
        &self,
        matches: impl Fn(&Fault) -> bool,
        mut apply: impl FnMut(&Fault) -> Option<T>,
    ) -> Option<T> {
        let mut injected = self.lock();
        let mut result = None;
        for (_, fault) in &mut injected.faults {
            if !matches(fault) || fault.times == Some(0) {
                continue;
            }
            if fault.skip > 0 {
                fault.skip -= 1;
                continue;
            }
            result = apply(fault);
            if let Some(times) = &mut fault.times {
                *times -= 1;
            }
            if result.is_some() {
                break;
            }
        }
        injected.faults.retain(|(_, fault)| fault.times != Some(0));
        result
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Injected> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn outcome(kind: Kind, call: &Call) -> Outcome {
    let error = match kind {
        Kind::Latency(_) => return Outcome::Answer,
        Kind::HttpStatus(status) => return Outcome::Status(status),
        Kind::LostAnswer => return Outcome::LoseAnswer,
        Kind::LostAnswerHang => return Outcome::LoseAnswerSilently,
        Kind::Unreachable => return Outcome::Unreachable,
        Kind::Hang => return Outcome::Hang,
        Kind::MalformedAnswer => return Outcome::Malform,
        Kind::Throttling => ServiceError::throttling(),
        Kind::ServerError => {
            ServiceError::new("InternalServiceError", "An error occurred on the server side.")
                .with_status(500)
        }
        Kind::AccessDenied => access_denied(call),
        Kind::KmsAccessDenied => ServiceError::new("AccessDeniedException", "Access to KMS is not allowed"),
        Kind::DecryptionFailure => ServiceError::new(
            "DecryptionFailure",
            "Secrets Manager can't decrypt the protected secret text using the provided KMS key.",
        ),
        Kind::EncryptionFailure => ServiceError::new(
            "EncryptionFailure",
            "Secrets Manager can't encrypt the protected secret text using the provided KMS key. Check that the KMS key is available, enabled, and not in an invalid state.",
        ),
        Kind::LimitExceeded => ServiceError::limit_exceeded(
            "The request failed because it would exceed one of the Secrets Manager quotas.",
        ),
    };
    Outcome::Refuse(error)
}

fn access_denied(call: &Call) -> ServiceError {
    let (operation, resource) = (call.operation, call.resource());
    ServiceError::new(
        "AccessDeniedException",
        format!(
            "User: arn:aws:sts::123456789012:assumed-role/app/jane@example.com is not authorized to perform: secretsmanager:{operation} on resource: {resource} because no identity-based policy allows the secretsmanager:{operation} action"
        ),
    )
}
