//! What goes wrong: every fault that the embedded backend can make, a request that is malformed, and how often.

use std::time::Duration;

use oauth_token_store::ErrorKind;
use oauth_token_store::embedded::{EmbeddedSecretsManager, Fault, Operation};

use crate::world::{ClientKind, Spoiling, Wire};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Seconds.
    Latency(u64),
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
    /// The service refuses the request as malformed.
    Validation,
    /// One secret of a batch is refused.
    OneOfABatch(&'static Self),
}

impl Kind {
    pub(crate) const ALL: [Self; 26] = [
        // Below what an attempt may take; above it; above what a call may take.
        Self::Latency(2),
        Self::Latency(4),
        Self::Latency(10),
        Self::Throttling,
        Self::ServerError,
        Self::HttpStatus(400),
        Self::HttpStatus(408),
        Self::HttpStatus(429),
        Self::HttpStatus(502),
        Self::HttpStatus(503),
        Self::LostAnswer,
        Self::LostAnswerHang,
        Self::Unreachable,
        Self::Hang,
        Self::AccessDenied,
        Self::KmsAccessDenied,
        Self::DecryptionFailure,
        Self::EncryptionFailure,
        Self::LimitExceeded,
        Self::MalformedAnswer,
        Self::Validation,
        Self::OneOfABatch(&Self::Throttling),
        Self::OneOfABatch(&Self::ServerError),
        Self::OneOfABatch(&Self::AccessDenied),
        Self::OneOfABatch(&Self::KmsAccessDenied),
        Self::OneOfABatch(&Self::DecryptionFailure),
    ];

    /// Whether it can strike this operation.
    pub(crate) fn concerns(self, operation: Operation) -> bool {
        !matches!(self, Self::OneOfABatch(_)) || operation == Operation::BatchGetSecretValue
    }

    /// The backend's fault; `None` for what is done to the request instead.
    pub(crate) fn fault(self) -> Option<Fault> {
        Some(match self {
            Self::Latency(seconds) => Fault::latency(Duration::from_secs(seconds)),
            Self::Throttling => Fault::throttling(),
            Self::ServerError => Fault::server_error(),
            Self::HttpStatus(status) => Fault::http_status(status),
            Self::LostAnswer => Fault::lost_answer(),
            Self::LostAnswerHang => Fault::lost_answer_hang(),
            Self::Unreachable => Fault::unreachable(),
            Self::Hang => Fault::hang(),
            Self::AccessDenied => Fault::access_denied(),
            Self::KmsAccessDenied => Fault::kms_access_denied(),
            Self::DecryptionFailure => Fault::decryption_failure(),
            Self::EncryptionFailure => Fault::encryption_failure(),
            Self::LimitExceeded => Fault::limit_exceeded(),
            Self::MalformedAnswer => Fault::malformed_answer(),
            Self::Validation => return None,
            Self::OneOfABatch(of) => return of.fault().map(|fault| fault.per_secret()),
        })
    }

    /// What one attempt at a request comes to.
    pub(crate) fn effect(self, client: ClientKind) -> Effect {
        let error = |kind, is_repeated| Effect::Error { kind, is_repeated, takes: Duration::ZERO };
        let nothing_comes = Effect::Error {
            kind: ErrorKind::TimedOut,
            // Only an attempt that has a timeout of its own leaves time for another one.
            is_repeated: client == ClientKind::Own,
            takes: longest_attempt(client),
        };
        match self {
            Self::Latency(seconds) => {
                let latency = Duration::from_secs(seconds);
                if latency < longest_attempt(client) { Effect::Slow(latency) } else { nothing_comes }
            }
            Self::Hang | Self::LostAnswerHang => nothing_comes,
            Self::Throttling => error(ErrorKind::Throttled, true),
            Self::HttpStatus(429) => error(ErrorKind::Throttled, false),
            Self::HttpStatus(408) => error(ErrorKind::TimedOut, false),
            Self::ServerError | Self::HttpStatus(500..=599) | Self::LostAnswer | Self::Unreachable => {
                error(ErrorKind::Unavailable, true)
            }
            Self::MalformedAnswer => error(ErrorKind::Unavailable, false),
            Self::HttpStatus(_) | Self::Validation => error(ErrorKind::Unexpected, false),
            Self::AccessDenied | Self::KmsAccessDenied => error(ErrorKind::AccessDenied, false),
            Self::DecryptionFailure | Self::EncryptionFailure => error(ErrorKind::Kms, false),
            // The SDK takes it for throttling.
            Self::LimitExceeded => error(ErrorKind::QuotaExceeded, true),
            Self::OneOfABatch(of) => of.effect(client),
        }
    }

    /// Whether the request is carried out although no answer says so.
    pub(crate) fn carries_out(self) -> bool {
        matches!(self, Self::LostAnswer | Self::LostAnswerHang | Self::MalformedAnswer)
    }

    /// The code of the service's error, if it gives one.
    pub(crate) fn code(self) -> Option<&'static [&'static str]> {
        Some(match self {
            Self::Throttling => &["ThrottlingException"],
            Self::ServerError => &["InternalServiceError"],
            Self::AccessDenied | Self::KmsAccessDenied => &["AccessDeniedException"],
            Self::DecryptionFailure => &["DecryptionFailure"],
            Self::EncryptionFailure => &["EncryptionFailure"],
            Self::LimitExceeded => &["LimitExceededException"],
            Self::Validation => &["ValidationException", "InvalidParameterException"],
            Self::OneOfABatch(of) => return of.code(),
            _ => return None,
        })
    }

    /// The HTTP status, if there is an answer.
    pub(crate) fn http_status(self) -> Option<u16> {
        match self {
            Self::HttpStatus(status) => Some(status),
            Self::ServerError => Some(500),
            Self::MalformedAnswer => Some(200),
            Self::Latency(_)
            | Self::LostAnswer
            | Self::LostAnswerHang
            | Self::Unreachable
            | Self::Hang
            | Self::OneOfABatch(_) => None,
            _ => Some(400),
        }
    }
}

/// What one attempt at a request comes to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Effect {
    /// It is answered, later.
    Slow(Duration),
    Error {
        kind: ErrorKind,
        /// Whether the SDK repeats it by itself.
        is_repeated: bool,
        takes: Duration,
    },
}

/// How long the store waits for an answer.
fn longest_attempt(client: ClientKind) -> Duration {
    match client {
        ClientKind::Own => Duration::from_secs(3),
        ClientKind::Brought => Duration::from_secs(9),
    }
}

/// How often it goes wrong, from a request on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Frequency {
    Once,
    /// As often as the SDK tries by itself.
    Thrice,
    /// With every request for the same operation.
    ForGoodOnThis,
    /// With every request.
    ForGood,
}

impl Frequency {
    pub(crate) const ALL: [Self; 4] = [Self::Once, Self::Thrice, Self::ForGoodOnThis, Self::ForGood];

    pub(crate) fn times(self) -> Option<usize> {
        match self {
            Self::Once => Some(1),
            Self::Thrice => Some(3),
            Self::ForGoodOnThis | Self::ForGood => None,
        }
    }
}

/// Lets this go wrong from the request at `position` among those to come.
pub(crate) fn inject(
    backend: &EmbeddedSecretsManager,
    wire: &Wire,
    (kind, frequency): (Kind, Frequency),
    requests: &[Operation],
    position: usize,
) {
    let operation = requests[position];
    let only = (frequency == Frequency::ForGoodOnThis).then_some(operation);
    let skip = match only {
        Some(only) => requests[..position].iter().filter(|operation| **operation == only).count(),
        None => position,
    };
    let times = frequency.times();
    let Some(fault) = kind.fault() else {
        return wire.spoil(Spoiling { skip, times, only });
    };
    let is_of_one = matches!(kind, Kind::OneOfABatch(_));
    // What strikes single secrets counts secrets: it strikes from the first one on.
    let mut fault = if is_of_one { fault } else { fault.skip(skip) };
    if let Some(times) = times {
        fault = fault.times(times);
    }
    if let Some(only) = only.or(is_of_one.then_some(operation)) {
        fault = fault.on(only);
    }
    backend.inject(fault);
}

/// Each constructor of the backend's faults is in the list of those that strike.
#[test]
fn no_fault_of_the_backend_is_left_out() {
    let source = include_str!("../../src/embedded/fault.rs");
    let constructors = source.lines().filter_map(|line| {
        let (name, arguments) = line.trim().strip_prefix("pub const fn ")?.split_once('(')?;
        (!arguments.contains("self")).then(|| name.replace('_', ""))
    });
    let constructors = Vec::from_iter(constructors);
    assert!(constructors.len() >= 14, "{constructors:?}");
    let struck = Vec::from_iter(Kind::ALL.iter().map(|kind| format!("{kind:?}").to_lowercase()));
    for constructor in constructors {
        assert!(struck.iter().any(|kind| kind.starts_with(&constructor)), "no {constructor} in {struck:?}");
    }
}
